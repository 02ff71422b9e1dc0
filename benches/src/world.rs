//! An engine on a file of its own, with a channel that accepts at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use crm_core::engine::{Engine, Session};
use crm_core::message::Approved;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome as Answer};
use crm_core::port::ids::Ids;
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};

use crate::Outcome;

/// Messages claimed at once: what the raw loop handles per statement.
pub const AT_ONCE: usize = 500;

/// Accepts at once and counts.
#[derive(Debug, Default)]
pub struct Accepting {
    taken: AtomicU64,
}

impl Accepting {
    /// How many it was given.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
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
    pub store: Arc<SqliteStore>,
    /// The channel `email`.
    pub channel: Arc<Accepting>,
    /// Where ids come from.
    pub ids: Arc<RandomIds>,
}

impl World {
    /// Opens the file at `path`, new or not.
    ///
    /// # Errors
    /// As the store.
    pub fn open(path: &Path) -> Outcome<Self> {
        let store = Arc::new(SqliteStore::open(path, SqliteOptions::default())?);
        let ids = Arc::new(RandomIds::default());
        let channel = Arc::new(Accepting::default());
        let engine = Engine::builder(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(SystemClock),
            Arc::clone(&ids) as Arc<dyn Ids>,
        )
        .channel("email", Arc::clone(&channel) as Arc<dyn Channel>)
        .build();
        Ok(Self {
            engine,
            store,
            channel,
            ids,
        })
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
        let options = WorkerOptions {
            batch: u32::try_from(AT_ONCE).unwrap_or(u32::MAX),
            ..WorkerOptions::default()
        };
        Worker::new(self.engine.clone(), options)
    }
}

/// Copies a closed database, so that every run begins with the same file.
///
/// # Errors
/// When the file cannot be copied, or the store left its log beside it.
pub fn copy(from: &Path, to: &Path) -> Outcome<PathBuf> {
    let mut log = from.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err("the database was not closed before it was copied".into());
    }
    remove(to)?;
    std::fs::copy(from, to)?;
    // Its pages must not be written back while a run is timed.
    std::fs::File::open(to)?.sync_all()?;
    Ok(to.to_owned())
}

/// Removes a database with everything beside it.
///
/// # Errors
/// When a file that is there cannot be removed.
pub fn remove(path: &Path) -> Outcome<()> {
    for end in ["", "-wal", "-shm", ".dispatcher"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
