//! Batches of drafts: lines of a plan that are written in one job of a provider.

use crm_core::draft_batch::{DraftBatch, DraftBatchState};
use crm_core::id::{CampaignId, DraftBatchId};
use crm_core::port::store::DraftBatchQuery;
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter};
use crate::rows::{column, count, get, named, signed, small, unsigned};

const COLUMNS: &str = "b.id, b.version, b.campaign, b.requests, b.state, b.provider_id, \
    b.submitted_at, b.due_at, b.failures, b.last_error, b.lease_owner, b.lease_until, \
    b.created_at, b.closed_at, b.attempt, b.prompt_version";

const TABLE: Table = Table {
    name: "draft_batches",
    columns: &[
        ("id", "uuid"),
        ("version", "bigint"),
        ("campaign", "uuid"),
        ("requests", "integer"),
        ("state", "text"),
        ("provider_id", "text"),
        ("submitted_at", "timestamptz"),
        ("due_at", "timestamptz"),
        ("failures", "integer"),
        ("last_error", "text"),
        ("lease_owner", "text"),
        ("lease_until", "timestamptz"),
        ("created_at", "timestamptz"),
        ("closed_at", "timestamptz"),
        ("attempt", "integer"),
        ("prompt_version", "text"),
    ],
};

/// Writes new batches.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&DraftBatch]) -> Outcome<()> {
    if rows.is_empty() || all(write(db, TABLE.insert_missing(db), rows).await?, rows) {
        return Ok(());
    }
    let taken = "the id is taken by another batch of drafts";
    Err(Error::new(ErrorKind::Duplicate, taken).into())
}

/// Writes changed batches.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&DraftBatch]) -> Outcome<()> {
    let next = "t.id = n.id AND t.version = n.version - 1";
    if rows.is_empty() || all(write(db, TABLE.update(db, next), rows).await?, rows) {
        return Ok(());
    }
    let there: i64 = sqlx::query_scalar(
        db.sql("SELECT count(*) FROM crm.draft_batches WHERE workspace = $1 AND id = ANY ($2)"),
    )
    .bind(db.key)
    .bind(column(rows, |row| row.id.0))
    .fetch_one(&mut *db.connection)
    .await?;
    Err(
        if usize::try_from(there).is_ok_and(|there| there == rows.len()) {
            Error::new(
                ErrorKind::Conflict,
                "the batch of drafts was changed meanwhile; load it again",
            )
        } else {
            Error::not_found("batch of drafts")
        }
        .into(),
    )
}

/// How many rows the statement wrote.
async fn write(db: &mut Db<'_>, statement: SqlStr, rows: &[&DraftBatch]) -> Outcome<u64> {
    let done = sqlx::query(statement)
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(column(rows, |row| row.campaign_id.0))
        .bind(column(rows, |row| small(row.requests)))
        .bind(column(rows, |row| row.state.as_str()))
        .bind(column(rows, |row| row.provider_id.clone()))
        .bind(column(rows, |row| row.submitted_at))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| small(row.failures)))
        .bind(column(rows, |row| row.last_error.clone()))
        .bind(column(rows, |row| row.lease_owner.clone()))
        .bind(column(rows, |row| row.lease_until))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.closed_at))
        .bind(column(rows, |row| small(row.attempt)))
        .bind(column(rows, |row| row.prompt_version.clone()))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<DraftBatch> {
    Ok(DraftBatch {
        workspace: workspace.clone(),
        id: DraftBatchId(get(row, "id")?),
        version: unsigned(row, "version")?,
        campaign_id: CampaignId(get(row, "campaign")?),
        requests: count(row, "requests")?,
        state: named(row, "state", DraftBatchState::parse)?,
        provider_id: get(row, "provider_id")?,
        submitted_at: get(row, "submitted_at")?,
        due_at: get(row, "due_at")?,
        failures: count(row, "failures")?,
        last_error: get(row, "last_error")?,
        lease_owner: get(row, "lease_owner")?,
        lease_until: get(row, "lease_until")?,
        created_at: get(row, "created_at")?,
        closed_at: get(row, "closed_at")?,
        attempt: count(row, "attempt")?,
        prompt_version: get(row, "prompt_version")?,
    })
}

/// Lists batches: due ones earliest first, others by id.
pub(crate) async fn list(db: &mut Db<'_>, query: &DraftBatchQuery) -> Outcome<Vec<DraftBatch>> {
    let mut filter = Filter::new(COLUMNS, "crm.draft_batches b", "b.workspace", db.key);
    filter.given("b.campaign = ", query.campaign_id.map(|id| id.0));
    if query.open || query.due_before.is_some() {
        filter.and("b.closed_at IS NULL");
    }
    filter
        .given("b.due_at <= ", query.due_before)
        .raw(match query.due_before {
            Some(_) => " ORDER BY b.due_at, b.id LIMIT ",
            None => " ORDER BY b.id LIMIT ",
        });
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    filter.bind(i64::from(limit));
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}
