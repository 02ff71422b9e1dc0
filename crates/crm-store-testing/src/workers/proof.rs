//! What must be true when it is quiet again: the messages, the attempts, the history and the counters
//! agree with each other and with what really arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use crm_core::Workspace;
use crm_core::id::MessageId;
use crm_core::message::history::{AuditEvent, Subject, replay};
use crm_core::message::{Message, Status};
use crm_core::port::store::EventQuery;
use uuid::Uuid;

use super::scene::Scene;
use super::sink::Sink;
use super::{PLACES, Place, Row};

/// How it ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    sent: usize,
    uncertain: usize,
    /// Of those uncertain.
    arrived: usize,
    delivered: usize,
    attempts: usize,
    events: usize,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.sent += more.sent;
        self.uncertain += more.uncertain;
        self.arrived += more.arrived;
        self.delivered += more.delivered;
        self.attempts += more.attempts;
        self.events += more.events;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| sent | {} |", self.sent)?;
        writeln!(
            f,
            "| uncertain (of these arrived) | {} ({}) |",
            self.uncertain, self.arrived
        )?;
        writeln!(f, "| deliveries | {} |", self.delivered)?;
        writeln!(f, "| delivered twice | 0 |\n| lost | 0 |\n| stuck | 0 |")?;
        writeln!(f, "| attempts | {} |", self.attempts)?;
        writeln!(f, "| events, all chains verified | {} |", self.events)
    }
}

/// Checks everything. `approved` is what was there to deliver; `killed` names the killed workers.
pub fn all<P: Place>(
    scene: &Scene<P>,
    workspaces: &[Workspace],
    approved: &[Message],
    sink: &Sink,
    killed: &[String],
    restarts: usize,
) -> Figures {
    all_but(&[], scene, workspaces, approved, sink, killed, restarts)
}

/// As [`all`]; these messages were cancelled before they could leave, and are not among the approved.
pub fn all_but<P: Place>(
    cancelled: &[MessageId],
    scene: &Scene<P>,
    workspaces: &[Workspace],
    approved: &[Message],
    sink: &Sink,
    killed: &[String],
    restarts: usize,
) -> Figures {
    let attempts = scene.rows();
    let reasons = given_up_for(scene);
    bounded_doubt(&attempts, killed, restarts, reasons);
    let arrived = arrived_once(sink, approved, &attempts);
    let mut messages: Vec<_> = workspaces.iter().flat_map(|w| scene.messages(w)).collect();
    messages.retain(|message| {
        let cancelled = cancelled.contains(&message.id);
        assert_eq!(cancelled, message.status == Status::Cancelled);
        !cancelled
    });
    assert_eq!(messages.len(), approved.len());
    let mut figures = Figures {
        sent: 0,
        uncertain: 0,
        arrived: 0,
        delivered: arrived.len(),
        attempts: attempts.len(),
        events: 0,
    };
    for message in &messages {
        let delivery = arrived.get(&message.id).map(String::as_str);
        match message.status {
            Status::Sent => {
                figures.sent += 1;
                // Through the attempt that the receiving side saw, and recorded so.
                assert_eq!(delivery, Some("accepted"), "{} is sent", message.id);
            }
            Status::Uncertain => {
                figures.uncertain += 1;
                figures.arrived += usize::from(delivery.is_some());
                assert_ne!(delivery, Some("accepted"), "{} is in doubt", message.id);
            }
            other => panic!("{} is {}", message.id, other.as_str()),
        }
    }
    for workspace in workspaces {
        figures.events += history_holds(scene, workspace);
    }
    figures
}

/// Why attempts of the dead are given up.
fn given_up_for<P: Place>(scene: &Scene<P>) -> &'static [&'static str] {
    if scene.has_one_dispatcher() {
        // The next one knows at once that the last is dead.
        &["worker_died", "lease_expired"]
    } else {
        &["lease_expired"]
    }
}

/// Every attempt has ended, and no worker leaves more in doubt than what it had under way when it died
/// or lost the server.
fn bounded_doubt(attempts: &[Row], killed: &[String], restarts: usize, reasons: &[&str]) {
    let mut doubts: BTreeMap<&str, usize> = BTreeMap::new();
    for attempt in attempts {
        let outcome = attempt.outcome.as_deref();
        assert!(outcome.is_some(), "open for ever: {attempt:?}");
        if outcome == Some("unknown") {
            let reason = attempt.reason.as_deref().unwrap();
            assert!(reasons.contains(&reason), "{attempt:?}");
            *doubts.entry(&attempt.worker).or_default() += 1;
        }
    }
    for (worker, doubt) in doubts {
        let blows = restarts + usize::from(killed.iter().any(|name| name == worker));
        assert!(doubt <= blows * PLACES, "{worker} left {doubt} in doubt");
    }
}

/// After an attempt of which nobody knows whether or how it ended there is none.
///
/// # Panics
/// There is.
pub fn no_second_attempt(attempts: &[Row]) {
    let mut doubted = BTreeSet::new();
    for attempt in attempts {
        assert!(
            !doubted.contains(&attempt.message),
            "begun again: {attempt:?}"
        );
        if matches!(attempt.outcome.as_deref(), None | Some("unknown")) {
            doubted.insert(attempt.message);
        }
    }
}

/// Nothing arrived twice, unapproved or without an attempt. Answers how the attempt of each message that
/// arrived ended.
pub fn arrived_once(
    sink: &Sink,
    approved: &[Message],
    attempts: &[Row],
) -> BTreeMap<MessageId, String> {
    let approved: BTreeMap<_, _> = approved.iter().map(|row| (row.id, row)).collect();
    let attempts: BTreeMap<_, _> = attempts.iter().map(|row| (row.id, row)).collect();
    let mut arrived = BTreeMap::new();
    for delivery in sink.deliveries() {
        let id = delivery.message_id;
        let wanted = approved[&id];
        assert_eq!(
            (&delivery.recipient, &delivery.content, delivery.digest),
            (&wanted.recipient, &wanted.revision.content, wanted.digest),
            "{id} is not what was approved"
        );
        let attempt = attempts
            .get(&delivery.attempt_id.0)
            .unwrap_or_else(|| panic!("{id} left without an attempt"));
        assert_eq!(attempt.message, id.0);
        assert_eq!(attempt.digest, delivery.digest.0);
        let twice = arrived.insert(id, attempt.outcome.clone().unwrap());
        assert_eq!(twice, None, "{id} arrived twice");
    }
    arrived
}

/// The chain verifies to its end, the counters equal a recount, and the history alone leads to each
/// message's row. Returns how many events there are.
pub fn history_holds<P: Place>(scene: &Scene<P>, workspace: &Workspace) -> usize {
    let session = scene.session(workspace);
    let events = scene.runtime.block_on(async {
        assert_eq!(session.analytics().recount().await.unwrap(), []);
        let unsealed = scene.engine.store().seal(workspace, 1_000).await;
        assert_eq!(unsealed.unwrap(), 0, "workers that end seal all they did");
        assert!(session.audit().verify(None).await.unwrap().valid);
        let mut events: Vec<AuditEvent> = Vec::new();
        let mut after = 0;
        loop {
            let query = EventQuery {
                subject: None,
                sealed_after: Some(after),
                limit: 10_000,
            };
            let page = session.audit().events(query).await.unwrap();
            let Some(last) = page.last() else {
                return events;
            };
            after = last.seal.unwrap().position;
            events.extend(page.into_iter().map(|stored| stored.event));
        }
    });
    let actions: BTreeSet<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert!(!actions.contains("duplicate_detected"));
    let mut by_message: BTreeMap<Uuid, Vec<&AuditEvent>> = BTreeMap::new();
    for event in events.iter().filter(|e| e.subject == Subject::Message) {
        by_message.entry(event.subject_id).or_default().push(event);
    }
    for message in scene.messages(workspace) {
        let told = by_message[&message.id.0].iter().copied();
        let state = replay(told).unwrap().unwrap();
        assert_eq!(
            (state.status, state.version),
            (message.status, message.version)
        );
    }
    events.len()
}
