//! PostgreSQL store of the outreach engine: many workers on many machines over one database.
//!
//! All tables lie in a schema of their own (`crm` unless [`PgOptions::schema`] says otherwise) and are
//! named without help of `search_path`, so they can live in the database the host has already. A host
//! whose tables are there too commits ours in its own transaction: [`PgStore::commit_in`].
//!
//! # What the server must be
//! PostgreSQL 15 or later, UTF-8, `synchronous_commit` not `off`. Connections are kept with settings and
//! prepared statements: use the server's own address or a pooler in session mode.
//!
//! # Many workers
//! A claim locks the rows it takes and passes over those that others hold (`FOR UPDATE SKIP LOCKED`), so
//! two workers never wait for each other. Leases are given and judged by the database's clock. Counters
//! are spread over slots and events are sealed afterwards, so that no two writers meet on one row.
//! `NOTIFY` wakes resting workers; they look again by themselves when it is lost.
//!
//! # Search
//! Contacts have a column of its own here, `search_marks`, with a GIN index: see [`crm_core::contact::search`]. No
//! extension is needed. What was written lately waits in the index's pending list, which autovacuum works off.
//!
//! # Going back to an older state
//! The table `place` has one row: the names of the server, its timeline, the database and our tables, as
//! they were when the schema was made or a hold was last acknowledged. Each claim and each begin compares
//! them with what it finds and refuses when they differ: see [`crm_core::hold`]. A promoted standby, a
//! recovery to a point in time, a restored dump, a copied database and a move to another server (also by
//! `pg_upgrade`) are each held until an operator acknowledges. A copy of the server's files that is put
//! back without recovery cannot be told from the server it was made of: restore from an archive instead.
//!
//! # Many rows
//! [`PgOptions::partitions`] splits the large tables by hash of the workspace when they are first made:
//! the key of each begins with it, and every statement names one workspace. That is also the way to a
//! distributed PostgreSQL: a database that spreads tables by a column spreads these by `workspace`, and
//! all rows of one workspace stay together, so that each commit and each list is answered by one node.

mod apply;
mod arrival;
mod audience;
mod budgets;
mod bulk;
mod campaigns;
mod connection;
mod contacts;
mod counters;
mod dispatch;
mod draft_batches;
mod erasure;
mod events;
mod fault;
mod field_definitions;
mod group;
mod imports;
mod inbound;
mod intake;
mod ledger;
mod lists;
mod merge;
mod messages;
mod migrations;
mod notice;
mod place;
mod plan;
mod query;
mod receipts;
mod require;
mod risk;
mod rows;
mod saved_audiences;
mod search;
mod store;
mod subscriptions;
mod suppressions;
mod templates;
#[cfg(test)]
mod testing;
mod trail;
mod usage;
mod voices;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::change::ChangeSet;
use crm_core::{Error, Result, Workspace};
/// The database library, in the version whose transactions [`PgStore::commit_in`] takes.
pub use sqlx;
use sqlx::{PgPool, PgTransaction};

use crate::apply::Keys;
pub use crate::arrival::Arrival;
use crate::lists::Lower;
use crate::notice::Notices;
use crate::query::Names;

/// How a [`PgStore`] uses its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgOptions {
    /// The schema our tables are in; made when there is none and the user may. Lower case letters,
    /// digits and `_`, at most 48.
    pub schema: String,
    /// How many connections at most; 1 to 1,000. One more is held to listen.
    pub connections: u32,
    /// How long to wait for a free connection, or for a new one.
    pub acquire_timeout: Duration,
    /// How long a write waits for rows that somebody else holds; whole milliseconds, at least 1.
    pub lock_timeout: Duration,
    /// How long one statement of a write may take; whole milliseconds, at least 1.
    pub statement_timeout: Duration,
    /// Into how many partitions the large tables are split by hash of the workspace; 0 (not at all) to
    /// 1,024. Only the first opening of a schema makes tables; later ones take what is there.
    pub partitions: u32,
    /// Whether to hear from other programs that there is something to do, and to tell them. Without it
    /// they find it when they look.
    pub listen: bool,
    /// Whose clock judges due messages and leases.
    pub time: TimeSource,
}

/// Whose clock judges due messages and leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeSource {
    /// The database's: right whatever the clocks of the workers say.
    Database,
    /// The callers': for tests and simulations, in which time is made up.
    Caller,
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
    time: TimeSource,
    lower: Lower,
    /// Begins a write.
    begin_write: Arc<str>,
    /// Begins a claim, which looks for rows before it writes.
    begin_claim: Arc<str>,
    /// Keys of workspaces that are there for good; they never change.
    keys: Mutex<Keys>,
    notices: Notices,
    /// Whose turn it is to seal with a commit.
    turn: Turn,
}

/// Held from before a commit seals its events until it has ended.
type Turn = tokio::sync::Mutex<()>;

impl Inner {
    fn known_key(&self, workspace: &Workspace) -> Option<i64> {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(workspace)
            .copied()
    }

    /// Remembers keys that were committed.
    fn remember(&self, keys: BTreeMap<Workspace, i64>) {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(keys);
    }
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
    /// one that cannot keep commits safe (`synchronous_commit=off`, not UTF-8, too old) or into which an
    /// [`Arrival`] is under way; `Unavailable` when it cannot be reached or only allows reading.
    pub async fn connect(url: &str, options: PgOptions) -> Result<Self> {
        Self::open(url, options, false).await
    }

    /// As [`connect`](Self::connect); with `moving`, also while a move is under way.
    async fn open(url: &str, options: PgOptions, moving: bool) -> Result<Self> {
        let names = Names::new(&options.schema)?;
        let settings = connection::settings(url)?;
        let lower = connection::prepare(&settings, &names, &options, moving).await?;
        let pool = connection::pool(settings.clone(), &options);
        let notices = Notices::start(&pool, settings, names.schema(), options.listen);
        Ok(Self {
            inner: Arc::new(Inner {
                pool,
                names,
                time: options.time,
                lower,
                begin_write: connection::begin_sql(&options, true),
                begin_claim: connection::begin_sql(&options, false),
                keys: Mutex::default(),
                notices,
                turn: Turn::default(),
            }),
        })
    }

    /// Writes change sets in the host's own transaction, all of them or none: they are there when the
    /// host commits and never were when it goes back. `transaction` is the host's, in the same database;
    /// `sets` are what an [`Engine::deferred`](crm_core::engine::Engine::deferred) engine collected. After
    /// an error, or when the call is dropped half way, the transaction is as it was before, and usable.
    ///
    /// Until the host ends its transaction, others wait for the rows it changed: keep it short.
    ///
    /// ```
    /// use crm_store_postgres::{PgOptions, PgStore, sqlx};
    /// use sqlx::Connection as _;
    /// # use std::sync::Arc;
    /// # use crm_core::contact::ContactFields;
    /// # use crm_core::engine::Engine;
    /// # use crm_core::port::store::ContactQuery;
    /// # use crm_core::system::{RandomIds, SystemClock};
    /// # use crm_core::{Actor, Role, Workspace};
    /// # let url = crm_postgres_testing::shared()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let options = PgOptions { schema: format!("crm_test_doc_{}", std::process::id()), ..PgOptions::default() };
    /// # let schema = options.schema.clone();
    /// # let store = Arc::new(PgStore::connect(url, options).await?);
    /// # let engine = Engine::builder(store.clone(), Arc::new(SystemClock), Arc::new(RandomIds::default())).build();
    /// # let fields = ContactFields { name: "Oʻtkir Karimov".into(), ..ContactFields::default() };
    ///
    /// let (deferring, deferred) = engine.deferred(); // decides as `engine` does, writes nothing
    /// let anna = deferring.act_as(Actor::new(Workspace::default(), "anna", Role::Manager));
    /// anna.contacts().create(fields).await?;
    ///
    /// let mut connection = sqlx::PgConnection::connect(url).await?; // your own, to the same database
    /// let mut tx = connection.begin().await?;
    /// sqlx::query("CREATE TEMPORARY TABLE orders (customer text)").execute(&mut *tx).await?;
    /// sqlx::query("INSERT INTO orders VALUES ('17')").execute(&mut *tx).await?;
    /// store.commit_in(&mut tx, &deferred.take()).await?; // all of it or, with an error, nothing
    /// tx.commit().await?;
    /// # assert_eq!(anna.contacts().list(ContactQuery::default()).await?.items.len(), 1);
    /// # sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&mut connection).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What [`commit`](crm_core::port::store::Store::commit) says of a set; `Invalid` in a transaction
    /// that is not `READ COMMITTED`; `Unavailable` when the connection or the server fails, or another
    /// transaction was in the way: then the host's transaction is over.
    pub async fn commit_in(
        &self,
        transaction: &mut PgTransaction<'_>,
        sets: &[ChangeSet],
    ) -> Result<()> {
        self.inner
            .commit_in(transaction, sets)
            .await
            .map_err(|fault| Error::from(fault).during("commit_in"))
    }

    /// Closes all connections once their statements have ended. What is called afterwards is
    /// `Unavailable`.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }
}
