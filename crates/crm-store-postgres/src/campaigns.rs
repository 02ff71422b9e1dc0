//! Campaigns.

use crm_core::Workspace;
use crm_core::campaign::{Campaign, CampaignStatus};
use crm_core::id::{CampaignId, ContactId};
use crm_core::port::store::{CampaignQuery, Page};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::{column, get, json, json_column, named, signed, unsigned};

const COLUMNS: &str = "k.id, k.version, k.fields, k.status, k.test_mode, k.occurrence, \
    k.plan_cursor, k.planned, k.next_run_at, k.created_by, k.created_at, k.updated_at";

const TABLE: Table = Table {
    name: "campaigns",
    columns: "id, version, occasion, fields, status, test_mode, occurrence, plan_cursor, planned, \
        next_run_at, created_by, created_at, updated_at",
    arrays: "$2::uuid[], $3::bigint[], $4::text[], $5::text[]::jsonb[], $6::text[], $7::boolean[], \
        $8::text[], $9::uuid[], $10::boolean[], $11::timestamptz[], $12::text[], \
        $13::timestamptz[], $14::timestamptz[]",
};

/// Writes new campaigns.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Campaign]) -> Outcome<()> {
    if !rows.is_empty() {
        let sql = TABLE.insert(db);
        write(db, sql, rows).await?;
    }
    Ok(())
}

/// Writes changed campaigns, each at most once; `false` when one of them has not the version before:
/// roll back.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Campaign]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let sql = TABLE.update(db);
    Ok(all(write(db, sql, rows).await?, rows))
}

/// Binds the rows; how many were written.
async fn write(db: &mut Db<'_>, sql: SqlStr, rows: &[&Campaign]) -> Outcome<u64> {
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(column(rows, |row| row.fields.occasion_type.as_str()))
        .bind(json_column(rows, |row| &row.fields)?)
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.test_mode))
        .bind(column(rows, |row| row.occurrence.clone()))
        .bind(column(rows, |row| row.plan_cursor.map(|id| id.0)))
        .bind(column(rows, |row| row.planned))
        .bind(column(rows, |row| row.next_run_at))
        .bind(column(rows, |row| row.created_by.clone()))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.updated_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

/// Removes a campaign and its plan; `false` when there is none.
pub(crate) async fn delete(db: &mut Db<'_>, id: CampaignId) -> Outcome<bool> {
    sqlx::query(db.sql("DELETE FROM crm.plan_rows WHERE workspace = $1 AND campaign = $2"))
        .bind(db.key)
        .bind(id.0)
        .execute(&mut *db.connection)
        .await?;
    let done = sqlx::query(db.sql("DELETE FROM crm.campaigns WHERE workspace = $1 AND id = $2"))
        .bind(db.key)
        .bind(id.0)
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Campaign> {
    Ok(Campaign {
        workspace: workspace.clone(),
        id: CampaignId(get(row, "id")?),
        version: unsigned(row, "version")?,
        fields: json(row, "fields")?,
        status: named(row, "status", CampaignStatus::parse)?,
        test_mode: get(row, "test_mode")?,
        occurrence: get(row, "occurrence")?,
        plan_cursor: get::<Option<_>>(row, "plan_cursor")?.map(ContactId),
        planned: get(row, "planned")?,
        next_run_at: get(row, "next_run_at")?,
        created_by: get(row, "created_by")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

/// The campaigns with these ids, in any order.
pub(crate) async fn many(db: &mut Db<'_>, ids: &[CampaignId]) -> Outcome<Vec<Campaign>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut filter = Filter::new(COLUMNS, "crm.campaigns k", "k.workspace", db.key);
    filter.ids("k.id", ids.iter().map(|id| id.0));
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// Lists campaigns.
pub(crate) async fn list(db: &mut Db<'_>, query: &CampaignQuery) -> Outcome<Page<Campaign>> {
    let conditions = |filter: &mut Filter| {
        let statuses: Vec<&str> = query
            .statuses
            .iter()
            .map(|status| status.as_str())
            .collect();
        let occasion = query.occasion.map(|occasion| occasion.as_str().to_owned());
        filter
            .ids("k.id", query.ids.iter().map(|id| id.0))
            .one_of("k.status", &statuses)
            .given("k.occasion = ", occasion);
        Ok(())
    };
    let list = List {
        columns: COLUMNS,
        from: "crm.campaigns k",
        workspace: "k.workspace",
        key: "k.id",
    };
    let id = |campaign: &Campaign| campaign.id.0;
    list.page(db, &query.page, conditions, read, id).await
}
