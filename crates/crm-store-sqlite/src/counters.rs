//! Counters: one addition per counter and transaction.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::fault::Outcome;

/// Adds what a transaction gathered.
pub(crate) fn add(connection: &Connection, deltas: &BTreeMap<(i64, String), i64>) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO counters (workspace, name, value) VALUES (?1, ?2, ?3) \
         ON CONFLICT (workspace, name) DO UPDATE SET value = value + excluded.value",
    )?;
    for ((workspace, name), delta) in deltas.iter().filter(|(_, delta)| **delta != 0) {
        statement.execute((workspace, name, delta))?;
    }
    Ok(())
}

/// The counters whose name begins with `prefix`, without zero ones.
pub(crate) fn list(
    connection: &Connection,
    key: i64,
    prefix: &str,
) -> Outcome<BTreeMap<String, i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, value FROM counters WHERE workspace = ?1 AND name >= ?2 \
         AND name < ?2 || char(1114111) AND value <> 0",
    )?;
    let rows = statement.query_map((key, prefix), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
