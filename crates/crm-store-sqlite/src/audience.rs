//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};
use crm_core::Error;
use crm_core::audience::Audience;
use rusqlite::types::Value;

use crate::fault::Outcome;
use crate::query::{Filter, blob};

/// Appends the condition. It is never NULL, so that NOT means what it says.
pub(crate) fn compile(
    audience: &Audience,
    today: Option<NaiveDate>,
    filter: &mut Filter,
) -> Outcome<()> {
    match audience {
        Audience::And(parts) => joined(parts, today, filter, "1", " AND ")?,
        Audience::Or(parts) => joined(parts, today, filter, "0", " OR ")?,
        Audience::Not(part) => {
            filter.raw("NOT (");
            compile(part, today, filter)?;
            filter.raw(")");
        }
        Audience::Segment(segment) => {
            filter.raw("c.segment = ?").bind(segment.clone());
        }
        Audience::Tag(tag) => {
            filter
                .raw("EXISTS (SELECT 1 FROM json_each(c.tags) WHERE value = ?)")
                .bind(tag.clone());
        }
        Audience::Language(language) => {
            // SQLite's lower() knows ASCII only, which is what language tags are made of.
            let language = language.to_ascii_lowercase();
            filter
                .raw("(lower(c.language) = ? OR instr(lower(c.language), ?) = 1)")
                .bind(language.clone())
                .bind(format!("{language}-"));
        }
        Audience::BirthdayWithin(days) => {
            let today = today.ok_or_else(|| {
                Error::field("today", "give the date that birthdays are compared with")
            })?;
            let list: Vec<u32> = birthdays(today, *days).into_iter().collect();
            filter
                .raw(
                    "(c.birthday_day IS NOT NULL AND \
                     c.birthday_day IN (SELECT value FROM json_each(?)))",
                )
                .bind(serde_json::Value::from(list).to_string());
        }
        Audience::BirthdayMonth(month) => {
            filter
                .raw("(c.birthday_day IS NOT NULL AND c.birthday_day / 100 = ?)")
                .bind(*month);
        }
        Audience::CustomField { name, equals } => custom_field(name, equals, filter),
        Audience::Contact(id) => {
            filter.raw("c.id = ?").bind(blob(id.0));
        }
    }
    Ok(())
}

/// Joins in halves: SQLite limits how deep an expression is, and a plain chain is as deep as long.
fn joined(
    parts: &[Audience],
    today: Option<NaiveDate>,
    filter: &mut Filter,
    empty: &'static str,
    operator: &'static str,
) -> Outcome<()> {
    match parts {
        [] => filter.raw(empty),
        [only] => {
            compile(only, today, filter)?;
            filter
        }
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            filter.raw("(");
            joined(left, today, filter, empty, operator)?;
            filter.raw(operator);
            joined(right, today, filter, empty, operator)?;
            filter.raw(")")
        }
    };
    Ok(())
}

/// JSON keeps types apart, so the types are compared besides the value. Numbers are one type.
fn custom_field(name: &str, equals: &serde_json::Value, filter: &mut Filter) {
    let (kinds, value) = match equals {
        serde_json::Value::String(text) => (["text", "text"], Value::Text(text.clone())),
        serde_json::Value::Bool(true) => (["true", "true"], Value::Integer(1)),
        serde_json::Value::Bool(false) => (["false", "false"], Value::Integer(0)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => (["integer", "real"], Value::Integer(number)),
            (None, number) => (["integer", "real"], number.map_or(Value::Null, Value::Real)),
        },
        // Nothing equals a list, an object or null.
        _ => (["none", "none"], Value::Integer(0)),
    };
    let [first, second] = kinds;
    filter
        .raw(
            "EXISTS (SELECT 1 FROM json_each(c.custom_fields) \
             WHERE key = ? AND type IN (?, ?) AND value = ?)",
        )
        .bind(name.to_owned())
        .bind(first.to_owned())
        .bind(second.to_owned())
        .bind(value);
}

/// The birthdays (month * 100 + day) that fall on today or one of the next `days` days. A 29 February
/// is kept on the 28th in years without one.
fn birthdays(today: NaiveDate, days: u32) -> BTreeSet<u32> {
    let mut list = BTreeSet::new();
    for ahead in 0..=u64::from(days.min(366)) {
        let Some(day) = today.checked_add_days(Days::new(ahead)) else {
            break;
        };
        list.insert(day.month() * 100 + day.day());
        if (day.month(), day.day()) == (2, 28) && !day.leap_year() {
            list.insert(229);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crm_core::Workspace;
    use crm_core::contact::{Birthday, Contact};
    use crm_core::id::ContactId;
    use crm_core::port::store::{ContactQuery, PageRequest};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn people() -> Vec<Contact> {
        let birthdays = [
            None,
            Some("1988-02-29"),
            Some("--02-29"),
            Some("1990-02-28"),
            Some("--03-01"),
            Some("1970-12-31"),
            Some("--01-01"),
            Some("2001-07-15"),
        ];
        let languages = ["ru", "uz", "uz-Cyrl", "UZ-latn", "uzb", "en"];
        let values = [
            json!({"points": 1}),
            json!({"points": 1.0}),
            json!({"points": "1"}),
            json!({"points": true}),
            json!({"a\"b.c'$[0] ключ": "да"}),
            json!({"points": [1], "deep": {"points": 1}}),
            json!({}),
        ];
        (0..birthdays.len() * 7)
            .map(|n| {
                let text = json!({
                    "workspace": "default",
                    "id": Uuid::from_u128(n as u128 + 1),
                    "version": 1,
                    "name": format!("Person {n}"),
                    "segment": if n % 3 == 0 { "VIP" } else { "vip" },
                    "language": languages[n % languages.len()],
                    "tags": if n % 2 == 0 { json!(["gold", "%"]) } else { json!(["GOLD"]) },
                    "birthday": birthdays[n % birthdays.len()],
                    "custom_fields": values[n % values.len()],
                });
                contact(&text)
            })
            .collect()
    }

    /// Field by field: the JSON form of contacts cannot be read back whole.
    fn contact(text: &serde_json::Value) -> Contact {
        let at = chrono::DateTime::from_timestamp_micros(1).unwrap();
        let word = |name: &str| text[name].as_str().unwrap().to_owned();
        let fields = crm_core::contact::ContactFields {
            name: word("name"),
            segment: word("segment"),
            language: word("language"),
            tags: serde_json::from_value(text["tags"].clone()).unwrap(),
            birthday: text["birthday"].as_str().and_then(Birthday::parse),
            custom_fields: serde_json::from_value(text["custom_fields"].clone()).unwrap(),
            ..crm_core::contact::ContactFields::default()
        };
        Contact {
            workspace: Workspace::default(),
            id: ContactId(text["id"].as_str().unwrap().parse().unwrap()),
            version: 1,
            fields,
            erased: false,
            created_by: "ann".to_owned(),
            created_at: at,
            updated_at: at,
        }
    }

    fn audiences() -> Vec<Audience> {
        let field = |name: &str, equals: serde_json::Value| Audience::CustomField {
            name: name.to_owned(),
            equals,
        };
        let mut list = vec![
            Audience::everybody(),
            Audience::Or(Vec::new()),
            Audience::Segment("VIP".to_owned()),
            Audience::Tag("gold".to_owned()),
            Audience::Tag("%".to_owned()),
            Audience::Tag("' OR 1=1 --".to_owned()),
            Audience::Language("uz".to_owned()),
            Audience::Language("UZ-CYRL".to_owned()),
            field("points", json!(1)),
            field("points", json!(1.0)),
            field("points", json!("1")),
            field("points", json!(true)),
            field("points", json!([1])),
            field("deep", json!(1)),
            field("a\"b.c'$[0] ключ", json!("да")),
            Audience::BirthdayMonth(2),
            Audience::Contact(ContactId(Uuid::from_u128(3))),
        ];
        list.extend([0, 1, 2, 5, 30, 363, 364, 365, 366].map(Audience::BirthdayWithin));
        list.push(Audience::And(vec![
            list[2].clone(),
            list[3].clone(),
            list[6].clone(),
        ]));
        list.push(Audience::Or(vec![list[2].clone(), list[8].clone()]));
        list.push(Audience::Or(
            (0..900)
                .map(|n| Audience::Segment(n.to_string()))
                .chain([list[2].clone()])
                .collect(),
        ));
        let negated = list
            .iter()
            .cloned()
            .map(|part| Audience::Not(Box::new(part)));
        let negated: Vec<_> = negated.collect();
        list.extend(negated);
        list
    }

    #[test]
    fn sql_finds_whom_core_finds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        let wait = std::time::Duration::ZERO;
        let mut writer = crate::connection::writer(&path, wait).ok().unwrap();
        crate::migrations::run(&mut writer).ok().unwrap();
        let workspace = Workspace::default();
        let key = crate::query::workspace_for_write(&writer, "default")
            .ok()
            .unwrap();
        let people = people();
        for person in &people {
            crate::contacts::insert(&writer, key, person).ok().unwrap();
        }
        for today in [
            "2026-02-27",
            "2026-02-28",
            "2026-03-01",
            "2028-02-28",
            "2028-02-29",
            "2026-12-30",
        ] {
            let today: NaiveDate = today.parse().unwrap();
            for audience in audiences() {
                let query = ContactQuery {
                    audience: Some(audience.clone()),
                    today: Some(today),
                    page: PageRequest {
                        limit: 1_000,
                        ..PageRequest::default()
                    },
                    ..ContactQuery::default()
                };
                let page = crate::contacts::list(&writer, &workspace, key, &query);
                let page = page.map_err(Error::from).unwrap();
                let found: BTreeSet<_> = page.items.iter().map(|person| person.id).collect();
                let wanted: BTreeSet<_> = people
                    .iter()
                    .filter(|person| audience.matches(person, today))
                    .map(|person| person.id)
                    .collect();
                assert_eq!(found, wanted, "{today}: {audience:?}");
            }
        }
    }
}
