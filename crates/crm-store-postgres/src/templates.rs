//! Templates.

use crm_core::Workspace;
use crm_core::id::TemplateId;
use crm_core::message::Occasion;
use crm_core::port::store::{Page, TemplateQuery};
use crm_core::template::{Template, TemplateFields};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{NEXT_VERSION, Table};
use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::{column, format, get, named, signed, unsigned};

const COLUMNS: &str = "t.id, t.version, t.name, t.occasion, t.segment, t.channel, t.language, \
    t.subject, t.content, t.format, t.is_active, t.created_by, t.created_at, t.updated_at";

const TABLE: Table = Table {
    name: "templates",
    columns: &[
        ("id", "uuid"),
        ("version", "bigint"),
        ("name", "text"),
        ("occasion", "text"),
        ("segment", "text"),
        ("channel", "text"),
        ("language", "text"),
        ("subject", "text"),
        ("content", "text"),
        ("format", "text"),
        ("is_active", "boolean"),
        ("created_by", "text"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
    ],
};

/// Writes new templates.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Template]) -> Outcome<()> {
    if !rows.is_empty() {
        let sql = TABLE.insert(db);
        write(db, sql, rows).await?;
    }
    Ok(())
}

/// Writes changed templates; `false` when one of them has not the version before: roll back.
///
/// One by one, as they come: one may take the name that another gives up. People change templates, so
/// there are never many.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Template]) -> Outcome<bool> {
    for row in rows {
        let sql = TABLE.update(db, NEXT_VERSION);
        if write(db, sql, &[*row]).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Binds the rows; how many were written.
async fn write(db: &mut Db<'_>, sql: SqlStr, rows: &[&Template]) -> Outcome<u64> {
    let text = |of: fn(&TemplateFields) -> &str| -> Vec<&str> {
        rows.iter().map(|row| of(&row.fields)).collect()
    };
    let opt = |of: fn(&TemplateFields) -> &Option<String>| -> Vec<Option<&str>> {
        rows.iter().map(|row| of(&row.fields).as_deref()).collect()
    };
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(text(|fields| &fields.name))
        .bind(text(|fields| fields.occasion_type.as_str()))
        .bind(opt(|fields| &fields.segment))
        .bind(opt(|fields| &fields.channel))
        .bind(text(|fields| &fields.language))
        .bind(opt(|fields| &fields.subject))
        .bind(text(|fields| &fields.content))
        .bind(text(|fields| fields.format.as_str()))
        .bind(column(rows, |row| row.fields.is_active))
        .bind(column(rows, |row| row.created_by.clone()))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.updated_at))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

/// Removes a template; `false` when there is none.
pub(crate) async fn delete(db: &mut Db<'_>, id: TemplateId) -> Outcome<bool> {
    let done = sqlx::query(db.sql("DELETE FROM crm.templates WHERE workspace = $1 AND id = $2"))
        .bind(db.key)
        .bind(id.0)
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Template> {
    Ok(Template {
        workspace: workspace.clone(),
        id: TemplateId(get(row, "id")?),
        version: unsigned(row, "version")?,
        fields: TemplateFields {
            name: get(row, "name")?,
            occasion_type: named(row, "occasion", Occasion::parse)?,
            segment: get(row, "segment")?,
            channel: get(row, "channel")?,
            language: get(row, "language")?,
            subject: get(row, "subject")?,
            content: get(row, "content")?,
            format: named(row, "format", format)?,
            is_active: get(row, "is_active")?,
        },
        created_by: get(row, "created_by")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

/// Lists templates.
pub(crate) async fn list(db: &mut Db<'_>, query: &TemplateQuery) -> Outcome<Page<Template>> {
    let conditions = |filter: &mut Filter| {
        let occasion = query.occasion.map(|occasion| occasion.as_str().to_owned());
        filter
            .given("t.occasion = ", occasion)
            .given("t.is_active = ", query.active);
        Ok(())
    };
    let list = List {
        columns: COLUMNS,
        from: "crm.templates t",
        workspace: "t.workspace",
        key: "t.id",
        ids: query.ids.iter().map(|id| id.0).collect(),
    };
    let id = |template: &Template| template.id.0;
    list.page(db, &query.page, conditions, read, id).await
}

#[cfg(test)]
mod tests {
    use crm_core::message::Format;
    use crm_core::port::store::PageRequest;
    use crm_core::testing::fixtures::template;

    use super::*;
    use crate::testing::{Place, done};

    #[tokio::test]
    async fn comes_back_as_written_and_in_pages() {
        let mut place = Place::open("templates").await;
        let (mut one, mut two) = (template(1), template(2));
        "Bayramingiz bilan, {{name}}! Ogʻir boʻlmasin".clone_into(&mut one.fields.content);
        one.fields.segment = Some("ВИП".to_owned());
        one.fields.channel = Some("email".to_owned());
        one.fields.format = Format::Html;
        (two.fields.subject, two.fields.is_active) = (None, false);
        two.fields.occasion_type = Occasion::Holiday;
        done(insert(&mut place.db(), &[&one, &two]).await);
        let all = TemplateQuery::default;
        let found = done(list(&mut place.db(), &all()).await).items;
        assert_eq!(found, [two.clone(), one.clone()]);

        // The second gives up the name that the first one takes.
        (one.version, two.version) = (2, 2);
        std::mem::swap(&mut one.fields.name, &mut two.fields.name);
        "Navroʻz".clone_into(&mut two.fields.name);
        assert!(done(update(&mut place.db(), &[&two, &one]).await));
        assert!(!done(update(&mut place.db(), &[&one]).await));

        let first = PageRequest {
            limit: 1,
            count: true,
            ..PageRequest::default()
        };
        let rest = PageRequest {
            after: Some(two.id.0),
            ..first
        };
        let skipped = PageRequest { skip: 1, ..first };
        let paged = |page| TemplateQuery { page, ..all() };
        let active = TemplateQuery {
            active: Some(true),
            ..all()
        };
        let holiday = TemplateQuery {
            occasion: Some(Occasion::Holiday),
            ids: vec![one.id, two.id],
            ..all()
        };
        for (query, wanted, further) in [
            (paged(first), &two, Some(two.id.0)),
            (paged(rest), &one, None),
            (paged(skipped), &one, None),
            (active, &one, None),
            (holiday, &two, None),
        ] {
            let found = done(list(&mut place.db(), &query).await);
            assert_eq!(found.items, std::slice::from_ref(wanted), "{query:?}");
            assert_eq!(found.next, further, "{query:?}");
            assert_eq!(found.total, query.page.count.then_some(2));
            let strange = done(list(&mut place.stranger(), &query).await);
            assert_eq!(strange.items, []);
        }

        assert!(!done(delete(&mut place.stranger(), one.id).await));
        assert!(done(delete(&mut place.db(), one.id).await));
        assert!(!done(delete(&mut place.db(), one.id).await));
        assert_eq!(done(list(&mut place.db(), &all()).await).items, [two]);
        place.close().await;
    }
}
