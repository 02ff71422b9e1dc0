//! What must be true in the end although the database forgot some of what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crm_core::Workspace;
use crm_core::message::history::replay;
use crm_core::message::{Message, Status};

use crate::scene::Scene;
use crate::sink::Sink;

/// How it ended.
pub(crate) struct Figures {
    sent: usize,
    uncertain: usize,
    /// Of those uncertain.
    arrived: usize,
    forgotten: usize,
    events: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| sent | {} |", self.sent)?;
        writeln!(
            f,
            "| uncertain (of these arrived) | {} ({}) |",
            self.uncertain, self.arrived
        )?;
        writeln!(
            f,
            "| deliveries that the database forgot | {} |",
            self.forgotten
        )?;
        writeln!(f, "| delivered twice | 0 |\n| lost | 0 |\n| stuck | 0 |")?;
        writeln!(
            f,
            "| events of these messages, all chains verified | {} |",
            self.events
        )
    }
}

/// Checks everything. `attempts` are those the database knows, `forgotten` those that only servers before
/// it knew.
pub(crate) fn proven(
    scene: &Scene,
    workspaces: &[Workspace],
    approved: &[Message],
    sink: &Sink,
    attempts: &BTreeSet<String>,
    forgotten: &BTreeSet<String>,
) -> Figures {
    let approved: BTreeMap<_, _> = approved.iter().map(|row| (row.id, row)).collect();
    let mut arrived = BTreeMap::new();
    for delivery in sink.deliveries() {
        let id = delivery.message_id;
        let wanted = approved[&id];
        assert_eq!(
            (&delivery.recipient, &delivery.content, delivery.digest),
            (&wanted.recipient, &wanted.revision.content, wanted.digest),
            "{id} is not what was approved"
        );
        let attempt = delivery.attempt_id.0.to_string();
        let is_known = attempts.contains(&attempt);
        assert!(
            is_known || forgotten.contains(&attempt),
            "{id} left without an attempt"
        );
        assert_eq!(arrived.insert(id, is_known), None, "{id} arrived twice");
    }
    let mut figures = Figures {
        sent: 0,
        uncertain: 0,
        arrived: 0,
        forgotten: arrived.values().filter(|is_known| !**is_known).count(),
        events: 0,
    };
    let messages: Vec<_> = workspaces.iter().flat_map(|w| scene.messages(w)).collect();
    assert_eq!(messages.len(), approved.len());
    for message in &messages {
        let delivery = arrived.get(&message.id);
        match message.status {
            Status::Sent => {
                figures.sent += 1;
                assert_eq!(delivery, Some(&true), "{} is sent", message.id);
            }
            // For people to decide: it may have arrived or not.
            Status::Uncertain => {
                figures.uncertain += 1;
                figures.arrived += usize::from(delivery.is_some());
            }
            other => panic!("{} is {}", message.id, other.as_str()),
        }
    }
    for workspace in workspaces {
        figures.events += histories_hold(scene, workspace);
    }
    figures
}

/// The chain verifies to its end, the counters equal a recount, and each message's history alone leads to
/// its row. An answer that came after the database forgot its attempt stands there as evidence. Returns how
/// many events the messages have.
fn histories_hold(scene: &Scene, workspace: &Workspace) -> usize {
    let session = scene.session(workspace);
    scene.runtime.block_on(async {
        assert_eq!(session.analytics().recount().await.unwrap(), []);
        let unsealed = scene.engine.store().seal(workspace, 1_000).await;
        assert_eq!(unsealed.unwrap(), 0, "workers that end seal all they did");
        assert!(session.audit().verify(None).await.unwrap().valid);
    });
    let mut events = 0;
    for message in scene.messages(workspace) {
        let told = scene
            .runtime
            .block_on(session.messages().history(message.id));
        let told = told.unwrap();
        let state = replay(told.iter().map(|stored| &stored.event));
        let state = state.unwrap().unwrap();
        assert_eq!(
            (state.status, state.version),
            (message.status, message.version)
        );
        events += told.len();
    }
    events
}
