//! Idempotency keys. The primary key decides who came first.

use sqlx::{Connection as _, PgConnection, PgPool};

use super::presence;
use crate::idempotency::{Answer, Known};
use crate::records::KEPT;

type Row = (Vec<u8>, i32, Option<i32>, Option<String>, Option<Vec<u8>>);

pub(super) async fn begin(
    pool: &PgPool,
    host: i32,
    user: &str,
    key: &str,
    hash: &[u8],
) -> sqlx::Result<Known> {
    let mut connection = pool.acquire().await?;
    // What another host removes already is left to it.
    sqlx::query(
        "DELETE FROM crm_host.idempotency WHERE (user_id, key) IN (
             SELECT user_id, key FROM crm_host.idempotency
             WHERE at < now() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED)",
    )
    .bind(KEPT as f64)
    .execute(&mut *connection)
    .await?;
    loop {
        let added = sqlx::query(
            "INSERT INTO crm_host.idempotency (user_id, key, hash, host, at)
             VALUES ($1, $2, $3, $4, now()) ON CONFLICT (user_id, key) DO NOTHING",
        )
        .bind(user)
        .bind(key)
        .bind(hash)
        .bind(host)
        .execute(&mut *connection)
        .await?;
        if added.rows_affected() > 0 {
            return Ok(Known::New);
        }
        if let Some(known) = look(&mut connection, user, key).await? {
            return Ok(known);
        }
        // Its answer was not one to keep, and it is gone since.
    }
}

/// What is there; `None` when it is gone or was answered meanwhile.
async fn look(connection: &mut PgConnection, user: &str, key: &str) -> sqlx::Result<Option<Known>> {
    let mut tx = connection.begin().await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT hash, host, status, content_type, body FROM crm_host.idempotency
         WHERE user_id = $1 AND key = $2",
    )
    .bind(user)
    .bind(key)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((hash, host, status, content_type, body)) = row else {
        return Ok(None);
    };
    if let Some(status) = status {
        let answer = Answer {
            status: u16::try_from(status).unwrap_or_default(),
            content_type,
            body: body.unwrap_or_default(),
        };
        return Ok(Some(Known::Answered { hash, answer }));
    }
    if !presence::has_ended(&mut tx, host).await? {
        return Ok(Some(Known::Pending { hash }));
    }
    let answer = Answer::interrupted();
    let ended = sqlx::query(
        "UPDATE crm_host.idempotency SET status = $4, content_type = $5, body = $6
         WHERE user_id = $1 AND key = $2 AND host = $3 AND status IS NULL",
    )
    .bind(user)
    .bind(key)
    .bind(host)
    .bind(i32::from(answer.status))
    .bind(&answer.content_type)
    .bind(&answer.body)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok((ended.rows_affected() > 0).then_some(Known::Answered { hash, answer }))
}

/// Only the host that began the request ends it.
pub(super) async fn end(
    pool: &PgPool,
    host: i32,
    user: &str,
    key: &str,
    answer: Option<&Answer>,
) -> sqlx::Result<()> {
    let Some(answer) = answer else {
        return sqlx::query(
            "DELETE FROM crm_host.idempotency WHERE user_id = $1 AND key = $2 AND host = $3",
        )
        .bind(user)
        .bind(key)
        .bind(host)
        .execute(pool)
        .await
        .map(drop);
    };
    sqlx::query(
        "UPDATE crm_host.idempotency SET status = $4, content_type = $5, body = $6
         WHERE user_id = $1 AND key = $2 AND host = $3",
    )
    .bind(user)
    .bind(key)
    .bind(host)
    .bind(i32::from(answer.status))
    .bind(&answer.content_type)
    .bind(&answer.body)
    .execute(pool)
    .await
    .map(drop)
}

/// Empties the answers that users of the workspace were given.
pub(super) async fn forget(connection: &mut PgConnection, workspace: &str) -> sqlx::Result<()> {
    let answer = Answer::erased();
    sqlx::query(
        "UPDATE crm_host.idempotency SET status = $2, content_type = $3, body = $4
         WHERE status IS NOT NULL AND length(body) > 0
         AND user_id IN (SELECT id FROM crm_host.users WHERE workspace = $1)",
    )
    .bind(workspace)
    .bind(i32::from(answer.status))
    .bind(&answer.content_type)
    .bind(&answer.body)
    .execute(connection)
    .await
    .map(drop)
}
