//! Erasing a person: all of what has not left is called off, a crash leaves nothing half done that a second call does
//! not finish, and no delivery begins to who was erased before it.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use common::{World, world, world_over};
use crm_core::consent::Suppression;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{NewDraft, Policy};
use crm_core::id::ContactId;
use crm_core::intake::{IntakeState, Kind};
use crm_core::message::decide::Edit;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::{IntakeQuery, MessageQuery, PageRequest, SuppressionQuery};
use crm_core::{ErrorKind, Workspace};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use serde_json::json;
use shared::SharedStore;
use tokio::sync::Notify;

async fn messages(world: &World, contact: ContactId) -> Vec<Message> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = MessageQuery {
            contact_id: Some(contact),
            with_deleted: true,
            page: PageRequest {
                limit: 1_000,
                after,
                oldest_first: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let page = world.viewer().messages().list(query).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn suppressions(world: &World) -> Vec<Suppression> {
    let query = SuppressionQuery {
        limit: 1_000,
        ..SuppressionQuery::default()
    };
    world
        .viewer()
        .suppressions()
        .list(query)
        .await
        .unwrap()
        .items
}

/// Nothing of the person is left, nothing of them is open, and the rest holds together.
async fn gone(world: &World, contact: ContactId, count: usize) {
    let left = messages(world, contact).await;
    assert_eq!(left.len(), count);
    for message in &left {
        assert_eq!(message.status, Status::Cancelled);
        assert!(message.recipient.is_empty() && message.revision.content.is_empty());
    }
    let closed = suppressions(world).await;
    assert!(!closed.is_empty() && closed.iter().all(Suppression::of_erased));
    let refused = world.viewer().contacts().get(contact).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn more_than_a_page_of_messages_is_called_off() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let other = world.contact("b@mail.example").await;
    let stays = world.draft(&other, "of somebody else").await;
    for number in 0..2_005 {
        world.draft(&contact, &format!("text {number}")).await;
    }
    world.admin().contacts().erase(contact.id).await.unwrap();
    gone(&world, contact.id, 2_005).await;
    assert_eq!(world.reload(&stays).await, stays);
}

/// Dies before the commit that follows this many others.
fn die_at(store: &Arc<SharedStore>, left: usize, died: &Arc<Notify>) {
    let (again, died) = (Arc::clone(store), Arc::clone(died));
    store.before_next_commit(move || {
        async move {
            if left == 0 {
                died.notify_one();
                return std::future::pending().await;
            }
            die_at(&again, left - 1, &died);
        }
        .boxed()
    });
}

/// Erases and dies at this commit; whether it came to that.
async fn erase_until(
    store: &Arc<SharedStore>,
    world: &World,
    id: ContactId,
    moment: usize,
) -> bool {
    let died = Arc::new(Notify::new());
    die_at(store, moment, &died);
    let admin = world.admin();
    let contacts = admin.contacts();
    let died = tokio::select! {
        biased;
        () = died.notified() => true,
        done = contacts.erase(id) => { done.unwrap(); false }
    };
    // Nobody dies any more.
    store.before_next_commit(|| async {}.boxed());
    died
}

async fn some(open: usize) -> (Arc<SharedStore>, World, Contact) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(Arc::clone(&store) as _, Policy::default());
    let contact = world.contact("a@mail.example").await;
    for number in 0..open {
        let message = world.draft(&contact, &format!("text {number}")).await;
        if number % 3 == 0 {
            world.approve(&message).await;
        }
    }
    (store, world, contact)
}

#[tokio::test]
async fn a_second_call_finishes_what_a_crash_left() {
    let mut moment = 0;
    loop {
        let (store, world, contact) = some(1_010).await;
        let died = erase_until(&store, &world, contact.id, moment).await;
        if died && moment > 0 {
            // Nothing is left to read and nothing leaves, finished or not.
            world.worker().run_until_idle().await.unwrap();
            assert!(world.channel.calls().is_empty());
            for message in messages(&world, contact.id).await {
                assert!(message.recipient.is_empty() && message.revision.content.is_empty());
            }
        }
        world.admin().contacts().erase(contact.id).await.unwrap();
        gone(&world, contact.id, 1_010).await;
        if !died {
            break;
        }
        moment += 1;
    }
    assert!(moment >= 4, "{moment} commits");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_number_of_crashes_ends_the_same(open in 0_usize..12, moments in prop::collection::vec(0_usize..4, 0..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, world, contact) = some(open).await;
            for moment in moments {
                erase_until(&store, &world, contact.id, moment).await;
            }
            world.admin().contacts().erase(contact.id).await.unwrap();
            gone(&world, contact.id, open).await;
        });
    }
}

#[tokio::test]
async fn an_erasure_before_the_attempt_begins_wins_over_it() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(Arc::clone(&store) as _, Policy::default());
    let person = world.contact("a@mail.example").await;
    // Who came back with an address that the person had before.
    let moved = ContactFields {
        email: Some("b@mail.example".to_owned()),
        ..person.fields.clone()
    };
    let first = world.draft(&person, "to the old address").await;
    world.approve(&first).await;
    world.worker().run_until_idle().await.unwrap();
    world
        .manager()
        .contacts()
        .update(person.id, None, moved)
        .await
        .unwrap();
    let back = world.contact("a@mail.example").await;
    let message = world.draft(&back, "hello again").await;
    world.approve(&message).await;
    let (admin, id) = (world.admin(), person.id);
    let beginning = Arc::clone(&store);
    store.before_next_dispatch(move || {
        // The checks have read; the commit of the attempt is what comes next.
        async move {
            beginning.before_next_commit(move || {
                async move { admin.contacts().erase(id).await.unwrap() }.boxed()
            });
        }
        .boxed()
    });
    world.worker().run_until_idle().await.unwrap();
    // It was claimed, and did not begin; it is looked at again when the lease has run out.
    assert_eq!(world.reload(&message).await.status, Status::Claimed);
    world.clock.advance(chrono::Duration::hours(1));
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 1);
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Cancelled);
    assert_eq!(message.failure.as_deref(), Some("suppressed"));
}

#[tokio::test]
async fn who_edits_meanwhile_brings_no_text_back() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(Arc::clone(&store) as _, Policy::default());
    let person = world.contact("a@mail.example").await;
    let message = world.draft(&person, "before").await;
    let (admin, id) = (world.admin(), person.id);
    store.before_next_commit(move || {
        async move { admin.contacts().erase(id).await.unwrap() }.boxed()
    });
    let edit = Edit {
        content: Some("words about her".to_owned()),
        ..Edit::default()
    };
    let edited = world
        .manager()
        .messages()
        .edit(message.id, None, edit)
        .await;
    assert_eq!(edited.unwrap_err().kind(), ErrorKind::Conflict);
    gone(&world, person.id, 1).await;
}

#[tokio::test]
async fn a_draft_that_was_being_written_is_erased_too() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(Arc::clone(&store) as _, Policy::default());
    let person = world.contact("a@mail.example").await;
    let wanted = crm_core::engine::GenerateMessage::new(person.id, Occasion::Custom);
    let (admin, id) = (world.admin(), person.id);
    store.before_next_commit(move || {
        async move { admin.contacts().erase(id).await.unwrap() }.boxed()
    });
    let refused = world.manager().messages().generate(wanted.clone()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    gone(&world, person.id, 0).await;
    // Who was only changed gets it.
    let other = world.contact("b@mail.example").await;
    let (manager, fields) = (
        world.manager(),
        ContactFields {
            name: "Other".to_owned(),
            ..other.fields.clone()
        },
    );
    store.before_next_commit(move || {
        async move {
            manager
                .contacts()
                .update(other.id, None, fields)
                .await
                .unwrap();
        }
        .boxed()
    });
    let wanted = crm_core::engine::GenerateMessage {
        contact_id: other.id,
        ..wanted
    };
    world.manager().messages().generate(wanted).await.unwrap();
    assert_eq!(messages(&world, other.id).await.len(), 1);
}

#[tokio::test]
async fn waiting_rows_of_the_intake_that_name_the_person_are_turned_away() {
    let world = world();
    let fields = ContactFields {
        external_id: Some("c-17".to_owned()),
        name: "Anna".to_owned(),
        email: Some("anna@mail.example".to_owned()),
        ..ContactFields::default()
    };
    let manager = world.manager();
    let person = manager.contacts().create(fields).await.unwrap();
    let rows = [
        (
            "by-id",
            json!({"external_id": "c-17", "content": "Anna", "occasion_type": "custom"}),
        ),
        (
            "by-mail",
            json!({"external_id": "c-99", "email": "ANNA@mail.example"}),
        ),
        ("other", json!({"external_id": "c-170", "name": "Boris"})),
    ];
    for (key, payload) in rows {
        let kind = if key == "by-id" {
            Kind::Submit
        } else {
            Kind::Contact
        };
        manager.intake().put(key, kind, payload).await.unwrap();
    }
    world.admin().contacts().erase(person.id).await.unwrap();
    let rows = manager.intake().list(IntakeQuery::default()).await.unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.key.as_str(),
                row.state,
                row.payload.is_null(),
                row.reason.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("other", IntakeState::Waiting, false, None),
            ("by-mail", IntakeState::Rejected, true, Some("erased")),
            ("by-id", IntakeState::Rejected, true, Some("erased")),
        ]
    );
    world.worker().run_until_idle().await.unwrap();
    gone(&world, person.id, 0).await;
}

#[tokio::test]
async fn a_list_shows_no_address_and_an_admin_lifts_by_one() {
    let world = world();
    let person = world.contact("a@mail.example").await;
    let manager = world.manager();
    manager
        .suppressions()
        .add("email", "a@mail.example", "Anna asked")
        .await
        .unwrap();
    world.admin().contacts().erase(person.id).await.unwrap();
    let all = suppressions(&world).await;
    assert_eq!(all.len(), 1);
    let row = serde_json::to_value(&all[0]).unwrap();
    assert_eq!(
        (&row["channel"], &row["address"], &row["reason"]),
        (&json!("*"), &json!(""), &json!("erased"))
    );
    let asked = SuppressionQuery {
        channel: Some("sms".to_owned()),
        addresses: vec!["A@mail.example".to_owned()],
        ..SuppressionQuery::default()
    };
    let found = manager.suppressions().list(asked).await.unwrap().items;
    assert_eq!(found[0].address, "A@mail.example");
    // Nobody writes it down again, and nobody closes all channels by hand.
    manager
        .suppressions()
        .add("email", "a@mail.example", "again")
        .await
        .unwrap();
    assert_eq!(suppressions(&world).await, all);
    let refused = manager
        .suppressions()
        .add("*", "c@mail.example", "all")
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    let refused = manager.suppressions().lift("email", "a@mail.example").await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    world
        .admin()
        .suppressions()
        .lift("email", "a@mail.example")
        .await
        .unwrap();
    assert_eq!(suppressions(&world).await, []);
    let back = world.contact("a@mail.example").await;
    let message = world.draft(&back, "at last").await;
    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}

#[tokio::test]
async fn a_host_erases_in_its_own_transaction() {
    let world = world();
    let person = world.contact("a@mail.example").await;
    world.draft(&person, "open").await;
    let (engine, decided) = world.engine.deferred();
    let admin = crm_core::Actor::new(Workspace::default(), "admin", crm_core::Role::Admin);
    engine
        .act_as(admin)
        .contacts()
        .erase(person.id)
        .await
        .unwrap();
    assert!(world.viewer().contacts().get(person.id).await.is_ok());
    let sets = decided.take();
    let shown = format!("{:?}", sets[0].changes()[0]);
    assert_eq!(
        shown,
        format!("SuppressErased(ErasedAddresses({}))", person.id)
    );
    for result in world.engine.store().commit(sets).await.unwrap() {
        result.unwrap();
    }
    gone(&world, person.id, 1).await;
}

#[tokio::test]
async fn taking_an_import_back_opens_no_address_and_closes_none() {
    let world = world();
    let manager = world.manager();
    manager
        .suppressions()
        .add("email", "a@mail.example", "asked")
        .await
        .unwrap();
    let file = b"name,email\nAnna,a@mail.example\nBoris,b@mail.example\n";
    let report = manager
        .contacts()
        .import_file(file, &crm_core::import::Options::default())
        .await
        .unwrap();
    let before = suppressions(&world).await;
    let done = manager
        .contacts()
        .revert_import(report.import_id, 2)
        .await
        .unwrap();
    assert_eq!(done.removed, 2);
    assert_eq!(suppressions(&world).await, before);
    let draft = NewDraft::new(
        world.contact("b@mail.example").await.id,
        Occasion::Custom,
        "hello",
    );
    let message = manager.messages().create(draft).await.unwrap();
    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}
