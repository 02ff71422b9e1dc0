//! What conditions of an audience are made of, and how they are written in JSON: strictly, so that a schema can
//! say all of it.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::compare;
use crate::consent::{ConsentStatus, Topic};
use crate::contact::ContactFields;

/// What the person's word on a channel and topic comes to; see [`consent::decision`](crate::consent::decision).
///
/// As JSON `{"channel": "email", "topic": "marketing", "status": "opted_in"}`, with `opted_in`, `opted_out` or `none`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentCondition {
    /// Channel name, 1 to 255 characters. `*` asks for what was said of all channels at once.
    pub channel: String,
    /// Topic.
    #[serde(deserialize_with = "topic")]
    pub topic: Topic,
    /// The decision; `None`, in JSON `"none"`, is neither yes nor no.
    #[serde(serialize_with = "write_status", deserialize_with = "status")]
    pub status: Option<ConsentStatus>,
}

/// The names of the topics.
pub(super) const TOPICS: [(&str, Topic); 2] = [
    ("relationship", Topic::Relationship),
    ("marketing", Topic::Marketing),
];

/// The names of what a person's word comes to.
pub(super) const STATUSES: [(&str, Option<ConsentStatus>); 3] = [
    ("opted_in", Some(ConsentStatus::OptedIn)),
    ("opted_out", Some(ConsentStatus::OptedOut)),
    ("none", None),
];

/// A day, and everything before it. Days are those of UTC.
///
/// As JSON `{"days": 90}` or `{"date": "2026-01-31"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// This many days before today, 0 to 36,500; today is the workspace's date.
    #[serde(deserialize_with = "whole")]
    Days(u32),
    /// This date, year 1 to 9999.
    #[serde(deserialize_with = "date")]
    Date(NaiveDate),
}

impl Before {
    /// The first instant that is not before it: midnight in UTC. None beyond the calendar.
    #[must_use]
    pub fn end(&self, today: NaiveDate) -> Option<DateTime<Utc>> {
        let day = match self {
            Self::Days(days) => today.checked_sub_days(Days::new(u64::from(*days)))?,
            Self::Date(date) => *date,
        };
        Some(day.and_time(NaiveTime::MIN).and_utc())
    }
}

/// A field of a contact that may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum ContactField {
    /// E-mail.
    Email,
    /// Phone.
    Phone,
    /// Telegram chat id.
    TelegramChatId,
    /// WhatsApp number of its own; the phone does not stand in for it.
    Whatsapp,
    /// Birthday, with or without the year.
    Birthday,
    /// Company.
    Company,
    /// Position.
    Position,
    /// The host's own id.
    ExternalId,
    /// Time zone.
    TimeZone,
    /// When the host last dealt with the person.
    LastInteractionDate,
}

impl ContactField {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Phone,
        Self::TelegramChatId,
        Self::Whatsapp,
        Self::Birthday,
        Self::Company,
        Self::Position,
        Self::ExternalId,
        Self::TimeZone,
        Self::LastInteractionDate,
    ];

    /// Its name, in JSON and in a contact.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::TelegramChatId => "telegram_chat_id",
            Self::Whatsapp => "whatsapp",
            Self::Birthday => "birthday",
            Self::Company => "company",
            Self::Position => "position",
            Self::ExternalId => "external_id",
            Self::TimeZone => "time_zone",
            Self::LastInteractionDate => "last_interaction_date",
        }
    }

    /// Whether the contact has it.
    #[must_use]
    pub fn is_filled(self, contact: &ContactFields) -> bool {
        match self {
            Self::Email => contact.email.is_some(),
            Self::Phone => contact.phone.is_some(),
            Self::TelegramChatId => contact.telegram_chat_id.is_some(),
            Self::Whatsapp => contact.whatsapp.is_some(),
            Self::Birthday => contact.birthday.is_some(),
            Self::Company => contact.company.is_some(),
            Self::Position => contact.position.is_some(),
            Self::ExternalId => contact.external_id.is_some(),
            Self::TimeZone => contact.time_zone.is_some(),
            Self::LastInteractionDate => contact.last_interaction_date.is_some(),
        }
    }
}

impl From<ContactField> for &'static str {
    fn from(field: ContactField) -> Self {
        field.as_str()
    }
}

impl TryFrom<String> for ContactField {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let mut all = Self::ALL.into_iter();
        all.find(|field| field.as_str() == name)
            .ok_or("this is no field of a contact that may be empty")
    }
}

/// A question to one custom field.
///
/// As JSON `{"name": "level", "equals": "gold"}`: the name and exactly one of the tests.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldCondition {
    /// The field, 1 to 255 characters.
    pub name: String,
    /// What its value has to be.
    pub test: FieldTest,
}

/// What the value of a custom field has to be. A field that the contact lacks passes none of them.
///
/// The four comparisons take a number, a date `YYYY-MM-DD` or an instant `YYYY-MM-DDTHH:MM:SS+05:00`; see
/// [`compare`] for what is compared with what.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// The same value of the same JSON type: text, number, true or false.
    Equals(Value),
    /// Less than that.
    LessThan(Value),
    /// Less than that or equal to it.
    AtMost(Value),
    /// Greater than that.
    GreaterThan(Value),
    /// Greater than that or equal to it.
    AtLeast(Value),
    /// Any value at all.
    Exists,
}

impl FieldTest {
    /// The name of the test in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::LessThan(_) => "less_than",
            Self::AtMost(_) => "at_most",
            Self::GreaterThan(_) => "greater_than",
            Self::AtLeast(_) => "at_least",
            Self::Exists => "exists",
        }
    }

    fn read(name: &str, value: Value) -> Option<Self> {
        Some(match name {
            "equals" => Self::Equals(value),
            "less_than" => Self::LessThan(value),
            "at_most" => Self::AtMost(value),
            "greater_than" => Self::GreaterThan(value),
            "at_least" => Self::AtLeast(value),
            "exists" if value == Value::Bool(true) => Self::Exists,
            _ => return None,
        })
    }

    /// Whether a stored value passes.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Equals(wanted) => compare::same(value, wanted),
            Self::LessThan(wanted) => compare::order(value, wanted).is_some_and(|o| o.is_lt()),
            Self::AtMost(wanted) => compare::order(value, wanted).is_some_and(|o| o.is_le()),
            Self::GreaterThan(wanted) => compare::order(value, wanted).is_some_and(|o| o.is_gt()),
            Self::AtLeast(wanted) => compare::order(value, wanted).is_some_and(|o| o.is_ge()),
            Self::Exists => !value.is_null(),
        }
    }
}

impl Serialize for FieldCondition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match &self.test {
            FieldTest::Equals(value)
            | FieldTest::LessThan(value)
            | FieldTest::AtMost(value)
            | FieldTest::GreaterThan(value)
            | FieldTest::AtLeast(value) => value,
            FieldTest::Exists => &Value::Bool(true),
        };
        let name = Value::from(self.name.as_str());
        serializer.collect_map([("name", &name), (self.test.as_str(), value)])
    }
}

impl<'de> Deserialize<'de> for FieldCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = || D::Error::custom("custom_field is a name and one test of its value");
        let mut map = Map::deserialize(deserializer)?;
        let Some(Value::String(name)) = map.remove("name") else {
            return Err(refused());
        };
        let mut tests = map.into_iter();
        match (tests.next(), tests.next()) {
            (Some((test, value)), None) => {
                let test = FieldTest::read(&test, value).ok_or_else(refused)?;
                Ok(Self { name, test })
            }
            _ => Err(refused()),
        }
    }
}

/// A condition on consent from an object and nothing else: serde reads lists as structures, too.
pub(super) fn consent<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ConsentCondition, D::Error> {
    let map = Map::deserialize(deserializer)?;
    ConsentCondition::deserialize(Value::Object(map))
        .map_err(|_| D::Error::custom("consent is a channel, a topic and a status"))
}

/// A whole number. `7.0` is one in JSON Schema, and some programs write it so.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let exact = number
        .as_u64()
        .and_then(|number| u32::try_from(number).ok());
    let real = number.as_f64().filter(|real| real.fract() == 0.0);
    let real = real.filter(|real| (0.0..=f64::from(u32::MAX)).contains(real));
    // In range and without a fraction, so that nothing is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    exact
        .or(real.map(|real| real as u32))
        .ok_or_else(|| D::Error::custom("use a whole number"))
}

fn topic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
    let name = String::deserialize(deserializer)?;
    named(&TOPICS, &name).ok_or_else(|| D::Error::custom("a topic is relationship or marketing"))
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConsentStatus>, D::Error> {
    let name = String::deserialize(deserializer)?;
    named(&STATUSES, &name)
        .ok_or_else(|| D::Error::custom("a status is opted_in, opted_out or none"))
}

#[allow(clippy::ref_option)] // serde calls it so.
fn write_status<S: Serializer>(
    status: &Option<ConsentStatus>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name_of(&STATUSES, *status))
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = String::deserialize(deserializer)?;
    compare::date(&text).ok_or_else(|| D::Error::custom("a date is YYYY-MM-DD"))
}

pub(super) fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    let mut names = names.iter();
    names.find(|(known, _)| *known == name).map(|(_, it)| *it)
}

pub(super) fn name_of<T: PartialEq>(names: &[(&'static str, T)], wanted: T) -> &'static str {
    let mut names = names.iter();
    names
        .find(|(_, it)| *it == wanted)
        .map_or("", |(name, _)| *name)
}
