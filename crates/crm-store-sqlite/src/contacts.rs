//! Contacts: rows, uniqueness, search.

use std::collections::BTreeMap;

use crm_core::Workspace;
use crm_core::contact::search::{Query, search_key};
use crm_core::contact::{Birthday, Contact, ContactFields};
use crm_core::id::ContactId;
use crm_core::port::store::{ContactKeys, ContactQuery, Page, SHARED_PHONE};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::audience;
use crate::fault::{Outcome, unreadable};
use crate::query::{Filter, List, blob};
use crate::rows::{instant, json, micros, opt_instant, opt_micros, signed, unsigned};
use crate::search::{self, Way};

const COLUMNS: &str = "c.id, c.version, c.external_id, c.name, c.email, c.phone, \
    c.telegram_chat_id, c.whatsapp, c.segment, c.birthday_year, c.birthday_day, c.company, \
    c.position, c.language, c.time_zone, c.tags, c.custom_fields, c.preferred_channels, c.consent, \
    c.last_interaction_date, c.erased, c.created_by, c.created_at, c.updated_at, c.merged_into";

const INSERT: &str = "INSERT INTO contacts (workspace, id, version, external_id, name, email, \
    email_key, phone, telegram_chat_id, whatsapp, segment, birthday_year, birthday_day, company, \
    position, language, time_zone, tags, custom_fields, preferred_channels, consent, \
    last_interaction_date, erased, merged_into, created_by, created_at, updated_at, search_key) VALUES \
    (:workspace, :id, :version, :external_id, :name, :email, :email_key, :phone, \
    :telegram_chat_id, :whatsapp, :segment, :birthday_year, :birthday_day, :company, :position, \
    :language, :time_zone, :tags, :custom_fields, :preferred_channels, :consent, \
    :last_interaction_date, :erased, :merged_into, :created_by, :created_at, :updated_at, :search_key)";

const UPDATE: &str = "UPDATE contacts SET version = :version, external_id = :external_id, \
    name = :name, email = :email, email_key = :email_key, phone = :phone, \
    telegram_chat_id = :telegram_chat_id, whatsapp = :whatsapp, segment = :segment, \
    birthday_year = :birthday_year, birthday_day = :birthday_day, company = :company, \
    position = :position, language = :language, time_zone = :time_zone, tags = :tags, \
    custom_fields = :custom_fields, preferred_channels = :preferred_channels, consent = :consent, \
    last_interaction_date = :last_interaction_date, erased = :erased, merged_into = :merged_into, created_by = :created_by, \
    created_at = :created_at, updated_at = :updated_at, search_key = :search_key \
    WHERE workspace = :workspace AND id = :id AND version = :version - 1";

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
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":id": contact.id.0,
        ":version": signed(contact.version),
        ":external_id": fields.external_id,
        ":name": fields.name,
        ":email": fields.email,
        ":email_key": fields.email.as_ref().map(|email| email.to_lowercase()),
        ":phone": fields.phone,
        ":telegram_chat_id": fields.telegram_chat_id,
        ":whatsapp": fields.whatsapp,
        ":segment": fields.segment,
        ":birthday_year": fields.birthday.and_then(|birthday| birthday.year),
        ":birthday_day": fields.birthday.map(|birthday| birthday.month * 100 + birthday.day),
        ":company": fields.company,
        ":position": fields.position,
        ":language": fields.language,
        ":time_zone": fields.time_zone,
        ":tags": serde_json::to_string(&fields.tags)?,
        ":custom_fields": serde_json::to_string(&fields.custom_fields)?,
        ":preferred_channels": serde_json::to_string(&fields.preferred_channels)?,
        ":consent": serde_json::to_string(&fields.consent)?,
        ":last_interaction_date": opt_micros(fields.last_interaction_date),
        ":erased": contact.erased,
        ":merged_into": contact.merged_into.map(|id| id.0),
        ":created_by": contact.created_by,
        ":created_at": micros(contact.created_at),
        ":updated_at": micros(contact.updated_at),
        ":search_key": key,
    })?)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Contact> {
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

/// The contacts that have any of these keys.
pub(crate) fn by_keys(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    keys: &ContactKeys,
) -> Outcome<Vec<Contact>> {
    let mut found = BTreeMap::new();
    for id in &keys.ids {
        if let Some(contact) = one(connection, workspace, key, *id)? {
            found.insert(contact.id, contact);
        }
    }
    let emails: Vec<String> = keys.emails.iter().map(|text| text.to_lowercase()).collect();
    // Named, for figures of a table that was small when they were taken lead the planner elsewhere.
    for (column, index, limit, texts) in [
        ("external_id", "contacts_external_id", 1, &keys.external_ids),
        ("email_key", "contacts_email", 1, &emails),
        ("phone", "contacts_phone", SHARED_PHONE, &keys.phones),
    ] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM contacts c INDEXED BY {index} \
             WHERE c.workspace = ?1 AND c.{column} = ?2 ORDER BY c.id LIMIT {limit}"
        ))?;
        for text in texts {
            let rows = statement.query_map((key, text), |row| read(workspace, row))?;
            for contact in rows {
                let contact = contact?;
                found.insert(contact.id, contact);
            }
        }
    }
    Ok(found.into_values().collect())
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
