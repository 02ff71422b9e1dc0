//! Attempts to sign in, counted for all hosts together: a row per account and per address that lasts as
//! long as its window.

use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::auth::limiter::Limit;

fn hash(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

/// Counts an attempt; when there were too many, for how many seconds more.
pub(super) async fn count(pool: &PgPool, key: &str, limit: Limit) -> sqlx::Result<Option<u64>> {
    sqlx::query(
        "DELETE FROM crm_host.attempts WHERE key IN (SELECT key FROM crm_host.attempts
             WHERE until <= now() FOR UPDATE SKIP LOCKED)",
    )
    .execute(pool)
    .await?;
    let failures = i32::try_from(limit.failures).unwrap_or(i32::MAX);
    let counted = sqlx::query(
        "INSERT INTO crm_host.attempts AS a (key, failures, until)
         VALUES ($1, 1, now() + make_interval(secs => $3))
         ON CONFLICT (key) DO UPDATE SET failures = a.failures + 1 WHERE a.failures < $2",
    )
    .bind(hash(key))
    .bind(failures)
    .bind(limit.window.as_secs_f64())
    .execute(pool)
    .await?;
    if counted.rows_affected() > 0 {
        return Ok(None);
    }
    let left: Option<f64> = sqlx::query_scalar(
        "SELECT extract(epoch FROM until - now())::float8 FROM crm_host.attempts WHERE key = $1",
    )
    .bind(hash(key))
    .fetch_optional(pool)
    .await?;
    Ok(Some(left.unwrap_or_default().max(0.0) as u64 + 1))
}

pub(super) async fn take_back(pool: &PgPool, key: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE crm_host.attempts SET failures = greatest(failures - 1, 0) WHERE key = $1")
        .bind(hash(key))
        .execute(pool)
        .await
        .map(drop)
}

pub(super) async fn forget(pool: &PgPool, key: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM crm_host.attempts WHERE key = $1")
        .bind(hash(key))
        .execute(pool)
        .await
        .map(drop)
}
