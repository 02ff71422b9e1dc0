//! Suppressed addresses.

use std::collections::BTreeSet;

use crm_core::Workspace;
use crm_core::consent::Suppression;
use crm_core::consent::erasure::EVERY_CHANNEL;
use crm_core::port::store::{Page, SuppressionQuery};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::erasure;
use crate::fault::Outcome;
use crate::rows::{instant, micros};

/// Suppresses an address; again, or where it is that of an erased person, changes nothing.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Suppression) -> Outcome<()> {
    if erasure::is_erased(connection, workspace, &row.address)? {
        return Ok(());
    }
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

/// Lifts a suppression, if there is one (of this reason), and that of an erased person who had the address.
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
    for mark in erasure::marks(connection, workspace, std::iter::once(address))? {
        connection
            .prepare_cached(
                "DELETE FROM suppressions WHERE workspace = ?1 AND channel = ?2 AND address = ?3 \
                 AND (?4 IS NULL OR reason = ?4)",
            )?
            .execute((workspace, EVERY_CHANNEL, mark, reason))?;
    }
    Ok(())
}

/// Whether the address is suppressed on the channel, or is that of an erased person.
pub(crate) fn has(
    connection: &Connection,
    workspace: i64,
    channel: &str,
    address: &str,
) -> Outcome<bool> {
    let plain = connection
        .prepare_cached(
            "SELECT 1 FROM suppressions WHERE workspace = ?1 AND channel = ?2 AND address = ?3",
        )?
        .exists((workspace, channel, address))?;
    Ok(plain || erasure::is_erased(connection, workspace, address)?)
}

/// Those of erased people among these addresses, each with the address it was asked for by.
fn erased(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    addresses: &[String],
) -> Outcome<Vec<Suppression>> {
    let asked: BTreeSet<&str> = addresses.iter().map(String::as_str).collect();
    let marks = erasure::marks(connection, key, asked.iter().copied())?;
    let mut statement = connection.prepare_cached(
        "SELECT channel, address, reason, created_by, created_at FROM suppressions \
         WHERE workspace = ?1 AND channel = ?2 AND address = ?3",
    )?;
    let mut found = Vec::new();
    for (address, mark) in asked.into_iter().zip(marks) {
        let row = statement
            .query_row((key, EVERY_CHANNEL, mark), |row| read(workspace, row))
            .optional()?;
        found.extend(row.map(|row| Suppression {
            address: address.to_owned(),
            ..row
        }));
    }
    Ok(found)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Suppression> {
    let channel: String = row.get(0)?;
    let address = if channel == EVERY_CHANNEL {
        String::new()
    } else {
        row.get(1)?
    };
    Ok(Suppression {
        workspace: workspace.clone(),
        channel,
        address,
        reason: row.get(2)?,
        created_by: row.get(3)?,
        created_at: instant(row, 4)?,
    })
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
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let addresses = match query.addresses.as_slice() {
        [] => None,
        addresses => Some(serde_json::to_string(addresses)?),
    };
    // Of those that are asked for by their address, these come first: no channel's name is before theirs.
    let erased = erased(connection, workspace, key, &query.addresses)?;
    let before = erased.len();
    let mut items: Vec<Suppression> = erased.into_iter().skip(skip).take(limit).collect();
    let mut statement = connection.prepare_cached(
        "SELECT channel, address, reason, created_by, created_at FROM suppressions \
         WHERE workspace = ?1 AND (?2 IS NULL OR channel = ?2) AND (?3 IS NULL OR \
             (channel <> '*' AND address IN (SELECT value FROM json_each(?3)))) \
         ORDER BY channel, address LIMIT ?4 OFFSET ?5",
    )?;
    let rows = statement.query_map(
        params![
            key,
            query.channel,
            addresses,
            i64::try_from(limit - items.len()).unwrap_or(0),
            i64::try_from(skip.saturating_sub(before)).unwrap_or(i64::MAX)
        ],
        |row| read(workspace, row),
    )?;
    for row in rows {
        items.push(row?);
    }
    Ok(Page {
        items,
        total: None,
        next: None,
    })
}
