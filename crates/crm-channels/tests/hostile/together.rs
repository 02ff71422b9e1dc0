//! A bad channel beside a good one, under one worker: the good one goes on as if it were alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_channels::{HttpOptions, Telegram, TelegramConfig};
use crm_core::contact::{AddressKind, Contact, ContactFields};
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::Seen;
use crm_core::message::{Approved, Occasion};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use crm_core::testing::{FakeClock, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::common::emulator::{PATIENT, options};
use crate::common::http::{Act, Provider, json};
use crate::provider::{ALL, Faulty, Kind, TELEGRAM, WHATSAPP};

/// Messages of the good channel.
const GOOD: usize = 200;
/// Messages of the bad one, which come first.
const BAD: usize = 120;

fn manager(engine: &Engine) -> Session {
    let actor = Actor::new(Workspace::default(), "manager", Role::Manager);
    engine.act_as(actor)
}

async fn contact(engine: &Engine, number: u64, address: fn(u64, &mut ContactFields)) -> Contact {
    let mut fields = ContactFields {
        name: "Дилноза".to_owned(),
        ..ContactFields::default()
    };
    address(number, &mut fields);
    manager(engine).contacts().create(fields).await.unwrap()
}

/// So many messages to the contact that may leave.
async fn approve(engine: &Engine, to: &Contact, channel: &str, count: usize) {
    let manager = manager(engine);
    for _ in 0..count {
        let draft = NewDraft {
            channel: Some(channel.to_owned()),
            ..NewDraft::new(to.id, Occasion::Custom, "Салом!")
        };
        let message = manager.messages().create(draft).await.unwrap();
        let seen = Seen::of(&message);
        manager.approvals().approve(message.id, seen).await.unwrap();
    }
}

fn engine(channels: &[(&str, Arc<dyn Channel>)]) -> Engine {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(FakeClock::default());
    let builder = Engine::builder(store, clock, Arc::new(SequentialIds::default()));
    let with = |builder: crm_core::engine::EngineBuilder,
                (name, channel): &(&str, Arc<dyn Channel>)| {
        builder.channel(*name, channel.clone())
    };
    channels.iter().fold(builder, with).build()
}

/// How a channel in made-up time is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Hangs,
    /// Answers just before it is given up.
    Crawls,
    Panics,
    Doubts,
    Refuses,
    /// Asks for a while, for each message anew.
    Busy,
    /// Asks the whole channel to wait.
    Closed,
}

#[derive(Debug)]
struct Acted {
    bad: Option<Bad>,
    /// Good ones it still has to take, and who waits for the last.
    left: AtomicUsize,
    done: Notify,
    calls: Mutex<usize>,
}

impl Acted {
    fn new(bad: Option<Bad>) -> Arc<Self> {
        Arc::new(Self {
            bad,
            left: AtomicUsize::new(GOOD),
            done: Notify::new(),
            calls: Mutex::new(0),
        })
    }
}

#[async_trait]
impl Channel for Acted {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: AddressKind::Email,
            concurrency: 8,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        *self.calls.lock().unwrap() += 1;
        let reason = "bad".to_owned();
        let wait = |scope| Outcome::RetryAfter {
            scope,
            at_least: Duration::from_secs(1),
            reason: "busy".to_owned(),
        };
        let Some(bad) = self.bad else {
            sleep(Duration::from_millis(100)).await;
            if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.done.notify_one();
            }
            return Outcome::Accepted {
                provider_id: approved.attempt_id().to_string(),
            };
        };
        match bad {
            Bad::Hangs => std::future::pending().await,
            Bad::Crawls => {
                sleep(Duration::from_secs(29)).await;
                Outcome::Unknown { reason }
            }
            Bad::Panics => std::panic::resume_unwind(Box::new("a library panics")),
            Bad::Doubts => Outcome::Unknown { reason },
            Bad::Refuses => Outcome::Rejected { reason },
            Bad::Busy => wait(RetryScope::Message),
            Bad::Closed => wait(RetryScope::Channel),
        }
    }
}

/// How long the good channel takes for its messages, beside a bad one or alone.
async fn takes(bad: Option<Bad>) -> Duration {
    let (good, other) = (Acted::new(None), Acted::new(bad));
    let engine = engine(&[("good", good.clone()), ("bad", other.clone())]);
    let email: fn(u64, &mut ContactFields) =
        |number, fields| fields.email = Some(format!("a{number}@mail.example"));
    let to = contact(&engine, 1, email).await;
    if bad.is_some() {
        approve(&engine, &to, "bad", BAD).await;
    }
    approve(&engine, &to, "good", GOOD).await;
    let worker = Worker::new(engine.clone(), WorkerOptions::default());
    let (_go_on, stop) = watch::channel(false);
    let start = Instant::now();
    let running = tokio::spawn(async move { worker.run(stop).await });
    good.done.notified().await;
    let took = start.elapsed();
    running.abort();
    assert_eq!(bad.is_some(), *other.calls.lock().unwrap() > 0, "{bad:?}");
    took
}

/// In made-up time, in which only calls and pauses take any: exact, on any machine.
#[tokio::test(start_paused = true)]
async fn a_good_channel_keeps_nine_tenths_of_its_pace() {
    let alone = takes(None).await;
    println!("alone: {alone:?}");
    for bad in [
        Bad::Hangs,
        Bad::Crawls,
        Bad::Panics,
        Bad::Doubts,
        Bad::Refuses,
        Bad::Busy,
        Bad::Closed,
    ] {
        let beside = takes(Some(bad)).await;
        let kept = alone.as_secs_f64() / beside.as_secs_f64();
        println!("{bad:?}: {:.1} %", 100.0 * kept);
        assert!(
            kept >= 0.9,
            "{bad:?}: {alone:?} alone, {beside:?} beside it"
        );
    }
}

/// A provider that takes what comes and tells when it has so much.
async fn good(count: usize) -> (Provider, Arc<Notify>) {
    let (done, called) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let tell = done.clone();
    let provider = Provider::answering(move |_| {
        if called.fetch_add(1, Ordering::SeqCst) + 1 == count {
            tell.notify_one();
        }
        json(200, r#"{"ok":true,"result":{"message_id":42}}"#)
    })
    .await;
    (provider, done)
}

fn telegram(provider: &Provider) -> Arc<dyn Channel> {
    let http: HttpOptions = options(&provider.base(), PATIENT);
    let token = "123456:AAbb-Secret_Key".into();
    let config = TelegramConfig {
        http,
        ..TelegramConfig::new(token)
    };
    Arc::new(Telegram::new(config).unwrap())
}

/// With real adapters: everything of the good channel is taken while each place of the bad one hangs, before a
/// single one of these calls is given up.
async fn goes_on_beside(bad: Kind, act: Act) {
    let faulty = Faulty::start(bad, vec![act.clone(); BAD], false).await;
    let (provider, done) = good(GOOD).await;
    let hanging = (bad.make)(options(&faulty.provider.base(), Duration::from_secs(120)));
    let places = hanging.capabilities().concurrency;
    let engine = engine(&[("good", telegram(&provider)), (bad.name, hanging)]);
    let to = contact(&engine, 1, bad.address).await;
    approve(&engine, &to, bad.name, BAD).await;
    let to = contact(&engine, 2, TELEGRAM.address).await;
    approve(&engine, &to, "good", GOOD).await;
    let worker = Worker::new(engine.clone(), WorkerOptions::default());
    let (_go_on, stop) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stop).await });
    done.notified().await;
    let what = format!("{} {act:?}", bad.name);
    assert!((1..=places).contains(&faulty.called()), "{what}");
    running.abort();
}

#[tokio::test]
async fn everything_else_is_taken_while_a_provider_hangs() {
    for kind in ALL {
        if kind.name == TELEGRAM.name {
            continue;
        }
        goes_on_beside(kind, Act::Hang).await;
    }
    let drip = Act::Drip(Duration::from_secs(1), 200, vec![b' '; 1_000]);
    goes_on_beside(WHATSAPP, drip).await;
}
