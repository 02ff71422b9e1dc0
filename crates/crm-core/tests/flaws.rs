//! Flaws of the system this replaces that do not show over HTTP: the second person (4) and whose
//! calendar says what day it is (18).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use common::{seen, world_over};
use crm_core::contact::{Birthday, ContactFields};
use crm_core::engine::{BulkAction, Policy};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::Edit;
use crm_core::message::{Message, Status};
use crm_core::port::store::{ContactQuery, MessageQuery};
use crm_core::{ErrorKind, Role};

#[tokio::test]
async fn flaw_04_the_last_editor_does_not_approve_where_the_house_says_so() {
    let policy = Policy {
        separate_approver: true,
        ..Policy::default()
    };
    let world = world_over(Arc::new(MemoryStore::default()), policy);
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    let (author, bob) = (world.manager(), world.act("bob", Role::Manager));
    let approve = |who: crm_core::engine::Session, message: Message| async move {
        who.approvals().approve(message.id, seen(&message)).await
    };
    let refused = approve(author.clone(), message.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    // Whoever corrects a word is its editor from then on, also an admin.
    let edit = Edit {
        content: Some("second text here".to_owned()),
        ..Edit::default()
    };
    let edited = bob.messages().edit(message.id, None, edit).await.unwrap();
    let refused = approve(bob.clone(), edited.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    // A bulk decision is no way around it.
    let query = MessageQuery {
        ids: vec![message.id],
        ..MessageQuery::default()
    };
    let (approvals, action) = (bob.approvals(), BulkAction::Approve);
    let preview = approvals.preview(action, query.clone()).await.unwrap();
    let manifest = Some(preview.manifest);
    let done = approvals.bulk(action, query, manifest, None).await.unwrap();
    assert_eq!((done.applied, done.failed), (0, 1));
    assert_eq!(world.reload(&message).await.status, Status::Draft);
    let approved = approve(author, edited).await.unwrap();
    assert_eq!(approved.approved_by.as_deref(), Some("manager"));
}

#[tokio::test]
async fn flaw_18_a_birthday_is_a_day_of_the_workspaces_own_calendar() {
    let world = world_over(Arc::new(MemoryStore::default()), Policy::default());
    let fields = ContactFields {
        name: "Дилноза".to_owned(),
        birthday: Birthday::parse("1990-03-01"),
        ..ContactFields::default()
    };
    world.manager().contacts().create(fields).await.unwrap();
    // 23:30 of 28 February in Tashkent, then half an hour into 1 March there: still February in UTC.
    for (now, month) in [("2026-02-28T18:30:00Z", 2), ("2026-02-28T19:30:00Z", 3)] {
        world.clock.set(now.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(
            chrono::Datelike::month(&world.engine.today()),
            month,
            "{now}"
        );
        let query = ContactQuery {
            audience: Some(crm_core::audience::Audience::BirthdayMonth(
                chrono::Datelike::month(&world.engine.today()),
            )),
            ..ContactQuery::default()
        };
        let found = world.viewer().contacts().list(query).await.unwrap();
        assert_eq!(found.items.len(), usize::from(month == 3), "{now}");
    }
}
