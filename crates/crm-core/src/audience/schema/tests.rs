use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::super::random::audience;
use super::{schema, schema_of};
use crate::audience::Audience;
use crate::contact::definition::{DefinitionFields, Definitions, FieldType};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
});

fn read(value: &Value) -> bool {
    serde_json::from_value::<Audience>(value.clone())
        .is_ok_and(|audience| audience.validate().is_ok())
}

/// Both say the same; what they say.
fn agreed(value: &Value) -> bool {
    let read = read(value);
    assert_eq!(VALIDATOR.is_valid(value), read, "{value}");
    read
}

/// Every place in it.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Array(list) => {
            for (index, each) in list.iter().enumerate() {
                places(each, &format!("{here}/{index}"), all);
            }
        }
        Value::Object(map) => {
            for (key, each) in map {
                places(each, &format!("{here}/{key}"), all);
            }
        }
        _ => {}
    }
}

fn odd() -> impl Strategy<Value = Value> {
    let values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(7),
        json!(7.0),
        json!(7.5),
        json!(13),
        json!(367),
        json!(36501),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("a"),
        json!("\u{0}"),
        json!("x".repeat(255)),
        json!("ў".repeat(256)),
        json!([]),
        json!({}),
        json!(["a", 5]),
        json!([{"and": []}]),
        json!({"marketing": null}),
        json!({"tag": "a"}),
        json!({"tag": "a", "segment": "b"}),
        json!("segment"),
        json!("email"),
        json!("Email"),
        json!("marketing"),
        json!("none"),
        json!("2026-02-28"),
        json!("2026-02-29"),
        json!("0000-01-01"),
        json!("2026-1-01"),
        json!("2026-01-31T10:00:00Z"),
        json!("2026-01-31T10:00:00+15:00"),
        json!("2026-01-31T10:00:60Z"),
        json!("2026-01-31T10:00:00.1234567Z"),
        json!("2026-01-31\n"),
        json!("018f3c1e00007000800000000000000a"),
        json!("{018f3c1e-0000-7000-8000-000000000001}"),
        json!("urn:uuid:018f3c1e-0000-7000-8000-000000000001"),
        json!("URN:uuid:018f3c1e-0000-7000-8000-000000000001"),
        json!("018F3C1E-0000-7000-8000-00000000000A"),
        json!("018f3c1e-0000-7000-8000"),
    ];
    select(values)
}

fn key() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "and",
            "or",
            "not",
            "segment",
            "tag",
            "language",
            "birthday_within",
            "birthday_month",
            "custom_field",
            "consent",
            "last_interaction_before",
            "has",
            "contact",
            "saved",
            "name",
            "equals",
            "less_than",
            "at_most",
            "greater_than",
            "at_least",
            "exists",
            "channel",
            "topic",
            "status",
            "days",
            "date",
            "in_campaign",
            "message",
            "state",
            "campaign",
            "within_days",
            "unknown",
        ][..],
    )
}

#[derive(Debug, Clone)]
enum Change {
    Put(Value),
    Add(&'static str, Value),
    Rename(Index, &'static str),
    Remove(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        odd().prop_map(Change::Put),
        (key(), odd()).prop_map(|(key, value)| Change::Add(key, value)),
        (any::<Index>(), key()).prop_map(|(index, key)| Change::Rename(index, key)),
        any::<Index>().prop_map(Change::Remove),
    ]
}

fn changed(value: &mut Value, change: Change) {
    let take = |map: &mut Map<String, Value>, index: Index| {
        let keys: Vec<String> = map.keys().cloned().collect();
        (!keys.is_empty())
            .then(|| map.remove(&keys[index.index(keys.len())]))
            .flatten()
    };
    match (change, value) {
        (Change::Put(new), value) => *value = new,
        (Change::Add(key, new), Value::Object(map)) => {
            map.insert(key.to_owned(), new);
        }
        (Change::Rename(index, key), Value::Object(map)) => {
            if let Some(old) = take(map, index) {
                map.insert(key.to_owned(), old);
            }
        }
        (Change::Remove(index), Value::Object(map)) => {
            take(map, index);
        }
        _ => {}
    }
}

#[test]
fn schema_and_reader_agree_on_the_edges() {
    let good = [
        json!({"and": []}),
        json!({"birthday_within": 366}),
        json!({"birthday_within": 7.0}),
        json!({"birthday_month": 12}),
        json!({"custom_field": {"name": "level", "equals": ""}}),
        json!({"custom_field": {"name": "level", "at_least": "2024-02-29"}}),
        json!({"custom_field": {"exists": true, "name": "level"}}),
        json!({"consent": {"channel": "*", "topic": "relationship", "status": "none"}}),
        json!({"last_interaction_before": {"days": 36500}}),
        json!({"last_interaction_before": {"date": "9999-12-31"}}),
        json!({"has": "last_interaction_date"}),
        json!({"in_campaign": "018f3c1e-0000-7000-8000-000000000001"}),
        json!({"message": {"state": "sent"}}),
        json!({"message": {"state": "failed", "campaign": "018f3c1e-0000-7000-8000-000000000001", "within_days": 0}}),
    ];
    for value in good {
        assert!(agreed(&value), "{value}");
    }
    let bad = [
        json!({}),
        json!("segment"),
        json!({"segment": "a", "tag": "b"}),
        json!({"and": {}}),
        json!({"not": []}),
        json!({"birthday_within": 367}),
        json!({"birthday_month": 0}),
        json!({"birthday_month": 1.5}),
        json!({"custom_field": ["level", 5]}),
        json!({"custom_field": {"name": "level"}}),
        json!({"custom_field": {"name": "level", "equals": null}}),
        json!({"custom_field": {"name": "level", "exists": false}}),
        json!({"custom_field": {"name": "level", "equals": 1, "exists": true}}),
        json!({"custom_field": {"name": "level", "less_than": "2026-02-29"}}),
        json!({"custom_field": {"name": "level", "less_than": true}}),
        json!({"consent": ["email", "marketing", "none"]}),
        json!({"consent": {"channel": "email", "topic": {"marketing": null}, "status": "none"}}),
        json!({"consent": {"channel": "email", "topic": "marketing"}}),
        json!({"last_interaction_before": {"days": 1, "date": "2026-01-31"}}),
        json!({"last_interaction_before": {"date": "0000-01-01"}}),
        json!({"has": {"email": null}}),
        json!({"has": "name"}),
        json!({"in_campaign": "spring"}),
        json!({"message": "sent"}),
        json!({"message": {"campaign": "018f3c1e-0000-7000-8000-000000000001"}}),
        json!({"message": {"state": "sent", "campaign": null}}),
        json!({"message": {"state": "sent", "within_days": null}}),
        json!({"message": {"state": "sent", "within_days": 36501}}),
        json!({"message": ["sent", null, null]}),
    ];
    for value in bad {
        assert!(!agreed(&value), "{value}");
    }
}

/// A workspace with a field of each type.
fn defined() -> Definitions {
    let of = DefinitionFields::of;
    let labelled = DefinitionFields {
        label: Some("Уровень".to_owned()),
        ..DefinitionFields::choice(["gold", "2026-01-31", "7"])
    };
    let all = [
        ("a", of(FieldType::Text)),
        ("segment", of(FieldType::Number)),
        ("email", of(FieldType::Boolean)),
        ("marketing", of(FieldType::Date)),
        ("level", labelled),
    ];
    let named = all.map(|(name, fields)| (name.to_owned(), fields));
    named.into_iter().collect()
}

static DEFINED: LazyLock<Validator> = LazyLock::new(|| {
    let schema = schema_of(&defined());
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
});

/// Whether both say the same of a question to fields that are defined, but for the forms that are read beside the one
/// that is kept.
fn agreed_by_type(value: &Value) -> bool {
    let audience = serde_json::from_value::<Audience>(value.clone());
    let audience = audience.ok().filter(|read| read.validate().is_ok());
    let typed = audience
        .clone()
        .and_then(|audience| audience.typed(&defined()).ok());
    let kept = typed.is_some() && typed == audience;
    assert_eq!(DEFINED.is_valid(value), kept, "{value}");
    kept
}

#[test]
fn the_schema_names_the_fields_and_follows_their_types() {
    let fields = &schema_of(&defined())["$defs"]["audience"]["properties"]["custom_field"]["anyOf"];
    let titles: Vec<&Value> = fields
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["title"])
        .collect();
    assert_eq!(
        json!(titles),
        json!(["a", "email", "Уровень", "marketing", "segment", null])
    );
    let asked =
        |name: &str, test: &str, value: Value| json!({"custom_field": {"name": name, test: value}});
    for good in [
        asked("a", "equals", json!("5")),
        asked("segment", "at_least", json!(5)),
        asked("email", "equals", json!(true)),
        asked("marketing", "less_than", json!("2026-01-31")),
        asked("level", "equals", json!("gold")),
        asked("level", "exists", json!(true)),
        asked("other", "less_than", json!("2026-01-31T00:00:00Z")),
    ] {
        assert!(agreed_by_type(&good), "{good}");
    }
    for bad in [
        asked("a", "equals", json!(5)),
        asked("a", "less_than", json!(5)),
        asked("segment", "equals", json!("5")),
        asked("email", "equals", json!(1)),
        asked("marketing", "equals", json!("x")),
        asked("level", "equals", json!("tin")),
        asked("level", "equals", json!(7)),
        asked("level", "exists", json!(false)),
    ] {
        assert!(!agreed_by_type(&bad), "{bad}");
    }
}

#[test]
fn every_property_is_described() {
    let schema = schema();
    let parts = schema["$defs"]["audience"]["properties"]
        .as_object()
        .unwrap();
    assert_eq!(parts.len(), 16);
    assert!(parts.values().all(|part| part["description"].is_string()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn schema_and_reader_agree(audience in audience(), changes in prop::collection::vec((any::<Index>(), change()), 0..3)) {
            let mut value = json!(audience);
        prop_assert!(agreed(&value));
        prop_assert_eq!(serde_json::from_value::<Audience>(value.clone()).unwrap(), audience);
        for (place, change) in changes {
            let mut all = Vec::new();
            places(&value, "", &mut all);
            let place = &all[place.index(all.len())];
            changed(value.pointer_mut(place).unwrap(), change);
            agreed(&value);
            agreed_by_type(&value);
        }
    }
}
