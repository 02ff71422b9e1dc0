//! The voice of each workspace.

use crm_core::generation::Voice;
use crm_core::{Error, ErrorKind};

use crate::fault::Outcome;
use crate::query::Db;
use crate::rows::{get, json, json_text, signed, unsigned};

const INSERT: &str = "INSERT INTO crm.voices (workspace, version, fields, updated_by, updated_at) \
    VALUES ($1, $2, $3::jsonb, $4, $5) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE crm.voices SET version = $2, fields = $3::jsonb, updated_by = $4, \
    updated_at = $5 WHERE workspace = $1 AND version = $2 - 1";

/// Writes the first voice or a changed one.
pub(crate) async fn put(db: &mut Db<'_>, row: &Voice) -> Outcome<()> {
    let sql = db.sql(if row.version == 1 { INSERT } else { UPDATE });
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(signed(row.version))
        .bind(json_text(&row.fields)?)
        .bind(&row.updated_by)
        .bind(row.updated_at)
        .execute(&mut *db.connection)
        .await?;
    if done.rows_affected() > 0 {
        return Ok(());
    }
    let moved = "the voice was changed meanwhile; load it again";
    Err(Error::new(ErrorKind::Conflict, moved).into())
}

/// The voice, if one was set.
pub(crate) async fn one(db: &mut Db<'_>) -> Outcome<Option<Voice>> {
    let row = sqlx::query(db.sql(
        "SELECT version, fields, updated_by, updated_at FROM crm.voices WHERE workspace = $1",
    ))
    .bind(db.key)
    .fetch_optional(&mut *db.connection)
    .await?;
    row.map(|row| {
        Ok(Voice {
            workspace: db.workspace.clone(),
            version: unsigned(&row, "version")?,
            fields: json(&row, "fields")?,
            updated_by: get(&row, "updated_by")?,
            updated_at: get(&row, "updated_at")?,
        })
    })
    .transpose()
}
