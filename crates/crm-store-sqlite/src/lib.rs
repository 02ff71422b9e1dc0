//! SQLite store of the outreach engine: one file, one writer, many readers.
//!
//! Writes queue up for one thread that puts all waiting ones into one transaction (group commit) and
//! answers after the commit reached the disk. Reads run beside it on connections of their own.
//!
//! A host that keeps its own tables in the same file can have our changes in its own transaction:
//! [`SqliteStore::commit_in`] from Rust, the table `intake` from anywhere (see [`crm_core::intake`]).
//! Ours are named in [`crm_core::port::schema::TABLES`], `crm_migrations`, `crm_place` and `contacts_search`
//! (with the tables FTS5 makes for it); the host's need
//! other names.
//!
//! # Going back to an older state
//! Beside the database (or at [`SqliteOptions::marker`]) lies a small file, the marker, which knows how far
//! the database had come. A database that is behind its marker was restored from a backup; one without its
//! marker was moved. Both send nothing until an operator acknowledges it: see [`crm_core::hold`].
//!
//! - Back up the database and not the marker: a marker that is restored with its database knows no more
//!   than that. Where whole folders or disks are backed up, keep the marker on another one.
//! - A database that was closed cleanly may be moved together with its marker: nothing is held.
//! - Transactions of the host ([`SqliteStore::commit_in`]) reach the marker with our next one.

mod apply;
mod audience;
mod budgets;
mod campaigns;
mod connection;
mod contact_keys;
mod contacts;
mod counters;
mod departure;
mod dispatch;
mod draft_batches;
mod erasure;
mod events;
mod fault;
mod field_definitions;
mod host;
mod imports;
mod inbound;
mod intake;
mod ledger;
mod lists;
mod merge;
mod messages;
mod migrations;
mod place;
mod plan;
mod pool;
mod query;
mod receipts;
mod risk;
mod rows;
mod saved_audiences;
mod search;
mod store;
mod subscriptions;
mod suppressions;
mod templates;
mod trail;
mod usage;
mod voices;
mod writer;

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};

/// The SQLite library whose connections [`SqliteStore::commit_in`] takes.
pub use rusqlite;

pub use crate::departure::Departure;
use crate::place::{Marker, Place};
use crate::pool::Pool;
use crate::writer::Writer;

/// How a [`SqliteStore`] uses its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many reads run at once; 1 to 64.
    pub readers: usize,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// Where the marker is, the same at every opening; `None` for beside the database, under its name and
    /// `.place`.
    pub marker: Option<PathBuf>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            marker: None,
        }
    }
}

/// The store. Cheap to share behind an `Arc`; dropping it finishes what was queued and closes the file.
pub struct SqliteStore {
    // Before the pool: the last connection to close folds the log back into the file.
    writer: Writer,
    pool: Arc<Pool>,
    /// Held from the reading of a claim to its commit.
    claims: tokio::sync::Mutex<()>,
    /// The file, by the one name that links and relative paths lead to.
    path: PathBuf,
    marker: Marker,
    lock_path: PathBuf,
    lock: Mutex<Option<File>>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the database at `path`, creates it if there is none, and brings it to this version.
    /// Blocks; call it at start-up.
    ///
    /// # Errors
    /// `Configuration` for a database of a newer program or a place that cannot keep commits safe,
    /// `Corrupt` for a file that is no SQLite database, `Unavailable` when it or its marker cannot be opened.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self> {
        let path = path.as_ref();
        let busy = options.busy_timeout;
        let mut connection = connection::writer(path, busy)?;
        migrations::run(&mut connection)?;
        let own = || beside(&canonical(path), ".place");
        let marker = Marker::at(options.marker.unwrap_or_else(own));
        marker.begin(&connection)?;
        let pool = Pool::open(path.to_owned(), busy, options.readers)?;
        Ok(Self {
            writer: Writer::start(connection, Place::new(marker.clone()))?,
            pool: Arc::new(pool),
            claims: tokio::sync::Mutex::default(),
            path: canonical(path),
            marker,
            lock_path: beside(path, ".dispatcher"),
            lock: Mutex::new(None),
        })
    }

    /// Takes the dispatcher's file lock; the system frees it when the process ends.
    fn lock_dispatcher(&self) -> Result<()> {
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(());
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock_path)
            .map_err(|_| lock_failed())?;
        match file.try_lock() {
            Ok(()) => {
                *held = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Unavailable,
                "another process delivers from this database; stop it first or let it work",
            )),
            Err(TryLockError::Error(_)) => Err(lock_failed()),
        }
    }
}

/// The path without links and relative parts, as far as the system can tell.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A file beside another one.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn lock_failed() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the dispatcher's lock file beside the database cannot be used; check the rights there",
    )
}
