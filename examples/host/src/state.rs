//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crm_core::engine::Engine;
use crm_core::port::observer::{Notice, Observer};
use tokio::sync::{Semaphore, broadcast, watch};

use crate::auth::accounts::Accounts;
use crate::auth::limiter::Limiter;
use crate::auth::password::Passwords;
use crate::auth::tokens::Tokens;

/// Shared state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) accounts: Accounts,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
    pub(crate) limiter: Limiter,
    pub(crate) imports: Arc<Semaphore>,
    pub(crate) notices: broadcast::Sender<Notice>,
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

/// Passes the engine's notices on to live screens.
#[derive(Debug)]
pub(crate) struct Broadcast(pub(crate) broadcast::Sender<Notice>);

impl Observer for Broadcast {
    fn notice(&self, notices: &[Notice]) {
        for notice in notices {
            // Nobody listening is fine.
            let _ = self.0.send(notice.clone());
        }
    }
}
