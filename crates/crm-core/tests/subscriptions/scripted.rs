//! A subscriber that does as it is told, and a world whose worker tells it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use crm_core::Workspace;
use crm_core::engine::{Engine, Subscribed};
use crm_core::message::history::{StoredEvent, Subject};
use crm_core::port::store::EventQuery;
use crm_core::port::subscriber::{
    Selection, StateChange, Subscriber, SubscriberCapabilities, Told,
};
use crm_core::subscription::{Start, Subscription};
use crm_core::testing::SequentialIds;
use crm_core::worker::{Round, Worker, WorkerOptions};
use tokio::sync::{Notify, watch};

use crate::common::{World, world};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Take,
    /// Takes all, and says that it did not: the answer was lost.
    TakeAndFail,
    Fail,
    Wait,
    Close,
    Panic,
    /// Takes all and does not come back.
    TakeAndHang,
    /// Does not come back.
    Hang,
}

/// Does as it is told, and takes everything once it is told nothing more.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) acts: Mutex<VecDeque<Act>>,
    pub(crate) taken: Mutex<Vec<StateChange>>,
    /// Calls that did not come back yet.
    pub(crate) hanging: Notify,
    pub(crate) freed: Notify,
    pub(crate) calls: AtomicU32,
    pub(crate) batch: u32,
    pub(crate) selection: Selection,
}

impl Scripted {
    pub(crate) fn ids(&self) -> Vec<String> {
        self.once()
            .iter()
            .map(|change| change.id.to_string())
            .collect()
    }

    /// What was taken, each for the first time.
    pub(crate) fn once(&self) -> Vec<StateChange> {
        let mut seen = BTreeSet::new();
        let taken = self.taken.lock().unwrap().clone();
        taken
            .into_iter()
            .filter(|change| seen.insert(change.id))
            .collect()
    }

    pub(crate) fn does(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Subscriber for Scripted {
    fn capabilities(&self) -> SubscriberCapabilities {
        SubscriberCapabilities {
            batch: self.batch,
            ..SubscriberCapabilities::default()
        }
    }

    fn wants(&self, change: &StateChange) -> bool {
        self.selection.holds(change)
    }

    async fn deliver(&self, changes: &[StateChange]) -> Told {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Take);
        let reason = "http_500".to_owned();
        if matches!(act, Act::Take | Act::TakeAndFail | Act::TakeAndHang) {
            self.taken.lock().unwrap().extend_from_slice(changes);
        }
        if matches!(act, Act::Hang | Act::TakeAndHang) {
            self.hanging.notify_one();
            self.freed.notified().await;
        }
        match act {
            Act::Take | Act::TakeAndHang => Told::Taken,
            Act::Fail | Act::TakeAndFail | Act::Hang => Told::Later {
                at_least: None,
                reason,
            },
            Act::Wait => Told::Later {
                at_least: Some(std::time::Duration::from_secs(3_600)),
                reason,
            },
            Act::Close => Told::Closed {
                reason: "http_410".to_owned(),
            },
            Act::Panic => panic!("as told"),
        }
    }
}

pub(crate) fn scripted(batch: u32) -> Arc<Scripted> {
    Arc::new(Scripted {
        batch,
        ..Scripted::default()
    })
}

pub(crate) static OWN: std::sync::LazyLock<Workspace> =
    std::sync::LazyLock::new(Workspace::default);

/// A world whose worker tells these, which begin here and now.
pub(crate) async fn telling(subscribers: &[(&str, &Arc<Scripted>)], from: Start) -> World {
    let mut world = world();
    let store = Arc::clone(world.engine.store());
    let mut builder = Engine::builder(
        store,
        world.clock.clone(),
        Arc::new(SequentialIds::starting_at(1_000_000)),
    )
    .channel("email", world.channel.clone());
    for (name, subscriber) in subscribers {
        let subscriber: Arc<Scripted> = Arc::clone(subscriber);
        builder = builder.subscriber(*name, subscriber);
    }
    world.engine = builder.build();
    for (name, _) in subscribers {
        world.engine.subscribe(&OWN, name, from).await.unwrap();
    }
    world
}

impl World {
    pub(crate) fn named(&self, name: &str) -> Worker {
        let options = WorkerOptions {
            name: name.to_owned(),
            ..WorkerOptions::default()
        };
        Worker::new(self.engine.clone(), options)
    }

    pub(crate) async fn round(&self, name: &str) -> Round {
        let (_sender, stop) = watch::channel(false);
        self.named(name).round(&stop).await.unwrap()
    }

    pub(crate) async fn chain(&self) -> Vec<StoredEvent> {
        while self.engine.store().seal(&OWN, 1_000).await.unwrap() > 0 {}
        let query = EventQuery {
            sealed_after: Some(0),
            limit: 10_000,
            ..EventQuery::default()
        };
        self.engine.store().events(&OWN, query).await.unwrap()
    }

    pub(crate) async fn chain_ids(&self) -> Vec<String> {
        let chain = self.chain().await;
        chain
            .iter()
            .map(|stored| stored.event.id.to_string())
            .collect()
    }

    pub(crate) async fn subscribed(&self, name: &str) -> Subscribed {
        let all = self.admin().subscriptions().list().await.unwrap();
        all.into_iter().find(|one| one.name == name).unwrap()
    }

    pub(crate) async fn row(&self, name: &str) -> Subscription {
        let all = self.engine.store().subscriptions(&OWN).await.unwrap();
        all.into_iter().find(|row| row.name == name).unwrap()
    }

    pub(crate) async fn actions(&self) -> Vec<String> {
        let chain = self.chain().await;
        let of = |subject| move |stored: &&StoredEvent| stored.event.subject == subject;
        let ours = chain.iter().filter(of(Subject::Subscription));
        ours.map(|stored| stored.event.action.clone()).collect()
    }
}
