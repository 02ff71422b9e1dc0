use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn sampling(tolerated_permille: u16, risk_permille: u16) -> Sampling {
    Sampling {
        tolerated_permille,
        risk_permille,
    }
}

fn ids(count: u128) -> Vec<MessageId> {
    let id = |number| {
        MessageId(Uuid::from_u128(
            0x0189_0a5d_ac96_774b_bcce_b302_0000_0000 + number,
        ))
    };
    (0..count).map(id).collect()
}

/// Ways to choose `few` of `many`, exactly.
fn ways(many: u32, few: u32) -> u128 {
    if few > many {
        return 0;
    }
    (0..u128::from(few)).fold(1, |ways, taken| {
        ways * (u128::from(many) - taken) / (taken + 1)
    })
}

#[test]
fn sizes_are_the_smallest_that_are_enough_to_the_last_message() {
    // In whole numbers, by counting samples: no rounding anywhere.
    for batch in 1..=60 {
        for tolerated in [0, 10, 50, 100, 333, 500, 999] {
            for risk in [1, 50, 100, 500] {
                let defects = (batch * u32::from(tolerated) / 1_000 + 1).min(batch);
                let enough = |size: u32| {
                    let (good, all) = (ways(batch - defects, size), ways(batch, size));
                    good * 1_000 <= all * u128::from(risk)
                };
                let expected = (1..=batch).find(|size| enough(*size)).unwrap();
                let found = sampling(tolerated, risk).size(batch).unwrap();
                assert_eq!(found, expected, "{batch} {tolerated} {risk}");
            }
        }
    }
}

#[test]
fn large_batches_have_known_sizes() {
    // Without a tolerated defect one reads 95 % of the batch; for very large batches it is 59 and 299, the numbers
    // of the binomial distribution with 5 and 1 per cent (0.95^59 = 0.0485, 0.99^299 = 0.0495). All
    // were worked out in whole numbers by another program.
    for (batch, tolerated, risk, expected) in [
        (BATCH, 0, 50, 9_500_000),
        (BATCH, 50, 50, 59),
        (BATCH, 10, 50, 299),
        (BATCH, 1, 50, 2_994),
        (BATCH, 999, 500, 1),
        (1, 0, 50, 1),
    ] {
        assert_eq!(
            sampling(tolerated, risk).size(batch).unwrap(),
            expected,
            "{batch} {tolerated}"
        );
    }
}

#[test]
fn the_sample_is_the_same_for_ever_and_does_not_ask_for_the_order() {
    let manifest = Digest::of(b"manifest");
    let all = ids(100);
    let numbers = |sample: &[MessageId]| -> Vec<usize> {
        sample
            .iter()
            .map(|id| all.iter().position(|other| other == id).unwrap())
            .collect()
    };
    // Worked out by another program.
    let sample = choose(b"seed", &manifest, all.iter().copied(), 5);
    assert_eq!(numbers(&sample), [90, 79, 30, 23, 50]);
    let backwards = choose(b"seed", &manifest, all.iter().rev().chain(&all).copied(), 5);
    assert_eq!(backwards, sample);
    assert_ne!(choose(b"other", &manifest, all.iter().copied(), 5), sample);
    assert_ne!(
        choose(b"seed", &Digest::of(b"other"), all.iter().copied(), 5),
        sample
    );
    assert_eq!(choose(b"seed", &manifest, ids(3), 5).len(), 3);
    assert_eq!(choose(b"seed", &manifest, ids(3), 0), []);
}

#[test]
fn every_message_is_as_likely_as_any_other() {
    let (messages, size, draws) = (20_u32, 4_u32, 8_000_u32);
    let manifest = Digest::of(b"even");
    let all = ids(u128::from(messages));
    let mut counts = vec![0_u32; all.len()];
    let mut pairs = 0_u32;
    for seed in 0..draws {
        let sample = choose(&seed.to_be_bytes(), &manifest, all.iter().copied(), size);
        for id in &sample {
            counts[all.iter().position(|other| other == id).unwrap()] += 1;
        }
        pairs += u32::from(sample.contains(&all[0]) && sample.contains(&all[1]));
    }
    let close = |count: u32, share: f64| {
        let expected = f64::from(draws) * share;
        (f64::from(count) - expected).abs() < 4.0 * (expected * (1.0 - share)).sqrt()
    };
    assert!(counts.iter().all(|count| close(*count, 0.2)), "{counts:?}");
    // Two of them come together as often as in samples without putting back.
    assert!(close(pairs, 4.0 * 3.0 / (20.0 * 19.0)), "{pairs}");
}

#[test]
fn one_severe_defect_sends_the_batch_back() {
    let sample = ids(3);
    let found = |defects: &[(usize, Defect)]| -> Vec<(MessageId, Defect)> {
        let all = ids(9);
        defects
            .iter()
            .map(|(index, defect)| (all[*index], *defect))
            .collect()
    };
    use Defect::{Minor, None, Severe};
    for (defects, expected) in [
        (&[][..], Verdict::Open(3)),
        (&[(0, None), (0, Minor)], Verdict::Open(2)),
        (&[(0, None), (1, Minor), (2, None)], Verdict::Passed),
        (&[(0, None), (7, None), (8, None)], Verdict::Open(2)),
        (&[(1, Severe)], Verdict::SentBack),
        (
            &[(0, None), (1, Severe), (2, None), (1, None)],
            Verdict::SentBack,
        ),
        (
            &[(0, None), (1, None), (2, None), (8, Severe)],
            Verdict::SentBack,
        ),
    ] {
        assert_eq!(verdict(&sample, &found(defects)), expected, "{defects:?}");
    }
    assert_eq!(verdict(&[], &[]), Verdict::Open(0));
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (tolerated, risk, batch) in [
        (1_000, 50, 10),
        (10, 0, 10),
        (10, 501, 10),
        (10, 50, 0),
        (10, 50, BATCH + 1),
    ] {
        assert!(
            sampling(tolerated, risk).size(batch).is_err(),
            "{tolerated} {risk} {batch}"
        );
    }
    let read: Sampling = serde_json::from_str(r#"{"tolerated_permille":10}"#).unwrap();
    assert_eq!(read, sampling(10, 50));
    assert!(serde_json::from_str::<Sampling>(r#"{"tolerated_permille":10,"size":5}"#).is_err());
}

proptest! {
    #[test]
    fn a_stricter_rule_never_reads_less(
        batch in 1..=BATCH,
        tolerated in 0_u16..999,
        risk in 1_u16..500,
    ) {
        let size = sampling(tolerated, risk).size(batch).unwrap();
        prop_assert!((1..=batch).contains(&size));
        prop_assert!(sampling(tolerated + 1, risk).size(batch).unwrap() <= size);
        prop_assert!(sampling(tolerated, risk + 1).size(batch).unwrap() <= size);
    }

    #[test]
    fn the_size_keeps_the_risk(
        batch in prop_oneof![1..1_000_u32, 1..100_000_u32, 1..=BATCH],
        tolerated in prop_oneof![0_u16..20, 0_u16..=999],
        risk in 1_u16..=500,
    ) {
        // By logarithms, factor after factor of what is read: another way than the code's.
        let size = sampling(tolerated, risk).size(batch).unwrap();
        let defects = (f64::from(batch) * f64::from(tolerated) / 1_000.0 + 1e-9).floor() + 1.0;
        let log_of = |size: u32| -> f64 {
            let factor = |drawn: u32| ((f64::from(batch) - defects - f64::from(drawn)).max(0.0) / f64::from(batch - drawn)).ln();
            (0..size).map(factor).sum()
        };
        // As many factors as that take long.
        prop_assume!(size < 50_000);
        let limit = (f64::from(risk) / 1_000.0).ln();
        prop_assert!(log_of(size) <= limit + 1e-7);
        prop_assert!(size == 1 || log_of(size - 1) > limit - 1e-7);
    }
}
