//! The link at the end of a message: it takes one consent away, and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use common::{World, world, world_over};
use crm_core::consent::token::{TokenKeys, Unsubscription};
use crm_core::consent::{ConsentStatus, Topic};
use crm_core::contact::Contact;
use crm_core::engine::{Engine, Policy};
use crm_core::id::ContactId;
use crm_core::message::Status;
use crm_core::testing::SequentialIds;
use crm_core::{ErrorKind, Workspace};
use shared::SharedStore;
use uuid::Uuid;

/// The same world with keys.
fn with_keys(mut world: World) -> World {
    let keys = TokenKeys::new(vec![7; 32], Vec::new()).unwrap();
    let store = Arc::clone(world.engine.store());
    let ids = Arc::new(SequentialIds::starting_at(90_000));
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .channel("email", world.channel.clone())
        .token_keys(keys)
        .build();
    world
}

fn token(world: &World, contact: ContactId, topic: Topic) -> String {
    let wish = Unsubscription {
        workspace: Workspace::default(),
        contact_id: contact,
        channel: "email".to_owned(),
        topic,
    };
    world.engine.unsubscribe_token(&wish).unwrap()
}

async fn now(world: &World, contact: &Contact) -> Contact {
    world.manager().contacts().get(contact.id).await.unwrap()
}

#[tokio::test]
async fn a_link_takes_the_consent_and_the_approvals_that_rest_on_it() {
    let world = with_keys(world());
    let contact = world.contact("dilnoza@example.org").await;
    let message = world.draft(&contact, "Здравствуйте!").await;
    let message = world.approve(&message).await;
    let token = token(&world, contact.id, Topic::Relationship);
    // Looking at the page changes nothing.
    let wish = world.engine.unsubscription(&token).unwrap();
    assert_eq!(
        (wish.contact_id, wish.topic),
        (contact.id, Topic::Relationship)
    );
    assert_eq!(now(&world, &contact).await, contact);

    world.engine.unsubscribe(&token).await.unwrap();
    let after = now(&world, &contact).await;
    let consent = &after.consent[0];
    assert_eq!(
        (consent.channel.as_str(), consent.topic),
        ("email", Topic::Relationship)
    );
    assert_eq!(consent.status, ConsentStatus::OptedOut);
    assert_eq!(consent.evidence.as_deref(), Some("unsubscribe_link"));
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::PendingApproval);
    // Even if somebody approves it again it does not leave.
    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Cancelled);
    assert_eq!(world.channel.delivered().len(), 0);
}

#[tokio::test]
async fn twice_is_once() {
    let world = with_keys(world());
    let contact = world.contact("dilnoza@example.org").await;
    let token = token(&world, contact.id, Topic::Marketing);
    world.engine.unsubscribe(&token).await.unwrap();
    let once = now(&world, &contact).await;
    world.clock.advance(chrono::Duration::days(400));
    world.engine.unsubscribe(&token).await.unwrap();
    assert_eq!(now(&world, &contact).await, once);
    assert_eq!(once.version, contact.version + 1);
}

#[tokio::test]
async fn nobody_there_is_nothing_to_do() {
    let world = with_keys(world());
    let unknown = token(&world, ContactId(Uuid::from_u128(404)), Topic::Marketing);
    world.engine.unsubscribe(&unknown).await.unwrap();
    let contact = world.contact("dilnoza@example.org").await;
    let token = token(&world, contact.id, Topic::Marketing);
    world.admin().contacts().erase(contact.id).await.unwrap();
    world.engine.unsubscribe(&token).await.unwrap();
    // A token of another workspace names nobody here.
    let wish = Unsubscription {
        workspace: Workspace::new("other").unwrap(),
        ..world.engine.unsubscription(&token).unwrap()
    };
    let contact = world.contact("anna@example.org").await;
    let wish = Unsubscription {
        contact_id: contact.id,
        ..wish
    };
    let foreign = world.engine.unsubscribe_token(&wish).unwrap();
    world.engine.unsubscribe(&foreign).await.unwrap();
    assert_eq!(now(&world, &contact).await, contact);
}

#[tokio::test]
async fn what_is_no_token_changes_nothing() {
    let without = world();
    let world = with_keys(world());
    let contact = world.contact("dilnoza@example.org").await;
    let token = token(&world, contact.id, Topic::Marketing);
    for wrong in ["", "zz", &token[2..], &format!("{token}ab")] {
        let error = world.engine.unsubscribe(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
    }
    assert_eq!(now(&world, &contact).await, contact);
    let error = without.engine.unsubscribe(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_others_change_meanwhile_is_decided_anew() {
    let store = Arc::new(SharedStore::default());
    let world = Arc::new(with_keys(world_over(store.clone(), Policy::default())));
    let contact = world.contact("dilnoza@example.org").await;
    let token = token(&world, contact.id, Topic::Marketing);
    let meanwhile = Arc::clone(&world);
    store.before_next_commit(move || {
        Box::pin(async move {
            let mut fields = contact.fields.clone();
            fields.position = Some("директор".to_owned());
            let manager = meanwhile.manager();
            let edited = manager.contacts().update(contact.id, None, fields).await;
            edited.map(drop).unwrap();
        })
    });
    world.engine.unsubscribe(&token).await.unwrap();
    let id = world.engine.unsubscription(&token).unwrap().contact_id;
    let after = world.manager().contacts().get(id).await.unwrap();
    assert_eq!(after.position.as_deref(), Some("директор"));
    assert_eq!(after.consent.len(), 1);
}
