//! Each outcome of an attempt, the sweep, and what becomes of an answer that comes too late.

use crm_core::change::{Change, ChangeSet};
use crm_core::message::dispatch::RetryPolicy;
use crm_core::message::{Attempt, AttemptOutcome, Message};
use crm_core::port::channel::{Outcome, RetryScope};

use super::*;

fn sending() -> (Message, Attempt) {
    let begun = begin(&view()).unwrap();
    (begun.message, begun.delivery.unwrap().1)
}

fn accepted() -> Outcome {
    Outcome::Accepted {
        provider_id: "provider-7".to_owned(),
    }
}

fn retry(at_least: u64) -> Outcome {
    Outcome::RetryAfter {
        scope: RetryScope::Message,
        at_least: std::time::Duration::from_secs(at_least),
        reason: "busy".to_owned(),
    }
}

fn channel_retry() -> Outcome {
    Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: std::time::Duration::ZERO,
        reason: "busy".to_owned(),
    }
}

fn coded(make: fn(String) -> Outcome) -> Outcome {
    make("code".to_owned())
}

fn record(message: &Message, attempt: &Attempt, outcome: &Outcome) -> (Message, ChangeSet) {
    as_worker(|stamp| {
        dispatch::record(message, attempt, outcome, RetryPolicy::default(), stamp).unwrap()
    })
}

fn finished(set: &ChangeSet) -> Option<&Attempt> {
    set.changes().iter().find_map(|change| match change {
        Change::FinishAttempt(attempt) => Some(attempt),
        _ => None,
    })
}

#[test]
fn each_outcome_moves_a_sending_message_once() {
    let (message, attempt) = sending();
    let last = Attempt {
        number: 5,
        ..attempt.clone()
    };
    let cases = [
        (accepted(), &attempt, Status::Sent),
        (
            coded(|reason| Outcome::Dead { reason }),
            &attempt,
            Status::Failed,
        ),
        (
            coded(|reason| Outcome::Rejected { reason }),
            &attempt,
            Status::Failed,
        ),
        (
            coded(|reason| Outcome::Unknown { reason }),
            &attempt,
            Status::Uncertain,
        ),
        (
            coded(|reason| Outcome::Stop { reason }),
            &attempt,
            Status::Approved,
        ),
        (
            coded(|reason| Outcome::Stop { reason }),
            &last,
            Status::Approved,
        ),
        (retry(0), &attempt, Status::Approved),
        (retry(0), &last, Status::Failed),
        (channel_retry(), &last, Status::Approved),
    ];
    for (outcome, attempt, status) in cases {
        let (after, set) = record(&message, attempt, &outcome);
        assert_eq!(after.status, status, "{outcome:?}");
        // What the whole channel refused used up nothing.
        let spared = matches!(outcome, Outcome::Stop { .. }) || outcome == channel_retry();
        assert_eq!(after.attempts, message.attempts - u32::from(spared));
        let finished = finished(&set).unwrap();
        assert_eq!(finished.outcome, Some(outcome.kind()));
        assert_eq!(finished.finished_at, Some(now()));
        assert_eq!(finished.reason.as_deref(), outcome.reason());
        let accepted = status == Status::Sent;
        assert_eq!(
            after.provider_id.as_deref(),
            accepted.then_some("provider-7")
        );
        assert_eq!(finished.provider_id, after.provider_id);
        assert_eq!(after.sent_at, accepted.then_some(now()));
        assert_eq!(after.failure.as_deref(), outcome.reason());
        let suppressed = set.changes().iter();
        let suppressed = suppressed
            .filter(|change| matches!(change, Change::InsertSuppression(s) if s.reason == "dead"));
        assert_eq!(
            suppressed.count(),
            usize::from(matches!(outcome, Outcome::Dead { .. }))
        );
    }
}

#[test]
fn a_refusal_for_now_waits_at_least_as_long_as_it_asked() {
    let (message, attempt) = sending();
    let (after, _) = record(&message, &attempt, &retry(7_200));
    assert_eq!(after.not_before, now() + Duration::hours(2));
    let (after, _) = record(&message, &attempt, &retry(0));
    let wait = after.not_before - now();
    assert!(wait >= Duration::seconds(30) && wait <= Duration::minutes(1));
    for number in 1..40 {
        let attempt = Attempt {
            number,
            ..attempt.clone()
        };
        let wait = RetryPolicy::default().wait(&attempt, std::time::Duration::ZERO);
        assert!(wait >= Duration::seconds(30) && wait <= Duration::hours(1));
        assert!(number < 8 || wait >= Duration::minutes(30), "{number}");
    }
}

#[test]
fn an_attempt_behind_one_that_was_spared_is_another_one() {
    // The channel refused everything; the next attempt has the same number, and it was sent.
    let (message, first) = sending();
    let (after, _) = record(&message, &first, &coded(|reason| Outcome::Stop { reason }));
    let mut sent = Message {
        epoch: after.epoch + 1,
        attempts: first.number,
        status: Status::Sent,
        ..after
    };
    for status in [
        Status::Sent,
        Status::Delivered,
        Status::Failed,
        Status::Uncertain,
        Status::Approved,
    ] {
        sent.status = status;
        let (same, set) = record(&sent, &first, &accepted());
        assert_eq!(same, sent);
        assert_eq!(action(&set).0, "duplicate_detected", "{status:?}");
    }
    // It was called off before another attempt.
    sent.status = Status::Cancelled;
    sent.attempts = 0;
    let (_, set) = record(&sent, &first, &accepted());
    assert_eq!(action(&set).0, "accepted_late");
}

/// Given up by the sweep while the provider still had it.
fn swept() -> (Message, Attempt) {
    let (message, attempt) = sending();
    let (after, set) = as_worker(|stamp| {
        dispatch::take_back(&message, Some(&attempt), "lease_expired", stamp).unwrap()
    });
    let closed = finished(&set).unwrap().clone();
    assert_eq!(closed.outcome, Some(AttemptOutcome::Unknown));
    assert_eq!(after.status, Status::Uncertain);
    assert_eq!(after.failure.as_deref(), Some("lease_expired"));
    (after, closed)
}

#[test]
fn the_sweep_queues_what_was_only_claimed_and_doubts_what_was_begun() {
    swept();
    let claimed = view().message;
    let (after, set) =
        as_worker(|stamp| dispatch::take_back(&claimed, None, "lease_expired", stamp).unwrap());
    assert_eq!((after.status, after.lease_until), (Status::Approved, None));
    assert!(finished(&set).is_none());
    assert_eq!(action(&set), ("released", Some("lease_expired")));
    let approved = fixtures::approved_message(1);
    assert!(as_worker(|stamp| dispatch::take_back(&approved, None, "x", stamp)).is_err());
}

#[test]
fn a_late_answer_resolves_the_doubt() {
    let (message, attempt) = swept();
    let (after, set) = record(&message, &attempt, &accepted());
    assert_eq!(after.status, Status::Sent);
    assert_eq!(after.provider_id.as_deref(), Some("provider-7"));
    assert_eq!((after.sent_at, after.failure), (Some(now()), None));
    assert!(finished(&set).is_none(), "the sweep closed the attempt");
    for outcome in [
        coded(|reason| Outcome::Rejected { reason }),
        coded(|reason| Outcome::Stop { reason }),
        retry(0),
    ] {
        let (after, _) = record(&message, &attempt, &outcome);
        assert_eq!(after.status, Status::Failed, "{outcome:?}");
        assert_eq!(after.failure.as_deref(), outcome.reason());
    }
}

/// The store went back to the state in which the message was claimed: the attempt is in nobody's table.
#[test]
fn the_answer_to_an_attempt_that_the_store_forgot_is_kept() {
    let (sending, attempt) = sending();
    let forgotten = |message: &Message| {
        let policy = RetryPolicy::default();
        as_worker(|stamp| {
            dispatch::record_forgotten(message, &attempt, &accepted(), policy, stamp).unwrap()
        })
    };
    let written = |set: &ChangeSet| {
        let mut rows = set.changes().iter();
        rows.any(|change| {
            matches!(change, Change::InsertAttempt(row)
                if row.id == attempt.id && row.outcome == Some(AttemptOutcome::Accepted))
        })
    };
    let claimed = view().message;
    assert_eq!(claimed.epoch, attempt.epoch);
    let (after, set) = forgotten(&claimed);
    assert_eq!(after.status, Status::Claimed);
    assert!(written(&set) && finished(&set).is_none());
    assert_eq!(
        action(&set),
        ("duplicate_detected", Some("attempt 1: provider-7"))
    );
    // An operator was faster: it is in doubt, and this settles it.
    let suspected = Message {
        status: Status::Uncertain,
        ..sending
    };
    let (after, set) = forgotten(&suspected);
    assert_eq!(after.status, Status::Sent);
    assert!(written(&set));
    assert_eq!(action(&set).0, "confirmed_sent");
}

#[test]
fn an_outcome_that_is_recorded_already_is_not_recorded_twice() {
    let (message, attempt) = sending();
    for outcome in [accepted(), coded(|reason| Outcome::Dead { reason })] {
        let (after, set) = record(&message, &attempt, &outcome);
        let closed = finished(&set).unwrap().clone();
        let (same, set) = record(&after, &closed, &outcome);
        assert_eq!(same, after);
        assert!(set.changes().is_empty() && set.events().is_empty());
    }
    let (message, attempt) = swept();
    let unknown = coded(|reason| Outcome::Unknown { reason });
    let (same, set) = record(&message, &attempt, &unknown);
    assert!(same == message && set.changes().is_empty() && set.events().is_empty());
}

#[test]
fn the_answer_to_a_superseded_attempt_changes_nothing_and_is_kept() {
    let (first, attempt) = swept();
    // A person had it sent again: a newer claim, perhaps a newer attempt.
    let newer = |status, epoch, attempts| Message {
        status,
        epoch,
        attempts,
        version: first.version + 3,
        ..first.clone()
    };
    // The worker that was frozen still holds its own, open copy.
    let open = sending().1;
    let refused = coded(|reason| Outcome::Rejected { reason });
    let cases = [
        (
            newer(Status::Sending, 2, 2),
            accepted(),
            "duplicate_detected",
        ),
        (newer(Status::Sent, 2, 2), accepted(), "duplicate_detected"),
        (
            newer(Status::Uncertain, 2, 2),
            accepted(),
            "duplicate_detected",
        ),
        (
            newer(Status::Claimed, 2, 1),
            accepted(),
            "duplicate_detected",
        ),
        (
            newer(Status::Approved, 1, 1),
            accepted(),
            "duplicate_detected",
        ),
        (newer(Status::Cancelled, 1, 1), accepted(), "accepted_late"),
        (newer(Status::Failed, 1, 1), accepted(), "accepted_late"),
        (newer(Status::Sent, 2, 2), refused.clone(), "refused_late"),
        (newer(Status::Approved, 1, 1), refused, "refused_late"),
    ];
    for (message, outcome, what) in cases {
        let copy = if message.epoch > 1 { &open } else { &attempt };
        let (after, set) = record(&message, copy, &outcome);
        assert_eq!(after, message, "a stale epoch moves nothing");
        assert!(set.changes().is_empty(), "{:?}", set.changes());
        let [event] = set.events() else {
            panic!("{:?}", set.events())
        };
        assert_eq!(event.action, what, "{:?}", message.status);
        assert_eq!(
            (event.status, event.version),
            (Some(message.status), message.version)
        );
        let detail = outcome.reason().unwrap_or("provider-7");
        assert_eq!(
            event.reason.as_deref(),
            Some(&*format!("attempt 1: {detail}"))
        );
    }
    let unknown = coded(|reason| Outcome::Unknown { reason });
    let (_, set) = record(&newer(Status::Sent, 2, 2), &open, &unknown);
    assert!(set.events().is_empty(), "it tells nothing new");
    let dead = coded(|reason| Outcome::Dead { reason });
    let (_, set) = record(&newer(Status::Sending, 2, 2), &open, &dead);
    assert!(
        matches!(set.changes(), [Change::InsertSuppression(_)]),
        "a dead address stays known"
    );
}

#[test]
fn a_providers_endless_id_does_not_fill_the_history() {
    let (_, set) = {
        let (message, attempt) = swept();
        let message = Message {
            status: Status::Failed,
            ..message
        };
        let provider_id = "ы".repeat(100_000);
        record(&message, &attempt, &Outcome::Accepted { provider_id })
    };
    assert_eq!(
        set.events()[0].reason.as_ref().unwrap().chars().count(),
        211
    );
}
