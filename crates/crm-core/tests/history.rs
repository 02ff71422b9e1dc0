//! Any edit, removal, swap or truncation of sealed events is found, with its position.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crm_core::message::Digest;
use crm_core::message::history::{AuditEvent, Checkpoint, Seal, Subject, Verifier, seal, verify};
use crm_core::testing::fixtures;
use proptest::prelude::*;

fn chain(length: u64) -> (Vec<(AuditEvent, Seal)>, Checkpoint) {
    let events: Vec<AuditEvent> = (1..=length)
        .map(|n| fixtures::event(n, Subject::Message, n % 7))
        .collect();
    // Sealed in two batches, as a worker would.
    let (first, rest) = events.split_at(events.len() / 3);
    let (mut seals, head) = seal(Checkpoint::default(), first);
    let (more, head) = seal(head, rest);
    seals.extend(more);
    (events.into_iter().zip(seals).collect(), head)
}

proptest! {
    #[test]
    fn an_untouched_chain_verifies(length in 0_u64..60) {
        let (events, head) = chain(length);
        prop_assert_eq!(verify(&events, head), None);
        prop_assert_eq!(head.position, length);
    }

    #[test]
    fn a_changed_event_is_found_at_its_position(length in 1_u64..60, pick: prop::sample::Index, field in 0..9) {
        let (mut events, head) = chain(length);
        let at = pick.index(events.len());
        let event = &mut events[at].0;
        match field {
            0 => event.actor.push('x'),
            1 => event.action.push('x'),
            2 => event.version += 1,
            3 => event.reason = Some("other".to_owned()),
            4 => event.at += chrono::Duration::microseconds(1),
            5 => event.role = if event.role == crm_core::Role::Admin { crm_core::Role::Viewer } else { crm_core::Role::Admin },
            6 => event.digest = Some(crm_core::message::Digest([9; 32])),
            7 => event.subject = Subject::Campaign,
            _ => event.revision = Some(event.revision.unwrap_or(0) + 1),
        }
        prop_assert_eq!(verify(&events, head), Some(at as u64 + 1));
    }

    #[test]
    fn a_dropped_event_is_found(length in 1_u64..60, pick: prop::sample::Index) {
        let (mut events, head) = chain(length);
        let at = pick.index(events.len());
        events.remove(at);
        prop_assert_eq!(verify(&events, head), Some(at as u64 + 1));
    }

    #[test]
    fn swapped_events_are_found(length in 2_u64..60, pick: prop::sample::Index) {
        let (mut events, head) = chain(length);
        let at = pick.index(events.len() - 1);
        events.swap(at, at + 1);
        prop_assert_eq!(verify(&events, head), Some(at as u64 + 1));
    }

    #[test]
    fn a_truncated_chain_is_found(length in 1_u64..60, cut in 1_usize..60) {
        let (mut events, head) = chain(length);
        let keep = events.len().saturating_sub(cut);
        events.truncate(keep);
        prop_assert_eq!(verify(&events, head), Some(keep as u64 + 1));
    }

    #[test]
    fn a_resealed_rewrite_is_found_by_a_checkpoint_kept_elsewhere(length in 2_u64..60, pick: prop::sample::Index) {
        let (events, kept) = chain(length);
        let mut rewritten: Vec<AuditEvent> = events.into_iter().map(|(event, _)| event).collect();
        let at = pick.index(rewritten.len());
        rewritten[at].actor.push('x');
        let (seals, head) = seal(Checkpoint::default(), &rewritten);
        let mut verifier = Verifier::default();
        for (event, seal) in rewritten.iter().zip(seals) {
            verifier.push(event, seal);
        }
        prop_assert_eq!(verifier.finish(head), None);
        prop_assert!(verifier.finish(kept).is_some());
    }
}

#[test]
fn a_changed_seal_is_found_at_its_position() {
    let changes: [fn(&mut Seal); 3] = [
        |seal| seal.position += 1,
        |seal| seal.prev_hash = crm_core::message::Digest([9; 32]),
        |seal| seal.hash = crm_core::message::Digest([9; 32]),
    ];
    for at in 0..12 {
        for change in changes {
            let (mut events, head) = chain(12);
            change(&mut events[at].1);
            assert_eq!(verify(&events, head), Some(at as u64 + 1));
        }
    }
}

/// A sealed chain whose second event has somebody's words in it, as it is stored.
fn with_words() -> (Vec<(AuditEvent, Seal)>, Checkpoint) {
    let mut events: Vec<AuditEvent> = (1..4)
        .map(|id| fixtures::event(id, Subject::Message, 1))
        .collect();
    events[1].reason = Some("she moved to Namangan".to_owned());
    events[1].reason_salt = Some([9; 16]);
    let events: Vec<AuditEvent> = events.iter().map(AuditEvent::kept).collect();
    let (seals, end) = seal(Checkpoint::default(), &events);
    (events.into_iter().zip(seals).collect(), end)
}

#[test]
fn words_can_be_erased_and_not_changed() {
    let (chain, end) = with_words();
    assert_eq!(verify(&chain, end), None);
    let with = |change: &dyn Fn(&mut AuditEvent)| {
        let mut chain = chain.clone();
        change(&mut chain[1].0);
        verify(&chain, end)
    };
    let erased = |event: &mut AuditEvent| {
        event.reason = None;
        event.reason_salt = None;
    };
    assert_eq!(with(&erased), None);
    let other = Some("she moved to Andijan".to_owned());
    assert_eq!(with(&|event| event.reason.clone_from(&other)), Some(2));
    assert_eq!(with(&|event| event.reason_salt = Some([8; 16])), Some(2));
    assert_eq!(with(&|event| event.reason_salt = None), Some(2));
    assert_eq!(with(&|event| event.reason = None), Some(2));
    assert_eq!(
        with(&|event| event.reason_digest = Some(Digest::ZERO)),
        Some(2)
    );
    // Neither can words be put where they were erased, nor the trace of them be removed.
    let forged = |event: &mut AuditEvent| {
        event.reason.clone_from(&other);
        event.reason_salt = Some([8; 16]);
    };
    assert_eq!(with(&forged), Some(2));
    let forgotten = |event: &mut AuditEvent| {
        erased(event);
        event.reason_digest = None;
    };
    assert_eq!(with(&forgotten), Some(2));
    // An event without a salt is bound by its reason itself, as ever.
    let mut plain = fixtures::event(7, Subject::Campaign, 1);
    plain.reason = Some("active".to_owned());
    let hash = plain.hash(1, Digest::ZERO);
    plain.reason = Some("paused".to_owned());
    assert_ne!(plain.hash(1, Digest::ZERO), hash);
}
