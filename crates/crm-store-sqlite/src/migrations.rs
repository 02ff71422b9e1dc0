//! The database's own version: numbered steps, each applied once.

use crm_core::{Error, ErrorKind};
use rusqlite::{Connection, TransactionBehavior};

use crate::fault::Outcome;

/// Every step ever released, in order. Released ones are never edited.
const MIGRATIONS: [(i64, &str, &str); 1] = [(1, "0001_base", include_str!("schema.sql"))];

/// Brings the database to this program's version, in one transaction.
pub(crate) fn run(connection: &mut Connection) -> Outcome<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS crm_migrations (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let newest: i64 = transaction.query_row(
        "SELECT coalesce(max(id), 0) FROM crm_migrations",
        [],
        |row| row.get(0),
    )?;
    let known = MIGRATIONS.last().map_or(0, |(id, _, _)| *id);
    if newest > known {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "the database is at version {newest} and this program knows versions up to {known}; \
                 start the newer program, or restore the backup made before the update"
            ),
        )
        .into());
    }
    for (id, name, sql) in MIGRATIONS.iter().filter(|(id, _, _)| *id > newest) {
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO crm_migrations (id, name, applied_at)
             VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000000 AS INTEGER))",
            (id, name),
        )?;
    }
    transaction.commit()?;
    Ok(())
}
