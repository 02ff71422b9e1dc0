//! A message is rebuilt from its history; a history that does not lead from step to step is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crm_core::message::history::{AuditEvent, Subject, replay};
use crm_core::message::{Digest, Status};
use crm_core::testing::fixtures;
use crm_core::{ErrorKind, Role};

fn event(version: u64, action: &str, status: Status, revision: u32) -> AuditEvent {
    AuditEvent {
        action: action.to_owned(),
        status: Some(status),
        version,
        revision: Some(revision),
        digest: Some(Digest([u8::try_from(revision).unwrap(); 32])),
        role: match action {
            "claimed" | "begun" | "uncertain" | "duplicate_detected" => Role::System,
            _ => Role::Manager,
        },
        ..fixtures::event(version, Subject::Message, 1)
    }
}

/// A life with an edit, a doubt, and a late answer.
fn life() -> Vec<AuditEvent> {
    vec![
        event(1, "created", Status::Draft, 1),
        event(2, "approved", Status::Approved, 1),
        event(3, "edited", Status::PendingApproval, 2),
        event(4, "approved", Status::Approved, 2),
        event(5, "claimed", Status::Claimed, 2),
        event(6, "begun", Status::Sending, 2),
        event(7, "uncertain", Status::Uncertain, 2),
        event(8, "resolved_resend", Status::Approved, 2),
        event(8, "duplicate_detected", Status::Approved, 2),
        event(9, "cancelled", Status::Cancelled, 2),
        event(10, "deleted", Status::Cancelled, 2),
    ]
}

#[test]
fn a_life_leads_to_its_row() {
    assert_eq!(replay([]).unwrap(), None);
    let life = life();
    for end in 1..=life.len() {
        let state = replay(&life[..end]).unwrap().unwrap();
        let last = &life[end - 1];
        assert_eq!(
            (Some(state.status), state.version),
            (last.status, last.version)
        );
        assert_eq!(
            (Some(state.revision), Some(state.digest)),
            (last.revision, last.digest)
        );
    }
}

#[test]
fn a_life_with_a_step_missing_or_doubled_is_refused() {
    // Without its last event a life is only shorter; the late answer moves nothing.
    for missing in 0..life().len() - 1 {
        let mut events = life();
        let gone = events.remove(missing);
        let fine = gone.action == "duplicate_detected";
        assert_eq!(replay(&events).is_ok(), fine, "{}", gone.action);
    }
    for doubled in 0..life().len() {
        let mut events = life();
        let again = events[doubled].clone();
        let fine = again.action == "duplicate_detected";
        events.insert(doubled, again);
        assert_eq!(replay(&events).is_ok(), fine, "{doubled}");
    }
}

/// A late answer waits for nobody: what it was decided on may be a step behind when it is written.
#[test]
fn evidence_may_tell_of_an_earlier_state_and_of_none_that_never_was() {
    let mut events = life();
    let late = events.remove(8);
    events.insert(9, late.clone());
    let end = replay(&events).unwrap().unwrap();
    assert_eq!((end.status, end.version), (Status::Cancelled, 10));
    for (version, status) in [(7, Status::Approved), (11, Status::Cancelled)] {
        events[9] = event(version, "duplicate_detected", status, 2);
        let error = replay(&events).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{version}");
    }
}

#[test]
fn an_event_that_does_not_follow_is_refused() {
    type Change = fn(&mut AuditEvent);
    let changes: [(&str, Change); 9] = [
        ("version", |e| e.version += 1),
        ("version before", |e| e.version -= 1),
        ("status", |e| e.status = Some(Status::Delivered)),
        ("no status", |e| e.status = None),
        ("no digest", |e| e.digest = None),
        ("no revision", |e| e.revision = None),
        ("revision", |e| e.revision = e.revision.map(|n| n + 2)),
        ("digest", |e| e.digest = Some(Digest([99; 32]))),
        ("action", |e| e.action = "blessed".to_owned()),
    ];
    for index in 0..life().len() {
        for (what, change) in changes {
            let mut events = life();
            // A first text and a new one have whatever digest they have.
            if what == "digest" && [0, 2].contains(&index) {
                continue;
            }
            change(&mut events[index]);
            events.truncate(index + 1);
            let error = replay(&events).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{index} {what}");
        }
    }
    let mut viewer = life();
    viewer[1].role = Role::Viewer;
    assert!(replay(&viewer).is_err());
    let born = [event(1, "created", Status::Approved, 1)];
    assert!(replay(&born).is_err());
}
