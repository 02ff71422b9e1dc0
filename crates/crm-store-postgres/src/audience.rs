//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use crm_core::Error;
use crm_core::audience::Audience;
use crm_core::audience::compare::{date, date_pattern, instant, instant_pattern};
use crm_core::audience::condition::{Before, ConsentCondition, ContactField, FieldTest};
use crm_core::audience::evaluate::birthdays_within;
use crm_core::audience::messages::{MessageCondition, MessageState};
use crm_core::consent::{ConsentStatus, Topic};
use serde_json::{Value, json};

use crate::fault::Outcome;
use crate::query::{Filter, sought};
use crate::rows::{json_text, small};

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
            let today = day(today)?;
            born_on(&birthdays_within(today, *days), filter);
        }
        Audience::BirthdayMonth(month) => {
            filter
                .raw("(c.birthday_day IS NOT NULL AND c.birthday_day / 100 = ")
                .bind(small(*month))
                .raw(")");
        }
        Audience::CustomField(condition) => custom_field(&condition.name, &condition.test, filter)?,
        Audience::Consent(condition) => consent(condition, filter),
        Audience::LastInteractionBefore(before) => interaction(*before, today, filter)?,
        Audience::Has(field) => {
            filter.raw(filled(*field));
        }
        Audience::InCampaign(id) => {
            filter
                .raw(
                    "EXISTS (SELECT 1 FROM crm.plan_rows p WHERE p.workspace = c.workspace AND p.campaign = ",
                )
                .bind(id.0)
                .raw(" AND p.contact = c.id AND p.excluded IS NULL)");
        }
        Audience::Message(condition) => message(condition, today, filter)?,
        Audience::Contact(id) => {
            filter.raw("c.id = ").bind(id.0);
        }
        Audience::Saved(_) => return Err(Audience::unresolved().into()),
    }
    Ok(())
}

/// Appends the condition that the birthday is one of these days.
pub(crate) fn born_on(days: &BTreeSet<u32>, filter: &mut Filter) {
    let list: Vec<i32> = days.iter().copied().map(small).collect();
    filter
        .raw("(c.birthday_day IS NOT NULL AND c.birthday_day = ANY (")
        .bind(list)
        .raw("))");
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

/// What is relative needs a day.
fn day(today: Option<NaiveDate>) -> Outcome<NaiveDate> {
    Ok(today
        .ok_or_else(|| Error::field("today", "give the date that the audience is compared with"))?)
}

fn custom_field(name: &str, test: &FieldTest, filter: &mut Filter) -> Outcome<()> {
    let (operator, value) = match test {
        FieldTest::Equals(value) => return equal(name, value, filter),
        FieldTest::LessThan(value) => (" < ", value),
        FieldTest::AtMost(value) => (" <= ", value),
        FieldTest::GreaterThan(value) => (" > ", value),
        FieldTest::AtLeast(value) => (" >= ", value),
        FieldTest::Exists => {
            filter
                .raw("coalesce(jsonb_typeof(c.custom_fields -> ")
                .bind(sought(name))
                .raw(") <> 'null', false)");
            return Ok(());
        }
    };
    ordered(name, operator, value, filter)
}

/// `jsonb` keeps types apart, and its numbers are one type: decimals of any length, so that they are exact.
fn equal(name: &str, value: &Value, filter: &mut Filter) -> Outcome<()> {
    match value {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            filter
                .raw("coalesce(c.custom_fields -> ")
                .bind(sought(name))
                .raw(" = ");
            match value {
                Value::String(text) => filter.bind(Value::String(sought(text))),
                // As numbers are stored.
                other => filter.bind(json_text(other)?).raw("::jsonb"),
            };
            filter.raw(", false)");
        }
        // Nothing equals a list, an object or null.
        Value::Null | Value::Array(_) | Value::Object(_) => {
            filter.raw("false");
        }
    }
    Ok(())
}

/// Both sides have to be of one kind: numbers, dates or instants. The stored text is only cast once it is known to
/// be an instant, since a cast of anything else is an error: CASE is evaluated in its order.
fn ordered(name: &str, operator: &str, value: &Value, filter: &mut Filter) -> Outcome<()> {
    let name = sought(name);
    match value {
        Value::Number(_) => {
            filter
                .raw("coalesce(jsonb_typeof(c.custom_fields -> ")
                .bind(name.clone())
                .raw(") = 'number' AND (c.custom_fields -> ")
                .bind(name)
                .raw(")")
                .raw(operator)
                .bind(json_text(value)?)
                .raw("::jsonb, false)");
        }
        Value::String(text) if date(text).is_some() => {
            is_text(&name, date_pattern(), filter);
            // Dates of four-digit years are in the order of their digits.
            filter
                .raw("(c.custom_fields ->> ")
                .bind(name)
                .raw(") COLLATE \"C\"")
                .raw(operator)
                .bind(text.clone())
                .raw(" ELSE false END");
        }
        Value::String(text) => match instant(text) {
            Some(at) => {
                is_text(&name, instant_pattern(), filter);
                filter
                    .raw("(c.custom_fields ->> ")
                    .bind(name)
                    .raw(")::timestamptz")
                    .raw(operator)
                    .bind(at)
                    .raw(" ELSE false END");
            }
            None => {
                filter.raw("false");
            }
        },
        // Nothing is less or greater than these.
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
            filter.raw("false");
        }
    }
    Ok(())
}

/// Begins a CASE for texts of this form.
fn is_text(name: &str, pattern: String, filter: &mut Filter) {
    filter
        .raw("CASE WHEN coalesce(jsonb_typeof(c.custom_fields -> ")
        .bind(name.to_owned())
        .raw(") = 'string' AND (c.custom_fields ->> ")
        .bind(name.to_owned())
        .raw(") ~ ")
        .bind(pattern)
        .raw(", false) THEN ");
}

fn interaction(before: Before, today: Option<NaiveDate>, filter: &mut Filter) -> Outcome<()> {
    let end = match before {
        Before::Days(_) => before.end(day(today)?),
        Before::Date(date) => before.end(date),
    };
    match end {
        Some(end) => filter
            .raw("(c.last_interaction_date IS NOT NULL AND c.last_interaction_date < ")
            .bind(end)
            .raw(")"),
        None => filter.raw("false"),
    };
    Ok(())
}

/// The messages of one contact are few and have an index.
fn message(
    condition: &MessageCondition,
    today: Option<NaiveDate>,
    filter: &mut Filter,
) -> Outcome<()> {
    let statuses = condition.state.statuses().iter();
    let statuses: Vec<&str> = statuses.map(|status| status.as_str()).collect();
    filter.raw(
        "EXISTS (SELECT 1 FROM crm.messages m WHERE m.workspace = c.workspace AND m.contact = c.id",
    );
    filter.one_of("m.status", &statuses);
    filter.given("m.campaign = ", condition.campaign.map(|id| id.0));
    match condition.state {
        MessageState::Sent | MessageState::Delivered => {
            since("m.sent_at >= ", condition, today, filter)?;
        }
        MessageState::Failed => since("m.updated_at >= ", condition, today, filter)?,
        MessageState::Replied => {
            filter.raw(
                " AND EXISTS (SELECT 1 FROM crm.inbound i WHERE i.workspace = m.workspace \
                 AND i.address = m.recipient AND i.channel = m.channel AND i.at >= m.sent_at",
            );
            since("i.at >= ", condition, today, filter)?;
            filter.raw(")");
        }
    }
    filter.raw(")");
    Ok(())
}

/// The bound in days, when there is one.
fn since(
    column: &'static str,
    condition: &MessageCondition,
    today: Option<NaiveDate>,
    filter: &mut Filter,
) -> Outcome<()> {
    if condition.within_days.is_some() {
        match condition.since(day(today)?) {
            Some(since) => filter.and(column).bind(since),
            // The calendar does not go back as far: whenever it was.
            None => filter.and(column).raw("'-infinity'"),
        };
    }
    Ok(())
}

fn consent(condition: &ConsentCondition, filter: &mut Filter) {
    match condition.status {
        Some(ConsentStatus::OptedOut) => said(condition, ConsentStatus::OptedOut, filter),
        Some(ConsentStatus::OptedIn) => {
            filter.raw("(");
            said(condition, ConsentStatus::OptedIn, filter);
            filter.raw(" AND NOT ");
            said(condition, ConsentStatus::OptedOut, filter);
            filter.raw(")");
        }
        None => {
            filter.raw("NOT (");
            said(condition, ConsentStatus::OptedIn, filter);
            filter.raw(" OR ");
            said(condition, ConsentStatus::OptedOut, filter);
            filter.raw(")");
        }
    }
}

/// Whether one entry says so. A no to all relationship covers every topic; a yes covers its own.
fn said(condition: &ConsentCondition, status: ConsentStatus, filter: &mut Filter) {
    let (status, covering) = match status {
        ConsentStatus::OptedIn => ("opted_in", condition.topic),
        ConsentStatus::OptedOut => ("opted_out", Topic::Relationship),
    };
    let channel = sought(&condition.channel);
    let entry =
        |channel: &str, topic| json!([{"channel": channel, "topic": topic, "status": status}]);
    filter.raw("(");
    for (index, channel) in [channel.as_str(), "*"].into_iter().enumerate() {
        for (also, topic) in [condition.topic, covering].into_iter().enumerate() {
            if index + also > 0 {
                filter.raw(" OR ");
            }
            filter.raw("c.consent @> ").bind(entry(channel, topic));
        }
    }
    filter.raw(")");
}

const fn filled(field: ContactField) -> &'static str {
    match field {
        ContactField::Email => "c.email IS NOT NULL",
        ContactField::Phone => "c.phone IS NOT NULL",
        ContactField::TelegramChatId => "c.telegram_chat_id IS NOT NULL",
        ContactField::Whatsapp => "c.whatsapp IS NOT NULL",
        ContactField::Birthday => "c.birthday_day IS NOT NULL",
        ContactField::Company => "c.company IS NOT NULL",
        ContactField::Position => "c.position IS NOT NULL",
        ContactField::ExternalId => "c.external_id IS NOT NULL",
        ContactField::TimeZone => "c.time_zone IS NOT NULL",
        ContactField::LastInteractionDate => "c.last_interaction_date IS NOT NULL",
    }
}
