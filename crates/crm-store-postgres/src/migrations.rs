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

/// A step: its number, its name and its SQL.
type Step = (i32, &'static str, &'static str);

/// The steps that this program knows, oldest first.
fn steps() -> Vec<Step> {
    let steps = schema::MIGRATIONS.into_iter().zip(SQL);
    steps.map(|((id, name), sql)| (id, name, sql)).collect()
}

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
    run_steps(connection, names, partitions, &steps()).await
}

async fn run_steps(
    connection: &mut PgConnection,
    names: &Names,
    partitions: u32,
    steps: &[Step],
) -> Outcome<()> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    match migrate(connection, names, partitions, steps).await {
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

async fn migrate(
    connection: &mut PgConnection,
    names: &Names,
    partitions: u32,
    steps: &[Step],
) -> Outcome<()> {
    let known = steps.last().map_or(0, |(id, ..)| *id);
    if is_current(connection, names, known).await? {
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
    let newest = newest(connection, names, known).await?;
    for (id, name, sql) in steps {
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
async fn is_current(connection: &mut PgConnection, names: &Names, known: i32) -> Outcome<bool> {
    let table = format!("\"{}\".migrations", names.schema());
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    Ok(exists && newest(connection, names, known).await? == known)
}

/// The newest step that was applied; 0 when none was.
async fn newest(connection: &mut PgConnection, names: &Names, known: i32) -> Outcome<i32> {
    let newest: i32 =
        sqlx::query_scalar(names.sql("SELECT coalesce(max(id), 0) FROM crm.migrations"))
            .fetch_one(connection)
            .await?;
    refuse_newer(newest, known)?;
    Ok(newest)
}

/// Refuses a database that a newer program has changed. Opening looks, and so does whoever claims a message
/// or begins to send it: a program that runs on does not know what the newer one relies on.
pub(crate) fn refuse_newer(newest: i32, known: i32) -> Outcome<()> {
    if newest <= known {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "the database is at version {newest} and this program knows versions up to {known}; start \
             the newer program, or restore the backup made before the update"
        ),
    )
    .into())
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
    use std::sync::Arc;

    use crm_core::Workspace;
    use crm_core::port::store::{Claim, MessageQuery, Store as _};
    use crm_core::system::RandomIds;

    use super::*;
    use crate::testing::{Place, done};
    use crate::{PgOptions, PgStore};

    #[test]
    fn only_marked_tables_are_split() {
        let sql = "CREATE TABLE crm.a (\n    x bigint\n) /* by workspace */;\nCREATE TABLE crm.b (\n    x bigint\n);\n";
        assert!(!split(sql, 0).contains("PARTITION"));
        let split = split(sql, 2);
        assert_eq!(split.matches("PARTITION BY HASH (workspace)").count(), 1);
        assert_eq!(split.matches("PARTITION OF crm.a").count(), 2);
        assert!(!split.contains("crm.b_p"));
    }
    /// What a later version might do: a column and a table more.
    const LATER: Step = (
        2,
        "0002_later",
        "ALTER TABLE crm.messages ADD COLUMN later text; CREATE TABLE crm.later (id bigint);",
    );

    /// The same, and the connection is lost amid it.
    const KILLED: Step = (
        2,
        "0002_later",
        "ALTER TABLE crm.messages ADD COLUMN later text; \
         SELECT pg_terminate_backend(pg_backend_pid()); CREATE TABLE crm.later (id bigint);",
    );

    fn with(later: Step) -> Vec<Step> {
        steps().into_iter().chain([later]).collect()
    }

    async fn column_is_there(connection: &mut PgConnection, names: &Names) -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM information_schema.columns \
             WHERE table_schema = $1 AND column_name = 'later')",
        )
        .bind(names.schema())
        .fetch_one(connection)
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_step_that_was_killed_is_taken_again_from_its_beginning() {
        let place = Place::open("killed").await;
        let mut connection = Place::connect().await;
        let killed = run_steps(&mut connection, place.names(), 0, &with(KILLED)).await;
        assert_eq!(
            Error::from(killed.err().unwrap()).kind(),
            ErrorKind::Unavailable
        );
        let mut connection = Place::connect().await;
        assert!(!column_is_there(&mut connection, place.names()).await);
        let again = run_steps(&mut connection, place.names(), 0, &steps()).await;
        done(again);
        done(run_steps(&mut connection, place.names(), 0, &with(LATER)).await);
        assert!(column_is_there(&mut connection, place.names()).await);
        place.close().await;
    }

    #[tokio::test]
    async fn a_program_that_runs_on_takes_nothing_once_a_newer_one_has_migrated() {
        let place = Place::open("newer").await;
        let options = PgOptions {
            schema: place.names().schema().to_owned(),
            ..PgOptions::default()
        };
        let url = crm_postgres_testing::shared().unwrap();
        let old = PgStore::connect(url, options.clone()).await.unwrap();
        let claim = || Claim {
            workspace: Workspace::default(),
            worker: "old".to_owned(),
            limit: 10,
            now: chrono::Utc::now(),
            lease: chrono::Duration::minutes(1),
            parked: Vec::new(),
            ids: Arc::new(RandomIds::default()),
        };
        let workspace = Workspace::default();
        let query = MessageQuery::default;
        old.messages(&workspace, query()).await.unwrap();
        assert!(old.claim(claim()).await.unwrap().is_empty());

        // Its connections are open and have prepared statements; nobody waits for them.
        let mut connection = Place::connect().await;
        done(run_steps(&mut connection, place.names(), 0, &with(LATER)).await);
        let refused = old.claim(claim()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert!(refused.to_string().contains("version 2"), "{refused}");
        // What it only reads is still there.
        old.messages(&workspace, query()).await.unwrap();
        let refused = PgStore::connect(url, options).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        // The newer program itself opens it as it is.
        done(run_steps(&mut connection, place.names(), 0, &with(LATER)).await);
        old.close().await;
        place.close().await;
    }
}
