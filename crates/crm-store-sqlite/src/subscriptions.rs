//! Subscriptions: how far each subscriber was told of the history.

use crm_core::subscription::Subscription;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::{Connection, Row, named_params};

use crate::fault::Outcome;
use crate::rows::{instant, micros, opt_instant, opt_micros, signed, unsigned};

const COLUMNS: &str = "name, version, position, failures, failing_since, due_at, last_error, \
    disabled_at, lease_owner, lease_until, created_at";

const INSERT: &str = "INSERT INTO subscriptions (workspace, name, version, position, failures, \
    failing_since, due_at, last_error, disabled_at, lease_owner, lease_until, created_at) \
    VALUES (:workspace, :name, :version, :position, :failures, :failing_since, :due_at, \
    :last_error, :disabled_at, :lease_owner, :lease_until, :created_at) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE subscriptions SET version = :version, position = :position, \
    failures = :failures, failing_since = :failing_since, due_at = :due_at, \
    last_error = :last_error, disabled_at = :disabled_at, lease_owner = :lease_owner, \
    lease_until = :lease_until, created_at = :created_at \
    WHERE workspace = :workspace AND name = :name AND version = :version - 1";

/// Writes a new subscription.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Subscription) -> Outcome<()> {
    if write(connection, INSERT, workspace, row)? > 0 {
        return Ok(());
    }
    let taken = "name is taken by another subscription";
    Err(Error::new(ErrorKind::Duplicate, taken).into())
}

/// Writes a changed subscription.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &Subscription) -> Outcome<()> {
    if write(connection, UPDATE, workspace, row)? > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached("SELECT 1 FROM subscriptions WHERE workspace = ?1 AND name = ?2")?
        .exists((workspace, &row.name))?;
    Err(if there {
        Error::new(
            ErrorKind::Conflict,
            "the subscription was changed meanwhile; load it again",
        )
    } else {
        Error::not_found("subscription")
    }
    .into())
}

fn write(connection: &Connection, sql: &str, workspace: i64, row: &Subscription) -> Outcome<usize> {
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":name": row.name,
        ":version": signed(row.version),
        ":position": signed(row.position),
        ":failures": row.failures,
        ":failing_since": opt_micros(row.failing_since),
        ":due_at": micros(row.due_at),
        ":last_error": row.last_error,
        ":disabled_at": opt_micros(row.disabled_at),
        ":lease_owner": row.lease_owner,
        ":lease_until": opt_micros(row.lease_until),
        ":created_at": micros(row.created_at),
    })?)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        workspace: workspace.clone(),
        name: row.get(0)?,
        version: unsigned(row, 1)?,
        position: unsigned(row, 2)?,
        failures: row.get(3)?,
        failing_since: opt_instant(row, 4)?,
        due_at: instant(row, 5)?,
        last_error: row.get(6)?,
        disabled_at: opt_instant(row, 7)?,
        lease_owner: row.get(8)?,
        lease_until: opt_instant(row, 9)?,
        created_at: instant(row, 10)?,
    })
}

/// All subscriptions of the workspace, by name.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
) -> Outcome<Vec<Subscription>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM subscriptions WHERE workspace = ?1 ORDER BY name"
    ))?;
    let rows = statement.query_map([key], |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
