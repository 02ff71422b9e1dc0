//! Schemas of a test's own on the test server, dropped at its end.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The schemas that a test made.
#[derive(Default)]
pub struct Place {
    schemas: Mutex<Vec<String>>,
}

impl Place {
    pub fn url() -> &'static str {
        crm_postgres_testing::shared().unwrap()
    }

    /// Options with a schema that nobody else uses, in which time is the caller's.
    pub fn options(&self) -> PgOptions {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("crm_test_{}_{number}_{:x}", std::process::id(), random());
        self.schemas.lock().unwrap().push(schema.clone());
        PgOptions {
            schema,
            connections: 4,
            time: TimeSource::Caller,
            ..PgOptions::default()
        }
    }

    /// A store in a new schema.
    pub async fn store(&self) -> PgStore {
        PgStore::connect(Self::url(), self.options()).await.unwrap()
    }

    pub async fn clear(self) {
        let schemas = self.schemas.into_inner().unwrap();
        if schemas.is_empty() {
            return;
        }
        let mut connection = PgConnection::connect(Self::url()).await.unwrap();
        for schema in schemas {
            let sql = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}

/// Another in every process, so that runs over one server do not meet.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
