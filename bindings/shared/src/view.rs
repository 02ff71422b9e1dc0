//! What rows look like in other languages: the engine's own field names, money exact as text.

use chrono::{DateTime, Utc};
use crm_core::Role;
use crm_core::guardrail::{self, Part, Rule, Severity};
use crm_core::id::{AttemptId, CampaignId, ContactId, EventId, MessageId, TemplateId};
use crm_core::message::history::{Seal, StoredEvent};
use crm_core::message::lifecycle::{self, Status, allowed_actions};
use crm_core::message::{Approved, Digest, Format, GeneratedBy, Occasion, StandIn};
use crm_core::money::dollars;
use crm_core::port::store::Page;
use crm_core::worker::Round;
use serde::Serialize;
use uuid::Uuid;

/// Part of a list.
#[derive(Debug, Serialize)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows match, when `count` was asked for.
    pub total: Option<u64>,
    /// Give it as `after` to get the next part; `None` at the end.
    pub next: Option<Uuid>,
}

impl<T> List<T> {
    /// The page with each row shown by `show`.
    pub fn of<R>(page: Page<R>, show: impl FnMut(R) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(show).collect(),
            total: page.total,
            next: page.next,
        }
    }
}

/// A person.
#[derive(Debug, Serialize)]
pub struct Person {
    /// What is kept of them.
    #[serde(flatten)]
    pub contact: crm_core::contact::Contact,
    /// The zone that their phone number tells while nobody knows one.
    pub guessed_time_zone: Option<&'static str>,
}

impl Person {
    /// The person as they are shown.
    #[must_use]
    pub fn of(contact: crm_core::contact::Contact) -> Self {
        Self {
            guessed_time_zone: contact.guessed_time_zone(),
            contact,
        }
    }
}

/// Whom an audience has now.
#[derive(Debug, Serialize)]
pub struct AudienceSample {
    /// How many contacts.
    pub count: u64,
    /// The newest of them.
    pub items: Vec<Person>,
}

/// Where a text came from.
#[derive(Debug, Serialize)]
pub struct Provenance {
    /// The model that wrote it.
    pub model: Option<String>,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Price in US dollars, exact, as text.
    pub cost_usd: String,
    /// The tone that was asked for.
    pub tone: Option<String>,
    /// Which variant of its campaign it is.
    pub variant: Option<String>,
    /// Language of the text.
    pub language: Option<String>,
    /// When it was drafted.
    pub generated_at: Option<DateTime<Utc>>,
    /// Whether something else stood in for the first model.
    pub fallback_used: bool,
    /// What stood in: `other_model`, `template` or `greeting`.
    pub fallback_step: Option<StandIn>,
    /// Why the first model did not write it, as a code.
    pub error: Option<String>,
    /// The template it was rendered from.
    pub template_id: Option<TemplateId>,
    /// The version of that template.
    pub template_version: Option<u64>,
    /// The provider's request id.
    pub request_id: Option<String>,
    /// The rules and the voice that the model was given.
    pub prompt_version: Option<String>,
    /// What it was to be about.
    pub context: Option<String>,
    /// Fields that were told to the model and read like orders to it.
    pub flagged: Vec<String>,
}

impl Provenance {
    fn of(about: crm_core::message::Provenance) -> Self {
        Self {
            model: about.model,
            input_tokens: about.input_tokens,
            output_tokens: about.output_tokens,
            cost_usd: dollars(i128::from(about.cost_picodollars)),
            tone: about.tone,
            variant: about.variant,
            language: about.language,
            generated_at: about.generated_at,
            fallback_used: about.fallback_used,
            fallback_step: about.fallback_step,
            error: about.error,
            template_id: about.template_id,
            template_version: about.template_version,
            request_id: about.request_id,
            prompt_version: about.prompt_version,
            context: about.context,
            flagged: about.flagged,
        }
    }
}

/// One of several texts to choose from.
#[derive(Debug, Serialize)]
pub struct Variant {
    /// Subject.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// `text` or `html`.
    pub format: Format,
    /// `AI` or `manual`.
    pub generated_by: GeneratedBy,
    /// Where the text came from.
    pub metadata: Provenance,
}

impl From<crm_core::engine::Variant> for Variant {
    fn from(variant: crm_core::engine::Variant) -> Self {
        Self {
            subject: variant.subject,
            content: variant.content,
            format: variant.format,
            generated_by: variant.generated_by,
            metadata: Provenance::of(variant.metadata),
        }
    }
}

/// One thing that is wrong with a text, or may be.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Which guardrail.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// `subject`, `content` (as its reader sees it), or `field`, one of the contact's.
    pub part: Part,
    /// Where, in characters; `None` when it is the whole.
    pub span: Option<std::ops::Range<usize>>,
    /// What is wrong.
    pub message: String,
}

impl Finding {
    fn of(finding: guardrail::Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity,
            part: finding.part,
            span: finding.span,
            message: finding.message,
        }
    }
}

/// Texts of a campaign that are alike.
#[derive(Debug, Serialize)]
pub struct Duplicates {
    /// Two or more, newest first.
    pub messages: Vec<MessageId>,
    /// Whether all are the same but for the name.
    pub exact: bool,
}

/// A message and its current text.
#[derive(Debug, Serialize)]
pub struct Message {
    /// Id.
    pub id: MessageId,
    /// Recipient.
    pub contact_id: ContactId,
    /// Campaign that made it.
    pub campaign_id: Option<CampaignId>,
    /// Why it is written.
    pub occasion_type: Occasion,
    /// Channel name.
    pub channel: String,
    /// The address on that channel.
    pub recipient: String,
    /// Subject.
    pub subject: Option<String>,
    /// The text exactly as it will be delivered.
    pub content: String,
    /// `text` or `html`.
    pub format: Format,
    /// Where it stands.
    pub status: Status,
    /// Grows with every change.
    pub version: u64,
    /// Number of the current text.
    pub revision: u32,
    /// What an approval binds.
    pub digest: Digest,
    /// `AI` or `manual`.
    pub generated_by: GeneratedBy,
    /// Where the text came from.
    pub metadata: Provenance,
    /// Who created it.
    pub created_by: String,
    /// Who gave the valid approval.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it is meant to leave.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// After this it no longer leaves.
    pub expires_at: Option<DateTime<Utc>>,
    /// Earliest instant of the next claim.
    pub not_before: DateTime<Utc>,
    /// Since when it is due; `None` unless it waits to leave, is about to, or is in doubt.
    pub queued_at: Option<DateTime<Utc>>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// Why it failed, was cancelled, rejected or postponed.
    pub failure: Option<String>,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// When the provider took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// What guardrails found in the current text.
    pub findings: Vec<Finding>,
    /// Never dispatched.
    pub test_mode: bool,
    /// What the caller may do with it now.
    pub allowed_actions: Vec<&'static str>,
    /// Creation.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl Message {
    /// The message as `role` sees it.
    #[must_use]
    pub fn of(message: crm_core::message::Message, role: Role) -> Self {
        Self {
            id: message.id,
            contact_id: message.contact_id,
            campaign_id: message.campaign_id,
            occasion_type: message.occasion,
            channel: message.channel,
            recipient: message.recipient,
            subject: message.revision.subject,
            content: message.revision.content,
            format: message.revision.format,
            status: message.status,
            version: message.version,
            revision: message.revision.number,
            digest: message.digest,
            generated_by: message.generated_by,
            metadata: Provenance::of(message.metadata),
            created_by: message.created_by,
            approved_by: message.approved_by,
            approved_at: message.approved_at,
            scheduled_for: message.scheduled_for,
            expires_at: message.expires_at,
            not_before: message.not_before,
            queued_at: message.queued_at,
            attempts: message.attempts,
            failure: message.failure,
            provider_id: message.provider_id,
            sent_at: message.sent_at,
            findings: message.findings.into_iter().map(Finding::of).collect(),
            test_mode: message.test_mode,
            allowed_actions: allowed_actions(message.status, role)
                .into_iter()
                .map(lifecycle::Event::as_str)
                .collect(),
            created_at: message.created_at,
            updated_at: message.updated_at,
        }
    }
}

/// One event of the history.
#[derive(Debug, Serialize)]
pub struct Event {
    /// Id.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// The actor's role then.
    pub role: Role,
    /// Kind of row.
    pub subject: &'static str,
    /// Id of the row.
    pub subject_id: Uuid,
    /// What happened.
    pub action: String,
    /// Status after.
    pub status: Option<Status>,
    /// Version after.
    pub version: u64,
    /// Revision after.
    pub revision: Option<u32>,
    /// Digest after.
    pub digest: Option<Digest>,
    /// A code or the person's reason.
    pub reason: Option<String>,
    /// Place in the sealed chain; `None` for about a second after the event.
    pub position: Option<u64>,
    /// Hash of the event before.
    pub prev_hash: Option<Digest>,
    /// Hash of this event.
    pub hash: Option<Digest>,
}

impl Event {
    /// The event as stored.
    #[must_use]
    pub fn of(stored: StoredEvent) -> Self {
        let StoredEvent { event, seal } = stored;
        Self {
            id: event.id,
            at: event.at,
            actor: event.actor,
            role: event.role,
            subject: event.subject.as_str(),
            subject_id: event.subject_id,
            action: event.action,
            status: event.status,
            version: event.version,
            revision: event.revision,
            digest: event.digest,
            reason: event.reason,
            position: seal.map(|seal: Seal| seal.position),
            prev_hash: seal.map(|seal| seal.prev_hash),
            hash: seal.map(|seal| seal.hash),
        }
    }
}

/// What drafting cost.
#[derive(Debug, Serialize)]
pub struct AiUsage {
    /// Messages a model wrote.
    pub ai_generated: i64,
    /// All others.
    pub manual: i64,
    /// Tokens of all drafts.
    pub total_tokens_used: i64,
    /// Price of all drafts in US dollars, exact, as text.
    pub total_cost_usd: String,
}

impl AiUsage {
    /// The figures.
    #[must_use]
    pub fn of(usage: &crm_core::engine::AiUsage) -> Self {
        Self {
            ai_generated: usage.ai_generated,
            manual: usage.manual,
            total_tokens_used: usage.total_tokens_used,
            total_cost_usd: dollars(i128::from(usage.total_cost_picodollars)),
        }
    }
}

/// What the worker did.
#[derive(Debug, Default, Serialize)]
pub struct Work {
    /// Rows of the intake worked off.
    pub drained: u64,
    /// Plan rows written.
    pub planned: u64,
    /// Messages drafted.
    pub drafted: u64,
    /// Attempts begun.
    pub begun: u64,
    /// Messages moved by the sweep.
    pub swept: u64,
    /// Events sealed.
    pub sealed: u64,
    /// State changes that subscribers took.
    pub told: u64,
}

impl Work {
    /// Adds one round.
    pub fn add(&mut self, round: Round) {
        self.drained += round.drained;
        self.planned += round.planned;
        self.drafted += round.drafted;
        self.begun += round.begun;
        self.swept += round.swept;
        self.sealed += round.sealed;
        self.told += round.told;
    }
}

/// An approved message as a channel gets it.
#[derive(Serialize)]
pub struct Delivery<'a> {
    /// The message.
    pub message_id: MessageId,
    /// The contact.
    pub contact_id: ContactId,
    /// Idempotency key: the same for all attempts that follow from one decision of a person, and for nothing
    /// else.
    pub key: Uuid,
    /// This attempt; another one for each.
    pub attempt_id: AttemptId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Channel name.
    pub channel: &'a str,
    /// The address to deliver to.
    pub recipient: &'a str,
    /// Sender identity; empty for the channel's own.
    pub sender: &'a str,
    /// Subject.
    pub subject: Option<&'a str>,
    /// The text, to be delivered as it stands.
    pub content: &'a str,
    /// `text` or `html`.
    pub format: Format,
    /// What was approved.
    pub digest: Digest,
}

impl<'a> Delivery<'a> {
    /// The delivery of `approved`.
    #[must_use]
    pub fn of(approved: &'a Approved) -> Self {
        Self {
            message_id: approved.message_id(),
            contact_id: approved.contact_id(),
            key: approved.key(),
            attempt_id: approved.attempt_id(),
            attempt: approved.attempt(),
            channel: approved.channel(),
            recipient: approved.recipient(),
            sender: approved.sender(),
            subject: approved.subject(),
            content: approved.content(),
            format: approved.format(),
            digest: approved.digest(),
        }
    }
}
