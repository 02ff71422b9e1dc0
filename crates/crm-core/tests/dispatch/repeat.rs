//! Sending again what is in doubt, under one key.

use crm_core::change::Change;
use crm_core::message::dispatch::RetryPolicy;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Approved, Attempt, AttemptOutcome, Message, decide};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::{Actor, Role};

use super::*;

const POLICY: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    base: Duration::minutes(1),
    cap: Duration::hours(1),
};

fn unknown() -> Outcome {
    Outcome::Unknown {
        reason: "timeout".to_owned(),
    }
}

fn record(message: &Message, attempt: &Attempt, outcome: &Outcome) -> (Message, ChangeSet) {
    as_worker(|stamp| dispatch::record(message, attempt, outcome, POLICY, stamp).unwrap())
}

fn ended(set: &ChangeSet) -> Attempt {
    let mut finished = set.changes().iter().filter_map(|change| match change {
        Change::FinishAttempt(attempt) => Some(attempt.clone()),
        _ => None,
    });
    finished.next().unwrap()
}

/// A message in doubt after its first attempt, with what was sent.
fn doubt() -> (DispatchView, Approved) {
    let begun = begin(&view()).unwrap();
    let (approved, attempt) = begun.delivery.unwrap();
    let (message, set) = record(&begun.message, &attempt, &unknown());
    assert_eq!(message.status, Status::Uncertain);
    let view = DispatchView {
        message,
        attempt: Some(ended(&set)),
        ..view()
    };
    (view, approved)
}

fn at(minutes: i64) -> DateTime<Utc> {
    now() + Duration::minutes(minutes)
}

fn repeat_at(view: &DispatchView, keyed: bool, at: DateTime<Utc>) -> Option<Begun> {
    let (actor, ids) = (system(), SequentialIds::starting_at(6_000));
    let stamp = Stamp {
        actor: &actor,
        at,
        ids: &ids,
    };
    dispatch::repeat(view, keyed, POLICY, DESK, &stamp).unwrap()
}

#[test]
fn a_doubt_is_sent_again_under_its_key_where_there_is_one() {
    let (view, first) = doubt();
    assert!(
        repeat_at(&view, false, at(60)).is_none(),
        "without a key never"
    );
    assert!(repeat_at(&view, true, now()).is_none(), "not at once");
    let begun = repeat_at(&view, true, at(1)).unwrap();
    let (second, attempt) = begun.delivery.unwrap();
    assert_eq!(begun.message.status, Status::Sending);
    assert_eq!(
        (attempt.number, attempt.epoch, attempt.repeats),
        (2, 2, true)
    );
    assert_eq!(begun.message.lease_owner.as_deref(), Some("worker-1"));
    assert_eq!(begun.message.lease_until, Some(at(3)));
    assert_eq!(second.key(), first.key());
    assert_ne!(second.attempt_id(), first.attempt_id());
    assert_eq!(action(&begun.changes), ("repeated", None));
}

/// What is said of a repeat does not prove that the attempt before was not taken: only its acceptance helps.
#[test]
fn only_an_accepted_repeat_ends_the_doubt() {
    let retry = |scope| Outcome::RetryAfter {
        scope,
        at_least: std::time::Duration::from_secs(7_200),
        reason: "busy".to_owned(),
    };
    let reason = || "x".to_owned();
    let answers = [
        (
            Outcome::Accepted {
                provider_id: reason(),
            },
            Status::Sent,
            2,
            None,
        ),
        (
            Outcome::Rejected { reason: reason() },
            Status::Uncertain,
            2,
            None,
        ),
        (
            Outcome::Dead { reason: reason() },
            Status::Uncertain,
            2,
            None,
        ),
        (unknown(), Status::Uncertain, 2, Some(at(2))),
        (
            retry(RetryScope::Message),
            Status::Uncertain,
            2,
            Some(at(120)),
        ),
        (
            retry(RetryScope::Channel),
            Status::Uncertain,
            1,
            Some(at(120)),
        ),
        (
            Outcome::Stop { reason: reason() },
            Status::Uncertain,
            1,
            Some(at(2)),
        ),
    ];
    for (answer, status, attempts, again) in answers {
        let (view, _) = doubt();
        let begun = repeat_at(&view, true, at(1)).unwrap();
        let (_, attempt) = begun.delivery.unwrap();
        let (message, set) = record(&begun.message, &attempt, &answer);
        assert_eq!(
            (message.status, message.attempts),
            (status, attempts),
            "{answer:?}"
        );
        let view = DispatchView {
            message,
            attempt: Some(ended(&set)),
            ..view
        };
        match again {
            None => assert!(
                repeat_at(&view, true, at(10_000 / 60)).is_none(),
                "{answer:?}"
            ),
            Some(from) => {
                let early = from - Duration::minutes(2) - Duration::microseconds(1);
                assert!(
                    repeat_at(&view, true, early.max(now())).is_none(),
                    "{answer:?}"
                );
                assert!(repeat_at(&view, true, from).is_some(), "{answer:?}");
            }
        }
    }
}

#[test]
fn attempts_and_time_run_out_and_the_doubt_stays() {
    let (mut view, _) = doubt();
    let mut begun = 0;
    for minute in 0..10_000 {
        let Some(next) = repeat_at(&view, true, at(minute)) else {
            continue;
        };
        begun += 1;
        let (_, attempt) = next.delivery.unwrap();
        let (message, set) = record(&next.message, &attempt, &unknown());
        view.message = message;
        view.attempt = Some(ended(&set));
    }
    assert_eq!((begun, view.message.attempts), (2, 3));
    assert_eq!(view.message.status, Status::Uncertain);
    let (mut late, _) = doubt();
    late.message.queued_at = Some(at(1) - Duration::days(3));
    assert!(repeat_at(&late, true, at(1)).is_none(), "too late");
}

/// No last check is passed over, and what is not begun stays as it is.
#[test]
fn the_last_checks_hold_for_repeats_too() {
    let breaks: [fn(&mut DispatchView); 5] = [
        |v| v.suppressed = true,
        |v| v.contact.erased = true,
        |v| v.contact.fields.email = Some("new@example.org".to_owned()),
        |v| v.approval = None,
        |v| v.message.expires_at = Some(now()),
    ];
    for broken in breaks {
        let (mut view, _) = doubt();
        broken(&mut view);
        assert!(repeat_at(&view, true, at(5)).is_none());
    }
    let (mut paused, _) = doubt();
    let mut campaign = fixtures::campaign(1);
    campaign.status = crm_core::campaign::CampaignStatus::Paused;
    paused.campaign = Some(campaign);
    assert!(repeat_at(&paused, true, at(5)).is_none());
}

#[test]
fn a_person_who_sends_again_makes_a_new_key() {
    let (view, first) = doubt();
    let actor = Actor::new(Workspace::default(), "olga", Role::Manager);
    let ids = SequentialIds::starting_at(9_000);
    let stamp = Stamp {
        actor: &actor,
        at: now(),
        ids: &ids,
    };
    let (queued, _) = decide::close(&view.message, Event::ResolveResend, None, &stamp).unwrap();
    let claimed = Message {
        status: Status::Claimed,
        epoch: queued.epoch + 1,
        lease_owner: Some("worker-1".to_owned()),
        lease_until: Some(at(2)),
        ..queued.clone()
    };
    let view = DispatchView {
        message: claimed,
        ..view
    };
    let begun = begin(&view).unwrap();
    let (second, attempt) = begun.delivery.unwrap();
    assert_ne!(second.key(), first.key());
    assert!(!attempt.repeats);
    // What is queued by a person is not what the doubt was about, nor is what a restore put in doubt.
    for status in [Status::Approved, Status::Uncertain] {
        let message = Message {
            status,
            ..queued.clone()
        };
        let view = DispatchView {
            message,
            ..view.clone()
        };
        assert!(repeat_at(&view, true, at(60)).is_none());
    }
}

/// A key is for one text to one address.
#[test]
fn another_text_has_another_key() {
    let one = fixtures::approved(1, "email", "a@b.example", None, "text").unwrap();
    let again = fixtures::approved_again(1, "email", "a@b.example", None, "text").unwrap();
    assert_eq!(one.key(), again.key());
    for other in [
        fixtures::approved(2, "email", "a@b.example", None, "text"),
        fixtures::approved(1, "email", "c@b.example", None, "text"),
        fixtures::approved(1, "email", "a@b.example", None, "texts"),
    ] {
        assert_ne!(one.key(), other.unwrap().key());
    }
}

/// The first attempt's answer comes when it is repeated already: taken is taken, and it is no duplicate.
#[test]
fn a_late_answer_of_what_was_repeated_counts_if_it_is_good() {
    let taken = Outcome::Accepted {
        provider_id: "p-1".to_owned(),
    };
    let refused = Outcome::Rejected {
        reason: "no".to_owned(),
    };
    let (view, _) = doubt();
    let first = view.attempt.clone().unwrap();
    let begun = repeat_at(&view, true, at(1)).unwrap();
    let (_, attempt) = begun.delivery.unwrap();
    let (sent, _) = record(&begun.message, &first, &taken);
    assert_eq!(
        (sent.status, sent.provider_id.as_deref()),
        (Status::Sent, Some("p-1"))
    );
    let (message, set) = record(&begun.message, &first, &refused);
    assert_eq!(message.status, Status::Sending);
    assert_eq!(action(&set).0, "refused_late");
    let (doubted, _) = record(&begun.message, &attempt, &unknown());
    assert_eq!(record(&doubted, &first, &taken).0.status, Status::Sent);
    // The repeat's own answer comes after that: it ends its attempt, and nothing else.
    let (message, set) = record(&sent, &attempt, &taken);
    assert_eq!(message, sent);
    assert_eq!(ended(&set).outcome, Some(AttemptOutcome::Accepted));
    assert_eq!(action(&set).0, "accepted_late");
}
