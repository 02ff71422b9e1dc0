//! The host's own tables in PostgreSQL, in the schema `crm_host` of the engine's database. Any number of
//! hosts works on them at once: what has to hold between them is kept by transactions, unique keys and
//! locks of the database, and all times are the database's.

mod accounts;
mod attempts;
pub(super) mod fault;
mod imports;
mod keys;
mod logins;
mod presence;
pub(super) mod schema;

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::Workspace;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

use self::fault::in_request;
use self::presence::Presence;
use super::{NewRejects, NewSession, Records, Turn};
use crate::auth::accounts::{Account, NewAccount, Registered};
use crate::auth::journal::{Action, SignIn};
use crate::auth::limiter::Limit;
use crate::error::Problem;
use crate::idempotency::{Answer, Known};
use crate::imports::ImportView;

/// Connections for the host's own tables; the engine has its own.
const CONNECTIONS: u32 = 8;

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Settings of every connection: statements are written for this isolation, and nobody waits for a lock
/// for longer than a client waits for an answer.
const SETTINGS: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET lock_timeout = '5s'; SET statement_timeout = '30s'";

/// The database, and this host's presence in it.
pub(super) struct Postgres {
    pool: PgPool,
    presence: Presence,
    /// One import is taken back at a time here, so that those who wait take one connection at most.
    reverts: Arc<Mutex<()>>,
}

impl Postgres {
    pub(super) async fn open(url: &SecretString) -> Result<Self, String> {
        let settings = PgConnectOptions::from_str(url.expose_secret())
            .map_err(|error| fault::at_start(&error))?
            .application_name("crm-host")
            .disable_statement_logging();
        let slow = || "the database cannot be opened: it did not answer in time".to_owned();
        let mut connection = tokio::time::timeout(PATIENCE, settings.connect())
            .await
            .map_err(|_| slow())?
            .map_err(|error| fault::at_start(&error))?;
        schema::migrate(&mut connection).await?;
        // Whether it closes well changes nothing.
        let _ = connection.close().await;
        let presence = Presence::begin(settings.clone())
            .await
            .map_err(|error| fault::at_start(&error))?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SETTINGS).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(settings);
        Ok(Self {
            pool,
            presence,
            reverts: Arc::default(),
        })
    }

    async fn connection(&self) -> Result<PoolConnection<sqlx::Postgres>, Problem> {
        self.pool
            .acquire()
            .await
            .map_err(|error| in_request(&error))
    }
}

/// The answer, or the fault told and logged.
fn told<T>(result: sqlx::Result<T>) -> Result<T, Problem> {
    result.map_err(|error| in_request(&error))
}

#[async_trait]
impl Records for Postgres {
    async fn users(&self) -> Result<i64, Problem> {
        told(accounts::count(&mut *self.connection().await?).await)
    }

    async fn register(&self, new: NewAccount, first: bool) -> Result<Registered, Problem> {
        told(accounts::register(&mut *self.connection().await?, new, first).await)
    }

    async fn by_email(&self, email: String) -> Result<Option<(Account, String)>, Problem> {
        told(accounts::by_email(&self.pool, &email).await)
    }

    async fn of_session(&self, user: String, session: String) -> Result<Option<Account>, Problem> {
        told(logins::of_session(&self.pool, &user, &session).await)
    }

    async fn begin_session(&self, new: NewSession) -> Result<(), Problem> {
        told(logins::begin(&mut *self.connection().await?, &new).await)
    }

    async fn rotate(
        &self,
        old: Vec<u8>,
        new: Vec<u8>,
    ) -> Result<Option<(Account, String)>, Problem> {
        told(logins::rotate(&mut *self.connection().await?, &old, &new).await)
    }

    async fn end_sessions(&self, user: String, session: Option<String>) -> Result<(), Problem> {
        let mut connection = self.connection().await?;
        told(logins::end(&mut connection, &user, session.as_deref()).await)
    }

    async fn failed(&self, user: Option<String>) -> Result<(), Problem> {
        let mut connection = self.connection().await?;
        told(accounts::record(&mut connection, Action::Failed, user.as_deref(), None).await)
    }

    async fn colleagues(&self, workspace: Workspace) -> Result<Vec<Account>, Problem> {
        told(accounts::colleagues(&self.pool, &workspace).await)
    }

    async fn sign_ins(
        &self,
        workspace: Workspace,
        after: i64,
        limit: u32,
    ) -> Result<Vec<SignIn>, Problem> {
        told(accounts::sign_ins(&self.pool, &workspace, after, limit).await)
    }

    async fn attempt(&self, key: &str, limit: Limit) -> Result<(), Problem> {
        match told(attempts::count(&self.pool, key, limit).await)? {
            None => Ok(()),
            Some(seconds) => Err(Problem::too_many(seconds)),
        }
    }

    async fn take_back(&self, key: &str) -> Result<(), Problem> {
        told(attempts::take_back(&self.pool, key).await)
    }

    async fn forget(&self, key: &str) -> Result<(), Problem> {
        told(attempts::forget(&self.pool, key).await)
    }

    async fn begin_key(&self, user: String, key: String, hash: Vec<u8>) -> Result<Known, Problem> {
        let host = self.presence.number;
        told(keys::begin(&self.pool, host, &user, &key, &hash).await)
    }

    async fn end_key(
        &self,
        user: String,
        key: String,
        answer: Option<Answer>,
    ) -> Result<(), Problem> {
        let host = self.presence.number;
        told(keys::end(&self.pool, host, &user, &key, answer.as_ref()).await)
    }

    async fn save_import(
        &self,
        workspace: Workspace,
        report: ImportView,
        rejects: NewRejects,
    ) -> Result<(), Problem> {
        let host = self.presence.number;
        told(imports::save(&self.pool, host, workspace.as_str(), &report, rejects).await)
    }

    async fn import_rejects(
        &self,
        workspace: Workspace,
        id: Uuid,
        piece: u32,
    ) -> Result<Option<String>, Problem> {
        told(imports::rejects(&self.pool, workspace.as_str(), id, piece).await)
    }

    async fn load_import(
        &self,
        workspace: Workspace,
        id: Uuid,
    ) -> Result<Option<ImportView>, Problem> {
        let mut connection = self.connection().await?;
        told(imports::load(&mut connection, workspace.as_str(), id).await)
    }

    async fn list_imports(
        &self,
        workspace: Workspace,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, Problem> {
        told(imports::list(&self.pool, workspace.as_str(), before, limit).await)
    }

    async fn forget_people(&self, workspace: Workspace) -> Result<(), Problem> {
        let mut tx = told(self.pool.begin().await)?;
        told(keys::forget(&mut tx, workspace.as_str()).await)?;
        told(imports::forget(&mut tx, workspace.as_str()).await)?;
        told(tx.commit().await)
    }

    async fn unfinished_import(
        &self,
        workspace: Workspace,
        digest: String,
    ) -> Result<Option<Uuid>, Problem> {
        told(imports::unfinished(&self.pool, workspace.as_str(), &digest).await)
    }

    async fn import_turn(&self, id: Uuid) -> Result<Turn, Problem> {
        let here = self.reverts.clone().lock_owned().await;
        let mut tx = told(self.pool.begin().await)?;
        told(imports::turn(&mut tx, id).await)?;
        Ok(Turn::holding((tx, here)))
    }

    async fn probe(&self) -> Result<(), Problem> {
        let done = sqlx::query(
            "INSERT INTO crm_host.probe VALUES (1, now())
             ON CONFLICT (id) DO UPDATE SET at = now()",
        )
        .execute(&self.pool)
        .await;
        told(done.map(drop))
    }
}
