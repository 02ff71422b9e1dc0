//! Approvals and attempts.

use std::collections::BTreeMap;

use crm_core::id::{AttemptId, MessageId};
use crm_core::message::{Approval, Attempt, AttemptOutcome};
use crm_core::port::store::Trail;
use crm_core::{Error, ErrorKind, Role};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::fault::Outcome;
use crate::messages;
use crate::query::Db;
use crate::rows::{column, count, digest, get, named, opt_named, signed, small, unsigned};

/// Writes decisions in this order.
pub(crate) async fn insert_approvals(db: &mut Db<'_>, rows: &[&Approval]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(db.sql(
        "INSERT INTO crm.approvals (workspace, message, revision, digest, approver, role, \
             decided_at, override_reason) \
         SELECT $1, v.message, v.revision, v.digest, v.approver, v.role, v.decided_at, \
             v.override_reason \
         FROM unnest($2::uuid[], $3::integer[], $4::bytea[], $5::text[], $6::text[], \
             $7::timestamptz[], $8::text[]) WITH ORDINALITY AS v(message, revision, digest, \
             approver, role, decided_at, override_reason, number) \
         ORDER BY v.number",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.message_id.0))
    .bind(column(rows, |row| small(row.revision)))
    .bind(column(rows, |row| row.digest.0.to_vec()))
    .bind(column(rows, |row| row.approver.clone()))
    .bind(column(rows, |row| row.role.as_str()))
    .bind(column(rows, |row| row.decided_at))
    .bind(column(rows, |row| row.override_reason.clone()))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Writes attempts.
pub(crate) async fn insert_attempts(db: &mut Db<'_>, rows: &[&Attempt]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(db.sql(
        "INSERT INTO crm.attempts (workspace, message, id, number, epoch, worker, digest, \
             started_at, finished_at, outcome, provider_id, reason, repeats) \
         SELECT $1, v.message, v.id, v.number, v.epoch, v.worker, v.digest, v.started_at, \
             v.finished_at, v.outcome, v.provider_id, v.reason, v.repeats \
         FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::bigint[], $6::text[], \
             $7::bytea[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], \
             $12::text[], $13::boolean[]) AS v(message, id, number, epoch, worker, digest, \
             started_at, finished_at, outcome, provider_id, reason, repeats)",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.message_id.0))
    .bind(column(rows, |row| row.id.0))
    .bind(column(rows, |row| small(row.number)))
    .bind(column(rows, |row| signed(row.epoch)))
    .bind(column(rows, |row| row.worker.clone()))
    .bind(column(rows, |row| row.digest.0.to_vec()))
    .bind(column(rows, |row| row.started_at))
    .bind(column(rows, |row| row.finished_at))
    .bind(column(rows, |row| row.outcome.map(AttemptOutcome::as_str)))
    .bind(column(rows, |row| row.provider_id.clone()))
    .bind(column(rows, |row| row.reason.clone()))
    .bind(column(rows, |row| row.repeats))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Records the outcomes of open attempts; `false` when one of them is not there or not open (the others
/// may be written: go back then).
pub(crate) async fn finish_attempts(db: &mut Db<'_>, rows: &[&Attempt]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let changed = sqlx::query(db.sql(
        "UPDATE crm.attempts AS a SET finished_at = v.finished_at, outcome = v.outcome, \
             provider_id = CASE WHEN m.recipient <> '' THEN v.provider_id END, \
             reason = CASE WHEN m.recipient <> '' THEN v.reason END \
         FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::timestamptz[], $6::text[], \
             $7::text[], $8::text[]) AS v(message, epoch, id, finished_at, outcome, provider_id, \
             reason) CROSS JOIN LATERAL (SELECT coalesce((SELECT m.recipient FROM crm.messages m \
                 WHERE m.workspace = $1 AND m.id = v.message), '?') AS recipient) AS m \
         WHERE a.workspace = $1 AND a.message = ANY ((SELECT $2::uuid[])::uuid[]) AND a.message = v.message \
             AND a.epoch = v.epoch AND a.id = v.id AND a.finished_at IS NULL",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.message_id.0))
    .bind(column(rows, |row| signed(row.epoch)))
    .bind(column(rows, |row| row.id.0))
    .bind(column(rows, |row| row.finished_at))
    .bind(column(rows, |row| row.outcome.map(AttemptOutcome::as_str)))
    .bind(column(rows, |row| row.provider_id.clone()))
    .bind(column(rows, |row| row.reason.clone()))
    .execute(&mut *db.connection)
    .await?
    .rows_affected();
    Ok(usize::try_from(changed).is_ok_and(|changed| changed == rows.len()))
}

/// Why an outcome was not recorded.
pub(crate) async fn not_finished(db: &mut Db<'_>, row: &Attempt) -> Outcome<Error> {
    let known: bool = sqlx::query_scalar(db.sql(
        "SELECT EXISTS (SELECT 1 FROM crm.attempts \
         WHERE workspace = $1 AND message = $2 AND epoch = $3 AND id = $4)",
    ))
    .bind(db.key)
    .bind(row.message_id.0)
    .bind(signed(row.epoch))
    .bind(row.id.0)
    .fetch_one(&mut *db.connection)
    .await?;
    Ok(if known {
        Error::new(
            ErrorKind::Conflict,
            "the outcome of this attempt is recorded already; load it again",
        )
    } else {
        Error::not_found("attempt")
    })
}

fn read_approval(row: &PgRow) -> Outcome<Approval> {
    Ok(Approval {
        message_id: MessageId(get(row, "message")?),
        revision: count(row, "revision")?,
        digest: digest(row, "digest")?,
        approver: get(row, "approver")?,
        role: named(row, "role", Role::parse)?,
        decided_at: get(row, "decided_at")?,
        override_reason: get(row, "override_reason")?,
    })
}

fn read_attempt(row: &PgRow) -> Outcome<Attempt> {
    Ok(Attempt {
        id: AttemptId(get(row, "id")?),
        message_id: MessageId(get(row, "message")?),
        number: count(row, "number")?,
        epoch: unsigned(row, "epoch")?,
        worker: get(row, "worker")?,
        digest: digest(row, "digest")?,
        started_at: get(row, "started_at")?,
        finished_at: get(row, "finished_at")?,
        outcome: opt_named(row, "outcome", AttemptOutcome::parse)?,
        provider_id: get(row, "provider_id")?,
        reason: get(row, "reason")?,
        repeats: get(row, "repeats")?,
    })
}

/// Everything written about one message.
pub(crate) async fn trail(db: &mut Db<'_>, id: MessageId) -> Outcome<Trail> {
    let approvals = sqlx::query(db.sql(
        "SELECT message, revision, digest, approver, role, decided_at, override_reason FROM crm.approvals \
         WHERE workspace = $1 AND message = $2 ORDER BY seq",
    ))
    .bind(db.key)
    .bind(id.0)
    .fetch_all(&mut *db.connection)
    .await?;
    let attempts = sqlx::query(db.sql(
        "SELECT message, id, number, epoch, worker, digest, started_at, finished_at, outcome, \
             provider_id, reason, repeats FROM crm.attempts \
         WHERE workspace = $1 AND message = $2 ORDER BY epoch",
    ))
    .bind(db.key)
    .bind(id.0)
    .fetch_all(&mut *db.connection)
    .await?;
    Ok(Trail {
        revisions: messages::revisions(db, id).await?,
        approvals: approvals
            .iter()
            .map(read_approval)
            .collect::<Outcome<_>>()?,
        attempts: attempts.iter().map(read_attempt).collect::<Outcome<_>>()?,
    })
}

/// The attempts with these ids, and those of messages that have one of these provider's ids: see
/// [`Store::attempts`](crm_core::port::store::Store::attempts). Each once.
pub(crate) async fn attempts_about(
    db: &mut Db<'_>,
    ids: &[Uuid],
    provider_ids: &[String],
) -> Outcome<Vec<Attempt>> {
    let rows = sqlx::query(db.sql(
        "SELECT a.* FROM unnest($2::uuid[]) AS v(id) CROSS JOIN LATERAL ( \
             SELECT message, id, number, epoch, worker, digest, started_at, finished_at, outcome, \
                 provider_id, reason, repeats FROM crm.attempts \
             WHERE workspace = $1 AND id = v.id OFFSET 0) AS a \
         UNION \
         SELECT a.* FROM unnest($3::text[]) AS v(provider_id) CROSS JOIN LATERAL ( \
             SELECT id, epoch FROM crm.messages \
             WHERE workspace = $1 AND provider_id = v.provider_id OFFSET 0) AS m \
         CROSS JOIN LATERAL ( \
             SELECT message, id, number, epoch, worker, digest, started_at, finished_at, outcome, \
                 provider_id, reason, repeats FROM crm.attempts \
             WHERE workspace = $1 AND message = m.id AND (provider_id = v.provider_id \
                 OR outcome = 'unknown' AND epoch = m.epoch) OFFSET 0) AS a",
    ))
    .bind(db.key)
    .bind(ids)
    .bind(provider_ids)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter().map(read_attempt).collect()
}

/// The latest decision about each of these messages, where there is one.
pub(crate) async fn latest_approvals(
    db: &mut Db<'_>,
    ids: &[Uuid],
) -> Outcome<BTreeMap<MessageId, Approval>> {
    let rows = sqlx::query(db.sql(
        "SELECT a.* FROM unnest($2::uuid[]) AS v(id) CROSS JOIN LATERAL ( \
             SELECT message, revision, digest, approver, role, decided_at, override_reason FROM crm.approvals \
             WHERE workspace = $1 AND message = v.id ORDER BY seq DESC LIMIT 1) AS a",
    ))
    .bind(db.key)
    .bind(ids)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| read_approval(row).map(|approval| (approval.message_id, approval)))
        .collect()
}

/// The attempt of each of these messages' epoch, where there is one.
pub(crate) async fn attempts_of(
    db: &mut Db<'_>,
    ids: &[Uuid],
    epochs: &[i64],
) -> Outcome<BTreeMap<MessageId, Attempt>> {
    let rows = sqlx::query(db.sql(
        "SELECT a.* FROM unnest($2::uuid[], $3::bigint[]) AS v(id, epoch) CROSS JOIN LATERAL ( \
             SELECT message, id, number, epoch, worker, digest, started_at, finished_at, outcome, \
                 provider_id, reason, repeats FROM crm.attempts \
             WHERE workspace = $1 AND message = v.id AND epoch = v.epoch OFFSET 0) AS a",
    ))
    .bind(db.key)
    .bind(ids)
    .bind(epochs)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| read_attempt(row).map(|attempt| (attempt.message_id, attempt)))
        .collect()
}
