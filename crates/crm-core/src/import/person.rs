//! One record of a file as what is known about a person.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::columns::Column;
use super::own;
use super::target::{Field, Target};
use super::{dates, names, values};
use crate::contact::{AddressKind, ContactFields};
use crate::error::{Error, FieldError, Result};
use crate::export::list;

/// Longest cell that is read, in bytes.
pub(super) const LONGEST_CELL: usize = 16 * 1024;

/// What a record says.
#[derive(Clone, PartialEq, Default)]
pub struct Person {
    /// The contact's fields, as the file has them: not normalised yet.
    pub fields: ContactFields,
    /// Under which addresses the person does not want to be written to.
    pub opted_out: Vec<AddressKind>,
    /// Whether mail to the person's e-mail address came back.
    pub bounced: bool,
    /// Whether the record says a segment; otherwise it is the usual one.
    pub says_segment: bool,
    /// Whether the record says a language; otherwise it is the usual one.
    pub says_language: bool,
    /// Cells that say nothing usable; the rest of the record is taken.
    pub lost: Vec<LostCell>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(..)")
    }
}

/// A cell that says nothing usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCell {
    /// The name of its column.
    pub column: String,
    /// Why, without its value.
    pub reason: &'static str,
}

pub(super) const CUT_SHORT: &str = "a spreadsheet made a number of it and cut its last digits off; format the column as text and \
    export it again";

const FORMULA_ERROR: &str = "it holds the error of a formula; mend the formula and export it again";

/// The candidates for a field that several columns may fill.
#[derive(Default)]
struct Ranked<'a> {
    all: Vec<(u8, usize, &'a str)>,
}

impl<'a> Ranked<'a> {
    fn add(&mut self, rank: u8, column: usize, value: &'a str) {
        if !self.all.iter().any(|(.., known)| *known == value) {
            self.all.push((rank, column, value));
        }
    }

    /// The best one, and the others with their columns.
    fn best(mut self) -> (Option<String>, Vec<(usize, String)>) {
        // Sorting keeps the order of columns of the same rank.
        self.all.sort_by_key(|(rank, ..)| *rank);
        let mut all = self.all.into_iter();
        let best = all.next().map(|(.., value)| value.to_owned());
        (
            best,
            all.map(|(_, column, value)| (column, value.to_owned()))
                .collect(),
        )
    }
}

/// Reads a record whose cells stand in these columns.
///
/// # Errors
/// `Invalid` with everything that is wrong with it; values are never repeated.
pub(super) fn person(columns: &[Column], cells: &[String]) -> Result<Person> {
    if own::reads(columns) {
        return own::person(columns, cells);
    }
    let mut person = Person::default();
    let mut wrong: Vec<FieldError> = Vec::new();
    let (mut given, mut middle, mut family, mut whole) = ("", "", "", None);
    let (mut emails, mut phones) = (Ranked::default(), Ranked::default());
    let mut starred = false;
    for (number, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let cell = values::plain(cell);
        let was_starred = std::mem::take(&mut starred);
        let Some(target) = column.target.as_ref().filter(|_| !cell.is_empty()) else {
            continue;
        };
        let mut refuse = |message: &str| {
            wrong.push(FieldError {
                field: column.name.clone(),
                message: message.to_owned(),
            });
        };
        if cell.len() > LONGEST_CELL {
            refuse("the cell is longer than 16 KiB");
            continue;
        }
        if values::is_formula_error(cell) {
            person.lose(column, FORMULA_ERROR);
            continue;
        }
        // Not joined: an order to a model that stands on a line of its own would be harder to see.
        if cell.contains(['\n', '\r']) && has_one_line(target) {
            refuse("use one line");
            continue;
        }
        let rank = |rank: u8| if was_starred { 0 } else { rank + 1 };
        match target {
            Target::Name => whole = whole.or(Some((cell, false))),
            Target::NameFamilyFirst => whole = whole.or(Some((cell, true))),
            Target::GivenName => given = or(given, cell),
            Target::MiddleName => middle = or(middle, cell),
            Target::FamilyName => family = or(family, cell),
            Target::Label => starred = cell.starts_with("* "),
            Target::Email(of) => values::emails(cell)
                .into_iter()
                .for_each(|one| emails.add(rank(*of), number, one)),
            Target::Phone(of) => {
                for one in values::phones(cell) {
                    if values::is_cut_short(one) {
                        person.lose(column, CUT_SHORT);
                    } else {
                        phones.add(rank(*of), number, one);
                    }
                }
            }
            Target::OptOut(kind) if values::is_yes(cell) => {
                if !person.opted_out.contains(kind) {
                    person.opted_out.push(*kind);
                }
            }
            Target::Bounced if !cell.eq_ignore_ascii_case("false") && cell != "0" => {
                person.bounced = true
            }
            Target::Deleted if values::is_yes(cell) => {
                refuse("the file says that this contact was deleted")
            }
            Target::OptOut(_) | Target::Bounced | Target::Deleted => {}
            Target::Custom(name) => {
                person
                    .fields
                    .custom_fields
                    .insert(name.clone(), Value::String(cell.to_owned()));
            }
            Target::Field(Field::Birthday) => match dates::birthday(cell, column.order) {
                Ok(date) => person.fields.birthday = person.fields.birthday.or(date),
                Err(message) => refuse(message),
            },
            Target::Field(Field::Consent) => match own::opt_outs(cell) {
                Ok(opt_outs) => person.fields.consent.extend(opt_outs),
                Err(message) => refuse(message),
            },
            Target::Field(field) => person.set(*field, column, cell),
        }
    }
    if !wrong.is_empty() {
        return Err(Error::fields_invalid(wrong));
    }
    person.fields.name = match whole {
        // "Анна" and "Петровна" in columns of their own.
        Some((name, _)) if !middle.is_empty() && !name.trim().contains(' ') => {
            names::joined(name, middle, family)
        }
        Some((name, family_first)) if given.is_empty() || family.is_empty() => {
            names::ordered(name, family_first)
        }
        _ => names::joined(given, middle, family),
    };
    let (email, more_emails) = emails.best();
    let (phone, more_phones) = phones.best();
    (person.fields.email, person.fields.phone) = (email, phone);
    for (number, value) in more_emails.into_iter().chain(more_phones) {
        if let Some(column) = columns.get(number) {
            beside(&mut person.fields.custom_fields, &column.beside, value);
        }
    }
    person.reachable()
}

const fn has_one_line(target: &Target) -> bool {
    match target {
        Target::Name | Target::NameFamilyFirst => true,
        Target::GivenName | Target::MiddleName | Target::FamilyName => true,
        Target::Field(field) => matches!(
            field,
            Field::Company | Field::Position | Field::Segment | Field::Tags
        ),
        _ => false,
    }
}

fn is_reachable(fields: &ContactFields) -> bool {
    let ways = [
        &fields.email,
        &fields.phone,
        &fields.telegram_chat_id,
        &fields.whatsapp,
        &fields.external_id,
    ];
    ways.iter().any(|way| way.is_some())
}

fn or<'a>(known: &'a str, cell: &'a str) -> &'a str {
    if known.is_empty() { cell } else { known }
}

/// Keeps a further value under the first free name.
fn beside(fields: &mut BTreeMap<String, Value>, name: &str, value: String) {
    let mut free = name.to_owned();
    let mut number = 2;
    while fields.contains_key(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    fields.insert(free, Value::String(value));
}

impl Person {
    /// The person, unless too little of the record was usable to reach them at all.
    pub(super) fn reachable(self) -> Result<Self> {
        if self.lost.is_empty() || is_reachable(&self.fields) {
            return Ok(self);
        }
        let what = self.lost.iter().map(|lost| FieldError {
            field: lost.column.clone(),
            message: lost.reason.to_owned(),
        });
        Err(Error::fields_invalid(what.collect()))
    }

    pub(super) fn lose(&mut self, column: &Column, reason: &'static str) {
        self.lost.push(LostCell {
            column: column.name.clone(),
            reason,
        });
    }

    fn set(&mut self, field: Field, column: &Column, cell: &str) {
        let fields = &mut self.fields;
        let place = match field {
            Field::Company => &mut fields.company,
            Field::Position => &mut fields.position,
            Field::TimeZone => &mut fields.time_zone,
            Field::Telegram => {
                let name = values::telegram(cell);
                fields.telegram_chat_id.get_or_insert(name);
                return;
            }
            Field::Whatsapp => {
                if values::is_cut_short(cell) {
                    self.lose(column, CUT_SHORT);
                } else {
                    let number = cell.trim_start_matches('\'').to_owned();
                    fields.whatsapp.get_or_insert(number);
                }
                return;
            }
            Field::Segment => {
                fields.segment = values::spaced(cell);
                self.says_segment = true;
                return;
            }
            Field::Language => {
                values::language(cell).clone_into(&mut fields.language);
                self.says_language = true;
                return;
            }
            Field::Tags if let Some(tags) = list::json_texts(cell) => {
                fields.tags.extend(tags);
                return;
            }
            Field::Tags => {
                fields
                    .tags
                    .extend(values::tags(cell).into_iter().map(values::spaced));
                return;
            }
            Field::ExternalId if values::is_cut_short(cell) => {
                self.lose(column, CUT_SHORT);
                return;
            }
            Field::ExternalId => &mut fields.external_id,
            Field::PreferredChannels => {
                fields.preferred_channels.extend(list::read_texts(cell));
                return;
            }
            Field::LastInteraction => {
                match values::instant(cell) {
                    Some(at) => fields.last_interaction_date = Some(at),
                    None => beside(&mut fields.custom_fields, &column.beside, cell.to_owned()),
                }
                return;
            }
            // Read by the caller, who knows the order of its parts and can refuse.
            Field::Birthday | Field::Consent => return,
        };
        place.get_or_insert_with(|| values::spaced(values::first(cell)));
    }
}
