//! Receipts, and the attempts they speak of.

use crm_core::id::MessageId;
use crm_core::message::Attempt;
use crm_core::port::callback::{About, Fate, Receipt};
use crm_core::port::store::ReceiptQuery;
use crm_core::receipt::{KeptReceipt, ReceiptState};
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::fault::{Outcome, unreadable};
use crate::rows::{instant, micros, named, opt_instant, opt_micros};
use crate::trail;

const COLUMNS: &str = "channel, about_kind, about, fate, reason, dead, at, received_at, state, \
    message, tries, due_at";

/// Keeps a receipt; one that is kept already stays as it is.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &KeptReceipt) -> Outcome<()> {
    let (kind, about) = row.receipt.about.parts();
    let (reason, dead) = match &row.receipt.fate {
        Fate::Failed { reason, dead } => (Some(reason), *dead),
        _ => (None, false),
    };
    connection
        .prepare_cached(
            "INSERT INTO receipts (workspace, channel, about_kind, about, fate, reason, dead, at, \
             received_at, state, message, tries, due_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            workspace,
            row.channel,
            kind,
            about,
            row.receipt.fate.as_str(),
            reason,
            dead,
            opt_micros(row.receipt.at),
            micros(row.received_at),
            row.state.as_str(),
            row.message_id.map(|id| id.0),
            row.tries,
            micros(row.due_at),
        ])?;
    Ok(())
}

/// Writes what became of a waiting receipt.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &KeptReceipt) -> Outcome<()> {
    let (kind, about) = row.receipt.about.parts();
    let fate = row.receipt.fate.as_str();
    let done = connection
        .prepare_cached(
            "UPDATE receipts SET state = ?6, message = ?7, tries = ?8, due_at = ?9 \
             WHERE workspace = ?1 AND channel = ?2 AND about_kind = ?3 AND about = ?4 \
             AND fate = ?5 AND state = 'waiting' AND tries = ?8 - 1",
        )?
        .execute(params![
            workspace,
            row.channel,
            kind,
            about,
            fate,
            row.state.as_str(),
            row.message_id.map(|id| id.0),
            row.tries,
            micros(row.due_at),
        ])?;
    if done > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached(
            "SELECT 1 FROM receipts WHERE workspace = ?1 AND channel = ?2 AND about_kind = ?3 \
             AND about = ?4 AND fate = ?5",
        )?
        .exists(params![workspace, row.channel, kind, about, fate])?;
    Err(if there {
        Error::new(
            ErrorKind::Conflict,
            "the receipt was changed meanwhile; load it again",
        )
    } else {
        Error::not_found("receipt")
    }
    .into())
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<KeptReceipt> {
    let about = About::from_parts(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
    let fate = Fate::from_parts(row.get_ref(3)?.as_str()?, row.get(4)?, row.get(5)?);
    Ok(KeptReceipt {
        workspace: workspace.clone(),
        channel: row.get(0)?,
        receipt: Receipt {
            about: about.ok_or_else(|| unreadable(2, Type::Text))?,
            fate: fate.ok_or_else(|| unreadable(3, Type::Text))?,
            at: opt_instant(row, 6)?,
        },
        received_at: instant(row, 7)?,
        state: named(row, 8, ReceiptState::parse)?,
        message_id: row.get::<_, Option<_>>(9)?.map(MessageId),
        tries: row.get(10)?,
        due_at: instant(row, 11)?,
    })
}

/// Lists receipts, earliest due first.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &ReceiptQuery,
) -> Outcome<Vec<KeptReceipt>> {
    let mut sql = format!("SELECT {COLUMNS} FROM receipts WHERE workspace = ?");
    let mut values = vec![Value::Integer(key)];
    if let Some(state) = query.state {
        sql.push_str(" AND state = ?");
        values.push(Value::Text(state.as_str().to_owned()));
    }
    if let Some(message) = query.message_id {
        sql.push_str(" AND message = ?");
        values.push(Value::Blob(message.0.as_bytes().to_vec()));
    }
    if let Some(until) = query.due_before {
        sql.push_str(" AND due_at <= ?");
        values.push(Value::Integer(micros(until)));
    }
    sql.push_str(" ORDER BY due_at, channel, about_kind, about, fate LIMIT ? OFFSET ?");
    let limit = if query.limit == 0 {
        100
    } else {
        query.limit.min(1_000)
    };
    values.push(Value::Integer(i64::from(limit)));
    values.push(Value::Integer(i64::from(query.skip)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The attempts that these names stand for, each once.
pub(crate) fn attempts(
    connection: &Connection,
    key: i64,
    about: &[About],
) -> Outcome<Vec<Attempt>> {
    let mut found: Vec<Attempt> = Vec::new();
    for name in about {
        for attempt in trail::attempts_about(connection, key, name)? {
            if found.iter().all(|known| known.id != attempt.id) {
                found.push(attempt);
            }
        }
    }
    Ok(found)
}
