use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn variants(weights: &[u16], holdout_permille: u16) -> Variants {
    let arms = weights
        .iter()
        .enumerate()
        .map(|(index, weight)| Arm::new(&format!("arm {index}"), *weight));
    let variants = Variants {
        arms: arms.collect(),
        holdout_permille,
    };
    variants.validate().unwrap();
    variants
}

fn contact(number: u128) -> ContactId {
    ContactId(Uuid::from_u128(
        0x0189_0a5d_ac96_774b_bcce_b302_0000_0000 + number,
    ))
}

/// Pearson's statistic of a table of counts against independence of its rows and columns.
fn chi_square(table: &[Vec<f64>]) -> f64 {
    let rows: Vec<f64> = table.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..table[0].len())
        .map(|column| table.iter().map(|row| row[column]).sum())
        .collect();
    let total: f64 = rows.iter().sum();
    let cells = table.iter().zip(&rows).flat_map(|(row, of_row)| {
        row.iter().zip(&columns).map(move |(seen, of_column)| {
            let expected = of_row * of_column / total;
            (seen - expected).powi(2) / expected
        })
    });
    cells.sum()
}

#[test]
fn the_answer_is_the_same_for_ever() {
    // Worked out by another program. They may never change: contacts would move between arms of running campaigns.
    let salt = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
    let split = variants(&[1, 2, 3], 200);
    let seen: Vec<Assignment> = (0..12)
        .map(|number| split.assign(salt.as_bytes(), contact(number)))
        .collect();
    let (holdout, arm) = (Assignment::Holdout, Assignment::Arm);
    let expected = [
        arm(2),
        arm(2),
        arm(1),
        holdout,
        arm(2),
        arm(1),
        arm(0),
        arm(2),
        arm(2),
        arm(2),
        holdout,
        arm(1),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        (split.name(seen[3]), split.name(seen[6])),
        ("holdout", "arm 0")
    );
}

#[test]
fn shares_are_those_of_the_weights() {
    let split = variants(&[500, 300, 199, 1], 100);
    let people = 50_000_u32;
    let mut counts = [0_u32; 5];
    for number in 0..people {
        match split.assign(b"shares", contact(u128::from(number))) {
            Assignment::Holdout => counts[4] += 1,
            Assignment::Arm(index) => counts[index] += 1,
        }
    }
    for (count, share) in counts.into_iter().zip([0.45, 0.27, 0.1791, 0.0009, 0.1]) {
        let expected = f64::from(people) * share;
        let away = (f64::from(count) - expected) / (expected * (1.0 - share)).sqrt();
        assert!(away.abs() < 4.0, "{count} instead of {expected}");
    }
}

#[test]
fn the_holdout_is_what_was_asked_for_to_one_in_a_thousand() {
    let held = |permille: u16| {
        let split = variants(&[1], permille);
        let assigned = (0..30_000).map(|number| split.assign(b"holdout", contact(number)));
        assigned
            .filter(|assigned| *assigned == Assignment::Holdout)
            .count()
    };
    assert_eq!(held(0), 0);
    for (permille, expected) in [(1, 30.0), (999, 29_970.0)] {
        let away = (held(permille) as f64 - expected) / 30_f64.sqrt();
        assert!(away.abs() < 4.0, "{away}");
    }
}

#[test]
fn one_campaign_says_nothing_about_another() {
    let split = variants(&[1, 1, 1], 250);
    let cell = |assignment| match assignment {
        Assignment::Holdout => 3,
        Assignment::Arm(index) => index,
    };
    for (one, other) in [
        (b"campaign 1", b"campaign 2"),
        (b"campaign 3", b"campaign 4"),
    ] {
        let mut table = vec![vec![0.0; 4]; 4];
        for number in 0..20_000 {
            let person = contact(number);
            table[cell(split.assign(one, person))][cell(split.assign(other, person))] += 1.0;
        }
        // Nine degrees of freedom: 27.9 is exceeded once in a thousand times.
        assert!(chi_square(&table) < 27.9, "{}", chi_square(&table));
        // The test would see it: the same campaign depends on itself.
        let mut same = vec![vec![0.0; 4]; 4];
        for number in 0..4_000 {
            let cell = cell(split.assign(one, contact(number)));
            same[cell][cell] += 1.0;
        }
        assert!(chi_square(&same) > 1_000.0);
    }
}

#[test]
fn bad_variants_are_refused() {
    let arms = |names: &[&str]| Variants {
        arms: names.iter().map(|name| Arm::new(name, 1)).collect(),
        holdout_permille: 0,
    };
    let letters: Vec<String> = ('a'..='z').map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    assert!(arms(&letters).validate().is_ok());
    assert!(arms(&[letters, vec!["27"]].concat()).validate().is_err());
    let (twenty, more) = ("я".repeat(20), "я".repeat(21));
    assert!(arms(&[twenty.as_str()]).validate().is_ok());
    for names in [
        &[][..],
        &[""],
        &[" a"],
        &["a\n"],
        &["a", "a"],
        &["Я", "я"],
        &["holdout"],
        &["Holdout"],
        &[more.as_str()],
    ] {
        assert!(arms(names).validate().is_err(), "{names:?}");
    }
    for (weight, holdout, good) in [
        (0, 0, false),
        (1, 0, true),
        (1_000, 999, true),
        (1_001, 0, false),
        (1, 1_000, false),
    ] {
        let split = Variants {
            arms: vec![Arm::new("a", weight)],
            holdout_permille: holdout,
        };
        assert_eq!(split.validate().is_ok(), good, "{weight} {holdout}");
    }
    for json in [
        r#"{"arms":[{"name":"a"}]}"#,
        r#"{"arms":[{"name":"a","weight":1,"share":2}]}"#,
        r#"{"arms":[],"salt":1}"#,
    ] {
        assert!(serde_json::from_str::<Variants>(json).is_err(), "{json}");
    }
    // What was never validated panics nowhere.
    assert_eq!(arms(&[]).assign(b"x", contact(1)), Assignment::Holdout);
}

proptest! {
    #[test]
    fn a_larger_holdout_takes_from_the_arms_and_moves_nobody_else(
        salt in prop::collection::vec(any::<u8>(), 0..20),
        number: u128,
        weights in prop::collection::vec(1_u16..=1_000, 1..=26),
        holdout in 0_u16..999,
    ) {
        let person = ContactId(Uuid::from_u128(number));
        let before = variants(&weights, holdout).assign(&salt, person);
        let after = variants(&weights, holdout + 1).assign(&salt, person);
        prop_assert!(after == before || after == Assignment::Holdout);
        prop_assert_eq!(before, variants(&weights, holdout).assign(&salt, person));
    }

    #[test]
    fn bits_become_numbers_below_a_limit_evenly(bits: u64, limit in 1_u64..30_000) {
        let number = below(bits, limit);
        prop_assert!(number < limit);
        // The part of all bits that gives this number begins where it should.
        prop_assert!(u128::from(number) << 64 <= u128::from(bits) * u128::from(limit));
        prop_assert!(u128::from(bits) * u128::from(limit) < u128::from(number + 1) << 64);
    }
}
