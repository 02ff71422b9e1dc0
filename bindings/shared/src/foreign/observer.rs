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
    while let Some(first) = notices.next().await {
        let (batch, missed) = ready(first, &mut notices);
        if !batch.is_empty()
            && let Ok(request) = serde_json::to_string(&batch)
        {
            call(&*plugins, NOTICE, request).await;
        }
        if missed > 0 {
            call(&*plugins, LAGGED, missed.to_string()).await;
        }
    }
}

/// The notices that are there already, up to a batch, and how many are missing behind them.
fn ready(first: Heard, notices: &mut Notices) -> (Vec<Notice>, u64) {
    let mut batch = Vec::new();
    let mut heard = Some(first);
    while let Some(Heard::Notice(notice)) = heard {
        batch.push(notice);
        if batch.len() == BATCH {
            return (batch, 0);
        }
        heard = notices.next().now_or_never().flatten();
    }
    match heard {
        Some(Heard::Lagged(missed)) => (batch, missed),
        _ => (batch, 0),
    }
}

/// One call. Whatever becomes of it: nothing rests on it.
async fn call(plugins: &dyn Plugins, plugin: &str, request: String) {
    let _ = tokio::time::timeout(LIMIT, plugins.call(plugin, request)).await;
}

#[cfg(test)]
mod tests {
    use crm_core::Workspace;
    use crm_core::message::history::Subject;
    use crm_core::port::observer::Observer as _;

    use super::*;

    fn tell(broadcast: &Broadcast, versions: impl IntoIterator<Item = u64>) {
        for version in versions {
            broadcast.notice(&[Notice {
                workspace: Workspace::default(),
                subject: Subject::Contact,
                id: uuid::Uuid::nil(),
                action: "updated".to_owned(),
                status: None,
                version,
            }]);
        }
    }

    fn next(notices: &mut Notices) -> (Vec<u64>, u64) {
        let first = notices.next().now_or_never().flatten().unwrap();
        let (batch, missed) = ready(first, notices);
        (batch.iter().map(|notice| notice.version).collect(), missed)
    }

    #[test]
    fn what_is_there_comes_in_order_and_in_batches_and_what_is_missing_is_counted() {
        let broadcast = Broadcast::new(1_024);
        let mut notices = broadcast.subscribe();
        tell(&broadcast, 0..BATCH as u64 + 2);
        assert_eq!(next(&mut notices), ((0..BATCH as u64).collect(), 0));
        assert_eq!(next(&mut notices), (vec![500, 501], 0));
        tell(&broadcast, 0..1_030);
        assert_eq!(next(&mut notices), (vec![], 6));
        // While it looks for more.
        let first = notices.next().now_or_never().flatten().unwrap();
        tell(&broadcast, 0..1_024);
        let (batch, missed) = ready(first, &mut notices);
        assert_eq!((batch.len(), missed), (1, 1_023));
        assert_eq!(next(&mut notices).0[0], 0);
    }
}
