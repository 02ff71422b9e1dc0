//! Reports of imports. Each row names the host that wrote it last: when that one has ended in the middle,
//! the import has failed.

use sqlx::types::Json;
use sqlx::{Connection as _, PgConnection, PgPool};
use uuid::Uuid;

use super::presence;
use crate::imports::ImportView;

/// The locks of imports that are taken back; it is ours alone.
const CLASS: i32 = 6_517_360;

pub(super) async fn save(
    pool: &PgPool,
    host: i32,
    workspace: &str,
    report: &ImportView,
    rejects: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO crm_host.imports AS i (id, workspace, report, rejects, host)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET report = $3, rejects = $4, host = $5
         WHERE i.workspace = $2",
    )
    .bind(report.import_id)
    .bind(workspace)
    .bind(Json(report))
    .bind(rejects)
    .bind(host)
    .execute(pool)
    .await
    .map(drop)
}

pub(super) async fn load(
    connection: &mut PgConnection,
    workspace: &str,
    id: Uuid,
) -> sqlx::Result<Option<(ImportView, String)>> {
    loop {
        let mut tx = connection.begin().await?;
        let row: Option<(Json<ImportView>, String, i32)> = sqlx::query_as(
            "SELECT report, rejects, host FROM crm_host.imports WHERE id = $1 AND workspace = $2",
        )
        .bind(id)
        .bind(workspace)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((Json(mut report), rejects, host)) = row else {
            return Ok(None);
        };
        if !report.is_under_way() || !presence::has_ended(&mut tx, host).await? {
            return Ok(Some((report, rejects)));
        }
        report.interrupt();
        // Its host may have written its end just before it ended itself: then that is what counts.
        let ended = sqlx::query(
            "UPDATE crm_host.imports SET report = $3
             WHERE id = $1 AND host = $2 AND report ->> 'status' IN ('queued', 'running')",
        )
        .bind(id)
        .bind(host)
        .bind(Json(&report))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if ended.rows_affected() > 0 {
            return Ok(Some((report, rejects)));
        }
    }
}

/// The ids of imports that began before `before`, newest first: they begin with the instant.
pub(super) async fn list(
    pool: &PgPool,
    workspace: &str,
    before: Option<Uuid>,
    limit: u32,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT id FROM crm_host.imports WHERE workspace = $1 AND id < $2
         ORDER BY id DESC LIMIT $3",
    )
    .bind(workspace)
    .bind(before.unwrap_or(Uuid::max()))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
}

/// The newest import of a file that did not end, or has not yet.
pub(super) async fn unfinished(
    pool: &PgPool,
    workspace: &str,
    digest: &str,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar(
        "SELECT id FROM crm_host.imports
         WHERE workspace = $1 AND report ->> 'digest' = $2
             AND report ->> 'status' IN ('queued', 'running', 'failed')
         ORDER BY id DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(digest)
    .fetch_optional(pool)
    .await
}

/// Waits for the import's lock, which ends with the transaction of `connection`.
pub(super) async fn turn(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
        .bind(CLASS)
        .bind(id.to_string())
        .execute(connection)
        .await
        .map(drop)
}

/// Empties the files of rejected rows of the workspace.
pub(super) async fn forget(connection: &mut PgConnection, workspace: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE crm_host.imports SET rejects = '' WHERE workspace = $1 AND rejects <> ''")
        .bind(workspace)
        .execute(connection)
        .await
        .map(drop)
}
