//! Campaigns.

use crm_core::Workspace;
use crm_core::campaign::{Campaign, CampaignStatus, Waiting};
use crm_core::id::{CampaignId, ContactId};
use crm_core::port::store::{CampaignQuery, Page};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::fault::Outcome;
use crate::query::{Filter, List};
use crate::rows::{instant, json, micros, named, opt_instant, opt_micros, signed, unsigned};

const COLUMNS: &str = "k.id, k.version, k.fields, k.status, k.test_mode, k.occurrence, \
    k.plan_cursor, k.planned, k.next_run_at, k.created_by, k.created_at, k.updated_at, k.waiting, \
    k.waiting_since";

const INSERT: &str = "INSERT INTO campaigns (workspace, id, version, occasion, fields, status, \
    test_mode, occurrence, plan_cursor, planned, waiting, waiting_since, next_run_at, created_by, \
    created_at, updated_at) VALUES (:workspace, :id, :version, :occasion, :fields, :status, :test_mode, :occurrence, \
    :plan_cursor, :planned, :waiting, :waiting_since, :next_run_at, :created_by, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE campaigns SET version = :version, occasion = :occasion, \
    fields = :fields, status = :status, test_mode = :test_mode, occurrence = :occurrence, \
    plan_cursor = :plan_cursor, planned = :planned, waiting = :waiting, \
    waiting_since = :waiting_since, next_run_at = :next_run_at, \
    created_by = :created_by, created_at = :created_at, updated_at = :updated_at \
    WHERE workspace = :workspace AND id = :id AND version = :version - 1";

/// Writes a new campaign.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Campaign) -> Outcome<()> {
    write(connection, INSERT, workspace, row).map(drop)
}

/// Writes a changed campaign; `false` when no row has the version before.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &Campaign) -> Outcome<bool> {
    write(connection, UPDATE, workspace, row).map(|rows| rows > 0)
}

fn write(connection: &Connection, sql: &str, workspace: i64, row: &Campaign) -> Outcome<usize> {
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":id": row.id.0,
        ":version": signed(row.version),
        ":occasion": row.fields.occasion_type.as_str(),
        ":fields": serde_json::to_string(&row.fields)?,
        ":status": row.status.as_str(),
        ":test_mode": row.test_mode,
        ":occurrence": row.occurrence,
        ":plan_cursor": row.plan_cursor.map(|id| id.0),
        ":planned": row.planned,
        ":waiting": row.waiting.as_ref().map(|waiting| &waiting.reason),
        ":waiting_since": opt_micros(row.waiting.as_ref().map(|waiting| waiting.since)),
        ":next_run_at": opt_micros(row.next_run_at),
        ":created_by": row.created_by,
        ":created_at": micros(row.created_at),
        ":updated_at": micros(row.updated_at),
    })?)
}

/// Removes a campaign and its plan; `false` when there is none.
pub(crate) fn delete(connection: &Connection, workspace: i64, id: CampaignId) -> Outcome<bool> {
    connection
        .prepare_cached("DELETE FROM plan_rows WHERE workspace = ?1 AND campaign = ?2")?
        .execute((workspace, id.0))?;
    Ok(connection
        .prepare_cached("DELETE FROM campaigns WHERE workspace = ?1 AND id = ?2")?
        .execute((workspace, id.0))?
        > 0)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Campaign> {
    let reason: Option<String> = row.get(12)?;
    let waiting = reason.zip(opt_instant(row, 13)?);
    Ok(Campaign {
        workspace: workspace.clone(),
        id: CampaignId(row.get(0)?),
        version: unsigned(row, 1)?,
        fields: json(row, 2)?,
        status: named(row, 3, CampaignStatus::parse)?,
        test_mode: row.get(4)?,
        occurrence: row.get(5)?,
        plan_cursor: row.get::<_, Option<_>>(6)?.map(ContactId),
        planned: row.get(7)?,
        waiting: waiting.map(|(reason, since)| Waiting { reason, since }),
        next_run_at: opt_instant(row, 8)?,
        created_by: row.get(9)?,
        created_at: instant(row, 10)?,
        updated_at: instant(row, 11)?,
    })
}

/// One campaign.
pub(crate) fn one(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    id: CampaignId,
) -> Outcome<Option<Campaign>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM campaigns k WHERE k.workspace = ?1 AND k.id = ?2"
        ))?
        .query_row((key, id.0), |row| read(workspace, row))
        .optional()?)
}

/// Lists campaigns.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &CampaignQuery,
) -> Outcome<Page<Campaign>> {
    let mut filter = Filter::new("k.workspace = ?", key);
    filter.ids(
        "k.id IN (SELECT unhex(value) FROM json_each(?))",
        query.ids.iter().map(|id| id.0),
    );
    let statuses: Vec<&str> = query
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect();
    filter.one_of("k.status IN (SELECT value FROM json_each(?))", &statuses);
    filter.given(
        "k.occasion = ?",
        query.occasion.map(|occasion| occasion.as_str().to_owned()),
    );
    List {
        columns: COLUMNS,
        from: "campaigns k",
        key: "k.id",
    }
    .page(
        connection,
        filter,
        &query.page,
        |row| read(workspace, row),
        |row| row.id.0,
    )
}
