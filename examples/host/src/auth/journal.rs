//! The record of sign-ins: who registered, signed in, failed to, or signed out, and when. Rows are only
//! ever added; each is written in the transaction of what it records.

use chrono::{SecondsFormat, Utc};
use crm_core::Workspace;
use rusqlite::{Connection, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::Accounts;
use crate::error::Problem;

/// What happened.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    Registered,
    SignedIn,
    Failed,
    /// A refresh token came a second time: somebody else has it, and its login was ended.
    Reused,
    SignedOut,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::Failed => "sign_in_failed",
            Self::Reused => "refresh_reused",
            Self::SignedOut => "signed_out",
        }
    }
}

/// One line of the record.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignIn {
    /// Grows with time.
    position: i64,
    /// When, RFC 3339.
    at: String,
    /// `registered`, `signed_in`, `sign_in_failed`, `refresh_reused` or `signed_out`.
    action: String,
    /// The account; null when a sign-in failed for an address nobody has.
    user_id: Option<String>,
    /// The login; null when all of the user's logins were ended.
    session: Option<String>,
}

/// Adds a line within the caller's transaction.
pub(crate) fn write(
    connection: &Connection,
    action: Action,
    user: Option<&str>,
    session: Option<&str>,
) -> rusqlite::Result<()> {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    connection.execute(
        "INSERT INTO sign_ins (at, action, user_id, session) VALUES (?1, ?2, ?3, ?4)",
        params![now, action.as_str(), user, session],
    )?;
    Ok(())
}

impl Accounts {
    /// Records a sign-in that failed.
    pub(crate) async fn failed(&self, user: Option<String>) -> Result<(), Problem> {
        self.0
            .call(move |connection| write(connection, Action::Failed, user.as_deref(), None))
            .await
    }

    /// Ends one login of the user, or all of them: their access and refresh tokens are good for nothing
    /// from now on.
    pub(crate) async fn end_sessions(
        &self,
        user: String,
        session: Option<String>,
    ) -> Result<(), Problem> {
        self.0
            .call(move |connection| {
                let tx = connection.transaction()?;
                tx.execute(
                    "UPDATE families SET revoked = 1
                     WHERE user_id = ?1 AND (?2 IS NULL OR id = ?2)",
                    params![user, session],
                )?;
                write(&tx, Action::SignedOut, Some(&user), session.as_deref())?;
                tx.commit()
            })
            .await
    }

    /// Lines of the workspace's users, and of addresses nobody has, behind `after`, oldest first.
    pub(crate) async fn sign_ins(
        &self,
        workspace: Workspace,
        after: i64,
        limit: u32,
    ) -> Result<Vec<SignIn>, Problem> {
        self.0
            .call(move |connection| {
                let mut query = connection.prepare(
                    "SELECT position, at, action, user_id, session FROM sign_ins
                     WHERE position > ?1 AND (user_id IS NULL
                         OR user_id IN (SELECT id FROM users WHERE workspace = ?3))
                     ORDER BY position LIMIT ?2",
                )?;
                let rows = query.query_map(params![after, limit, workspace.as_str()], |row| {
                    Ok(SignIn {
                        position: row.get(0)?,
                        at: row.get(1)?,
                        action: row.get(2)?,
                        user_id: row.get(3)?,
                        session: row.get(4)?,
                    })
                })?;
                rows.collect()
            })
            .await
    }
}
