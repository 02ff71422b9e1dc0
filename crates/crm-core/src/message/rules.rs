//! The rules of delivery as plain tables: what the last checks say, what an answer does, what becomes of an
//! attempt nobody waits for. [`dispatch`](super::dispatch) carries them out; the model of the protocol
//! explores them.

use chrono::{DateTime, Duration, Utc};

use super::lifecycle::{Event, Status};
use super::{Attempt, AttemptOutcome, Message};
use crate::campaign::CampaignStatus;
use crate::port::callback::Fate;

/// What is looked at immediately before an attempt is recorded, on data read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Whether it is too late, and why.
    pub late: Option<Late>,
    /// The person's data were erased.
    pub erased: bool,
    /// The address is suppressed.
    pub suppressed: bool,
    /// The person's consent allows it.
    pub consent: bool,
    /// Where the campaign stands, if there is one.
    pub campaign: Option<CampaignStatus>,
    /// What the campaign's sending times say of this moment.
    pub times: Times,
    /// The person's address now.
    pub address: AddressNow,
    /// The person may be written to on the channel now (see [`window`](crate::consent::window)).
    pub open: bool,
    /// The approval covers what would be sent, digest for digest.
    pub approved: bool,
    /// No guardrail objects to it today that did not when it was approved (see [`guard`](super::guard)).
    pub sound: bool,
}

/// Why it is too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The message's own deadline has passed.
    Deadline,
    /// It has been due for longer than messages may wait.
    Waited,
}

impl Late {
    /// Whether `message` is too late at `now`, when none may wait for longer than `late_after`.
    #[must_use]
    pub fn of(message: &Message, late_after: Duration, now: DateTime<Utc>) -> Option<Self> {
        if message.expires_at.is_some_and(|until| until <= now) {
            return Some(Self::Deadline);
        }
        let waited = message.queued_at.map(|since| now - since);
        waited
            .filter(|waited| *waited >= late_after)
            .map(|_| Self::Waited)
    }

    /// The reason that the message and its history keep, if it is not plain.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Deadline => None,
            Self::Waited => Some("too_late"),
        }
    }
}

/// What sending times say of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// It may leave.
    Now,
    /// It may leave then.
    Later(DateTime<Utc>),
    /// It is not sent, for this reason.
    Never(&'static str),
}

/// A contact's address against the one that was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressNow {
    /// It is the approved one.
    Same,
    /// It is another one.
    Changed,
    /// There is none any more.
    Missing,
}

/// What the last checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Record the attempt; then it may leave.
    Begin,
    /// Too late: it expires.
    Expire(Late),
    /// Never: it is called off, for this reason.
    Cancel(&'static str),
    /// Not while the campaign is paused: back to the queue.
    Pause,
    /// Not at this hour of the recipient's: back to the queue until then.
    Hold(DateTime<Utc>),
    /// To another address: a person has to agree again.
    Readdress,
    /// Nobody agreed to what would be sent: a person has to.
    Void,
    /// A guardrail objects to what was agreed to: a person has to decide about it again.
    Object,
}

/// The verdict of the last checks. What ends a message goes before what delays it.
#[must_use]
pub const fn verdict(checks: &Checks) -> Verdict {
    if let Some(late) = checks.late {
        return Verdict::Expire(late);
    }
    if checks.erased {
        return Verdict::Cancel("erased");
    }
    if checks.suppressed {
        return Verdict::Cancel("suppressed");
    }
    if !checks.consent {
        return Verdict::Cancel("no_consent");
    }
    match checks.campaign {
        Some(CampaignStatus::Cancelled) => return Verdict::Cancel("campaign_cancelled"),
        Some(CampaignStatus::Paused) => return Verdict::Pause,
        _ => {}
    }
    match checks.times {
        Times::Never(reason) => return Verdict::Cancel(reason),
        Times::Later(until) => return Verdict::Hold(until),
        Times::Now => {}
    }
    match checks.address {
        AddressNow::Missing => Verdict::Cancel("no_address"),
        AddressNow::Changed => Verdict::Readdress,
        AddressNow::Same if !checks.open => Verdict::Cancel("window_closed"),
        AddressNow::Same if !checks.approved => Verdict::Void,
        AddressNow::Same if checks.sound => Verdict::Begin,
        AddressNow::Same => Verdict::Object,
    }
}

/// Which attempt somebody speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The message's last one.
    Latest,
    /// An earlier one that was repeated under the same key: if it was taken, so was what repeats it.
    Repeated,
    /// An earlier one that the message has left behind.
    Other,
}

impl Whose {
    /// Which attempt of `message` this is, the attempt being as the store has it now.
    #[must_use]
    pub fn of(message: &Message, attempt: &Attempt) -> Self {
        let unknown = matches!(attempt.outcome, Some(AttemptOutcome::Unknown));
        if attempt.epoch == message.epoch {
            Self::Latest
        } else if unknown && attempt.epoch > message.decided_epoch && attempt.epoch < message.epoch
        {
            // What ends unknown is followed by a person's decision, or by a repeat.
            Self::Repeated
        } else {
            Self::Other
        }
    }
}

/// Whether what is in doubt may be sent again by itself: only where the provider removes duplicates by their
/// key (`keyed`), after an attempt whose end nobody knows, or which was to be made later while the one before is
/// still in doubt (`repeats`). A refusal for good ends it.
///
/// `ours` says whether that attempt is the message's last one and a person has decided nothing since, `again`
/// whether one more is allowed.
#[must_use]
pub const fn repeats(
    status: Status,
    ours: bool,
    last: Option<AttemptOutcome>,
    repeats: bool,
    keyed: bool,
    again: bool,
) -> bool {
    use AttemptOutcome as O;
    let open = match last {
        Some(O::Unknown) => true,
        Some(O::RetryAfter | O::Stop) => repeats,
        _ => false,
    };
    keyed && ours && open && again && matches!(status, Status::Uncertain)
}

/// What an answer does to the message: `None` when nobody waits for it any more, so that it is kept as
/// evidence alone.
///
/// `whose` says which attempt answers, `repeats` whether that one repeats an attempt in doubt, `again` whether
/// one more is allowed.
#[must_use]
pub const fn answer(
    status: Status,
    whose: Whose,
    outcome: AttemptOutcome,
    repeats: bool,
    again: bool,
) -> Option<Event> {
    use AttemptOutcome as O;
    match (status, outcome) {
        (Status::Sending, O::Accepted) if !matches!(whose, Whose::Other) => Some(Event::Accept),
        (Status::Uncertain, O::Accepted) if !matches!(whose, Whose::Other) => {
            Some(Event::ConfirmSent)
        }
        _ if !matches!(whose, Whose::Latest) => None,
        // The one before may have been taken, whatever is said of this one.
        (Status::Sending, _) if repeats => Some(Event::Doubt),
        (Status::Uncertain, _) if repeats => None,
        (Status::Sending, O::Dead | O::Rejected) => Some(Event::Refuse),
        (Status::Sending, O::RetryAfter) if !again => Some(Event::Refuse),
        (Status::Sending, O::RetryAfter | O::Stop) => Some(Event::Defer),
        (Status::Sending, O::Unknown) => Some(Event::Doubt),
        (Status::Uncertain, O::Dead | O::Rejected | O::RetryAfter | O::Stop) => {
            Some(Event::ConfirmFailed)
        }
        _ => None,
    }
}

/// What becomes of a message whose lease ran out or whose worker stops: only what was claimed goes back to
/// the queue, what was begun is in doubt.
#[must_use]
pub const fn given_up(status: Status) -> Event {
    match status {
        Status::Claimed => Event::Release,
        _ => Event::Doubt,
    }
}

/// Whether an answer still ends its attempt: one the sweeper closed is final, and so is one a later claim
/// superseded, since it was closed before the message could be claimed again.
#[must_use]
pub const fn ends(attempt: &Attempt, latest: bool) -> bool {
    latest && attempt.finished_at.is_none()
}

/// What a receipt does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Its attempt's own answer is awaited: look again later.
    Wait,
    /// These steps, in this order.
    Steps(&'static [Event]),
    /// Nothing; the history keeps it, for the message has moved on.
    Evidence,
    /// Nothing: it was known.
    Known,
}

/// What a receipt does to the message of its attempt, `whose` that is.
///
/// Receipts come in any order, so what arrived is not undone by a failure that is told later, and a failure is
/// undone by the news that it did arrive: whoever sends such a message again sends it twice.
#[must_use]
pub const fn receipt(status: Status, whose: Whose, repeats: bool, fate: &Fate) -> Heard {
    use Event as E;
    match (status, fate) {
        _ if matches!(whose, Whose::Other) => Heard::Evidence,
        // What was taken once was taken; what was not may have been by another attempt.
        (_, Fate::Failed { .. }) if matches!(whose, Whose::Repeated) => Heard::Evidence,
        (Status::Sending, _) => Heard::Wait,
        (Status::Uncertain, Fate::Failed { .. }) if repeats => Heard::Evidence,
        (Status::Uncertain, Fate::Accepted) => Heard::Steps(&[E::ConfirmSent]),
        (Status::Uncertain, Fate::Delivered | Fate::Read) => {
            Heard::Steps(&[E::ConfirmSent, E::Deliver])
        }
        (Status::Uncertain, Fate::Failed { .. }) => Heard::Steps(&[E::ConfirmFailed]),
        (Status::Sent | Status::Failed, Fate::Delivered | Fate::Read) => {
            Heard::Steps(&[E::Deliver])
        }
        (Status::Sent, Fate::Failed { .. }) => Heard::Steps(&[E::Bounce]),
        (Status::Sent | Status::Delivered, _)
        | (Status::Failed, Fate::Accepted | Fate::Failed { .. }) => Heard::Known,
        _ => Heard::Evidence,
    }
}
