//! The host's own small database: accounts, sessions, idempotency keys and import reports. It lives in
//! a file beside the engine's and is never part of it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::error::Problem;

/// What each version added. A database of an earlier one gets the rest.
const VERSIONS: [&str; 2] = [
    "
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
",
    "
ALTER TABLE users ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';
ALTER TABLE imports ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
",
];

/// What a stopped host left behind: imports that did not end, and requests whose answer nobody knows.
const INTERRUPTED: &str = r#"
UPDATE imports SET report = json_set(report, '$.status', 'failed', '$.detail',
    'the host stopped during the import; import the file again, known people are skipped, or revert it')
WHERE json_extract(report, '$.status') IN ('queued', 'running');
UPDATE idempotency SET status = 409, content_type = 'application/json', body = CAST(
    '{"code":"idempotency_interrupted","detail":"the host stopped during the first request with this Idempotency-Key; look at what it did, then use a new key"}'
    AS BLOB)
WHERE status IS NULL;
"#;

fn migrate(connection: &mut Connection) -> rusqlite::Result<Result<(), String>> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = found as usize;
    if found > VERSIONS.len() {
        return Ok(Err(format!(
            "the accounts database is of version {found}, this host knows {}; use a newer host",
            VERSIONS.len()
        )));
    }
    for (index, version) in VERSIONS.iter().enumerate().skip(found) {
        let tx = connection.transaction()?;
        tx.execute_batch(version)?;
        tx.pragma_update(None, "user_version", index as u32 + 1)?;
        tx.commit()?;
    }
    connection.execute_batch(INTERRUPTED)?;
    Ok(Ok(()))
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Db(Arc<Mutex<Connection>>);

impl Db {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let open = || -> rusqlite::Result<Result<Connection, String>> {
            let mut connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", "ON")?;
            Ok(migrate(&mut connection)?.map(|()| connection))
        };
        // Created before SQLite does, so that nobody else can read it for a moment.
        crate::assemble::private_file(path).map_err(|error| {
            format!("the accounts database cannot be created: {}", error.kind())
        })?;
        let connection = open()
            .map_err(|error| format!("the accounts database cannot be opened: {error}"))??;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Writes something: whether the disk takes it.
    pub(crate) async fn probe(&self) -> Result<(), Problem> {
        let now = chrono::Utc::now().timestamp();
        self.call(move |connection| {
            connection.execute("INSERT OR REPLACE INTO probe VALUES (1, ?1)", [now])
        })
        .await
        .map(drop)
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
