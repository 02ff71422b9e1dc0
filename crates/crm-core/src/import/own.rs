//! Files that an export of ours wrote ([`export`](crate::export)): known by their columns, and read to the letter. What
//! helps with files of other programs (names put in order, several values in one cell, spaces taken out) would change
//! here what is right.

use serde_json::Value;

use super::columns::Column;
use super::dates;
use super::look::Format;
use super::person::{CUT_SHORT, LONGEST_CELL, Person};
use super::target::{Field, Target};
use super::values;
use crate::consent::ConsentStatus;
use crate::contact::Birthday;
use crate::contact::normalise::language;
use crate::error::{Error, FieldError, Result};
use crate::export::{list, unescaped};

/// What a report calls the program.
pub(super) const NAME: &str = "crm_engine";
/// Longest cell with a list in it, in bytes: a contact may have a hundred consent decisions.
const LONGEST_LIST: usize = 256 * 1024;

/// Whether a file with these columns is read to the letter: one of ours, whose columns fill what they filled when it was
/// written or nothing.
pub(super) fn reads(columns: &[Column]) -> bool {
    let exact = |target: &Target| {
        use Target::{Custom, Email, Field, Name, Phone};
        matches!(target, Name | Email(_) | Phone(_) | Field(_) | Custom(_))
    };
    let fits = |column: &Column| column.own.is_some() && column.target.iter().all(exact);
    columns.iter().all(fits)
}

/// Reads a record of such a file.
///
/// # Errors
/// `Invalid` with everything that is wrong with it; values are never repeated.
pub(super) fn person(columns: &[Column], cells: &[String]) -> Result<Person> {
    let mut person = Person::default();
    let mut wrong: Vec<FieldError> = Vec::new();
    for (column, cell) in columns.iter().zip(cells) {
        let cell = match column.own {
            // Nothing runs these.
            Some(Format::Vcard | Format::JsonLines) => cell,
            _ => unescaped(cell),
        };
        let Some(target) = column.target.as_ref().filter(|_| !cell.is_empty()) else {
            continue;
        };
        let taken = if cell.len() > longest(target) {
            Err("the cell is too long")
        } else {
            take(&mut person, column, target, cell)
        };
        if let Err(message) = taken {
            wrong.push(FieldError {
                field: column.name.clone(),
                message: message.to_owned(),
            });
        }
    }
    if wrong.is_empty() {
        person.reachable()
    } else {
        Err(Error::fields_invalid(wrong))
    }
}

const fn longest(target: &Target) -> usize {
    match target {
        Target::Field(Field::Tags | Field::PreferredChannels | Field::Consent) => LONGEST_LIST,
        _ => LONGEST_CELL,
    }
}

fn take(
    person: &mut Person,
    column: &Column,
    target: &Target,
    cell: &str,
) -> Result<(), &'static str> {
    let fields = &mut person.fields;
    let text = || Some(cell.to_owned());
    match target {
        Target::Name => cell.clone_into(&mut fields.name),
        Target::Email(_) => fields.email = text(),
        // A spreadsheet may have had the file in between.
        Target::Phone(_) | Target::Field(Field::Whatsapp) if values::is_cut_short(cell) => {
            person.lose(column, CUT_SHORT);
        }
        Target::Phone(_) => fields.phone = text(),
        Target::Custom(name) => {
            let value = Value::String(cell.to_owned());
            fields.custom_fields.insert(name.clone(), value);
        }
        Target::Field(field) => take_field(person, *field, column, cell)?,
        _ => {}
    }
    Ok(())
}

fn take_field(
    person: &mut Person,
    field: Field,
    column: &Column,
    cell: &str,
) -> Result<(), &'static str> {
    let fields = &mut person.fields;
    let text = || Some(cell.to_owned());
    match field {
        // Whoever wants our ids as theirs has another column fill it, too: the first one counts, as everywhere.
        Field::ExternalId => fields.external_id = fields.external_id.take().or_else(text),
        Field::Segment => {
            cell.clone_into(&mut fields.segment);
            person.says_segment = true;
        }
        Field::Company => fields.company = text(),
        Field::Position => fields.position = text(),
        Field::TimeZone => fields.time_zone = text(),
        Field::Whatsapp => fields.whatsapp = text(),
        Field::Telegram => fields.telegram_chat_id = Some(values::telegram(cell)),
        Field::Birthday => {
            fields.birthday = match Birthday::parse(cell) {
                Some(day) => Some(day),
                None => dates::birthday(cell, column.order)?,
            };
        }
        Field::Language => {
            let tag = language(cell.trim());
            fields.language = tag.unwrap_or_else(|| values::language(cell).to_owned());
            person.says_language = true;
        }
        Field::Tags => fields.tags.extend(list::read_texts(cell)),
        Field::PreferredChannels => fields.preferred_channels = list::read_texts(cell),
        Field::Consent => fields.consent = opt_outs(cell)?,
        Field::LastInteraction => {
            let instant = values::instant(cell);
            fields.last_interaction_date =
                Some(instant.ok_or("use an instant, for example 2026-01-31T09:00:00Z")?);
        }
    }
    Ok(())
}

/// The decisions of a cell that say no: a file cannot say that somebody agreed.
pub(super) fn opt_outs(cell: &str) -> Result<Vec<crate::consent::Consent>, &'static str> {
    let all = list::read_consent(cell)?.into_iter();
    Ok(all
        .filter(|consent| consent.status == ConsentStatus::OptedOut)
        .collect())
}
