//! Audiences that are saved under names.

use crm_core::audience::saved::{SavedAudience, SavedAudienceFields};
use crm_core::id::SavedAudienceId;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::{Connection, named_params};

use crate::fault::Outcome;
use crate::rows::{instant, json, micros, signed, unsigned};

const INSERT: &str = "INSERT INTO saved_audiences (workspace, id, version, name, name_key, \
    description, audience, created_by, created_at, updated_at) VALUES (:workspace, :id, :version, \
    :name, :name_key, :description, :audience, :created_by, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE saved_audiences SET version = :version, name = :name, \
    name_key = :name_key, description = :description, audience = :audience, \
    created_by = :created_by, created_at = :created_at, updated_at = :updated_at \
    WHERE workspace = :workspace AND id = :id AND version = :version - 1";

/// Writes a new one.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &SavedAudience) -> Outcome<()> {
    write(connection, INSERT, workspace, row).map(drop)
}

/// Writes a changed one.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &SavedAudience) -> Outcome<()> {
    if write(connection, UPDATE, workspace, row)? > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached("SELECT 1 FROM saved_audiences WHERE workspace = ?1 AND id = ?2")?
        .exists((workspace, row.id.0))?;
    Err(if there {
        let moved = "the saved audience was changed meanwhile; load it again";
        Error::new(ErrorKind::Conflict, moved)
    } else {
        Error::not_found("saved audience")
    }
    .into())
}

fn write(
    connection: &Connection,
    sql: &str,
    workspace: i64,
    row: &SavedAudience,
) -> Outcome<usize> {
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":id": row.id.0,
        ":version": signed(row.version),
        ":name": row.fields.name,
        ":name_key": row.name_key(),
        ":description": row.fields.description,
        ":audience": serde_json::to_string(&row.fields.audience)?,
        ":created_by": row.created_by,
        ":created_at": micros(row.created_at),
        ":updated_at": micros(row.updated_at),
    })?)
}

/// Removes one; whether there was one.
pub(crate) fn delete(
    connection: &Connection,
    workspace: i64,
    id: SavedAudienceId,
) -> Outcome<bool> {
    let gone = connection
        .prepare_cached("DELETE FROM saved_audiences WHERE workspace = ?1 AND id = ?2")?
        .execute((workspace, id.0))?;
    Ok(gone > 0)
}

/// All of the workspace, by name.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
) -> Outcome<Vec<SavedAudience>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, version, name, description, audience, created_by, created_at, updated_at \
         FROM saved_audiences WHERE workspace = ?1 ORDER BY name_key",
    )?;
    let rows = statement.query_map([key], |row| {
        Ok(SavedAudience {
            workspace: workspace.clone(),
            id: SavedAudienceId(row.get(0)?),
            version: unsigned(row, 1)?,
            fields: SavedAudienceFields {
                name: row.get(2)?,
                description: row.get(3)?,
                audience: json(row, 4)?,
            },
            created_by: row.get(5)?,
            created_at: instant(row, 6)?,
            updated_at: instant(row, 7)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
