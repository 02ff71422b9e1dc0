//! The voice of each workspace.

use crm_core::generation::Voice;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::fault::Outcome;
use crate::rows::{instant, json, micros, signed, unsigned};

const INSERT: &str = "INSERT INTO voices (workspace, version, fields, updated_by, updated_at) \
    VALUES (:workspace, :version, :fields, :updated_by, :updated_at) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE voices SET version = :version, fields = :fields, \
    updated_by = :updated_by, updated_at = :updated_at \
    WHERE workspace = :workspace AND version = :version - 1";

/// Writes the first voice or a changed one.
pub(crate) fn put(connection: &Connection, workspace: i64, row: &Voice) -> Outcome<()> {
    let sql = if row.version == 1 { INSERT } else { UPDATE };
    let written = connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":version": signed(row.version),
        ":fields": serde_json::to_string(&row.fields)?,
        ":updated_by": row.updated_by,
        ":updated_at": micros(row.updated_at),
    })?;
    if written > 0 {
        return Ok(());
    }
    let moved = "the voice was changed meanwhile; load it again";
    Err(Error::new(ErrorKind::Conflict, moved).into())
}

/// The voice, if one was set.
pub(crate) fn one(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
) -> Outcome<Option<Voice>> {
    Ok(connection
        .prepare_cached(
            "SELECT version, fields, updated_by, updated_at FROM voices WHERE workspace = ?1",
        )?
        .query_row([key], |row| {
            Ok(Voice {
                workspace: workspace.clone(),
                version: unsigned(row, 0)?,
                fields: json(row, 1)?,
                updated_by: row.get(2)?,
                updated_at: instant(row, 3)?,
            })
        })
        .optional()?)
}
