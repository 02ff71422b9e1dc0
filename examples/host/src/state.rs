//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crm_core::engine::Engine;
use crm_core::port::broadcast::Broadcast;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use utoipa::ToSchema;

use crate::auth::password::Passwords;
use crate::auth::tokens::Tokens;
use crate::records::Records;

/// Shared state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
    /// The largest file of an import, in bytes.
    pub(crate) largest_import: u64,
    /// How many imports run at once.
    pub(crate) imports: Semaphore,
    pub(crate) worker: WorkerCell,
    /// Whether drafts may cost something.
    pub(crate) has_model: bool,
    /// Where providers and people reach this host.
    pub(crate) public_url: Option<String>,
    pub(crate) notices: Broadcast,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) requests: Requests,
}

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What this process's worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkerState {
    /// This process serves HTTP only.
    Off,
    /// It plans, drafts and delivers.
    Running,
    /// Another process holds the database's dispatcher; this one waits to take over.
    Standby,
    /// It stopped for a fault and is not running.
    Failed,
}

/// The worker's state, shared with whoever asks.
#[derive(Clone)]
pub(crate) struct WorkerCell(Arc<watch::Sender<WorkerState>>);

impl WorkerCell {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(WorkerState::Off)))
    }

    pub(crate) fn set(&self, state: WorkerState) {
        self.0.send_replace(state);
    }

    pub(crate) fn get(&self) -> WorkerState {
        *self.0.borrow()
    }
}

/// Answers by class of status: 2xx, 3xx, 4xx, 5xx.
#[derive(Default)]
pub(crate) struct Requests([AtomicU64; 4]);

impl Requests {
    pub(crate) fn count(&self, status: u16) {
        if let Some(counter) = self.0.get(usize::from((status / 100).saturating_sub(2))) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let names = ["2xx", "3xx", "4xx", "5xx"];
        names
            .into_iter()
            .zip(&self.0)
            .map(|(name, c)| (name, c.load(Ordering::Relaxed)))
            .collect()
    }
}
