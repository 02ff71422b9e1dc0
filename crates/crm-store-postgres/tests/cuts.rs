//! The connection is cut, or the server killed, at any message of the protocol between store and server
//! while a step of a delivery is under way: the step is done wholly or not at all, the error says that
//! the store is unavailable, and the same store goes on afterwards.
//!
//! `CRM_CUT_ROUNDS` says how often each message is cut; from 2 on, a worker is cut at each of its messages,
//! else at every third.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/wire.rs"]
mod wire;

use std::sync::Arc;

use chrono::Duration;
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::message::decide::Seen;
use crm_core::message::dispatch::{self, RetryPolicy};
use crm_core::message::history::replay;
use crm_core::message::{Attempt, Message, Occasion, Status};
use crm_core::port::channel::Outcome;
use crm_core::port::store::Claim;
use crm_core::stamp::Stamp;
use crm_core::system::RandomIds;
use crm_core::testing::{FakeClock, RecordingChannel, fixtures};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Result, Role, Workspace};
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use wire::Wire;

/// A server, one store with a way that can be cut, and one that sees what is there.
struct Scene {
    server: Arc<Server>,
    wire: Wire,
    cut: Engine,
    whole: Engine,
    channel: Arc<RecordingChannel>,
    clock: Arc<FakeClock>,
}

fn options() -> PgOptions {
    PgOptions {
        connections: 2,
        listen: false,
        time: TimeSource::Caller,
        ..PgOptions::default()
    }
}

impl Scene {
    /// `kills`: the server dies with the connection, and is started again at once.
    async fn open(kills: bool) -> Self {
        let server = Arc::new(
            Server::start(ServerOptions {
                // The machine lives on: what the server had written is there when it comes back. Waiting
                // for the disk was most of what this took.
                fsync: false,
                ..ServerOptions::default()
            })
            .unwrap(),
        );
        let killed = server.clone();
        let also = move || {
            if kills {
                killed.restart(Mode::Immediate).unwrap();
            }
        };
        let wire = Wire::new(&server, also).await;
        let direct = server.url("postgres");
        let whole = PgStore::connect(&direct, options()).await.unwrap();
        let cut = PgStore::connect(&wire.url(&direct), options())
            .await
            .unwrap();
        let (channel, clock) = (
            Arc::new(RecordingChannel::default()),
            Arc::new(FakeClock::default()),
        );
        let engine = |store: PgStore| {
            let ids = Arc::new(RandomIds::default());
            Engine::builder(Arc::new(store), clock.clone(), ids)
                .channel("email", channel.clone())
                .build()
        };
        Self {
            server,
            wire,
            cut: engine(cut),
            whole: engine(whole),
            channel: channel.clone(),
            clock: clock.clone(),
        }
    }

    async fn draft(&self) -> Message {
        let ann = ann(&self.whole);
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{}@example.org", uuid::Uuid::now_v7().simple())),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            channel: Some("email".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
        };
        ann.messages().create(draft).await.unwrap()
    }

    async fn get(&self, message: &Message) -> Message {
        ann(&self.whole).messages().get(message.id).await.unwrap()
    }

    /// Nothing is half: the history leads to the row.
    async fn hold(&self, message: &Message) {
        let ann = ann(&self.whole);
        let now = self.get(message).await;
        let history = ann.messages().history(message.id).await.unwrap();
        let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
        let state = state.unwrap();
        assert_eq!((state.status, state.version), (now.status, now.version));
        let trail = ann.messages().trail(message.id).await.unwrap();
        assert_eq!(trail.approvals.len(), usize::from(now.version > 1));
        let open = trail.attempts.iter().filter(|a| a.finished_at.is_none());
        assert_eq!(open.count(), usize::from(now.status == Status::Sending));
    }

    /// The counters equal a count, and the chain verifies. What is once wrong stays so: it is enough to
    /// look at the end of many cuts, and each look is at everything.
    async fn add_up(&self) {
        let ann = ann(&self.whole);
        assert_eq!(ann.analytics().recount().await.unwrap(), []);
        assert!(ann.audit().verify(None).await.unwrap().valid);
    }
}

fn ann(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

/// Each takes a message one version further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Approve,
    Claim,
    Begin,
    Record,
}

const STEPS: [Step; 4] = [Step::Approve, Step::Claim, Step::Begin, Step::Record];

async fn take(engine: &Engine, step: Step, message: &Message) -> Result<()> {
    let (store, workspace) = (engine.store(), Workspace::default());
    let (actor, ids) = (Actor::system(workspace.clone()), RandomIds::default());
    let stamp = Stamp {
        actor: &actor,
        at: engine.now(),
        ids: &ids,
    };
    match step {
        Step::Approve => {
            let seen = Seen::of(message);
            ann(engine).approvals().approve(message.id, seen).await?;
        }
        Step::Claim => {
            let claim = Claim {
                workspace,
                worker: "worker".to_owned(),
                limit: 1,
                now: engine.now(),
                lease: Duration::minutes(2),
                parked: Vec::new(),
                ids: Arc::new(RandomIds::default()),
            };
            store.claim(claim).await?;
        }
        Step::Begin => {
            let view = store.dispatch(&workspace, &[message.id]).await?.remove(0);
            let begun = dispatch::begin(&view, fixtures::desk("worker"), &stamp)?;
            store.commit(vec![begun.changes]).await?.remove(0)?;
        }
        Step::Record => {
            let view = store.dispatch(&workspace, &[message.id]).await?.remove(0);
            let attempt: Attempt = view.attempt.unwrap();
            let outcome = Outcome::Accepted {
                provider_id: "p".to_owned(),
            };
            let policy = RetryPolicy::default();
            let (_, set) = dispatch::record(&view.message, &attempt, &outcome, policy, &stamp)?;
            store.commit(vec![set]).await?.remove(0)?;
        }
    }
    Ok(())
}

/// How a step ended that was cut.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// It was done and said so.
    Answered,
    /// It failed and left nothing.
    Undone,
    /// It failed and is done all the same.
    Swallowed,
}

/// Takes a new message up to `step`, which is cut at its `nth` message of the protocol; `None` when it
/// has not so many.
async fn cut(scene: &Scene, step: Step, nth: u64) -> Option<Ending> {
    // A connection that knows its statements has fewer messages than a new one, and always as many.
    let other = scene.draft().await;
    for step in STEPS {
        let now = scene.get(&other).await;
        take(&scene.cut, step, &now).await.unwrap();
    }
    let message = scene.draft().await;
    let mut now = message.clone();
    for before in STEPS.into_iter().take_while(|before| *before != step) {
        take(&scene.whole, before, &now).await.unwrap();
        now = scene.get(&message).await;
    }
    scene.wire.cut_at(nth);
    let answer = take(&scene.cut, step, &now).await;
    let was_cut = scene.wire.was_cut().await;
    let after = scene.get(&message).await;
    scene.hold(&message).await;
    let done = after.version == now.version + 1;
    assert!(done || after.version == now.version, "{step:?} {nth}: half");
    let ending = match &answer {
        Ok(()) => {
            assert!(done, "{step:?} {nth}: it was answered and is not there");
            Ending::Answered
        }
        Err(error) => {
            assert_eq!(
                error.kind(),
                ErrorKind::Unavailable,
                "{step:?} {nth}: {error}"
            );
            if done {
                Ending::Swallowed
            } else {
                Ending::Undone
            }
        }
    };
    // The same store goes on with it.
    if !done {
        take(&scene.cut, step, &now).await.unwrap();
    }
    let rest = STEPS.into_iter().skip_while(|rest| *rest != step).skip(1);
    for rest in rest {
        let now = scene.get(&message).await;
        take(&scene.cut, rest, &now).await.unwrap();
    }
    assert_eq!(scene.get(&message).await.status, Status::Sent);
    scene.hold(&message).await;
    was_cut.then_some(ending)
}

fn rounds() -> u32 {
    std::env::var("CRM_CUT_ROUNDS").map_or(1, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_done_or_not_wherever_its_connection_is_cut() {
    let (scene, mut cuts) = (Scene::open(false).await, 0);
    for _ in 0..rounds() {
        for step in STEPS {
            let mut endings = Vec::new();
            // The pool's connections may differ by a few messages, more on a busy machine: around the end it is
            // tried again until the last one, "committed", was hit.
            let (mut nth, mut again) = (1, 0);
            loop {
                match cut(&scene, step, nth).await {
                    Some(ending) => {
                        endings.push(ending);
                        nth += 1;
                    }
                    None if again == 40 || endings.contains(&Ending::Swallowed) => break,
                    None => {
                        again += 1;
                        nth = nth.saturating_sub(8).max(1);
                    }
                }
            }
            assert!(endings.len() > 10, "{step:?}: {endings:?}");
            assert!(endings.contains(&Ending::Undone), "{step:?}: {endings:?}");
            // "Committed" was on its way back.
            assert!(
                endings.contains(&Ending::Swallowed),
                "{step:?}: {endings:?}"
            );
            cuts += endings.len();
            scene.add_up().await;
        }
    }
    println!("{cuts} cuts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_done_or_not_wherever_the_server_dies() {
    let scene = Scene::open(true).await;
    for step in STEPS {
        let mut endings = Vec::new();
        // The messages at which it dies lie closer together at first, and go to the end.
        let mut nth = 1;
        while let Some(ending) = cut(&scene, step, nth).await {
            endings.push(ending);
            nth += 5;
        }
        assert!(endings.contains(&Ending::Undone), "{step:?}: {endings:?}");
        scene.add_up().await;
    }
    assert!(scene.server.pid().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_connection_is_cut_anywhere_sends_once_and_doubts_nothing() {
    let scene = Scene::open(false).await;
    let worker = Worker::new(scene.cut.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    let (mut sent, mut cuts) = (0, 0);
    for _ in 0..rounds() {
        let mut nth = 0;
        loop {
            nth += if rounds() > 1 { 1 } else { 3 };
            let message = scene.draft().await;
            take(&scene.whole, Step::Approve, &message).await.unwrap();
            scene.wire.cut_at(nth);
            if let Err(error) = worker.run_until_idle().await {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{nth}: {error}");
            }
            let was_cut = scene.wire.was_cut().await;
            // Its lease, if it has one, ends.
            scene.clock.advance(Duration::minutes(10));
            worker.run_until_idle().await.unwrap();
            let now = scene.get(&message).await;
            // The store is back at once, so a worker learns what became of every commit that was not
            // answered: nothing is in doubt.
            assert_eq!(now.status, Status::Sent, "{nth}");
            let delivered = scene.channel.delivered();
            let same = delivered.iter().filter(|d| d.message_id() == message.id);
            assert_eq!(same.count(), 1, "{nth}");
            sent += 1;
            cuts += usize::from(was_cut);
            if !was_cut {
                break;
            }
        }
    }
    println!("{cuts} cuts, {sent} messages sent once");
    assert!(cuts > 20, "{cuts}");
    scene.add_up().await;
}
