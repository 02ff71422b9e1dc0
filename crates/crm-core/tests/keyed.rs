//! What is in doubt on a channel whose provider removes duplicates by their key.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::time::Duration as Std;

use chrono::Duration;
use common::{World, world};
use crm_core::engine::Engine;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Status};
use crm_core::port::channel::{ChannelCapabilities, Outcome};
use crm_core::testing::{RecordingChannel, SequentialIds};
use crm_core::worker::Worker;

fn keyed_world(idempotent: bool) -> World {
    let mut world = world();
    let channel = Arc::new(RecordingChannel::new(ChannelCapabilities {
        idempotent,
        timeout: Std::from_millis(1),
        ..ChannelCapabilities::default()
    }));
    let store = world.engine.store().clone();
    world.engine = Engine::builder(
        store,
        world.clock.clone(),
        Arc::new(SequentialIds::default()),
    )
    .channel("email", channel.clone())
    .build();
    world.channel = channel;
    world
}

async fn approved(world: &World) -> Message {
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "a text to be sent").await;
    world.approve(&message).await
}

/// Lets a day pass, minute by minute.
async fn a_day(world: &World, worker: &Worker) {
    for _ in 0..24 * 60 {
        world.clock.advance(Duration::minutes(1));
        worker.run_until_idle().await.unwrap();
    }
}

fn keys(world: &World) -> Vec<uuid::Uuid> {
    let calls = world.channel.calls();
    calls.iter().map(|call| call.key()).collect()
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let world = keyed_world(true);
    let message = approved(&world).await;
    let worker = world.worker();
    world.channel.push_hang(true).push_hang(false);
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    a_day(&world, &worker).await;
    let sent = world.reload(&message).await;
    assert_eq!((sent.status, sent.attempts), (Status::Sent, 3));
    let keys = keys(&world);
    assert_eq!(keys, [keys[0]; 3]);
    assert_eq!(
        world.channel.delivered().len(),
        1,
        "the provider removed it"
    );
    let trail = world.viewer().messages().trail(message.id).await.unwrap();
    let repeats: Vec<_> = trail.attempts.iter().map(|it| it.repeats).collect();
    assert_eq!(repeats, [false, true, true]);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
}

#[tokio::test]
async fn without_a_key_a_doubt_waits_for_a_person() {
    let world = keyed_world(false);
    let message = approved(&world).await;
    let worker = world.worker();
    world.channel.push_hang(true);
    worker.run_until_idle().await.unwrap();
    a_day(&world, &worker).await;
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    assert_eq!(world.channel.calls().len(), 1);
}

#[tokio::test]
async fn attempts_are_counted_and_the_doubt_stays_for_a_person_whose_key_is_another() {
    let world = keyed_world(true);
    let message = approved(&world).await;
    let worker = world.worker();
    for _ in 0..5 {
        world.channel.push_hang(true);
    }
    a_day(&world, &worker).await;
    let doubt = world.reload(&message).await;
    assert_eq!((doubt.status, doubt.attempts), (Status::Uncertain, 5));
    let manager = world.manager();
    let reason = Some("nothing came".to_owned());
    manager
        .messages()
        .resolve(message.id, Event::ResolveResend, reason)
        .await
        .unwrap();
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Sent);
    let keys = keys(&world);
    assert_eq!(keys[..5], [keys[0]; 5]);
    assert_ne!(keys[5], keys[0]);
    assert_eq!(
        world.channel.delivered().len(),
        2,
        "one more by a person's word"
    );
}

/// The first one may have been taken: a refusal of the second does not say that it was not.
#[tokio::test]
async fn a_refused_repeat_stays_in_doubt_and_is_not_asked_about_again() {
    let world = keyed_world(true);
    let message = approved(&world).await;
    let worker = world.worker();
    let reason = "http_404".to_owned();
    world
        .channel
        .push_hang(true)
        .push(Outcome::Rejected { reason });
    a_day(&world, &worker).await;
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    assert_eq!(world.channel.calls().len(), 2);
}

/// The worker died between the call and its answer: its lease ends, and another one asks.
#[tokio::test]
async fn what_a_crash_cut_off_is_sent_again_under_its_key() {
    let world = keyed_world(true);
    let message = approved(&world).await;
    world.channel.push_hang(true);
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let dying = world.worker();
    dying.start().await.unwrap();
    {
        // Dropped as soon as the channel was called.
        let mut round = Box::pin(dying.round(&stop));
        while world.channel.calls().is_empty() {
            let once = std::future::poll_fn(|context| {
                let _ = round.as_mut().poll(context);
                std::task::Poll::Ready(())
            });
            once.await;
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(world.reload(&message).await.status, Status::Sending);
    let worker = world.worker();
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    a_day(&world, &worker).await;
    assert_eq!(world.reload(&message).await.status, Status::Sent);
    let keys = keys(&world);
    assert_eq!(keys, [keys[0]; 2]);
    assert_eq!(world.channel.delivered().len(), 1);
}

/// A channel that rests, or a pause, holds up repeats like anything else; and what is too late is not repeated.
#[tokio::test]
async fn a_repeat_that_comes_too_late_is_left_to_a_person() {
    let world = keyed_world(true);
    let message = approved(&world).await;
    let worker = world.worker();
    world.channel.push_hang(true);
    worker.run_until_idle().await.unwrap();
    world.clock.advance(Duration::days(3));
    worker.run_until_idle().await.unwrap();
    a_day(&world, &worker).await;
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    assert_eq!(world.channel.calls().len(), 1);
}
