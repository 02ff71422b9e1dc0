//! Workers of several machines over one store: leases are judged by the store's clock, a claim that is
//! new is nobody else's to end, and a change wakes a worker that rests.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Duration;
use common::{World, world_over};
use crm_core::Workspace;
use crm_core::campaign::CampaignFields;
use crm_core::engine::Policy;
use crm_core::intake::{IntakeState, Kind};
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::{Claim, IntakeQuery, MessageQuery, Store};
use crm_core::testing::SequentialIds;
use crm_core::worker::{Worker, WorkerOptions};
use futures_util::FutureExt;
use shared::SharedStore;
use tokio::sync::watch;

/// An approved message over a store that is shared.
async fn approved() -> (World, Arc<SharedStore>, Message) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text to be sent").await;
    let message = world.approve(&message).await;
    (world, store, message)
}

/// Another machine's claim on everything that is due.
async fn claim(world: &World, store: &SharedStore, name: &str) -> Vec<Message> {
    static ROUNDS: AtomicU64 = AtomicU64::new(1);
    let first_id = ROUNDS.fetch_add(1, Ordering::Relaxed) * 1_000_000;
    let claim = Claim {
        workspace: Workspace::default(),
        worker: name.to_owned(),
        limit: 10,
        now: world.engine.now(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: Arc::new(SequentialIds::starting_at(first_id)),
    };
    store.claim(claim).await.unwrap()
}

/// One round that delivers nothing but what comes back by the end of its lease.
async fn round(world: &World) -> u64 {
    let (_sender, stop) = watch::channel(false);
    world.worker().round(&stop).await.unwrap().swept
}

#[tokio::test]
async fn a_lease_lives_by_the_stores_clock() {
    let (world, store, message) = approved().await;
    store.set_ahead(Duration::hours(1));
    assert_eq!(claim(&world, &store, "other").await.len(), 1);
    // For this machine's own clock the lease has an hour to go; for the store it has two minutes.
    world.clock.advance(Duration::minutes(1));
    assert_eq!(round(&world).await, 0);
    assert_eq!(world.reload(&message).await.status, Status::Claimed);
    world.clock.advance(Duration::minutes(2));
    assert_eq!(round(&world).await, 1);
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}

#[tokio::test]
async fn a_fast_clock_of_ones_own_ends_no_lease() {
    let (world, store, message) = approved().await;
    store.set_ahead(Duration::hours(-1));
    world.clock.advance(Duration::hours(1));
    assert_eq!(claim(&world, &store, "other").await.len(), 1);
    assert_eq!(round(&world).await, 0);
    assert_eq!(world.reload(&message).await.status, Status::Claimed);
}

#[tokio::test]
async fn a_fast_clock_of_ones_own_lets_deliveries_begin() {
    let (world, store, message) = approved().await;
    store.set_ahead(Duration::hours(-1));
    world.clock.advance(Duration::hours(1));
    round(&world).await;
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}

#[tokio::test]
async fn a_message_that_was_claimed_anew_is_left_alone() {
    let (world, store, message) = approved().await;
    assert_eq!(claim(&world, &store, "first").await.len(), 1);
    world.clock.advance(Duration::minutes(3));
    let world = Arc::new(world);
    let (acting, shared) = (world.clone(), store.clone());
    // Between the two reads of this worker's sweep, another's takes it back and claims it.
    store.before_next_dispatch(move || {
        async move {
            assert_eq!(round_of_sweep(&acting).await, 1);
            assert_eq!(claim(&acting, &shared, "second").await.len(), 1);
        }
        .boxed()
    });
    assert_eq!(round(&world).await, 0);
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Claimed);
    assert_eq!(message.lease_owner.as_deref(), Some("second"));
}

/// Takes back what ran out and delivers nothing: the channel's messages are left to others.
async fn round_of_sweep(world: &World) -> u64 {
    let options = WorkerOptions {
        name: "sweeper".to_owned(),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    // Told to stop before it began: it tends and claims nothing.
    let (_sender, stop) = watch::channel(true);
    worker.round(&stop).await.unwrap().swept
}

/// A worker that looks again by itself only after an hour; it has looked once and rests.
async fn resting(
    world: &World,
) -> (
    watch::Sender<bool>,
    tokio::task::JoinHandle<crm_core::Result<()>>,
) {
    let options = WorkerOptions {
        poll: std::time::Duration::from_secs(3_600),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    let (sender, stop) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stop).await });
    settle().await;
    (sender, running)
}

/// Paused time only passes once everybody waits.
async fn settle() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_wakes_a_worker_to_deliver() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let contact = world.contact("a@mail.example").await;
    let (sender, running) = resting(&world).await;
    let message = world.draft(&contact, "a text to be sent").await;
    world.approve(&message).await;
    settle().await;
    assert_eq!(world.reload(&message).await.status, Status::Approved);
    store.tell();
    settle().await;
    assert_eq!(world.reload(&message).await.status, Status::Sent);
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
}

/// Nobody tells the worker of what a host commits; it looks by itself.
#[tokio::test(start_paused = true)]
async fn without_a_notice_a_worker_finds_what_there_is_within_a_poll() {
    let poll = WorkerOptions::default().poll;
    assert!(poll <= std::time::Duration::from_secs(1));
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let contact = world.contact("a@mail.example").await;
    let worker = world.worker();
    let (sender, stop) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stop).await });
    // It has looked many times and rests.
    settle().await;
    let message = world.draft(&contact, "a text to be sent").await;
    world.approve(&message).await;
    let manager = world.manager();
    let intake = manager.intake();
    let nothing = serde_json::json!({"key": "nothing"});
    intake.put("k", Kind::Cancel, nothing).await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Approved);
    tokio::time::sleep(poll + std::time::Duration::from_millis(1)).await;
    assert_eq!(world.reload(&message).await.status, Status::Sent);
    let rows = intake.list(IntakeQuery::default()).await.unwrap();
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [IntakeState::Rejected]);
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_wakes_a_worker_to_plan_and_draft() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    world.contact("a@mail.example").await;
    let (sender, running) = resting(&world).await;
    let manager = world.manager();
    let campaign = manager.campaigns().create(campaign()).await.unwrap();
    manager
        .campaigns()
        .execute(campaign.id, false)
        .await
        .unwrap();
    let drafted = || async {
        let query = MessageQuery {
            campaign_id: Some(campaign.id),
            ..MessageQuery::default()
        };
        manager.messages().list(query).await.unwrap().items.len()
    };
    settle().await;
    assert_eq!(drafted().await, 0);
    store.tell();
    settle().await;
    assert_eq!(drafted().await, 1);
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
}

fn campaign() -> CampaignFields {
    CampaignFields {
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    }
}
