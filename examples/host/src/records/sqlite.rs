//! The host's own tables in an SQLite file beside the engine's, never part of it. One host works on a
//! file: what only has to hold while it runs is kept in memory. The command line may work beside it.

mod accounts;
mod keys;
mod presence;
mod schema;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use crm_core::Workspace;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use self::presence::Presence;
use super::{NewRejects, NewSession, Records, Turn};
use crate::auth::accounts::{Account, NewAccount, Registered};
use crate::auth::journal::{Action, SignIn};
use crate::auth::limiter::{Limit, Limiter};
use crate::error::Problem;
use crate::idempotency::{Answer, Known};
use crate::imports::{self, ImportView};

/// The file, and what is kept beside it.
pub(super) struct Sqlite {
    connection: Arc<Mutex<Connection>>,
    _presence: Presence,
    limiter: Limiter,
    /// Held while an import is taken back.
    reverts: Arc<tokio::sync::Mutex<()>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let open = || -> rusqlite::Result<Result<Connection, String>> {
            let mut connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", "ON")?;
            // What is emptied when a person is erased leaves the file.
            connection.pragma_update(None, "secure_delete", "ON")?;
            Ok(schema::migrate(&mut connection)?.map(|()| connection))
        };
        // Created before SQLite does, so that nobody else can read it for a moment.
        crate::assemble::private_file(path).map_err(|error| {
            format!("the accounts database cannot be created: {}", error.kind())
        })?;
        let locked = |error: std::io::Error| {
            let kind = error.kind();
            format!("the lock file beside the accounts database cannot be used: {kind}")
        };
        let lock = crate::assemble::beside(path, ".lock");
        let mut presence = Presence::begin(&lock).map_err(locked)?;
        let opened = |error| format!("the accounts database cannot be opened: {error}");
        let connection = open().map_err(opened)??;
        if presence.is_alone() {
            schema::end_interrupted(&connection).map_err(opened)?;
        }
        presence.share().map_err(locked)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            _presence: presence,
            limiter: Limiter::default(),
            reverts: Arc::default(),
        })
    }

    /// Runs `work` away from the threads that serve requests.
    async fn call<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let db = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = db.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection)
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(code = ?error.sqlite_error_code(), "accounts database failed");
                Err(Problem::unavailable(
                    "the accounts database does not answer",
                ))
            }
            Err(_) => Err(Problem::unavailable(
                "the accounts database was interrupted",
            )),
        }
    }
}

#[async_trait]
impl Records for Sqlite {
    async fn users(&self) -> Result<i64, Problem> {
        self.call(|db| accounts::count(db)).await
    }

    async fn register(&self, new: NewAccount, first: bool) -> Result<Registered, Problem> {
        self.call(move |db| accounts::register(db, new, first))
            .await
    }

    async fn by_email(&self, email: String) -> Result<Option<(Account, String)>, Problem> {
        self.call(move |db| accounts::by_email(db, &email)).await
    }

    async fn of_session(&self, user: String, session: String) -> Result<Option<Account>, Problem> {
        self.call(move |db| accounts::of_session(db, &user, &session))
            .await
    }

    async fn begin_session(&self, new: NewSession) -> Result<(), Problem> {
        self.call(move |db| accounts::begin_session(db, &new)).await
    }

    async fn rotate(
        &self,
        old: Vec<u8>,
        new: Vec<u8>,
    ) -> Result<Option<(Account, String)>, Problem> {
        self.call(move |db| accounts::rotate(db, &old, &new)).await
    }

    async fn end_sessions(&self, user: String, session: Option<String>) -> Result<(), Problem> {
        self.call(move |db| accounts::end_sessions(db, &user, session.as_deref()))
            .await
    }

    async fn failed(&self, user: Option<String>) -> Result<(), Problem> {
        self.call(move |db| accounts::record(db, Action::Failed, user.as_deref(), None))
            .await
    }

    async fn colleagues(&self, workspace: Workspace) -> Result<Vec<Account>, Problem> {
        self.call(move |db| accounts::colleagues(db, &workspace))
            .await
    }

    async fn sign_ins(
        &self,
        workspace: Workspace,
        after: i64,
        limit: u32,
    ) -> Result<Vec<SignIn>, Problem> {
        self.call(move |db| accounts::sign_ins(db, &workspace, after, limit))
            .await
    }

    async fn attempt(&self, key: &str, limit: Limit) -> Result<(), Problem> {
        self.limiter.attempt(key, limit)
    }

    async fn take_back(&self, key: &str) -> Result<(), Problem> {
        self.limiter.take_back(key);
        Ok(())
    }

    async fn forget(&self, key: &str) -> Result<(), Problem> {
        self.limiter.forget(key);
        Ok(())
    }

    async fn begin_key(&self, user: String, key: String, hash: Vec<u8>) -> Result<Known, Problem> {
        self.call(move |db| keys::begin(db, &user, &key, &hash))
            .await
    }

    async fn end_key(
        &self,
        user: String,
        key: String,
        answer: Option<Answer>,
    ) -> Result<(), Problem> {
        self.call(move |db| keys::end(db, &user, &key, answer.as_ref()))
            .await
    }

    async fn save_import(
        &self,
        workspace: Workspace,
        report: ImportView,
        rejects: NewRejects,
    ) -> Result<(), Problem> {
        let id = report.import_id.to_string();
        let report = serde_json::to_string(&report).map_err(|_| imports::unwritable())?;
        let (anew, rows) = rejects.parts();
        self.call(move |db| {
            let tx = db.transaction()?;
            let saved = tx.execute(
                "INSERT INTO imports (id, workspace, report) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET report = ?3 WHERE workspace = ?2",
                params![id, workspace.as_str(), report],
            )?;
            if saved > 0 && anew {
                tx.execute("DELETE FROM import_rejects WHERE import = ?1", [&id])?;
            }
            if let Some(rows) = rows.filter(|_| saved > 0) {
                tx.execute(
                    "INSERT INTO import_rejects (import, piece, rows)
                     SELECT ?1, coalesce(max(piece) + 1, 0), ?2
                     FROM import_rejects WHERE import = ?1",
                    [&id, &rows],
                )?;
            }
            tx.commit()
        })
        .await
    }

    async fn import_rejects(
        &self,
        workspace: Workspace,
        id: Uuid,
        piece: u32,
    ) -> Result<Option<String>, Problem> {
        self.call(move |db| {
            db.query_row(
                "SELECT r.rows FROM import_rejects r JOIN imports i ON i.id = r.import
                 WHERE i.id = ?1 AND i.workspace = ?2 AND r.piece = ?3",
                params![id.to_string(), workspace.as_str(), piece],
                |row| row.get(0),
            )
            .optional()
        })
        .await
    }

    async fn load_import(
        &self,
        workspace: Workspace,
        id: Uuid,
    ) -> Result<Option<ImportView>, Problem> {
        let found: Option<String> = self
            .call(move |db| {
                db.query_row(
                    "SELECT report FROM imports WHERE id = ?1 AND workspace = ?2",
                    [id.to_string().as_str(), workspace.as_str()],
                    |row| row.get(0),
                )
                .optional()
            })
            .await?;
        let report = found.map(|text| serde_json::from_str(&text));
        report.transpose().map_err(|_| imports::unreadable())
    }

    async fn list_imports(
        &self,
        workspace: Workspace,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, Problem> {
        // Their ids begin with the instant at which they began.
        let before = before.unwrap_or(Uuid::max()).to_string();
        let found: Vec<String> = self
            .call(move |db| {
                let mut ids = db.prepare(
                    "SELECT id FROM imports WHERE workspace = ?1 AND id < ?2
                     ORDER BY id DESC LIMIT ?3",
                )?;
                let ids =
                    ids.query_map(params![workspace.as_str(), before, limit], |row| row.get(0))?;
                ids.collect()
            })
            .await?;
        let ids = found.into_iter();
        ids.map(|id| id.parse().map_err(|_| imports::unreadable()))
            .collect()
    }

    async fn forget_people(&self, workspace: Workspace) -> Result<(), Problem> {
        self.call(move |db| {
            let tx = db.transaction()?;
            keys::forget(&tx, workspace.as_str())?;
            tx.execute(
                "DELETE FROM import_rejects
                 WHERE import IN (SELECT id FROM imports WHERE workspace = ?1)",
                [workspace.as_str()],
            )?;
            tx.commit()
        })
        .await
    }

    async fn unfinished_import(
        &self,
        workspace: Workspace,
        digest: String,
    ) -> Result<Option<Uuid>, Problem> {
        let found: Option<String> = self
            .call(move |db| {
                db.query_row(
                    "SELECT id FROM imports
                     WHERE workspace = ?1 AND json_extract(report, '$.digest') = ?2
                         AND json_extract(report, '$.status') IN ('queued', 'running', 'failed')
                     ORDER BY id DESC LIMIT 1",
                    [workspace.as_str(), &digest],
                    |row| row.get(0),
                )
                .optional()
            })
            .await?;
        let id = found.map(|id| id.parse().map_err(|_| imports::unreadable()));
        id.transpose()
    }

    async fn import_turn(&self, _id: Uuid) -> Result<Turn, Problem> {
        Ok(Turn::holding(self.reverts.clone().lock_owned().await))
    }

    async fn probe(&self) -> Result<(), Problem> {
        let now = chrono::Utc::now().timestamp();
        self.call(move |db| db.execute("INSERT OR REPLACE INTO probe VALUES (1, ?1)", [now]))
            .await
            .map(drop)
    }
}
