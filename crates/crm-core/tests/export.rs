//! Exports through the engine: whom they hold, who may make them, and what the history says of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{World, world};
use crm_core::ErrorKind;
use crm_core::audience::Audience;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::Session;
use crm_core::export::{ExportReport, Format, MOST_CUSTOM_FIELDS, Options};
use crm_core::message::history::{StoredEvent, Subject};
use crm_core::port::store::{ContactQuery, EventQuery};
use serde_json::{Value, json};

async fn somebody(
    world: &World,
    number: usize,
    change: impl FnOnce(&mut ContactFields),
) -> Contact {
    let mut fields = ContactFields {
        name: format!("Person {number}"),
        email: Some(format!("p{number}@mail.example")),
        ..ContactFields::default()
    };
    change(&mut fields);
    world.manager().contacts().create(fields).await.unwrap()
}

async fn exported(
    session: &Session,
    query: ContactQuery,
    options: &Options,
) -> (String, ExportReport) {
    let export = session.contacts().export(query, options).await.unwrap();
    let (file, report) = export.to_end().await.unwrap();
    (String::from_utf8(file).unwrap(), report)
}

/// The history of exports: action, actor, version and reason.
async fn told(world: &World) -> Vec<StoredEvent> {
    let query = EventQuery {
        limit: 10_000,
        ..EventQuery::default()
    };
    let events = world.viewer().audit().events(query).await.unwrap();
    let exports = events
        .into_iter()
        .filter(|stored| stored.event.subject == Subject::Export);
    exports.collect()
}

fn json_lines() -> Options {
    Options {
        format: Format::JsonLines,
        ..Options::default()
    }
}

#[tokio::test]
async fn everybody_is_in_it_once_however_many_pages_there_are() {
    let world = world();
    for number in 0..1_203 {
        somebody(&world, number, |_| ()).await;
    }
    let manager = world.manager();
    // Which page is asked for does not matter.
    let mut query = ContactQuery::default();
    query.page.limit = 3;
    query.page.skip = 7;
    let mut export = manager
        .contacts()
        .export(query, &json_lines())
        .await
        .unwrap();
    let (mut text, mut parts) = (String::new(), 0);
    while let Some(part) = export.next().await.unwrap() {
        assert!(!part.is_empty());
        text.push_str(std::str::from_utf8(&part).unwrap());
        parts += 1;
    }
    assert_eq!((parts, export.report().contacts), (3, 1_203));
    assert!(export.next().await.unwrap().is_none());
    for (number, line) in text.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["name"], format!("Person {number}"));
    }
    assert_eq!(text.lines().count(), 1_203);
    assert_eq!(told(&world).await.len(), 2);
}

#[tokio::test]
async fn a_query_chooses_and_the_history_tells_without_its_values() {
    let world = world();
    for number in 0..6 {
        let change = |fields: &mut ContactFields| {
            if number % 2 == 0 {
                fields.tags = ["secret club".to_owned()].into();
                fields.name = "Żenia 🎉".to_owned();
            }
            fields.custom_fields = [(format!("field_{number}"), json!(number))].into();
        };
        somebody(&world, number, change).await;
    }
    let erased = somebody(&world, 9, |fields| {
        fields.tags = ["secret club".to_owned()].into()
    })
    .await;
    world.admin().contacts().erase(erased.id).await.unwrap();
    let query = ContactQuery {
        audience: Some(Audience::And(vec![
            Audience::Tag("secret club".to_owned()),
            Audience::Not(Box::new(Audience::BirthdayWithin(7))),
        ])),
        search: Some("@mail.example".to_owned()),
        ..ContactQuery::default()
    };
    let options = Options {
        encoding: Some("windows-1251".to_owned()),
        ..Options::default()
    };
    let (file, report) = exported(&world.manager(), query, &options).await;
    let lines: Vec<&str> = file.lines().collect();
    // The columns are those that the chosen people have.
    assert!(
        lines[0].ends_with(",custom_fields.field_0,custom_fields.field_2,custom_fields.field_4"),
        "{file}"
    );
    assert!(lines[1].contains("p0@mail.example") && lines[1].ends_with(",0,,"));
    assert!(lines[3].contains(",?enia ?,p4@mail.example") && lines[3].ends_with(",,,4"));
    let wanted = ExportReport {
        contacts: 3,
        lossy_cells: 3,
        left_out: 0,
    };
    assert_eq!((lines.len(), report), (4, wanted));

    let told = told(&world).await;
    let [started, finished] = told.as_slice() else {
        unreachable!("{told:?}")
    };
    assert_eq!(started.event.subject_id, finished.event.subject_id);
    let of = |stored: &StoredEvent| {
        let event = stored.event.clone();
        (
            event.action,
            event.actor,
            event.version,
            event.reason.unwrap(),
        )
    };
    let (action, actor, version, reason) = of(started);
    assert_eq!(
        (action.as_str(), actor.as_str(), version),
        ("started", "manager", 1)
    );
    assert_eq!(reason, "csv filter=search,and(tag,not(birthday_within))");
    let (action, _, version, reason) = of(finished);
    assert_eq!((action.as_str(), version), ("finished", 2));
    assert_eq!(reason, "contacts=3 lossy_cells=3 left_out=0");
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
}

#[tokio::test]
async fn nothing_is_given_out_that_the_history_does_not_know_of() {
    let world = world();
    for number in 0..501 {
        somebody(&world, number, |_| ()).await;
    }
    let manager = world.manager();
    let mut export = manager
        .contacts()
        .export(ContactQuery::default(), &json_lines())
        .await
        .unwrap();
    assert_eq!(
        told(&world).await[0].event.reason.as_deref(),
        Some("jsonl filter=none")
    );
    export.next().await.unwrap();
    // Whoever leaves half way has begun and not ended.
    drop(export);
    let told = told(&world).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event.action, "started");
}

#[tokio::test]
async fn an_export_of_nobody_is_a_file() {
    let world = world();
    let manager = world.manager();
    let (file, report) = exported(&manager, ContactQuery::default(), &Options::default()).await;
    assert!(file.starts_with("id,external_id,") && file.ends_with(",last_interaction_date\r\n"));
    assert_eq!(report, ExportReport::default());
    let (file, _) = exported(&manager, ContactQuery::default(), &json_lines()).await;
    assert!(file.is_empty());
    let actions: Vec<String> = told(&world)
        .await
        .into_iter()
        .map(|stored| stored.event.action)
        .collect();
    assert_eq!(actions, ["started", "finished", "started", "finished"]);
}

#[tokio::test]
async fn viewers_export_nothing_and_wrong_options_leave_no_trace() {
    let world = world();
    somebody(&world, 0, |_| ()).await;
    let viewer = world.viewer();
    let refused = viewer
        .contacts()
        .export(ContactQuery::default(), &json_lines())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let refused = viewer
        .contacts()
        .custom_fields(ContactQuery::default())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let wrong = Options {
        separator: Some('x'),
        ..Options::default()
    };
    let refused = world
        .manager()
        .contacts()
        .export(ContactQuery::default(), &wrong)
        .await;
    assert_eq!(refused.unwrap_err().fields()[0].field, "separator");
    assert!(told(&world).await.is_empty());
}

#[tokio::test]
async fn too_many_custom_fields_are_refused_for_a_table_alone() {
    let world = world();
    for number in 0..=MOST_CUSTOM_FIELDS / 60 {
        let names = (0..60).map(|field| (format!("f{number}_{field}"), json!(1)));
        somebody(&world, number, |fields| {
            fields.custom_fields = names.collect()
        })
        .await;
    }
    let manager = world.manager();
    let refused = manager
        .contacts()
        .export(ContactQuery::default(), &Options::default())
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.fields()[0].field, "custom_fields");
    let named = Options {
        custom_fields: Some(vec!["f0_1".to_owned()]),
        ..Options::default()
    };
    let (_, report) = exported(&manager, ContactQuery::default(), &named).await;
    assert_eq!((report.contacts, report.left_out), (9, 9 * 60 - 1));
    let (file, _) = exported(&manager, ContactQuery::default(), &json_lines()).await;
    assert!(file.contains("f8_59"));
}

#[tokio::test]
async fn what_was_exported_can_be_imported_elsewhere() {
    let here = world();
    for number in 0..20 {
        let change = |fields: &mut ContactFields| {
            fields.external_id = Some(format!("  x {number}"));
            fields.phone = Some("+998901234567".to_owned());
            fields.tags = ["a, b".to_owned(), "c".to_owned()].into();
            fields.custom_fields = [("email".to_owned(), json!("=1+1"))].into();
        };
        somebody(&here, number, change).await;
    }
    for format in [Format::Csv, Format::JsonLines, Format::Vcard] {
        let options = Options {
            format,
            ..Options::default()
        };
        let (file, _) = exported(&here.manager(), ContactQuery::default(), &options).await;
        let there = world();
        let manager = there.manager();
        let report = manager
            .contacts()
            .import_file(file.as_bytes(), &Default::default())
            .await
            .unwrap();
        assert_eq!(
            (report.created, report.rejected.len()),
            (20, 0),
            "{:?}",
            report.rejected
        );
        let all = |world: &World| {
            let session = world.manager();
            async move {
                let found = session
                    .contacts()
                    .list(ContactQuery::default())
                    .await
                    .unwrap();
                found
                    .items
                    .into_iter()
                    .map(|contact| contact.fields)
                    .collect::<Vec<_>>()
            }
        };
        assert!(all(&here).await == all(&there).await, "{format:?}");
    }
}
