//! The contacts that the peer inserts: those of T9's file, ready to be bound.
//!
//! Making them is no part of what a database does, so it is done before the clock runs. The marks of the search are those
//! that the engine would store: made up ones would fill an index of another shape.

use crm_core::contact::ContactFields;
use crm_core::contact::search::{marks, search_key};
use uuid::Uuid;

use crate::Outcome;
use crate::import::Person;

/// The key of the workspace that the database was made with.
const WORKSPACE: i64 = 1;

/// One contact.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) external_id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) phone: String,
    /// month * 100 + day
    pub(super) birthday_day: i32,
    pub(super) birthday_year: i32,
    pub(super) company: String,
    pub(super) search_key: String,
    pub(super) marks: Vec<u32>,
}

/// The contacts of these rows of the file.
pub(super) fn rows(numbers: std::ops::Range<usize>) -> Outcome<Vec<Row>> {
    numbers.map(row).collect()
}

fn row(number: usize) -> Outcome<Row> {
    let person = Person::of(number);
    let fields = ContactFields {
        name: person.name.clone(),
        email: Some(person.email.clone()),
        phone: Some(person.phone.clone()),
        company: Some(person.company.clone()),
        ..ContactFields::default()
    };
    let search_key = search_key(&fields);
    Ok(Row {
        // Ids that grow, as the engine's do.
        id: Uuid::from_u128((0x019a_bcde_u128 << 96) | u128::try_from(number)?),
        external_id: person.external_id,
        name: person.name,
        email: person.email,
        phone: person.phone,
        birthday_day: i32::try_from(person.month * 100 + person.day)?,
        birthday_year: i32::try_from(person.year)?,
        company: person.company,
        marks: marks(WORKSPACE, &search_key),
        search_key,
    })
}
