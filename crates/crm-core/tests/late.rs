//! A worker that froze in the middle of a delivery wakes up after its message was sent a second time: the
//! person who asked for that learns that there are two.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use common::{World, seen, world};
use crm_core::engine::Engine;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Approved, Message, Status};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::{Notify, watch};

/// Takes everything. Its first call does not return before it is let go.
#[derive(Debug, Default)]
struct Slow {
    calls: AtomicUsize,
    entered: Notify,
    go: Notify,
}

#[async_trait]
impl Channel for Slow {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities::default()
    }

    async fn send(&self, _: &Approved) -> Outcome {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == 1 {
            self.entered.notify_one();
            self.go.notified().await;
        }
        Outcome::Accepted {
            provider_id: format!("call {call}"),
        }
    }
}

fn worker(engine: &Engine, name: &str) -> Worker {
    let options = WorkerOptions {
        name: name.to_owned(),
        ..WorkerOptions::default()
    };
    Worker::new(engine.clone(), options)
}

/// A message whose delivery by worker `a` hangs, while `b` took over.
async fn frozen() -> (World, Arc<Slow>, Message, tokio::task::JoinHandle<()>) {
    let mut world = world();
    let slow = Arc::new(Slow::default());
    let store = world.engine.store().clone();
    let ids = Arc::new(crm_core::testing::SequentialIds::default());
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .channel("email", slow.clone())
        .build();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    world
        .manager()
        .approvals()
        .approve(message.id, seen(&message))
        .await
        .unwrap();
    let a = worker(&world.engine, "a");
    let running = tokio::spawn(async move {
        let (_sender, stop) = watch::channel(false);
        a.start().await.unwrap();
        a.round(&stop).await.unwrap();
    });
    slow.entered.notified().await;
    worker(&world.engine, "b").start().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    (world, slow, message, running)
}

async fn last(world: &World, message: &Message) -> (String, Option<String>) {
    let history = world.viewer().messages().history(message.id).await.unwrap();
    let event = history.last().unwrap().event.clone();
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
    (event.action, event.reason)
}

#[tokio::test]
async fn a_late_answer_settles_the_doubt() {
    let (world, slow, message, running) = frozen().await;
    slow.go.notify_one();
    running.await.unwrap();
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Sent);
    assert_eq!(message.provider_id.as_deref(), Some("call 1"));
    assert_eq!(last(&world, &message).await.0, "confirmed_sent");
}

#[tokio::test]
async fn a_second_delivery_that_was_asked_for_is_told_as_one() {
    let (world, slow, message, running) = frozen().await;
    let reason = Some("they never got it".to_owned());
    let resend = Event::ResolveResend;
    let manager = world.manager();
    manager
        .messages()
        .resolve(message.id, resend, reason)
        .await
        .unwrap();
    worker(&world.engine, "b").run_until_idle().await.unwrap();
    let sent = world.reload(&message).await;
    assert_eq!(sent.status, Status::Sent);
    assert_eq!(sent.provider_id.as_deref(), Some("call 2"));
    slow.go.notify_one();
    running.await.unwrap();
    assert_eq!(
        world.reload(&message).await,
        sent,
        "a stale worker moves nothing"
    );
    let (action, reason) = last(&world, &message).await;
    assert_eq!(action, "duplicate_detected");
    assert_eq!(reason.as_deref(), Some("attempt 1: call 1"));
}
