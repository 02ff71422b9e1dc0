//! Reading connections, used on blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection;
use crate::fault::Outcome;

/// A few connections that cannot change anything.
pub(crate) struct Pool {
    path: PathBuf,
    busy: Duration,
    free: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn open(path: PathBuf, busy: Duration, readers: usize) -> Outcome<Self> {
        let readers = readers.clamp(1, 64);
        let free = (0..readers)
            .map(|_| connection::reader(&path, busy))
            .collect::<Outcome<Vec<_>>>()?;
        Ok(Self {
            path,
            busy,
            free: Mutex::new(free),
            permits: Arc::new(Semaphore::new(readers)),
        })
    }

    /// Runs `work` on one connection and one state of the database.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| unavailable())?;
        let pool = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let outcome = pool.run(work);
            drop(permit);
            outcome
        })
        .await
        .map_err(|_| unavailable())?
        .map_err(Error::from)
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        let waiting = self.free().pop();
        let mut connection = match waiting {
            Some(connection) => connection,
            // One was lost to a panic.
            None => connection::reader(&self.path, self.busy)?,
        };
        let transaction = connection.transaction()?;
        let outcome = work(&transaction);
        transaction.rollback()?;
        self.free().push(connection);
        outcome
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the database could not be read; try again",
    )
}
