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
            filter
                .raw("(c.language = ? OR instr(c.language, ?) = 1)")
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

fn joined(
    parts: &[Audience],
    today: Option<NaiveDate>,
    filter: &mut Filter,
    empty: &'static str,
    operator: &'static str,
) -> Outcome<()> {
    filter.raw("(").raw(empty);
    for part in parts {
        filter.raw(operator);
        compile(part, today, filter)?;
    }
    filter.raw(")");
    Ok(())
}

/// JSON keeps types apart, so the type is compared besides the value.
fn custom_field(name: &str, equals: &serde_json::Value, filter: &mut Filter) {
    let (kind, value) = match equals {
        serde_json::Value::String(text) => ("text", Value::Text(text.clone())),
        serde_json::Value::Bool(true) => ("true", Value::Integer(1)),
        serde_json::Value::Bool(false) => ("false", Value::Integer(0)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => ("integer", Value::Integer(number)),
            (None, Some(number)) => ("real", Value::Real(number)),
            (None, None) => ("none", Value::Integer(0)),
        },
        _ => ("none", Value::Integer(0)),
    };
    filter
        .raw(
            "EXISTS (SELECT 1 FROM json_each(c.custom_fields) \
             WHERE key = ? AND type = ? AND value = ?)",
        )
        .bind(name.to_owned())
        .bind(kind.to_owned())
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
