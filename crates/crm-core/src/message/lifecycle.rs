//! The life of a message: one table, from which everything else derives.
//!
//! [`TRANSITIONS`] is the single truth. `allowed_actions`, the diagram in the documentation and the
//! all-pairs test read it; [`apply`] is the only way from one status to the next.
//!
//! ```
//! use crm_core::message::lifecycle::{Event, Status, allowed_actions, apply};
//! use crm_core::{ErrorKind, Role};
//!
//! assert_eq!(apply(Status::PendingApproval, Event::Approve, Role::Manager)?, Status::Approved);
//! // Whoever edits what was approved voids the approval.
//! assert_eq!(apply(Status::Approved, Event::Edit, Role::Manager)?, Status::PendingApproval);
//! // A viewer decides nothing, and what was sent is not rejected any more.
//! assert_eq!(apply(Status::Draft, Event::Approve, Role::Viewer).unwrap_err().kind(), ErrorKind::Forbidden);
//! assert_eq!(apply(Status::Sent, Event::Reject, Role::Admin).unwrap_err().kind(), ErrorKind::NotAllowed);
//! assert_eq!(allowed_actions(Status::Failed, Role::Manager), [Event::Retry]);
//! # Ok::<(), crm_core::Error>(())
//! ```
// Whoever adds a status, an event or a role says everywhere what becomes of it.
#![deny(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};

use crate::actor::Role;
use crate::error::{Error, ErrorKind, Result};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being written; nobody was asked yet.
    Draft,
    /// Waits for a person's decision.
    PendingApproval,
    /// Approved; leaves when it is due.
    Approved,
    /// A worker holds it under a lease; nothing has left.
    Claimed,
    /// An attempt is recorded; the provider may or may not have it.
    Sending,
    /// The provider took it.
    Sent,
    /// A receipt says it arrived.
    Delivered,
    /// It will not arrive: refused for good, bounced, or out of attempts.
    Failed,
    /// Nobody knows whether the provider took it; frozen until a receipt, a look-up, a repeat under the same key
    /// or a person decides.
    Uncertain,
    /// A person declined it.
    Rejected,
    /// Called off.
    Cancelled,
    /// Its deadline passed, or it was due for too long, before it could leave.
    Expired,
}

impl Status {
    /// All statuses, in the order of a message's life.
    pub const ALL: [Self; 12] = [
        Self::Draft,
        Self::PendingApproval,
        Self::Approved,
        Self::Claimed,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Uncertain,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingApproval => "pending_approval",
            Self::Approved => "approved",
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing but a receipt can still change it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Delivered | Self::Cancelled | Self::Expired
        )
    }
}

/// What can happen to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Ask for a decision.
    Submit,
    /// Change the text: a new revision.
    Edit,
    /// Change when it leaves.
    Reschedule,
    /// The recipient's address, the consent or the sender changed: what was approved no longer holds.
    Invalidate,
    /// A person agrees to exactly this text, address, channel, sender and time.
    Approve,
    /// A person declines.
    Reject,
    /// A worker takes it under a lease.
    Claim,
    /// The last checks hold and the attempt is recorded.
    Begin,
    /// A last check says: later (quiet hours, caps, campaign paused).
    Postpone,
    /// The worker gives it back, or its lease ran out before an attempt.
    Release,
    /// The provider took it.
    Accept,
    /// The provider refused for good, or the attempts are used up.
    Refuse,
    /// The provider refused for now, or it provably did not leave.
    Defer,
    /// No certain answer, or the lease ran out with an attempt open.
    Doubt,
    /// It is sent again under the same key, by which the provider removes duplicates.
    Repeat,
    /// The store went back to an older state: it may have been sent since.
    Suspect,
    /// A receipt, a look-up or a late answer proves that it was sent.
    ConfirmSent,
    /// A receipt, a look-up or a late answer proves that it was not sent.
    ConfirmFailed,
    /// A person says: it was sent.
    ResolveSent,
    /// A person says: send again, a duplicate is acceptable.
    ResolveResend,
    /// A person gives up on it.
    ResolveFailed,
    /// A receipt: it arrived.
    Deliver,
    /// A receipt: it came back.
    Bounce,
    /// A person sends a failed message again, unchanged.
    Retry,
    /// Call it off.
    Cancel,
    /// Its deadline passed, or it was due for too long.
    Expire,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 26] = [
        Self::Submit,
        Self::Edit,
        Self::Reschedule,
        Self::Invalidate,
        Self::Approve,
        Self::Reject,
        Self::Claim,
        Self::Begin,
        Self::Postpone,
        Self::Release,
        Self::Accept,
        Self::Refuse,
        Self::Defer,
        Self::Doubt,
        Self::Repeat,
        Self::Suspect,
        Self::ConfirmSent,
        Self::ConfirmFailed,
        Self::ResolveSent,
        Self::ResolveResend,
        Self::ResolveFailed,
        Self::Deliver,
        Self::Bounce,
        Self::Retry,
        Self::Cancel,
        Self::Expire,
    ];

    /// The name used in `allowed_actions` and in errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Edit => "edit",
            Self::Reschedule => "reschedule",
            Self::Invalidate => "invalidate",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Claim => "claim",
            Self::Begin => "begin",
            Self::Postpone => "postpone",
            Self::Release => "release",
            Self::Accept => "accept",
            Self::Refuse => "refuse",
            Self::Defer => "defer",
            Self::Doubt => "doubt",
            Self::Repeat => "repeat",
            Self::Suspect => "suspect",
            Self::ConfirmSent => "confirm_sent",
            Self::ConfirmFailed => "confirm_failed",
            Self::ResolveSent => "resolve_sent",
            Self::ResolveResend => "resolve_resend",
            Self::ResolveFailed => "resolve_failed",
            Self::Deliver => "deliver",
            Self::Bounce => "bounce",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
        }
    }

    /// The action written into the history.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Self::Submit => "submitted",
            Self::Edit => "edited",
            Self::Reschedule => "rescheduled",
            Self::Invalidate => "invalidated",
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Claim => "claimed",
            Self::Begin => "begun",
            Self::Postpone => "postponed",
            Self::Release => "released",
            Self::Accept => "sent",
            Self::Refuse => "failed",
            Self::Defer => "deferred",
            Self::Doubt => "uncertain",
            Self::Repeat => "repeated",
            Self::Suspect => "suspected",
            Self::ConfirmSent => "confirmed_sent",
            Self::ConfirmFailed => "confirmed_failed",
            Self::ResolveSent => "resolved_sent",
            Self::ResolveResend => "resolved_resend",
            Self::ResolveFailed => "resolved_failed",
            Self::Deliver => "delivered",
            Self::Bounce => "bounced",
            Self::Retry => "retried",
            Self::Cancel => "cancelled",
            Self::Expire => "expired",
        }
    }

    /// The event behind an action of the history; `None` for `created` and `deleted`.
    #[must_use]
    pub fn from_past(action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.past() == action)
    }
}

/// Who may cause a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Managers and admins.
    People,
    /// Admins alone.
    Admins,
    /// The worker alone.
    Worker,
    /// Managers, admins and the worker (on behalf of a campaign, a suppression or an erasure).
    Both,
}

impl Who {
    /// Whether `role` is one of them.
    #[must_use]
    pub const fn includes(self, role: Role) -> bool {
        match role {
            Role::Viewer => false,
            Role::Manager => matches!(self, Self::People | Self::Both),
            Role::Admin => !matches!(self, Self::Worker),
            Role::System => matches!(self, Self::Worker | Self::Both),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Status before.
    pub from: Status,
    /// What happens.
    pub event: Event,
    /// Who may cause it.
    pub who: Who,
    /// Status after.
    pub to: Status,
}

const fn t(from: Status, event: Event, who: Who, to: Status) -> Transition {
    Transition {
        from,
        event,
        who,
        to,
    }
}

/// Every transition there is. What is not here is refused.
pub const TRANSITIONS: &[Transition] = {
    use Event as E;
    use Status as S;
    use Who::{Admins, Both, People, Worker};
    &[
        t(S::Draft, E::Submit, Both, S::PendingApproval),
        t(S::Draft, E::Edit, Both, S::Draft),
        t(S::PendingApproval, E::Edit, Both, S::PendingApproval),
        t(S::Rejected, E::Edit, People, S::PendingApproval),
        t(S::Approved, E::Edit, People, S::PendingApproval),
        t(S::Draft, E::Reschedule, People, S::Draft),
        t(
            S::PendingApproval,
            E::Reschedule,
            People,
            S::PendingApproval,
        ),
        t(S::Approved, E::Reschedule, People, S::PendingApproval),
        t(S::Draft, E::Invalidate, Both, S::Draft),
        t(S::PendingApproval, E::Invalidate, Both, S::PendingApproval),
        t(S::Approved, E::Invalidate, Both, S::PendingApproval),
        t(S::Claimed, E::Invalidate, Worker, S::PendingApproval),
        t(S::Draft, E::Approve, People, S::Approved),
        t(S::PendingApproval, E::Approve, People, S::Approved),
        t(S::Draft, E::Reject, People, S::Rejected),
        t(S::PendingApproval, E::Reject, People, S::Rejected),
        t(S::Approved, E::Reject, People, S::Rejected),
        t(S::Approved, E::Claim, Worker, S::Claimed),
        t(S::Claimed, E::Begin, Worker, S::Sending),
        t(S::Claimed, E::Postpone, Worker, S::Approved),
        t(S::Claimed, E::Release, Worker, S::Approved),
        t(S::Claimed, E::Cancel, Worker, S::Cancelled),
        t(S::Claimed, E::Expire, Worker, S::Expired),
        t(S::Sending, E::Accept, Worker, S::Sent),
        t(S::Sending, E::Refuse, Worker, S::Failed),
        t(S::Sending, E::Defer, Worker, S::Approved),
        t(S::Sending, E::Doubt, Worker, S::Uncertain),
        t(S::Approved, E::Suspect, Admins, S::Uncertain),
        t(S::Claimed, E::Suspect, Admins, S::Uncertain),
        t(S::Uncertain, E::Repeat, Worker, S::Sending),
        t(S::Uncertain, E::ConfirmSent, Worker, S::Sent),
        t(S::Uncertain, E::ConfirmFailed, Worker, S::Failed),
        t(S::Uncertain, E::ResolveSent, People, S::Sent),
        t(S::Uncertain, E::ResolveResend, People, S::Approved),
        t(S::Uncertain, E::ResolveFailed, People, S::Failed),
        t(S::Sent, E::Deliver, Worker, S::Delivered),
        t(S::Sent, E::Bounce, Worker, S::Failed),
        t(S::Failed, E::Deliver, Worker, S::Delivered),
        t(S::Failed, E::Retry, People, S::Approved),
        t(S::Draft, E::Cancel, Both, S::Cancelled),
        t(S::PendingApproval, E::Cancel, Both, S::Cancelled),
        t(S::Approved, E::Cancel, Both, S::Cancelled),
        t(S::Draft, E::Expire, Worker, S::Expired),
        t(S::PendingApproval, E::Expire, Worker, S::Expired),
        t(S::Approved, E::Expire, Worker, S::Expired),
    ]
};

/// The status after `event` caused by `role`.
///
/// # Errors
/// [`ErrorKind::Forbidden`] when this role may never cause it, so that a viewer learns nothing about statuses
/// by probing; [`ErrorKind::NotAllowed`] when it may, but not in this status (a manager cancels what waits, and
/// only the worker what it has claimed).
pub fn apply(from: Status, event: Event, role: Role) -> Result<Status> {
    let mut ever = false;
    for row in TRANSITIONS.iter().filter(|row| row.event == event) {
        let may = row.who.includes(role);
        if may && row.from == from {
            return Ok(row.to);
        }
        ever |= may;
    }
    if !ever {
        return Err(forbidden(event, role));
    }
    Err(Error::new(
        ErrorKind::NotAllowed,
        format!(
            "a message that is {} cannot be changed by {}",
            from.as_str(),
            event.as_str()
        ),
    ))
}

fn forbidden(event: Event, role: Role) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        format!("a {} may not {} a message", role.as_str(), event.as_str()),
    )
}

/// What `role` may do with a message in `from`, in the table's order. Left out is what nobody does to one
/// message: invalidation follows from a change of the contact, suspicion from the end of a hold.
#[must_use]
pub fn allowed_actions(from: Status, role: Role) -> Vec<Event> {
    TRANSITIONS
        .iter()
        .filter(|row| row.from == from && row.who.includes(role))
        .filter(|row| !matches!(row.event, Event::Invalidate | Event::Suspect))
        .map(|row| row.event)
        .collect()
}
