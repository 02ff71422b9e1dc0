//! Rows for tests: complete, plausible and the same in every run. Change the fields a test is about.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::ids::nth;
use crate::actor::{Role, Workspace};
use crate::budget::{Budget, EntryState, LedgerEntry, Period};
use crate::campaign::{Campaign, CampaignFields, CampaignStatus, PlanRow};
use crate::consent::Suppression;
use crate::consent::window::Window;
use crate::contact::{AddressKind, Contact, ContactFields};
use crate::error::Result;
use crate::guardrail;
use crate::id::{AttemptId, CampaignId, ContactId, EventId, LedgerId, MessageId, TemplateId};
use crate::message::dispatch::Desk;
use crate::message::guard::House;
use crate::message::history::{AuditEvent, Subject};
use crate::message::{
    Approval, Approved, Attempt, Digest, Format, GeneratedBy, Message, Occasion, Provenance,
    Revision, Status, digest,
};
use crate::template::{Template, TemplateFields};

/// 2026-03-10T12:00:00.123456Z: an instant with microseconds.
#[must_use]
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_773_144_000_123_456).unwrap_or_default()
}

/// A contact with a name, an e-mail and an external id made from `number`.
#[must_use]
pub fn contact(number: u64) -> Contact {
    Contact {
        workspace: Workspace::default(),
        id: ContactId(nth(number)),
        version: 1,
        fields: ContactFields {
            external_id: Some(format!("crm-{number}")),
            name: format!("Анна Иванова {number}"),
            email: Some(format!("anna{number}@example.org")),
            time_zone: Some("Asia/Tashkent".to_owned()),
            ..ContactFields::default()
        },
        erased: false,
        merged_into: None,
        created_by: "olga".to_owned(),
        created_at: noon(),
        updated_at: noon(),
    }
}

/// A template whose name is made from `number`.
#[must_use]
pub fn template(number: u64) -> Template {
    Template {
        workspace: Workspace::default(),
        id: TemplateId(nth(number)),
        version: 1,
        fields: TemplateFields {
            name: format!("Поздравление {number}"),
            occasion_type: Occasion::Birthday,
            segment: None,
            channel: None,
            language: "ru".to_owned(),
            subject: Some("С днём рождения!".to_owned()),
            content: "{{name}}, поздравляем!".to_owned(),
            format: Format::Text,
            is_active: true,
        },
        created_by: "olga".to_owned(),
        created_at: noon(),
        updated_at: noon(),
    }
}

/// A draft by e-mail to the contact of the same number.
#[must_use]
pub fn message(number: u64) -> Message {
    let to = contact(number);
    let id = MessageId(nth(number));
    let mut salt = [7_u8; 16];
    salt.iter_mut()
        .zip(number.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    with_digest(Message {
        workspace: Workspace::default(),
        id,
        contact_id: to.id,
        written_for: None,
        campaign_id: None,
        occurrence: None,
        occasion: Occasion::Birthday,
        channel: "email".to_owned(),
        recipient: to.fields.email.unwrap_or_default(),
        sender: String::new(),
        status: Status::Draft,
        version: 1,
        revision: Revision {
            message_id: id,
            number: 1,
            subject: Some("С днём рождения!".to_owned()),
            content: format!("Анна, поздравляем вас! {number}"),
            format: Format::Text,
            salt,
            created_by: "olga".to_owned(),
            created_at: noon(),
        },
        digest: Digest::ZERO,
        generated_by: GeneratedBy::Manual,
        metadata: Provenance::default(),
        findings: Vec::new(),
        created_by: "olga".to_owned(),
        approved_by: None,
        approved_at: None,
        scheduled_for: None,
        expires_at: None,
        not_before: noon(),
        queued_at: None,
        epoch: 0,
        decided_epoch: 0,
        lease_owner: None,
        lease_until: None,
        attempts: 0,
        failure: None,
        provider_id: None,
        sent_at: None,
        test_mode: false,
        deleted: false,
        created_at: noon(),
        updated_at: noon(),
    })
}

/// The message with the digest of what it holds now.
#[must_use]
pub fn with_digest(mut message: Message) -> Message {
    message.digest = digest::digest(&message);
    message
}

/// The message as it stands after its approval.
#[must_use]
pub fn approved_message(number: u64) -> Message {
    Message {
        status: Status::Approved,
        approved_by: Some("olga".to_owned()),
        approved_at: Some(noon()),
        queued_at: Some(noon()),
        ..message(number)
    }
}

/// A manager's approval of the message as it stands.
#[must_use]
pub fn approval(message: &Message) -> Approval {
    Approval {
        message_id: message.id,
        revision: message.revision.number,
        digest: digest::digest(message),
        approver: "olga".to_owned(),
        role: Role::Manager,
        decided_at: noon(),
        override_reason: None,
    }
}

/// An open attempt of the message's current epoch; its id is the `number`-th.
#[must_use]
pub fn attempt(message: &Message, number: u64) -> Attempt {
    Attempt {
        id: AttemptId(nth(number)),
        message_id: message.id,
        number: message.attempts.max(1),
        epoch: message.epoch,
        repeats: false,
        worker: "worker-1".to_owned(),
        digest: digest::digest(message),
        started_at: noon(),
        finished_at: None,
        outcome: None,
        provider_id: None,
        reason: None,
    }
}

/// The guardrails of a house that sets nothing.
pub const HOUSE: House<'static> = House {
    rules: &guardrail::STANDARD,
    max_length: None,
    parts: None,
};

/// How a worker of that name begins attempts on a channel for e-mail.
#[must_use]
pub const fn desk(worker: &str) -> Desk<'_> {
    Desk {
        worker,
        lease: Duration::minutes(2),
        address: AddressKind::Email,
        late_after: Duration::days(3),
        consent: crate::consent::Rules {
            marketing_needs_opt_in: false,
        },
        window: Window::Always,
        house: HOUSE,
        calendars: &[],
    }
}

/// An active campaign by e-mail for everybody.
#[must_use]
pub fn campaign(number: u64) -> Campaign {
    Campaign {
        workspace: Workspace::default(),
        id: CampaignId(nth(number)),
        version: 1,
        fields: CampaignFields {
            ..CampaignFields::new(&format!("Навруз {number}"), Occasion::Holiday)
        },
        status: CampaignStatus::Active,
        test_mode: false,
        occurrence: Some("2026-03-21".to_owned()),
        plan_cursor: None,
        planned: false,
        waiting: None,
        next_run_at: None,
        created_by: "olga".to_owned(),
        created_at: noon(),
        updated_at: noon(),
    }
}

/// A line of the campaign's plan for the contact of that number.
#[must_use]
pub fn plan_row(campaign: &Campaign, contact: u64) -> PlanRow {
    PlanRow {
        campaign_id: campaign.id,
        occurrence: "2026-03-21".to_owned(),
        contact_id: ContactId(nth(contact)),
        channel: "email".to_owned(),
        send_at: Some(noon() + Duration::hours(1)),
        local_time: Some("2026-03-10T18:00:00".to_owned()),
        time_zone: "Asia/Tashkent".to_owned(),
        excluded: None,
        message_id: None,
        batch_id: None,
        variant: None,
    }
}

/// A budget of the workspace in all.
#[must_use]
pub fn budget(limit_picodollars: u64) -> Budget {
    Budget {
        workspace: Workspace::default(),
        campaign_id: None,
        period: Period::Total,
        limit_picodollars,
        version: 1,
    }
}

/// An open entry of the ledger that reserves 1,000 picodollars for no campaign.
#[must_use]
pub fn ledger_entry(number: u64) -> LedgerEntry {
    LedgerEntry {
        workspace: Workspace::default(),
        id: LedgerId(nth(number)),
        at: noon(),
        day: noon().date_naive(),
        actor: "olga".to_owned(),
        campaign_id: None,
        model: "scripted".to_owned(),
        key: None,
        held: true,
        reserved_picodollars: Some(1_000),
        state: EntryState::Reserved,
        cost_picodollars: 0,
        usage: crate::port::llm::Usage::default(),
        batch: false,
        answered: None,
        request_id: None,
        failure: None,
        expires_at: noon() + Duration::minutes(5),
        closed_at: None,
    }
}

/// A suppressed e-mail address.
#[must_use]
pub fn suppression(address: &str) -> Suppression {
    Suppression {
        workspace: Workspace::default(),
        channel: "email".to_owned(),
        address: address.to_owned(),
        reason: "unsubscribed".to_owned(),
        created_by: "olga".to_owned(),
        created_at: noon(),
    }
}

/// An event about the `number`-th row of that kind.
#[must_use]
pub fn event(id: u64, subject: Subject, number: u64) -> AuditEvent {
    AuditEvent {
        id: EventId(nth(id)),
        workspace: Workspace::default(),
        at: noon(),
        actor: "olga".to_owned(),
        role: Role::Manager,
        subject,
        subject_id: nth(number),
        action: "created".to_owned(),
        status: None,
        version: 1,
        revision: None,
        digest: None,
        reason: None,
        reason_salt: None,
        reason_digest: None,
    }
}

/// A delivery for `channel` to `recipient`: built, approved and begun as a worker does it.
///
/// # Errors
/// None in practice; the proof is checked like any other.
pub fn approved(
    number: u64,
    channel: &str,
    recipient: &str,
    subject: Option<&str>,
    content: &str,
) -> Result<Approved> {
    begun(number, 1, [channel, recipient, content], subject)
}

/// The proof of this attempt (1, 2, ...).
fn begun(
    number: u64,
    attempt: u32,
    [channel, recipient, content]: [&str; 3],
    subject: Option<&str>,
) -> Result<Approved> {
    let mut message = approved_message(number);
    channel.clone_into(&mut message.channel);
    recipient.clone_into(&mut message.recipient);
    message.revision.subject = subject.map(str::to_owned);
    content.clone_into(&mut message.revision.content);
    message.status = Status::Sending;
    message.epoch = u64::from(attempt);
    message.attempts = attempt;
    let id = u64::from(attempt).saturating_mul(1_000_000);
    prove(message, nth(number.saturating_add(id)))
}

/// The second attempt of what [`approved`] delivers, under the same key: as it follows by itself.
///
/// # Errors
/// None in practice; the proof is checked like any other.
pub fn approved_again(
    number: u64,
    channel: &str,
    recipient: &str,
    subject: Option<&str>,
    content: &str,
) -> Result<Approved> {
    begun(number, 2, [channel, recipient, content], subject)
}

fn prove(message: Message, attempt_id: Uuid) -> Result<Approved> {
    let message = with_digest(message);
    let approval = approval(&message);
    let attempt = Attempt {
        id: AttemptId(attempt_id),
        ..attempt(&message, 1)
    };
    Approved::prove(&message, &approval, &attempt)
}
