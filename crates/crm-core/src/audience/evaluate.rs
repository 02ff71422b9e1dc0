//! What an expression means for one contact, which expressions are accepted, and their short form.
//!
//! # Semantics every store reproduces
//! - `and` of nothing holds; `or` of nothing does not.
//! - Segment, tag and custom texts are compared byte for byte.
//! - `language` ignores ASCII case; the contact's tag is equal to it or begins with it and a hyphen.
//! - `birthday_within: n` holds when the next birthday on or after today is at most `n` days away. In
//!   a year without 29 February such a birthday is on the 28th. The year of birth plays no part, so a
//!   search in late December finds January birthdays. Without a birthday it never holds.
//! - `birthday_month` compares the stored month alone.
//! - `custom_field` compares values of the same JSON type: texts byte for byte, numbers by value
//!   (`1` equals `1.0`), booleans. A field the contact lacks equals nothing, so `not` of it holds.
//! - Missing values make a condition false, never unknown.

use chrono::{Datelike, NaiveDate};
use serde_json::{Map, Value};

use super::Audience;
use crate::contact::{Birthday, Contact};
use crate::error::{Error, Result};

/// Deepest nesting; a single condition is 1 deep.
const DEPTH: usize = 32;
/// Most conditions and operators together.
const NODES: usize = 1_000;
/// Longest text in characters.
const LONGEST: usize = 255;

impl Audience {
    /// Whether the contact belongs to it on this date.
    #[must_use]
    pub fn matches(&self, contact: &Contact, today: NaiveDate) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(contact, today)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(contact, today)),
            Self::Not(part) => !part.matches(contact, today),
            Self::Segment(segment) => contact.segment == *segment,
            Self::Tag(tag) => contact.tags.contains(tag),
            Self::Language(wanted) => speaks(&contact.language, wanted),
            Self::BirthdayWithin(days) => contact
                .birthday
                .and_then(|birthday| days_ahead(birthday, today))
                .is_some_and(|ahead| ahead <= i64::from(*days)),
            Self::BirthdayMonth(month) => contact.birthday.is_some_and(|date| date.month == *month),
            Self::CustomField { name, equals } => contact
                .custom_fields
                .get(name)
                .is_some_and(|value| same(value, equals)),
            Self::Contact(id) => contact.id == *id,
        }
    }

    /// Checks that the expression can be evaluated everywhere.
    ///
    /// # Errors
    /// `Invalid` when it is nested deeper than 32, has more than 1,000 parts, or holds a month, a number
    /// of days, a text or a value that is out of range.
    pub fn validate(&self) -> Result<()> {
        let mut nodes = 0;
        self.check(1, &mut nodes)
    }

    fn check(&self, depth: usize, nodes: &mut usize) -> Result<()> {
        *nodes += 1;
        if depth > DEPTH {
            return Err(refuse("it is nested deeper than 32"));
        }
        if *nodes > NODES {
            return Err(refuse("it has more than 1,000 parts"));
        }
        match self {
            Self::And(parts) | Self::Or(parts) => parts
                .iter()
                .try_for_each(|part| part.check(depth + 1, nodes)),
            Self::Not(part) => part.check(depth + 1, nodes),
            Self::Segment(text) | Self::Tag(text) | Self::Language(text) => word(text),
            Self::BirthdayWithin(days) if *days > 366 => Err(refuse("birthday_within is 0 to 366")),
            Self::BirthdayMonth(month) if !(1..=12).contains(month) => {
                Err(refuse("birthday_month is 1 to 12"))
            }
            Self::CustomField { name, equals } => {
                word(name)?;
                match equals {
                    Value::String(text) if text.chars().count() > LONGEST => {
                        Err(refuse("a text is longer than 255 characters"))
                    }
                    Value::String(text) if text.contains('\0') => Err(refuse("a text holds NUL")),
                    Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(()),
                    _ => Err(refuse(
                        "custom_field equals a text, a number, true or false",
                    )),
                }
            }
            Self::BirthdayWithin(_) | Self::BirthdayMonth(_) | Self::Contact(_) => Ok(()),
        }
    }

    /// Reads the short form or the full expression, and validates it.
    ///
    /// The short form is one object; everything in it has to hold: `segment`, `segments` (any),
    /// `language`, `languages` (any), `tag`, `tags` (all), `birthday_within`, `birthday_month`,
    /// `custom_fields` (an object, all). The empty object is everybody.
    ///
    /// # Errors
    /// `Invalid` for unknown keys and for what [`validate`](Self::validate) refuses;
    /// `has_birthday_this_month` needs [`from_short_in`](Self::from_short_in).
    pub fn from_short(value: &Value) -> Result<Self> {
        read(value, None)
    }

    /// As [`from_short`](Self::from_short); `has_birthday_this_month` means `month`.
    ///
    /// # Errors
    /// As [`from_short`](Self::from_short).
    pub fn from_short_in(value: &Value, month: u32) -> Result<Self> {
        read(value, Some(month))
    }
}

fn refuse(message: &str) -> Error {
    Error::field("audience", message)
}

fn word(text: &str) -> Result<()> {
    if text.is_empty() || text.chars().count() > LONGEST || text.contains('\0') {
        return Err(refuse("a text has 1 to 255 characters"));
    }
    Ok(())
}

fn speaks(language: &str, wanted: &str) -> bool {
    match language.get(..wanted.len()) {
        Some(head) if head.eq_ignore_ascii_case(wanted) => {
            language.len() == wanted.len() || language.as_bytes().get(wanted.len()) == Some(&b'-')
        }
        _ => false,
    }
}

/// The day a birthday is kept in that year; 29 February is kept on the 28th when the year has none.
#[must_use]
pub fn birthday_in(birthday: Birthday, year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, birthday.month, birthday.day).or_else(|| {
        let leap_day = birthday.month == 2 && birthday.day == 29;
        leap_day
            .then(|| NaiveDate::from_ymd_opt(year, 2, 28))
            .flatten()
    })
}

fn days_ahead(birthday: Birthday, today: NaiveDate) -> Option<i64> {
    let this = birthday_in(birthday, today.year())?;
    let next = if this < today {
        birthday_in(birthday, today.year() + 1)?
    } else {
        this
    };
    Some(next.signed_duration_since(today).num_days())
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => {
            left == right || ((left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64())
        }
        _ => false,
    }
}

fn read(value: &Value, month: Option<u32>) -> Result<Audience> {
    let Value::Object(keys) = value else {
        return Err(refuse("use an object, for example {\"segment\": \"VIP\"}"));
    };
    let operator = |key: &String| {
        matches!(
            key.as_str(),
            "and" | "or" | "not" | "custom_field" | "contact"
        )
    };
    let audience = if keys.keys().any(operator) {
        serde_json::from_value(value.clone()).map_err(|_| {
            refuse("an expression is one of and, or, not and a condition, and nothing beside it")
        })?
    } else {
        short(keys, month)?
    };
    audience.validate()?;
    Ok(audience)
}

fn short(keys: &Map<String, Value>, month: Option<u32>) -> Result<Audience> {
    let mut all = Vec::new();
    for (key, value) in keys {
        match key.as_str() {
            "segment" => all.push(Audience::Segment(text(key, value)?)),
            "segments" => all.push(any(texts(key, value)?, Audience::Segment)),
            "language" => all.push(Audience::Language(text(key, value)?)),
            "languages" => all.push(any(texts(key, value)?, Audience::Language)),
            "tag" => all.push(Audience::Tag(text(key, value)?)),
            "tags" => all.extend(texts(key, value)?.into_iter().map(Audience::Tag)),
            "birthday_within" => all.push(Audience::BirthdayWithin(number(key, value)?)),
            "birthday_month" => all.push(Audience::BirthdayMonth(number(key, value)?)),
            "has_birthday_this_month" => {
                let month = month.ok_or_else(|| {
                    refuse("has_birthday_this_month is not offered here; use birthday_month")
                })?;
                let born = Audience::BirthdayMonth(month);
                match value {
                    Value::Bool(true) => all.push(born),
                    Value::Bool(false) => all.push(Audience::Not(Box::new(born))),
                    _ => return Err(refuse("has_birthday_this_month is true or false")),
                }
            }
            "custom_fields" => {
                let fields = value.as_object().filter(|fields| !fields.is_empty());
                let fields = fields.ok_or_else(|| refuse("custom_fields is a filled object"))?;
                all.extend(fields.iter().map(|(name, equals)| Audience::CustomField {
                    name: name.clone(),
                    equals: equals.clone(),
                }));
            }
            _ => return Err(refuse("it holds a key that is not known")),
        }
    }
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            all.extend(last);
            Ok(Audience::And(all))
        }
    }
}

fn text(key: &str, value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| refuse(&format!("{key} is a text")))
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| refuse(&format!("{key} is a list with at least one text")))?;
    list.iter().map(|value| text(key, value)).collect()
}

fn number(key: &str, value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| refuse(&format!("{key} is a whole number")))
}

fn any(mut texts: Vec<String>, condition: fn(String) -> Audience) -> Audience {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => condition(only),
        (last, _) => {
            texts.extend(last);
            Audience::Or(texts.into_iter().map(condition).collect())
        }
    }
}

#[cfg(test)]
mod tests {
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
        let within = |birthday, today, days| {
            Audience::BirthdayWithin(days).matches(&born(birthday), day(today))
        };
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
        let nest =
            |depth| (1..depth).fold(Audience::everybody(), |a, _| Audience::Not(Box::new(a)));
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
}
