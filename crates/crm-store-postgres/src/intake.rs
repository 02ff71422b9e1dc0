//! The intake: rows that the host, or the engine, puts in to be worked off.

use crm_core::id::{ContactId, MessageId};
use crm_core::intake::{IntakeRow, IntakeState, NewIntake, Settlement};
use crm_core::port::store::IntakeQuery;
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::bulk::all;
use crate::fault::Outcome;
use crate::query::{Db, Filter};
use crate::rows::{column, get, named, signed, to_json, unsigned};

const COLUMNS: &str = "i.seq, i.key, i.kind, i.payload, i.created_at, i.state, i.reason, \
    i.message, i.contact, i.settled_at";

/// Puts rows in, in this order, behind all others.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&NewIntake]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let payloads: Outcome<Vec<_>> = rows.iter().map(|row| to_json(&row.payload)).collect();
    sqlx::query(db.sql(
        "INSERT INTO crm.intake (workspace, key, kind, payload, created_at) \
         SELECT $1, v.key, v.kind, v.payload, v.created_at \
         FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::timestamptz[]) WITH ORDINALITY \
             AS v(key, kind, payload, created_at, number) \
         ORDER BY v.number",
    ))
    .bind(db.workspace.as_str())
    .bind(column(rows, |row| row.key.clone()))
    .bind(column(rows, |row| row.kind.clone()))
    .bind(payloads?)
    .bind(column(rows, |row| row.created_at))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Settles waiting rows and empties their payloads.
pub(crate) async fn finish(db: &mut Db<'_>, rows: &[&Settlement]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let numbers = column(rows, |row| signed(row.seq));
    let done = sqlx::query(db.sql(
        "UPDATE crm.intake AS i SET state = v.state, reason = v.reason, message = v.message, \
             contact = v.contact, settled_at = v.settled_at, payload = 'null' \
         FROM unnest($2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], \
             $7::timestamptz[]) AS v(seq, state, reason, message, contact, settled_at) \
         WHERE i.workspace = $1 AND i.seq = v.seq AND i.state = 'waiting'",
    ))
    .bind(db.workspace.as_str())
    .bind(&numbers)
    .bind(column(rows, |row| row.state.as_str()))
    .bind(column(rows, |row| row.reason.clone()))
    .bind(column(rows, |row| row.message_id.map(|id| id.0)))
    .bind(column(rows, |row| row.contact_id.map(|id| id.0)))
    .bind(column(rows, |row| row.settled_at))
    .execute(&mut *db.connection)
    .await?
    .rows_affected();
    if all(done, rows) {
        return Ok(());
    }
    let there: i64 = sqlx::query_scalar(
        db.sql("SELECT count(*) FROM crm.intake WHERE workspace = $1 AND seq = ANY ($2)"),
    )
    .bind(db.workspace.as_str())
    .bind(&numbers)
    .fetch_one(&mut *db.connection)
    .await?;
    Err(
        if usize::try_from(there).is_ok_and(|there| there == rows.len()) {
            let which = match numbers.as_slice() {
                [only] => format!("row {only}"),
                _ => "a row".to_owned(),
            };
            let text = format!("{which} of the intake is settled already");
            Error::new(ErrorKind::Conflict, text)
        } else {
            Error::not_found("row of the intake")
        }
        .into(),
    )
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<IntakeRow> {
    Ok(IntakeRow {
        workspace: workspace.clone(),
        seq: unsigned(row, "seq")?,
        key: get(row, "key")?,
        kind: get(row, "kind")?,
        // PostgreSQL takes for JSON what no program of ours can hold (numbers, depth): then it is
        // rejected.
        payload: get(row, "payload").unwrap_or_default(),
        created_at: get(row, "created_at")?,
        state: named(row, "state", IntakeState::parse)?,
        reason: get(row, "reason")?,
        message_id: get::<Option<Uuid>>(row, "message")?.map(MessageId),
        contact_id: get::<Option<Uuid>>(row, "contact")?.map(ContactId),
        settled_at: get(row, "settled_at")?,
    })
}

/// Lists rows. The workspace need not be known otherwise: a host's row may be the first of it.
pub(crate) async fn list(db: &mut Db<'_>, query: &IntakeQuery) -> Outcome<Vec<IntakeRow>> {
    let mut filter = Filter::begin("SELECT ");
    filter
        .raw(COLUMNS)
        .raw(" FROM crm.intake i WHERE i.workspace = ")
        .bind(db.workspace.as_str().to_owned());
    filter.given("i.key = ", query.key.clone());
    match query.state {
        // The index of waiting rows holds these alone.
        Some(IntakeState::Waiting) => {
            filter.and("i.state = 'waiting'");
        }
        state => {
            filter.given("i.state = ", state.map(IntakeState::as_str));
        }
    }
    let (order, behind) = if query.oldest_first {
        ("ASC", "i.seq > ")
    } else {
        ("DESC", "i.seq < ")
    };
    filter.given(behind, query.after.map(signed));
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    filter
        .raw(" ORDER BY i.seq ")
        .raw(order)
        .raw(" LIMIT ")
        .bind(i64::from(limit));
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}
