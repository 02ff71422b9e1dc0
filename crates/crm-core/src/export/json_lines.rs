//! A contact in each line, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::consent::{Consent, ConsentStatus, Topic};
use crate::contact::{Birthday, Contact};
use crate::id::ContactId;

/// A contact as HTTP clients see it: without its workspace, which is the reader's own, and whether it was erased,
/// which none of an export is.
#[derive(Serialize)]
struct Line<'a> {
    id: ContactId,
    external_id: Option<&'a str>,
    name: &'a str,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    telegram_chat_id: Option<&'a str>,
    whatsapp: Option<&'a str>,
    segment: &'a str,
    birthday: Option<Birthday>,
    company: Option<&'a str>,
    position: Option<&'a str>,
    language: &'a str,
    time_zone: Option<&'a str>,
    guessed_time_zone: Option<&'static str>,
    tags: &'a BTreeSet<String>,
    custom_fields: &'a BTreeMap<String, Value>,
    preferred_channels: &'a [String],
    consent: Vec<Decision<'a>>,
    last_interaction_date: Option<DateTime<Utc>>,
    merged_into: Option<ContactId>,
    version: u64,
    created_by: &'a str,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Decision<'a> {
    channel: &'a str,
    topic: Topic,
    status: ConsentStatus,
    evidence: Option<&'a str>,
    at: DateTime<Utc>,
}

impl<'a> Decision<'a> {
    fn of(consent: &'a Consent) -> Self {
        Self {
            channel: &consent.channel,
            topic: consent.topic,
            status: consent.status,
            evidence: consent.evidence.as_deref(),
            at: consent.at,
        }
    }
}

/// Writes the line of a contact.
pub(super) fn contact(contact: &Contact, out: &mut Vec<u8>) {
    let fields = &contact.fields;
    let line = Line {
        id: contact.id,
        external_id: fields.external_id.as_deref(),
        name: &fields.name,
        email: fields.email.as_deref(),
        phone: fields.phone.as_deref(),
        telegram_chat_id: fields.telegram_chat_id.as_deref(),
        whatsapp: fields.whatsapp.as_deref(),
        segment: &fields.segment,
        birthday: fields.birthday,
        company: fields.company.as_deref(),
        position: fields.position.as_deref(),
        language: &fields.language,
        time_zone: fields.time_zone.as_deref(),
        guessed_time_zone: fields.guessed_time_zone(),
        tags: &fields.tags,
        custom_fields: &fields.custom_fields,
        preferred_channels: &fields.preferred_channels,
        consent: fields.consent.iter().map(Decision::of).collect(),
        last_interaction_date: fields.last_interaction_date,
        merged_into: contact.merged_into,
        version: contact.version,
        created_by: &contact.created_by,
        created_at: contact.created_at,
        updated_at: contact.updated_at,
    };
    // Texts, numbers and maps with texts as keys: this cannot fail, and memory takes every byte.
    out.extend(serde_json::to_vec(&line).unwrap_or_default());
    out.push(b'\n');
}
