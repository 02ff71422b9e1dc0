//! Approvals and attempts.

use crm_core::id::{AttemptId, MessageId};
use crm_core::message::{Approval, Attempt, AttemptOutcome};
use crm_core::port::callback::About;
use crm_core::port::store::Trail;
use crm_core::{Error, ErrorKind, Role};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::fault::Outcome;
use crate::messages;
use crate::rows::{
    digest, instant, micros, named, opt_instant, opt_micros, opt_named, signed, unsigned,
};

const APPROVAL: &str = "revision, digest, approver, role, decided_at, override_reason";
const ATTEMPT: &str = "id, number, epoch, worker, digest, started_at, finished_at, outcome, \
    provider_id, reason, repeats";

/// Writes a decision.
pub(crate) fn insert_approval(
    connection: &Connection,
    workspace: i64,
    approval: &Approval,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO approvals (workspace, message, revision, digest, approver, role, \
             decided_at, override_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            workspace,
            approval.message_id.0,
            approval.revision,
            approval.digest.0,
            approval.approver,
            approval.role.as_str(),
            micros(approval.decided_at),
            approval.override_reason,
        ])?;
    Ok(())
}

/// Writes an attempt.
pub(crate) fn insert_attempt(
    connection: &Connection,
    workspace: i64,
    attempt: &Attempt,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO attempts (workspace, message, id, number, epoch, worker, digest, \
             started_at, finished_at, outcome, provider_id, reason, repeats) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            workspace,
            attempt.message_id.0,
            attempt.id.0,
            attempt.number,
            signed(attempt.epoch),
            attempt.worker,
            attempt.digest.0,
            micros(attempt.started_at),
            opt_micros(attempt.finished_at),
            attempt.outcome.map(AttemptOutcome::as_str),
            attempt.provider_id,
            attempt.reason,
            attempt.repeats,
        ])?;
    Ok(())
}

/// Records the outcome of an open attempt.
pub(crate) fn finish_attempt(
    connection: &Connection,
    workspace: i64,
    attempt: &Attempt,
) -> Outcome<()> {
    let changed = connection
        .prepare_cached(
            "UPDATE attempts SET finished_at = ?3, outcome = ?4, \
             provider_id = iif(m.recipient = '', NULL, ?5), reason = iif(m.recipient = '', NULL, ?6) \
             FROM (SELECT coalesce((SELECT recipient FROM messages \
                 WHERE workspace = ?1 AND id = ?7), '?') AS recipient) AS m \
             WHERE workspace = ?1 AND id = ?2 AND message = ?7 AND epoch = ?8 \
             AND finished_at IS NULL",
        )?
        .execute(params![
            workspace,
            attempt.id.0,
            opt_micros(attempt.finished_at),
            attempt.outcome.map(AttemptOutcome::as_str),
            attempt.provider_id,
            attempt.reason,
            attempt.message_id.0,
            signed(attempt.epoch),
        ])?;
    if changed > 0 {
        return Ok(());
    }
    let known = connection
        .prepare_cached(
            "SELECT 1 FROM attempts WHERE workspace = ?1 AND id = ?2 \
             AND message = ?3 AND epoch = ?4",
        )?
        .exists((
            workspace,
            attempt.id.0,
            attempt.message_id.0,
            signed(attempt.epoch),
        ))?;
    Err(if known {
        Error::new(
            ErrorKind::Conflict,
            "the outcome of this attempt is recorded already; load it again",
        )
    } else {
        Error::not_found("attempt")
    }
    .into())
}

fn read_approval(row: &Row<'_>, id: MessageId) -> rusqlite::Result<Approval> {
    Ok(Approval {
        message_id: id,
        revision: row.get(0)?,
        digest: digest(row, 1)?,
        approver: row.get(2)?,
        role: named(row, 3, Role::parse)?,
        decided_at: instant(row, 4)?,
        override_reason: row.get(5)?,
    })
}

fn read_attempt(row: &Row<'_>, id: MessageId) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: AttemptId(row.get(0)?),
        message_id: id,
        number: row.get(1)?,
        epoch: unsigned(row, 2)?,
        worker: row.get(3)?,
        digest: digest(row, 4)?,
        started_at: instant(row, 5)?,
        finished_at: opt_instant(row, 6)?,
        outcome: opt_named(row, 7, AttemptOutcome::parse)?,
        provider_id: row.get(8)?,
        reason: row.get(9)?,
        repeats: row.get(10)?,
    })
}

/// Everything written about one message.
pub(crate) fn trail(connection: &Connection, key: i64, id: MessageId) -> Outcome<Trail> {
    let approvals = connection
        .prepare_cached(&format!(
            "SELECT {APPROVAL} FROM approvals WHERE workspace = ?1 AND message = ?2 ORDER BY seq"
        ))?
        .query_map((key, id.0), |row| read_approval(row, id))?
        .collect::<rusqlite::Result<_>>()?;
    let attempts = connection
        .prepare_cached(&format!(
            "SELECT {ATTEMPT} FROM attempts WHERE workspace = ?1 AND message = ?2 ORDER BY epoch"
        ))?
        .query_map((key, id.0), |row| read_attempt(row, id))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Trail {
        revisions: messages::revisions(connection, key, id)?,
        approvals,
        attempts,
    })
}

/// The latest decision.
pub(crate) fn latest_approval(
    connection: &Connection,
    key: i64,
    id: MessageId,
) -> Outcome<Option<Approval>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {APPROVAL} FROM approvals WHERE workspace = ?1 AND message = ?2 \
             ORDER BY seq DESC LIMIT 1"
        ))?
        .query_row((key, id.0), |row| read_approval(row, id))
        .optional()?)
}

/// The attempts that a name stands for: see [`Store::attempts`](crm_core::port::store::Store::attempts).
pub(crate) fn attempts_about(
    connection: &Connection,
    key: i64,
    about: &About,
) -> Outcome<Vec<Attempt>> {
    let read = |row: &Row<'_>| read_attempt(row, MessageId(row.get("message")?));
    let found = match about {
        About::Attempt(id) => connection
            .prepare_cached(&format!(
                "SELECT {ATTEMPT}, message FROM attempts WHERE workspace = ?1 AND id = ?2"
            ))?
            .query_map((key, id.0), read)?
            .collect::<rusqlite::Result<_>>()?,
        About::ProviderId(id) => connection
            .prepare_cached(&format!(
                "SELECT {ATTEMPT}, message FROM ( \
                     SELECT a.*, m.epoch AS last FROM messages m CROSS JOIN attempts a \
                     WHERE m.workspace = ?1 AND m.provider_id = ?2 \
                     AND a.workspace = ?1 AND a.message = m.id) \
                 WHERE provider_id = ?2 OR (outcome = 'unknown' AND epoch = last)"
            ))?
            .query_map((key, id), read)?
            .collect::<rusqlite::Result<_>>()?,
    };
    Ok(found)
}

/// The attempt of one epoch.
pub(crate) fn attempt_of(
    connection: &Connection,
    key: i64,
    id: MessageId,
    epoch: u64,
) -> Outcome<Option<Attempt>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {ATTEMPT} FROM attempts WHERE workspace = ?1 AND message = ?2 AND epoch = ?3"
        ))?
        .query_row((key, id.0, signed(epoch)), |row| read_attempt(row, id))
        .optional()?)
}
