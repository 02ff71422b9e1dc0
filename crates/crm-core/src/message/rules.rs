//! The rules of delivery as plain tables: what the last checks say, what an answer does, what becomes of an
//! attempt nobody waits for. [`dispatch`](super::dispatch) carries them out; the model of the protocol
//! explores them.

use super::lifecycle::{Event, Status};
use super::{Attempt, AttemptOutcome};
use crate::campaign::CampaignStatus;
use crate::port::callback::Fate;

/// What is looked at immediately before an attempt is recorded, on data read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// The message's deadline has passed.
    pub late: bool,
    /// The person's data were erased.
    pub erased: bool,
    /// The address is suppressed.
    pub suppressed: bool,
    /// The person's consent allows it.
    pub consent: bool,
    /// Where the campaign stands, if there is one.
    pub campaign: Option<CampaignStatus>,
    /// The person's address now.
    pub address: AddressNow,
    /// The approval covers what would be sent, digest for digest.
    pub approved: bool,
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
    Expire,
    /// Never: it is called off, for this reason.
    Cancel(&'static str),
    /// Not while the campaign is paused: back to the queue.
    Pause,
    /// To another address: a person has to agree again.
    Readdress,
    /// Nobody agreed to what would be sent: a person has to.
    Void,
}

/// The verdict of the last checks. What ends a message goes before what delays it.
#[must_use]
pub const fn verdict(checks: &Checks) -> Verdict {
    if checks.late {
        return Verdict::Expire;
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
    match checks.address {
        AddressNow::Missing => Verdict::Cancel("no_address"),
        AddressNow::Changed => Verdict::Readdress,
        AddressNow::Same if checks.approved => Verdict::Begin,
        AddressNow::Same => Verdict::Void,
    }
}

/// What an answer does to the message: `None` when nobody waits for it any more, so that it is kept as
/// evidence alone.
///
/// `latest` says whether the answer is that of the message's last attempt, `again` whether one more attempt
/// is allowed.
#[must_use]
pub const fn answer(
    status: Status,
    latest: bool,
    outcome: AttemptOutcome,
    again: bool,
) -> Option<Event> {
    use AttemptOutcome as O;
    match (status, outcome) {
        _ if !latest => None,
        (Status::Sending, O::Accepted) => Some(Event::Accept),
        (Status::Sending, O::Dead | O::Rejected) => Some(Event::Refuse),
        (Status::Sending, O::RetryAfter) if !again => Some(Event::Refuse),
        (Status::Sending, O::RetryAfter | O::Stop) => Some(Event::Defer),
        (Status::Sending, O::Unknown) => Some(Event::Doubt),
        (Status::Uncertain, O::Accepted) => Some(Event::ConfirmSent),
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

/// What a receipt does to the message of its attempt; `latest` says whether that is the message's last one.
///
/// Receipts come in any order, so what arrived is not undone by a failure that is told later, and a failure is
/// undone by the news that it did arrive: whoever sends such a message again sends it twice.
#[must_use]
pub const fn receipt(status: Status, latest: bool, fate: &Fate) -> Heard {
    use Event as E;
    match (status, fate) {
        _ if !latest => Heard::Evidence,
        (Status::Sending, _) => Heard::Wait,
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
