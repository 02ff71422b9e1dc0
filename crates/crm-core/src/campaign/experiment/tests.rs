use proptest::prelude::*;

use super::martingale::{log_mixture, smallest_product};
use super::*;

/// `SplitMix64`, so that every run draws the same.
struct Random(u64);

impl Random {
    /// A number from 0 up to, not including, 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn observe(&mut self, arm: &mut Counts, rate: f64) {
        arm.n += 1;
        arm.successes += u64::from(self.unit() < rate);
    }
}

fn counts(n: u64, successes: u64) -> Counts {
    Counts { n, successes }
}

fn p_value(first: Counts, other: Counts) -> f64 {
    (-log_evidence(first, other)).exp().min(1.0)
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * (1.0 + other.abs())
}

#[test]
fn numbers_are_those_of_exact_fractions() {
    // Worked out by another program in fractions of whole numbers.
    for (n1, s1, n2, s2, expected) in [
        (10, 3, 12, 9, 0.985_861_572_643_321_2),
        (200, 20, 220, 60, 0.006_393_639_836_275_639),
        (50, 0, 60, 20, 0.000_291_430_882_139_193_6),
        (3, 0, 3, 3, 0.25),
        (1_000, 100, 40, 10, 1.0),
        (0, 0, 40, 10, 1.0),
    ] {
        let found = p_value(counts(n1, s1), counts(n2, s2));
        assert!(close(found, expected), "{found} {expected}");
        assert!(close(p_value(counts(n2, s2), counts(n1, s1)), expected));
    }
    for (n, s, low, high) in [
        (10, 3, 0.036_640_290_375_509_955, 0.733_259_473_835_806_5),
        (100, 0, 0.0, 0.073_284_373_402_899_9),
        (40, 40, 0.845_579_905_332_424_1, 1.0),
        (
            1_000,
            130,
            0.094_610_879_169_287_38,
            0.171_891_081_791_289_8,
        ),
        (0, 0, 0.0, 1.0),
    ] {
        let found = rate(counts(n, s), 0.05);
        assert!(
            close(found.low, low) && close(found.high, high),
            "{n} {s} {found:?}"
        );
    }
}

#[test]
fn the_mixture_is_a_fair_game() {
    // Its mean under the true rate is 1 at every size: the ground that everything stands on.
    for n in [1_u64, 2, 7, 20, 60, 300] {
        for p in [0.001, 0.1, 0.5, 0.93] {
            let mut log_probability = n as f64 * f64::ln_1p(-p);
            let mut mean = 0.0;
            for s in 0..=n {
                mean += (log_probability + log_mixture(counts(n, s), p)).exp();
                log_probability += ((n - s) as f64 / (s + 1) as f64 * p / (1.0 - p)).ln();
            }
            assert!((mean - 1.0).abs() < 1e-9, "{n} {p} {mean}");
        }
    }
}

/// How many of `runs` experiments without a difference raise a false alarm, looked at after each observation. The
/// second arm starts late, and the arms grow unevenly.
fn false_alarms(runs: u64, rate: f64, alarm: impl Fn(Counts, Counts) -> bool) -> u64 {
    let mut alarms = 0;
    for run in 0..runs {
        let mut random = Random(run.wrapping_mul(0xD134_2543_DE82_EF95) ^ rate.to_bits());
        let mut arms = [Counts::default(); 2];
        let late = if run % 2 == 0 { 0 } else { 150 };
        let share = if run % 3 == 0 { 0.8 } else { 0.5 };
        let mut peek = |step: u32| {
            let first = step < late || random.unit() < share;
            random.observe(&mut arms[usize::from(!first)], rate);
            alarm(arms[0], arms[1])
        };
        alarms += u64::from((0..1_500).any(&mut peek));
    }
    alarms
}

#[test]
fn peeking_after_each_observation_raises_no_more_false_alarms_than_alpha() {
    // With 600 runs the rate of alarms is known to within 0.9 per cent (one standard deviation at 5 per cent). The
    // limit is alpha itself, which the method stays well below.
    let (runs, alpha) = (600, 0.05);
    let standard_error = (alpha * (1.0 - alpha) / runs as f64).sqrt();
    assert!(standard_error < 0.009);
    for rate in [0.03, 0.5] {
        let alarms = false_alarms(runs, rate, |first, other| p_value(first, other) <= alpha);
        let share = alarms as f64 / runs as f64;
        assert!(
            share <= alpha,
            "{share} +- {standard_error} at a rate of {rate}"
        );
    }
    // The simulation would see it: the usual test, looked at as often, is wrong many times more often.
    let usual = |first: Counts, other: Counts| {
        let (Some(one), Some(two)) = (first.rate(), other.rate()) else {
            return false;
        };
        let (n, m) = (first.n as f64, other.n as f64);
        let both = (first.successes + other.successes) as f64 / (n + m);
        let error = (both * (1.0 - both) * (1.0 / n + 1.0 / m)).sqrt();
        first.n.min(other.n) >= 20 && error > 0.0 && ((one - two) / error).abs() > 1.96
    };
    let share = false_alarms(200, 0.5, usual) as f64 / 200.0;
    assert!(share > 0.2, "{share}");
}

#[test]
fn what_is_true_stays_inside_at_all_looks_together() {
    let (runs, bound) = (300, -0.05_f64.ln());
    for (one, two) in [(0.1, 0.25), (0.02, 0.01), (0.6, 0.6)] {
        let mut missed = [0_u32; 2];
        for run in 0..runs {
            let mut random = Random(run ^ 0xC0FF_EE00);
            let (mut first, mut other) = (Counts::default(), Counts::default());
            let mut outside = [false; 2];
            for _ in 0..400 {
                random.observe(&mut first, one);
                random.observe(&mut other, two);
                outside[0] |= log_mixture(first, one) >= bound;
                outside[1] |= smallest_product(first, other, two - one) >= bound;
            }
            missed[0] += u32::from(outside[0]);
            missed[1] += u32::from(outside[1]);
        }
        assert!(
            missed
                .iter()
                .all(|missed| f64::from(*missed) <= 0.05 * runs as f64),
            "{missed:?}"
        );
    }
}

#[test]
fn real_differences_are_found() {
    let mut found = Vec::new();
    for run in 0..100 {
        let mut random = Random(run ^ 0xBEEF);
        let mut arms = [Counts::default(); 2];
        let winner = (0..2_500).find_map(|_| {
            random.observe(&mut arms[0], 0.10);
            random.observe(&mut arms[1], 0.16);
            // As judged every time; the numbers without the intervals, which take long.
            (p_value(arms[0], arms[1]) <= 0.05).then(|| arms[1].rate() > arms[0].rate())
        });
        found.extend(winner);
    }
    // A test with one look has a power of 80 per cent with some 500 contacts an arm.
    assert!(found.len() >= 95, "{}", found.len());
    assert!(found.iter().filter(|right| **right).count() >= found.len() - 1);
}

#[test]
fn verdicts_are_suggestions_for_what_is_certain() {
    let judged = |better, arms: &[(u64, u64)]| {
        let arms: Vec<Counts> = arms.iter().map(|(n, s)| counts(*n, *s)).collect();
        let judgement = Judgement {
            better,
            ..Judgement::default()
        };
        judge(judgement, &arms).unwrap().verdict
    };
    let stop = |winner| Verdict::SuggestStop { winner };
    use Better::{Higher, Lower};
    for (better, arms, expected) in [
        (Higher, &[(0, 0), (0, 0)][..], Verdict::GoOn),
        (Higher, &[(1_000, 100), (1_000, 110)], Verdict::GoOn),
        (Higher, &[(1_000, 100), (1_000, 200)], stop(1)),
        (Lower, &[(1_000, 100), (1_000, 200)], stop(0)),
        (Lower, &[(1_000, 200), (1_000, 100)], stop(1)),
        // The best of those that are better than the first one.
        (
            Higher,
            &[(1_000, 100), (1_000, 200), (1_000, 260), (1_000, 100)],
            stop(2),
        ),
        (
            Lower,
            &[(1_000, 300), (1_000, 200), (1_000, 100), (1_000, 300)],
            stop(2),
        ),
        // The first one wins when it beats all others, not before.
        (Higher, &[(1_000, 200), (1_000, 100), (1_000, 100)], stop(0)),
        (
            Higher,
            &[(1_000, 200), (1_000, 100), (1_000, 190)],
            Verdict::GoOn,
        ),
        (Higher, &[(1_000, 200), (1_000, 100), (0, 0)], Verdict::GoOn),
    ] {
        assert_eq!(judged(better, arms), expected, "{better:?} {arms:?}");
    }
    let json = serde_json::to_value(judged(Higher, &[(1_000, 100), (1_000, 200)])).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"type": "suggest_stop", "winner": 1})
    );
}

#[test]
fn more_arms_take_more_evidence() {
    // The same two arms: enough alone, not enough among many that are looked at.
    let (first, other) = (counts(400, 40), counts(400, 88));
    let alone = judge(Judgement::default(), &[first, other]).unwrap();
    assert!(alone.comparisons[0].p_value <= 0.05);
    let mut arms = vec![first; 26];
    arms[1] = other;
    let among = judge(Judgement::default(), &arms).unwrap();
    assert!(close(
        among.comparisons[0].p_value,
        25.0 * alone.comparisons[0].p_value
    ));
    assert!(among.comparisons[0].interval.low < alone.comparisons[0].interval.low);
    assert!(among.comparisons[0].interval.high > alone.comparisons[0].interval.high);
    assert_eq!(
        (alone.verdict, among.verdict),
        (Verdict::SuggestStop { winner: 1 }, Verdict::GoOn)
    );
    // Each arm's own interval is the same.
    assert_eq!(alone.arms[0], among.arms[0]);
}

#[test]
fn nonsense_is_refused() {
    let good = counts(10, 5);
    for arms in [
        vec![],
        vec![good],
        vec![good; 27],
        vec![good, counts(10, 11)],
        vec![good, counts(MOST + 1, 0)],
    ] {
        assert!(judge(Judgement::default(), &arms).is_err(), "{arms:?}");
    }
    for alpha_permille in [0, 201] {
        let judgement = Judgement {
            alpha_permille,
            ..Judgement::default()
        };
        assert!(judge(judgement, &[good, good]).is_err());
    }
    let read: Judgement = serde_json::from_str("{}").unwrap();
    assert_eq!(read, Judgement::default());
    assert!(serde_json::from_str::<Judgement>(r#"{"alpha":0.05}"#).is_err());
}

/// Counts of every size, with none, all and any successes.
fn any_counts() -> impl Strategy<Value = Counts> {
    let n = prop_oneof![0_u64..50, 0_u64..100_000, 0..=MOST, Just(MOST)];
    (n, any::<u64>(), 0_u8..6).prop_map(|(n, draw, kind)| match kind {
        0 => counts(n, 0),
        1 => counts(n, n),
        2 => counts(n, n.min(1)),
        3 => counts(n, n.saturating_sub(1)),
        _ => counts(n, draw % (n + 1)),
    })
}

proptest! {
    #[test]
    fn every_count_gives_numbers_in_their_ranges(arms in prop::collection::vec(any_counts(), 2..4), alpha in 1_u16..=200) {
        let judgement = Judgement { alpha_permille: alpha, better: Better::Higher };
        let report = judge(judgement, &arms).unwrap();
        for arm in &report.arms {
            let (Interval { low, high }, rate) = (arm.interval, arm.rate.unwrap_or(0.5));
            prop_assert!(0.0 <= low && low <= rate && rate <= high && high <= 1.0, "{arm:?}");
        }
        for comparison in &report.comparisons {
            let Interval { low, high } = comparison.interval;
            prop_assert!((0.0..=1.0).contains(&comparison.p_value), "{comparison:?}");
            prop_assert!(-1.0 <= low && low <= high && high <= 1.0, "{comparison:?}");
            let seen = comparison.difference.unwrap_or((low + high) / 2.0);
            prop_assert!(low <= seen + 1e-12 && seen <= high + 1e-12, "{comparison:?}");
        }
    }

    #[test]
    fn an_alarm_is_an_interval_without_zero(one in any_counts(), two in any_counts()) {
        let report = judge(Judgement::default(), &[one, two]).unwrap();
        let Comparison { p_value, interval, .. } = report.comparisons[0];
        // But where the edge is zero itself to within rounding.
        prop_assume!((p_value - 0.05).abs() > 1e-6 && interval.low.abs().min(interval.high.abs()) > 1e-12);
        prop_assert_eq!(p_value <= 0.05, interval.low > 0.0 || interval.high < 0.0, "{} {:?}", p_value, interval);
    }

    #[test]
    fn failures_for_successes_turn_everything_round(one in any_counts(), two in any_counts()) {
        // Where counting the other way is exact: huge counts round.
        prop_assume!(one.n < 1 << 40 && two.n < 1 << 40);
        let flip = |arm: Counts| counts(arm.n, arm.n - arm.successes);
        let report = judge(Judgement::default(), &[one, two]).unwrap();
        let turned = judge(Judgement::default(), &[flip(one), flip(two)]).unwrap();
        let (there, back) = (report.comparisons[0], turned.comparisons[0]);
        prop_assert!((there.p_value - back.p_value).abs() < 1e-6);
        prop_assert!((there.interval.low + back.interval.high).abs() < 1e-6, "{there:?} {back:?}");
        prop_assert!((report.arms[0].interval.low + turned.arms[0].interval.high - 1.0).abs() < 1e-6);
    }
}
