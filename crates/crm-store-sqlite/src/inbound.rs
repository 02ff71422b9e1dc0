//! When people last wrote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_core::consent::window::Inbound;
use rusqlite::{Connection, params};

use crate::erasure;
use crate::fault::Outcome;
use crate::rows::{instant, micros};

/// Keeps the later of what is known and this; nothing of an erased person.
pub(crate) fn record(connection: &Connection, workspace: i64, row: &Inbound) -> Outcome<()> {
    if erasure::is_erased(connection, workspace, &row.address)? {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO inbound (workspace, channel, address, at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at > at",
        )?
        .execute(params![workspace, row.channel, row.address, micros(row.at)])?;
    Ok(())
}

/// Forgets when an address wrote.
pub(crate) fn forget(connection: &Connection, workspace: i64, address: &str) -> Outcome<()> {
    connection
        .prepare_cached("DELETE FROM inbound WHERE workspace = ?1 AND address = ?2")?
        .execute((workspace, address))?;
    Ok(())
}

/// When the people behind these addresses last wrote on the channel.
pub(crate) fn last(
    connection: &Connection,
    workspace: i64,
    channel: &str,
    addresses: &[String],
) -> Outcome<BTreeMap<String, DateTime<Utc>>> {
    let mut statement = connection.prepare_cached(
        "SELECT address, at FROM inbound WHERE workspace = ?1 AND channel = ?2 \
         AND address IN (SELECT value FROM json_each(?3))",
    )?;
    let addresses = serde_json::to_string(addresses)?;
    let rows = statement.query_map((workspace, channel, addresses), |row| {
        Ok((row.get(0)?, instant(row, 1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
