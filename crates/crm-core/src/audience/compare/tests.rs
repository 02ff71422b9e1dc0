use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn numbers_compare_by_value_and_exactly() {
    let large = 9_007_199_254_740_993_i64;
    let cases = [
        (json!(1), json!(1.0), Equal),
        (json!(-0.0), json!(0), Equal),
        (json!(1), json!(1.5), Less),
        (json!(-1), json!(-1.5), Greater),
        (json!(large), json!(9_007_199_254_740_992.0), Greater),
        (json!(large), json!(large - 1), Greater),
        (json!(u64::MAX), json!(u64::MAX - 1), Greater),
        (json!(u64::MAX), json!(i64::MIN), Greater),
        (json!(u64::MAX), json!(18_446_744_073_709_551_616.0), Less),
        (json!(i64::MIN), json!(-9_223_372_036_854_775_808.0), Equal),
        (json!(i64::MIN), json!(-1e300), Greater),
        (json!(0), json!(5e-324), Less),
        (json!(1e300), json!(1e299), Greater),
    ];
    for (left, right, wanted) in cases {
        assert_eq!(order(&left, &right), Some(wanted), "{left} {right}");
        assert_eq!(
            order(&right, &left),
            Some(wanted.reverse()),
            "{right} {left}"
        );
        assert_eq!(same(&left, &right), wanted == Equal, "{left} {right}");
    }
}

#[test]
fn texts_have_an_order_only_as_dates_and_instants() {
    let cases = [
        ("2026-01-31", "2026-02-01", Some(Less)),
        ("2026-01-31", "2026-01-31", Some(Equal)),
        ("0001-01-01", "9999-12-31", Some(Less)),
        (
            "2026-01-31T10:00:00Z",
            "2026-01-31T15:00:00+05:00",
            Some(Equal),
        ),
        (
            "2026-01-31T10:00:00.5Z",
            "2026-01-31T10:00:00Z",
            Some(Greater),
        ),
        (
            "2026-01-31T10:00:00.5Z",
            "2026-01-31T10:00:00.500000Z",
            Some(Equal),
        ),
        (
            "2026-01-31T23:59:59-14:59",
            "2026-02-01T14:58:59Z",
            Some(Equal),
        ),
        (
            "2026-01-31T10:00:00.000001Z",
            "2026-01-31T10:00:00.000002Z",
            Some(Less),
        ),
        ("2026-01-31", "2026-01-31T10:00:00Z", None),
        ("2026-02-30", "2026-01-31", None),
        ("a", "b", None),
        ("10", "9", None),
    ];
    for (left, right, wanted) in cases {
        assert_eq!(order(&json!(left), &json!(right)), wanted, "{left} {right}");
    }
    for (left, right) in [
        (json!(1), json!("1")),
        (json!(true), json!(false)),
        (json!(null), json!(null)),
    ] {
        assert_eq!(order(&left, &right), None, "{left} {right}");
    }
    assert!(!same(&json!(null), &json!(null)));
    assert!(!same(&json!([1]), &json!([1])));
}

#[test]
fn the_forms_are_strict() {
    for text in [
        "2026-1-31",
        "26-01-31",
        "2026-01-31 ",
        "+2026-01-31",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2025-02-29",
        "1900-02-29",
        "0000-01-01",
        "２026-01-31",
        "2026-01-3１",
        "2026/01/31",
        "",
    ] {
        assert_eq!(date(text), None, "{text}");
    }
    assert!(date("2000-02-29").is_some() && date("2024-02-29").is_some());
    for text in [
        "2026-01-31T10:00Z",
        "2026-01-31t10:00:00Z",
        "2026-01-31T10:00:00",
        "2026-01-31T10:00:00z",
        "2026-01-31 10:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T10:60:00Z",
        "2026-01-31T10:00:60Z",
        "2026-01-31T10:00:00.Z",
        "2026-01-31T10:00:00.1234567Z",
        "2026-01-31T10:00:00+15:00",
        "2026-01-31T10:00:00+05:60",
        "2026-01-31T10:00:00+0500",
        "2026-01-31T10:00:00Z ",
        "2026-01-31",
        "2026-02-30T10:00:00Z",
        "ў026-01-31T10:00:00Z",
    ] {
        assert_eq!(instant(text), None, "{text}");
    }
}

static PATTERNS: LazyLock<[Validator; 2]> = LazyLock::new(|| {
    let patterns = [date_pattern(), instant_pattern()];
    patterns.map(|pattern| jsonschema::draft202012::new(&json!({"pattern": pattern})).unwrap())
});

/// Dates and instants, and texts one slip away from one.
fn nearly() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "(00|19|20|21)(00|04|23|24)-02-(28|29|30)",
        "[0-9]{3}[1-9]-(01|06|12)-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?(Z|z|[+-][01][0-9]:[0-6][0-9])",
        "\\PC{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_patterns_say_what_is_read(text in nearly()) {
        let [dates, instants] = &*PATTERNS;
        prop_assert_eq!(dates.is_valid(&json!(text)), date(&text).is_some(), "{}", text);
        prop_assert_eq!(instants.is_valid(&json!(text)), instant(&text).is_some(), "{}", text);
        // Another reader of the same forms, which takes more of them, reads the same moment.
        if let Some(at) = instant(&text) {
            prop_assert_eq!(Ok(at), text.parse());
        }
    }

    #[test]
    fn numbers_have_one_order(whole in any::<i64>(), real in any::<f64>(), near in -3_i32..3) {
        #[allow(clippy::cast_precision_loss)]
        let close = (whole as f64) + f64::from(near);
        for real in [real, close] {
            let (left, right) = (json!(whole), json!(real));
            let forward = order(&left, &right);
            prop_assert_eq!(order(&right, &left), forward.map(Ordering::reverse));
            if real.is_finite() {
                // As decimal texts, which need no rounding.
                let wanted = exact(&format!("{whole}")).cmp(&exact(&format!("{real:.0}")));
                if real.fract() == 0.0 && real.abs() < 1e30 {
                    prop_assert_eq!(forward, Some(wanted));
                }
            }
        }
    }
}

fn exact(text: &str) -> i128 {
    text.parse().unwrap_or_default()
}
