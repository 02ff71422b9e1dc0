//! The host's own small database: accounts, sessions, idempotency keys and import reports. It lives in
//! a file beside the engine's and is never part of it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::error::Problem;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL,
    password_hash TEXT NOT NULL, role TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS families (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id),
    revoked INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash BLOB PRIMARY KEY, family TEXT NOT NULL REFERENCES families(id) ON DELETE CASCADE,
    used INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_family ON refresh_tokens(family);
CREATE TABLE IF NOT EXISTS idempotency (
    user_id TEXT NOT NULL, key TEXT NOT NULL, hash BLOB NOT NULL, status INTEGER,
    content_type TEXT, body BLOB, at INTEGER NOT NULL, PRIMARY KEY (user_id, key)) STRICT;
CREATE TABLE IF NOT EXISTS imports (
    id TEXT PRIMARY KEY, report TEXT NOT NULL, rejects TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sign_ins (
    position INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, action TEXT NOT NULL,
    user_id TEXT, session TEXT) STRICT;
CREATE TRIGGER IF NOT EXISTS sign_ins_kept BEFORE UPDATE ON sign_ins
    BEGIN SELECT RAISE(ABORT, 'the record of sign-ins is never changed'); END;
CREATE TRIGGER IF NOT EXISTS sign_ins_stay BEFORE DELETE ON sign_ins
    BEGIN SELECT RAISE(ABORT, 'the record of sign-ins is never changed'); END;
";

/// Imports that a stopped host left behind.
const INTERRUPTED: &str = "
UPDATE imports SET report = json_set(report, '$.status', 'failed',
    '$.detail', 'the host stopped during the import; import the file again, known people are skipped')
WHERE json_extract(report, '$.status') IN ('queued', 'running')";

/// The database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Db(Arc<Mutex<Connection>>);

impl Db {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", "ON")?;
            connection.execute_batch(SCHEMA)?;
            connection.execute(INTERRUPTED, [])?;
            Ok(connection)
        };
        // Created before SQLite does, so that nobody else can read it for a moment.
        crate::config::private_file(path).map_err(|error| {
            format!("the accounts database cannot be created: {}", error.kind())
        })?;
        let connection =
            open().map_err(|error| format!("the accounts database cannot be opened: {error}"))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs `work` away from the threads that serve requests.
    pub(crate) async fn call<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let db = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = db.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection)
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(code = ?error.sqlite_error_code(), "accounts database failed");
                Err(Problem::unavailable(
                    "the accounts database does not answer",
                ))
            }
            Err(_) => Err(Problem::unavailable(
                "the accounts database was interrupted",
            )),
        }
    }
}
