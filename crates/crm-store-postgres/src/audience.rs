//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};
use crm_core::Error;
use crm_core::audience::Audience;
use serde_json::Value;

use crate::fault::Outcome;
use crate::query::{Filter, sought};
use crate::rows::small;

/// Appends the condition. It is never NULL, so that NOT means what it says.
pub(crate) fn compile(
    audience: &Audience,
    today: Option<NaiveDate>,
    filter: &mut Filter,
) -> Outcome<()> {
    match audience {
        Audience::And(parts) => joined(parts, today, filter, "true", " AND ")?,
        Audience::Or(parts) => joined(parts, today, filter, "false", " OR ")?,
        Audience::Not(part) => {
            filter.raw("NOT (");
            compile(part, today, filter)?;
            filter.raw(")");
        }
        Audience::Segment(segment) => {
            filter.raw("c.segment = ").bind(sought(segment));
        }
        Audience::Tag(tag) => {
            filter.raw("(c.tags ? ").bind(sought(tag)).raw(")");
        }
        Audience::Language(language) => {
            // The column's collation lowers ASCII only, which is what language tags are made of.
            let language = sought(&language.to_ascii_lowercase());
            let variants = format!("{language}-");
            filter
                .raw("(lower(c.language) = ")
                .bind(language)
                .raw(" OR starts_with(lower(c.language), ")
                .bind(variants)
                .raw("))");
        }
        Audience::BirthdayWithin(days) => {
            let today = today.ok_or_else(|| {
                Error::field("today", "give the date that birthdays are compared with")
            })?;
            let list: Vec<i32> = birthdays(today, *days).into_iter().collect();
            filter
                .raw("(c.birthday_day IS NOT NULL AND c.birthday_day = ANY (")
                .bind(list)
                .raw("))");
        }
        Audience::BirthdayMonth(month) => {
            filter
                .raw("(c.birthday_day IS NOT NULL AND c.birthday_day / 100 = ")
                .bind(small(*month))
                .raw(")");
        }
        Audience::CustomField { name, equals } => custom_field(name, equals, filter),
        Audience::Contact(id) => {
            filter.raw("c.id = ").bind(id.0);
        }
    }
    Ok(())
}

/// Joins in halves, so that the text is nested as little as may be: the server reads it recursively.
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

/// `jsonb` keeps types apart, and its numbers are one type.
fn custom_field(name: &str, equals: &Value, filter: &mut Filter) {
    match equals {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            filter
                .raw("coalesce(c.custom_fields -> ")
                .bind(sought(name))
                .raw(" = ")
                .bind(match equals {
                    Value::String(text) => Value::String(sought(text)),
                    other => other.clone(),
                })
                .raw(", false)");
        }
        // Nothing equals a list, an object or null.
        Value::Null | Value::Array(_) | Value::Object(_) => {
            filter.raw("false");
        }
    }
}

/// The birthdays (month * 100 + day) that fall on today or one of the next `days` days. A 29 February
/// is kept on the 28th in years without one.
fn birthdays(today: NaiveDate, days: u32) -> BTreeSet<i32> {
    let mut list = BTreeSet::new();
    for ahead in 0..=u64::from(days.min(366)) {
        let Some(day) = today.checked_add_days(Days::new(ahead)) else {
            break;
        };
        list.insert(small(day.month() * 100 + day.day()));
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
    use crate::testing::{Place, done};

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
            field("points", json!(null)),
            field("deep", json!({"points": 1})),
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

    #[tokio::test]
    async fn sql_finds_whom_core_finds() {
        let mut place = Place::open("audience").await;
        let people = people();
        let rows: Vec<&Contact> = people.iter().collect();
        done(crate::contacts::insert(&mut place.db(), &rows).await);
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
                let page = done(crate::contacts::list(&mut place.db(), &query).await);
                let found: BTreeSet<_> = page.items.iter().map(|person| person.id).collect();
                let wanted: BTreeSet<_> = people
                    .iter()
                    .filter(|person| audience.matches(person, today))
                    .map(|person| person.id)
                    .collect();
                assert_eq!(found, wanted, "{today}: {audience:?}");
            }
        }
        place.close().await;
    }
}
