//! Opening connections: one way for the writer, one for readers.

use std::path::Path;
use std::time::Duration;

use crm_core::{Error, ErrorKind};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};

use crate::audience;
use crate::fault::Outcome;
use crate::search;

/// `PRAGMA synchronous` value of FULL: every commit reaches the disk before it is answered.
const FULL: i64 = 2;

/// The writing connection. Creates the file if there is none.
pub(crate) fn writer(path: &Path, busy: Duration) -> Outcome<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_CREATE, busy)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the database cannot use write-ahead logging there; put the file on a local disk",
        )
        .into());
    }
    // 16 MB: room for the indexes' inner pages and for one large commit, and no more, since a host pays for it
    // with memory; the system caches the file besides. The log is folded back into the file less often, so that
    // a page changed by many commits is written there once.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    check_synchronous(&connection)?;
    Ok(connection)
}

/// Refuses a connection on which a commit may be lost with the power.
pub(crate) fn check_synchronous(connection: &Connection) -> Outcome<()> {
    let level: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if level < FULL {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the database does not accept synchronous=FULL, so commits could be lost with the power; \
             use the SQLite that comes with this crate",
        )
        .into());
    }
    Ok(())
}

/// A connection that cannot change anything.
pub(crate) fn reader(path: &Path, busy: Duration) -> Outcome<Connection> {
    let connection = open(path, OpenFlags::empty(), busy)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    // Case-insensitive search in every script; SQLite's own lower() knows ASCII only.
    connection.create_scalar_function(
        "crm_contains",
        2,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            let needle = context.get_raw(1).as_str()?;
            let text = context.get_raw(0).as_str_or_null()?;
            Ok(text.is_some_and(|text| text.to_lowercase().contains(needle)))
        },
    )?;
    audience::register(&connection)?;
    search::define(&connection)?;
    Ok(connection)
}

fn open(path: &Path, more: OpenFlags, busy: Duration) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_synchronous_level_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        let connection = writer(&path, Duration::ZERO).ok().unwrap();
        assert!(check_synchronous(&connection).is_ok());
        connection
            .execute_batch("PRAGMA synchronous = NORMAL")
            .unwrap();
        let error = Error::from(check_synchronous(&connection).err().unwrap());
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        drop(writer(&path, Duration::ZERO).ok().unwrap());
        let connection = reader(&path, Duration::ZERO).ok().unwrap();
        assert!(connection.execute_batch("CREATE TABLE t (x)").is_err());
    }
}
