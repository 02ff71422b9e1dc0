//! Logins and their refresh tokens. Whoever changes a login locks its row first and its tokens after it.

use sqlx::{Connection as _, PgConnection, PgPool};

use super::accounts::{UserRow, account, record};
use crate::auth::accounts::{Account, LIFETIME};
use crate::auth::journal::Action;
use crate::records::NewSession;

pub(super) async fn of_session(
    pool: &PgPool,
    user: &str,
    session: &str,
) -> sqlx::Result<Option<Account>> {
    let row: Option<UserRow> = sqlx::query_as(
        "SELECT u.id, u.email, u.full_name, u.role, u.created_at, u.updated_at, u.workspace
         FROM crm_host.users u JOIN crm_host.families f ON f.user_id = u.id
         WHERE u.id = $1 AND f.id = $2 AND NOT f.revoked",
    )
    .bind(user)
    .bind(session)
    .fetch_optional(pool)
    .await?;
    row.map(account).transpose()
}

pub(super) async fn begin(connection: &mut PgConnection, new: &NewSession) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    // What another host removes already is left to it.
    sqlx::query(
        "DELETE FROM crm_host.families WHERE id IN (SELECT id FROM crm_host.families
             WHERE expires_at < now() FOR UPDATE SKIP LOCKED)",
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO crm_host.families (id, user_id, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))",
    )
    .bind(&new.id)
    .bind(&new.user)
    .bind(LIFETIME as f64)
    .execute(&mut *tx)
    .await?;
    add_token(&mut tx, &new.token, &new.id).await?;
    record(&mut tx, Action::SignedIn, Some(&new.user), Some(&new.id)).await?;
    tx.commit().await
}

async fn add_token(connection: &mut PgConnection, hash: &[u8], family: &str) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO crm_host.refresh_tokens (hash, family, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))",
    )
    .bind(hash)
    .bind(family)
    .bind(LIFETIME as f64)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) async fn rotate(
    connection: &mut PgConnection,
    old: &[u8],
    new: &[u8],
) -> sqlx::Result<Option<(Account, String)>> {
    let mut tx = connection.begin().await?;
    let family: Option<(String, String, bool)> = sqlx::query_as(
        "SELECT id, user_id, revoked FROM crm_host.families
         WHERE id = (SELECT family FROM crm_host.refresh_tokens WHERE hash = $1) FOR UPDATE",
    )
    .bind(old)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((family, user, revoked)) = family else {
        return Ok(None);
    };
    // Read only now: while the login is locked nobody else trades one of its tokens.
    let token: Option<(bool, bool)> = sqlx::query_as(
        "SELECT used, expires_at <= now() FROM crm_host.refresh_tokens WHERE hash = $1",
    )
    .bind(old)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((used, expired)) = token else {
        return Ok(None);
    };
    if used {
        sqlx::query("UPDATE crm_host.families SET revoked = true WHERE id = $1")
            .bind(&family)
            .execute(&mut *tx)
            .await?;
        record(&mut tx, Action::Reused, Some(&user), Some(&family)).await?;
        tx.commit().await?;
        return Ok(None);
    }
    if revoked || expired {
        return Ok(None);
    }
    sqlx::query("UPDATE crm_host.refresh_tokens SET used = true WHERE hash = $1")
        .bind(old)
        .execute(&mut *tx)
        .await?;
    add_token(&mut tx, new, &family).await?;
    sqlx::query(
        "UPDATE crm_host.families SET expires_at = now() + make_interval(secs => $2)
         WHERE id = $1",
    )
    .bind(&family)
    .bind(LIFETIME as f64)
    .execute(&mut *tx)
    .await?;
    let row: UserRow = sqlx::query_as(
        "SELECT id, email, full_name, role, created_at, updated_at, workspace
         FROM crm_host.users WHERE id = $1",
    )
    .bind(&user)
    .fetch_one(&mut *tx)
    .await?;
    let user = account(row)?;
    tx.commit().await?;
    Ok(Some((user, family)))
}

pub(super) async fn end(
    connection: &mut PgConnection,
    user: &str,
    session: Option<&str>,
) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    // Locked in one order, so that two of these never wait for each other.
    sqlx::query(
        "WITH ended AS (SELECT id FROM crm_host.families
             WHERE user_id = $1 AND ($2::text IS NULL OR id = $2) AND NOT revoked
             ORDER BY id FOR UPDATE)
         UPDATE crm_host.families f SET revoked = true FROM ended WHERE f.id = ended.id",
    )
    .bind(user)
    .bind(session)
    .execute(&mut *tx)
    .await?;
    record(&mut tx, Action::SignedOut, Some(user), session).await?;
    tx.commit().await
}
