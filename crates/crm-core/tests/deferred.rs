//! An engine whose commits are collected decides as any other, and writes nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{seen, world};
use crm_core::contact::ContactFields;
use crm_core::engine::Engine;
use crm_core::intake::Kind;
use crm_core::message::Status;
use crm_core::port::store::{ContactQuery, IntakeQuery, MessageQuery};
use crm_core::testing::RecordingObserver;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};

fn manager(engine: &Engine) -> crm_core::engine::Session {
    engine.act_as(Actor::new(Workspace::default(), "manager", Role::Manager))
}

#[tokio::test]
async fn what_is_decided_is_collected_and_not_written() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text").await;
    let (engine, deferred) = world.engine.deferred();
    let session = manager(&engine);

    let approvals = session.approvals();
    let approved = approvals.approve(message.id, seen(&message)).await.unwrap();
    assert_eq!(approved.status, Status::Approved);
    let fields = ContactFields {
        name: "Анна".to_owned(),
        ..ContactFields::default()
    };
    let new = session.contacts().create(fields).await.unwrap();
    let intake = session.intake();
    intake
        .put("k", Kind::Cancel, serde_json::json!({"key": "m"}))
        .await
        .unwrap();

    // Nobody sees it, this engine included.
    assert_eq!(world.reload(&message).await, message);
    assert_eq!(session.messages().get(message.id).await.unwrap(), message);
    let gone = session.contacts().get(new.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert_eq!(intake.list(IntakeQuery::default()).await.unwrap(), []);

    let sets = deferred.take();
    assert_eq!(sets.len(), 3);
    assert_eq!(deferred.take(), []);
    // Written, it is what was decided.
    for result in world.engine.store().commit(sets).await.unwrap() {
        result.unwrap();
    }
    assert_eq!(world.reload(&message).await, approved);
    assert_eq!(session.contacts().get(new.id).await.unwrap(), new);
    assert_eq!(intake.list(IntakeQuery::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn rules_hold_and_roles_are_judged_as_ever() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text").await;
    let (engine, deferred) = world.engine.deferred();
    let viewer = engine.act_as(Actor::new(Workspace::default(), "v", Role::Viewer));
    let refused = viewer.approvals().approve(message.id, seen(&message)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(deferred.take(), []);

    // Two changes of one row in one transaction are decided on the same state: the second is refused.
    let session = manager(&engine);
    session.messages().submit(message.id, None).await.unwrap();
    session
        .approvals()
        .approve(message.id, seen(&message))
        .await
        .unwrap();
    let results = world.engine.store().commit(deferred.take()).await.unwrap();
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn it_delivers_nothing_and_tells_nobody() {
    let world = world();
    let observer = std::sync::Arc::new(RecordingObserver::default());
    let builder = Engine::builder(
        world.engine.store().clone(),
        world.clock.clone(),
        std::sync::Arc::new(crm_core::testing::SequentialIds::starting_at(1_000)),
    );
    let engine = builder
        .observer(observer.clone())
        .channel("email", world.channel.clone())
        .build();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text").await;
    let approved = world.approve(&message).await;
    let (deferring, deferred) = engine.deferred();
    manager(&deferring)
        .messages()
        .cancel(approved.id, None)
        .await
        .unwrap();
    assert_eq!(observer.notices().len(), 0);
    let worker = Worker::new(deferring.clone(), WorkerOptions::default());
    let refused = worker.run_until_idle().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let (_sender, stop) = tokio::sync::watch::channel(false);
    assert!(worker.round(&stop).await.is_err());
    assert_eq!(world.channel.delivered().len(), 0);

    // What is dropped never happens.
    drop(deferred);
    let all = world
        .manager()
        .messages()
        .list(MessageQuery::default())
        .await;
    assert_eq!(all.unwrap().items, [approved]);
    let people = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await;
    assert_eq!(people.unwrap().items, [contact]);
}
