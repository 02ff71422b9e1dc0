//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use chrono::NaiveDate;
use crm_core::Error;
use crm_core::audience::Audience;
use crm_core::audience::evaluate::birthdays_within;
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
            let list: Vec<u32> = birthdays_within(today, *days).into_iter().collect();
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
