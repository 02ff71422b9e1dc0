//! The store does not answer the commit that begins an attempt. Whether it is begun is not known; that
//! nothing left is, so nothing leaves, nobody is asked to settle a doubt, and the message goes later.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use chrono::Duration;
use common::{World, world_over};
use crm_core::engine::Policy;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, AttemptOutcome, Message, Status, dispatch};
use crm_core::port::store::{Claim, Store};
use crm_core::stamp::Stamp;
use crm_core::testing::{SequentialIds, fixtures};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Workspace};
use futures_util::FutureExt as _;
use shared::{Loss, SharedStore};
use tokio::sync::watch;

async fn approved() -> (World, Arc<SharedStore>, Message) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text to be sent").await;
    let message = world.approve(&message).await;
    (world, store, message)
}

async fn attempts(world: &World, message: &Message) -> Vec<Attempt> {
    let trail = world.viewer().messages().trail(message.id).await;
    trail.unwrap().attempts
}

/// It leaves once, later, and everything agrees.
async fn goes_later(world: &World, message: &Message) {
    world.clock.advance(Duration::minutes(10));
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(message).await.status, Status::Sent);
    assert_eq!(world.channel.delivered().len(), 1);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
}

/// The attempt is there, and closed: it never left.
async fn is_put_back(world: &World, message: &Message) {
    assert_eq!(world.channel.delivered().len(), 0);
    let now = world.reload(message).await;
    assert_eq!(now.status, Status::Approved);
    assert!(now.not_before > world.engine.now());
    let attempts = attempts(world, message).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::RetryAfter));
    assert_eq!(attempts[0].reason.as_deref(), Some("begin_unanswered"));
}

#[tokio::test]
async fn an_attempt_that_is_there_is_put_back_without_a_doubt() {
    let (world, store, message) = approved().await;
    store.lose([Loss::Answer]);
    world.worker().run_until_idle().await.unwrap();
    is_put_back(&world, &message).await;
    goes_later(&world, &message).await;
    assert_eq!(attempts(&world, &message).await.len(), 2);
}

#[tokio::test]
async fn a_store_that_does_not_answer_uses_up_no_attempts() {
    let (world, store, message) = approved().await;
    for _ in 0..2 * Policy::default().retry.max_attempts {
        store.lose([Loss::Answer]);
        world.worker().run_until_idle().await.unwrap();
        let now = world.reload(&message).await;
        assert_eq!((now.status, now.attempts), (Status::Approved, 0));
        world.clock.advance(Duration::hours(1));
    }
    goes_later(&world, &message).await;
}

#[tokio::test]
async fn an_attempt_that_is_not_there_leaves_the_message_to_its_lease() {
    let (world, store, message) = approved().await;
    store.lose([Loss::Commit]);
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.delivered().len(), 0);
    assert_eq!(world.reload(&message).await.status, Status::Claimed);
    goes_later(&world, &message).await;
    assert_eq!(attempts(&world, &message).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_again() {
    let (world, store, message) = approved().await;
    store.then_silent(5);
    store.lose([Loss::Answer]);
    world.worker().run_until_idle().await.unwrap();
    is_put_back(&world, &message).await;
    goes_later(&world, &message).await;
}

#[tokio::test(start_paused = true)]
async fn what_closes_the_attempt_may_be_unanswered_too() {
    let (world, store, message) = approved().await;
    store.lose([Loss::Answer, Loss::Commit, Loss::Answer]);
    world.worker().run_until_idle().await.unwrap();
    is_put_back(&world, &message).await;
    goes_later(&world, &message).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_makes_a_doubt_of_it() {
    let (world, store, message) = approved().await;
    store.then_silent(usize::MAX);
    store.lose([Loss::Answer]);
    let begun = tokio::time::Instant::now();
    let error = world.worker().run_until_idle().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // Half of its lease.
    let asked = begun.elapsed();
    assert!(asked >= std::time::Duration::from_secs(44), "{asked:?}");
    assert!(asked < std::time::Duration::from_secs(90), "{asked:?}");
    store.answer_again();
    world.clock.advance(Duration::minutes(10));
    world.worker().run_until_idle().await.unwrap();
    let now = world.reload(&message).await;
    assert_eq!(now.status, Status::Uncertain);
    assert_eq!(now.failure.as_deref(), Some("lease_expired"));
    assert_eq!(world.channel.delivered().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_does_not_wait_for_the_store_for_ever() {
    let (world, store, message) = approved().await;
    store.then_silent(usize::MAX);
    store.lose([Loss::Answer]);
    let worker = Worker::new(
        world.engine.clone(),
        WorkerOptions {
            grace: std::time::Duration::from_secs(3),
            ..WorkerOptions::default()
        },
    );
    let (sender, stop) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stop).await });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.reload(&message).await.status, Status::Sending);
    let told = tokio::time::Instant::now();
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
    let took = told.elapsed();
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    assert_eq!(world.channel.delivered().len(), 0);
}

/// While this worker waits to ask, its lease ends, a person has the message sent again and another worker
/// begins that: the other's attempt is none of its business.
#[tokio::test]
async fn an_attempt_of_somebody_else_is_left_alone() {
    let (world, store, message) = approved().await;
    let world = Arc::new(world);
    let (acting, shared, id) = (world.clone(), store.clone(), message.id);
    store.after_next_loss(move || {
        async move {
            acting.clock.advance(Duration::minutes(3));
            let (_sender, stopped) = watch::channel(true);
            let round = acting.worker().round(&stopped).await.unwrap();
            assert_eq!(round.swept, 1);
            let reason = Some("it never left".to_owned());
            let manager = acting.manager();
            let messages = manager.messages();
            let resent = messages.resolve(id, Event::ResolveResend, reason);
            resent.await.unwrap();
            begin_elsewhere(&acting, &shared).await;
        }
        .boxed()
    });
    store.lose([Loss::Answer]);
    world.worker().run_until_idle().await.unwrap();
    let now = world.reload(&message).await;
    assert_eq!(now.status, Status::Sending);
    let attempts = attempts(&world, &message).await;
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Unknown), None]);
    assert_eq!(attempts[1].worker, "other");
    assert_eq!(world.channel.delivered().len(), 0);
}

/// Claims and begins what is due, as another machine.
async fn begin_elsewhere(world: &World, store: &SharedStore) {
    let (workspace, ids) = (Workspace::default(), SequentialIds::starting_at(9_000_000));
    let ids = Arc::new(ids);
    let claim = Claim {
        workspace: workspace.clone(),
        worker: "other".to_owned(),
        limit: 10,
        now: world.engine.now(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: ids.clone(),
    };
    let claimed = store.claim(claim).await.unwrap();
    let views = store.dispatch(&workspace, &[claimed[0].id]).await.unwrap();
    let actor = Actor::system(workspace);
    let stamp = Stamp {
        actor: &actor,
        at: world.engine.now(),
        ids: ids.as_ref(),
    };
    let begun = dispatch::begin(&views[0], fixtures::desk("other"), &stamp).unwrap();
    let committed = store.commit(vec![begun.changes]).await.unwrap();
    assert!(committed.iter().all(Result::is_ok));
}
