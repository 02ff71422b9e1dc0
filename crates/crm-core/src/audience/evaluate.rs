//! What an expression means for one contact, which expressions are accepted, and their short form.
//!
//! # Semantics every store reproduces
//! - `and` of nothing holds; `or` of nothing does not.
//! - Segment, tag and custom texts are compared byte for byte.
//! - `language` ignores ASCII case; the contact's tag is equal to it or begins with it and a hyphen.
//! - `birthday_within: n` holds when the next birthday on or after today is at most `n` days away. In
//!   a year without 29 February such a birthday is on the 28th. The year of birth plays no part, so a
//!   search in late December finds January birthdays. Without a birthday it never holds.
//! - `birthday_month` compares the stored month alone.
//! - `custom_field` compares as [`compare`] says. A field the contact lacks passes no test, so `not`
//!   of one holds.
//! - `consent` is what [`consent::decision`](crate::consent::decision) says: exactly one of `opted_in`, `opted_out` and
//!   `none` holds.
//! - `last_interaction_before` holds when there was an interaction and its day, in UTC, is before the date, or more
//!   than so many days before today.
//! - `has` holds when the field is filled.
//! - `in_campaign` and `message` are answered from [`Facts`]: what was planned for the contact and sent to them. Messages
//!   in test mode and deleted ones are not left out.
//! - `saved` names an expression that is put in its place beforehand: [`Audience::resolved`].
//! - Missing values make a condition false, never unknown.

mod short;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::Value;

use super::condition::{Before, FieldTest};
use super::messages::Facts;
use super::{Audience, compare};
use crate::consent::decision;
use crate::contact::{Birthday, Contact};
use crate::error::{Error, Result};

/// Deepest nesting; a single condition is 1 deep.
pub(super) const DEPTH: usize = 32;
/// Most conditions and operators together.
pub(super) const NODES: usize = 1_000;
/// Longest text in characters.
pub(super) const LONGEST: usize = 255;
/// Most days that a birthday is looked for ahead.
pub(super) const BIRTHDAY_DAYS: u32 = 366;
/// Most days that an interaction or a message is looked for back.
pub(super) const DAYS_BACK: u32 = 36_500;

/// The birthdays, as month * 100 + day, that `birthday_within: days` means on `today`: what a store with
/// an index over them looks for. Never more than 366.
#[must_use]
pub fn birthdays_within(today: NaiveDate, days: u32) -> BTreeSet<u32> {
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

impl Audience {
    /// Whether the contact belongs to it on this date, when nothing was planned for them and sent to them.
    #[must_use]
    pub fn matches(&self, contact: &Contact, today: NaiveDate) -> bool {
        self.matches_with(contact, &Facts::on(today))
    }

    /// Whether the contact belongs to it. `facts` have to be complete when it
    /// [asks for them](Self::needs_messages).
    #[must_use]
    pub fn matches_with(&self, contact: &Contact, facts: &Facts) -> bool {
        let today = facts.today;
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches_with(contact, facts)),
            Self::Or(parts) => parts.iter().any(|part| part.matches_with(contact, facts)),
            Self::Not(part) => !part.matches_with(contact, facts),
            Self::Segment(segment) => contact.segment == *segment,
            Self::Tag(tag) => contact.tags.contains(tag),
            Self::Language(wanted) => speaks(&contact.language, wanted),
            Self::BirthdayWithin(days) => contact
                .birthday
                .and_then(|birthday| days_ahead(birthday, today))
                .is_some_and(|ahead| ahead <= i64::from(*days)),
            Self::BirthdayMonth(month) => contact.birthday.is_some_and(|date| date.month == *month),
            Self::CustomField(wanted) => contact
                .custom_fields
                .get(&wanted.name)
                .is_some_and(|value| wanted.test.holds(value)),
            Self::Consent(wanted) => {
                decision(contact, &wanted.channel, wanted.topic) == wanted.status
            }
            Self::LastInteractionBefore(before) => {
                let last = contact.last_interaction_date;
                last.zip(before.end(today))
                    .is_some_and(|(at, end)| at < end)
            }
            Self::Has(field) => field.is_filled(contact),
            Self::InCampaign(id) => facts.campaigns.contains(id),
            Self::Message(wanted) => facts.has(wanted),
            Self::Contact(id) => contact.id == *id,
            // What it says was not looked up: stores refuse that.
            Self::Saved(_) => false,
        }
    }

    /// Checks that the expression can be evaluated everywhere.
    ///
    /// # Errors
    /// `Invalid` when it is nested deeper than 32, has more than 1,000 parts, or holds a month, a number
    /// of days, a text or a value that is out of range.
    pub fn validate(&self) -> Result<()> {
        let mut nodes = 0;
        self.check(1, &mut nodes)
    }

    fn check(&self, depth: usize, nodes: &mut usize) -> Result<()> {
        *nodes += 1;
        if depth > DEPTH {
            return Err(refuse("it is nested deeper than 32"));
        }
        if *nodes > NODES {
            return Err(refuse("it has more than 1,000 parts"));
        }
        match self {
            Self::And(parts) | Self::Or(parts) => parts
                .iter()
                .try_for_each(|part| part.check(depth + 1, nodes)),
            Self::Not(part) => part.check(depth + 1, nodes),
            Self::Segment(text) | Self::Tag(text) | Self::Language(text) | Self::Saved(text) => {
                word(text)
            }
            Self::BirthdayWithin(days) if *days > BIRTHDAY_DAYS => {
                Err(refuse("birthday_within is 0 to 366"))
            }
            Self::BirthdayMonth(month) if !(1..=12).contains(month) => {
                Err(refuse("birthday_month is 1 to 12"))
            }
            Self::CustomField(wanted) => {
                word(&wanted.name)?;
                tested(&wanted.test)
            }
            Self::Consent(wanted) => word(&wanted.channel),
            Self::LastInteractionBefore(Before::Days(days)) if *days > DAYS_BACK => Err(refuse(
                "last_interaction_before takes 0 to 36,500 days; give a date instead",
            )),
            Self::LastInteractionBefore(Before::Date(date))
                if !(1..=9999).contains(&date.year()) =>
            {
                Err(refuse("last_interaction_before takes years 1 to 9999"))
            }
            Self::Message(wanted) if wanted.within_days.is_some_and(|days| days > DAYS_BACK) => {
                Err(refuse("message within_days is 0 to 36,500"))
            }
            Self::BirthdayWithin(_)
            | Self::BirthdayMonth(_)
            | Self::InCampaign(_)
            | Self::Message(_)
            | Self::LastInteractionBefore(_)
            | Self::Has(_)
            | Self::Contact(_) => Ok(()),
        }
    }

    /// Reads the short form or the full expression, and validates it.
    ///
    /// The short form is one object; everything in it has to hold: `segment`, `segments` (any),
    /// `language`, `languages` (any), `tag`, `tags` (all), `birthday_within`, `birthday_month`,
    /// `custom_fields` (an object, all). The empty object is everybody.
    ///
    /// # Errors
    /// `Invalid` for unknown keys and for what [`validate`](Self::validate) refuses;
    /// `has_birthday_this_month` needs [`from_short_in`](Self::from_short_in).
    pub fn from_short(value: &Value) -> Result<Self> {
        short::read(value, None)
    }

    /// As [`from_short`](Self::from_short); `has_birthday_this_month` means `month`.
    ///
    /// # Errors
    /// As [`from_short`](Self::from_short).
    pub fn from_short_in(value: &Value, month: u32) -> Result<Self> {
        short::read(value, Some(month))
    }
}

fn refuse(message: &str) -> Error {
    Error::field("audience", message)
}

fn word(text: &str) -> Result<()> {
    if text.is_empty() || text.chars().count() > LONGEST || text.contains('\0') {
        return Err(refuse("a text has 1 to 255 characters"));
    }
    Ok(())
}

fn tested(test: &FieldTest) -> Result<()> {
    match test {
        FieldTest::Equals(Value::String(text)) if text.chars().count() > LONGEST => {
            Err(refuse("a text is longer than 255 characters"))
        }
        FieldTest::Equals(Value::String(text)) if text.contains('\0') => {
            Err(refuse("a text holds NUL"))
        }
        FieldTest::Equals(Value::String(_) | Value::Number(_) | Value::Bool(_))
        | FieldTest::Exists => Ok(()),
        FieldTest::Equals(_) => Err(refuse(
            "custom_field equals a text, a number, true or false",
        )),
        FieldTest::LessThan(value)
        | FieldTest::AtMost(value)
        | FieldTest::GreaterThan(value)
        | FieldTest::AtLeast(value) => {
            if compare::has_order(value) {
                return Ok(());
            }
            Err(refuse(
                "a custom_field is less or greater than a number, a date such as 2026-01-31 or an instant such as \
                 2026-01-31T09:00:00Z",
            ))
        }
    }
}

fn speaks(language: &str, wanted: &str) -> bool {
    match language.get(..wanted.len()) {
        Some(head) if head.eq_ignore_ascii_case(wanted) => {
            language.len() == wanted.len() || language.as_bytes().get(wanted.len()) == Some(&b'-')
        }
        _ => false,
    }
}

/// The day a birthday is kept in that year; 29 February is kept on the 28th when the year has none.
#[must_use]
pub fn birthday_in(birthday: Birthday, year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, birthday.month, birthday.day).or_else(|| {
        let leap_day = birthday.month == 2 && birthday.day == 29;
        leap_day
            .then(|| NaiveDate::from_ymd_opt(year, 2, 28))
            .flatten()
    })
}

fn days_ahead(birthday: Birthday, today: NaiveDate) -> Option<i64> {
    let this = birthday_in(birthday, today.year())?;
    let next = if this < today {
        birthday_in(birthday, today.year() + 1)?
    } else {
        this
    };
    Some(next.signed_duration_since(today).num_days())
}
