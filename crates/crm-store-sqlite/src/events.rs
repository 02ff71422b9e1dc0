//! The audit history: appended with its change, sealed in batches.

use crm_core::id::{ContactId, EventId};
use crm_core::message::Status;
use crm_core::message::history::{self, AuditEvent, Checkpoint, Seal, StoredEvent, Subject};
use crm_core::port::store::EventQuery;
use crm_core::{Role, Workspace};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::fault::Outcome;
use crate::query::blob;
use crate::rows::{digest, instant, micros, named, opt_digest, opt_named, signed, unsigned};

const COLUMNS: &str = "id, at, actor, role, subject, subject_id, action, status, version, \
    revision, digest, reason, position, prev_hash, hash, seq, reason_salt, reason_digest";

/// Appends an event behind `head`; the new end of the chain.
pub(crate) fn append(
    connection: &Connection,
    workspace: i64,
    event: &AuditEvent,
    head: Checkpoint,
) -> Outcome<Checkpoint> {
    let (seal, end) = history::seal_one(head, event);
    connection
        .prepare_cached(
            "INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, \
             status, version, revision, digest, reason, position, prev_hash, hash, reason_salt, \
             reason_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18)",
        )?
        .execute(params![
            workspace,
            event.id.0,
            micros(event.at),
            event.actor,
            event.role.as_str(),
            event.subject.as_str(),
            event.subject_id,
            event.action,
            event.status.map(Status::as_str),
            signed(event.version),
            event.revision,
            event.digest.map(|digest| digest.0),
            event.reason,
            signed(seal.position),
            seal.prev_hash.0,
            seal.hash.0,
            event.kept_salt(),
            event.reason_digest().map(|digest| digest.0),
        ])?;
    Ok(end)
}

/// Empties the words of people about a contact and its messages. What the chain binds of them stays.
pub(crate) fn forget_words(
    connection: &Connection,
    workspace: i64,
    contact: ContactId,
) -> Outcome<()> {
    const STATEMENTS: [&str; 2] = [
        "UPDATE events SET reason = NULL, reason_salt = NULL \
         WHERE workspace = ?1 AND subject = 'contact' AND reason_salt IS NOT NULL AND subject_id IN \
             (SELECT ?2 UNION SELECT id FROM contacts WHERE workspace = ?1 AND merged_into = ?2)",
        "UPDATE events SET reason = NULL, reason_salt = NULL \
         WHERE workspace = ?1 AND subject_id IN \
             (SELECT id FROM messages WHERE workspace = ?1 AND contact = ?2) \
         AND subject = 'message' AND reason_salt IS NOT NULL",
    ];
    for sql in STATEMENTS {
        let mut statement = connection.prepare_cached(sql)?;
        statement.execute((workspace, contact.0))?;
    }
    Ok(())
}

/// The end of the chain, once nothing waits before it: events that others wrote into the table without
/// a seal come first.
pub(crate) fn sealed(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
) -> Outcome<Checkpoint> {
    while seal(connection, workspace, key, 1_000)? > 0 {}
    checkpoint(connection, key)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let seal = if row.get_ref(12)? == rusqlite::types::ValueRef::Null {
        None
    } else {
        Some(Seal {
            position: unsigned(row, 12)?,
            prev_hash: digest(row, 13)?,
            hash: digest(row, 14)?,
        })
    };
    Ok(StoredEvent {
        event: AuditEvent {
            id: EventId(row.get(0)?),
            workspace: workspace.clone(),
            at: instant(row, 1)?,
            actor: row.get(2)?,
            role: named(row, 3, Role::parse)?,
            subject: named(row, 4, Subject::parse)?,
            subject_id: row.get(5)?,
            action: row.get(6)?,
            status: opt_named(row, 7, Status::parse)?,
            version: unsigned(row, 8)?,
            revision: row.get(9)?,
            digest: opt_digest(row, 10)?,
            reason: row.get(11)?,
            reason_salt: row.get(16)?,
            reason_digest: opt_digest(row, 17)?,
        },
        seal,
    })
}

/// Lists events in commit order.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &EventQuery,
) -> Outcome<Vec<StoredEvent>> {
    // The whole history is in order as it lies; an index would make SQLite sort it.
    let hint = if query.subject.is_none() && query.sealed_after.is_none() {
        "NOT INDEXED"
    } else {
        ""
    };
    let mut sql = format!("SELECT {COLUMNS} FROM events {hint} WHERE workspace = ?");
    let mut values = vec![Value::Integer(key)];
    if let Some((subject, id)) = query.subject {
        sql.push_str(" AND subject_id = ? AND subject = ?");
        values.push(blob(id));
        values.push(Value::Text(subject.as_str().to_owned()));
    }
    if let Some(position) = query.sealed_after {
        // Positions are given in commit order, so this order is the same and has an index.
        sql.push_str(" AND position > ? ORDER BY position");
        values.push(Value::Integer(signed(position)));
    } else {
        sql.push_str(" ORDER BY seq");
    }
    sql.push_str(" LIMIT ?");
    let limit = if query.limit == 0 {
        1_000
    } else {
        query.limit.min(10_000)
    };
    values.push(Value::Integer(i64::from(limit)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The end of the chain.
pub(crate) fn checkpoint(connection: &Connection, key: i64) -> Outcome<Checkpoint> {
    Ok(connection
        .prepare_cached("SELECT position, hash FROM checkpoints WHERE workspace = ?1")?
        .query_row([key], |row| {
            Ok(Checkpoint {
                position: unsigned(row, 0)?,
                hash: digest(row, 1)?,
            })
        })
        .optional()?
        .unwrap_or_default())
}

/// Seals waiting events; how many.
pub(crate) fn seal(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    limit: u32,
) -> Outcome<u32> {
    let waiting = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM events WHERE workspace = ?1 AND position IS NULL \
             ORDER BY seq LIMIT ?2"
        ))?
        .query_map((key, limit), |row| {
            Ok((row.get::<_, i64>(15)?, read(workspace, row)?.event))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (numbers, events): (Vec<i64>, Vec<AuditEvent>) = waiting.into_iter().unzip();
    let (seals, end) = history::seal(checkpoint(connection, key)?, &events);
    let mut statement = connection.prepare_cached(
        "UPDATE events SET position = ?2, prev_hash = ?3, hash = ?4 WHERE seq = ?1",
    )?;
    for (number, seal) in numbers.iter().zip(&seals) {
        statement.execute(params![
            number,
            signed(seal.position),
            seal.prev_hash.0,
            seal.hash.0,
        ])?;
    }
    keep(connection, key, end)?;
    Ok(u32::try_from(seals.len()).unwrap_or(u32::MAX))
}

/// Writes the end of the chain.
pub(crate) fn keep(connection: &Connection, key: i64, end: Checkpoint) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO checkpoints (workspace, position, hash) VALUES (?1, ?2, ?3) \
             ON CONFLICT (workspace) DO UPDATE SET position = excluded.position, \
             hash = excluded.hash",
        )?
        .execute(params![key, signed(end.position), end.hash.0])?;
    Ok(())
}
