//! Merges beside others: two at once, a worker that holds a message, links that people have, imports that are taken back.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use common::{World, world, world_over};
use crm_core::consent::token::{TokenKeys, Unsubscription};
use crm_core::consent::{ConsentStatus, Topic};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{MergeOptions, Policy, Session};
use crm_core::id::{ContactId, ImportId};
use crm_core::import::Options;
use crm_core::message::Status;
use crm_core::port::store::ContactQuery;
use crm_core::worker::Round;
use crm_core::{ErrorKind, Result, Role, Workspace};
use shared::SharedStore;

async fn merge(session: &Session, keep: ContactId, gone: ContactId) -> Result<Contact> {
    session
        .contacts()
        .merge(keep, gone, &MergeOptions::default())
        .await
}

async fn work(world: &World) -> Round {
    let (_stop, stop) = tokio::sync::watch::channel(false);
    world.worker().round(&stop).await.unwrap()
}

fn shared_world() -> (Arc<SharedStore>, World) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    (store, world)
}

#[tokio::test]
async fn two_merges_of_two_contacts_into_each_other_end_in_one_contact() {
    let (store, world) = shared_world();
    let (a, b) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    let other = world.act("other", Role::Manager);
    let (first, second) = (a.id, b.id);
    store.before_next_commit(move || {
        Box::pin(async move {
            merge(&other, second, first).await.unwrap();
        })
    });
    let error = merge(&world.manager(), a.id, b.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    assert!(error.detail().contains(&b.id.to_string()), "{error}");
    let left = world.manager().contacts().get(a.id).await.unwrap();
    assert_eq!(left.merged_into, Some(b.id));
    let page = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_merge_is_decided_again_when_one_of_the_two_changes_meanwhile() {
    for changes_keep in [true, false] {
        let (store, world) = shared_world();
        let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
        let other = world.act("other", Role::Manager);
        let changed = if changes_keep { &keep } else { &gone };
        let (id, fields) = (changed.id, changed.fields.clone());
        store.before_next_commit(move || {
            Box::pin(async move {
                let fields = ContactFields {
                    company: Some("Chinor".to_owned()),
                    ..fields
                };
                other.contacts().update(id, None, fields).await.unwrap();
            })
        });
        let after = merge(&world.manager(), keep.id, gone.id).await.unwrap();
        assert_eq!(after.company.as_deref(), Some("Chinor"));
    }
}

#[tokio::test]
async fn what_was_approved_anew_leaves_to_the_address_of_the_contact_that_is_kept() {
    let world = world();
    let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    let approved = world
        .approve(
            &world
                .draft(&gone, "Приходите к нам в пятницу, будем рады.")
                .await,
        )
        .await;
    merge(&world.manager(), keep.id, gone.id).await.unwrap();
    work(&world).await;
    assert!(world.channel.delivered().is_empty());
    let now = world.reload(&approved).await;
    assert_eq!(
        (now.status, now.failure.as_deref()),
        (Status::PendingApproval, Some("contact_merged"))
    );
    world.approve(&now).await;
    work(&world).await;
    let delivered = world.channel.delivered();
    assert_eq!(
        (
            delivered.len(),
            delivered[0].recipient(),
            delivered[0].contact_id()
        ),
        (1, "a@x.uz", keep.id)
    );
    assert_eq!(world.reload(&approved).await.status, Status::Sent);
    let verified = world.admin().audit().verify(None).await.unwrap();
    assert!(verified.valid, "{verified:?}");
}

#[tokio::test]
async fn a_message_that_a_worker_holds_does_not_leave_to_an_address_that_is_given_up() {
    let (store, world) = shared_world();
    let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    let approved = world
        .approve(
            &world
                .draft(&gone, "Приходите к нам в пятницу, будем рады.")
                .await,
        )
        .await;
    let manager = world.manager();
    let (first, second) = (keep.id, gone.id);
    // Just before the last look at what is claimed.
    store.before_next_dispatch(move || {
        Box::pin(async move {
            merge(&manager, first, second).await.unwrap();
        })
    });
    work(&world).await;
    assert!(world.channel.delivered().is_empty());
    let now = world.reload(&approved).await;
    assert_eq!(
        (now.contact_id, now.status),
        (keep.id, Status::PendingApproval)
    );
}

#[tokio::test]
async fn a_link_to_unsubscribe_works_after_the_contact_was_merged() {
    let keys = TokenKeys::new(vec![7; 32], Vec::new()).unwrap();
    let store = Arc::new(crm_core::memory::MemoryStore::default());
    let world = common::World {
        engine: crm_core::engine::Engine::builder(
            store,
            Arc::new(crm_core::testing::FakeClock::default()),
            Arc::new(crm_core::testing::SequentialIds::default()),
        )
        .token_keys(keys)
        .build(),
        ..world()
    };
    let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    let wish = Unsubscription {
        workspace: Workspace::default(),
        contact_id: gone.id,
        channel: "email".to_owned(),
        topic: Topic::Marketing,
    };
    let token = world.engine.unsubscribe_token(&wish).unwrap();
    merge(&world.manager(), keep.id, gone.id).await.unwrap();
    world.engine.unsubscribe(&token).await.unwrap();
    let now = world.manager().contacts().get(keep.id).await.unwrap();
    assert_eq!(now.consent.len(), 1);
    assert_eq!(now.consent[0].status, ConsentStatus::OptedOut);
}

#[tokio::test]
async fn taking_an_import_back_leaves_merged_contacts_as_they_are() {
    let world = world();
    let manager = world.manager();
    let contacts = manager.contacts();
    let file = "name,email\nAnna,a@x.uz\nAnna P,b@x.uz\nBoris,c@x.uz\n";
    let report = contacts
        .import_file(file.as_bytes(), &Options::default())
        .await
        .unwrap();
    let query = || ContactQuery {
        page: crm_core::port::store::PageRequest {
            oldest_first: true,
            ..Default::default()
        },
        ..ContactQuery::default()
    };
    let all = contacts.list(query()).await.unwrap().items;
    merge(&manager, all[0].id, all[1].id).await.unwrap();
    let import: ImportId = report.import_id;
    let reverted = contacts.revert_import(import, 3).await.unwrap();
    assert_eq!((reverted.removed, reverted.kept), (1, 1));
    assert_eq!(reverted.items[0].id, all[0].id);
    let left = contacts.list(query()).await.unwrap().items;
    assert_eq!(
        left.iter().map(|one| one.id).collect::<Vec<_>>(),
        [all[0].id]
    );
    assert_eq!(
        contacts.get(all[1].id).await.unwrap().merged_into,
        Some(all[0].id)
    );
}

#[tokio::test]
async fn everything_about_a_person_is_about_what_was_merged_too() {
    let world = world();
    let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    world
        .draft(&gone, "Приходите к нам в пятницу, будем рады.")
        .await;
    merge(&world.manager(), keep.id, gone.id).await.unwrap();
    let manager = world.manager();
    let whole = manager.contacts().subject_access(keep.id).await.unwrap();
    assert_eq!(whole.messages.len(), 1);
    assert_eq!(
        whole.merged.iter().map(|one| one.id).collect::<Vec<_>>(),
        [gone.id]
    );
    let actions: Vec<_> = whole
        .history
        .iter()
        .map(|one| (one.event.subject_id, one.event.action.as_str()))
        .collect();
    for (id, action) in [
        (keep.id, "created"),
        (keep.id, "merged"),
        (gone.id, "created"),
        (gone.id, "merged_into"),
    ] {
        assert!(actions.contains(&(id.0, action)), "{actions:?}");
    }
    let error = manager
        .contacts()
        .subject_access(gone.id)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
}

#[tokio::test]
async fn who_may_not_write_contacts_may_not_merge() {
    let world = world();
    let (keep, gone) = (world.contact("a@x.uz").await, world.contact("b@x.uz").await);
    let error = merge(&world.viewer(), keep.id, gone.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
