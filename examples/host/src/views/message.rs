//! Messages and their history.

use chrono::{DateTime, Utc};
use crm_core::Role;
use crm_core::contact::Contact;
use crm_core::engine::{Engine, Variant};
use crm_core::message::history::StoredEvent;
use crm_core::message::lifecycle::{Event, allowed_actions};
use crm_core::message::{
    Format, GeneratedBy, Message, Occasion, Provenance, Revision, StandIn, Status,
};
use crm_core::money::dollars;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FindingView, UnitsView};
use crate::names::{FormatName, GeneratedByName, OccasionName, StatusName};

/// A message to one person over one channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageView {
    id: Uuid,
    contact_id: Uuid,
    /// Who that is, in lists; null elsewhere, and when the person was erased.
    contact: Option<RecipientView>,
    campaign_id: Option<Uuid>,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    channel: String,
    /// The address it goes to.
    recipient: String,
    subject: Option<String>,
    content: String,
    #[schema(value_type = FormatName)]
    format: Format,
    #[schema(value_type = StatusName)]
    status: Status,
    /// Grows with every change; an approval names the one that was seen.
    version: u64,
    /// SHA-256 of everything a delivery would send, as 64 hexadecimal digits.
    digest: String,
    #[schema(value_type = GeneratedByName)]
    generated_by: GeneratedBy,
    created_by: String,
    approved_by: Option<String>,
    approved_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
    scheduled_for: Option<DateTime<Utc>>,
    /// Before this it does not leave: its schedule, and once it is approved the end of the time in which that may be
    /// taken back.
    not_before: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// What its channel counts the text as, such as parts of a text message; null when that channel is not set up here.
    units: Option<UnitsView>,
    metadata: Metadata,
    /// What the caller may do with it now.
    allowed_actions: Vec<&'static str>,
    /// How many deliveries were begun.
    attempts: u32,
    /// Why it failed or was rejected, cancelled or postponed.
    failure: Option<String>,
    /// What guardrails found in the current text.
    findings: Vec<FindingView>,
    /// A message of a test run: it is never sent.
    test_mode: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Whom a message is for.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageRecipient)]
pub(crate) struct RecipientView {
    name: String,
    /// BCP 47.
    #[schema(example = "uz")]
    language: String,
    /// IANA zone; where it is not known, the one that the phone number tells.
    time_zone: Option<String>,
}

impl From<&Contact> for RecipientView {
    fn from(contact: &Contact) -> Self {
        let guessed = || contact.guessed_time_zone().map(str::to_owned);
        Self {
            name: contact.name.clone(),
            language: contact.language.clone(),
            time_zone: contact.time_zone.clone().or_else(guessed),
        }
    }
}

/// Where a text came from.
#[derive(Serialize, ToSchema)]
struct Metadata {
    /// The model that wrote it; null for any other text.
    model: Option<String>,
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    /// Exact decimal number of US dollars.
    #[schema(example = "0.00123")]
    cost_usd: String,
    tone: Option<String>,
    language: Option<String>,
    generated_at: Option<DateTime<Utc>>,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    /// Whether something else stood in for the first model.
    fallback_used: bool,
    /// What stood in: `other_model`, `template` or `greeting`.
    #[schema(example = "template")]
    fallback_step: Option<&'static str>,
    /// Why the first model did not write it, as a code.
    error: Option<String>,
    /// The template the text was made from.
    template_id: Option<Uuid>,
    /// The version of that template.
    template_version: Option<u64>,
    /// The provider's id of the request.
    request_id: Option<String>,
    /// The rules and the voice that the model was given.
    #[schema(example = "6c1f09a2.3")]
    prompt_version: Option<String>,
    /// What it was to be about.
    context: Option<String>,
    /// Fields that were told to the model and read like orders to it.
    flagged: Vec<String>,
}

impl Metadata {
    fn of(about: &Provenance, occasion_type: Occasion) -> Self {
        Self {
            model: about.model.clone(),
            input_tokens: about.input_tokens,
            output_tokens: about.output_tokens,
            total_tokens: about.input_tokens.saturating_add(about.output_tokens),
            cost_usd: dollars(about.cost_picodollars.into()),
            tone: about.tone.clone(),
            language: about.language.clone(),
            generated_at: about.generated_at,
            occasion_type,
            fallback_used: about.fallback_used,
            fallback_step: about.fallback_step.map(StandIn::as_str),
            error: about.error.clone(),
            template_id: about.template_id.map(|id| id.0),
            template_version: about.template_version,
            request_id: about.request_id.clone(),
            prompt_version: about.prompt_version.clone(),
            context: about.context.clone(),
            flagged: about.flagged.clone(),
        }
    }
}

/// One of several texts to choose from. Nothing of it is saved.
#[derive(Serialize, ToSchema)]
#[schema(as = Variant)]
pub(crate) struct VariantView {
    subject: Option<String>,
    content: String,
    #[schema(value_type = FormatName)]
    format: Format,
    #[schema(value_type = GeneratedByName)]
    generated_by: GeneratedBy,
    metadata: Metadata,
}

impl VariantView {
    pub(crate) fn of(variant: Variant, occasion: Occasion) -> Self {
        Self {
            metadata: Metadata::of(&variant.metadata, occasion),
            subject: variant.subject,
            content: variant.content,
            format: variant.format,
            generated_by: variant.generated_by,
        }
    }
}

impl MessageView {
    /// The message as somebody of `role` sees it.
    pub(crate) fn of(message: &Message, role: Role, engine: &Engine) -> Self {
        Self {
            id: message.id.0,
            contact_id: message.contact_id.0,
            contact: None,
            campaign_id: message.campaign_id.map(|id| id.0),
            occasion_type: message.occasion,
            channel: message.channel.clone(),
            recipient: message.recipient.clone(),
            subject: message.revision.subject.clone(),
            content: message.revision.content.clone(),
            format: message.revision.format,
            status: message.status,
            version: message.version,
            digest: message.digest.to_string(),
            generated_by: message.generated_by,
            created_by: message.created_by.clone(),
            approved_by: message.approved_by.clone(),
            approved_at: message.approved_at,
            sent_at: message.sent_at,
            scheduled_for: message.scheduled_for,
            not_before: message.not_before,
            expires_at: message.expires_at,
            units: units(message, engine),
            metadata: Metadata::of(&message.metadata, message.occasion),
            allowed_actions: allowed_actions(message.status, role)
                .into_iter()
                .map(Event::as_str)
                .collect(),
            attempts: message.attempts,
            failure: message.failure.clone(),
            findings: FindingView::all(&message.findings),
            test_mode: message.test_mode,
            created_at: message.created_at,
            updated_at: message.updated_at,
        }
    }
}

impl MessageView {
    /// The same, with whom it is for.
    pub(crate) fn to(self, contact: Option<&Contact>) -> Self {
        Self {
            contact: contact.map(RecipientView::from),
            ..self
        }
    }
}

/// What the channel of the message counts its text as.
fn units(message: &Message, engine: &Engine) -> Option<UnitsView> {
    let channel = engine.channels().get(&message.channel)?;
    let keeps = channel.capabilities().subject;
    let revision = &message.revision;
    let subject = revision.subject.as_deref().filter(|_| keeps);
    Some(channel.units(subject, &revision.content).into())
}

/// A message that is not saved yet.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePreview)]
pub(crate) struct Draft {
    contact_id: Uuid,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    channel: String,
    /// The address it would go to.
    recipient: String,
    subject: Option<String>,
    content: String,
    #[schema(value_type = FormatName)]
    format: Format,
    scheduled_for: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    /// The template the text was made from.
    template_id: Option<Uuid>,
    /// What its channel counts the text as, such as parts of a text message.
    units: Option<UnitsView>,
    /// What guardrails find in the text.
    findings: Vec<FindingView>,
}

impl Draft {
    pub(crate) fn of(message: &Message, template_id: Option<Uuid>, engine: &Engine) -> Self {
        Self {
            contact_id: message.contact_id.0,
            occasion_type: message.occasion,
            channel: message.channel.clone(),
            recipient: message.recipient.clone(),
            subject: message.revision.subject.clone(),
            content: message.revision.content.clone(),
            format: message.revision.format,
            scheduled_for: message.scheduled_for,
            expires_at: message.expires_at,
            template_id,
            units: units(message, engine),
            findings: FindingView::all(&message.findings),
        }
    }
}

/// One thing that happened to a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryLine {
    id: Uuid,
    message_id: Uuid,
    /// `created`, `submitted`, `edited`, `approved`, `rejected`, `claimed`, `begun`, `sent`, `failed`, ...
    action: String,
    user_id: String,
    /// What the user was allowed to be then.
    #[schema(value_type = String)]
    role: Role,
    old_content: Option<String>,
    new_content: Option<String>,
    created_at: DateTime<Utc>,
    reason: Option<String>,
    #[schema(value_type = Option<StatusName>)]
    status: Option<Status>,
    version: u64,
    digest: Option<String>,
    /// Its hash in the chain; null until it is sealed, about a second later.
    hash: Option<String>,
    prev_hash: Option<String>,
}

/// A message's history, newest first, with the text before and after each change of it.
pub(crate) fn history(events: &[StoredEvent], revisions: &[Revision]) -> Vec<HistoryLine> {
    let text = |number: Option<u32>| {
        number
            .and_then(|n| revisions.iter().find(|r| r.number == n))
            .map(|r| r.content.clone())
    };
    let mut last: Option<u32> = None;
    let mut lines = Vec::with_capacity(events.len());
    for stored in events {
        let event = &stored.event;
        let changed = event.revision.is_some() && event.revision != last;
        lines.push(HistoryLine {
            id: event.id.0,
            message_id: event.subject_id,
            action: event.action.clone(),
            user_id: event.actor.clone(),
            role: event.role,
            old_content: if changed { text(last) } else { None },
            new_content: if changed { text(event.revision) } else { None },
            created_at: event.at,
            reason: event.reason.clone(),
            status: event.status,
            version: event.version,
            digest: event.digest.map(|digest| digest.to_string()),
            hash: stored.seal.map(|seal| seal.hash.to_string()),
            prev_hash: stored.seal.map(|seal| seal.prev_hash.to_string()),
        });
        last = event.revision.or(last);
    }
    lines.reverse();
    lines
}
