//! What workspaces say about their custom fields.

use crm_core::contact::definition::FieldDefinition;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::{Connection, named_params};

use crate::fault::Outcome;
use crate::rows::{instant, json, micros, signed, unsigned};

const INSERT: &str = "INSERT INTO field_definitions \
    (workspace, name, version, fields, created_by, created_at, updated_at) \
    VALUES (:workspace, :name, :version, :fields, :created_by, :created_at, :updated_at) \
    ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE field_definitions SET version = :version, fields = :fields, \
    created_by = :created_by, created_at = :created_at, updated_at = :updated_at \
    WHERE workspace = :workspace AND name = :name AND version = :version - 1";

/// Writes the first definition of a field or a changed one.
pub(crate) fn put(connection: &Connection, workspace: i64, row: &FieldDefinition) -> Outcome<()> {
    let sql = if row.version == 1 { INSERT } else { UPDATE };
    let written = connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":name": row.name,
        ":version": signed(row.version),
        ":fields": serde_json::to_string(&row.fields)?,
        ":created_by": row.created_by,
        ":created_at": micros(row.created_at),
        ":updated_at": micros(row.updated_at),
    })?;
    if written > 0 {
        return Ok(());
    }
    let moved = "the definition of the field was changed meanwhile; load it again";
    Err(Error::new(ErrorKind::Conflict, moved).into())
}

/// Forgets a definition; whether there was one.
pub(crate) fn delete(connection: &Connection, workspace: i64, name: &str) -> Outcome<bool> {
    let gone = connection
        .prepare_cached("DELETE FROM field_definitions WHERE workspace = ?1 AND name = ?2")?
        .execute((workspace, name))?;
    Ok(gone > 0)
}

/// All definitions of the workspace, by name.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
) -> Outcome<Vec<FieldDefinition>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, version, fields, created_by, created_at, updated_at \
         FROM field_definitions WHERE workspace = ?1 ORDER BY name",
    )?;
    let rows = statement.query_map([key], |row| {
        Ok(FieldDefinition {
            workspace: workspace.clone(),
            name: row.get(0)?,
            version: unsigned(row, 1)?,
            fields: json(row, 2)?,
            created_by: row.get(3)?,
            created_at: instant(row, 4)?,
            updated_at: instant(row, 5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
