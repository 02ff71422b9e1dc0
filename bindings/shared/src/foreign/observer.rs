//! An observer written in the host's language: told of this process's commits, and it may miss some.
//!
//! Commits do not wait for it: notices go through a ring, and one task tells them in order, one call at a time.

use std::sync::Arc;
use std::time::Duration;

use crm_core::port::broadcast::{Broadcast, Heard, Notices};
use crm_core::port::observer::Notice;
use futures_util::FutureExt as _;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::Plugins;

/// Notices that are kept for one that is slow.
const KEPT: usize = 4_096;
/// Notices in one call.
const BATCH: usize = 500;
/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long the last notices may take once the engine is closed.
const LAST: Duration = Duration::from_secs(3);

/// The name [`Plugins`] know `notice` by.
const NOTICE: &str = "observer:notice";
/// And `lagged`.
const LAGGED: &str = "observer:lagged";

/// The task that tells it.
pub(crate) struct Observing(JoinHandle<()>);

impl Observing {
    /// Begins: the engine's observer, and the task, which ends once the engine is gone.
    pub(crate) fn begin(plugins: Arc<dyn Plugins>, runtime: &Runtime) -> (Arc<Broadcast>, Self) {
        let broadcast = Broadcast::new(KEPT);
        let notices = broadcast.subscribe();
        let task = runtime.spawn(tell(plugins, notices));
        (Arc::new(broadcast), Self(task))
    }

    /// Lets it hear the last notices, for a moment: it may be the one that closes the engine.
    pub(crate) async fn end(mut self) {
        if tokio::time::timeout(LAST, &mut self.0).await.is_err() {
            self.0.abort();
        }
    }
}

async fn tell(plugins: Arc<dyn Plugins>, mut notices: Notices) {
    let mut kept = None;
    loop {
        let heard = match kept.take() {
            Some(heard) => Some(heard),
            None => notices.next().await,
        };
        match heard {
            None => return,
            Some(Heard::Lagged(missed)) => call(&*plugins, LAGGED, missed.to_string()).await,
            Some(Heard::Notice(first)) => {
                let (batch, more) = batch(first, &mut notices);
                kept = more;
                if let Ok(request) = serde_json::to_string(&batch) {
                    call(&*plugins, NOTICE, request).await;
                }
            }
        }
    }
}

/// What is there already, up to a batch or to something else than a notice.
fn batch(first: Notice, notices: &mut Notices) -> (Vec<Notice>, Option<Heard>) {
    let mut batch = vec![first];
    while batch.len() < BATCH {
        match notices.next().now_or_never().flatten() {
            Some(Heard::Notice(notice)) => batch.push(notice),
            other => return (batch, other),
        }
    }
    (batch, None)
}

/// One call. Whatever becomes of it: nothing rests on it.
async fn call(plugins: &dyn Plugins, plugin: &str, request: String) {
    let _ = tokio::time::timeout(LIMIT, plugins.call(plugin, request)).await;
}
