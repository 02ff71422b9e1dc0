//! Every status x event x role, against a matrix written by hand from the specification.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crm_core::message::lifecycle::{Event, Status, TRANSITIONS, allowed_actions, apply};
use crm_core::{ErrorKind, Role};

/// `from event to who`: `p` people, `a` admins, `w` worker, `b` people and worker. Written independently of the code's table.
const EXPECTED: &str = "
draft submit pending_approval b
draft edit draft b
draft reschedule draft p
draft invalidate draft b
draft approve approved p
draft reject rejected p
draft cancel cancelled b
draft expire expired w
pending_approval edit pending_approval b
pending_approval reschedule pending_approval p
pending_approval invalidate pending_approval b
pending_approval approve approved p
pending_approval reject rejected p
pending_approval cancel cancelled b
pending_approval expire expired w
approved edit pending_approval p
approved reschedule pending_approval p
approved invalidate pending_approval b
approved reject rejected p
approved claim claimed w
approved cancel cancelled b
approved expire expired w
approved suspect uncertain a
claimed begin sending w
claimed invalidate pending_approval w
claimed postpone approved w
claimed release approved w
claimed cancel cancelled w
claimed expire expired w
claimed suspect uncertain a
sending accept sent w
sending refuse failed w
sending defer approved w
sending doubt uncertain w
uncertain repeat sending w
uncertain confirm_sent sent w
uncertain confirm_failed failed w
uncertain resolve_sent sent p
uncertain resolve_resend approved p
uncertain resolve_failed failed p
sent deliver delivered w
sent bounce failed w
failed retry approved p
failed deliver delivered w
rejected edit pending_approval p
";

fn expected(from: Status, event: Event) -> Option<(Status, char)> {
    EXPECTED.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [f, e, to, who] = words[..] else {
            return None;
        };
        (f == from.as_str() && e == event.as_str())
            .then(|| (Status::parse(to).unwrap(), who.chars().next().unwrap()))
    })
}

#[test]
fn every_status_event_and_role_is_decided_as_specified() {
    let mut cells = 0;
    for from in Status::ALL {
        for event in Event::ALL {
            for role in Role::ALL {
                cells += 1;
                let got = apply(from, event, role);
                let allowed = |who: char| match role {
                    Role::Viewer => false,
                    Role::Manager => matches!(who, 'p' | 'b'),
                    Role::Admin => who != 'w',
                    Role::System => matches!(who, 'w' | 'b'),
                };
                // Whoever never causes it is forbidden to; who does elsewhere learns that it is not the time.
                let ever = Status::ALL
                    .into_iter()
                    .filter_map(|status| expected(status, event))
                    .any(|(_, who)| allowed(who));
                match expected(from, event) {
                    Some((to, who)) if allowed(who) => assert_eq!(got, Ok(to)),
                    _ if ever => assert_eq!(got.unwrap_err().kind(), ErrorKind::NotAllowed),
                    _ => assert_eq!(got.unwrap_err().kind(), ErrorKind::Forbidden),
                }
            }
        }
    }
    assert_eq!(cells, 12 * 26 * 4);
    assert_eq!(
        TRANSITIONS.len(),
        EXPECTED.lines().filter(|line| !line.is_empty()).count()
    );
}

#[test]
fn a_status_and_event_stand_in_the_table_once() {
    for (index, row) in TRANSITIONS.iter().enumerate() {
        let same = |other: &&crm_core::message::lifecycle::Transition| {
            other.from == row.from && other.event == row.event
        };
        assert!(
            TRANSITIONS[index + 1..].iter().find(same).is_none(),
            "{row:?}"
        );
    }
}

#[test]
fn allowed_actions_are_those_that_apply_accepts() {
    for from in Status::ALL {
        for role in Role::ALL {
            let listed = allowed_actions(from, role);
            for event in Event::ALL {
                let action = !matches!(event, Event::Invalidate | Event::Suspect);
                assert_eq!(
                    listed.contains(&event),
                    action && apply(from, event, role).is_ok()
                );
            }
        }
    }
}

#[test]
fn what_was_sent_cannot_be_edited_rejected_or_called_off() {
    for from in [
        Status::Sending,
        Status::Sent,
        Status::Delivered,
        Status::Uncertain,
    ] {
        for event in [
            Event::Edit,
            Event::Reject,
            Event::Cancel,
            Event::Approve,
            Event::Reschedule,
        ] {
            for role in Role::ALL {
                assert!(apply(from, event, role).is_err());
            }
        }
    }
}

#[test]
fn nothing_in_doubt_returns_to_the_queue_without_a_person() {
    for row in TRANSITIONS.iter().filter(|row| row.to == Status::Approved) {
        if row.from == Status::Uncertain || row.from == Status::Failed {
            assert!(!row.who.includes(Role::System), "{row:?}");
        }
    }
}

#[test]
fn names_are_unique_and_read_back() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.as_str()), Some(status));
    }
    for event in Event::ALL {
        assert_eq!(Event::from_past(event.past()), Some(event));
    }
}
