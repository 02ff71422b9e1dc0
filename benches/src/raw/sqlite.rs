//! Raw statements for SQLite: prepared, row by row where it has nothing faster.

use std::path::Path;
use std::time::{Duration, Instant};

use crm_core::id::MessageId;
use rusqlite::{Connection, params};

use super::{CHUNK, METADATA, TEXT, contacts};
use crate::Outcome;

/// Opens a database of the store as the store does: WAL, every commit on the disk.
///
/// # Errors
/// When the file cannot be opened or does not accept the durability.
pub(super) fn open(path: &Path) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = ON; \
         PRAGMA temp_store = MEMORY;",
    )?;
    let level: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if level != 2 {
        return Err("the raw connection is not durable".into());
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Inserts `count` messages with text and audit event, equally wide as the engine's.
///
/// # Errors
/// As SQLite.
pub(super) fn insert_messages(connection: &mut Connection, count: usize) -> Outcome<()> {
    let mut number = 0_usize;
    while number < count {
        let transaction = connection.transaction()?;
        {
            let mut message = transaction.prepare_cached(
                "INSERT INTO messages (workspace, id, contact, campaign, occurrence, occasion, \
                 channel, recipient, sender, status, version, revision, digest, generated_by, \
                 metadata, created_by, scheduled_for, not_before, epoch, attempts, test_mode, \
                 deleted, created_at, updated_at, decided_epoch, findings, risk) VALUES (1, ?1, ?2, ?3, '2026-12-31T09:00Z', \
                 'new_year', 'email', ?4, '', 'pending_approval', 1, 1, ?5, 'manual', ?6, \
                 'system', ?7, ?7, 0, 0, 0, 0, ?8, ?8, 0, '[]', 0)",
            )?;
            let mut revision = transaction.prepare_cached(
                "INSERT INTO revisions (workspace, message, number, subject, content, format, \
                 salt, created_by, created_at) \
                 VALUES (1, ?1, 1, 'С Новым годом!', ?2, 'text', ?3, 'system', ?4)",
            )?;
            let mut event = transaction.prepare_cached(
                "INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, \
                 status, version, revision, digest, position, prev_hash, hash) VALUES (1, ?1, ?2, \
                 'system', 'system', 'message', ?3, 'created', 'pending_approval', 1, 1, ?4, ?5, \
                 ?4, ?4)",
            )?;
            let (campaign, digest, salt) = ([7_u8; 16], [9_u8; 32], [5_u8; 16]);
            for _ in 0..CHUNK.min(count - number) {
                number += 1;
                let order = i64::try_from(number)?;
                // Ids that grow, as the engine's do.
                let id = (0x019a_bcde_u128 << 96 | u128::try_from(number)?).to_be_bytes();
                let recipient = format!("person{number}@example.uz");
                let at = 1_795_000_000_000_000_i64 + order;
                message.execute(params![
                    id, id, campaign, recipient, digest, METADATA, at, at
                ])?;
                revision.execute(params![id, TEXT, salt, at])?;
                // Past every position the seed has given.
                event.execute(params![id, at, id, digest, (1_i64 << 40) + order])?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Inserts the contacts of the first `count` rows of T9's file: each with its marks in the index of the search.
///
/// # Errors
/// As SQLite.
pub(super) fn insert_contacts(connection: &mut Connection, count: usize) -> Outcome<Duration> {
    let mut took = Duration::ZERO;
    let mut number = 0_usize;
    while number < count {
        let next = count.min(number + CHUNK);
        let rows = contacts::rows(number..next)?;
        let marks: Vec<String> = rows.iter().map(|row| words(&row.marks)).collect();
        number = next;
        let start = Instant::now();
        let transaction = connection.transaction()?;
        {
            let mut contact = transaction.prepare_cached(
                "INSERT INTO contacts (workspace, id, version, external_id, name, email, email_key, \
                 phone, segment, birthday_year, birthday_day, company, position, language, tags, \
                 custom_fields, preferred_channels, consent, erased, created_by, created_at, \
                 updated_at, search_key) VALUES (1, ?1, 1, ?2, ?3, ?4, ?4, ?5, 'regular', ?6, ?7, ?8, \
                 'Директор', 'ru', '[\"gold\",\"vip\"]', '{}', '[]', '[]', 0, 'bench', ?9, ?9, ?10)",
            )?;
            let mut entry = transaction
                .prepare_cached("INSERT INTO contacts_search (rowid, marks) VALUES (?1, ?2)")?;
            for (row, marks) in rows.iter().zip(&marks) {
                contact.execute(params![
                    row.id.as_bytes(),
                    row.external_id,
                    row.name,
                    row.email,
                    row.phone,
                    row.birthday_year,
                    row.birthday_day,
                    row.company,
                    1_795_000_000_000_000_i64,
                    row.search_key
                ])?;
                entry.execute(params![transaction.last_insert_rowid(), marks])?;
            }
        }
        transaction.commit()?;
        took += start.elapsed();
    }
    Ok(took)
}

/// Marks as words of a text, as the index has them.
fn words(marks: &[u32]) -> String {
    let words: Vec<String> = marks.iter().map(|mark| format!("{mark:08x}")).collect();
    words.join(" ")
}

/// Claims, records attempts and marks as sent, `batch` messages at a time, until none is left. Claim
/// and attempt share a transaction; the answer has its own, as the provider would be called between.
///
/// # Errors
/// As SQLite.
pub(super) fn deliver(connection: &mut Connection, batch: usize) -> Outcome<usize> {
    let batch = i64::try_from(batch)?;
    let mut delivered = 0;
    loop {
        let transaction = connection.transaction()?;
        let claimed = transaction
            .prepare_cached(
                "UPDATE messages SET status = 'claimed', version = version + 1, epoch = epoch + 1, \
                 lease_owner = 'worker', lease_until = ?1 + 120000000, updated_at = ?1 \
                 WHERE rowid IN (SELECT rowid FROM messages WHERE workspace = 1 \
                 AND status = 'approved' AND not_before <= ?1 ORDER BY not_before, id LIMIT ?2)",
            )?
            .execute(params![NOW, batch])?;
        transaction
            .prepare_cached(
                "INSERT INTO attempts (workspace, id, message, number, epoch, worker, digest, \
                 started_at, repeats) SELECT 1, randomblob(16), id, 1, epoch, 'worker', digest, ?1, 0 \
                 FROM messages WHERE workspace = 1 AND status = 'claimed' AND deleted = 0",
            )?
            .execute([NOW])?;
        transaction.commit()?;
        if claimed == 0 {
            return Ok(delivered);
        }
        let transaction = connection.transaction()?;
        delivered += transaction
            .prepare_cached(
                "UPDATE messages SET status = 'sent', version = version + 1, attempts = 1, \
                 provider_id = lower(hex(randomblob(18))), sent_at = ?1, lease_owner = NULL, \
                 lease_until = NULL, updated_at = ?1 \
                 WHERE workspace = 1 AND status = 'claimed' AND deleted = 0",
            )?
            .execute([NOW])?;
        transaction.commit()?;
    }
}

/// Later than everything that was seeded.
const NOW: i64 = 4_000_000_000_000_000;

/// Approves everything that waits, with one event each, in one transaction of two statements.
///
/// # Errors
/// As SQLite.
pub(super) fn approve(connection: &mut Connection) -> Outcome<usize> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, status, \
         version, revision, digest, position, prev_hash, hash) \
         SELECT 1, randomblob(16), ?1, 'bench', 'admin', 'message', id, 'approved', 'approved', \
         version + 1, revision, digest, (1 << 40) + row_number() OVER (), digest, digest \
         FROM messages WHERE workspace = 1 AND status = 'pending_approval' AND deleted = 0",
        [NOW],
    )?;
    let approved = transaction.execute(
        "UPDATE messages SET status = 'approved', version = version + 1, approved_by = 'bench', \
         approved_at = ?1, not_before = ?1, updated_at = ?1 \
         WHERE workspace = 1 AND status = 'pending_approval' AND deleted = 0",
        [NOW],
    )?;
    transaction.commit()?;
    Ok(approved)
}

/// One prepared read.
pub(super) fn read(connection: &Connection, id: MessageId) -> Outcome<usize> {
    let mut statement = connection.prepare_cached(
        "SELECT m.*, r.* FROM messages m JOIN revisions r \
         ON r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision \
         WHERE m.workspace = 1 AND m.id = ?1",
    )?;
    Ok(statement.query_row([id.0.as_bytes().as_slice()], |row| {
        row.get_ref("content")?
            .as_str()
            .map(str::len)
            .map_err(rusqlite::Error::from)
    })?)
}
