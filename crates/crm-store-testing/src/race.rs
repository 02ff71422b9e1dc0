//! Engines over the same data, a line to start from, and what must hold whoever won.

use std::sync::Arc;
use std::time::Instant;

use chrono::Duration;
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::message::decide::Seen;
use crm_core::message::history::{AuditEvent, replay};
use crm_core::message::{Message, Occasion, dispatch};
use crm_core::port::store::{Claim, EventQuery, Store};
use crm_core::stamp::Stamp;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::{RecordingChannel, fixtures};
use crm_core::{Actor, Error, ErrorKind, Role, Workspace};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::stagger::{self, Stagger};

/// Engines over stores that hold the same data, and a line to start from.
#[derive(Debug)]
pub struct Race {
    pub(crate) engines: Vec<Engine>,
    pub(crate) channel: Arc<RecordingChannel>,
    /// Two at the start line.
    line: Arc<Barrier>,
    /// By how much one of them is ahead.
    stagger: Stagger,
    /// How often each race is run.
    pub(crate) rounds: usize,
}

/// How often each race is run, unless `CRM_RACE_ROUNDS` says otherwise. Crowds meet a tenth as often, and
/// five times at least.
const ROUNDS: usize = 200;

impl Race {
    /// One engine over each of `stores`, of which there is at least one: a store and its clones, or
    /// several that opened the same database.
    #[must_use]
    pub fn new(stores: &[Arc<dyn Store>]) -> Self {
        let channel = Arc::new(RecordingChannel::default());
        let engine = |store: &Arc<dyn Store>| {
            let ids = Arc::new(RandomIds::default());
            Engine::builder(store.clone(), Arc::new(SystemClock), ids)
                .channel("email", channel.clone())
                .build()
        };
        Self {
            engines: stores.iter().map(engine).collect(),
            channel: channel.clone(),
            line: Arc::new(Barrier::new(2)),
            stagger: Stagger::new(),
            rounds: std::env::var("CRM_RACE_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap()),
        }
    }

    /// How often a crowd meets.
    pub(crate) fn meetings(&self) -> usize {
        (self.rounds / 10).max(5)
    }

    /// The engine that delivers and in which Bob acts: another one than Ann's if there are several.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engines[1 % self.engines.len()]
    }

    /// Any number of engines in turn.
    pub(crate) fn nth(&self, number: usize) -> &Engine {
        &self.engines[number % self.engines.len()]
    }

    pub(crate) fn act(&self, id: &str) -> Session {
        let engine = if id == "bob" {
            self.engine()
        } else {
            &self.engines[0]
        };
        engine.act_as(Actor::new(Workspace::default(), id, Role::Manager))
    }

    pub(crate) async fn draft(&self, round: usize) -> Message {
        let ann = self.act("ann");
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{round}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            channel: Some("email".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
        };
        ann.messages().create(draft).await.unwrap()
    }

    pub(crate) async fn approved(&self, round: usize) -> Message {
        let message = self.draft(round).await;
        let seen = Seen::of(&message);
        self.act("ann")
            .approvals()
            .approve(message.id, seen)
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, message: &Message) -> Message {
        self.act("ann").messages().get(message.id).await.unwrap()
    }

    /// Runs both from one start line, one of them a random moment behind the other.
    pub(crate) async fn race<A, B>(
        &self,
        first: impl Future<Output = A> + Send + 'static,
        second: impl Future<Output = B> + Send + 'static,
    ) -> (A, B)
    where
        A: Send + 'static,
        B: Send + 'static,
    {
        let (early, late) = self.stagger.head_start();
        let first = tokio::spawn(run(self.line.clone(), early, first));
        let second = tokio::spawn(run(self.line.clone(), late, second));
        let ((first, took), (second, also_took)) = (first.await.unwrap(), second.await.unwrap());
        self.stagger.took(took.max(also_took));
        (first, second)
    }

    /// The history leads to the row and the counters to a count, whoever won.
    pub(crate) async fn hold(&self, message: &Message) {
        let ann = self.act("ann");
        let now = self.get(message).await;
        let history = ann.messages().history(message.id).await.unwrap();
        let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
        let state = state.unwrap();
        assert_eq!((state.status, state.version), (now.status, now.version));
    }

    pub(crate) async fn hold_all(&self) {
        let ann = self.act("ann");
        assert_eq!(ann.analytics().recount().await.unwrap(), []);
        self.end().await;
        assert!(ann.audit().verify(None).await.unwrap().valid);
    }

    /// The end of the history: all that was committed lies before it.
    pub(crate) async fn end(&self) -> u64 {
        let (store, workspace) = (self.engine().store(), Workspace::default());
        while store.seal(&workspace, 1_000).await.unwrap() > 0 {}
        store.checkpoint(&workspace).await.unwrap().position
    }

    /// What was committed since `end`, in the order of commits.
    pub(crate) async fn since(&self, end: u64) -> Since {
        self.end().await;
        let query = EventQuery {
            sealed_after: Some(end),
            limit: 10_000,
            ..EventQuery::default()
        };
        let events = self.act("ann").audit().events(query).await.unwrap();
        Since(events.into_iter().map(|stored| stored.event).collect())
    }

    /// Claims everything that is due.
    pub(crate) async fn claim(&self) -> Vec<Message> {
        let claim = Claim {
            workspace: Workspace::default(),
            worker: "racer".to_owned(),
            limit: 1_000,
            now: self.engine().now(),
            lease: Duration::minutes(2),
            parked: Vec::new(),
            ids: Arc::new(RandomIds::default()),
        };
        self.engine().store().claim(claim).await.unwrap()
    }
}

/// Waits for the other, then for as long as it is behind; what came out, and how long that took.
async fn run<T>(
    line: Arc<Barrier>,
    behind: std::time::Duration,
    runner: impl Future<Output = T>,
) -> (T, std::time::Duration) {
    line.wait().await;
    stagger::wait(behind).await;
    let start = Instant::now();
    (runner.await, start.elapsed())
}

/// Reads, decides and commits the begin of `message`. Whether an attempt was begun.
pub(crate) async fn begin(engine: Engine, message: Message) -> bool {
    let (store, workspace) = (engine.store(), Workspace::default());
    let views = store.dispatch(&workspace, &[message.id]).await.unwrap();
    let (actor, ids) = (Actor::system(workspace), RandomIds::default());
    let stamp = Stamp {
        actor: &actor,
        at: engine.now(),
        ids: &ids,
    };
    let lost = |error: &Error| assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let begun = match dispatch::begin(&views[0], fixtures::desk("racer"), &stamp) {
        Ok(begun) => begun,
        Err(error) => {
            lost(&error);
            return false;
        }
    };
    let done = store.commit(vec![begun.changes]).await.unwrap().remove(0);
    if let Err(error) = &done {
        lost(error);
    }
    begun.delivery.is_some() && done.is_ok()
}

/// A part of the history, in the order of commits.
#[derive(Debug)]
pub(crate) struct Since(Vec<AuditEvent>);

impl Since {
    /// Where `action` was done to `subject`.
    pub(crate) fn place(&self, subject: Uuid, action: &str) -> Option<usize> {
        let mut events = self.0.iter();
        events.position(|event| event.subject_id == subject && event.action == action)
    }

    /// Where `action` was done to anything.
    pub(crate) fn place_of(&self, action: &str) -> Option<usize> {
        self.0.iter().position(|event| event.action == action)
    }
}
