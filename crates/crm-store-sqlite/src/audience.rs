//! Audiences as SQL conditions over `contacts c`. Every value is bound, none is written into the SQL.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use crm_core::Error;
use crm_core::audience::Audience;
use crm_core::audience::condition::{Before, ConsentCondition, ContactField, FieldCondition};
use crm_core::audience::evaluate::birthdays_within;
use crm_core::audience::messages::{MessageCondition, MessageState};
use crm_core::consent::{ConsentStatus, Topic};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use serde_json::{Map, Value};

use crate::fault::Outcome;
use crate::query::{Filter, blob};
use crate::rows::micros;

/// Gives the connection the function `crm_field(custom_fields, condition)`: whether a contact's custom fields pass a
/// condition, both as JSON. SQLite's own numbers are not exact beyond 2^63, and it knows no instants.
pub(crate) fn register(connection: &Connection) -> Outcome<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("crm_field", 2, flags, |context| {
        // Once for each statement, not for each row.
        let condition = context.get_or_create_aux(1, |condition| -> Outside<FieldCondition> {
            Ok(serde_json::from_str(condition.as_str()?)?)
        })?;
        let fields = context.get_raw(0).as_str()?;
        let fields: Map<String, Value> = serde_json::from_str(fields)
            .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        let value = fields.get(&condition.name);
        Ok(value.is_some_and(|value| condition.test.holds(value)))
    })?;
    Ok(())
}

type Outside<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

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
            let today = day(today)?;
            born_on(&birthdays_within(today, *days), filter);
        }
        Audience::BirthdayMonth(month) => {
            filter
                .raw("(c.birthday_day IS NOT NULL AND c.birthday_day / 100 = ?)")
                .bind(*month);
        }
        Audience::CustomField(condition) => {
            filter
                .raw("crm_field(c.custom_fields, ?)")
                .bind(serde_json::to_string(condition)?);
        }
        Audience::Consent(condition) => consent(condition, filter),
        Audience::LastInteractionBefore(before) => interaction(*before, today, filter)?,
        Audience::Has(field) => {
            filter.raw(filled(*field));
        }
        Audience::InCampaign(id) => {
            filter
                .raw(
                    "EXISTS (SELECT 1 FROM plan_rows p WHERE p.workspace = c.workspace AND p.campaign = ? \
                     AND p.contact = c.id AND p.excluded IS NULL)",
                )
                .bind(blob(id.0));
        }
        Audience::Message(condition) => message(condition, today, filter)?,
        Audience::Contact(id) => {
            filter.raw("c.id = ?").bind(blob(id.0));
        }
        Audience::Saved(_) => return Err(Audience::unresolved().into()),
    }
    Ok(())
}

/// Appends the condition that the birthday is one of these days.
pub(crate) fn born_on(days: &BTreeSet<u32>, filter: &mut Filter) {
    let list: Vec<u32> = days.iter().copied().collect();
    filter
        .raw(
            "(c.birthday_day IS NOT NULL AND \
             c.birthday_day IN (SELECT value FROM json_each(?)))",
        )
        .bind(Value::from(list).to_string());
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

/// What is relative needs a day.
fn day(today: Option<NaiveDate>) -> Outcome<NaiveDate> {
    Ok(today
        .ok_or_else(|| Error::field("today", "give the date that the audience is compared with"))?)
}

fn interaction(before: Before, today: Option<NaiveDate>, filter: &mut Filter) -> Outcome<()> {
    let end = match before {
        Before::Days(_) => before.end(day(today)?),
        Before::Date(date) => before.end(date),
    };
    match end {
        Some(end) => filter
            .raw("(c.last_interaction_date IS NOT NULL AND c.last_interaction_date < ?)")
            .bind(micros(end)),
        None => filter.raw("0"),
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
    filter
        .raw(
            "EXISTS (SELECT 1 FROM messages m WHERE m.workspace = c.workspace AND m.contact = c.id \
             AND m.status IN (SELECT value FROM json_each(?))",
        )
        .bind(Value::from(statuses).to_string());
    if let Some(id) = condition.campaign {
        filter.and("m.campaign = ?").bind(blob(id.0));
    }
    let since = match condition.within_days {
        Some(_) => Some(condition.since(day(today)?).map_or(i64::MIN, micros)),
        None => None,
    };
    match condition.state {
        MessageState::Sent | MessageState::Delivered => {
            filter.given("m.sent_at IS NOT NULL AND m.sent_at >= ?", since);
        }
        MessageState::Failed => filter.given("m.updated_at >= ?", since),
        MessageState::Replied => {
            filter.raw(
                " AND EXISTS (SELECT 1 FROM inbound i WHERE i.workspace = m.workspace \
                 AND i.address = m.recipient AND i.channel = m.channel AND i.at >= m.sent_at",
            );
            filter.given("i.at >= ?", since);
            filter.raw(")");
        }
    }
    filter.raw(")");
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
    filter
        .raw(
            "EXISTS (SELECT 1 FROM json_each(c.consent) WHERE value ->> '$.status' = ? \
             AND value ->> '$.channel' IN (?, '*') AND value ->> '$.topic' IN (?, ?))",
        )
        .bind(status.to_owned())
        .bind(condition.channel.clone())
        .bind(topic(condition.topic).to_owned())
        .bind(topic(covering).to_owned());
}

const fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Relationship => "relationship",
        Topic::Marketing => "marketing",
    }
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
