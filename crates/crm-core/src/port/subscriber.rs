//! The subscriber port: is told of every state change, at least once and in order.
//!
//! An [`Observer`](super::observer::Observer) is told at once and of what this process commits, and may miss
//! some; a subscriber is told of everything, whichever process did it, however long it was away.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::{Role, Workspace};
use crate::error::{Error, Result};
use crate::id::EventId;
use crate::message::history::{AuditEvent, Seal, StoredEvent, Subject};
use crate::message::lifecycle::Status;

/// One event of the history. Holds ids and codes: no text, no address, nothing that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Id, the same however often it is told: what comes twice is known by it.
    pub id: EventId,
    /// Place in the workspace's chain: 1, 2, 3, ... without gaps.
    pub position: u64,
    /// Tenant.
    pub workspace: Workspace,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Kind of row.
    pub subject: Subject,
    /// Id of the row.
    pub subject_id: Uuid,
    /// What happened, past tense: `created`, `approved`, `sent`, ...
    pub action: String,
    /// Status after, for a message.
    pub status: Option<Status>,
    /// Version of the row after.
    pub version: u64,
    /// Actor id: the host's own, or `system`.
    pub actor: String,
    /// Role of the actor then.
    pub role: Role,
    /// Why, when the worker did it and a code says so. The reasons of people stay in the history.
    pub code: Option<String>,
}

impl StateChange {
    /// A sealed event; `None` for one that waits for its place.
    #[must_use]
    pub fn of(stored: &StoredEvent) -> Option<Self> {
        stored.seal.map(|seal| Self::sealed(&stored.event, seal))
    }

    fn sealed(event: &AuditEvent, seal: Seal) -> Self {
        Self {
            id: event.id,
            position: seal.position,
            workspace: event.workspace.clone(),
            at: event.at,
            subject: event.subject,
            subject_id: event.subject_id,
            action: event.action.clone(),
            status: event.status,
            version: event.version,
            actor: event.actor.clone(),
            role: event.role,
            code: code(event),
        }
    }

    /// Kind of row and what happened: `message.sent`.
    #[must_use]
    pub fn kind(&self) -> String {
        format!("{}.{}", self.subject.as_str(), self.action)
    }
}

/// The reason, if it is surely a code: words of a person reach the history through people and through rows that
/// the host put into its intake.
fn code(event: &AuditEvent) -> Option<String> {
    let own = event.role == Role::System && event.actor == "system";
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
    let is_code = |reason: &&String| (1..=100).contains(&reason.len()) && reason.bytes().all(sign);
    event
        .reason
        .as_ref()
        .filter(|_| own)
        .filter(is_code)
        .cloned()
}

/// Which state changes a subscriber is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<(Subject, Option<String>)>);

impl Selection {
    /// Those of these kinds: `message.sent`, or `message.*` for everything about messages. All of them when
    /// there are none.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for what can be no kind.
    pub fn parse<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let wrong = || {
            let text = "use kinds such as message.sent, or message.* for all of a kind of row";
            Error::field("actions", text)
        };
        let parsed = kinds.into_iter().map(|kind| {
            let (subject, action) = kind.split_once('.').ok_or_else(wrong)?;
            let subject = Subject::parse(subject).ok_or_else(wrong)?;
            let word = |b: u8| b.is_ascii_lowercase() || b == b'_';
            match action {
                "*" => Ok((subject, None)),
                "" => Err(wrong()),
                action if action.bytes().all(word) => Ok((subject, Some(action.to_owned()))),
                _ => Err(wrong()),
            }
        });
        parsed.collect::<Result<_>>().map(Self)
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn holds(&self, change: &StateChange) -> bool {
        let fits = |(subject, action): &(Subject, Option<String>)| {
            *subject == change.subject
                && action
                    .as_ref()
                    .is_none_or(|action| *action == change.action)
        };
        self.0.is_empty() || self.0.iter().any(fits)
    }
}

/// What a subscriber can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberCapabilities {
    /// At most this many changes in one call; at least 1.
    pub batch: u32,
    /// How long a call may take. Longer ones are given up and count as failed.
    pub timeout: Duration,
}

impl Default for SubscriberCapabilities {
    fn default() -> Self {
        Self {
            batch: 100,
            timeout: Duration::from_secs(30),
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// All of them were taken, durably: they are not told again, but for a crash.
    Taken,
    /// Not all of them were taken: all are told again later.
    Later {
        /// How long to wait at least, if the subscriber says so. Otherwise from five seconds to five hours, by
        /// the number of failures.
        at_least: Option<Duration>,
        /// Code, without personal data.
        reason: String,
    },
    /// It wants to be called no more. An admin can enable it again: nothing is lost.
    Closed {
        /// Code, without personal data.
        reason: String,
    },
}

/// Is told of state changes by the worker.
///
/// # What the engine guarantees
/// - **At least once**: every sealed event behind the place where the subscription began is told until it is
///   taken. After a crash, a lost lease or a timeout some are told again, with the same id. A store that went
///   back to an older state (a restored backup) tells again what followed that, and gives the places of events
///   that it lost to others: ids stay apart.
/// - **In order**: of a workspace in the order of its chain, and nothing before everything before it was taken.
///   So the first coming of each id is in order, whatever is repeated.
/// - **One at a time**: of one workspace and name one call is under way, among all workers of a store. Only a
///   worker that stood still inside a call for longer than its lease may still be in it when the next one
///   begins.
/// - Workspaces are told independently of each other, and at once.
///
/// # What an implementer must guarantee
/// - [`Told::Taken`] only when nothing of it can be lost any more.
/// - Doing the same for an id again does no harm.
/// - No retries inside: waiting and calling again is the engine's work. A panic counts as a failed call.
/// - Dropping the future ends the call; the engine then takes it for failed.
#[async_trait]
pub trait Subscriber: Send + Sync + Debug {
    /// What it can do.
    fn capabilities(&self) -> SubscriberCapabilities {
        SubscriberCapabilities::default()
    }

    /// Whether it is to be told of this one. The answer should never change: what is passed over does not come
    /// again.
    fn wants(&self, change: &StateChange) -> bool {
        let _ = change;
        true
    }

    /// Takes these changes, oldest first.
    async fn deliver(&self, changes: &[StateChange]) -> Told;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ids::nth;

    fn event(actor: &str, role: Role, reason: &str) -> AuditEvent {
        AuditEvent {
            id: EventId(nth(1)),
            workspace: Workspace::default(),
            at: DateTime::UNIX_EPOCH,
            actor: actor.to_owned(),
            role,
            subject: Subject::Message,
            subject_id: nth(2),
            action: "failed".to_owned(),
            status: Some(Status::Failed),
            version: 3,
            revision: Some(1),
            digest: None,
            reason: Some(reason.to_owned()),
            reason_salt: None,
            reason_digest: None,
        }
    }

    #[test]
    fn only_codes_of_the_worker_are_told() {
        let told = |actor, role, reason: &str| code(&event(actor, role, reason));
        let worker = |reason| told("system", Role::System, reason);
        assert_eq!(worker("http_410").as_deref(), Some("http_410"));
        assert_eq!(worker("5.1.1").as_deref(), Some("5.1.1"));
        let long = "x".repeat(101);
        for text in ["", "Anna Petrova", "anna@mail.example", "Анна", &long] {
            assert_eq!(worker(text), None, "{text}");
        }
        assert_eq!(told("intake", Role::System, "anna"), None);
        assert_eq!(told("u-1", Role::Admin, "http_410"), None);
        assert_eq!(told("system", Role::Manager, "http_410"), None);
    }

    #[test]
    fn a_change_that_waits_for_its_place_is_none_yet() {
        let event = event("system", Role::System, "x");
        let mut stored = StoredEvent { event, seal: None };
        assert_eq!(StateChange::of(&stored), None);
        let zero = crate::message::Digest::ZERO;
        stored.seal = Some(Seal {
            position: 9,
            prev_hash: zero,
            hash: zero,
        });
        let change = StateChange::of(&stored).unwrap();
        assert_eq!(
            (change.position, change.kind().as_str()),
            (9, "message.failed")
        );
    }

    #[test]
    fn kinds_select() {
        let event = event("system", Role::System, "x");
        let zero = crate::message::Digest::ZERO;
        let seal = Seal {
            position: 1,
            prev_hash: zero,
            hash: zero,
        };
        let change = StateChange::sealed(&event, seal);
        let holds = |kinds: &[&str]| {
            Selection::parse(kinds.iter().copied())
                .unwrap()
                .holds(&change)
        };
        for fits in [
            &[][..],
            &["message.failed"],
            &["message.*"],
            &["contact.*", "message.*"],
        ] {
            assert!(holds(fits), "{fits:?}");
        }
        for other in [&["message.sent"][..], &["contact.*"], &["contact.failed"]] {
            assert!(!holds(other), "{other:?}");
        }
        for bad in [
            "",
            "message",
            "message.",
            "*",
            "*.sent",
            "message.Sent",
            "mail.sent",
            "message.a.b",
        ] {
            assert!(Selection::parse([bad]).is_err(), "{bad}");
        }
    }
}
