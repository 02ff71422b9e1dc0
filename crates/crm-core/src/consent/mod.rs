//! What a person agreed to hear about and where, and which addresses are never written to.

pub mod erasure;
pub mod opt_in;
mod suppression;
pub mod token;
pub mod window;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::error::{Error, Result};

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

/// One consent decision. Without one, relationship messages may go and marketing may go unless
/// [`Rules::marketing_needs_opt_in`] forbids it; an opt-out always stops both the topic and, on `Relationship`,
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

impl Consent {
    /// Whether it is about messages on this channel.
    fn covers(&self, channel: &str) -> bool {
        self.channel == channel || self.channel == "*"
    }

    /// Whether it is a no.
    pub(crate) fn is_no(&self) -> bool {
        self.status == ConsentStatus::OptedOut
    }

    /// Whether it is about exactly this channel and topic.
    pub(crate) fn is_about(&self, channel: &str, topic: Topic) -> bool {
        self.channel == channel && self.topic == topic
    }

    /// What it weighs beside others about the same channel and topic: a no, and a yes with its evidence, count by when
    /// they were said, a no before a yes of the same instant; a yes without evidence is less than any of them.
    fn weight(&self) -> (bool, DateTime<Utc>, bool) {
        let no = self.is_no();
        (no || self.evidence.is_some(), self.at, no)
    }

    /// Whether it is a no that stops messages of `topic` on `channel`.
    fn stops(&self, channel: &str, topic: Topic) -> bool {
        self.status == ConsentStatus::OptedOut
            && self.covers(channel)
            && (self.topic == topic || self.topic == Topic::Relationship)
    }
}

/// What the house demands besides that nobody is written to who said no.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether marketing goes only to people who said yes to it, on the channel or on all. Otherwise it goes to all
    /// who did not say no. Which of the two the law of a place demands is for the house to know.
    pub marketing_needs_opt_in: bool,
}

impl Rules {
    /// Whether the contact's consent lets a message of `topic` go over `channel`.
    #[must_use]
    pub fn allow(self, contact: &Contact, channel: &str, topic: Topic) -> bool {
        let needed = self.marketing_needs_opt_in && topic == Topic::Marketing;
        let said_yes = |consent: &Consent| {
            consent.status == ConsentStatus::OptedIn
                && consent.topic == Topic::Marketing
                && consent.covers(channel)
        };
        allows(contact, channel, topic) && (!needed || contact.consent.iter().any(said_yes))
    }
}

/// Whether the person did not say no to messages of `topic` over `channel`: an opt-out wins over everything.
#[must_use]
pub fn allows(contact: &Contact, channel: &str, topic: Topic) -> bool {
    let mut consent = contact.consent.iter();
    !consent.any(|consent| consent.stops(channel, topic))
}

/// Whether replacing what is stored keeps every no: one is taken back only by a later yes about the same channel and
/// topic, with its evidence.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) with the field `consent`.
pub(crate) fn check_kept(stored: &[Consent], new: &[Consent]) -> Result<()> {
    let kept = |no: &&Consent| {
        let mut words = new
            .iter()
            .filter(|c| (&c.channel, c.topic) == (&no.channel, no.topic));
        words.any(|word| match word.status {
            ConsentStatus::OptedOut => true,
            ConsentStatus::OptedIn => word.at > no.at && word.evidence.is_some(),
        })
    };
    let mut noes = stored
        .iter()
        .filter(|c| c.status == ConsentStatus::OptedOut);
    if noes.all(|no| kept(&no)) {
        return Ok(());
    }
    Err(Error::field(
        "consent",
        "who opted out stays so: keep the entry, or give a later `opted_in` with the evidence for it",
    ))
}

/// What the person's word on messages of `topic` over `channel` comes to.
///
/// A no wins, and counts as in [`allows`]: one for all channels (`*`), and one to `Relationship`, cover this channel
/// and topic, too. A yes counts for its own topic alone, on its channel or on all. None is neither.
#[must_use]
pub fn decision(contact: &Contact, channel: &str, topic: Topic) -> Option<ConsentStatus> {
    if !allows(contact, channel, topic) {
        return Some(ConsentStatus::OptedOut);
    }
    let said_yes = |consent: &Consent| {
        consent.status == ConsentStatus::OptedIn
            && consent.topic == topic
            && consent.covers(channel)
    };
    let yes = contact.consent.iter().any(said_yes);
    yes.then_some(ConsentStatus::OptedIn)
}

/// Joins two lists of words about one person: of those about the same channel and topic one stays. A no wins, unless the
/// yes is later and has its evidence; so a no is taken back here by what [`check_kept`] lets take it back, in either
/// order.
pub(crate) fn joined(stored: &[Consent], said: &[Consent]) -> Vec<Consent> {
    let mut joined: Vec<Consent> = Vec::new();
    for word in stored.iter().chain(said) {
        let same = |known: &&mut Consent| known.is_about(&word.channel, word.topic);
        match joined.iter_mut().find(same) {
            Some(known) if word.weight() > known.weight() => *known = word.clone(),
            Some(_) => {}
            None => joined.push(word.clone()),
        }
    }
    joined
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
