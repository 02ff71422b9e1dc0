//! vCards that an export of ours wrote, as the cells that its CSV files have.

use serde_json::Value;

use super::vcard::{Property, parts};
use crate::export::list;
use crate::export::vcard::WRITER;

/// Whether one of ours wrote the card.
pub(super) fn is_own(card: &[Property<'_>]) -> bool {
    let mut card = card.iter();
    card.any(|property| property.name == "PRODID" && property.value == WRITER)
}

/// The names and cells of a card, and the values of those that are no texts.
#[derive(Debug, Default)]
pub(super) struct OwnCells {
    pub(super) cells: Vec<(String, String)>,
    pub(super) typed: Vec<(String, Value)>,
}

/// The cells of a card.
pub(super) fn cells(card: &[Property<'_>]) -> OwnCells {
    let mut found = OwnCells::default();
    for property in card {
        let text = || parts(property.value, None).concat();
        let (name, cell) = match property.name.as_str() {
            "UID" => ("id", text()),
            "FN" => ("name", text()),
            "EMAIL" => ("email", text()),
            "TEL" => ("phone", text().trim_start_matches("tel:").to_owned()),
            "BDAY" => ("birthday", birthday(property)),
            "ORG" => ("company", text()),
            "TITLE" => ("position", text()),
            "LANG" | "X-LANG" => ("language", text()),
            "TZ" => ("time_zone", text()),
            "CATEGORIES" => {
                let tags = parts(property.value, Some(','));
                ("tags", list::texts(tags.iter().map(String::as_str)))
            }
            "X-TELEGRAM" => ("telegram_chat_id", text()),
            "X-WHATSAPP" => ("whatsapp", text()),
            "X-CRM-EXTERNAL-ID" => ("external_id", text()),
            "X-CRM-SEGMENT" => ("segment", text()),
            "X-CRM-PREFERRED-CHANNELS" => ("preferred_channels", text()),
            "X-CRM-CONSENT" => ("consent", text()),
            "X-CRM-LAST-INTERACTION" => ("last_interaction_date", text()),
            "X-CRM-FIELD" => {
                custom(property, text(), &mut found);
                continue;
            }
            _ => continue,
        };
        found.cells.push((name.to_owned(), cell));
    }
    found
}

/// `--MM-DD` or `YYYY-MM-DD`, whichever way the card says it.
fn birthday(property: &Property<'_>) -> String {
    let value = property.value.trim();
    let omits = |mark: &String| mark.starts_with("x-apple-omit-year=");
    if property.marks.iter().any(omits)
        && let Some((_, rest)) = value.split_once('-')
    {
        return format!("--{rest}");
    }
    let (year, rest) = match value.strip_prefix("--") {
        Some(rest) => ("-", rest),
        None => value.split_at_checked(4).unwrap_or(("", value)),
    };
    match rest.split_at_checked(2) {
        Some((month, day)) if !day.contains('-') && day.len() == 2 => {
            format!("{year}-{month}-{day}")
        }
        _ => value.to_owned(),
    }
}

fn custom(property: &Property<'_>, cell: String, found: &mut OwnCells) {
    let mark = |name: &str| {
        property
            .marks
            .iter()
            .find_map(|mark| mark.strip_prefix(name))
    };
    let Some(name) = mark("x-name=") else { return };
    let name = format!("custom_fields.{name}");
    let value = mark("value=").and_then(|kind| {
        let value: Value = serde_json::from_str(&cell).ok()?;
        let fits = match kind {
            "boolean" => value.is_boolean(),
            "integer" | "float" => value.is_number(),
            _ => false,
        };
        fits.then_some(value)
    });
    let empty = cell.is_empty().then(|| Value::String(String::new()));
    found
        .typed
        .extend(value.or(empty).map(|value| (name.clone(), value)));
    found.cells.push((name, cell));
}
