use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contact::normalise::tests::contact;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn born(text: &str) -> Contact {
    let mut contact = contact("Анна");
    contact.fields.birthday = Birthday::parse(text);
    contact
}

fn holds(contact: &Contact, value: &Value) -> bool {
    Audience::from_short(value)
        .unwrap()
        .matches(contact, day("2026-03-10"))
}

#[test]
fn birthdays_ahead_wrap_over_new_year_and_leap_days() {
    let within =
        |birthday, today, days| Audience::BirthdayWithin(days).matches(&born(birthday), day(today));
    assert!(within("1990-03-10", "2026-03-10", 0));
    assert!(!within("1990-03-09", "2026-03-10", 363));
    assert!(within("1990-03-09", "2026-03-10", 364));
    assert!(within("--01-03", "2026-12-30", 4));
    assert!(!within("--01-03", "2026-12-30", 3));
    assert!(within("2000-02-29", "2026-02-28", 0));
    assert!(!within("2000-02-29", "2028-02-28", 0));
    assert!(within("2000-02-29", "2028-02-28", 1));
    assert!(within("2000-02-29", "2027-03-01", 365));
    assert!(!Audience::BirthdayWithin(366).matches(&contact("Анна"), day("2026-01-01")));
    for edge in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ = Audience::BirthdayWithin(366).matches(&born("2000-02-29"), edge);
    }
}

#[test]
fn languages_match_their_variants_only() {
    let mut contact = contact("Анна");
    contact.fields.language = "uz-Cyrl".to_owned();
    assert!(holds(&contact, &json!({"language": "uz"})));
    assert!(holds(&contact, &json!({"language": "UZ-cyrl"})));
    assert!(!holds(&contact, &json!({"language": "uz-Latn"})));
    contact.fields.language = "uzb".to_owned();
    assert!(!holds(&contact, &json!({"language": "uz"})));
}

#[test]
fn custom_values_compare_within_their_type() {
    let mut contact = contact("Анна");
    contact.fields.custom_fields =
        [("n".to_owned(), json!(1)), ("b".to_owned(), json!(true))].into();
    assert!(holds(
        &contact,
        &json!({"custom_fields": {"n": 1.0, "b": true}})
    ));
    assert!(!holds(&contact, &json!({"custom_fields": {"b": 1}})));
    assert!(!holds(&contact, &json!({"custom_fields": {"n": "1"}})));
    assert!(holds(
        &contact,
        &json!({"not": {"custom_field": {"name": "x", "equals": 1}}})
    ));
}

#[test]
fn the_short_form_wants_everything_it_names() {
    let mut contact = contact("Анна");
    contact.fields.segment = "VIP".to_owned();
    contact.fields.tags = ["a".to_owned(), "b".to_owned()].into();
    assert!(holds(&contact, &json!({})));
    assert!(holds(&contact, &json!({"segment": "VIP"})));
    assert!(holds(
        &contact,
        &json!({"segments": ["x", "VIP"], "language": "ru", "tags": ["a", "b"]})
    ));
    assert!(!holds(
        &contact,
        &json!({"segments": ["VIP"], "tags": ["a", "c"]})
    ));
    assert!(holds(
        &contact,
        &json!({"and": [{"segment": "VIP"}, {"not": {"tag": "gold"}}]})
    ));
    assert_eq!(
        Audience::from_short_in(&json!({"has_birthday_this_month": true}), 3).unwrap(),
        Audience::BirthdayMonth(3)
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for value in [
        json!({"segmnt": "VIP"}),
        json!({"segment": 1}),
        json!({"segments": []}),
        json!([]),
        json!({"and": [], "segment": "VIP"}),
        json!({"birthday_month": 13}),
        json!("VIP"),
        json!({"birthday_within": 367}),
        json!({"segment": ""}),
        json!({"tags": [1]}),
        json!({"has_birthday_this_month": true}),
        json!({"birthday_within": -1}),
        json!({"custom_fields": {"a": null}}),
        json!({"and": [{"x": 1}]}),
        json!({"segment": "x".repeat(256)}),
    ] {
        assert!(Audience::from_short(&value).is_err(), "{value}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nest = |depth| (1..depth).fold(Audience::everybody(), |a, _| Audience::Not(Box::new(a)));
    assert!(nest(32).validate().is_ok());
    assert!(nest(33).validate().is_err());
    let wide = |width| Audience::Or(vec![Audience::everybody(); width]);
    assert!(wide(999).validate().is_ok());
    assert!(wide(1_000).validate().is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(segments in prop::collection::vec("[a-z]{1,9}", 1..5)) {
        let short = Audience::from_short(&json!({"segments": segments})).unwrap();
        let full = serde_json::to_value(&short).unwrap();
        prop_assert_eq!(Audience::from_short(&full).unwrap(), short);
    }

    #[test]
    fn within_a_year_is_everyone_with_a_birthday(month in 1_u32..=12, date in 1_u32..=28, n in 0..4_000_u64) {
        let contact = born(&format!("--{month:02}-{date:02}"));
        let today = day("2020-01-01") + chrono::Days::new(n);
        prop_assert!(Audience::BirthdayWithin(366).matches(&contact, today));
    }
}
