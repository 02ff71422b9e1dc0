//! PostgreSQL store of the outreach engine, **under construction**: it opens a database and brings its
//! schema to this version. It is not a store yet: the port is not implemented.
//!
//! All tables lie in a schema of their own (`crm` unless [`PgOptions::schema`] says otherwise) and are
//! named without help of `search_path`, so they can live in the database the host has already.
//!
//! PostgreSQL 15 or later, UTF-8, `synchronous_commit` not `off`.
//!
//! [`PgOptions::partitions`] splits the large tables by hash of the workspace when they are first made:
//! the key of each begins with it.

#![expect(
    dead_code,
    reason = "the store port that uses the rest is not written yet"
)]

mod audience;
mod bulk;
mod campaigns;
mod connection;
mod contacts;
mod fault;
mod migrations;
mod plan;
mod query;
mod rows;
mod suppressions;
mod templates;
#[cfg(test)]
mod testing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crm_core::Result;
use sqlx::PgPool;

use crate::query::Names;

/// How a [`PgStore`] uses its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgOptions {
    /// The schema our tables are in; made when there is none and the user may. Lower case letters,
    /// digits and `_`, at most 48.
    pub schema: String,
    /// How many connections at most; 1 to 1,000.
    pub connections: u32,
    /// How long to wait for a free connection, or for a new one.
    pub acquire_timeout: Duration,
    /// Into how many partitions the large tables are split by hash of the workspace; 0 (not at all) to
    /// 1,024. Only the first opening of a schema makes tables; later ones take what is there.
    pub partitions: u32,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self {
            schema: "crm".to_owned(),
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            partitions: 0,
        }
    }
}

/// The database, opened. Cheap to clone: all clones share one pool of connections.
#[derive(Clone)]
pub struct PgStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    names: Names,
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore")
            .field("schema", &self.inner.names.schema())
            .finish_non_exhaustive()
    }
}

impl PgStore {
    /// Connects to the database at `url` (`postgres://user:password@host:port/database`, or
    /// `?host=/folder` for a Unix socket), and brings the schema to this version; programs that start
    /// together wait for the first.
    ///
    /// # Errors
    /// `Configuration` for a wrong address, user, password or option, a database of a newer program, or
    /// one that cannot keep commits safe (`synchronous_commit=off`, not UTF-8, too old); `Unavailable`
    /// when it cannot be reached or only allows reading.
    pub async fn connect(url: &str, options: PgOptions) -> Result<Self> {
        let names = Names::new(&options.schema)?;
        let settings = connection::settings(url)?;
        connection::prepare(&settings, &names, &options).await?;
        let pool = connection::pool(settings, &options);
        Ok(Self {
            inner: Arc::new(Inner { pool, names }),
        })
    }

    /// Closes all connections once their statements have ended. What is called afterwards is
    /// `Unavailable`.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }
}
