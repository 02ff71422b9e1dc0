//! Audiences that are saved under names.

use crm_core::audience::saved::{SavedAudience, SavedAudienceFields};
use crm_core::id::SavedAudienceId;
use crm_core::{Error, ErrorKind};

use crate::fault::Outcome;
use crate::query::Db;
use crate::rows::{get, json, json_text, signed, unsigned};

const INSERT: &str = "INSERT INTO crm.saved_audiences (workspace, id, version, name, name_key, \
    description, audience, created_by, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10)";

const UPDATE: &str = "UPDATE crm.saved_audiences SET version = $3, name = $4, name_key = $5, \
    description = $6, audience = $7::jsonb, created_by = $8, created_at = $9, updated_at = $10 \
    WHERE workspace = $1 AND id = $2 AND version = $3 - 1";

/// Writes a new one.
pub(crate) async fn insert(db: &mut Db<'_>, row: &SavedAudience) -> Outcome<()> {
    write(db, INSERT, row).await.map(drop)
}

/// Writes a changed one.
pub(crate) async fn update(db: &mut Db<'_>, row: &SavedAudience) -> Outcome<()> {
    if write(db, UPDATE, row).await? > 0 {
        return Ok(());
    }
    let there: bool =
        sqlx::query_scalar(db.sql(
            "SELECT EXISTS (SELECT 1 FROM crm.saved_audiences WHERE workspace = $1 AND id = $2)",
        ))
        .bind(db.key)
        .bind(row.id.0)
        .fetch_one(&mut *db.connection)
        .await?;
    Err(if there {
        let moved = "the saved audience was changed meanwhile; load it again";
        Error::new(ErrorKind::Conflict, moved)
    } else {
        Error::not_found("saved audience")
    }
    .into())
}

async fn write(db: &mut Db<'_>, sql: &'static str, row: &SavedAudience) -> Outcome<u64> {
    let done = sqlx::query(db.sql(sql))
        .bind(db.key)
        .bind(row.id.0)
        .bind(signed(row.version))
        .bind(&row.fields.name)
        .bind(row.name_key())
        .bind(&row.fields.description)
        .bind(json_text(&row.fields.audience)?)
        .bind(&row.created_by)
        .bind(row.created_at)
        .bind(row.updated_at)
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

/// Removes one; whether there was one.
pub(crate) async fn delete(db: &mut Db<'_>, id: SavedAudienceId) -> Outcome<bool> {
    let gone =
        sqlx::query(db.sql("DELETE FROM crm.saved_audiences WHERE workspace = $1 AND id = $2"))
            .bind(db.key)
            .bind(id.0)
            .execute(&mut *db.connection)
            .await?;
    Ok(gone.rows_affected() > 0)
}

/// All of the workspace, by name.
pub(crate) async fn list(db: &mut Db<'_>) -> Outcome<Vec<SavedAudience>> {
    let rows = sqlx::query(db.sql(
        "SELECT id, version, name, description, audience, created_by, created_at, updated_at \
         FROM crm.saved_audiences WHERE workspace = $1 ORDER BY name_key",
    ))
    .bind(db.key)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SavedAudience {
                workspace: db.workspace.clone(),
                id: SavedAudienceId(get(row, "id")?),
                version: unsigned(row, "version")?,
                fields: SavedAudienceFields {
                    name: get(row, "name")?,
                    description: get(row, "description")?,
                    audience: json(row, "audience")?,
                },
                created_by: get(row, "created_by")?,
                created_at: get(row, "created_at")?,
                updated_at: get(row, "updated_at")?,
            })
        })
        .collect()
}
