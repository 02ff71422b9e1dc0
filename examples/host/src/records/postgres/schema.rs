//! The schema `crm_host`, brought to this version by one host at a time.

use sqlx::{Connection as _, PgConnection};

use super::fault;

/// What each version added. A database of an earlier one gets the rest; released ones are never edited.
const VERSIONS: [&str; 1] = [include_str!("schema.sql")];

/// Held while migrating, so that hosts that start together wait for the first. The number is the host's
/// alone.
const LOCK: &str = "SELECT pg_advisory_xact_lock(6517358, 0)";

/// Brings the schema to this version, in one transaction.
pub(in crate::records) async fn migrate(connection: &mut PgConnection) -> Result<(), String> {
    let known = VERSIONS.len();
    let done = steps(connection)
        .await
        .map_err(|error| fault::at_start(&error))?;
    if done > known {
        return Err(format!(
            "the host's tables are of version {done}, this host knows {known}; use a newer host"
        ));
    }
    Ok(())
}

/// The version afterwards; one that is newer than this host's is left alone.
async fn steps(connection: &mut PgConnection) -> sqlx::Result<usize> {
    let mut tx = connection.begin().await?;
    sqlx::query(LOCK).execute(&mut *tx).await?;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'crm_host')")
            .fetch_one(&mut *tx)
            .await?;
    if !exists {
        // Only then: a user without the right to create schemas can be given a ready, empty one.
        sqlx::raw_sql("CREATE SCHEMA crm_host")
            .execute(&mut *tx)
            .await?;
    }
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS crm_host.migrations (
            version integer PRIMARY KEY, applied_at timestamptz NOT NULL)",
    )
    .execute(&mut *tx)
    .await?;
    let found: i32 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM crm_host.migrations")
            .fetch_one(&mut *tx)
            .await?;
    let found = usize::try_from(found).unwrap_or(0);
    for (version, sql) in (1i32..).zip(VERSIONS).skip(found) {
        sqlx::raw_sql(sql).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO crm_host.migrations VALUES ($1, clock_timestamp())")
            .bind(version)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(found.max(VERSIONS.len()))
}
