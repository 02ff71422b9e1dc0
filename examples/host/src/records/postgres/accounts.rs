//! Users and the record of sign-ins.

use chrono::{DateTime, SecondsFormat, Utc};
use crm_core::Workspace;
use sqlx::{Connection as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::auth::accounts::{Account, NewAccount, Registered, role};
use crate::auth::journal::{Action, SignIn};

/// Id, e-mail, name, role, created, updated, workspace: the columns of every query for a user.
pub(super) type UserRow = (
    String,
    String,
    String,
    String,
    DateTime<Utc>,
    DateTime<Utc>,
    String,
);

pub(super) fn account(row: UserRow) -> sqlx::Result<Account> {
    let (id, email, full_name, stored, created, updated, workspace) = row;
    let workspace =
        Workspace::new(workspace).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Account {
        id,
        email,
        full_name,
        role: role(&stored),
        created_at: shown(created),
        updated_at: shown(updated),
        workspace,
    })
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) async fn count(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM crm_host.users")
        .fetch_one(connection)
        .await
}

pub(super) async fn register(
    connection: &mut PgConnection,
    new: NewAccount,
    first: bool,
) -> sqlx::Result<Registered> {
    let mut tx = connection.begin().await?;
    if first {
        // Whoever registers meanwhile waits; whoever reads does not.
        sqlx::raw_sql("LOCK TABLE crm_host.users IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        if count(&mut tx).await? > 0 {
            return Ok(Registered::NotFirst);
        }
    }
    let id = Uuid::now_v7().to_string();
    let added: Option<DateTime<Utc>> = sqlx::query_scalar(
        "INSERT INTO crm_host.users (id, email, full_name, password_hash, role, workspace,
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, now(), now())
         ON CONFLICT (email) DO NOTHING RETURNING created_at",
    )
    .bind(&id)
    .bind(&new.email)
    .bind(&new.full_name)
    .bind(&new.password_hash)
    .bind(new.role.as_str())
    .bind(new.workspace.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(created) = added else {
        return Ok(Registered::Duplicate);
    };
    record(&mut tx, Action::Registered, Some(&id), None).await?;
    tx.commit().await?;
    Ok(Registered::Done(Account {
        id,
        workspace: new.workspace,
        email: new.email,
        full_name: new.full_name,
        role: new.role,
        created_at: shown(created),
        updated_at: shown(created),
    }))
}

pub(super) async fn by_email(
    pool: &PgPool,
    email: &str,
) -> sqlx::Result<Option<(Account, String)>> {
    // PostgreSQL takes no such text; nobody has it.
    if email.contains('\0') {
        return Ok(None);
    }
    let row: Option<UserRow> = sqlx::query_as(
        "SELECT id, email, full_name, role, created_at, updated_at, workspace
         FROM crm_host.users WHERE email = $1",
    )
    .bind(email)
    .fetch_optional(pool)
    .await?;
    let Some(user) = row.map(account).transpose()? else {
        return Ok(None);
    };
    let hash = sqlx::query_scalar("SELECT password_hash FROM crm_host.users WHERE id = $1")
        .bind(&user.id)
        .fetch_optional(pool)
        .await?;
    Ok(hash.map(|hash| (user, hash)))
}

pub(super) async fn colleagues(pool: &PgPool, workspace: &Workspace) -> sqlx::Result<Vec<Account>> {
    let rows: Vec<UserRow> = sqlx::query_as(
        "SELECT id, email, full_name, role, created_at, updated_at, workspace
         FROM crm_host.users WHERE workspace = $1 ORDER BY full_name, id LIMIT 1000",
    )
    .bind(workspace.as_str())
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(account).collect()
}

/// Adds a line within the caller's transaction, as its last change: everybody else who has a line to add
/// waits for that transaction to end.
pub(super) async fn record(
    connection: &mut PgConnection,
    action: Action,
    user: Option<&str>,
    session: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "WITH newest AS (UPDATE crm_host.sign_ins_newest SET position = position + 1
             RETURNING position)
         INSERT INTO crm_host.sign_ins (position, at, action, user_id, session)
         SELECT position, clock_timestamp(), $1, $2, $3 FROM newest",
    )
    .bind(action.as_str())
    .bind(user)
    .bind(session)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn sign_ins(
    pool: &PgPool,
    workspace: &Workspace,
    after: i64,
    limit: u32,
) -> sqlx::Result<Vec<SignIn>> {
    type Line = (i64, DateTime<Utc>, String, Option<String>, Option<String>);
    let lines: Vec<Line> = sqlx::query_as(
        "SELECT position, at, action, user_id, session FROM crm_host.sign_ins
         WHERE position > $1 AND (user_id IS NULL
             OR user_id IN (SELECT id FROM crm_host.users WHERE workspace = $2))
         ORDER BY position LIMIT $3",
    )
    .bind(after)
    .bind(workspace.as_str())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    let lines = lines.into_iter();
    Ok(lines
        .map(|(position, at, action, user_id, session)| SignIn {
            position,
            at: shown(at),
            action,
            user_id,
            session,
        })
        .collect())
}
