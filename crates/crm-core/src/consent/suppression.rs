//! The list of addresses nothing is ever sent to: what puts one there, and what takes it away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::erasure::EVERY_CHANNEL;
use crate::actor::Workspace;
use crate::change::{Change, ChangeSet};
use crate::message::Message;
use crate::message::history::{AuditEvent, Subject};
use crate::stamp::Stamp;

/// Reasons of suppressions that the person's own word lifts: they said STOP and then START, blocked and
/// unblocked, or an address that was dead writes again. What a link, a complaint or somebody of the house put
/// is not among them.
pub const LIFTED_BY_OPT_IN: [&str; 3] = ["reply", "blocked", "dead"];

/// An address nothing is ever sent to, whoever it belongs to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Tenant.
    pub workspace: Workspace,
    /// Channel name; `*`, every channel, for that of an erased person.
    pub channel: String,
    /// The address, normalised as the channel's contacts are. Nobody keeps that of an erased person: it is empty,
    /// or the one that was asked for.
    pub address: String,
    /// Why: `dead`, `reply`, `blocked`, `complaint`, `erased`, or in the words of whoever put it.
    pub reason: String,
    /// Who.
    pub created_by: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suppression({} because {})", self.channel, self.reason)
    }
}

impl Suppression {
    /// Whether it is that of an [erased](super::erasure) person: it holds on every channel, and only an admin who
    /// names the address lifts it.
    #[must_use]
    pub fn of_erased(&self) -> bool {
        self.channel == EVERY_CHANNEL
    }

    /// Whether the person's own word lifts it; see [`LIFTED_BY_OPT_IN`].
    #[must_use]
    pub fn lifted_by_opt_in(&self) -> bool {
        !self.of_erased() && LIFTED_BY_OPT_IN.contains(&self.reason.as_str())
    }

    /// Whether one put for `reason` takes its place: when the person's own word lifts this one and not that.
    #[must_use]
    pub fn gives_way_to(&self, reason: &str) -> bool {
        self.lifted_by_opt_in() && !LIFTED_BY_OPT_IN.contains(&reason)
    }
}

/// Why an address is suppressed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Why<'a> {
    /// A code, which the history tells, too.
    Code(&'a str),
    /// The words of somebody of the house. They may name the person, so the history, from which nothing is ever
    /// erased, does not repeat them.
    Words(&'a str),
}

/// Suppresses an address: the row and its event, which is about `message` when that is how it came out.
///
/// `known` is what stands on the list. Where the person's own word could lift that and not this, this takes its
/// place; otherwise what was there first stays. That of an erased person is the end of it: their address is not
/// written down again.
pub(crate) fn suppress(
    set: &mut ChangeSet,
    (channel, address): (&str, &str),
    why: Why<'_>,
    known: Option<&Suppression>,
    message: Option<&Message>,
    stamp: &Stamp<'_>,
) {
    if known.is_some_and(Suppression::of_erased) {
        return;
    }
    let (reason, told) = match why {
        Why::Code(code) => (code, Some(code.to_owned())),
        Why::Words(words) => (words, None),
    };
    let row = Suppression {
        workspace: set.workspace().clone(),
        channel: channel.to_owned(),
        address: address.to_owned(),
        reason: reason.to_owned(),
        created_by: stamp.actor.id.clone(),
        created_at: stamp.at,
    };
    if let Some(known) = known.filter(|known| known.gives_way_to(reason)) {
        set.push(delete(known));
    }
    set.push(Change::InsertSuppression(row));
    let (id, version) = match message {
        Some(message) => (message.id.0, message.version),
        None => (stamp.ids.next(), 1),
    };
    set.event(AuditEvent {
        reason: told,
        ..stamp.event(Subject::Suppression, id, version, "suppressed")
    });
}

/// Lifts the suppression `known`, as it was read, because the person came back: `why` is a code of how they said
/// so. Nothing is written when it is not the person's to lift; whether anything was.
pub(crate) fn lift(set: &mut ChangeSet, known: &Suppression, why: &str, stamp: &Stamp<'_>) -> bool {
    if !known.lifted_by_opt_in() {
        return false;
    }
    set.push(delete(known));
    set.event(AuditEvent {
        reason: Some(why.to_owned()),
        ..stamp.event(Subject::Suppression, stamp.ids.next(), 1, "lifted")
    });
    true
}

/// Not what somebody put there since.
fn delete(known: &Suppression) -> Change {
    Change::DeleteSuppression {
        channel: known.channel.clone(),
        address: known.address.clone(),
        reason: Some(known.reason.clone()),
    }
}
