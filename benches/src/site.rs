//! Where the databases of a run are: files in a folder, or a server started for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_core::port::store::Store;
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::Outcome;
use crate::raw::Raw;
use crate::world::World;

/// A place for databases, each of which has a name: lower case letters and `_`.
#[derive(Debug)]
pub enum Site {
    /// Files in this folder.
    Sqlite(PathBuf),
    /// Databases of this server, which may count its statements.
    Postgres(Box<Server>, bool),
}

impl Site {
    /// A server of its own whose data lie in `folder`, every commit on the disk, with memory as a small
    /// production server has it. Waits for locks of more than 50 ms are in its log. With `statements` it
    /// counts them (`pg_stat_statements`, which costs a little).
    ///
    /// # Errors
    /// When it does not start.
    pub fn postgres(folder: &Path, statements: bool) -> Outcome<Self> {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let preload = if statements { "pg_stat_statements" } else { "" };
        let options = ServerOptions {
            root: Some(folder.to_owned()),
            settings: vec![
                setting("shared_buffers", "1GB"),
                setting("max_wal_size", "8GB"),
                setting("checkpoint_timeout", "30min"),
                setting("log_lock_waits", "on"),
                setting("deadlock_timeout", "50ms"),
                setting("shared_preload_libraries", preload),
            ],
            ..ServerOptions::default()
        };
        Ok(Self::Postgres(
            Box::new(Server::start(options)?),
            statements,
        ))
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(..) => "postgres",
        }
    }

    /// Prints which statements took the server's time in a database, if they are counted.
    ///
    /// # Errors
    /// As the database.
    pub async fn tell(&self, name: &str) -> Outcome<()> {
        let Self::Postgres(server, true) = self else {
            return Ok(());
        };
        let mut connection = PgConnection::connect(&server.url(name)).await?;
        sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            .execute(&mut connection)
            .await?;
        let rows: Vec<(i64, f64, f64, i64, String)> = sqlx::query_as(
            "SELECT calls, total_exec_time, mean_exec_time, wal_bytes::bigint / 1024, \
                 regexp_replace(left(query, 100), '\\s+', ' ', 'g') \
             FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
             WHERE d.datname = current_database() ORDER BY 2 DESC LIMIT 16",
        )
        .fetch_all(&mut connection)
        .await?;
        println!("{name}: calls, ms, ms each, KB of log");
        for (calls, total, each, log, text) in rows {
            println!("{calls:8} {total:10.1} {each:9.3} {log:9} {text}");
        }
        connection.close().await?;
        Ok(())
    }

    fn file(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{name}.db"))
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// As the database.
    pub async fn create(&self, name: &str) -> Outcome<()> {
        match self {
            Self::Sqlite(_) => self.remove(name).await,
            Self::Postgres(server, _) => {
                self.remove(name).await?;
                administer(server, &format!("CREATE DATABASE {name}")).await
            }
        }
    }

    /// Opens the store in a database.
    ///
    /// # Errors
    /// As the store.
    pub async fn store(&self, name: &str) -> Outcome<Arc<dyn Store>> {
        Ok(match self {
            Self::Sqlite(folder) => Arc::new(SqliteStore::open(
                Self::file(folder, name),
                SqliteOptions::default(),
            )?),
            Self::Postgres(server, _) => {
                Arc::new(PgStore::connect(&server.url(name), PgOptions::default()).await?)
            }
        })
    }

    /// An engine over the store in a database.
    ///
    /// # Errors
    /// As the store.
    pub async fn world(&self, name: &str) -> Outcome<World> {
        Ok(World::over(self.store(name).await?))
    }

    /// The peer's connection to a database.
    ///
    /// # Errors
    /// As the database.
    pub async fn raw(&self, name: &str) -> Outcome<Raw> {
        match self {
            Self::Sqlite(folder) => Raw::sqlite(&Self::file(folder, name)),
            Self::Postgres(server, _) => Raw::postgres(&server.url(name)).await,
        }
    }

    /// What a database does by itself in quiet hours, so that it does not do it while a run is timed.
    ///
    /// # Errors
    /// As the database.
    pub async fn settle(&self, name: &str) -> Outcome<()> {
        if let Self::Postgres(server, _) = self {
            let mut connection = PgConnection::connect(&server.url(name)).await?;
            for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
                sqlx::raw_sql(sql).execute(&mut connection).await?;
            }
            connection.close().await?;
        }
        Ok(())
    }

    /// Copies a database that nobody uses, so that every run begins with the same one.
    ///
    /// # Errors
    /// When it cannot be copied, or is in use.
    pub async fn copy(&self, from: &str, to: &str) -> Outcome<()> {
        self.copy_files(from, to).await?;
        // Nothing would leave a copy before somebody says that it is meant to be one.
        match self {
            Self::Sqlite(folder) => {
                go_on(&SqliteStore::open(
                    Self::file(folder, to),
                    SqliteOptions::default(),
                )?)
                .await
            }
            Self::Postgres(server, _) => {
                let store = PgStore::connect(&server.url(to), PgOptions::default()).await?;
                go_on(&store).await?;
                store.close().await;
                Ok(())
            }
        }
    }

    async fn copy_files(&self, from: &str, to: &str) -> Outcome<()> {
        match self {
            Self::Sqlite(folder) => {
                let (from, file) = (Self::file(folder, from), Self::file(folder, to));
                let mut log = from.as_os_str().to_owned();
                log.push("-wal");
                if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
                    return Err("the database was not closed before it was copied".into());
                }
                self.remove(to).await?;
                std::fs::copy(&from, &file)?;
                // Its pages must not be written back while a run is timed.
                std::fs::File::open(&file)?.sync_all()?;
                Ok(())
            }
            Self::Postgres(server, _) => {
                self.remove(to).await?;
                // Of a pool that was dropped, connections live on for a moment.
                administer(
                    server,
                    &format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = '{from}'"
                    ),
                )
                .await?;
                administer(
                    server,
                    &format!("CREATE DATABASE {to} TEMPLATE {from} STRATEGY file_copy"),
                )
                .await?;
                administer(server, "CHECKPOINT").await
            }
        }
    }

    /// Removes a database with everything beside it.
    ///
    /// # Errors
    /// When one that is there cannot be removed.
    pub async fn remove(&self, name: &str) -> Outcome<()> {
        match self {
            Self::Sqlite(folder) => {
                for end in ["", "-wal", "-shm", ".dispatcher", ".place"] {
                    let mut file = Self::file(folder, name).into_os_string();
                    file.push(end);
                    match std::fs::remove_file(&file) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(error.into());
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Self::Postgres(server, _) => {
                administer(
                    server,
                    &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                )
                .await
            }
        }
    }
}

async fn go_on(store: &dyn Store) -> Outcome<()> {
    if let Some(hold) = store.hold().await? {
        store.lift_hold(&hold, Vec::new()).await?;
    }
    Ok(())
}

async fn administer(server: &Server, sql: &str) -> Outcome<()> {
    let mut connection = PgConnection::connect(&server.url("postgres")).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}
