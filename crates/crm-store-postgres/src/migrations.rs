//! The database's own version: numbered steps, each applied once, by one program at a time.

use crm_core::port::schema;
use crm_core::{Error, ErrorKind};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::fault::Outcome;
use crate::place;
use crate::query::Names;

/// The SQL of every step ever released, in the order of [`schema::MIGRATIONS`]. Released ones are never
/// edited.
const SQL: [&str; schema::MIGRATIONS.len()] = [include_str!("schema.sql")];

/// What marks a table that may be split by workspace.
const BY_WORKSPACE: &str = " /* by workspace */;";

/// Rows of these are changed in place: room on the page saves a new entry in every index.
const ROOMY: [(&str, u32); 1] = [("attempts", 70)];

/// Held while migrating, so that programs that start together wait for the first. The number is ours
/// alone ("crm" and a hash of the schema's name).
const LOCK: &str = "SELECT pg_advisory_xact_lock(6517357, hashtext($1))";

/// Brings the schema to this program's version, in one transaction.
///
/// `partitions` (0: none) takes effect when the tables are made.
pub(crate) async fn run(
    connection: &mut PgConnection,
    names: &Names,
    partitions: u32,
) -> Outcome<()> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    match migrate(connection, names, partitions).await {
        Ok(()) => {
            sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
            Ok(())
        }
        Err(fault) => {
            // The first error is the one to tell.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
            Err(fault)
        }
    }
}

async fn migrate(connection: &mut PgConnection, names: &Names, partitions: u32) -> Outcome<()> {
    if is_current(connection, names).await? {
        return Ok(());
    }
    sqlx::query(LOCK)
        .bind(names.schema())
        .execute(&mut *connection)
        .await?;
    let schema = names.schema();
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        // Only then: a user without the right to create schemas can be given a ready, empty one.
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\"")))
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql(names.sql(
        "CREATE TABLE IF NOT EXISTS crm.migrations (
            id integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL)",
    ))
    .execute(&mut *connection)
    .await?;
    let newest = newest(connection, names).await?;
    for ((id, name), sql) in schema::MIGRATIONS.iter().zip(SQL) {
        if *id <= newest {
            continue;
        }
        sqlx::raw_sql(names.dynamic(&split(sql, partitions)))
            .execute(&mut *connection)
            .await?;
        sqlx::query(names.sql(
            "INSERT INTO crm.migrations (id, name, applied_at) VALUES ($1, $2, clock_timestamp())",
        ))
        .bind(id)
        .bind(name)
        .execute(&mut *connection)
        .await?;
    }
    if newest == 0 {
        // Nothing was ever written, so nothing can have been lost.
        place::note(connection, names).await?;
    }
    Ok(())
}

/// Whether there is nothing to do, without a lock.
async fn is_current(connection: &mut PgConnection, names: &Names) -> Outcome<bool> {
    let table = format!("\"{}\".migrations", names.schema());
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    Ok(exists && newest(connection, names).await? == schema::NEWEST)
}

/// The newest step that was applied; 0 when none was.
async fn newest(connection: &mut PgConnection, names: &Names) -> Outcome<i32> {
    let newest: i32 =
        sqlx::query_scalar(names.sql("SELECT coalesce(max(id), 0) FROM crm.migrations"))
            .fetch_one(connection)
            .await?;
    if newest > schema::NEWEST {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "the database is at version {newest} and this program knows versions up to {}; start \
                 the newer program, or restore the backup made before the update",
                schema::NEWEST
            ),
        )
        .into());
    }
    Ok(newest)
}

/// The statements, with the marked tables split into `partitions` by hash of the workspace.
fn split(sql: &str, partitions: u32) -> String {
    let mut text = sql.to_owned();
    let mut leaves: Vec<String> = Vec::new();
    let mut table = "";
    for line in sql.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE crm.") {
            table = rest.split_whitespace().next().unwrap_or_default();
        }
        if line.ends_with(BY_WORKSPACE) {
            leaves.extend((0..partitions).map(|leaf| {
                format!(
                    "CREATE TABLE crm.{table}_p{leaf} PARTITION OF crm.{table} \
                     FOR VALUES WITH (MODULUS {partitions}, REMAINDER {leaf});\n"
                )
            }));
        }
    }
    let by = if partitions == 0 {
        ";"
    } else {
        " PARTITION BY HASH (workspace);"
    };
    text = text.replace(BY_WORKSPACE, by);
    text.extend(leaves);
    for (table, fill) in ROOMY {
        if !sql.contains(&format!("CREATE TABLE crm.{table} ")) {
            continue;
        }
        let room = |name: String| format!("ALTER TABLE crm.{name} SET (fillfactor = {fill});\n");
        if partitions == 0 {
            text.push_str(&room(table.to_owned()));
        } else {
            text.extend((0..partitions).map(|leaf| room(format!("{table}_p{leaf}"))));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_tables_are_split() {
        let sql = "CREATE TABLE crm.a (\n    x bigint\n) /* by workspace */;\nCREATE TABLE crm.b (\n    x bigint\n);\n";
        assert!(!split(sql, 0).contains("PARTITION"));
        let split = split(sql, 2);
        assert_eq!(split.matches("PARTITION BY HASH (workspace)").count(), 1);
        assert_eq!(split.matches("PARTITION OF crm.a").count(), 2);
        assert!(!split.contains("crm.b_p"));
    }
}
