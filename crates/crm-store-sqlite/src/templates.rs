//! Templates.

use crm_core::Workspace;
use crm_core::id::TemplateId;
use crm_core::message::Occasion;
use crm_core::port::store::{Page, TemplateQuery};
use crm_core::template::{Template, TemplateFields};
use rusqlite::{Connection, Row, named_params};

use crate::fault::Outcome;
use crate::query::{Filter, List};
use crate::rows::{format, instant, micros, named, signed, unsigned};

const COLUMNS: &str = "t.id, t.version, t.name, t.occasion, t.segment, t.channel, t.language, \
    t.subject, t.content, t.format, t.is_active, t.created_by, t.created_at, t.updated_at";

const INSERT: &str = "INSERT INTO templates (workspace, id, version, name, occasion, segment, \
    channel, language, subject, content, format, is_active, created_by, created_at, updated_at) \
    VALUES (:workspace, :id, :version, :name, :occasion, :segment, :channel, :language, :subject, \
    :content, :format, :is_active, :created_by, :created_at, :updated_at)";

const UPDATE: &str = "UPDATE templates SET version = :version, name = :name, \
    occasion = :occasion, segment = :segment, channel = :channel, language = :language, \
    subject = :subject, content = :content, format = :format, is_active = :is_active, \
    created_by = :created_by, created_at = :created_at, updated_at = :updated_at \
    WHERE workspace = :workspace AND id = :id AND version = :version - 1";

/// Writes a new template.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Template) -> Outcome<()> {
    write(connection, INSERT, workspace, row).map(drop)
}

/// Writes a changed template; `false` when no row has the version before.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &Template) -> Outcome<bool> {
    write(connection, UPDATE, workspace, row).map(|rows| rows > 0)
}

fn write(connection: &Connection, sql: &str, workspace: i64, row: &Template) -> Outcome<usize> {
    let fields = &row.fields;
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":id": row.id.0,
        ":version": signed(row.version),
        ":name": fields.name,
        ":occasion": fields.occasion_type.as_str(),
        ":segment": fields.segment,
        ":channel": fields.channel,
        ":language": fields.language,
        ":subject": fields.subject,
        ":content": fields.content,
        ":format": fields.format.as_str(),
        ":is_active": fields.is_active,
        ":created_by": row.created_by,
        ":created_at": micros(row.created_at),
        ":updated_at": micros(row.updated_at),
    })?)
}

/// Removes a template; `false` when there is none.
pub(crate) fn delete(connection: &Connection, workspace: i64, id: TemplateId) -> Outcome<bool> {
    Ok(connection
        .prepare_cached("DELETE FROM templates WHERE workspace = ?1 AND id = ?2")?
        .execute((workspace, id.0))?
        > 0)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Template> {
    Ok(Template {
        workspace: workspace.clone(),
        id: TemplateId(row.get(0)?),
        version: unsigned(row, 1)?,
        fields: TemplateFields {
            name: row.get(2)?,
            occasion_type: named(row, 3, Occasion::parse)?,
            segment: row.get(4)?,
            channel: row.get(5)?,
            language: row.get(6)?,
            subject: row.get(7)?,
            content: row.get(8)?,
            format: named(row, 9, format)?,
            is_active: row.get(10)?,
        },
        created_by: row.get(11)?,
        created_at: instant(row, 12)?,
        updated_at: instant(row, 13)?,
    })
}

/// Lists templates.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &TemplateQuery,
) -> Outcome<Page<Template>> {
    let mut filter = Filter::new("t.workspace = ?", key);
    filter.ids(
        "t.id IN (SELECT unhex(value) FROM json_each(?))",
        query.ids.iter().map(|id| id.0),
    );
    filter.given(
        "t.occasion = ?",
        query.occasion.map(|occasion| occasion.as_str().to_owned()),
    );
    filter.given("t.is_active = ?", query.active);
    List {
        columns: COLUMNS,
        from: "templates t",
        key: "t.id",
    }
    .page(
        connection,
        filter,
        &query.page,
        |row| read(workspace, row),
        |row| row.id.0,
    )
}
