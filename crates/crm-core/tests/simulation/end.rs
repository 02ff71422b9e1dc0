//! What must hold once everything is quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crm_core::message::history::{StoredEvent, Subject, replay};
use crm_core::message::{Approved, AttemptOutcome, Digest, Message, Status};
use crm_core::port::store::{EventQuery, Store as _};
use crm_core::{Actor, Role, Workspace};

use crate::people::{People, all};
use crate::provider::Ledger;

/// Judges a life that is over; its hash.
pub(crate) async fn judge(
    people: &People,
    ledger: &Ledger,
    killed: &BTreeSet<String>,
    looks_up: bool,
) -> Digest {
    let house = Workspace::default();
    let witness = &people.witness;
    let actor = Actor::new(house.clone(), "viewer", Role::Viewer);
    let viewer = people.engine.act_as(actor);
    let messages = all(&people.store).await;
    let mut told: BTreeMap<String, Vec<&Approved>> = BTreeMap::new();
    for taken in &ledger.taken {
        let id = taken.message_id().to_string();
        told.entry(id).or_default().push(taken);
    }
    for message in &messages {
        let query = EventQuery {
            subject: Some((Subject::Message, message.id.0)),
            sealed_after: None,
            limit: 10_000,
        };
        let events = people.store.events(&house, query).await.unwrap();
        let replayed = replay(events.iter().map(|stored| &stored.event));
        let same = replayed.as_ref().is_ok_and(|end| {
            let Some(end) = end else { return false };
            (end.status, end.version, end.revision, end.digest)
                == (
                    message.status,
                    message.version,
                    message.revision.number,
                    message.digest,
                )
        });
        witness.demand(same, || {
            let trace: Vec<_> = events.iter().map(|it| &it.event.action).collect();
            format!(
                "I11: {} is not its history: {replayed:?} {trace:?}",
                message.id
            )
        });
        let taken = told.get(&message.id.to_string()).map_or(&[][..], |it| it);
        about(people, message, &events, taken, looks_up).await;
    }
    answers(people, ledger, killed).await;
    let recounted = viewer.analytics().recount().await.unwrap();
    witness.demand(recounted.is_empty(), || {
        format!("the counters are wrong: {recounted:?}")
    });
    people.store.seal(&house, 100_000).await.unwrap();
    let proof = viewer.audit().verify(None).await.unwrap();
    witness.demand(proof.valid, || {
        format!("I12: the chain is broken: {proof:?}")
    });
    // The chain's end stands for all events.
    let mut text = format!("{:?} {messages:?}", proof.checkpoint);
    for taken in &ledger.taken {
        let _ = write!(text, "{} {}", taken.attempt_id(), taken.content());
    }
    Digest::of(text.as_bytes())
}

async fn about(
    people: &People,
    message: &Message,
    events: &[StoredEvent],
    taken: &[&Approved],
    looks_up: bool,
) {
    let (id, status, witness) = (message.id, message.status, &people.witness);
    let trail = people.store.trail(&message.workspace, id).await.unwrap();
    let again = witness.again(id);
    witness.demand(taken.len() <= 1 + again, || {
        format!(
            "I2: {id} left {} times, asked again {again} times",
            taken.len()
        )
    });
    let attempts: BTreeSet<_> = taken.iter().map(|taken| taken.attempt_id()).collect();
    witness.demand(attempts.len() == taken.len(), || {
        format!("I2: an attempt of {id} left twice")
    });
    for taken in taken {
        let approved = trail.approvals.iter().any(|approval| {
            approval.digest == taken.digest()
                && trail
                    .attempts
                    .iter()
                    .any(|it| it.id == taken.attempt_id() && it.started_at >= approval.decided_at)
        });
        // Clocks of people and workers differ by some seconds; the witness has looked at the order.
        let known = trail.approvals.iter().any(|it| it.digest == taken.digest());
        witness.demand(approved || known, || {
            format!("I1: {id} was not approved as it left")
        });
    }
    let stuck = [Status::Claimed, Status::Sending, Status::Approved];
    witness.demand(!stuck.contains(&status), || {
        format!("I4: {id} is stuck as {}", status.as_str())
    });
    let open = trail.attempts.iter().any(|it| it.finished_at.is_none());
    witness.demand(!open, || format!("I3: an attempt of {id} is open"));
    let did = |action: &str| events.iter().any(|stored| stored.event.action == action);
    let by_people = did("resolved_sent") || did("resolved_failed") || again > 0;
    let never = [
        Status::Draft,
        Status::PendingApproval,
        Status::Rejected,
        Status::Cancelled,
        Status::Expired,
    ];
    witness.demand(
        by_people || taken.is_empty() || !never.contains(&status),
        || format!("{id} left and is {}", status.as_str()),
    );
    let arrived = matches!(status, Status::Sent | Status::Delivered);
    witness.demand(by_people || !arrived || !taken.is_empty(), || {
        format!("I7: {id} is {} and never left", status.as_str())
    });
    // Whom one can ask knows in the end; but for what an operator put in doubt, of which nobody can tell.
    let last = trail.attempts.iter().find(|it| it.epoch == message.epoch);
    let asked = last.is_some_and(|it| it.outcome == Some(AttemptOutcome::Unknown));
    witness.demand(status != Status::Uncertain || !looks_up || !asked, || {
        let trace = events.iter().map(|it| (&it.event.action, &it.event.reason));
        let trace: Vec<_> = trace.collect();
        format!("{id} is still in doubt: {last:?} {trace:?}")
    });
}

/// I8: what a worker heard is kept, unless the worker was killed.
async fn answers(people: &People, ledger: &Ledger, killed: &BTreeSet<String>) {
    for (id, outcome) in &ledger.answered {
        let Some(attempt) = people.witness.attempt(*id) else {
            continue;
        };
        if *outcome == AttemptOutcome::Unknown || killed.contains(&attempt.worker) {
            continue;
        }
        let query = EventQuery {
            subject: Some((Subject::Message, attempt.message_id.0)),
            sealed_after: None,
            limit: 10_000,
        };
        let house = Workspace::default();
        let events = people.store.events(&house, query).await.unwrap();
        let evidence = format!("attempt {}:", attempt.number);
        let late: &[&str] = if *outcome == AttemptOutcome::Accepted {
            &["confirmed_sent", "accepted_late", "duplicate_detected"]
        } else {
            &["confirmed_failed", "refused_late"]
        };
        let told = events.iter().any(|stored| {
            let event = &stored.event;
            let reason = event.reason.as_deref().unwrap_or_default();
            late.contains(&event.action.as_str())
                && (event.action.starts_with("confirmed") || reason.starts_with(&evidence))
        });
        people
            .witness
            .demand(attempt.outcome == Some(*outcome) || told, || {
                format!(
                    "I8: {} answered {} and nobody knows: {attempt:?}",
                    attempt.message_id,
                    outcome.as_str()
                )
            });
    }
}
