//! Rows are read while those before them are written: nobody sees that but by the clock.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::fmt::Write as _;
use std::io::{Cursor, Error as IoError, Read, Result as IoResult, Seek, SeekFrom};

use common::{World, world};
use crm_core::ErrorKind;
use crm_core::contact::definition::{DefinitionFields, FieldType};
use crm_core::engine::SetField;
use crm_core::id::ImportId;
use crm_core::import::{Duplicates, Options, inspect};
use crm_core::port::store::{ContactQuery, PageRequest};

fn import() -> ImportId {
    ImportId("01a00000-0000-7000-8000-000000000001".parse().unwrap())
}

/// So many people with points, of whom every tenth has a word for a number.
fn file(count: usize) -> String {
    let mut file = String::from("id,name,points\n");
    for number in 0..count {
        let points = if number % 10 == 0 { "many" } else { "7" };
        writeln!(file, "{number},Anna,{points}").unwrap();
    }
    file
}

async fn define_points(world: &World) {
    let wanted = SetField {
        name: "points".to_owned(),
        version: None,
        fields: DefinitionFields::of(FieldType::Number),
    };
    world.admin().fields().set(wanted).await.unwrap();
}

/// The external ids of all there are, in the order of the file.
async fn ids(world: &World) -> Vec<String> {
    let mut page = PageRequest {
        limit: 1_000,
        oldest_first: true,
        ..PageRequest::default()
    };
    let mut ids = Vec::new();
    loop {
        let query = ContactQuery {
            page,
            ..ContactQuery::default()
        };
        let found = world.viewer().contacts().list(query).await.unwrap();
        let rows = found.items.into_iter();
        ids.extend(rows.map(|contact| contact.fields.external_id.unwrap()));
        page.after = found.next;
        if page.after.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn a_field_that_is_defined_or_forgotten_between_two_parts_counts_from_the_next_on() {
    let (world, file) = (world(), file(3_000));
    let found = inspect(&mut Cursor::new(&file), &Options::default()).unwrap();
    let manager = world.manager();
    let contacts = manager.contacts();
    let mut taking = contacts
        .import(import(), Cursor::new(&file), &found, Duplicates::Skip)
        .unwrap();
    let mut rejected = Vec::new();
    for part in 0..3 {
        let report = taking.step().await.unwrap().unwrap();
        assert_eq!(report.rows, 1_000);
        assert_eq!(report.created + report.rejected.len() as u64, 1_000);
        rejected.push(report.rejected.len());
        match part {
            0 => define_points(&world).await,
            1 => world.admin().fields().remove("points").await.unwrap(),
            _ => {}
        }
    }
    assert_eq!(rejected, [0, 100, 0]);
    assert!(taking.step().await.unwrap().is_none());
    assert_eq!(ids(&world).await.len(), 2_900);
}

#[tokio::test]
async fn rows_are_left_out_whether_they_were_read_ahead_or_not() {
    for (rows, behind) in [(1_000, 1_000), (1_500, 500), (2_000, 1_000), (2_700, 300)] {
        let (world, file) = (world(), file(3_000));
        let found = inspect(&mut Cursor::new(&file), &Options::default()).unwrap();
        let manager = world.manager();
        let contacts = manager.contacts();
        let mut taking = contacts
            .import(import(), Cursor::new(&file), &found, Duplicates::Skip)
            .unwrap();
        taking.step().await.unwrap();
        taking.skip(rows).unwrap();
        let next = taking.step().await.unwrap().unwrap();
        assert_eq!(next.created, behind, "{rows}");
        while taking.step().await.unwrap().is_some() {}
        let wanted = (0..1_000).chain(rows..3_000).map(|row| row.to_string());
        assert_eq!(ids(&world).await, wanted.collect::<Vec<_>>(), "{rows}");

        // Their ids are those of an import that left nothing out.
        let report = contacts
            .import(import(), Cursor::new(&file), &found, Duplicates::Skip)
            .unwrap();
        let (mut taking, mut created) = (report, 0);
        while let Some(part) = taking.step().await.unwrap() {
            created += part.created;
        }
        assert_eq!(created, 3_000, "{rows}");
    }
}

/// A file whose end cannot be read.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        match self.0.read(buffer)? {
            0 => Err(IoError::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

impl Seek for Broken {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.0.seek(to)
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_on_is_told_of_after_what_could_be_read() {
    let (world, file) = (world(), file(3_000));
    let found = inspect(&mut Cursor::new(&file), &Options::default()).unwrap();
    let manager = world.manager();
    let contacts = manager.contacts();
    let broken = Broken(Cursor::new(file.clone().into_bytes()));
    let mut taking = contacts
        .import(import(), broken, &found, Duplicates::Skip)
        .unwrap();
    let mut rows = 0;
    let error = loop {
        match taking.step().await {
            Ok(part) => rows += part.unwrap().rows,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(rows, 2_000);
    assert_eq!(ids(&world).await.len(), 2_000);

    // The same import, begun again with a file that can be read, makes the rest.
    let mut taking = contacts
        .import(import(), Cursor::new(&file), &found, Duplicates::Skip)
        .unwrap();
    taking.skip(rows).unwrap();
    while let Some(part) = taking.step().await.unwrap() {
        rows += part.created;
    }
    assert_eq!(rows, 3_000);
    assert_eq!(ids(&world).await.len(), 3_000);
}
