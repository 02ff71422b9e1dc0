//! Reports of imports. Each row names the host that wrote it last: when that one has ended in the middle,
//! the import has failed.

use sqlx::types::Json;
use sqlx::{Connection as _, PgConnection, PgPool};
use uuid::Uuid;

use super::presence;
use crate::imports::ImportView;
use crate::records::NewRejects;

/// The locks of imports that are taken back; it is ours alone.
const CLASS: i32 = 6_517_360;

pub(super) async fn save(
    pool: &PgPool,
    host: i32,
    workspace: &str,
    report: &ImportView,
    rejects: NewRejects,
) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    let saved = sqlx::query(
        "INSERT INTO crm_host.imports AS i (id, workspace, report, host) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET report = $3, host = $4 WHERE i.workspace = $2",
    )
    .bind(report.import_id)
    .bind(workspace)
    .bind(Json(report))
    .bind(host)
    .execute(&mut *tx)
    .await?;
    let (anew, rows) = rejects.parts();
    if saved.rows_affected() > 0 {
        if anew {
            sqlx::query("DELETE FROM crm_host.import_rejects WHERE import = $1")
                .bind(report.import_id)
                .execute(&mut *tx)
                .await?;
        }
        if let Some(rows) = rows {
            // The row of the import is locked: nobody else counts meanwhile.
            sqlx::query(
                "INSERT INTO crm_host.import_rejects (import, piece, rows)
                 SELECT $1, coalesce(max(piece) + 1, 0), $2
                 FROM crm_host.import_rejects WHERE import = $1",
            )
            .bind(report.import_id)
            .bind(rows)
            .execute(&mut *tx)
            .await?;
        }
    }
    tx.commit().await
}

/// A piece of the file of rejected rows.
pub(super) async fn rejects(
    pool: &PgPool,
    workspace: &str,
    id: Uuid,
    piece: u32,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT r.rows FROM crm_host.import_rejects r JOIN crm_host.imports i ON i.id = r.import
         WHERE i.id = $1 AND i.workspace = $2 AND r.piece = $3",
    )
    .bind(id)
    .bind(workspace)
    .bind(i64::from(piece))
    .fetch_optional(pool)
    .await
}

pub(super) async fn load(
    connection: &mut PgConnection,
    workspace: &str,
    id: Uuid,
) -> sqlx::Result<Option<ImportView>> {
    loop {
        let mut tx = connection.begin().await?;
        let row: Option<(Json<ImportView>, i32)> = sqlx::query_as(
            "SELECT report, host FROM crm_host.imports WHERE id = $1 AND workspace = $2",
        )
        .bind(id)
        .bind(workspace)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((Json(mut report), host)) = row else {
            return Ok(None);
        };
        if !report.is_under_way() || !presence::has_ended(&mut tx, host).await? {
            return Ok(Some(report));
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
            return Ok(Some(report));
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
    sqlx::query(
        "DELETE FROM crm_host.import_rejects
         WHERE import IN (SELECT id FROM crm_host.imports WHERE workspace = $1)",
    )
    .bind(workspace)
    .execute(connection)
    .await
    .map(drop)
}
