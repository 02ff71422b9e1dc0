//! Users and their logins, in the host's own database.

use chrono::{SecondsFormat, Utc};
use crm_core::{Role, Workspace};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::journal::{self, Action};
use super::random_hex;
use crate::db::Db;
use crate::error::Problem;
use crate::names::RoleName;

/// How long a refresh token is good for, in seconds.
const LIFETIME: i64 = 30 * 24 * 3600;

/// A user as clients see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) full_name: String,
    #[schema(value_type = RoleName, example = "manager")]
    pub(crate) role: Role,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Everything this user sees and does is of this workspace.
    #[schema(value_type = String, example = "default")]
    pub(crate) workspace: Workspace,
}

/// What a new user needs.
pub(crate) struct NewAccount {
    pub(crate) workspace: Workspace,
    pub(crate) email: String,
    pub(crate) full_name: String,
    pub(crate) password_hash: String,
    pub(crate) role: Role,
}

/// How registering ended.
pub(crate) enum Registered {
    Done(Account),
    /// The database is no longer empty.
    NotFirst,
    Duplicate,
}

const COLUMNS: &str = "u.id, u.email, u.full_name, u.role, u.created_at, u.updated_at, u.workspace";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(3)?;
    let workspace: String = row.get(6)?;
    let workspace = Workspace::new(workspace).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Account {
        workspace,
        id: row.get(0)?,
        email: row.get(1)?,
        full_name: row.get(2)?,
        // A role this version does not know may do the least.
        role: Role::parse(&role)
            .filter(|role| *role != Role::System)
            .unwrap_or(Role::Viewer),
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[derive(Clone)]
pub(crate) struct Accounts(pub(crate) Db);

impl Accounts {
    /// How many users there are.
    pub(crate) async fn count(&self) -> Result<i64, Problem> {
        self.0.call(count).await
    }

    /// Adds a user; with `first`, only into an empty database.
    pub(crate) async fn register(
        &self,
        new: NewAccount,
        first: bool,
    ) -> Result<Registered, Problem> {
        self.0
            .call(move |connection| {
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let users: i64 =
                    tx.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
                if first && users > 0 {
                    return Ok(Registered::NotFirst);
                }
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
                let id = Uuid::now_v7().to_string();
                let added = tx.execute(
                    "INSERT INTO users (id, email, full_name, password_hash, role, created_at,
                         updated_at, workspace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
                     ON CONFLICT (email) DO NOTHING",
                    params![
                        id,
                        new.email,
                        new.full_name,
                        new.password_hash,
                        new.role.as_str(),
                        now,
                        new.workspace.as_str()
                    ],
                )?;
                if added == 0 {
                    return Ok(Registered::Duplicate);
                }
                journal::write(&tx, Action::Registered, Some(&id), None)?;
                tx.commit()?;
                Ok(Registered::Done(Account {
                    id,
                    workspace: new.workspace,
                    email: new.email,
                    full_name: new.full_name,
                    role: new.role,
                    created_at: now.clone(),
                    updated_at: now,
                }))
            })
            .await
    }

    /// The user of that e-mail and the stored hash.
    pub(crate) async fn by_email(
        &self,
        email: String,
    ) -> Result<Option<(Account, String)>, Problem> {
        self.0
            .call(move |connection| {
                connection
                    .query_row(
                        &format!(
                            "SELECT {COLUMNS}, u.password_hash FROM users u WHERE u.email = ?1"
                        ),
                        [email],
                        |row| Ok((account(row)?, row.get(7)?)),
                    )
                    .optional()
            })
            .await
    }

    /// The user of a login that has not been revoked.
    pub(crate) async fn of_session(
        &self,
        user: String,
        session: String,
    ) -> Result<Option<Account>, Problem> {
        self.0
            .call(move |connection| {
                connection
                    .query_row(
                        &format!(
                            "SELECT {COLUMNS} FROM users u JOIN families f ON f.user_id = u.id
                             WHERE u.id = ?1 AND f.id = ?2 AND f.revoked = 0"
                        ),
                        [user, session],
                        account,
                    )
                    .optional()
            })
            .await
    }

    /// Begins a login: its id and the first refresh token.
    pub(crate) async fn begin_session(&self, user: String) -> Result<(String, String), Problem> {
        let token = random_hex()?;
        let session = Uuid::new_v4().to_string();
        let (id, hash) = (session.clone(), token_hash(&token));
        self.0
            .call(move |connection| {
                let now = Utc::now().timestamp();
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                tx.execute("DELETE FROM families WHERE expires_at < ?1", [now])?;
                tx.execute(
                    "INSERT INTO families VALUES (?1, ?2, 0, ?3)",
                    params![id, user, now + LIFETIME],
                )?;
                tx.execute(
                    "INSERT INTO refresh_tokens VALUES (?1, ?2, 0, ?3)",
                    params![hash, id, now + LIFETIME],
                )?;
                journal::write(&tx, Action::SignedIn, Some(&user), Some(&id))?;
                tx.commit()
            })
            .await?;
        Ok((session, token))
    }

    /// Trades a refresh token for the next one. One that was traded before revokes its whole login:
    /// somebody else has it.
    pub(crate) async fn rotate(
        &self,
        token: &str,
    ) -> Result<Option<(Account, String, String)>, Problem> {
        let next = random_hex()?;
        let (old, new) = (token_hash(token), token_hash(&next));
        let found = self
            .0
            .call(move |connection| {
                let now = Utc::now().timestamp();
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let row: Option<(String, bool, bool, i64)> = tx
                    .query_row(
                        "SELECT t.family, t.used, f.revoked, t.expires_at FROM refresh_tokens t
                         JOIN families f ON f.id = t.family WHERE t.hash = ?1",
                        [&old],
                        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                    )
                    .optional()?;
                let Some((family, used, revoked, expires)) = row else {
                    return Ok(None);
                };
                if used {
                    tx.execute("UPDATE families SET revoked = 1 WHERE id = ?1", [&family])?;
                    let user: String = tx.query_row(
                        "SELECT user_id FROM families WHERE id = ?1",
                        [&family],
                        |row| row.get(0),
                    )?;
                    journal::write(&tx, Action::Reused, Some(&user), Some(&family))?;
                    tx.commit()?;
                    return Ok(None);
                }
                if revoked || expires <= now {
                    return Ok(None);
                }
                tx.execute("UPDATE refresh_tokens SET used = 1 WHERE hash = ?1", [&old])?;
                tx.execute(
                    "INSERT INTO refresh_tokens VALUES (?1, ?2, 0, ?3)",
                    params![new, family, now + LIFETIME],
                )?;
                tx.execute(
                    "UPDATE families SET expires_at = ?2 WHERE id = ?1",
                    params![family, now + LIFETIME],
                )?;
                let user = tx.query_row(
                    &format!(
                        "SELECT {COLUMNS} FROM users u JOIN families f ON f.user_id = u.id
                         WHERE f.id = ?1"
                    ),
                    [&family],
                    account,
                )?;
                tx.commit()?;
                Ok(Some((user, family)))
            })
            .await?;
        Ok(found.map(|(user, family)| (user, family, next)))
    }
}

fn count(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))
}
