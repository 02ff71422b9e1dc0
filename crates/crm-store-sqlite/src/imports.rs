//! What imports changed.

use crm_core::Workspace;
use crm_core::id::{ContactId, ImportId};
use crm_core::import::ImportUpdate;
use rusqlite::{Connection, named_params};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::rows::{json, signed, unsigned};

/// Keeps what was known before the import's first change, and the version of its last one.
pub(crate) fn put(connection: &Connection, workspace: i64, row: &ImportUpdate) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO import_updates (workspace, import, contact, version, fields) \
             VALUES (:workspace, :import, :contact, :version, :fields) \
             ON CONFLICT DO UPDATE SET version = excluded.version",
        )?
        .execute(named_params! {
            ":workspace": workspace,
            ":import": row.import_id.0,
            ":contact": row.contact_id.0,
            ":version": signed(row.version),
            ":fields": serde_json::to_string(&row.before)?,
        })?;
    Ok(())
}

/// Forgets one.
pub(crate) fn delete(
    connection: &Connection,
    workspace: i64,
    import: ImportId,
    contact: ContactId,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "DELETE FROM import_updates WHERE workspace = ?1 AND import = ?2 AND contact = ?3",
        )?
        .execute((workspace, import.0, contact.0))?;
    Ok(())
}

/// Those of an import behind a contact.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    import: ImportId,
    after: Option<ContactId>,
    limit: u32,
) -> Outcome<Vec<ImportUpdate>> {
    let after = after.map_or(Uuid::nil(), |contact| contact.0);
    let limit = if limit == 0 { 100 } else { limit.min(1_000) };
    let rows = connection
        .prepare_cached(
            "SELECT contact, version, fields FROM import_updates \
             WHERE workspace = ?1 AND import = ?2 AND contact > ?3 ORDER BY contact LIMIT ?4",
        )?
        .query_map((key, import.0, after, limit), |row| {
            Ok(ImportUpdate {
                workspace: workspace.clone(),
                import_id: import,
                contact_id: ContactId(row.get(0)?),
                version: unsigned(row, 1)?,
                before: json(row, 2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}
