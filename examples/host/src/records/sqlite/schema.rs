//! The tables of the accounts file, and what is tidied up when nobody works on it.

use rusqlite::{Connection, params};

use crate::idempotency::Answer;
use crate::imports;

/// What each version added. A database of an earlier one gets the rest.
const VERSIONS: [&str; 3] = [
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
    "
CREATE TABLE import_rejects (
    import TEXT NOT NULL REFERENCES imports(id), piece INTEGER NOT NULL, rows TEXT NOT NULL,
    PRIMARY KEY (import, piece)) STRICT;
INSERT INTO import_rejects SELECT id, 0, rejects FROM imports WHERE rejects <> '';
ALTER TABLE imports DROP COLUMN rejects;
",
];

/// Brings the file to this version; the inner error says why it cannot be.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Result<(), String>> {
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
    Ok(Ok(()))
}

/// What a stopped host left behind: imports that did not end, and requests whose answer nobody knows.
pub(super) fn end_interrupted(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE imports SET report = json_set(report, '$.status', 'failed', '$.detail', ?1)
         WHERE json_extract(report, '$.status') IN ('queued', 'running')",
        [imports::INTERRUPTED],
    )?;
    let answer = Answer::interrupted();
    connection.execute(
        "UPDATE idempotency SET status = ?1, content_type = ?2, body = ?3 WHERE status IS NULL",
        params![answer.status, answer.content_type, answer.body],
    )?;
    Ok(())
}
