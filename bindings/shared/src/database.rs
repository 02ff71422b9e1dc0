//! Where an engine keeps its data: a file of SQLite, or PostgreSQL at an address.

use std::sync::Arc;

#[cfg(not(feature = "postgres"))]
use crm_core::ErrorKind;
use crm_core::port::store::Store;
use crm_core::{Error, Result};
#[cfg(feature = "postgres")]
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;

/// How long a call waits for a connection: a script that starts hundreds of calls at once means them to
/// queue.
#[cfg(feature = "postgres")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Which database. No `Debug`: an address may hold a password.
pub(crate) struct Database {
    /// The database file, made when it is not there; or `postgres://user:password@host/database`.
    pub(crate) path: String,
    /// PostgreSQL: the schema the engine's tables are in. Default `crm`.
    pub(crate) schema: Option<String>,
    /// PostgreSQL: connections at most, 1 to 1,000. Default 10.
    pub(crate) connections: Option<u32>,
}

/// A store, and what has to be closed at its end.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) closing: Closing,
}

/// What a store leaves to be closed; SQLite closes its file when it is dropped.
#[derive(Default)]
pub(crate) struct Closing {
    #[cfg(feature = "postgres")]
    postgres: Option<PgStore>,
}

impl Closing {
    /// Closes all connections, once their statements have ended.
    pub(crate) async fn close(&self) {
        #[cfg(feature = "postgres")]
        if let Some(store) = &self.postgres {
            store.close().await;
        }
    }
}

impl Database {
    /// Refuses what is no database, before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        if self.path.is_empty() || self.path.contains('\0') {
            return Err(Error::field("path", "give the path of a file"));
        }
        if self.is_postgres() {
            if self.connections.is_some_and(|n| !(1..=1_000).contains(&n)) {
                return Err(Error::field("connections", "use 1 to 1,000"));
            }
            return Ok(());
        }
        if self.path.contains("://") {
            let message = "give the path of a file, or an address that begins with postgres://";
            return Err(Error::field("path", message));
        }
        for (field, given) in [
            ("schema", self.schema.is_some()),
            ("connections", self.connections.is_some()),
        ] {
            if given {
                return Err(Error::field(field, "is for PostgreSQL alone"));
            }
        }
        Ok(())
    }

    fn is_postgres(&self) -> bool {
        let scheme = self.path.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("postgres" | "postgresql"))
    }

    /// Opens it. Its tables are made when they are not there.
    ///
    /// # Errors
    /// As the store.
    pub(crate) fn open(self, runtime: &Runtime) -> Result<Opened> {
        if self.is_postgres() {
            return self.on_postgres(runtime);
        }
        let store = SqliteStore::open(&self.path, SqliteOptions::default())?;
        Ok(Opened {
            store: Arc::new(store),
            closing: Closing::default(),
        })
    }

    #[cfg(feature = "postgres")]
    fn on_postgres(self, runtime: &Runtime) -> Result<Opened> {
        let usual = PgOptions::default();
        let options = PgOptions {
            schema: self.schema.unwrap_or(usual.schema),
            connections: self.connections.unwrap_or(usual.connections),
            acquire_timeout: PATIENCE,
            ..PgOptions::default()
        };
        let store = runtime.block_on(PgStore::connect(&self.path, options))?;
        Ok(Opened {
            store: Arc::new(store.clone()),
            closing: Closing {
                postgres: Some(store),
            },
        })
    }

    #[cfg(not(feature = "postgres"))]
    fn on_postgres(self, _: &Runtime) -> Result<Opened> {
        let message = "this build has no PostgreSQL: build it with the feature postgres";
        Err(Error::new(ErrorKind::Configuration, message))
    }
}
