//! Audiences for property tests: every condition, nested, with texts that are hard to write.

use chrono::NaiveDate;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Number, Value};
use uuid::Uuid;

use super::Audience;
use super::condition::{
    Before, ConsentCondition, ContactField, FieldCondition, FieldTest, STATUSES, TOPICS,
};
use super::messages::{MessageCondition, MessageState};
use crate::id::{CampaignId, ContactId};

/// Words of the grammar, things that look like numbers, signs, and other scripts.
const HARD: [&str; 40] = [
    "and",
    "OR",
    "Not",
    "in",
    "all",
    "any",
    "of",
    "everybody",
    "nobody",
    "segment",
    "field.x",
    "field.",
    "true",
    "FALSE",
    "none",
    "5",
    "-5",
    "007",
    "1e9",
    "1.5",
    "-0",
    "18446744073709551616",
    "1e999",
    "7d",
    "2026-01-31",
    "\"",
    "\\",
    "\\\"",
    "a\"b\\c",
    "(",
    ",",
    "= x",
    "<=",
    " ",
    " a ",
    "\n",
    "o'zbek",
    "Oʻzbekiston",
    "ВИП клиент",
    "👩‍👧 big",
];

pub(super) fn text() -> impl Strategy<Value = String> {
    let valid = |text: &String| !text.is_empty() && !text.contains('\0');
    prop_oneof![
        3 => "[a-z_]{1,8}".prop_map(String::from),
        2 => select(&HARD[..]).prop_map(str::to_owned),
        1 => "\\PC{1,12}".prop_map(String::from),
        1 => vec(any::<char>(), 1..20).prop_map(|all| all.into_iter().collect()),
        1 => Just("ў\"\\".repeat(85)),
    ]
    .prop_filter("valid", valid)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-9_i64..9).prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("finite", Number::from_f64)
            .prop_map(Value::Number),
        select(&[0.0, -0.0, 1.0, 1e16, 1e300, 5e-324, 0.1][..]).prop_map(Value::from),
    ]
}

fn date() -> impl Strategy<Value = NaiveDate> {
    let days = NaiveDate::from_ymd_opt(9999, 12, 31)
        .unwrap()
        .signed_duration_since(NaiveDate::from_ymd_opt(1, 1, 1).unwrap())
        .num_days();
    (0..=days)
        .prop_map(|days| NaiveDate::from_ymd_opt(1, 1, 1).unwrap() + chrono::Duration::days(days))
}

fn ordered() -> impl Strategy<Value = Value> {
    let instant = (
        date(),
        0..24,
        0..60,
        0..60,
        option::of("[0-9]{1,6}"),
        "Z|[+-]0[0-9]:[0-5][0-9]",
    );
    let instant = instant.prop_map(|(date, hour, minute, second, fraction, zone)| {
        let fraction = fraction.map_or(String::new(), |digits| format!(".{digits}"));
        let date = date.format("%Y-%m-%d");
        Value::from(format!(
            "{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
        ))
    });
    prop_oneof![
        number(),
        date().prop_map(|date| Value::from(date.format("%Y-%m-%d").to_string())),
        instant,
    ]
}

fn test() -> impl Strategy<Value = FieldTest> {
    let value = prop_oneof![
        text().prop_map(Value::from),
        Just(Value::from("")),
        number(),
        any::<bool>().prop_map(Value::from),
        ordered(),
    ];
    prop_oneof![
        3 => value.prop_map(FieldTest::Equals),
        1 => ordered().prop_map(FieldTest::LessThan),
        1 => ordered().prop_map(FieldTest::AtMost),
        1 => ordered().prop_map(FieldTest::GreaterThan),
        1 => ordered().prop_map(FieldTest::AtLeast),
        1 => Just(FieldTest::Exists),
    ]
}

fn condition() -> impl Strategy<Value = Audience> {
    let topic = select(&TOPICS[..]).prop_map(|(_, topic)| topic);
    let status = select(&STATUSES[..]).prop_map(|(_, status)| status);
    let channel = prop_oneof![text(), Just("*".to_owned())];
    let consent = (channel, topic, status).prop_map(|(channel, topic, status)| ConsentCondition {
        channel,
        topic,
        status,
    });
    let campaign = option::of(any::<u128>().prop_map(|id| CampaignId(Uuid::from_u128(id))));
    let message = (
        select(&MessageState::ALL[..]),
        campaign,
        option::of(0..=36_500_u32),
    );
    let message = message.prop_map(|(state, campaign, within_days)| MessageCondition {
        state,
        campaign,
        within_days,
    });
    prop_oneof![
        text().prop_map(Audience::Segment),
        text().prop_map(Audience::Tag),
        text().prop_map(Audience::Language),
        (0..=366_u32).prop_map(Audience::BirthdayWithin),
        (1..=12_u32).prop_map(Audience::BirthdayMonth),
        (text(), test())
            .prop_map(|(name, test)| Audience::CustomField(FieldCondition { name, test })),
        consent.prop_map(Audience::Consent),
        (0..=36_500_u32).prop_map(|days| Audience::LastInteractionBefore(Before::Days(days))),
        date().prop_map(|date| Audience::LastInteractionBefore(Before::Date(date))),
        select(&ContactField::ALL[..]).prop_map(Audience::Has),
        any::<u128>().prop_map(|id| Audience::Contact(ContactId(Uuid::from_u128(id)))),
        any::<u128>().prop_map(|id| Audience::InCampaign(CampaignId(Uuid::from_u128(id)))),
        message.prop_map(Audience::Message),
        text().prop_map(Audience::Saved),
    ]
}

/// Conditions of one kind, as a list in the text form has them.
fn alike() -> impl Strategy<Value = Audience> {
    let field = (text(), vec(test(), 0..4)).prop_map(|(name, tests)| {
        let field = |test| {
            Audience::CustomField(FieldCondition {
                name: name.clone(),
                test,
            })
        };
        Audience::Or(tests.into_iter().map(field).collect())
    });
    prop_oneof![
        vec(text(), 0..4)
            .prop_map(|all| Audience::Or(all.into_iter().map(Audience::Tag).collect())),
        field,
    ]
}

/// A valid audience.
pub(super) fn audience() -> impl Strategy<Value = Audience> {
    prop_oneof![3 => condition(), 1 => alike()].prop_recursive(6, 60, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Audience::And),
            vec(inner.clone(), 0..5).prop_map(Audience::Or),
            inner.prop_map(|part| Audience::Not(Box::new(part))),
        ]
    })
}
