//! An engine over a store, with a channel that accepts at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use crm_core::engine::{Engine, Session};
use crm_core::message::Approved;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome as Answer};
use crm_core::port::ids::Ids;
use crm_core::port::llm::Llm;
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use tokio::sync::Notify;

/// Messages claimed at once: what the raw loop handles per statement.
pub const AT_ONCE: usize = 500;

/// Accepts at once and counts.
#[derive(Debug, Default)]
pub struct Accepting {
    taken: AtomicU64,
    more: Notify,
}

impl Accepting {
    /// How many it was given.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Waits until it was given as many.
    pub async fn reached(&self, count: u64) {
        while self.taken() < count {
            // One is kept for who comes late.
            self.more.notified().await;
        }
    }
}

#[async_trait]
impl Channel for Accepting {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            // One batch is begun while the one before is recorded.
            concurrency: 2 * AT_ONCE,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, message: &Approved) -> Answer {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.more.notify_one();
        Answer::Accepted {
            provider_id: message.attempt_id().to_string(),
        }
    }
}

/// An engine, its store and its channel.
#[derive(Debug)]
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// The store, as the engine has it.
    pub store: Arc<dyn Store>,
    /// The channel `email`.
    pub channel: Arc<Accepting>,
    /// Where ids come from.
    pub ids: Arc<RandomIds>,
}

impl World {
    /// An engine over `store`.
    #[must_use]
    pub fn over(store: Arc<dyn Store>) -> Self {
        let ids = Arc::new(RandomIds::default());
        let channel = Arc::new(Accepting::default());
        Self {
            engine: engine(
                Arc::clone(&store),
                Arc::clone(&ids),
                Arc::clone(&channel) as Arc<dyn Channel>,
            ),
            store,
            channel,
            ids,
        }
    }

    /// The one who prepares and approves.
    #[must_use]
    pub fn actor() -> Actor {
        Actor::new(Workspace::default(), "bench", Role::Admin)
    }

    /// A session of [`actor`](Self::actor).
    #[must_use]
    pub fn session(&self) -> Session {
        self.engine.act_as(Self::actor())
    }

    /// A worker with batches as large as the raw loop's.
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.worker_named("worker")
    }

    /// One of several workers.
    #[must_use]
    pub fn worker_named(&self, name: &str) -> Worker {
        worker(&self.engine, name)
    }
}

/// An engine whose channel `email` is this one.
#[must_use]
pub fn engine(store: Arc<dyn Store>, ids: Arc<RandomIds>, email: Arc<dyn Channel>) -> Engine {
    engine_with(store, ids, email, None)
}

/// The same with a model.
#[must_use]
pub fn engine_with(
    store: Arc<dyn Store>,
    ids: Arc<RandomIds>,
    email: Arc<dyn Channel>,
    model: Option<Arc<dyn Llm>>,
) -> Engine {
    let builder = Engine::builder(store, Arc::new(SystemClock), ids as Arc<dyn Ids>);
    let builder = builder.channel("email", email);
    match model {
        Some(model) => builder.llm(model),
        None => builder,
    }
    .build()
}

/// A worker with batches as large as the raw loop's.
#[must_use]
pub fn worker(engine: &Engine, name: &str) -> Worker {
    let options = WorkerOptions {
        name: name.to_owned(),
        batch: u32::try_from(AT_ONCE).unwrap_or(u32::MAX),
        ..WorkerOptions::default()
    };
    Worker::new(engine.clone(), options)
}
