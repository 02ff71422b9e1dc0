//! What an export writes, an import reads: the same contacts come back from every format and encoding, and where one
//! cannot hold something, a test here names it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod anybody;
mod fixed;
mod round_trip;

use std::collections::BTreeSet;
use std::io::Cursor;

use crm_core::contact::normalise::normalise;
use crm_core::contact::{Contact, ContactFields};
use crm_core::export::{ExportReport, Options, Writer};
use crm_core::id::ContactId;
use crm_core::import::{self, Detected, Rows, inspect};

/// The contact of these fields that was made as the `number`th.
fn contact(number: u128, fields: ContactFields) -> Contact {
    Contact {
        workspace: crm_core::Workspace::default(),
        id: ContactId(uuid::Uuid::from_u128(number)),
        version: 3,
        fields,
        erased: false,
        merged_into: None,
        created_by: "olga".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// The names of all custom fields, as the use case finds them.
fn custom_fields(people: &[ContactFields]) -> Vec<String> {
    let names = people.iter().flat_map(|fields| fields.custom_fields.keys());
    names
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn written(people: &[ContactFields], options: &Options) -> (Vec<u8>, ExportReport) {
    let mut writer = Writer::new(options).unwrap();
    let mut file = Vec::new();
    writer.begin(&mut file);
    for (number, fields) in people.iter().enumerate() {
        writer.contact(&contact(number as u128, fields.clone()), &mut file);
    }
    (file, writer.report())
}

/// The people of a file as an import makes contacts of them.
fn read(file: &[u8], encoding: Option<&str>) -> (Detected, Vec<ContactFields>) {
    let options = import::Options {
        encoding: encoding.map(str::to_owned),
        ..import::Options::default()
    };
    let mut file = Cursor::new(file);
    let found = inspect(&mut file, &options).unwrap();
    let rows = Rows::new(&mut file, &found).unwrap();
    let people = rows.map(|row| {
        let row = row.unwrap();
        let person = row
            .person
            .unwrap_or_else(|error| panic!("line {}: {error}", row.line));
        assert!(person.lost.is_empty() && person.opted_out.is_empty() && !person.bounced);
        normalise(person.fields).unwrap_or_else(|error| panic!("line {}: {error}", row.line))
    });
    let people = people.collect();
    (found, people)
}
