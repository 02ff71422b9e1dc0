//! What the host keeps for itself: accounts and logins, the record of sign-ins, counted attempts,
//! idempotency keys, import reports. One port and two databases behind it; routes do not know which.

mod moving;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::Workspace;
use uuid::Uuid;

use crate::auth::accounts::{Account, NewAccount, Registered};
use crate::auth::journal::SignIn;
use crate::auth::limiter::Limit;
use crate::config::Database;
use crate::error::Problem;
use crate::idempotency::{Answer, Known};
use crate::imports::ImportView;
pub(crate) use moving::{Moved, move_over, refuse_used};

/// Seconds the answer to an idempotency key is kept.
const KEPT: i64 = 24 * 3600;

/// A login that begins.
pub(crate) struct NewSession {
    pub(crate) id: String,
    pub(crate) user: String,
    /// Hash of its first refresh token.
    pub(crate) token: Vec<u8>,
}

/// What a report changes in the file of its rejected rows.
#[derive(Clone)]
pub(crate) enum NewRejects {
    /// Nothing.
    None,
    /// The file begins, or begins again.
    First(String),
    /// These come behind those that are there.
    More(String),
}

impl NewRejects {
    /// Adds rows at the end.
    pub(crate) fn add(&mut self, rows: &str) {
        match self {
            Self::First(all) | Self::More(all) => *all += rows,
            Self::None => *self = Self::More(rows.to_owned()),
        }
    }

    /// Whether what was there goes, and what is added.
    fn parts(self) -> (bool, Option<String>) {
        match self {
            Self::None => (false, None),
            Self::First(rows) => (true, Some(rows)),
            Self::More(rows) => (false, Some(rows).filter(|rows| !rows.is_empty())),
        }
    }
}

/// Held while an import is taken back: nobody else takes the same one back meanwhile.
pub(crate) struct Turn {
    _held: Box<dyn Send>,
}

impl Turn {
    fn holding(what: impl Send + 'static) -> Self {
        Self {
            _held: Box::new(what),
        }
    }
}

/// The host's own tables. What one call does is done as a whole or not at all, also when several hosts
/// call at once over one database.
#[async_trait]
pub(crate) trait Records: Send + Sync {
    /// How many users there are.
    async fn users(&self) -> Result<i64, Problem>;

    /// Adds a user; with `first`, only into an empty database.
    async fn register(&self, new: NewAccount, first: bool) -> Result<Registered, Problem>;

    /// The user of that e-mail and the stored hash.
    async fn by_email(&self, email: String) -> Result<Option<(Account, String)>, Problem>;

    /// The user of a login that has not been revoked.
    async fn of_session(&self, user: String, session: String) -> Result<Option<Account>, Problem>;

    /// The users of the workspace, by name; at most 1,000.
    async fn colleagues(&self, workspace: Workspace) -> Result<Vec<Account>, Problem>;

    /// Begins a login and records it.
    async fn begin_session(&self, new: NewSession) -> Result<(), Problem>;

    /// Trades the refresh token of hash `old` for one of hash `new`: the user and the login. A token that
    /// was traded before revokes its whole login: somebody else has it.
    async fn rotate(
        &self,
        old: Vec<u8>,
        new: Vec<u8>,
    ) -> Result<Option<(Account, String)>, Problem>;

    /// Ends one login of the user, or all of them: their access and refresh tokens are good for nothing
    /// from now on.
    async fn end_sessions(&self, user: String, session: Option<String>) -> Result<(), Problem>;

    /// Records a sign-in that failed.
    async fn failed(&self, user: Option<String>) -> Result<(), Problem>;

    /// Lines of the workspace's users, and of addresses nobody has, behind `after`, oldest first. A line
    /// that was added later never has a smaller position.
    async fn sign_ins(
        &self,
        workspace: Workspace,
        after: i64,
        limit: u32,
    ) -> Result<Vec<SignIn>, Problem>;

    /// Counts an attempt to sign in, or refuses it when there were too many.
    async fn attempt(&self, key: &str, limit: Limit) -> Result<(), Problem>;

    /// The attempt was none to count.
    async fn take_back(&self, key: &str) -> Result<(), Problem>;

    /// Forgets what was counted under the key.
    async fn forget(&self, key: &str) -> Result<(), Problem>;

    /// What is known about the user's idempotency key; [`Known::New`] only once, for whoever asked
    /// first. What a host that has stopped left unanswered is answered with
    /// [`Answer::interrupted`].
    async fn begin_key(&self, user: String, key: String, hash: Vec<u8>) -> Result<Known, Problem>;

    /// The request of the key has ended; without an answer to keep, it may be sent again.
    async fn end_key(
        &self,
        user: String,
        key: String,
        answer: Option<Answer>,
    ) -> Result<(), Problem>;

    /// Keeps the report, and the rows that were rejected since with it: both or neither.
    async fn save_import(
        &self,
        workspace: Workspace,
        report: ImportView,
        rejects: NewRejects,
    ) -> Result<(), Problem>;

    /// The report. An import whose host has stopped has failed.
    async fn load_import(
        &self,
        workspace: Workspace,
        id: Uuid,
    ) -> Result<Option<ImportView>, Problem>;

    /// A piece of the file of rejected rows, counted from 0; none behind the last one. A piece is what was added at once.
    async fn import_rejects(
        &self,
        workspace: Workspace,
        id: Uuid,
        piece: u32,
    ) -> Result<Option<String>, Problem>;

    /// The ids of the workspace's imports that began before `before`, newest first.
    async fn list_imports(
        &self,
        workspace: Workspace,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, Problem>;

    /// Empties what may be about a person of the workspace who was erased: answers to idempotency keys become
    /// [`Answer::erased`], files of rejected rows empty. Which of them are is not looked into: a row that could not be
    /// read does not say whose it is.
    async fn forget_people(&self, workspace: Workspace) -> Result<(), Problem>;

    /// The newest import of the file with this digest that did not end, or has not yet.
    async fn unfinished_import(
        &self,
        workspace: Workspace,
        digest: String,
    ) -> Result<Option<Uuid>, Problem>;

    /// Waits until nobody else takes the import back.
    async fn import_turn(&self, id: Uuid) -> Result<Turn, Problem>;

    /// Writes something: whether the database takes it.
    async fn probe(&self) -> Result<(), Problem>;
}

/// Opens the host's own tables and brings them to this version.
pub(crate) async fn open(database: &Database) -> Result<Arc<dyn Records>, String> {
    Ok(match database {
        Database::Sqlite(path) => {
            let path = crate::assemble::beside(path, ".accounts");
            Arc::new(sqlite::Sqlite::open(&path)?)
        }
        Database::Postgres(url) => Arc::new(postgres::Postgres::open(url).await?),
    })
}
