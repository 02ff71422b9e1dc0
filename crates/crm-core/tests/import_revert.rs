//! An import can be taken back: what it made and nobody used since goes, the rest stays and is named.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;

use common::world;
use crm_core::ErrorKind;
use crm_core::consent::{ConsentStatus, Topic};
use crm_core::contact::ContactFields;
use crm_core::engine::{GenerateMessage, ImportReport, Session};
use crm_core::id::ImportId;
use crm_core::import::{Duplicates, Options, inspect};
use crm_core::message::Occasion;
use crm_core::message::history::Subject;
use crm_core::port::store::{ContactQuery, EventQuery, SuppressionQuery};

const FILE: &[u8] = b"name,email,birthday\n\
    Anna,anna@mail.example,\n\
    Boris,boris@mail.example,31.02.1990\n\
    Vera,vera@mail.example,\n\
    Gleb,gleb@mail.example,\n\
    Known,known@mail.example,\n";

fn import() -> ImportId {
    ImportId("01a00000-0000-7000-8000-000000000001".parse().unwrap())
}

async fn take(session: &Session, file: &[u8]) -> crm_core::Result<ImportReport> {
    let found = inspect(&mut Cursor::new(file), &Options::default())?;
    let contacts = session.contacts();
    let mut taking = contacts.import(import(), Cursor::new(file), &found, Duplicates::Skip)?;
    let mut report = ImportReport::new(import(), found.clone());
    while let Some(part) = taking.step().await? {
        report.add(part);
    }
    Ok(report)
}

#[tokio::test]
async fn reverting_removes_only_what_is_unused() {
    let world = world();
    let manager = world.manager();
    let known = world.contact("known@mail.example").await;
    let report = take(&manager, FILE).await.unwrap();
    assert_eq!((report.rows, report.created, report.skipped), (5, 3, 1));
    assert_eq!(report.rejected[0].line, 3);
    assert_eq!(
        report.rejected[0].cells,
        ["Boris", "boris@mail.example", "31.02.1990"]
    );
    assert!(!format!("{report:?}").contains("boris@"));

    let page = manager.contacts().list(ContactQuery::default()).await;
    let people = page.unwrap().items;
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    // Newest first, in the order of the file.
    assert_eq!(names[..3], ["Gleb", "Vera", "Anna"]);
    let (gleb, vera, anna) = (&people[0], &people[1], &people[2]);

    let wanted = GenerateMessage::new(anna.id, Occasion::Birthday);
    manager.messages().generate(wanted).await.unwrap();
    let fields = ContactFields {
        company: Some("Chinor".to_owned()),
        ..vera.fields.clone()
    };
    manager
        .contacts()
        .update(vera.id, None, fields)
        .await
        .unwrap();

    let viewer = world.viewer();
    let refused = viewer.contacts().revert_import(import(), 5).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let reverted = manager.contacts().revert_import(import(), 5).await.unwrap();
    assert_eq!((reverted.removed, reverted.kept), (1, 2));
    let mut kept: Vec<_> = reverted.items.iter().map(|k| (k.id, &*k.reason)).collect();
    kept.sort_unstable();
    assert_eq!(kept, [(anna.id, "has_messages"), (vera.id, "edited")]);

    let gone = manager.contacts().get(gleb.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    manager.contacts().get(known.id).await.unwrap();
    let query = EventQuery {
        subject: Some((Subject::Contact, gleb.id.0)),
        ..EventQuery::default()
    };
    let events = manager.audit().events(query).await.unwrap();
    let said: Vec<_> = events
        .iter()
        .map(|stored| (&*stored.event.action, stored.event.reason.clone().unwrap()))
        .collect();
    let origin = format!("import {}", import());
    assert_eq!(
        said,
        [
            ("created", origin.clone()),
            ("erased", format!("reverted {origin}"))
        ]
    );
    assert_eq!(manager.analytics().recount().await.unwrap(), []);

    // The address is free again; a second revert has nothing to do.
    let again = manager.contacts().revert_import(import(), 5).await.unwrap();
    assert_eq!((again.removed, again.kept), (0, 2));
    let report = manager
        .contacts()
        .import_file(FILE, &crm_core::import::Options::default())
        .await
        .unwrap();
    assert_eq!((report.created, report.skipped), (1, 3));
}

#[tokio::test]
async fn another_import_and_another_workspace_are_left_alone() {
    let world = world();
    let manager = world.manager();
    take(&manager, FILE).await.unwrap();
    let other = ImportId("01a00000-0000-7000-8000-000000000002".parse().unwrap());
    let reverted = manager.contacts().revert_import(other, 100).await.unwrap();
    assert_eq!((reverted.removed, reverted.kept), (0, 0));
    let stranger = world.engine.act_as(crm_core::Actor::new(
        crm_core::Workspace::new("other").unwrap(),
        "eve",
        crm_core::Role::Admin,
    ));
    let reverted = stranger
        .contacts()
        .revert_import(import(), 5)
        .await
        .unwrap();
    assert_eq!((reverted.removed, reverted.kept), (0, 0));
    let left = manager
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    assert_eq!(left.items.len(), 4);
}

#[tokio::test]
async fn an_unclosed_quotation_mark_costs_one_row() {
    let world = world();
    let file = b"name,email\n\
        Anna,anna@mail.example\n\
        \"Boris,boris@mail.example\n\
        Vera,vera@mail.example\n\
        \"Gleb\nJr\",gleb@mail.example\n\
        Dora,\"dora@mail.example\n";
    let report = take(&world.manager(), file).await;
    let report = report.unwrap();
    assert_eq!((report.rows, report.created), (5, 2));
    let rejected: Vec<u64> = report.rejected.iter().map(|row| row.line).collect();
    // Gleb's name is well quoted, but a name has one line.
    assert_eq!(rejected, [3, 5, 7]);
    assert_eq!(report.rejected[0].cells, ["\"Boris", "boris@mail.example"]);
    assert!(report.rejected[0].reason.contains("quotation mark"));
}

#[tokio::test]
async fn an_import_lowers_consent_and_tells_of_cells_that_say_nothing() {
    let world = world();
    let manager = world.manager();
    let file = "Id,IsDeleted,AccountId,LastName,FirstName,Email,MobilePhone,HasOptedOutOfEmail,EmailBouncedReason\n\
        1,0,,A,Ann,ann@mail.example,,1,\n\
        2,0,,B,Bob,bob@mail.example,\"9,98901E+11\",0,550 unknown\n\
        3,1,,C,Cid,cid@mail.example,,0,\n";
    let report = take(&manager, file.as_bytes()).await.unwrap();
    assert_eq!(report.detected.profile, "salesforce");
    assert_eq!(
        (report.rows, report.created, report.rejected.len()),
        (3, 2, 1)
    );
    let lost: Vec<_> = report
        .lost
        .iter()
        .map(|lost| (lost.line, lost.column.as_str()))
        .collect();
    assert_eq!(lost, [(3, "MobilePhone")]);
    let people = manager
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap()
        .items;
    let (bob, ann) = (&people[0], &people[1]);
    let mail = ann
        .consent
        .iter()
        .find(|consent| consent.channel == "email")
        .unwrap();
    assert_eq!(
        (mail.status, mail.topic),
        (ConsentStatus::OptedOut, Topic::Relationship)
    );
    assert!(bob.consent.is_empty());
    let listed = manager
        .suppressions()
        .list(SuppressionQuery::default())
        .await
        .unwrap()
        .items;
    let listed: Vec<_> = listed
        .iter()
        .map(|row| (&*row.channel, &*row.address, &*row.reason))
        .collect();
    assert_eq!(listed, [("email", "bob@mail.example", "dead")]);
}
