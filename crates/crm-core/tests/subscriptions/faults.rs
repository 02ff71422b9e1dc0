//! Workers that die, stand still or stop in a call.

use std::pin::pin;

use chrono::Duration;
use crm_core::subscription::{Start, SubscriptionState};
use crm_core::worker::{Worker, WorkerOptions};
use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::common::World;
use crate::scripted::{Act, Scripted, scripted, telling};

/// Has the worker `a` stand still in its next call, whatever that does, until the test goes on.
async fn while_a_stands_still<F: Future<Output = ()>>(
    world: &World,
    crm: &Scripted,
    act: Act,
    meanwhile: impl FnOnce() -> F,
) {
    crm.acts.lock().unwrap().push_front(act);
    let (_sender, stop) = watch::channel(false);
    let worker = world.named("a");
    let round = pin!(worker.round(&stop));
    let hanging = pin!(crm.hanging.notified());
    let Either::Right(((), round)) = select(round, hanging).await else {
        panic!("it did not hang");
    };
    meanwhile().await;
    crm.freed.notify_one();
    round.await.unwrap();
}

#[tokio::test]
async fn a_second_worker_keeps_away_while_the_first_one_calls() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    while_a_stands_still(&world, &crm, Act::TakeAndHang, async || {
        assert_eq!(world.round("b").await.told, 0);
        assert_eq!(crm.calls(), 1);
    })
    .await;
    let chain = world.chain().await.len();
    assert_eq!(crm.taken.lock().unwrap().len(), chain);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_moves_nothing() {
    for act in [Act::TakeAndHang, Act::Hang] {
        let crm = scripted(1);
        let world = telling(&[("crm", &crm)], Start::Now).await;
        world.contact("a@example.org").await;
        while_a_stands_still(&world, &crm, act, async || {
            world.clock.advance(Duration::minutes(10));
            // It takes two, and is failed for the third.
            world.contact("b@example.org").await;
            crm.does([Act::Take, Act::Take, Act::Close]);
            assert_eq!(world.round("b").await.told, 2);
        })
        .await;
        let one = world.subscribed("crm").await;
        // Neither was the place moved back nor the failure forgotten.
        assert_eq!((one.position, one.state), (2, SubscriptionState::Disabled));
        world.admin().subscriptions().enable("crm").await.unwrap();
        world.round("b").await;
        assert_eq!(crm.ids(), world.chain_ids().await);
    }
}

#[tokio::test]
async fn enabling_amid_a_call_loses_no_move() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::Fail]);
    world.round("a").await;
    world.clock.advance(Duration::hours(1));
    while_a_stands_still(&world, &crm, Act::TakeAndHang, async || {
        world.admin().subscriptions().enable("crm").await.unwrap();
        assert_eq!(world.round("b").await.told, 0, "a second one was let in");
    })
    .await;
    let row = world.row("crm").await;
    assert_eq!((row.position, row.lease_until), (2, None));
    world.round("b").await;
    let taken = crm.taken.lock().unwrap().len();
    assert_eq!(taken, 3, "told twice without need");
}

#[tokio::test]
async fn the_next_dispatcher_takes_the_lease_of_the_dead_one() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::TakeAndHang]);
    {
        let (_sender, stop) = watch::channel(false);
        let worker = world.named("a");
        let round = pin!(worker.round(&stop));
        select(round, pin!(crm.hanging.notified())).await;
    }
    assert!(world.row("crm").await.lease_until.is_some());
    world.named("b").run_until_idle().await.unwrap();
    assert_eq!(crm.ids(), world.chain_ids().await);
    let chain = world.chain().await.len();
    assert_eq!(crm.taken.lock().unwrap().len(), chain + 1);
}

#[tokio::test(start_paused = true)]
async fn a_running_worker_tells_each_by_itself_and_stops_in_time() {
    let (slow, crm) = (scripted(1), scripted(1));
    let world = telling(&[("crm", &crm), ("slow", &slow)], Start::Now).await;
    slow.does([Act::Hang]);
    let (sender, stop) = watch::channel(false);
    let options = WorkerOptions {
        grace: std::time::Duration::from_secs(5),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    let running = tokio::spawn(async move { worker.run(stop).await });
    slow.hanging.notified().await;
    world.contact("a@example.org").await;
    while crm.ids().len() < world.chain_ids().await.len() {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let asked = tokio::time::Instant::now();
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert!(asked.elapsed() < std::time::Duration::from_secs(6));
    // A stop is no failure of the subscriber.
    let row = world.row("slow").await;
    assert_eq!((row.failures, row.lease_until), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::Hang]);
    let asked = tokio::time::Instant::now();
    world.round("w").await;
    assert_eq!(asked.elapsed().as_secs(), 30);
    let row = world.row("crm").await;
    assert_eq!(
        (row.failures, row.last_error.as_deref()),
        (1, Some("timeout"))
    );
}
