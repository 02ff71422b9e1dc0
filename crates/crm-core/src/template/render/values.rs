//! What the variables of a template stand for.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::contact::ContactFields;
use crate::template::names::Name;
use crate::template::tongue::Tongue;
use crate::template::{dates, greeting};

/// The variables of every workspace; `custom.<field>` comes on top.
pub(super) const VARIABLES: &[&str] = &[
    "greeting",
    "name",
    "first_name",
    "polite_name",
    "company",
    "position",
    "segment",
    "language",
    "birthday",
    "age",
    "turns",
];
/// Where the helpers find the contact's time zone. No template can name it.
pub(super) const ZONE: &str = "-zone";

/// The values a contact has; the others are absent. `day` is the day the text is for.
pub(super) fn of(contact: &ContactFields, language: &str, day: NaiveDate) -> Value {
    let mut values = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            values.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    };
    let name = Name::of(&contact.name);
    let greeting = Tongue::of(language).map(|tongue| greeting::line(&contact.name, tongue));
    let birthday = contact
        .birthday
        .map(|birthday| dates::day_and_month(birthday, language));
    put("greeting", greeting.as_deref());
    put("name", Some(&contact.name));
    put("first_name", Some(name.first));
    put("polite_name", Some(&name.polite()));
    put("company", contact.company.as_deref());
    put("position", contact.position.as_deref());
    put("segment", Some(&contact.segment));
    put("language", Some(&contact.language));
    put("birthday", birthday.as_deref());
    put(ZONE, contact.zone().map(|known| known.zone.name()));
    for (name, years) in [("age", dates::age as Years), ("turns", dates::turns)] {
        let years = contact.birthday.and_then(|birthday| years(birthday, day));
        if let Some(years) = years {
            values.insert(name.to_owned(), years.into());
        }
    }
    let custom = contact
        .custom_fields
        .iter()
        .filter(|(_, value)| match value {
            Value::String(text) => !text.trim().is_empty(),
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        });
    let custom = custom
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    values.insert("custom".to_owned(), Value::Object(custom));
    Value::Object(values)
}

type Years = fn(crate::contact::Birthday, NaiveDate) -> Option<i32>;
