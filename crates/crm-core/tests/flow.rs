//! The stream of deliveries: a channel that hangs fills its own places and nobody else's, and a worker
//! that stops leaves what has not answered uncertain and everything else in the queue.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::engine::{Engine, NewDraft};
use crm_core::memory::MemoryStore;
use crm_core::message::{Approved, Message, Occasion, Status};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, Rate};
use crm_core::port::observer::{Notice, Observer};
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::watch;

use common::World;

/// Places of the channel that hangs.
const PLACES: usize = 2;

async fn approved(world: &World, channel: &str, number: usize) -> Message {
    let contact = world
        .contact(&format!("{channel}{number}@example.org"))
        .await;
    let draft = NewDraft {
        channel: Some(channel.to_owned()),
        ..NewDraft::new(contact.id, Occasion::Custom, "Здравствуйте")
    };
    let message = world.manager().messages().create(draft).await.unwrap();
    world.approve(&message).await
}

#[tokio::test]
async fn a_channel_that_hangs_holds_up_no_other() {
    let slow = Arc::new(RecordingChannel::new(ChannelCapabilities {
        concurrency: PLACES,
        ..ChannelCapabilities::default()
    }));
    for _ in 0..20 {
        slow.push_hang(true);
    }
    let (channel, clock) = (
        Arc::new(RecordingChannel::default()),
        Arc::new(FakeClock::default()),
    );
    let ids = Arc::new(SequentialIds::default());
    let engine = Engine::builder(Arc::new(MemoryStore::default()), clock.clone(), ids)
        .channel("email", channel.clone())
        .channel("slow", slow.clone())
        .build();
    let world = World {
        engine,
        channel,
        clock,
    };
    let mut hanging = Vec::new();
    for number in 0..20 {
        hanging.push(approved(&world, "slow", number).await);
    }
    let mut quick = Vec::new();
    for number in 0..20 {
        quick.push(approved(&world, "email", number).await);
    }
    // Fewer than hang: a claim by time alone would bring nothing else.
    let options = WorkerOptions {
        batch: 10,
        poll: Duration::from_millis(5),
        grace: Duration::from_millis(50),
        ..WorkerOptions::default()
    };
    let (stop, stopped) = watch::channel(false);
    let worker = Worker::new(world.engine.clone(), options);
    let running = tokio::spawn(async move { worker.run(stopped).await });
    let all = async {
        while world.channel.delivered().len() < quick.len() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), all).await;
    assert!(
        in_time.is_ok(),
        "{} arrived",
        world.channel.delivered().len()
    );
    assert_eq!(
        slow.calls().len(),
        PLACES,
        "places of the channel that hangs"
    );
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    for message in &quick {
        assert_eq!(world.reload(message).await.status, Status::Sent);
    }
    let mut uncertain = 0;
    for message in &hanging {
        let now = world.reload(message).await;
        match now.status {
            Status::Uncertain => {
                assert_eq!(now.failure.as_deref(), Some("shutdown"));
                uncertain += 1;
            }
            Status::Approved => assert_eq!(now.attempts, 0),
            other => panic!("{}", other.as_str()),
        }
    }
    assert_eq!(uncertain, PLACES);
    let chain = world.manager().audit().verify(None).await.unwrap();
    assert!(chain.valid);
}

#[tokio::test]
async fn a_channel_that_refuses_everything_is_called_no_more() {
    let one = RecordingChannel::new(ChannelCapabilities {
        concurrency: 1,
        ..ChannelCapabilities::default()
    });
    let reason = "535".to_owned();
    one.push(Outcome::Stop { reason });
    let (channel, clock) = (Arc::new(one), Arc::new(FakeClock::default()));
    let ids = Arc::new(SequentialIds::default());
    let engine = Engine::builder(Arc::new(MemoryStore::default()), clock.clone(), ids)
        .channel("email", channel.clone())
        .build();
    let world = World {
        engine,
        channel,
        clock,
    };
    let mut messages = Vec::new();
    for number in 0..10 {
        messages.push(approved(&world, "email", number).await);
    }
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 1);
    for message in &messages {
        let now = world.reload(message).await;
        assert_eq!(now.status, Status::Approved, "given back");
    }
}

#[tokio::test]
async fn a_channel_with_a_rate_is_called_at_its_pace_and_holds_up_no_other() {
    let slow = Arc::new(RecordingChannel::new(ChannelCapabilities {
        rate: Some(Rate {
            units: 20,
            per: Duration::from_secs(1),
        }),
        ..ChannelCapabilities::default()
    }));
    let (channel, clock) = (
        Arc::new(RecordingChannel::default()),
        Arc::new(FakeClock::default()),
    );
    let ids = Arc::new(SequentialIds::default());
    let engine = Engine::builder(Arc::new(MemoryStore::default()), clock.clone(), ids)
        .channel("email", channel.clone())
        .channel("slow", slow.clone())
        .build();
    let world = World {
        engine,
        channel,
        clock,
    };
    for number in 0..12 {
        approved(&world, "slow", number).await;
    }
    for number in 0..12 {
        approved(&world, "email", number).await;
    }
    let options = WorkerOptions {
        batch: 4,
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    worker.run_until_idle().await.unwrap();
    assert_eq!(slow.delivered().len(), 12);
    assert_eq!(world.channel.delivered().len(), 12);
    // Time stood still but for waiting: ten of them waited 50 ms each, the first two went at once.
    let waited = begun.elapsed();
    let (least, most) = (Duration::from_millis(500), Duration::from_millis(600));
    assert!(least <= waited && waited < most, "{waited:?}");
}

/// Answers the n-th call after n milliseconds.
#[derive(Debug, Default)]
struct OneByOne(AtomicU64);

#[async_trait]
impl Channel for OneByOne {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            concurrency: 100,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(number)).await;
        Outcome::Accepted {
            provider_id: approved.key().to_string(),
        }
    }
}

/// How many commits told of a message that was sent, and of how many.
#[derive(Debug, Default)]
struct Records(Mutex<Vec<usize>>);

impl Observer for Records {
    fn notice(&self, notices: &[Notice]) {
        let sent = |notice: &&Notice| notice.status == Some(Status::Sent);
        let sent = notices.iter().filter(sent).count();
        if sent > 0 {
            self.0.lock().unwrap().push(sent);
        }
    }
}

#[tokio::test]
async fn answers_that_come_one_by_one_share_commits_and_the_last_waits_for_none() {
    for (count, most_commits) in [(1, 1), (100, 20)] {
        let (clock, records) = (Arc::new(FakeClock::default()), Arc::new(Records::default()));
        let ids = Arc::new(SequentialIds::default());
        let engine = Engine::builder(Arc::new(MemoryStore::default()), clock.clone(), ids)
            .channel("email", Arc::new(OneByOne::default()))
            .observer(records.clone())
            .build();
        let world = World {
            engine,
            channel: Arc::new(RecordingChannel::default()),
            clock,
        };
        for number in 0..count {
            approved(&world, "email", number).await;
        }
        tokio::time::pause();
        let begun = tokio::time::Instant::now();
        world.worker().run_until_idle().await.unwrap();
        let waited = begun.elapsed();
        let records = records.0.lock().unwrap().clone();
        assert_eq!(records.iter().sum::<usize>(), count);
        assert!(records.len() <= most_commits, "{records:?}");
        // The last answer, after 99 ms, was recorded as it came.
        let last = Duration::from_millis(count as u64 - 1);
        assert!(waited < last + Duration::from_millis(5), "{waited:?}");
        tokio::time::resume();
    }
}
