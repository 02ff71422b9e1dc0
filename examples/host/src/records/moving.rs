//! The host's own tables on their way from the file beside an SQLite database into PostgreSQL: small
//! beside the engine's, so all of them in one transaction.

use std::path::Path;
use std::str::FromStr as _;

use rusqlite::Connection;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::postgres::{fault, schema};
use super::sqlite::Sqlite;

/// A table, and each of its columns there with the value of it here, as JSON that PostgreSQL reads.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

const EXPIRES_AT: (&str, &str) = ("expires_at", "datetime(expires_at, 'unixepoch') || 'Z'");
const HASH: (&str, &str) = ("hash", "'\\x' || hex(hash)");
/// No host has this number, so it stands for one that has stopped.
const HOST: (&str, &str) = ("host", "0");

/// Whom a row names comes before it. What was counted of failed attempts is not kept in the file.
const TABLES: [Table; 7] = [
    Table {
        name: "users",
        columns: &[
            ("id", "id"),
            ("email", "email"),
            ("full_name", "full_name"),
            ("password_hash", "password_hash"),
            ("role", "role"),
            ("workspace", "workspace"),
            ("created_at", "created_at"),
            ("updated_at", "updated_at"),
        ],
    },
    Table {
        name: "families",
        columns: &[
            ("id", "id"),
            ("user_id", "user_id"),
            ("revoked", "json(iif(revoked, 'true', 'false'))"),
            EXPIRES_AT,
        ],
    },
    Table {
        name: "refresh_tokens",
        columns: &[
            HASH,
            ("family", "family"),
            ("used", "json(iif(used, 'true', 'false'))"),
            EXPIRES_AT,
        ],
    },
    Table {
        name: "sign_ins",
        columns: &[
            ("position", "position"),
            ("at", "at"),
            ("action", "action"),
            ("user_id", "user_id"),
            ("session", "session"),
        ],
    },
    Table {
        name: "idempotency",
        columns: &[
            ("user_id", "user_id"),
            ("key", "key"),
            HASH,
            HOST,
            ("status", "status"),
            ("content_type", "content_type"),
            ("body", "iif(body IS NULL, NULL, '\\x' || hex(body))"),
            ("at", "datetime(at, 'unixepoch') || 'Z'"),
        ],
    },
    Table {
        name: "imports",
        columns: &[
            ("id", "id"),
            ("workspace", "workspace"),
            ("report", "json(report)"),
            HOST,
        ],
    },
    Table {
        name: "import_rejects",
        columns: &[("import", "import"), ("piece", "piece"), ("rows", "rows")],
    },
];

/// How many rows one statement writes.
const ROWS: usize = 200;

/// How many rows a table has here and there.
pub(crate) struct Moved {
    pub(crate) table: String,
    pub(crate) source: u64,
    pub(crate) target: u64,
}

/// Refuses a target with users of its own, before anything is changed there.
pub(crate) async fn refuse_used(to: &SecretString) -> Result<(), String> {
    let mut target = connect(to).await?;
    let look = async {
        let fresh: bool = sqlx::query_scalar(
            "SELECT to_regclass('crm_host.users') IS NULL OR to_regclass('crm.moving') IS NOT NULL",
        )
        .fetch_one(&mut target)
        .await?;
        Ok(fresh || count(&mut target, "users").await? == 0)
    };
    if look.await.map_err(|error| fault::at_start(&error))? {
        return Ok(());
    }
    Err("the target has users already; move into an empty database".to_owned())
}

/// Moves the tables of the accounts file, all of them at once, unless a move that was cut off did already.
/// Nobody writes to the file meanwhile.
pub(crate) async fn move_over(from: &Path, to: &SecretString) -> Result<Vec<Moved>, String> {
    // Brings a file of an earlier version to this one, as any start of a host does.
    drop(Sqlite::open(from)?);
    let unread = |error: rusqlite::Error| format!("the accounts database cannot be read: {error}");
    let file = Connection::open(from).map_err(unread)?;
    file.busy_timeout(std::time::Duration::from_secs(5))
        .and_then(|()| file.execute_batch("BEGIN IMMEDIATE; PRAGMA query_only = ON"))
        .map_err(unread)?;
    let mut tables = Vec::new();
    for table in &TABLES {
        tables.push((table, read(&file, table).map_err(unread)?));
    }
    let mut target = connect(to).await?;
    schema::migrate(&mut target).await?;
    write(&mut target, &tables)
        .await
        .map_err(|error| fault::at_start(&error))
}

async fn connect(to: &SecretString) -> Result<PgConnection, String> {
    let connecting = async {
        PgConnectOptions::from_str(to.expose_secret())?
            .disable_statement_logging()
            .connect()
            .await
    };
    connecting.await.map_err(|error| fault::at_start(&error))
}

/// Each row as the text of a JSON object.
fn read(file: &Connection, table: &Table) -> rusqlite::Result<Vec<String>> {
    let pairs: Vec<String> = table
        .columns
        .iter()
        .map(|(name, value)| format!("'{name}', {value}"))
        .collect();
    let sql = format!(
        "SELECT json_object({}) FROM {}",
        pairs.join(", "),
        table.name
    );
    let mut statement = file.prepare(&sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

async fn write(
    target: &mut PgConnection,
    tables: &[(&Table, Vec<String>)],
) -> sqlx::Result<Vec<Moved>> {
    let mut tx = target.begin().await?;
    let mut there = 0;
    for (table, _) in tables {
        there += count(&mut tx, table.name).await?;
    }
    if there == 0 {
        for (table, rows) in tables {
            for rows in rows.chunks(ROWS) {
                insert(&mut tx, table, rows).await?;
            }
        }
        sqlx::query(
            "UPDATE crm_host.sign_ins_newest SET position =
                 (SELECT coalesce(max(position), 0) FROM crm_host.sign_ins)",
        )
        .execute(&mut *tx)
        .await?;
    }
    let mut moved = Vec::new();
    for (table, rows) in tables {
        moved.push(Moved {
            table: format!("host's {}", table.name),
            source: rows.len() as u64,
            target: count(&mut tx, table.name).await?,
        });
    }
    tx.commit().await?;
    Ok(moved)
}

async fn insert(target: &mut PgConnection, table: &Table, rows: &[String]) -> sqlx::Result<()> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "INSERT INTO crm_host.{table} ({names}) SELECT {names} \
         FROM json_populate_recordset(NULL::crm_host.{table}, $1::text::json)",
        table = table.name,
        names = names.join(", "),
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(format!("[{}]", rows.join(",")))
        .execute(target)
        .await
        .map(drop)
}

async fn count(target: &mut PgConnection, table: &str) -> sqlx::Result<u64> {
    let sql = format!("SELECT count(*) FROM crm_host.{table}");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(target)
        .await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}
