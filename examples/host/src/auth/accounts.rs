//! Users and their logins, whichever database they are kept in.

use crm_core::{Role, Workspace};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::random_hex;
use crate::error::Problem;
use crate::names::RoleName;
use crate::records::{NewSession, Records};

/// How long a refresh token is good for, in seconds.
pub(crate) const LIFETIME: i64 = 30 * 24 * 3600;

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
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// Everything this user sees and does is of this workspace.
    #[schema(value_type = String, example = "default")]
    pub(crate) workspace: Workspace,
}

/// What a new user needs.
#[derive(Clone)]
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

/// A stored role. One that this version does not know may do the least.
pub(crate) fn role(stored: &str) -> Role {
    Role::parse(stored)
        .filter(|role| *role != Role::System)
        .unwrap_or(Role::Viewer)
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Begins a login: its id and the first refresh token.
pub(crate) async fn begin_session(
    records: &dyn Records,
    user: String,
) -> Result<(String, String), Problem> {
    let token = random_hex()?;
    let id = Uuid::new_v4().to_string();
    let new = NewSession {
        id: id.clone(),
        user,
        token: token_hash(&token),
    };
    records.begin_session(new).await?;
    Ok((id, token))
}

/// Trades a refresh token for the next one: the user, the login and the new token.
pub(crate) async fn rotate(
    records: &dyn Records,
    token: &str,
) -> Result<Option<(Account, String, String)>, Problem> {
    let next = random_hex()?;
    let found = records.rotate(token_hash(token), token_hash(&next)).await?;
    Ok(found.map(|(user, session)| (user, session, next)))
}
