//! A database with approved messages, seen by the test's own process: a schema on a server.

use std::time::Duration;

use crm_core::Result;
use crm_store_postgres::{PgOptions, PgStore};
pub(crate) use crm_store_testing::workers::scene::PATIENCE;
use crm_store_testing::workers::{Place, Row, scene};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::place;

pub(crate) type Scene = scene::Scene<Address>;

/// Where a schema is, and how workers come there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) schema: String,
    pub(crate) listen: bool,
    pub(crate) connections: u32,
}

impl Address {
    /// The schema of these options on the server at `url`, for workers that hear notices.
    pub(crate) fn at(url: &str, options: PgOptions) -> Self {
        Self {
            url: url.to_owned(),
            schema: options.schema,
            listen: true,
            connections: 5,
        }
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

impl Place for Address {
    type Store = PgStore;

    /// A schema of its own on the server that tests share.
    fn fresh() -> (Self, Option<TempDir>) {
        let options = place::Place::default().options();
        (Self::at(place::Place::url(), options), None)
    }

    fn crowded(self) -> Self {
        Self {
            listen: false,
            connections: 3,
            ..self
        }
    }

    async fn open(&self) -> Result<PgStore> {
        let options = PgOptions {
            schema: self.schema.clone(),
            connections: self.connections,
            listen: self.listen,
            // Who stands still amid a transaction is thrown out of it after this time, so that nobody waits
            // for its rows for as long as a minute.
            statement_timeout: Duration::from_secs(10),
            ..PgOptions::default()
        };
        PgStore::connect(&self.url, options).await
    }

    async fn look(&self) -> PgStore {
        let options = PgOptions {
            schema: self.schema.clone(),
            connections: 4,
            ..PgOptions::default()
        };
        PgStore::connect(&self.url, options).await.unwrap()
    }

    async fn attempts(&self) -> Vec<Row> {
        let sql = format!(
            "SELECT message, id, worker, digest, outcome, reason, finished_at \
             FROM \"{}\".attempts ORDER BY message, number",
            self.schema
        );
        let mut connection = self.connection().await;
        let rows = sqlx::query_as(AssertSqlSafe(sql));
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        let row = |(message, id, worker, digest, outcome, reason, finished)| Row {
            message,
            id,
            worker,
            digest,
            outcome,
            reason,
            finished,
        };
        rows.into_iter().map(row).collect()
    }

    async fn end_leases(&self) {
        let sql = format!(
            "UPDATE \"{}\".messages SET lease_until = clock_timestamp() - interval '1 second' \
             WHERE lease_until IS NOT NULL",
            self.schema
        );
        let mut connection = self.connection().await;
        let ended = sqlx::query(AssertSqlSafe(sql));
        ended.execute(&mut connection).await.unwrap();
    }

    async fn clear(&self) {
        let sql = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.schema);
        let dropped = sqlx::raw_sql(AssertSqlSafe(sql));
        dropped.execute(&mut self.connection().await).await.unwrap();
    }
}
