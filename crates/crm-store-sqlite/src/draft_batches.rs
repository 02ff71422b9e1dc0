//! Batches of drafts: lines of a plan that are written in one job of a provider.

use crm_core::draft_batch::{DraftBatch, DraftBatchState};
use crm_core::id::{CampaignId, DraftBatchId};
use crm_core::port::store::DraftBatchQuery;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, named_params, params_from_iter};

use crate::fault::Outcome;
use crate::rows::{instant, micros, named, opt_instant, opt_micros, signed, unsigned};

const COLUMNS: &str = "id, version, campaign, requests, state, provider_id, submitted_at, due_at, \
    failures, last_error, lease_owner, lease_until, created_at, closed_at, attempt, prompt_version";

const INSERT: &str = "INSERT INTO draft_batches (workspace, id, version, campaign, requests, \
    state, provider_id, submitted_at, due_at, failures, last_error, lease_owner, lease_until, \
    created_at, closed_at, attempt, prompt_version) VALUES (:workspace, :id, :version, :campaign, :requests, :state, \
    :provider_id, :submitted_at, :due_at, :failures, :last_error, :lease_owner, :lease_until, \
    :created_at, :closed_at, :attempt, :prompt_version) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE draft_batches SET version = :version, campaign = :campaign, \
    requests = :requests, state = :state, provider_id = :provider_id, \
    submitted_at = :submitted_at, due_at = :due_at, failures = :failures, \
    last_error = :last_error, lease_owner = :lease_owner, lease_until = :lease_until, \
    created_at = :created_at, closed_at = :closed_at, attempt = :attempt, \
    prompt_version = :prompt_version \
    WHERE workspace = :workspace AND id = :id AND version = :version - 1";

/// Writes a new batch.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &DraftBatch) -> Outcome<()> {
    if write(connection, INSERT, workspace, row)? > 0 {
        return Ok(());
    }
    let taken = "the id is taken by another batch of drafts";
    Err(Error::new(ErrorKind::Duplicate, taken).into())
}

/// Writes a changed batch.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &DraftBatch) -> Outcome<()> {
    if write(connection, UPDATE, workspace, row)? > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached("SELECT 1 FROM draft_batches WHERE workspace = ?1 AND id = ?2")?
        .exists((workspace, row.id.0))?;
    Err(if there {
        Error::new(
            ErrorKind::Conflict,
            "the batch of drafts was changed meanwhile; load it again",
        )
    } else {
        Error::not_found("batch of drafts")
    }
    .into())
}

fn write(connection: &Connection, sql: &str, workspace: i64, row: &DraftBatch) -> Outcome<usize> {
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":id": row.id.0,
        ":version": signed(row.version),
        ":campaign": row.campaign_id.0,
        ":requests": row.requests,
        ":state": row.state.as_str(),
        ":provider_id": row.provider_id,
        ":submitted_at": opt_micros(row.submitted_at),
        ":due_at": micros(row.due_at),
        ":failures": row.failures,
        ":last_error": row.last_error,
        ":lease_owner": row.lease_owner,
        ":lease_until": opt_micros(row.lease_until),
        ":created_at": micros(row.created_at),
        ":closed_at": opt_micros(row.closed_at),
        ":attempt": row.attempt,
        ":prompt_version": row.prompt_version,
    })?)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<DraftBatch> {
    Ok(DraftBatch {
        workspace: workspace.clone(),
        id: DraftBatchId(row.get(0)?),
        version: unsigned(row, 1)?,
        campaign_id: CampaignId(row.get(2)?),
        requests: row.get(3)?,
        state: named(row, 4, DraftBatchState::parse)?,
        provider_id: row.get(5)?,
        submitted_at: opt_instant(row, 6)?,
        due_at: instant(row, 7)?,
        failures: row.get(8)?,
        last_error: row.get(9)?,
        lease_owner: row.get(10)?,
        lease_until: opt_instant(row, 11)?,
        created_at: instant(row, 12)?,
        closed_at: opt_instant(row, 13)?,
        attempt: row.get(14)?,
        prompt_version: row.get(15)?,
    })
}

/// Lists batches: due ones earliest first, others by id.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &DraftBatchQuery,
) -> Outcome<Vec<DraftBatch>> {
    let mut sql = format!("SELECT {COLUMNS} FROM draft_batches WHERE workspace = ?");
    let mut values = vec![Value::Integer(key)];
    if let Some(campaign) = query.campaign_id {
        sql.push_str(" AND campaign = ?");
        values.push(Value::Blob(campaign.0.as_bytes().to_vec()));
    }
    if query.open || query.due_before.is_some() {
        sql.push_str(" AND closed_at IS NULL");
    }
    if let Some(until) = query.due_before {
        sql.push_str(" AND due_at <= ? ORDER BY due_at, id");
        values.push(Value::Integer(micros(until)));
    } else {
        sql.push_str(" ORDER BY id");
    }
    sql.push_str(" LIMIT ?");
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    values.push(Value::Integer(i64::from(limit)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
