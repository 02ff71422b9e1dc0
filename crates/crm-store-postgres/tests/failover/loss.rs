//! What must be true in the end although the database forgot some of what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crm_core::Workspace;
use crm_core::message::{Message, Status};

use crate::proof;
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
        writeln!(f, "| events, all chains verified | {} |", self.events)
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
        figures.events += proof::history_holds(scene, workspace).len();
    }
    figures
}
