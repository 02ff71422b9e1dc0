//! Receipts, and the attempts they speak of.

use crm_core::id::{AttemptId, MessageId};
use crm_core::message::Attempt;
use crm_core::port::callback::{About, Fate, Receipt};
use crm_core::port::store::ReceiptQuery;
use crm_core::receipt::{KeptReceipt, ReceiptState};
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::bulk::{Table, all};
use crate::fault::{Outcome, unreadable};
use crate::query::{Db, Filter, sought};
use crate::rows::{column, count, get, named, small};
use crate::trail;

const COLUMNS: &str = "r.channel, r.about_kind, r.about, r.fate, r.reason, r.dead, r.at, \
    r.received_at, r.state, r.message, r.tries, r.due_at";

const TABLE: Table = Table {
    name: "receipts",
    columns: &[
        ("channel", "text"),
        ("about_kind", "text"),
        ("about", "text"),
        ("fate", "text"),
        ("reason", "text"),
        ("dead", "boolean"),
        ("at", "timestamptz"),
        ("received_at", "timestamptz"),
        ("state", "text"),
        ("message", "uuid"),
        ("tries", "integer"),
        ("due_at", "timestamptz"),
    ],
};

/// Keeps receipts; those that are kept already stay as they are.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&KeptReceipt]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let failed = |row: &KeptReceipt| match &row.receipt.fate {
        Fate::Failed { reason, dead } => (Some(reason.clone()), *dead),
        _ => (None, false),
    };
    sqlx::query(TABLE.insert_missing(db))
        .bind(db.key)
        .bind(column(rows, |row| row.channel.clone()))
        .bind(column(rows, |row| row.receipt.about.parts().0))
        .bind(column(rows, |row| row.receipt.about.parts().1))
        .bind(column(rows, |row| row.receipt.fate.as_str()))
        .bind(column(rows, |row| failed(row).0))
        .bind(column(rows, |row| failed(row).1))
        .bind(column(rows, |row| row.receipt.at))
        .bind(column(rows, |row| row.received_at))
        .bind(column(rows, |row| row.state.as_str()))
        .bind(column(rows, |row| row.message_id.map(|id| id.0)))
        .bind(column(rows, |row| small(row.tries)))
        .bind(column(rows, |row| row.due_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// Writes what became of waiting receipts.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&KeptReceipt]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(db.sql(
        "UPDATE crm.receipts AS r SET state = v.state, message = v.message, tries = v.tries, \
             due_at = v.due_at \
         FROM unnest((SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]), \
             (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::uuid[]), \
             (SELECT $8::integer[]), (SELECT $9::timestamptz[])) \
             AS v(channel, about_kind, about, fate, state, message, tries, due_at) \
         WHERE r.workspace = $1 AND r.channel = v.channel AND r.about_kind = v.about_kind \
             AND r.about = v.about AND r.fate = v.fate AND r.state = 'waiting' \
             AND r.tries = v.tries - 1",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.channel.clone()))
    .bind(column(rows, |row| row.receipt.about.parts().0))
    .bind(column(rows, |row| row.receipt.about.parts().1))
    .bind(column(rows, |row| row.receipt.fate.as_str()))
    .bind(column(rows, |row| row.state.as_str()))
    .bind(column(rows, |row| row.message_id.map(|id| id.0)))
    .bind(column(rows, |row| small(row.tries)))
    .bind(column(rows, |row| row.due_at))
    .execute(&mut *db.connection)
    .await?
    .rows_affected();
    if all(done, rows) {
        return Ok(());
    }
    let there: i64 = sqlx::query_scalar(db.sql(
        "SELECT count(*) FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) \
             AS v(channel, about_kind, about, fate) \
         JOIN crm.receipts r ON r.workspace = $1 AND r.channel = v.channel \
             AND r.about_kind = v.about_kind AND r.about = v.about AND r.fate = v.fate",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.channel.clone()))
    .bind(column(rows, |row| row.receipt.about.parts().0))
    .bind(column(rows, |row| row.receipt.about.parts().1))
    .bind(column(rows, |row| row.receipt.fate.as_str()))
    .fetch_one(&mut *db.connection)
    .await?;
    Err(
        if usize::try_from(there).is_ok_and(|there| there == rows.len()) {
            Error::new(
                ErrorKind::Conflict,
                "the receipt was changed meanwhile; load it again",
            )
        } else {
            Error::not_found("receipt")
        }
        .into(),
    )
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<KeptReceipt> {
    let about = About::from_parts(get(row, "about_kind")?, get(row, "about")?);
    let fate = Fate::from_parts(get(row, "fate")?, get(row, "reason")?, get(row, "dead")?);
    Ok(KeptReceipt {
        workspace: workspace.clone(),
        channel: get(row, "channel")?,
        receipt: Receipt {
            about: about.ok_or_else(|| unreadable("about"))?,
            fate: fate.ok_or_else(|| unreadable("fate"))?,
            at: get(row, "at")?,
        },
        received_at: get(row, "received_at")?,
        state: named(row, "state", ReceiptState::parse)?,
        message_id: get::<Option<Uuid>>(row, "message")?.map(MessageId),
        tries: count(row, "tries")?,
        due_at: get(row, "due_at")?,
    })
}

/// Lists receipts, earliest due first.
pub(crate) async fn list(db: &mut Db<'_>, query: &ReceiptQuery) -> Outcome<Vec<KeptReceipt>> {
    let mut filter = Filter::new(COLUMNS, "crm.receipts r", "r.workspace", db.key);
    // Said in the statement itself: the index holds those that are not settled.
    filter.raw(match query.state {
        None => "",
        Some(ReceiptState::Waiting) => " AND r.state = 'waiting'",
        Some(ReceiptState::Settled) => " AND r.state = 'settled'",
        Some(ReceiptState::Unmatched) => " AND r.state = 'unmatched'",
    });
    filter
        .given("r.message = ", query.message_id.map(|id| id.0))
        .given("r.due_at <= ", query.due_before);
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    filter
        .raw(" ORDER BY r.due_at, r.channel, r.about_kind, r.about, r.fate LIMIT ")
        .bind(i64::from(limit))
        .raw(" OFFSET ")
        .bind(i64::from(query.skip));
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// The attempts that these names stand for, each once.
pub(crate) async fn attempts(db: &mut Db<'_>, about: &[About]) -> Outcome<Vec<Attempt>> {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for name in about {
        match name {
            About::Attempt(AttemptId(id)) => ids.push(*id),
            About::ProviderId(id) => names.push(sought(id)),
        }
    }
    trail::attempts_about(db, &ids, &names).await
}
