//! What people decide about a message: create, edit, submit, approve, reject, cancel, resolve.
//!
//! Pure: each function takes the message as it is and returns the message as it will be, with the
//! change set that makes it so.
#![deny(clippy::wildcard_enum_match_arm)]

use chrono::{DateTime, Duration, Utc};

use super::lifecycle::{self, Event};
use super::{
    Approval, Digest, Format, GeneratedBy, Message, Occasion, Provenance, Revision, Status, digest,
};
use crate::change::{Change, ChangeSet};
use crate::error::{Error, ErrorKind, Result};
use crate::guardrail::{self, Finding, Rule, Severity};
use crate::id::{CampaignId, ContactId, MessageId};
use crate::stamp::Stamp;
use crate::{note, zone};

/// Most Unicode scalar values of a reason.
const LONGEST_REASON: usize = 500;

/// The text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Subject.
    pub subject: Option<String>,
    /// Body, 1 to 10,000 characters.
    pub content: String,
    /// How to read the body.
    pub format: Format,
}

impl Text {
    pub(crate) fn check(&self) -> Result<()> {
        let length = self.content.chars().count();
        if self.content.trim().is_empty() || length > 10_000 {
            return Err(Error::field("content", "write 1 to 10,000 characters"));
        }
        if self.content.contains('\0') {
            return Err(Error::field("content", "remove the NUL character"));
        }
        if let Some(subject) = &self.subject
            && (subject.chars().any(char::is_control) || subject.chars().count() > 200)
        {
            return Err(Error::field(
                "subject",
                "use one line of at most 200 characters",
            ));
        }
        Ok(())
    }
}

/// Everything a new message needs.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Recipient.
    pub contact_id: ContactId,
    /// Its campaign and run.
    pub campaign: Option<(CampaignId, String)>,
    /// Why it is written.
    pub occasion: Occasion,
    /// Channel name.
    pub channel: String,
    /// Resolved address.
    pub recipient: String,
    /// Text.
    pub text: Text,
    /// Who wrote the text.
    pub generated_by: GeneratedBy,
    /// Provenance.
    pub metadata: Provenance,
    /// What the guardrails found in the text.
    pub findings: Vec<Finding>,
    /// When it is meant to leave.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// Deadline.
    pub expires_at: Option<DateTime<Utc>>,
    /// Never dispatched.
    pub test_mode: bool,
    /// `Draft`, or `PendingApproval` when it is submitted at once.
    pub submitted: bool,
}

/// Creates a message.
///
/// # Errors
/// `Invalid` for a text that cannot be sent or a deadline before the schedule.
pub fn create(new: NewMessage, stamp: &Stamp<'_>) -> Result<(Message, ChangeSet)> {
    new.text.check()?;
    check_times(new.scheduled_for, new.expires_at)?;
    let id = MessageId(stamp.ids.next());
    let (campaign_id, occurrence) = new.campaign.unzip();
    let mut message = Message {
        workspace: stamp.actor.workspace.clone(),
        id,
        contact_id: new.contact_id,
        written_for: None,
        campaign_id,
        occurrence,
        occasion: new.occasion,
        channel: new.channel,
        recipient: new.recipient,
        sender: String::new(),
        status: if new.submitted {
            Status::PendingApproval
        } else {
            Status::Draft
        },
        version: 1,
        revision: revision(id, 1, new.text, stamp),
        digest: Digest::ZERO,
        generated_by: new.generated_by,
        metadata: new.metadata,
        findings: new.findings,
        created_by: stamp.actor.id.clone(),
        approved_by: None,
        approved_at: None,
        scheduled_for: new.scheduled_for,
        expires_at: new.expires_at,
        not_before: new.scheduled_for.unwrap_or(stamp.at),
        queued_at: None,
        epoch: 0,
        decided_epoch: 0,
        lease_owner: None,
        lease_until: None,
        attempts: 0,
        failure: None,
        provider_id: None,
        sent_at: None,
        test_mode: new.test_mode,
        deleted: false,
        created_at: stamp.at,
        updated_at: stamp.at,
    };
    message.digest = digest::digest(&message);
    let mut set = ChangeSet::new(message.workspace.clone());
    set.insert_message(message.clone())
        .event(stamp.message(&message, "created", None));
    Ok((message, set))
}

fn check_times(at: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<()> {
    zone::check("scheduled_for", at)?;
    zone::check("expires_at", until)?;
    match (at, until) {
        (Some(at), Some(until)) if until <= at => Err(Error::field(
            "expires_at",
            "set the deadline after the scheduled time",
        )),
        _ => Ok(()),
    }
}

fn revision(id: MessageId, number: u32, text: Text, stamp: &Stamp<'_>) -> Revision {
    Revision {
        message_id: id,
        number,
        subject: text.subject,
        content: text.content,
        format: text.format,
        salt: stamp.ids.salt(),
        created_by: stamp.actor.id.clone(),
        created_at: stamp.at,
    }
}

/// Moves a message one step along the table. `change` sets the other fields; what leaves `approved`
/// for a new decision loses its approval.
pub(crate) fn step(
    before: &Message,
    event: Event,
    stamp: &Stamp<'_>,
    reason: Option<String>,
    change: impl FnOnce(&mut Message),
) -> Result<(Message, ChangeSet)> {
    if before.deleted {
        return Err(Error::not_found("message"));
    }
    let mut after = before.clone();
    after.status = lifecycle::apply(before.status, event, stamp.actor.role)?;
    after.version += 1;
    after.updated_at = stamp.at;
    change(&mut after);
    if matches!(
        after.status,
        Status::PendingApproval | Status::Draft | Status::Rejected
    ) {
        after.approved_by = None;
        after.approved_at = None;
    }
    if !matches!(after.status, Status::Claimed | Status::Sending) {
        after.lease_owner = None;
        after.lease_until = None;
        if !matches!(after.status, Status::Approved | Status::Uncertain) {
            after.queued_at = None;
        }
    }
    if after.revision.number != before.revision.number {
        after.digest = digest::digest(&after);
    }
    let mut set = ChangeSet::new(after.workspace.clone());
    set.update_message(before, after.clone())
        .event(stamp.message(&after, event.past(), reason));
    Ok((after, set))
}

/// A person decided that it be sent: from then on it is late, and what follows has a key of its own.
fn queue(message: &mut Message, due: DateTime<Utc>) {
    message.queued_at = Some(due);
    message.decided_epoch = message.epoch;
}

/// Refuses a version other than the current one.
///
/// # Errors
/// `Conflict`.
pub fn check_version(message: &Message, seen: u64) -> Result<()> {
    if message.version == seen {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "message {} was changed meanwhile: you saw version {seen}, it is now {} ({})",
                message.id,
                message.version,
                message.status.as_str()
            ),
        ))
    }
}

/// Asks for a decision.
///
/// # Errors
/// As [`lifecycle::apply`].
pub fn submit(message: &Message, stamp: &Stamp<'_>) -> Result<(Message, ChangeSet)> {
    step(message, Event::Submit, stamp, None, |_| {})
}

/// What an edit changes; `None` keeps it.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// New body.
    pub content: Option<String>,
    /// New subject (`Some(None)` removes it).
    pub subject: Option<Option<String>>,
    /// New schedule (`Some(None)` removes it).
    pub scheduled_for: Option<Option<DateTime<Utc>>>,
    /// The text now comes from here (regeneration).
    pub source: Option<(GeneratedBy, Provenance)>,
}

impl Edit {
    /// Whether it changes the text, and not the schedule alone.
    #[must_use]
    pub const fn rewrites(&self) -> bool {
        self.content.is_some() || self.subject.is_some()
    }

    /// The message's text after it.
    #[must_use]
    pub fn text(&self, message: &Message) -> Text {
        let revision = &message.revision;
        Text {
            subject: self.subject.as_ref().unwrap_or(&revision.subject).clone(),
            content: self.content.as_ref().unwrap_or(&revision.content).clone(),
            format: revision.format,
        }
    }
}

/// Changes text or schedule: a new revision, and an approval that was given is void. `findings` are those of
/// the new text; where only the schedule changes, the message keeps its own.
///
/// # Errors
/// As [`lifecycle::apply`]; `Invalid` for a text that cannot be sent; `NotAllowed` when the person was erased.
pub fn edit(
    message: &Message,
    edit: Edit,
    findings: Vec<Finding>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    // Only an erasure takes the address away.
    if message.recipient.is_empty() {
        return Err(Error::new(
            ErrorKind::NotAllowed,
            "the person was erased: nothing is written to them any more",
        ));
    }
    let only_time = !edit.rewrites();
    let event = if only_time {
        Event::Reschedule
    } else {
        Event::Edit
    };
    let text = edit.text(message);
    text.check()?;
    let scheduled_for = edit.scheduled_for.unwrap_or(message.scheduled_for);
    check_times(scheduled_for, message.expires_at)?;
    step(message, event, stamp, None, |after| {
        after.revision = revision(message.id, message.revision.number + 1, text, stamp);
        after.scheduled_for = scheduled_for;
        after.not_before = scheduled_for.unwrap_or(stamp.at);
        after.failure = None;
        if !only_time {
            after.findings = findings;
        }
        if let Some((generated_by, mut metadata)) = edit.source {
            // Whatever is written anew stays what the plan says.
            metadata.variant.clone_from(&after.metadata.variant);
            after.generated_by = generated_by;
            after.metadata = metadata;
        }
    })
}

/// The recipient's address or consent changed: what was approved no longer holds.
///
/// # Errors
/// As [`lifecycle::apply`].
pub fn invalidate(
    message: &Message,
    recipient: Option<String>,
    reason: &str,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    void(message, recipient, Vec::new(), reason, stamp)
}

/// Guardrails found what nobody saw who approved it: a person has to decide again, with these `objections` among
/// the message's findings.
///
/// # Errors
/// As [`lifecycle::apply`].
pub fn object(
    message: &Message,
    objections: Vec<Finding>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    void(message, None, objections, GUARDRAIL, stamp)
}

/// Why a message went back that a guardrail objects to.
pub const GUARDRAIL: &str = "guardrail";

fn void(
    message: &Message,
    recipient: Option<String>,
    objections: Vec<Finding>,
    reason: &str,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    step(
        message,
        Event::Invalidate,
        stamp,
        Some(reason.to_owned()),
        |after| {
            let text = Text {
                subject: message.revision.subject.clone(),
                content: message.revision.content.clone(),
                format: message.revision.format,
            };
            after.revision = revision(message.id, message.revision.number + 1, text, stamp);
            if let Some(recipient) = recipient {
                after.recipient = recipient;
            }
            after.findings.extend(objections);
            guardrail::sort(&mut after.findings);
            after.failure = Some(reason.to_owned());
        },
    )
}

/// What a person had before their eyes when deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The message's version.
    pub version: u64,
    /// The digest, when the caller has it: a second lock on the text.
    pub digest: Option<Digest>,
}

impl Seen {
    /// What somebody who was shown `message` as it is here has seen.
    #[must_use]
    pub const fn of(message: &Message) -> Self {
        Self {
            version: message.version,
            digest: Some(message.digest),
        }
    }
}

/// Approves exactly what was seen. It leaves after `undo_window` at the earliest.
///
/// # Errors
/// `Conflict` when it is no longer what was seen; `Forbidden` when `separate` demands another person
/// than the last editor; `NotAllowed` while the message has blocking findings; as [`lifecycle::apply`].
pub fn approve(
    message: &Message,
    seen: Seen,
    separate: bool,
    undo_window: Duration,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    approve_despite(message, seen, separate, undo_window, None, stamp)
}

/// As [`approve`], and with a reason (1 to 500 characters) an admin approves in spite of blocking findings. The
/// approval and the history keep it; where nothing blocks there is nothing to override, and it is not kept.
///
/// # Errors
/// As [`approve`]; `Forbidden` for a reason of anybody but an admin, `Invalid` for one that is blank or too long.
pub fn approve_despite(
    message: &Message,
    seen: Seen,
    separate: bool,
    undo_window: Duration,
    override_reason: Option<&str>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    lifecycle::apply(message.status, Event::Approve, stamp.actor.role).or_else(|error| {
        // A stale version explains more than "not allowed": somebody was faster.
        if error.kind() == ErrorKind::NotAllowed {
            check_version(message, seen.version)?;
        }
        Err(error)
    })?;
    check_version(message, seen.version)?;
    let now = digest::digest(message);
    if now != message.digest || seen.digest.is_some_and(|digest| digest != now) {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "message {} is not the text you saw; load it again",
                message.id
            ),
        ));
    }
    if separate && message.revision.created_by == stamp.actor.id {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "somebody else has to approve: you wrote the last version",
        ));
    }
    if message.expires_at.is_some_and(|until| until <= stamp.at) {
        return Err(Error::new(ErrorKind::NotAllowed, "its deadline has passed"));
    }
    let override_reason = overridden(message, override_reason, stamp)?;
    let reason = override_reason.clone();
    let (after, mut set) = step(message, Event::Approve, stamp, reason, |after| {
        after.approved_by = Some(stamp.actor.id.clone());
        after.approved_at = Some(stamp.at);
        after.failure = None;
        let earliest = stamp.at + undo_window;
        after.not_before = message
            .scheduled_for
            .map_or(earliest, |at| at.max(earliest));
        queue(after, after.not_before);
    })?;
    set.push(Change::InsertApproval(Approval {
        message_id: after.id,
        revision: after.revision.number,
        digest: now,
        approver: stamp.actor.id.clone(),
        role: stamp.actor.role,
        decided_at: stamp.at,
        override_reason,
    }));
    Ok((after, set))
}

/// The reason to approve in spite of blocking findings, if there are any.
fn overridden(
    message: &Message,
    reason: Option<&str>,
    stamp: &Stamp<'_>,
) -> Result<Option<String>> {
    let blocking = blocking(message);
    let Some(reason) = reason else {
        if blocking.is_empty() {
            return Ok(None);
        }
        let rules: Vec<&str> = blocking.iter().map(|rule| rule.as_str()).collect();
        return Err(Error::new(
            ErrorKind::NotAllowed,
            format!(
                "message {} is held by guardrails ({}): edit it, or have an admin approve it with a reason",
                message.id,
                rules.join(", ")
            ),
        ));
    };
    if stamp.actor.role != crate::Role::Admin {
        return Err(Error::new(
            ErrorKind::Forbidden,
            "only an admin approves in spite of guardrails",
        ));
    }
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(Error::field("override_reason", "use 1 to 500 characters"));
    }
    note::bounded("override_reason", reason, LONGEST_REASON)?;
    Ok((!blocking.is_empty()).then(|| reason.to_owned()))
}

/// The guardrails that keep it from being approved, each once.
#[must_use]
pub fn blocking(message: &Message) -> Vec<Rule> {
    let findings = message.findings.iter();
    let mut rules: Vec<Rule> = findings
        .filter(|finding| finding.severity == Severity::Blocking)
        .map(|finding| finding.rule)
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// Steps that only carry a reason: reject, cancel, retry, resolve, receipts, expiry.
///
/// # Errors
/// As [`lifecycle::apply`].
pub fn close(
    message: &Message,
    event: Event,
    reason: Option<String>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    note::optional("reason", reason.as_deref(), LONGEST_REASON)?;
    let kept = reason.clone();
    step(message, event, stamp, reason, |after| match after.status {
        Status::Approved => {
            after.not_before = stamp.at;
            after.failure = None;
            queue(after, stamp.at);
        }
        Status::Sent => {
            after.sent_at = after.sent_at.or(Some(stamp.at));
            after.failure = None;
        }
        Status::Delivered => after.failure = None,
        Status::Draft
        | Status::PendingApproval
        | Status::Claimed
        | Status::Sending
        | Status::Failed
        | Status::Uncertain
        | Status::Rejected
        | Status::Cancelled
        | Status::Expired => after.failure = kept.or_else(|| Some(event.past().to_owned())),
    })
}

/// Hides a message that never left; an open one is cancelled by it. Its history stays.
///
/// # Errors
/// `NotAllowed` once anything may have left.
pub fn delete(message: &Message, stamp: &Stamp<'_>) -> Result<(Message, ChangeSet)> {
    let ended = matches!(
        message.status,
        Status::Rejected | Status::Cancelled | Status::Expired
    );
    if ended && message.attempts == 0 && stamp.actor.role != crate::Role::Viewer {
        let mut after = message.clone();
        after.deleted = true;
        after.version += 1;
        after.updated_at = stamp.at;
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_message(message, after.clone())
            .event(stamp.message(&after, "deleted", None));
        return Ok((after, set));
    }
    if message.attempts > 0 {
        // The role's own refusal comes first.
        lifecycle::apply(Status::Draft, Event::Cancel, stamp.actor.role)?;
        return Err(Error::new(
            ErrorKind::NotAllowed,
            "a message that may have left cannot be deleted",
        ));
    }
    step(
        message,
        Event::Cancel,
        stamp,
        Some("deleted".to_owned()),
        |after| after.deleted = true,
    )
}
