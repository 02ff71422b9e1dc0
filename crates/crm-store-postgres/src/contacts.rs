//! Contacts: rows, uniqueness, search.

use crm_core::Workspace;
use crm_core::contact::search::{Query, search_key};
use crm_core::contact::{Birthday, Contact, ContactFields};
use crm_core::id::ContactId;
use crm_core::port::store::{ContactKeys, ContactQuery, Page, PageRequest, SHARED_PHONE};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::audience;
use crate::bulk::{NEXT_VERSION, Table, all};
use crate::fault::{Outcome, unreadable};
use crate::query::{Db, Filter, List, sought};
use crate::rows::{column, get, json, json_column, signed, small, unsigned};
use crate::search;

const COLUMNS: &str = "c.id, c.version, c.external_id, c.name, c.email, c.phone, \
    c.telegram_chat_id, c.whatsapp, c.segment, c.birthday_year, c.birthday_day, c.company, \
    c.position, c.language, c.time_zone, c.tags, c.custom_fields, c.preferred_channels, c.consent, \
    c.last_interaction_date, c.erased, c.merged_into, c.created_by, c.created_at, c.updated_at";

const TABLE: Table = Table {
    name: "contacts",
    columns: &[
        ("id", "uuid"),
        ("version", "bigint"),
        ("external_id", "text"),
        ("name", "text"),
        ("email", "text"),
        ("email_key", "text"),
        ("phone", "text"),
        ("telegram_chat_id", "text"),
        ("whatsapp", "text"),
        ("segment", "text"),
        ("birthday_year", "integer"),
        ("birthday_day", "integer"),
        ("company", "text"),
        ("position", "text"),
        ("language", "text"),
        ("time_zone", "text"),
        ("tags", "jsonb"),
        ("custom_fields", "jsonb"),
        ("preferred_channels", "jsonb"),
        ("consent", "jsonb"),
        ("last_interaction_date", "timestamptz"),
        ("erased", "boolean"),
        ("merged_into", "uuid"),
        ("created_by", "text"),
        ("created_at", "timestamptz"),
        ("updated_at", "timestamptz"),
        ("search_key", "text"),
        ("search_marks", "integer[]"),
    ],
};

/// Whether one of the rows takes an e-mail or external id that another of them still has.
const HANDED_ON: &str = "SELECT EXISTS ( \
        SELECT 1 FROM unnest((SELECT $2::uuid[]), (SELECT $3::text[])) AS n(id, email_key) \
        JOIN crm.contacts c ON c.email_key = n.email_key AND c.id <> n.id \
        WHERE c.workspace = $1 AND c.id = ANY ($2) \
    ) OR EXISTS ( \
        SELECT 1 FROM unnest((SELECT $2::uuid[]), (SELECT $4::text[])) AS n(id, external_id) \
        JOIN crm.contacts c ON c.external_id = n.external_id AND c.id <> n.id \
        WHERE c.workspace = $1 AND c.id = ANY ($2) \
    )";

/// Writes new contacts.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Contact]) -> Outcome<()> {
    if !rows.is_empty() {
        let sql = TABLE.insert(db);
        write(db, sql, rows).await?;
    }
    Ok(())
}

/// Writes changed contacts, each at most once; `false` when one of them has not the version before:
/// roll back.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Contact]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    if rows.len() == 1 || !handed_on(db, rows).await? {
        let sql = TABLE.update(db, NEXT_VERSION);
        return Ok(all(write(db, sql, rows).await?, rows));
    }
    // One statement writes in any order, and who takes an address must come behind who gives it up.
    for row in rows {
        let sql = TABLE.update(db, NEXT_VERSION);
        if write(db, sql, &[*row]).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn handed_on(db: &mut Db<'_>, rows: &[&Contact]) -> Outcome<bool> {
    Ok(sqlx::query_scalar(db.sql(HANDED_ON))
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, email_key))
        .bind(column(rows, |row| row.fields.external_id.clone()))
        .fetch_one(&mut *db.connection)
        .await?)
}

/// Binds the rows; how many were written.
async fn write(db: &mut Db<'_>, sql: SqlStr, rows: &[&Contact]) -> Outcome<u64> {
    let text = |of: fn(&ContactFields) -> &String| -> Vec<&str> {
        rows.iter().map(|row| of(&row.fields).as_str()).collect()
    };
    let opt = |of: fn(&ContactFields) -> &Option<String>| -> Vec<Option<&str>> {
        rows.iter().map(|row| of(&row.fields).as_deref()).collect()
    };
    let birthday = |row: &Contact| row.fields.birthday;
    let keys = column(rows, |row| search_key(&row.fields));
    let marks: Vec<String> = keys
        .iter()
        .map(|text| search::marks(db.key, text))
        .collect();
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(opt(|fields| &fields.external_id))
        .bind(text(|fields| &fields.name))
        .bind(opt(|fields| &fields.email))
        .bind(column(rows, email_key))
        .bind(opt(|fields| &fields.phone))
        .bind(opt(|fields| &fields.telegram_chat_id))
        .bind(opt(|fields| &fields.whatsapp))
        .bind(text(|fields| &fields.segment))
        .bind(column(rows, |row| birthday(row).and_then(|day| day.year)))
        .bind(column(rows, |row| {
            birthday(row).map(|day| small(day.month * 100 + day.day))
        }))
        .bind(opt(|fields| &fields.company))
        .bind(opt(|fields| &fields.position))
        .bind(text(|fields| &fields.language))
        .bind(opt(|fields| &fields.time_zone))
        .bind(json_column(rows, |row| &row.fields.tags)?)
        .bind(json_column(rows, |row| &row.fields.custom_fields)?)
        .bind(json_column(rows, |row| &row.fields.preferred_channels)?)
        .bind(json_column(rows, |row| &row.fields.consent)?)
        .bind(column(rows, |row| row.fields.last_interaction_date))
        .bind(column(rows, |row| row.erased))
        .bind(column(rows, |row| row.merged_into.map(|id| id.0)))
        .bind(column(rows, |row| row.created_by.clone()))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.updated_at))
        .bind(keys)
        .bind(marks)
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

fn email_key(row: &Contact) -> Option<String> {
    row.fields.email.as_ref().map(|email| email.to_lowercase())
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Contact> {
    Ok(Contact {
        workspace: workspace.clone(),
        id: ContactId(get(row, "id")?),
        version: unsigned(row, "version")?,
        fields: ContactFields {
            external_id: get(row, "external_id")?,
            name: get(row, "name")?,
            email: get(row, "email")?,
            phone: get(row, "phone")?,
            telegram_chat_id: get(row, "telegram_chat_id")?,
            whatsapp: get(row, "whatsapp")?,
            segment: get(row, "segment")?,
            birthday: birthday(row)?,
            company: get(row, "company")?,
            position: get(row, "position")?,
            language: get(row, "language")?,
            time_zone: get(row, "time_zone")?,
            tags: json(row, "tags")?,
            custom_fields: json(row, "custom_fields")?,
            preferred_channels: json(row, "preferred_channels")?,
            consent: json(row, "consent")?,
            last_interaction_date: get(row, "last_interaction_date")?,
        },
        erased: get(row, "erased")?,
        merged_into: get::<Option<Uuid>>(row, "merged_into")?.map(ContactId),
        created_by: get(row, "created_by")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}

fn birthday(row: &PgRow) -> Outcome<Option<Birthday>> {
    let year = get(row, "birthday_year")?;
    let Some(day) = get::<Option<i32>>(row, "birthday_day")? else {
        return Ok(None);
    };
    let day = u32::try_from(day).map_err(|_| unreadable("birthday_day"))?;
    let (month, day) = (day / 100, day % 100);
    if month > 12 || day > 31 {
        return Err(unreadable("birthday_day"));
    }
    Ok(Some(Birthday { year, month, day }))
}

/// The contacts with these ids, erased ones too, in any order.
pub(crate) async fn many(db: &mut Db<'_>, ids: &[ContactId]) -> Outcome<Vec<Contact>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut filter = Filter::begin("SELECT ");
    filter.raw(COLUMNS).raw(" FROM ").looked_up(
        "crm.contacts",
        "c",
        db.key,
        ids.iter().map(|id| id.0),
    );
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// The contacts that have any of these keys.
pub(crate) async fn by_keys(db: &mut Db<'_>, keys: &ContactKeys) -> Outcome<Vec<Contact>> {
    let texts =
        |texts: &[String]| -> Vec<String> { texts.iter().map(|text| sought(text)).collect() };
    let emails: Vec<String> = keys.emails.iter().map(|text| text.to_lowercase()).collect();
    // Each is looked up by its own index, whatever the planner guesses of the table: it must not walk the ids in their
    // order, which the inner OFFSET hides from it.
    let lookup = |array: &str, column: &str, limit: u32| {
        format!(
            "SELECT f.id FROM (SELECT DISTINCT unnest({array}) AS value) AS k CROSS JOIN LATERAL ( \
                 SELECT c.id FROM ( \
                     SELECT id FROM crm.contacts WHERE workspace = $1 AND {column} = k.value OFFSET 0) AS c \
                 ORDER BY c.id LIMIT {limit}) AS f"
        )
    };
    let sql = format!(
        "SELECT unnest($2::uuid[]) AS id UNION {} UNION {} UNION {}",
        lookup("$3::text[]", "external_id", 1),
        lookup("$4::text[]", "email_key", 1),
        lookup("$5::text[]", "phone", SHARED_PHONE),
    );
    let ids: Vec<Uuid> = sqlx::query_scalar(db.names.dynamic(&sql))
        .bind(db.key)
        .bind(keys.ids.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .bind(texts(&keys.external_ids))
        .bind(texts(&emails))
        .bind(texts(&keys.phones))
        .fetch_all(&mut *db.connection)
        .await?;
    let ids: Vec<ContactId> = ids.into_iter().map(ContactId).collect();
    many(db, &ids).await
}

/// Lists contacts.
pub(crate) async fn list(db: &mut Db<'_>, query: &ContactQuery) -> Outcome<Page<Contact>> {
    let list = List {
        columns: COLUMNS,
        from: "crm.contacts c",
        workspace: "c.workspace",
        key: "c.id",
        ids: query.ids.iter().map(|id| id.0).collect(),
    };
    let key = db.key;
    let id = |contact: &Contact| contact.id.0;
    let text = query.search.as_deref().unwrap_or_default();
    let wanted = Query::parse(text);
    if wanted.words().is_empty() && !wanted.finds_none() {
        let conditions = |filter: &mut Filter| conditions(filter, query, key);
        return list.page(db, &query.page, conditions, read, id).await;
    }
    let others = |filter: &mut Filter| conditions(filter, query, key);
    if let Some(found) = search::few(db, &list, &wanted, others).await? {
        let Page { items, total, next } = search::page(found, query);
        let mut items = many(db, &items).await?;
        search::sort(&mut items, query.page.oldest_first);
        return Ok(Page { items, total, next });
    }
    let total = if query.page.count {
        // All of them are to be looked at: the index finds them faster than the walk.
        let all = |filter: &mut Filter| {
            conditions(filter, query, key)?;
            search::indexed(filter, key, &wanted);
            search::exact(filter, &wanted);
            Ok(())
        };
        Some(search::count(db, &list, all).await?)
    } else {
        None
    };
    let page = PageRequest {
        count: false,
        ..query.page
    };
    let walked = |filter: &mut Filter| {
        conditions(filter, query, key)?;
        search::exact(filter, &wanted);
        Ok(())
    };
    let found = list.page(db, &page, walked, read, id).await?;
    Ok(Page { total, ..found })
}

fn conditions(filter: &mut Filter, query: &ContactQuery, key: i64) -> Outcome<()> {
    if let Some(id) = query.merged_into {
        filter.raw(" AND c.merged_into = ").bind(id.0);
    } else if query.ids.is_empty() {
        filter.and("NOT c.erased");
    }
    // The key has an index; the address itself is compared in its own case.
    let email = query.email.as_ref().map(|email| email.to_lowercase());
    filter.sought("c.email_key = ", email.as_deref());
    filter.sought("c.email = ", query.email.as_deref());
    if let Some(id) = query.external_id.as_deref() {
        filter
            .raw(
                " AND c.id = (SELECT coalesce(k.merged_into, k.id) FROM crm.contacts k \
                 WHERE k.workspace = ",
            )
            .bind(key)
            .raw(" AND k.external_id = ")
            .bind(sought(id))
            .raw(")");
    }
    filter.sought("c.phone = ", query.phone.as_deref());
    if let Some(days) = &query.birthdays {
        filter.raw(" AND ");
        audience::born_on(days, filter);
    }
    if let Some(audience) = &query.audience {
        filter.raw(" AND ");
        audience::compile(audience, query.today, filter)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crm_core::consent::{Consent, ConsentStatus, Topic};
    use crm_core::testing::fixtures::{contact, noon};
    use crm_core::{Error, ErrorKind};
    use serde_json::json;

    use super::*;
    use crate::testing::{Place, done};

    /// Every field is filled.
    fn full(number: u64) -> Contact {
        let mut row = contact(number);
        row.fields = ContactFields {
            name: "Gʻulom Oʻrinov — Ғулом Ўринов".to_owned(),
            email: Some("Gulom@Example.org".to_owned()),
            phone: Some("+998901234567".to_owned()),
            telegram_chat_id: Some("-100200".to_owned()),
            whatsapp: Some("+998907654321".to_owned()),
            segment: "ВИП".to_owned(),
            birthday: Birthday::parse("1988-02-29"),
            company: Some("Oʻzbekiston Ёқилғи".to_owned()),
            position: Some("директор".to_owned()),
            language: "uz-Cyrl".to_owned(),
            tags: ["gold", "ўзбек"].map(str::to_owned).into(),
            custom_fields: serde_json::from_value(json!({
                "whole": 1, "real": 1.0, "large": 1e16, "larger": -1.5e18, "small": 2.5e-9,
                "largest": 1e300, "unsigned": u64::MAX, "yes": true, "text": "oʻ\n\"да\"",
            }))
            .unwrap(),
            preferred_channels: vec!["telegram".to_owned(), "email".to_owned()],
            consent: vec![Consent {
                channel: "*".to_owned(),
                topic: Topic::Marketing,
                status: ConsentStatus::OptedOut,
                evidence: None,
                at: noon(),
            }],
            last_interaction_date: Some(noon()),
            ..row.fields
        };
        row
    }

    fn bare(number: u64) -> Contact {
        let mut row = contact(number);
        row.fields = ContactFields {
            name: "Ёлка".to_owned(),
            ..ContactFields::default()
        };
        row
    }

    fn next(row: &Contact) -> Contact {
        Contact {
            version: row.version + 1,
            ..row.clone()
        }
    }

    async fn stored(place: &mut Place, rows: &[&Contact]) -> Vec<Contact> {
        let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
        let mut rows = done(many(&mut place.db(), &ids).await);
        rows.sort_by_key(|row| row.id);
        rows
    }

    #[tokio::test]
    async fn comes_back_as_written() {
        let mut place = Place::open("contacts").await;
        let (mut one, mut two) = (full(1), bare(2));
        done(insert(&mut place.db(), &[&one, &two]).await);
        assert_eq!(
            stored(&mut place, &[&one, &two]).await,
            [one.clone(), two.clone()]
        );

        (one.version, two.version) = (2, 2);
        std::mem::swap(&mut one.fields.company, &mut two.fields.company);
        (one.fields.birthday, two.erased) = (Birthday::parse("--12-31"), true);
        assert!(done(update(&mut place.db(), &[&two, &one]).await));
        assert_eq!(
            stored(&mut place, &[&one, &two]).await,
            [one.clone(), two.clone()]
        );

        // A version that is not the next, and a contact that is not there.
        assert!(!done(update(&mut place.db(), &[&two]).await));
        assert!(!done(update(&mut place.db(), &[&next(&one), &two]).await));
        assert!(!done(update(&mut place.db(), &[&next(&bare(3))]).await));
        let later = Contact {
            version: 9,
            ..one.clone()
        };
        assert!(!done(update(&mut place.stranger(), &[&later]).await));
        let strange = many(&mut place.stranger(), &[one.id]).await;
        assert_eq!(done(strange), []);
        place.close().await;
    }

    #[tokio::test]
    async fn an_address_is_handed_on_in_one_update() {
        let mut place = Place::open("handed").await;
        let (one, two) = (full(1), full(2));
        let two = Contact {
            fields: ContactFields {
                email: Some("b@example.org".to_owned()),
                ..two.fields
            },
            ..two
        };
        done(insert(&mut place.db(), &[&one, &two]).await);
        // One statement would now go by id, not as the rows come: the first takes what the second has.
        place.run("SET enable_nestloop = off").await;
        place.run("SET enable_hashjoin = off").await;
        let (mut taker, mut giver) = (next(&one), next(&two));
        taker.fields.email = giver.fields.email.take();
        assert!(done(update(&mut place.db(), &[&giver, &taker]).await));
        let rows = stored(&mut place, &[&one, &two]).await;
        assert_eq!(rows, [taker.clone(), giver.clone()]);
        (taker, giver) = (next(&taker), next(&giver));
        taker.fields.external_id = giver.fields.external_id.take();
        assert!(done(update(&mut place.db(), &[&giver, &taker]).await));
        let rows = stored(&mut place, &[&one, &two]).await;
        assert_eq!(rows, [taker, giver]);

        let mut third = bare(3);
        third.fields.email = Some("B@EXAMPLE.ORG".to_owned());
        let error = insert(&mut place.db(), &[&third])
            .await
            .map_err(Error::from);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Duplicate);
        third.fields.email = None;
        third.fields.custom_fields = [("text".to_owned(), json!("\0"))].into();
        let error = insert(&mut place.db(), &[&third])
            .await
            .map_err(Error::from);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
        place.close().await;
    }

    #[tokio::test]
    async fn lists_find_and_page() {
        let mut place = Place::open("people").await;
        let mut rows: Vec<Contact> = (2..=6).map(contact).collect();
        rows.insert(0, full(1));
        rows.iter_mut().skip(5).for_each(|row| row.erased = true);
        let rows: Vec<&Contact> = rows.iter().collect();
        done(insert(&mut place.db(), &rows).await);
        let all = ContactQuery::default;
        let search = |text: &str| ContactQuery {
            search: Some(text.to_owned()),
            ..all()
        };
        let email = |text: &str| ContactQuery {
            email: Some(text.to_owned()),
            ..all()
        };
        let page = PageRequest {
            limit: 2,
            skip: 1,
            count: true,
            ..PageRequest::default()
        };
        let up = PageRequest {
            oldest_first: true,
            after: Some(contact(2).id.0),
            ..page
        };
        let paged = |page| ContactQuery { page, ..all() };
        let cases: [(ContactQuery, &[u64], Option<u64>); 12] = [
            (all(), &[5, 4, 3, 2, 1], None),
            (paged(page), &[4, 3], Some(3)),
            (paged(up), &[4, 5], None),
            (search("ҒУЛОМ ў"), &[1], None),
            (search("OʻZBEK"), &[1], None),
            (search("анна иванова 3"), &[3], None),
            (search("%"), &[], None),
            (search("orguz"), &[], None),
            (email("Gulom@Example.org"), &[1], None),
            (email("gulom@example.org"), &[], None),
            (
                ContactQuery {
                    phone: Some("+998901234567".to_owned()),
                    external_id: Some("crm-1".to_owned()),
                    ..all()
                },
                &[1],
                None,
            ),
            (
                ContactQuery {
                    ids: [6, 1].map(|number| contact(number).id).to_vec(),
                    ..all()
                },
                &[6, 1],
                None,
            ),
        ];
        for (query, wanted, further) in cases {
            let found = done(list(&mut place.db(), &query).await);
            let id = |number: &u64| contact(*number).id;
            let wanted: Vec<ContactId> = wanted.iter().map(id).collect();
            let ids: Vec<ContactId> = found.items.iter().map(|row| row.id).collect();
            assert_eq!(ids, wanted, "{query:?}");
            assert_eq!(found.next, further.map(|number| id(&number).0), "{query:?}");
            assert_eq!(found.total, query.page.count.then_some(5), "{query:?}");
            let strange = done(list(&mut place.stranger(), &query).await);
            assert_eq!(strange.items, [], "{query:?}");
        }
        place.close().await;
    }
}
