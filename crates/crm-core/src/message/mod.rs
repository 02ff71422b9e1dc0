//! A message to one person over one channel, its texts, approvals and attempts.

pub mod approval;
pub mod decide;
pub mod digest;
pub mod dispatch;
pub mod guard;
pub mod history;
pub mod lifecycle;
pub mod receipts;
pub mod rules;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Workspace;
use crate::guardrail::{self, Finding};
use crate::id::{AttemptId, CampaignId, ContactId, MessageId};
pub use approval::{Approval, Approved};
pub use digest::Digest;
pub use lifecycle::Status;

/// Why the message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The contact's birthday.
    Birthday,
    /// New Year.
    NewYear,
    /// Any other holiday.
    Holiday,
    /// An offer.
    Promotion,
    /// Anything else.
    Custom,
}

impl Occasion {
    /// All occasions.
    pub const ALL: [Self; 5] = [
        Self::Birthday,
        Self::NewYear,
        Self::Holiday,
        Self::Promotion,
        Self::Custom,
    ];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Birthday => "birthday",
            Self::NewYear => "new_year",
            Self::Holiday => "holiday",
            Self::Promotion => "promotion",
            Self::Custom => "custom",
        }
    }

    /// The occasion of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|occasion| occasion.as_str() == name)
    }

    /// The consent topic a message of this occasion needs.
    #[must_use]
    pub const fn topic(self) -> crate::consent::Topic {
        match self {
            Self::Promotion => crate::consent::Topic::Marketing,
            _ => crate::consent::Topic::Relationship,
        }
    }
}

/// Who wrote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GeneratedBy {
    /// A language model.
    #[serde(rename = "AI")]
    Ai,
    /// A person, a template or a built-in greeting.
    #[serde(rename = "manual")]
    Manual,
}

impl GeneratedBy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ai, Self::Manual];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "AI",
            Self::Manual => "manual",
        }
    }

    /// The value of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == name)
    }
}

/// How the body is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Plain text, shown as it stands.
    #[default]
    Text,
    /// HTML; contact values were escaped when it was rendered.
    Html,
}

impl Format {
    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

/// Who wrote a text that the first model did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandIn {
    /// Another model of the list.
    OtherModel,
    /// A template.
    Template,
    /// A built-in greeting.
    Greeting,
}

impl StandIn {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherModel => "other_model",
            Self::Template => "template",
            Self::Greeting => "greeting",
        }
    }
}

/// Where a text came from: model, cost, template, or the reason for a fallback. No personal data, but for what
/// somebody may have written into `context`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The model that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// All tokens read, cached ones included.
    pub input_tokens: u64,
    /// All tokens written.
    pub output_tokens: u64,
    /// Price in 10^-12 US dollars; exact.
    pub cost_picodollars: u64,
    /// The tone that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<String>,
    /// Which variant of its campaign it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Language of the text, BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When it was drafted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<DateTime<Utc>>,
    /// Whether something else stood in for the first model.
    pub fallback_used: bool,
    /// What stood in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_step: Option<StandIn>,
    /// Why the first model did not write it, as a stable code; never the provider's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The template it was rendered from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<crate::id::TemplateId>,
    /// The version of that template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version: Option<u64>,
    /// The rules and the voice a model was given; see [`generation::prompt::version`](crate::generation::prompt::version).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
    /// What it was to be about, in the words of whoever asked, so that drafting it anew keeps to that. The words of
    /// a campaign stay with the campaign. Forgotten when the person is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Fields that were told to the model and read like orders to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flagged: Vec<String>,
    /// The provider's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One version of a message's text. Deleted (text and salt) when the person is erased; the digests in
/// the history stay and say nothing without the salt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The message.
    pub message_id: MessageId,
    /// 1, 2, 3, ...
    pub number: u32,
    /// Subject; only where the channel has one.
    pub subject: Option<String>,
    /// The text exactly as it will be delivered.
    pub content: String,
    /// How to read it.
    pub format: Format,
    /// Random bytes that keep the digest from being guessed.
    pub salt: [u8; 16],
    /// Who wrote this revision.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revision({} #{})", self.message_id, self.number)
    }
}

/// A message. Its current text is `revision`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Tenant.
    pub workspace: Workspace,
    /// Id; grows with time.
    pub id: MessageId,
    /// Recipient.
    pub contact_id: ContactId,
    /// The contact that it was written for, if that was merged into the recipient since. The digest covers that one, so
    /// that what was approved stays what it was.
    #[serde(default)]
    pub written_for: Option<ContactId>,
    /// Campaign that made it, if any.
    pub campaign_id: Option<CampaignId>,
    /// Which run of the campaign (for example `2026-11-24`); with campaign and contact unique.
    pub occurrence: Option<String>,
    /// Why it is written.
    pub occasion: Occasion,
    /// Channel name.
    pub channel: String,
    /// The recipient's address on that channel when the text was last written.
    pub recipient: String,
    /// Sender identity the channel will use; empty for the channel's own default.
    pub sender: String,
    /// Where it stands.
    pub status: Status,
    /// Grows by one with every change; a change needs the current one.
    pub version: u64,
    /// The current text.
    pub revision: Revision,
    /// Digest of what a delivery would send; see [`digest`].
    pub digest: Digest,
    /// Who wrote the text.
    pub generated_by: GeneratedBy,
    /// Provenance of the text.
    pub metadata: Provenance,
    /// What the guardrails found in the current text when it was written, or when they sent it back. No part of
    /// what is approved; removed when the person is erased.
    pub findings: Vec<Finding>,
    /// Actor who created it.
    pub created_by: String,
    /// Actor of the valid approval.
    pub approved_by: Option<String>,
    /// When the valid approval was given.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it is meant to leave; part of what is approved.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// After this it no longer leaves; part of what is approved.
    pub expires_at: Option<DateTime<Utc>>,
    /// Earliest instant of the next claim (schedule, undo window, retry).
    pub not_before: DateTime<Utc>,
    /// Since when it is due: the later of schedule and undo window when it was approved, set anew when a person
    /// sends it again and kept by whatever happens by itself. `None` unless it waits to leave, is about to, or
    /// is in doubt.
    pub queued_at: Option<DateTime<Utc>>,
    /// Grows with every claim and every repeat; outcomes of older epochs cannot change the status.
    pub epoch: u64,
    /// The epoch when a person last decided that it be sent (approved it, or sent it again). Attempts with
    /// later ones belong to that decision and share its key; see [`Approved::key`].
    pub decided_epoch: u64,
    /// Worker that holds it.
    pub lease_owner: Option<String>,
    /// When the lease runs out.
    pub lease_until: Option<DateTime<Utc>>,
    /// How many attempts were begun, but for those that the whole channel refused.
    pub attempts: u32,
    /// Why it failed, was cancelled, rejected or postponed: a code, or the person's own words.
    pub failure: Option<String>,
    /// The provider's id once it was accepted.
    pub provider_id: Option<String>,
    /// When the provider took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// Never dispatched, whatever its status (campaign test mode).
    pub test_mode: bool,
    /// Hidden from lists; the history stays.
    pub deleted: bool,
    /// Creation.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl Message {
    /// How risky its text is: 0 without findings, 1 with notices, 2 with warnings, 3 with a blocking finding.
    #[must_use]
    pub fn risk(&self) -> u8 {
        guardrail::risk(&self.findings)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("workspace", &self.workspace)
            .field("id", &self.id)
            .field("status", &self.status)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended. See the channel port for what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The provider took it.
    Accepted,
    /// The address can never work.
    Dead,
    /// This message is refused.
    Rejected,
    /// Not taken; may be repeated.
    RetryAfter,
    /// Not taken; the channel is parked.
    Stop,
    /// May have been taken.
    Unknown,
}

impl AttemptOutcome {
    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Dead => "dead",
            Self::Rejected => "rejected",
            Self::RetryAfter => "retry_after",
            Self::Stop => "stop",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Accepted,
            Self::Dead,
            Self::Rejected,
            Self::RetryAfter,
            Self::Stop,
            Self::Unknown,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == name)
    }
}

/// One try to deliver a message, written before the provider is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Id.
    pub id: AttemptId,
    /// The message.
    pub message_id: MessageId,
    /// 1, 2, 3, ...; the number of one that the whole channel refused is given again.
    pub number: u32,
    /// The claim it belongs to; unique with the message.
    pub epoch: u64,
    /// Whether it repeats one of which nobody knows how it ended, under the same key. What it is answered is
    /// no proof that the one before was not taken, unless it is accepted.
    pub repeats: bool,
    /// Worker that began it.
    pub worker: String,
    /// What is sent.
    pub digest: Digest,
    /// When it was recorded.
    pub started_at: DateTime<Utc>,
    /// When its outcome was recorded; `None` while open.
    pub finished_at: Option<DateTime<Utc>>,
    /// The outcome.
    pub outcome: Option<AttemptOutcome>,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// A short code of the reason; never message text or an address.
    pub reason: Option<String>,
}
