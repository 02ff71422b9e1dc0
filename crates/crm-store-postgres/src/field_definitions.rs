//! What workspaces say about their custom fields.

use crm_core::contact::definition::FieldDefinition;
use crm_core::{Error, ErrorKind};

use crate::fault::Outcome;
use crate::query::Db;
use crate::rows::{get, json, json_text, signed, unsigned};

const INSERT: &str = "INSERT INTO crm.field_definitions \
    (workspace, name, version, fields, created_by, created_at, updated_at) \
    VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE crm.field_definitions SET version = $3, fields = $4::jsonb, \
    created_by = $5, created_at = $6, updated_at = $7 \
    WHERE workspace = $1 AND name = $2 AND version = $3 - 1";

/// Writes the first definition of a field or a changed one.
pub(crate) async fn put(db: &mut Db<'_>, row: &FieldDefinition) -> Outcome<()> {
    let sql = db.sql(if row.version == 1 { INSERT } else { UPDATE });
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(&row.name)
        .bind(signed(row.version))
        .bind(json_text(&row.fields)?)
        .bind(&row.created_by)
        .bind(row.created_at)
        .bind(row.updated_at)
        .execute(&mut *db.connection)
        .await?;
    if done.rows_affected() > 0 {
        return Ok(());
    }
    let moved = "the definition of the field was changed meanwhile; load it again";
    Err(Error::new(ErrorKind::Conflict, moved).into())
}

/// Forgets a definition; whether there was one.
pub(crate) async fn delete(db: &mut Db<'_>, name: &str) -> Outcome<bool> {
    let gone =
        sqlx::query(db.sql("DELETE FROM crm.field_definitions WHERE workspace = $1 AND name = $2"))
            .bind(db.key)
            .bind(name)
            .execute(&mut *db.connection)
            .await?;
    Ok(gone.rows_affected() > 0)
}

/// All definitions of the workspace, by name.
pub(crate) async fn list(db: &mut Db<'_>) -> Outcome<Vec<FieldDefinition>> {
    let rows = sqlx::query(db.sql(
        "SELECT name, version, fields, created_by, created_at, updated_at \
         FROM crm.field_definitions WHERE workspace = $1 ORDER BY name",
    ))
    .bind(db.key)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(FieldDefinition {
                workspace: db.workspace.clone(),
                name: get(row, "name")?,
                version: unsigned(row, "version")?,
                fields: json(row, "fields")?,
                created_by: get(row, "created_by")?,
                created_at: get(row, "created_at")?,
                updated_at: get(row, "updated_at")?,
            })
        })
        .collect()
}
