//! Subscriptions: how far each subscriber was told of the history.

use crm_core::subscription::Subscription;
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter};
use crate::rows::{column, count, get, signed, small, unsigned};

const COLUMNS: &str = "s.name, s.version, s.position, s.failures, s.failing_since, s.due_at, \
    s.last_error, s.disabled_at, s.lease_owner, s.lease_until, s.created_at";

const TABLE: Table = Table {
    name: "subscriptions",
    columns: &[
        ("name", "text"),
        ("version", "bigint"),
        ("position", "bigint"),
        ("failures", "integer"),
        ("failing_since", "timestamptz"),
        ("due_at", "timestamptz"),
        ("last_error", "text"),
        ("disabled_at", "timestamptz"),
        ("lease_owner", "text"),
        ("lease_until", "timestamptz"),
        ("created_at", "timestamptz"),
    ],
};

/// Writes new subscriptions.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Subscription]) -> Outcome<()> {
    if rows.is_empty() || all(write(db, TABLE.insert_missing(db), rows).await?, rows) {
        return Ok(());
    }
    let taken = "name is taken by another subscription";
    Err(Error::new(ErrorKind::Duplicate, taken).into())
}

/// Writes changed subscriptions.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Subscription]) -> Outcome<()> {
    let next = "t.name = n.name AND t.version = n.version - 1";
    if rows.is_empty() || all(write(db, TABLE.update(db, next), rows).await?, rows) {
        return Ok(());
    }
    let there: i64 = sqlx::query_scalar(
        db.sql("SELECT count(*) FROM crm.subscriptions WHERE workspace = $1 AND name = ANY ($2)"),
    )
    .bind(db.key)
    .bind(column(rows, |row| row.name.clone()))
    .fetch_one(&mut *db.connection)
    .await?;
    Err(
        if usize::try_from(there).is_ok_and(|there| there == rows.len()) {
            Error::new(
                ErrorKind::Conflict,
                "the subscription was changed meanwhile; load it again",
            )
        } else {
            Error::not_found("subscription")
        }
        .into(),
    )
}

/// How many rows the statement wrote.
async fn write(db: &mut Db<'_>, statement: SqlStr, rows: &[&Subscription]) -> Outcome<u64> {
    let done = sqlx::query(statement)
        .bind(db.key)
        .bind(column(rows, |row| row.name.clone()))
        .bind(column(rows, |row| signed(row.version)))
        .bind(column(rows, |row| signed(row.position)))
        .bind(column(rows, |row| small(row.failures)))
        .bind(column(rows, |row| row.failing_since))
        .bind(column(rows, |row| row.due_at))
        .bind(column(rows, |row| row.last_error.clone()))
        .bind(column(rows, |row| row.disabled_at))
        .bind(column(rows, |row| row.lease_owner.clone()))
        .bind(column(rows, |row| row.lease_until))
        .bind(column(rows, |row| row.created_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Subscription> {
    Ok(Subscription {
        workspace: workspace.clone(),
        name: get(row, "name")?,
        version: unsigned(row, "version")?,
        position: unsigned(row, "position")?,
        failures: count(row, "failures")?,
        failing_since: get(row, "failing_since")?,
        due_at: get(row, "due_at")?,
        last_error: get(row, "last_error")?,
        disabled_at: get(row, "disabled_at")?,
        lease_owner: get(row, "lease_owner")?,
        lease_until: get(row, "lease_until")?,
        created_at: get(row, "created_at")?,
    })
}

/// All subscriptions of the workspace, by name.
pub(crate) async fn list(db: &mut Db<'_>) -> Outcome<Vec<Subscription>> {
    let mut filter = Filter::new(COLUMNS, "crm.subscriptions s", "s.workspace", db.key);
    filter.raw(" ORDER BY s.name");
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}
