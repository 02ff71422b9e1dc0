//! Contacts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{Birthday, Contact};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = Contact)]
pub(crate) struct ContactView {
    id: Uuid,
    /// The CRM's own id.
    external_id: Option<String>,
    name: String,
    email: Option<String>,
    /// E.164.
    #[schema(example = "+998901234567")]
    phone: Option<String>,
    telegram_chat_id: Option<String>,
    /// E.164.
    whatsapp: Option<String>,
    /// `VIP`, `regular`, `new_client`, `partner` or any other.
    #[schema(example = "regular")]
    segment: String,
    /// `YYYY-MM-DD`, or `--MM-DD` when the year is not known.
    #[schema(value_type = Option<String>, example = "1990-05-21")]
    birthday: Option<Birthday>,
    company: Option<String>,
    position: Option<String>,
    /// BCP 47.
    #[schema(example = "uz")]
    language: String,
    /// IANA zone.
    time_zone: Option<String>,
    /// The zone that the phone number tells while `time_zone` is not known.
    guessed_time_zone: Option<&'static str>,
    tags: BTreeSet<String>,
    custom_fields: BTreeMap<String, Value>,
    preferred_channels: Vec<String>,
    consent: Vec<ConsentBody>,
    last_interaction_date: Option<DateTime<Utc>>,
    /// The contact that this one was merged into: then no more than an id and its `external_id` is left of it.
    merged_into: Option<Uuid>,
    version: u64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The person's word on one channel and topic.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Consent)]
pub(crate) struct ConsentBody {
    /// Channel name, or `*` for all.
    channel: String,
    /// `relationship` or `marketing`.
    #[schema(value_type = String, example = "marketing")]
    topic: Topic,
    /// `opted_in` or `opted_out`.
    #[schema(value_type = String, example = "opted_out")]
    status: ConsentStatus,
    /// Where it is documented; no personal data.
    evidence: Option<String>,
    /// When it was given.
    at: DateTime<Utc>,
}

impl From<&Consent> for ConsentBody {
    fn from(consent: &Consent) -> Self {
        Self {
            channel: consent.channel.clone(),
            topic: consent.topic,
            status: consent.status,
            evidence: consent.evidence.clone(),
            at: consent.at,
        }
    }
}

impl From<ConsentBody> for Consent {
    fn from(body: ConsentBody) -> Self {
        Self {
            channel: body.channel,
            topic: body.topic,
            status: body.status,
            evidence: body.evidence,
            at: body.at,
        }
    }
}

impl From<&Contact> for ContactView {
    fn from(contact: &Contact) -> Self {
        let fields = contact.fields.clone();
        Self {
            id: contact.id.0,
            external_id: fields.external_id,
            name: fields.name,
            email: fields.email,
            phone: fields.phone,
            telegram_chat_id: fields.telegram_chat_id,
            whatsapp: fields.whatsapp,
            segment: fields.segment,
            birthday: fields.birthday,
            company: fields.company,
            position: fields.position,
            language: fields.language,
            time_zone: fields.time_zone,
            guessed_time_zone: contact.guessed_time_zone(),
            tags: fields.tags,
            custom_fields: fields.custom_fields,
            preferred_channels: fields.preferred_channels,
            consent: fields.consent.iter().map(ConsentBody::from).collect(),
            last_interaction_date: fields.last_interaction_date,
            merged_into: contact.merged_into.map(|id| id.0),
            version: contact.version,
            created_by: contact.created_by.clone(),
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}
