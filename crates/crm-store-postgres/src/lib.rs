//! PostgreSQL store of the outreach engine, **under construction**: it opens a database and brings its
//! schema to this version; the store port is not implemented yet. What it is to be:
//!
//! many workers on many machines over one database, and the
//! host's own transaction around our writes.
//!
//! All tables lie in a schema of their own (`crm` unless [`PgOptions::schema`] says otherwise) and are
//! named without help of `search_path`, so the store lives in the database the host has already. Nothing
//! depends on a session: it works behind a pooler that gives out connections per transaction (then with
//! [`PgOptions::listen`] off).
//!
//! PostgreSQL 14 or later, UTF-8, `synchronous_commit` not `off`. `READ COMMITTED` with row locks is all
//! it needs.
//!
//! # Growing
//! One PostgreSQL carries many workspaces. [`PgOptions::partitions`] splits the large tables by hash of
//! the workspace when they are first made. Past one server the workspace is the key to distribute by:
//! every table's key begins with it, and no statement of the hot paths touches two workspaces. With Citus
//! that is `create_distributed_table('crm.messages', 'workspace')` for each table marked in `schema.sql`
//! (without `partitions`) and `create_reference_table('crm.workspaces')`; other PostgreSQL-compatible
//! distributed databases take the same keys. Neither is part of our tests.

#![expect(
    dead_code,
    reason = "the store port that uses the rest is not written yet"
)]

mod connection;
mod fault;
mod migrations;
mod query;
mod rows;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crm_core::Result;
use sqlx::PgPool;

use crate::query::Names;

/// Whose clock says what is due and when a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeSource {
    /// The database's: the clocks of the workers' machines are never compared.
    #[default]
    Database,
    /// The caller's, for tests and simulations that make time pass by themselves.
    Caller,
}

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
    /// How long a write waits for rows that somebody else holds; at least 1 ms.
    pub lock_timeout: Duration,
    /// How long one statement of a write may take; at least 1 ms.
    pub statement_timeout: Duration,
    /// Into how many partitions the large tables are split by hash of the workspace; 0 (not at all) to
    /// 1,024. Only the first opening of a schema makes tables; later ones take what is there.
    pub partitions: u32,
    /// Whether to listen for notifications, on a connection of its own. Without, workers only poll.
    pub listen: bool,
    /// Whose clock counts.
    pub time: TimeSource,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self {
            schema: "crm".to_owned(),
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(60),
            partitions: 0,
            listen: true,
            time: TimeSource::Database,
        }
    }
}

/// The store. Cheap to clone: all clones share one pool of connections.
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
