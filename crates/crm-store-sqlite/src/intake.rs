//! The intake: rows that the host, or the engine, puts in to be worked off.

use crm_core::id::{ContactId, MessageId};
use crm_core::intake::{IntakeRow, IntakeState, NewIntake, Settlement};
use crm_core::port::store::IntakeQuery;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::fault::Outcome;
use crate::rows::{instant, micros, named, opt_instant, signed, unsigned};

const COLUMNS: &str = "seq, key, kind, payload, created_at, state, reason, message, contact, \
    settled_at";

/// Puts a row in, behind all others.
pub(crate) fn insert(connection: &Connection, row: &NewIntake) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO intake (workspace, key, kind, payload, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            row.workspace.as_str(),
            row.key,
            row.kind,
            serde_json::to_string(&row.payload)?,
            micros(row.created_at),
        ])?;
    Ok(())
}

/// Settles a waiting row and empties its payload.
pub(crate) fn finish(connection: &Connection, row: &Settlement) -> Outcome<()> {
    let (workspace, seq) = (row.workspace.as_str(), signed(row.seq));
    let done = connection
        .prepare_cached(
            "UPDATE intake SET state = ?3, reason = ?4, message = ?5, contact = ?6, \
             settled_at = ?7, payload = 'null' \
             WHERE workspace = ?1 AND seq = ?2 AND state = 'waiting'",
        )?
        .execute(params![
            workspace,
            seq,
            row.state.as_str(),
            row.reason,
            row.message_id.map(|id| id.0),
            row.contact_id.map(|id| id.0),
            micros(row.settled_at),
        ])?;
    if done > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached("SELECT 1 FROM intake WHERE workspace = ?1 AND seq = ?2")?
        .exists((workspace, seq))?;
    Err(if there {
        let text = format!("row {seq} of the intake is settled already");
        Error::new(ErrorKind::Conflict, text)
    } else {
        Error::not_found("row of the intake")
    }
    .into())
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<IntakeRow> {
    let payload = row.get_ref(3)?.as_str()?;
    Ok(IntakeRow {
        workspace: workspace.clone(),
        seq: unsigned(row, 0)?,
        key: row.get(1)?,
        kind: row.get(2)?,
        // SQLite takes for JSON what no program of ours can hold (numbers, depth): then it is rejected.
        payload: serde_json::from_str(payload).unwrap_or_default(),
        created_at: instant(row, 4)?,
        state: named(row, 5, IntakeState::parse)?,
        reason: row.get(6)?,
        message_id: row.get::<_, Option<_>>(7)?.map(MessageId),
        contact_id: row.get::<_, Option<_>>(8)?.map(ContactId),
        settled_at: opt_instant(row, 9)?,
    })
}

/// Lists rows.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    query: &IntakeQuery,
) -> Outcome<Vec<IntakeRow>> {
    let mut sql = format!("SELECT {COLUMNS} FROM intake WHERE workspace = ?");
    let mut values = vec![Value::Text(workspace.as_str().to_owned())];
    if let Some(key) = &query.key {
        sql.push_str(" AND key = ?");
        values.push(Value::Text(key.clone()));
    }
    if let Some(state) = query.state {
        sql.push_str(" AND state = ?");
        values.push(Value::Text(state.as_str().to_owned()));
    }
    let (order, behind) = if query.oldest_first {
        ("ASC", ">")
    } else {
        ("DESC", "<")
    };
    if let Some(after) = query.after {
        sql.push_str(&format!(" AND seq {behind} ?"));
        values.push(Value::Integer(signed(after)));
    }
    sql.push_str(&format!(" ORDER BY seq {order} LIMIT ?"));
    let limit = if query.limit == 0 {
        100
    } else {
        query.limit.min(1_000)
    };
    values.push(Value::Integer(i64::from(limit)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
