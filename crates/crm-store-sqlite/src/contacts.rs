//! Contacts: rows, uniqueness, search.

use crm_core::Workspace;
use crm_core::contact::search::{Query, search_key};
use crm_core::contact::{Birthday, Contact, ContactFields};
use crm_core::id::ContactId;
use crm_core::port::store::{ContactQuery, Page};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::audience;
use crate::fault::{Outcome, unreadable};
use crate::query::{Filter, List, blob};
use crate::rows::{instant, json, micros, opt_instant, opt_micros, signed, unsigned};
use crate::search::{self, Way};

pub(crate) const COLUMNS: &str = "c.id, c.version, c.external_id, c.name, c.email, c.phone, \
    c.telegram_chat_id, c.whatsapp, c.segment, c.birthday_year, c.birthday_day, c.company, \
    c.position, c.language, c.time_zone, c.tags, c.custom_fields, c.preferred_channels, c.consent, \
    c.last_interaction_date, c.erased, c.created_by, c.created_at, c.updated_at, c.merged_into";

// Both have their values at the same places.
const INSERT: &str = "INSERT INTO contacts (workspace, id, version, external_id, name, email, \
    email_key, phone, telegram_chat_id, whatsapp, segment, birthday_year, birthday_day, company, \
    position, language, time_zone, tags, custom_fields, preferred_channels, consent, \
    last_interaction_date, erased, merged_into, created_by, created_at, updated_at, search_key) VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
    ?24, ?25, ?26, ?27, ?28)";

const UPDATE: &str = "UPDATE contacts SET version = ?3, external_id = ?4, name = ?5, email = ?6, email_key = ?7, \
    phone = ?8, telegram_chat_id = ?9, whatsapp = ?10, segment = ?11, birthday_year = ?12, birthday_day = ?13, \
    company = ?14, position = ?15, language = ?16, time_zone = ?17, tags = ?18, custom_fields = ?19, \
    preferred_channels = ?20, consent = ?21, last_interaction_date = ?22, erased = ?23, merged_into = ?24, \
    created_by = ?25, created_at = ?26, updated_at = ?27, search_key = ?28 \
    WHERE workspace = ?1 AND id = ?2 AND version = ?3 - 1";

/// Writes a new contact.
pub(crate) fn insert(connection: &Connection, workspace: i64, contact: &Contact) -> Outcome<()> {
    let key = search_key(&contact.fields);
    write(connection, INSERT, workspace, contact, &key)?;
    search::add(connection, workspace, connection.last_insert_rowid(), &key)
}

/// Writes a changed contact; `false` when no row has the version before.
pub(crate) fn update(connection: &Connection, workspace: i64, contact: &Contact) -> Outcome<bool> {
    let Some(before) = search::entry(connection, workspace, contact.id.0)? else {
        return Ok(false);
    };
    let key = search_key(&contact.fields);
    if write(connection, UPDATE, workspace, contact, &key)? == 0 {
        return Ok(false);
    }
    search::change(connection, workspace, &before, &key)?;
    Ok(true)
}

fn write(
    connection: &Connection,
    sql: &str,
    workspace: i64,
    contact: &Contact,
    key: &str,
) -> Outcome<usize> {
    let fields = &contact.fields;
    Ok(connection.prepare_cached(sql)?.execute(params![
        workspace,
        contact.id.0,
        signed(contact.version),
        fields.external_id,
        fields.name,
        fields.email,
        fields.email.as_ref().map(|email| email.to_lowercase()),
        fields.phone,
        fields.telegram_chat_id,
        fields.whatsapp,
        fields.segment,
        fields.birthday.and_then(|birthday| birthday.year),
        fields
            .birthday
            .map(|birthday| birthday.month * 100 + birthday.day),
        fields.company,
        fields.position,
        fields.language,
        fields.time_zone,
        serde_json::to_string(&fields.tags)?,
        serde_json::to_string(&fields.custom_fields)?,
        serde_json::to_string(&fields.preferred_channels)?,
        serde_json::to_string(&fields.consent)?,
        opt_micros(fields.last_interaction_date),
        contact.erased,
        contact.merged_into.map(|id| id.0),
        contact.created_by,
        micros(contact.created_at),
        micros(contact.updated_at),
        key,
    ])?)
}

/// One contact of a row with all columns.
pub(crate) fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Contact> {
    let year: Option<i32> = row.get(9)?;
    let birthday = row.get::<_, Option<u32>>(10)?.map(|day| Birthday {
        year,
        month: day / 100,
        day: day % 100,
    });
    if birthday.is_some_and(|birthday| birthday.month > 12 || birthday.day > 31) {
        return Err(unreadable(10, rusqlite::types::Type::Integer));
    }
    Ok(Contact {
        workspace: workspace.clone(),
        id: ContactId(row.get(0)?),
        version: unsigned(row, 1)?,
        fields: ContactFields {
            external_id: row.get(2)?,
            name: row.get(3)?,
            email: row.get(4)?,
            phone: row.get(5)?,
            telegram_chat_id: row.get(6)?,
            whatsapp: row.get(7)?,
            segment: row.get(8)?,
            birthday,
            company: row.get(11)?,
            position: row.get(12)?,
            language: row.get(13)?,
            time_zone: row.get(14)?,
            tags: json(row, 15)?,
            custom_fields: json(row, 16)?,
            preferred_channels: json(row, 17)?,
            consent: json(row, 18)?,
            last_interaction_date: opt_instant(row, 19)?,
        },
        erased: row.get(20)?,
        merged_into: row.get::<_, Option<_>>(24)?.map(ContactId),
        created_by: row.get(21)?,
        created_at: instant(row, 22)?,
        updated_at: instant(row, 23)?,
    })
}

/// One contact.
pub(crate) fn one(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    id: ContactId,
) -> Outcome<Option<Contact>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM contacts c WHERE c.workspace = ?1 AND c.id = ?2"
        ))?
        .query_row((key, id.0), |row| read(workspace, row))
        .optional()?)
}

/// Lists contacts.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &ContactQuery,
) -> Outcome<Page<Contact>> {
    let text = query.search.as_deref().unwrap_or_default();
    let way = search::way(connection, key, &Query::parse(text))?;
    let mut page = query.page;
    let mut total = None;
    if let (true, Way::Many(sought)) = (page.count, &way) {
        // All of them are to be looked at: the index finds them faster than the walk.
        let mut all = filter(key, query, &way)?;
        all.and("c.place IN (SELECT rowid FROM contacts_search WHERE contacts_search MATCH ?)")
            .bind(sought.clone());
        total = Some(all.count(connection, "contacts c")?);
        page.count = false;
    }
    let list = List {
        columns: COLUMNS,
        from: "contacts c",
        key: "c.id",
    };
    let mut found = list.page(
        connection,
        filter(key, query, &way)?,
        &page,
        |row| read(workspace, row),
        |contact| contact.id.0,
    )?;
    found.total = total.or(found.total);
    Ok(found)
}

fn filter(key: i64, query: &ContactQuery, way: &Way) -> Outcome<Filter> {
    let workspace = match way {
        // The plus keeps SQLite from walking all ids rather than looking up the few.
        Way::Few(_) => "+c.workspace = ?",
        _ => "c.workspace = ?",
    };
    let mut filter = Filter::new(workspace, key);
    filter.ids(
        "c.id IN (SELECT unhex(value) FROM json_each(?))",
        query.ids.iter().map(|id| id.0),
    );
    match query.merged_into {
        Some(id) => {
            filter.and("c.merged_into = ?").bind(blob(id.0));
        }
        None if query.ids.is_empty() => {
            filter.and("c.erased = 0");
        }
        None => {}
    }
    if let Some(email) = &query.email {
        filter
            .and("c.email_key = ? AND c.email = ?")
            .bind(email.to_lowercase())
            .bind(email.clone());
    }
    if let Some(external_id) = &query.external_id {
        filter
            .and(
                "c.id = (SELECT coalesce(k.merged_into, k.id) FROM contacts k \
                 WHERE k.workspace = ? AND k.external_id = ?)",
            )
            .bind(key)
            .bind(external_id.clone());
    }
    filter.given("c.phone = ?", query.phone.clone());
    if let Some(days) = &query.birthdays {
        filter.and("");
        audience::born_on(days, &mut filter);
    }
    search::condition(
        &mut filter,
        way,
        query.search.as_deref().unwrap_or_default(),
    );
    if let Some(audience) = &query.audience {
        filter.and("");
        audience::compile(audience, query.today, &mut filter)?;
    }
    Ok(filter)
}
