//! What is known of a contact as cells of a table.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::list;
use crate::contact::Contact;

/// The columns that every CSV file has, in order; behind them come `custom_fields.NAME`.
pub const COLUMNS: [&str; 17] = [
    "id",
    "external_id",
    "name",
    "email",
    "phone",
    "telegram_chat_id",
    "whatsapp",
    "segment",
    "birthday",
    "company",
    "position",
    "language",
    "time_zone",
    "tags",
    "preferred_channels",
    "consent",
    "last_interaction_date",
];

/// A cell for each of [`COLUMNS`].
pub(super) fn cells(contact: &Contact) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let birthday = contact.birthday.map(|day| day.to_string());
    [
        contact.id.to_string(),
        text(&contact.external_id),
        contact.name.clone(),
        text(&contact.email),
        text(&contact.phone),
        text(&contact.telegram_chat_id),
        text(&contact.whatsapp),
        contact.segment.clone(),
        birthday.unwrap_or_default(),
        text(&contact.company),
        text(&contact.position),
        contact.language.clone(),
        text(&contact.time_zone),
        list::texts(contact.tags.iter().map(String::as_str)),
        list::texts(contact.preferred_channels.iter().map(String::as_str)),
        list::consent(&contact.consent),
        contact
            .last_interaction_date
            .map(instant)
            .unwrap_or_default(),
    ]
}

/// An instant as every format writes it: `2026-01-31T09:00:00Z`, with as many decimals as it has.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The value of a custom field.
pub(super) fn custom(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
