//! A database file with approved messages, seen by the test's own process.

use std::path::{Path, PathBuf};

use chrono::DateTime;
use crm_core::Result;
use crm_store_sqlite::rusqlite::{Connection, Row as Columns};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::workers::{Place, Row, scene};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) type Scene = scene::Scene<File>;

/// Where the file is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    folder: PathBuf,
}

impl File {
    pub(crate) fn within(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("crm.db")
    }

    fn connection(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn row(columns: &Columns<'_>) -> crm_store_sqlite::rusqlite::Result<Row> {
    let finished: Option<i64> = columns.get(6)?;
    Ok(Row {
        message: columns.get::<_, Uuid>(0)?,
        id: columns.get::<_, Uuid>(1)?,
        worker: columns.get(2)?,
        digest: columns.get(3)?,
        outcome: columns.get(4)?,
        reason: columns.get(5)?,
        finished: finished.and_then(DateTime::from_timestamp_micros),
    })
}

impl Place for File {
    type Store = SqliteStore;

    /// What a process wrote before it was killed is in the system's memory: no disk is needed.
    fn fresh() -> (Self, Option<TempDir>) {
        let folder = crm_store_testing::quick_folder();
        (Self::within(folder.path()), Some(folder))
    }

    async fn open(&self) -> Result<SqliteStore> {
        SqliteStore::open(self.path(), SqliteOptions::default())
    }

    async fn look(&self) -> SqliteStore {
        self.open().await.unwrap()
    }

    async fn attempts(&self) -> Vec<Row> {
        let file = self.connection();
        let mut all = file
            .prepare(
                "SELECT message, id, worker, digest, outcome, reason, finished_at \
                 FROM attempts ORDER BY message, number",
            )
            .unwrap();
        let all = all.query_map([], row).unwrap();
        all.map(|row| row.unwrap()).collect()
    }

    async fn end_leases(&self) {
        let ended = self.connection().execute(
            "UPDATE messages SET lease_until = 0 WHERE lease_until IS NOT NULL",
            [],
        );
        ended.unwrap();
    }

    /// Its folder goes with the test.
    async fn clear(&self) {}
}
