//! Audiences: filter expressions over contacts, evaluated the same way by memory and by every store.

pub mod compare;
pub mod condition;
pub mod evaluate;
pub mod messages;
#[cfg(test)]
mod random;
pub mod saved;
mod schema;
pub mod text;
mod typed;
mod written;

use serde::{Deserialize, Serialize};

use crate::id::CampaignId;
use condition::{Before, ConsentCondition, ContactField, FieldCondition};
use messages::MessageCondition;

pub use schema::{schema, schema_of};
pub use written::read;

/// An expression over one contact. The empty `and` is everybody.
///
/// People write it as [`text`], programs as JSON, for which there is a [`schema`]:
/// ```
/// use crm_core::audience::Audience;
///
/// let wanted: Audience = serde_json::from_str(
///     r#"{"and": [{"segment": "VIP"}, {"not": {"tag": "gold"}}, {"birthday_within": 7}]}"#,
/// )?;
/// wanted.validate()?;
/// assert!(serde_json::from_str::<Audience>(r#"{"segmnt": "VIP"}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Audience {
    /// All of them hold.
    And(Vec<Audience>),
    /// One of them holds.
    Or(Vec<Audience>),
    /// It does not hold.
    Not(Box<Audience>),
    /// The segment is this one.
    Segment(String),
    /// Has this tag.
    Tag(String),
    /// The language is this one or a variant of it (`uz` also matches `uz-Cyrl`).
    Language(String),
    /// The birthday is at most this many days ahead of today (0: today), in the workspace's date.
    #[serde(deserialize_with = "condition::whole")]
    BirthdayWithin(u32),
    /// The birthday is in this month, 1 to 12.
    #[serde(deserialize_with = "condition::whole")]
    BirthdayMonth(u32),
    /// A custom field has such a value.
    CustomField(FieldCondition),
    /// The person's word on a channel and topic comes to this.
    #[serde(deserialize_with = "condition::consent")]
    Consent(ConsentCondition),
    /// The last interaction was before that day. Never dealt with is not before anything.
    LastInteractionBefore(Before),
    /// The contact has one of these.
    Has(ContactField),
    /// The plan of this campaign has a line for the contact that is not excluded, in any of its runs.
    InCampaign(CampaignId),
    /// There is such a message to the contact.
    #[serde(deserialize_with = "messages::message")]
    Message(MessageCondition),
    /// The contact has this id.
    Contact(crate::id::ContactId),
    /// The contact belongs to the audience that is [saved](saved::SavedAudience) under this name, or with this id.
    Saved(String),
}

impl Audience {
    /// Everybody.
    #[must_use]
    pub const fn everybody() -> Self {
        Self::And(Vec::new())
    }

    /// Nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self::Or(Vec::new())
    }

    /// The custom field has exactly this value: text, number, true or false.
    #[must_use]
    pub fn custom_field(name: impl Into<String>, equals: impl Into<serde_json::Value>) -> Self {
        Self::CustomField(FieldCondition {
            name: name.into(),
            test: condition::FieldTest::Equals(equals.into()),
        })
    }

    /// Whether what it means depends on the day.
    #[must_use]
    pub fn needs_today(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::needs_today),
            Self::Not(part) => part.needs_today(),
            Self::BirthdayWithin(_) | Self::LastInteractionBefore(Before::Days(_)) => true,
            Self::Message(wanted) => wanted.within_days.is_some(),
            _ => false,
        }
    }

    /// Whether it asks for a custom field.
    #[must_use]
    pub(crate) fn needs_definitions(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::needs_definitions),
            Self::Not(part) => part.needs_definitions(),
            Self::CustomField(_) => true,
            _ => false,
        }
    }

    /// Whether it asks for more than the contact itself: for messages and plans.
    #[must_use]
    pub fn needs_messages(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::needs_messages),
            Self::Not(part) => part.needs_messages(),
            Self::InCampaign(_) | Self::Message(_) => true,
            _ => false,
        }
    }
}
