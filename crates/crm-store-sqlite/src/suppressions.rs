//! Suppressed addresses.

use crm_core::Workspace;
use crm_core::consent::Suppression;
use crm_core::port::store::{Page, SuppressionQuery};
use rusqlite::{Connection, params};

use crate::fault::Outcome;
use crate::rows::{instant, micros};

/// Suppresses an address; again changes nothing.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Suppression) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO suppressions (workspace, channel, address, reason, created_by, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            workspace,
            row.channel,
            row.address,
            row.reason,
            row.created_by,
            micros(row.created_at),
        ])?;
    Ok(())
}

/// Lifts a suppression, if there is one (of this reason).
pub(crate) fn delete(
    connection: &Connection,
    workspace: i64,
    channel: &str,
    address: &str,
    reason: Option<&str>,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "DELETE FROM suppressions WHERE workspace = ?1 AND channel = ?2 AND address = ?3 \
             AND (?4 IS NULL OR reason = ?4)",
        )?
        .execute((workspace, channel, address, reason))?;
    Ok(())
}

/// Whether the address is suppressed on the channel.
pub(crate) fn has(
    connection: &Connection,
    workspace: i64,
    channel: &str,
    address: &str,
) -> Outcome<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM suppressions WHERE workspace = ?1 AND channel = ?2 AND address = ?3",
        )?
        .exists((workspace, channel, address))?)
}

/// Lists suppressions by channel and address.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &SuppressionQuery,
) -> Outcome<Page<Suppression>> {
    let limit = if query.limit == 0 {
        100
    } else {
        query.limit.min(1_000)
    };
    let mut statement = connection.prepare_cached(
        "SELECT channel, address, reason, created_by, created_at FROM suppressions \
         WHERE workspace = ?1 AND (?2 IS NULL OR channel = ?2) AND (?3 IS NULL OR address IN (SELECT value FROM json_each(?3))) \
         ORDER BY channel, address LIMIT ?4 OFFSET ?5",
    )?;
    let addresses = match query.addresses.as_slice() {
        [] => None,
        addresses => Some(serde_json::to_string(addresses)?),
    };
    let rows = statement.query_map(
        params![key, query.channel, addresses, limit, query.skip],
        |row| {
            Ok(Suppression {
                workspace: workspace.clone(),
                channel: row.get(0)?,
                address: row.get(1)?,
                reason: row.get(2)?,
                created_by: row.get(3)?,
                created_at: instant(row, 4)?,
            })
        },
    )?;
    Ok(Page {
        items: rows.collect::<rusqlite::Result<_>>()?,
        total: None,
        next: None,
    })
}
