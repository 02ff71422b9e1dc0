//! The decisions of delivery: claim, begin, record, sweep. Pure; the worker does what they say.
//!
//! The order of steps and what a crash leaves between them is the delivery protocol: a message is
//! claimed under a lease, an attempt is recorded before the provider is called, and what the provider
//! said is recorded by attempt. Whatever cannot be known becomes `uncertain`. A second attempt follows by
//! itself only where the provider removes duplicates by their key, and out of `uncertain`, where nothing else
//! can happen to the message meanwhile: it stays in doubt until an attempt is taken.

use chrono::{DateTime, Duration, Utc};

use super::decide::{self, step};
use super::guard::{self, House};
use super::lifecycle::Event;
use super::rules::{self, AddressNow, Checks, Late, Times, Verdict, Whose};
use super::{Approval, Approved, Attempt, AttemptOutcome, Message, Status, digest};
use crate::actor::Actor;
use crate::campaign::holidays::Calendar;
use crate::campaign::planner;
use crate::change::{Change, ChangeSet, Precondition};
use crate::consent;
use crate::consent::window::Window;
use crate::contact::AddressKind;
use crate::error::{Error, ErrorKind, Result};
use crate::guardrail::Finding;
use crate::id::AttemptId;
use crate::port::channel::{Outcome, RetryScope};
use crate::port::store::{Claim, DispatchView};
use crate::stamp::Stamp;

/// See [`Claim::decide`].
///
/// # Errors
/// `NotAllowed` when the message is not approved.
pub fn claim(message: &Message, claim: &Claim, now: DateTime<Utc>) -> Result<(Message, ChangeSet)> {
    let actor = Actor::system(claim.workspace.clone());
    let stamp = Stamp {
        actor: &actor,
        at: now,
        ids: claim.ids.as_ref(),
    };
    step(message, Event::Claim, &stamp, None, |after| {
        after.epoch += 1;
        after.lease_owner = Some(claim.worker.clone());
        after.lease_until = Some(now + claim.lease);
    })
}

/// What the last check before delivery decided.
#[derive(Debug)]
pub struct Begun {
    /// What to commit. Only after that commit succeeded may anything be sent.
    pub changes: ChangeSet,
    /// The message after the commit.
    pub message: Message,
    /// The proof to deliver, and the attempt; `None` when the message must not leave now.
    pub delivery: Option<(Approved, Attempt)>,
}

/// Who begins, and what it goes by.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The worker's name.
    pub worker: &'a str,
    /// How long its leases last.
    pub lease: Duration,
    /// Which of the contact's addresses the channel uses.
    pub address: AddressKind,
    /// How long after it was due a message still leaves.
    pub late_after: Duration,
    /// What the house demands of consent.
    pub consent: consent::Rules,
    /// Until when the person may be written to on the channel.
    pub window: Window,
    /// What the text is checked by once more.
    pub house: House<'a>,
    /// The calendars of the house, which campaigns may name.
    pub calendars: &'a [Calendar],
}

/// The last checks, on data read now: lease, deadline, waiting time, erasure, suppression, consent,
/// campaign, sending times, address, window, approval and digest, guardrails. Only when all hold is an
/// attempt recorded. The
/// change set repeats what others may change meanwhile as preconditions.
///
/// # Errors
/// `Conflict` when the message is no longer this worker's.
pub fn begin(view: &DispatchView, desk: Desk<'_>, stamp: &Stamp<'_>) -> Result<Begun> {
    let message = &view.message;
    let mine = message.status == Status::Claimed
        && message.lease_owner.as_deref() == Some(desk.worker)
        && message.lease_until.is_some_and(|until| until > stamp.at);
    if !mine {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("message {} is no longer held by this worker", message.id),
        ));
    }
    let Checked {
        verdict,
        approval,
        objections,
    } = check(view, desk, stamp.at);
    let decided = match (verdict, approval) {
        (Verdict::Begin, Some(approval)) => Ok(approval),
        (Verdict::Expire(late), _) => Err(expire(message, late, stamp)),
        (Verdict::Cancel(reason), _) => {
            let reason = Some(reason.to_owned());
            Err(decide::close(message, Event::Cancel, reason, stamp))
        }
        // A paused campaign's messages are not claimed: no time needs to be set.
        (Verdict::Pause, _) => Err(postpone(
            message,
            "campaign_paused",
            message.not_before,
            stamp,
        )),
        (Verdict::Hold(until), _) => Err(hold(message, until, stamp)),
        (Verdict::Readdress, _) => {
            let now = view.contact.address(desk.address).map(str::to_owned);
            Err(decide::invalidate(message, now, "address_changed", stamp))
        }
        (Verdict::Object, _) => Err(decide::object(message, objections, stamp)),
        (Verdict::Begin | Verdict::Void, _) => {
            Err(decide::invalidate(message, None, "approval_void", stamp))
        }
    };
    let approval = match decided {
        Ok(approval) => approval,
        Err(not_now) => {
            return not_now.map(|(message, changes)| Begun {
                changes,
                message,
                delivery: None,
            });
        }
    };
    open(view, approval, Event::Begin, desk, stamp)
}

/// Sends again what is in doubt, under the key it was sent with: only for a channel whose provider removes
/// duplicates by it, and when all last checks hold. `Ok(None)` when it may not: it stays in doubt, where a
/// person decides.
///
/// # Errors
/// None in practice; `NotAllowed` would mean a hole in the lifecycle table.
pub fn repeat(
    view: &DispatchView,
    keyed: bool,
    policy: RetryPolicy,
    desk: Desk<'_>,
    stamp: &Stamp<'_>,
) -> Result<Option<Begun>> {
    let due = repeats_at(view, keyed, policy).is_some_and(|at| at <= stamp.at);
    match check(view, desk, stamp.at) {
        Checked {
            verdict: Verdict::Begin,
            approval: Some(approval),
            ..
        } if due => open(view, approval, Event::Repeat, desk, stamp).map(Some),
        _ => Ok(None),
    }
}

/// When the message of this view, if it is in doubt, is sent again by itself; `None` when it is not.
#[must_use]
pub fn repeats_at(view: &DispatchView, keyed: bool, policy: RetryPolicy) -> Option<DateTime<Utc>> {
    let message = &view.message;
    let last = view.attempt.as_ref()?;
    let ended = last.finished_at?;
    let at = ended + policy.wait(last, std::time::Duration::ZERO);
    let ours = last.epoch == message.epoch && last.epoch > message.decided_epoch;
    let again = message.attempts < policy.max_attempts;
    let (status, outcome) = (message.status, last.outcome);
    rules::repeats(status, ours, outcome, last.repeats, keyed, again)
        .then_some(at.max(message.not_before))
}

/// A message that is too late, whether it was claimed or still waits.
///
/// # Errors
/// `NotAllowed` when it neither waits nor is claimed.
pub fn expire(message: &Message, late: Late, stamp: &Stamp<'_>) -> Result<(Message, ChangeSet)> {
    let reason = late.reason().map(str::to_owned);
    let (after, mut set) = decide::close(message, Event::Expire, reason, stamp)?;
    // What a store that went back to an older state still has to send may have been sent since.
    if matches!(message.status, Status::Approved | Status::Claimed) {
        set.require(Precondition::NotOnHold);
    }
    Ok((after, set))
}

/// What the last checks say.
struct Checked<'v> {
    verdict: Verdict,
    /// The approval if it covers what would be sent.
    approval: Option<&'v Approval>,
    /// What guardrails say against a text that is approved.
    objections: Vec<Finding>,
}

fn check<'v>(view: &'v DispatchView, desk: Desk<'_>, now: DateTime<Utc>) -> Checked<'v> {
    let message = &view.message;
    let digest = digest::digest(message);
    let approval = view.approval.as_ref().filter(|approval| {
        approval.digest == digest && approval.revision == message.revision.number
    });
    let approved = approval.is_some() && digest == message.digest;
    let objections = if approved {
        guard::objections(message, &view.contact, desk.house)
    } else {
        Vec::new()
    };
    let verdict = rules::verdict(&Checks {
        late: Late::of(message, desk.late_after, now),
        erased: view.contact.erased,
        suppressed: view.suppressed,
        consent: desk
            .consent
            .allow(&view.contact, &message.channel, message.occasion.topic()),
        campaign: view.campaign.as_ref().map(|campaign| campaign.status),
        times: times(view, desk, now),
        address: match view.contact.address(desk.address) {
            None => AddressNow::Missing,
            Some(now) if now != message.recipient => AddressNow::Changed,
            Some(_) => AddressNow::Same,
        },
        open: desk.window.is_open(now),
        approved,
        sound: objections.is_empty(),
    });
    Checked {
        verdict,
        approval,
        objections,
    }
}

/// How long a message waits that nobody can say a moment for, because a calendar is not known.
const ASK_AGAIN: Duration = Duration::hours(1);

fn times(view: &DispatchView, desk: Desk<'_>, now: DateTime<Utc>) -> Times {
    let Some(campaign) = &view.campaign else {
        return Times::Now;
    };
    match planner::leaves(&view.contact, campaign, desk.calendars, now) {
        Ok(at) if at <= now => Times::Now,
        Ok(at) => Times::Later(at),
        // Somebody can mend the calendar, so nothing is called off for it.
        Err(planner::HOLIDAYS_UNKNOWN) => Times::Later(now + ASK_AGAIN),
        Err(reason) => Times::Never(reason),
    }
}

/// Puts a message back that may not leave at this hour. If it is of no use by then, it ends.
fn hold(
    message: &Message,
    until: DateTime<Utc>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    if message.expires_at.is_some_and(|over| over <= until) {
        return expire(message, Late::Deadline, stamp);
    }
    let reason = Some("quiet_hours".to_owned());
    step(message, Event::Postpone, stamp, reason.clone(), |after| {
        after.not_before = until;
        after.failure = reason;
        // It does not become late by what the campaign itself demands.
        after.queued_at = Some(until);
    })
}

/// Records an attempt, with what others may change meanwhile as preconditions.
fn open(
    view: &DispatchView,
    approval: &Approval,
    event: Event,
    desk: Desk<'_>,
    stamp: &Stamp<'_>,
) -> Result<Begun> {
    let repeats = event == Event::Repeat;
    let (after, mut changes) = step(&view.message, event, stamp, None, |after| {
        after.attempts += 1;
        // What a provider says from now on under an older attempt's id is not about this one.
        after.provider_id = None;
        if repeats {
            after.epoch += 1;
            after.lease_owner = Some(desk.worker.to_owned());
            after.lease_until = Some(stamp.at + desk.lease);
        }
    })?;
    let attempt = Attempt {
        id: AttemptId(stamp.ids.next()),
        message_id: after.id,
        number: after.attempts,
        epoch: after.epoch,
        repeats,
        worker: desk.worker.to_owned(),
        digest: after.digest,
        started_at: stamp.at,
        finished_at: None,
        outcome: None,
        provider_id: None,
        reason: None,
    };
    let proof = Approved::prove(&after, approval, &attempt)?;
    changes
        .push(Change::InsertAttempt(attempt.clone()))
        .require(Precondition::NotOnHold)
        .require(Precondition::Contact(view.contact.id, view.contact.version))
        .require(Precondition::NotSuppressed {
            channel: after.channel.clone(),
            address: after.recipient.clone(),
        });
    if let Some(campaign) = &view.campaign {
        changes.require(Precondition::Campaign(campaign.id, campaign.version));
    }
    Ok(Begun {
        changes,
        message: after,
        delivery: Some((proof, attempt)),
    })
}

/// Puts a claimed message back until `until`.
///
/// # Errors
/// `NotAllowed` when it is not claimed.
pub fn postpone(
    message: &Message,
    reason: &str,
    until: DateTime<Utc>,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    step(
        message,
        Event::Postpone,
        stamp,
        Some(reason.to_owned()),
        |after| {
            after.not_before = until;
            after.failure = Some(reason.to_owned());
        },
    )
}

/// How often and how late a message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all; 1 or more. One that the whole channel refused is not counted.
    pub max_attempts: u32,
    /// Wait after the first attempt; doubles with each.
    pub base: Duration,
    /// Longest wait.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base: Duration::minutes(1),
            cap: Duration::hours(1),
        }
    }
}

impl RetryPolicy {
    /// The wait after `attempt`: between half and the whole of the doubled base, never less than
    /// `at_least`. The jitter comes from the attempt's id, so that it can be replayed.
    #[must_use]
    pub fn wait(&self, attempt: &Attempt, at_least: std::time::Duration) -> Duration {
        let doublings = attempt.number.saturating_sub(1).min(16);
        let full = (self.base * 2_i32.pow(doublings)).min(self.cap);
        let jitter = i64::from(attempt.id.0.as_bytes().last().copied().unwrap_or(0));
        let wait = full / 2 + Duration::milliseconds(full.num_milliseconds() / 2 * jitter / 255);
        wait.max(Duration::from_std(at_least).unwrap_or(Duration::days(30)))
    }
}

/// Records how an attempt ended.
///
/// The message moves only if the attempt is its latest one, or was taken and repeated under the same key, and
/// it still waits for the answer. An answer that comes later than that changes nothing and is kept in the
/// history: `accepted_late`, `refused_late`, or `duplicate_detected` when the provider took an attempt after
/// which the message was, or still may be, sent again under another key. An outcome that is recorded already
/// is not recorded twice.
///
/// # Errors
/// None in practice; `NotAllowed` would mean a hole in the lifecycle table.
pub fn record(
    message: &Message,
    attempt: &Attempt,
    outcome: &Outcome,
    policy: RetryPolicy,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    record_as(
        message,
        attempt,
        outcome,
        policy,
        Change::FinishAttempt,
        stamp,
    )
}

/// As [`record`], for an attempt that the store does not know any more: it went back to the state in
/// which the message had been claimed and not begun. The attempt is written anew with its outcome, so that
/// nothing that was learnt gets lost.
///
/// # Errors
/// As [`record`].
pub fn record_forgotten(
    message: &Message,
    attempt: &Attempt,
    outcome: &Outcome,
    policy: RetryPolicy,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    record_as(
        message,
        attempt,
        outcome,
        policy,
        Change::InsertAttempt,
        stamp,
    )
}

fn record_as(
    message: &Message,
    attempt: &Attempt,
    outcome: &Outcome,
    policy: RetryPolicy,
    keep: fn(Attempt) -> Change,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    if attempt.outcome == Some(outcome.kind()) {
        return Ok((message.clone(), ChangeSet::new(message.workspace.clone())));
    }
    let mut finished = attempt.clone();
    finished.finished_at = Some(stamp.at);
    finished.outcome = Some(outcome.kind());
    finished.reason = outcome.reason().map(str::to_owned);
    if let Outcome::Accepted { provider_id } = outcome {
        finished.provider_id = Some(provider_id.clone());
    }
    let whose = Whose::of(message, attempt);
    let current = whose == Whose::Latest;
    let reason = outcome.reason().map(str::to_owned);
    // Where nothing of a channel could go, it is not this message's turn that is used up.
    let spared = matches!(
        outcome,
        Outcome::Stop { .. }
            | Outcome::RetryAfter {
                scope: RetryScope::Channel,
                ..
            }
    );
    let again = spared || attempt.number < policy.max_attempts;
    let at_least = match outcome {
        Outcome::RetryAfter { at_least, .. } => *at_least,
        _ => std::time::Duration::ZERO,
    };
    let (status, repeats) = (message.status, attempt.repeats);
    let event = rules::answer(status, whose, outcome.kind(), repeats, again);
    let (after, mut set) = match event {
        None => (message.clone(), late(message, attempt, outcome, stamp)),
        Some(event) => step(message, event, stamp, reason.clone(), |after| {
            after.failure = reason;
            match event {
                Event::Accept | Event::ConfirmSent => {
                    after.sent_at = Some(stamp.at);
                    after.provider_id.clone_from(&finished.provider_id);
                }
                Event::Defer => {
                    after.not_before = stamp.at + policy.wait(attempt, at_least);
                    after.attempts -= u32::from(spared).min(after.attempts);
                }
                // Still in doubt, and the provider says when to ask again.
                Event::Doubt if repeats && outcome.kind() != AttemptOutcome::Unknown => {
                    after.not_before = stamp.at + policy.wait(attempt, at_least);
                    after.attempts -= u32::from(spared).min(after.attempts);
                }
                _ => {}
            }
        })?,
    };
    if rules::ends(attempt, current) {
        set.push(keep(finished));
    }
    if outcome.kind() == AttemptOutcome::Dead {
        dead(&mut set, message, stamp);
    }
    Ok((after, set))
}

/// The answer to an attempt that nobody waits for any more, as evidence.
pub(super) fn late(
    message: &Message,
    attempt: &Attempt,
    outcome: &Outcome,
    stamp: &Stamp<'_>,
) -> ChangeSet {
    let mut set = ChangeSet::new(message.workspace.clone());
    let later = message.epoch > attempt.epoch;
    let again = match message.status {
        // The provider has removed the one or the other.
        _ if Whose::of(message, attempt) == Whose::Repeated => false,
        Status::Approved | Status::Claimed | Status::Sending => true,
        // An attempt led there, and it was another one.
        Status::Sent | Status::Delivered | Status::Failed | Status::Uncertain if later => true,
        _ => message.attempts > attempt.number,
    };
    let (action, detail) = match outcome {
        Outcome::Unknown { .. } => return set,
        Outcome::Accepted { provider_id } if again => ("duplicate_detected", provider_id.as_str()),
        Outcome::Accepted { provider_id } => ("accepted_late", provider_id.as_str()),
        other => ("refused_late", other.reason().unwrap_or_default()),
    };
    // Ids of providers are short; a broken provider must not fill the history.
    let detail: String = detail.chars().take(200).collect();
    let reason = format!("attempt {}: {detail}", attempt.number);
    set.event(stamp.message(message, action, Some(reason)));
    set
}

/// Nothing more goes to the message's address: it can never work.
pub(super) fn dead(set: &mut ChangeSet, message: &Message, stamp: &Stamp<'_>) {
    let to = (message.channel.as_str(), message.recipient.as_str());
    let why = consent::Why::Code("dead");
    consent::suppress(set, to, why, None, Some(message), stamp);
}

/// Takes back a message whose lease ran out, or whose worker stops: without an attempt it returns to
/// the queue, with an open attempt it becomes uncertain (and is sent again from there where there is a key).
///
/// # Errors
/// `NotAllowed` when nobody holds it.
pub fn take_back(
    message: &Message,
    attempt: Option<&Attempt>,
    reason: &str,
    stamp: &Stamp<'_>,
) -> Result<(Message, ChangeSet)> {
    let event = rules::given_up(message.status);
    let (after, mut set) = step(message, event, stamp, Some(reason.to_owned()), |after| {
        if event == Event::Doubt {
            after.failure = Some(reason.to_owned());
        }
    })?;
    if event == Event::Release {
        return Ok((after, set));
    }
    if let Some(attempt) = attempt.filter(|attempt| attempt.finished_at.is_none()) {
        let mut finished = attempt.clone();
        finished.finished_at = Some(stamp.at);
        finished.outcome = Some(AttemptOutcome::Unknown);
        finished.reason = Some(reason.to_owned());
        set.push(Change::FinishAttempt(finished));
    }
    Ok((after, set))
}
