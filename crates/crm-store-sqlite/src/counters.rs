//! Counters: one addition per counter and transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

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

/// The counters whose name begins with one of `prefixes`, without zero ones.
pub(crate) fn list(
    connection: &Connection,
    key: i64,
    prefixes: &[String],
) -> Outcome<BTreeMap<String, i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, value FROM counters WHERE workspace = ?1 AND name >= ?2 \
         AND name < ?2 || char(1114111) AND value <> 0",
    )?;
    let mut all = BTreeMap::new();
    for prefix in prefixes {
        let mut rows = statement.query((key, prefix))?;
        while let Some(row) = rows.next()? {
            all.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(all)
}

/// One counter; 0 when there is none.
pub(crate) fn one(connection: &Connection, key: i64, name: &str) -> Outcome<i64> {
    Ok(connection
        .prepare_cached("SELECT value FROM counters WHERE workspace = ?1 AND name = ?2")?
        .query_row((key, name), |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}
