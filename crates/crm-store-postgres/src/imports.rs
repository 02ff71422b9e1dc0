//! What imports changed.

use crm_core::id::{ContactId, ImportId};
use crm_core::import::ImportUpdate;
use uuid::Uuid;

use crate::bulk::Table;
use crate::fault::Outcome;
use crate::query::Db;
use crate::rows::{column, get, json, json_column, signed, unsigned};

const TABLE: Table = Table {
    name: "import_updates",
    columns: &[
        ("import", "uuid"),
        ("contact", "uuid"),
        ("version", "bigint"),
        ("fields", "jsonb"),
    ],
};

/// Keeps what was known before each import's first change, and the version of its last one.
pub(crate) async fn put(db: &mut Db<'_>, rows: &[&ImportUpdate]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = TABLE.insert_or(
        db,
        "(workspace, import, contact) DO UPDATE SET version = excluded.version",
    );
    sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.import_id.0))
        .bind(column(rows, |row| row.contact_id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(json_column(rows, |row| &row.before)?)
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// Forgets one.
pub(crate) async fn delete(db: &mut Db<'_>, import: ImportId, contact: ContactId) -> Outcome<()> {
    sqlx::query(db.sql(
        "DELETE FROM crm.import_updates WHERE workspace = $1 AND import = $2 AND contact = $3",
    ))
    .bind(db.key)
    .bind(import.0)
    .bind(contact.0)
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Those of an import behind a contact.
pub(crate) async fn list(
    db: &mut Db<'_>,
    import: ImportId,
    after: Option<ContactId>,
    limit: u32,
) -> Outcome<Vec<ImportUpdate>> {
    let limit = if limit == 0 { 100 } else { limit.min(1_000) };
    let rows = sqlx::query(db.sql(
        "SELECT contact, version, fields FROM crm.import_updates \
         WHERE workspace = $1 AND import = $2 AND contact > $3 ORDER BY contact LIMIT $4",
    ))
    .bind(db.key)
    .bind(import.0)
    .bind(after.map_or(Uuid::nil(), |contact| contact.0))
    .bind(i64::from(limit))
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ImportUpdate {
                workspace: db.workspace.clone(),
                import_id: import,
                contact_id: ContactId(get(row, "contact")?),
                version: unsigned(row, "version")?,
                before: json(row, "fields")?,
            })
        })
        .collect()
}
