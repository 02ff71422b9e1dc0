//! What holds of every definition and every value.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Number, Value, json};

use super::{DefinitionFields, Definitions, FieldType};
use crate::contact::ContactFields;
use crate::contact::normalise::{Rules, normalise, normalise_by};
use crate::import::{Orders, typed};

fn definition() -> impl Strategy<Value = DefinitionFields> {
    let options = prop::collection::btree_map("[a-cА-В ]{1,4}", "[a-cА-В]{1,3}", 1..5);
    let choice = options.prop_map(|options| DefinitionFields::choice(options.into_values()));
    let plain = select(
        &[
            FieldType::Text,
            FieldType::Number,
            FieldType::Boolean,
            FieldType::Date,
        ][..],
    );
    prop_oneof![choice, plain.prop_map(DefinitionFields::of)]
        .prop_filter_map("no definition", |fields| fields.normal().ok())
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,8}",
        " ?-?[0-9]{1,18}(\\.[0-9]{1,10})? ?",
        "-?[0-9]{1,4}[eE][+-]?[0-9]{1,3}",
        "-?[0-9]{1,3}([ ,.'][0-9]{3}){0,3}([,.][0-9]{1,4})?",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "[0-3]?[0-9][./][01]?[0-9][./]([0-9]{4}|[0-9]{2})",
        "(?i)true|false|yes|no|да|нет|ha",
        "[a-cA-CА-Ва-в ]{1,4}",
    ];
    prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_filter_map("no number", |real| Number::from_f64(real).map(Value::Number)),
        1 => (any::<i32>(), 0..12_i32).prop_map(|(digits, places)| json!(f64::from(digits) / 10_f64.powi(places))),
        1 => any::<bool>().prop_map(Value::from),
        1 => select(vec![json!(null), json!([1]), json!({"a": 1})]),
    ]
}

fn rules(definitions: &Definitions) -> Rules<'_> {
    Rules {
        definitions: Some(definitions),
        ..Rules::default()
    }
}

fn with(value: &Value) -> ContactFields {
    ContactFields {
        name: "Anna".to_owned(),
        custom_fields: BTreeMap::from([("f".to_owned(), value.clone())]),
        ..ContactFields::default()
    }
}

/// Digits of a decimal and the power of ten of the last one: equal for texts of the same number.
fn digits(text: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, power) = match rest.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let short = all.trim_end_matches('0');
    let power = power - i64::try_from(fraction.len()).ok()?
        + i64::try_from(all.len() - short.len()).ok()?;
    let short = short.trim_start_matches('0');
    if short.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, short.to_owned(), power))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn reading_what_was_read_changes_nothing(definition in definition(), value in value()) {
        if let Ok(Some(once)) = definition.read(&value) {
            prop_assert_eq!(definition.read(&once), Ok(Some(once.clone())));
            let definitions: Definitions = [("f".to_owned(), definition)].into_iter().collect();
            if let Ok(fields) = normalise_by(with(&once), &rules(&definitions)) {
                prop_assert_eq!(fields.custom_fields.get("f"), Some(&once));
                prop_assert_eq!(normalise(fields.clone()), Ok(fields));
            }
        }
    }

    #[test]
    fn no_digit_of_a_number_is_lost(value in value()) {
        let text = match &value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return Ok(()),
        };
        if let Ok(Some(Value::Number(kept))) = DefinitionFields::of(FieldType::Number).read(&value) {
            prop_assert_eq!(digits(&kept.to_string()), digits(&text));
        }
    }

    #[test]
    fn what_a_program_may_send_a_file_may_hold(definition in definition(), value in value(), day_first in any::<bool>()) {
        let sent = definition.read(&value);
        let definitions: Definitions = [("f".to_owned(), definition)].into_iter().collect();
        let mut fields = BTreeMap::from([("f".to_owned(), value)]);
        let order = if day_first { crate::import::Order::DayFirst } else { crate::import::Order::MonthFirst };
        typed(&mut fields, &definitions, &Orders::from([("f".to_owned(), order)]));
        let in_file = definitions.read("f", fields["f"].clone());
        if sent.is_ok() {
            prop_assert_eq!(in_file, sent);
        } else if let Ok(Some(kept)) = in_file {
            // What only a file may hold is kept as a program would have sent it.
            prop_assert_eq!(definitions.read("f", kept.clone()), Ok(Some(kept)));
        }
    }

    #[test]
    fn what_was_there_may_stay(definition in definition(), value in value()) {
        let definitions: Definitions = [("f".to_owned(), definition)].into_iter().collect();
        let Ok(free) = normalise(with(&value)) else { return Ok(()) };
        let kept = Rules { kept: Some(&free.custom_fields), ..rules(&definitions) };
        prop_assert_eq!(normalise_by(free.clone(), &kept), Ok(free.clone()));
        let refused = normalise_by(free.clone(), &rules(&definitions)).err();
        if let Some(error) = refused {
            prop_assert_eq!(error.fields()[0].field.as_str(), "custom_fields.f");
        }
    }

    #[test]
    fn a_value_that_fits_is_not_among_the_unfitting(definition in definition(), value in value()) {
        let Ok(free) = normalise(with(&value)) else { return Ok(()) };
        let contact = crate::contact::Contact { fields: free.clone(), ..crate::testing::fixtures::contact(1) };
        let found = definition.unfitting("f").matches(&contact, chrono::NaiveDate::default());
        let stored = free.custom_fields.get("f").cloned().unwrap_or_default();
        let fits = definition.read(&stored) == Ok(Some(stored.clone())) || stored.is_null();
        let is_number = definition.kind == FieldType::Number && stored.is_number();
        prop_assert_eq!(found, !fits && !is_number, "{}", stored);
    }
}
