//! Our changes in the host's own transaction, on its own connection.

use std::path::Path;

use crm_core::change::{Change, ChangeSet};
use crm_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::fault::{Fault, Outcome};
use crate::place::Marker;
use crate::writer::Batch;
use crate::{SqliteStore, apply, canonical, connection};

impl SqliteStore {
    /// Writes change sets (those of
    /// [`Engine::deferred`](crm_core::engine::Engine::deferred)) in a transaction of the host: all of
    /// them or none. The host commits or rolls back; until it commits nobody sees them, and if it never
    /// does they never were. After an error the transaction stands as it was before the call, unless
    /// SQLite itself undid it (a full disk).
    ///
    /// `connection` is the host's own, on this store's file, with a transaction begun: a
    /// [`Transaction`](rusqlite::Transaction) is one. Begin it with `BEGIN IMMEDIATE`, or SQLite may
    /// refuse to turn a reader into a writer. The engine's own writes wait for it to end (up to
    /// [`busy_timeout`](crate::SqliteOptions::busy_timeout)), so keep it short. Blocks.
    ///
    /// # Errors
    /// The first change set's own error (`Conflict`, `Duplicate`, ...); `Configuration` for a
    /// connection on another file or one that may lose a commit with the power (`PRAGMA synchronous`
    /// below `FULL`); `NotAllowed` without a transaction; `Unavailable` as a commit.
    pub fn commit_in(&self, connection: &Connection, sets: &[ChangeSet]) -> Result<()> {
        self.write_in(connection, sets)
            .map_err(|fault| Error::from(fault).during("commit_in"))
    }

    fn write_in(&self, connection: &Connection, sets: &[ChangeSet]) -> Outcome<()> {
        let path = connection.path().unwrap_or_default();
        if path.is_empty() || canonical(Path::new(path)) != self.path {
            return Err(Error::new(
                ErrorKind::Configuration,
                "the connection is on another file; open one on the file of this store",
            )
            .into());
        }
        if connection.is_autocommit() {
            return Err(Error::new(
                ErrorKind::NotAllowed,
                "no transaction is open on this connection; begin one, then commit it yourself",
            )
            .into());
        }
        connection::check_synchronous(connection)?;
        let erases = sets
            .iter()
            .flat_map(ChangeSet::changes)
            .any(|change| matches!(change, Change::EraseTexts(_)));
        if !erases {
            return savepoint(connection, &self.marker, sets);
        }
        // What is erased must not stay in the file's free pages, whatever the host usually wants.
        let usual: i64 = connection.query_row("PRAGMA secure_delete", [], |row| row.get(0))?;
        connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
        let written = savepoint(connection, &self.marker, sets);
        connection.query_row(&format!("PRAGMA secure_delete = {usual}"), [], |_| Ok(()))?;
        written
    }
}

/// Writes the sets under a savepoint of their own.
fn savepoint(connection: &Connection, marker: &Marker, sets: &[ChangeSet]) -> Outcome<()> {
    connection.execute_batch("SAVEPOINT crm_commit_in")?;
    match write(connection, marker, sets) {
        Ok(()) => Ok(connection.execute_batch("RELEASE crm_commit_in")?),
        Err(fault) => {
            // SQLite may have undone the whole transaction, and the savepoint with it.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO crm_commit_in; RELEASE crm_commit_in")?;
            }
            Err(fault)
        }
    }
}

fn write(connection: &Connection, marker: &Marker, sets: &[ChangeSet]) -> Outcome<()> {
    let mut batch = Batch::within(connection, marker);
    for set in sets {
        for result in apply::apply(&mut batch, std::slice::from_ref(set)) {
            result.map_err(Fault::from)?;
        }
    }
    batch.settle()
}
