//! What a person agreed to hear about and where, and which addresses are never written to.

mod suppression;
pub mod token;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::contact::Contact;

pub use suppression::{LIFTED_BY_OPT_IN, Suppression};
pub(crate) use suppression::{Why, lift, suppress};

/// What a message is about, as far as consent is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Greetings and personal notes within an existing relationship.
    Relationship,
    /// Offers.
    Marketing,
}

/// The person's word on one channel and topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentStatus {
    /// Said yes.
    OptedIn,
    /// Said no. Wins over everything.
    OptedOut,
}

/// One consent decision. Without one, relationship messages may go and marketing may go unless the
/// workspace's own rules forbid it; an opt-out always stops both the topic and, on `Relationship`,
/// everything on that channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Channel name, or `*` for all.
    pub channel: String,
    /// Topic.
    pub topic: Topic,
    /// The decision.
    pub status: ConsentStatus,
    /// Where it is documented (a form, a ticket); no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// When it was given.
    pub at: DateTime<Utc>,
}

/// Whether the contact's consent lets a message of `topic` go over `channel`.
#[must_use]
pub fn allows(contact: &Contact, channel: &str, topic: Topic) -> bool {
    !contact.consent.iter().any(|consent| {
        consent.status == ConsentStatus::OptedOut
            && (consent.channel == channel || consent.channel == "*")
            && (consent.topic == topic || consent.topic == Topic::Relationship)
    })
}

/// Joins what is stored with what an import says: an import can only lower consent.
#[must_use]
pub fn lower(stored: &[Consent], imported: &[Consent]) -> Vec<Consent> {
    let mut joined = stored.to_vec();
    for consent in imported
        .iter()
        .filter(|c| c.status == ConsentStatus::OptedOut)
    {
        match joined
            .iter_mut()
            .find(|c| c.channel == consent.channel && c.topic == consent.topic)
        {
            Some(known) if known.status == ConsentStatus::OptedOut => {}
            Some(known) => *known = consent.clone(),
            None => joined.push(consent.clone()),
        }
    }
    joined
}
