//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use chrono::NaiveDate;
use crm_core::Error;
use crm_core::audience::Audience;
use crm_core::audience::evaluate::birthdays_within;
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
            let list: Vec<i32> = birthdays_within(today, *days)
                .into_iter()
                .map(small)
                .collect();
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
