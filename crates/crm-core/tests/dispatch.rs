//! The pure decisions of delivery: each check of `begin` alone, each outcome of `record`, the proof,
//! the sweep, and what becomes of an answer that comes too late.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use chrono::{DateTime, Duration, Utc};
use crm_core::campaign::CampaignStatus;
use crm_core::change::{Change, ChangeSet, Precondition};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::AddressKind;
use crm_core::message::dispatch::{self, Begun, RetryPolicy};
use crm_core::message::{Approved, Attempt, AttemptOutcome, Digest, Message, Status};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::{Claim, DispatchView};
use crm_core::stamp::Stamp;
use crm_core::testing::{SequentialIds, fixtures};
use crm_core::{Actor, ErrorKind, Role, Workspace};

fn system() -> Actor {
    Actor::system(Workspace::default())
}

/// Calls `what` as the worker, one second after noon.
fn as_worker<T>(what: impl FnOnce(&Stamp<'_>) -> T) -> T {
    let (actor, ids) = (system(), SequentialIds::starting_at(5_000));
    what(&Stamp {
        actor: &actor,
        at: now(),
        ids: &ids,
    })
}

fn now() -> DateTime<Utc> {
    fixtures::noon() + Duration::seconds(1)
}

/// A message that `worker-1` holds, ready to begin.
fn view() -> DispatchView {
    let mut message = fixtures::approved_message(1);
    message.status = Status::Claimed;
    message.version = 3;
    message.epoch = 1;
    message.lease_owner = Some("worker-1".to_owned());
    message.lease_until = Some(now() + Duration::minutes(2));
    DispatchView {
        approval: Some(fixtures::approval(&message)),
        contact: fixtures::contact(1),
        campaign: None,
        suppressed: false,
        attempt: None,
        message,
    }
}

fn begin(view: &DispatchView) -> crm_core::Result<Begun> {
    as_worker(|stamp| dispatch::begin(view, "worker-1", AddressKind::Email, stamp))
}

fn action(set: &ChangeSet) -> (&str, Option<&str>) {
    let event = set.events().last().unwrap();
    (event.action.as_str(), event.reason.as_deref())
}

#[test]
fn what_holds_is_begun_with_one_attempt_and_its_preconditions() {
    let mut view = view();
    view.campaign = Some(fixtures::campaign(1));
    let begun = begin(&view).unwrap();
    let (proof, attempt) = begun.delivery.unwrap();
    assert_eq!(begun.message.status, Status::Sending);
    assert_eq!(
        (attempt.number, attempt.epoch, attempt.digest),
        (1, 1, view.message.digest)
    );
    assert_eq!(
        (proof.attempt_id(), proof.recipient()),
        (attempt.id, "anna1@example.org")
    );
    assert_eq!(proof.content(), view.message.revision.content);
    assert_eq!(
        begun.changes.preconditions(),
        [
            Precondition::NotOnHold,
            Precondition::Contact(view.contact.id, 1),
            Precondition::NotSuppressed {
                channel: "email".to_owned(),
                address: "anna1@example.org".to_owned()
            },
            Precondition::Campaign(view.campaign.unwrap().id, 1),
        ]
    );
    let attempts = begun.changes.changes().iter();
    let attempts = attempts.filter(|change| matches!(change, Change::InsertAttempt(_)));
    assert_eq!(attempts.count(), 1);
}

#[test]
fn a_message_that_is_not_this_workers_is_left_alone() {
    let not_mine: [fn(&mut Message); 6] = [
        |m| m.status = Status::Approved,
        |m| m.status = Status::Sending,
        |m| m.lease_owner = Some("worker-2".to_owned()),
        |m| m.lease_owner = None,
        |m| m.lease_until = Some(now()),
        |m| m.lease_until = None,
    ];
    for change in not_mine {
        let mut view = view();
        change(&mut view.message);
        assert_eq!(begin(&view).unwrap_err().kind(), ErrorKind::Conflict);
    }
}

#[test]
fn each_last_check_alone_keeps_it_from_leaving() {
    let opted_out = |topic, channel: &str| Consent {
        channel: channel.to_owned(),
        topic,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: now(),
    };
    type Break = Box<dyn Fn(&mut DispatchView)>;
    let other = fixtures::message(2);
    let checks: Vec<(&str, Break, Status, &str, Option<&str>)> = vec![
        (
            "deadline",
            Box::new(|v| v.message.expires_at = Some(now())),
            Status::Expired,
            "expired",
            None,
        ),
        (
            "erased",
            Box::new(|v| v.contact.erased = true),
            Status::Cancelled,
            "cancelled",
            Some("erased"),
        ),
        (
            "suppressed",
            Box::new(|v| v.suppressed = true),
            Status::Cancelled,
            "cancelled",
            Some("suppressed"),
        ),
        (
            "consent",
            Box::new(move |v| {
                v.contact.fields.consent = vec![opted_out(Topic::Relationship, "email")];
            }),
            Status::Cancelled,
            "cancelled",
            Some("no_consent"),
        ),
        (
            "campaign cancelled",
            Box::new(|v| {
                let mut campaign = fixtures::campaign(1);
                campaign.status = CampaignStatus::Cancelled;
                v.campaign = Some(campaign);
            }),
            Status::Cancelled,
            "cancelled",
            Some("campaign_cancelled"),
        ),
        (
            "campaign paused",
            Box::new(|v| {
                let mut campaign = fixtures::campaign(1);
                campaign.status = CampaignStatus::Paused;
                v.campaign = Some(campaign);
            }),
            Status::Approved,
            "postponed",
            Some("campaign_paused"),
        ),
        (
            "no address",
            Box::new(|v| v.contact.fields.email = None),
            Status::Cancelled,
            "cancelled",
            Some("no_address"),
        ),
        (
            "another address",
            Box::new(|v| v.contact.fields.email = Some("new@example.org".to_owned())),
            Status::PendingApproval,
            "invalidated",
            Some("address_changed"),
        ),
        (
            "no approval",
            Box::new(|v| v.approval = None),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "approval of another text",
            Box::new(move |v| {
                v.approval.as_mut().unwrap().digest = other.digest;
            }),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "approval of another revision",
            Box::new(|v| v.approval.as_mut().unwrap().revision += 1),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "text changed in the table",
            Box::new(|v| v.message.revision.content.push('!')),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "stored digest changed",
            Box::new(|v| v.message.digest = Digest::ZERO),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
    ];
    for (name, change, status, what, reason) in checks {
        let mut view = view();
        change(&mut view);
        let begun = begin(&view).unwrap();
        assert!(begun.delivery.is_none(), "{name}");
        assert_eq!(begun.message.status, status, "{name}");
        assert_eq!(action(&begun.changes), (what, reason), "{name}");
        assert_eq!(begun.message.lease_owner, None, "{name}");
        if status == Status::PendingApproval {
            assert_eq!(begun.message.approved_by, None, "{name}");
            assert_eq!(begun.message.revision.number, 2, "{name}");
            assert_ne!(begun.message.digest, view.message.digest, "{name}");
        }
    }
}

#[test]
fn an_opt_out_of_marketing_does_not_stop_a_greeting() {
    let mut view = view();
    view.contact.fields.consent = vec![Consent {
        channel: "*".to_owned(),
        topic: Topic::Marketing,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: now(),
    }];
    assert!(begin(&view).unwrap().delivery.is_some());
    view.message.occasion = crm_core::message::Occasion::Promotion;
    assert!(begin(&view).unwrap().delivery.is_none());
}

#[test]
fn a_proof_needs_every_part() {
    let mut message = fixtures::approved_message(1);
    message.status = Status::Sending;
    message.epoch = 4;
    let (approval, attempt) = (fixtures::approval(&message), fixtures::attempt(&message, 9));
    assert!(Approved::prove(&message, &approval, &attempt).is_ok());
    let other = fixtures::message(2);

    for status in Status::ALL.into_iter().filter(|s| *s != Status::Sending) {
        let message = Message {
            status,
            ..message.clone()
        };
        assert!(
            Approved::prove(&message, &approval, &attempt).is_err(),
            "{status:?}"
        );
    }
    let mut wrong = Vec::new();
    for role in [Role::Viewer, Role::System] {
        let mut a = approval.clone();
        a.role = role;
        wrong.push((a, attempt.clone()));
    }
    let approvals: [fn(&mut crm_core::message::Approval, &Message); 3] = [
        |a, other| a.message_id = other.id,
        |a, _| a.revision += 1,
        |a, other| a.digest = other.digest,
    ];
    for change in approvals {
        let mut a = approval.clone();
        change(&mut a, &other);
        wrong.push((a, attempt.clone()));
    }
    let attempts: [fn(&mut Attempt, &Message); 4] = [
        |a, other| a.message_id = other.id,
        |a, _| a.epoch -= 1,
        |a, _| a.finished_at = Some(now()),
        |a, other| a.digest = other.digest,
    ];
    for change in attempts {
        let mut a = attempt.clone();
        change(&mut a, &other);
        wrong.push((approval.clone(), a));
    }
    for (approval, attempt) in wrong {
        let error = Approved::prove(&message, &approval, &attempt).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAllowed);
    }
}

#[test]
fn a_claim_takes_a_new_epoch_and_a_lease() {
    let claim = Claim {
        workspace: Workspace::default(),
        worker: "worker-1".to_owned(),
        limit: 1,
        now: now(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: std::sync::Arc::new(SequentialIds::default()),
    };
    let (after, _) = dispatch::claim(&fixtures::approved_message(1), &claim, now()).unwrap();
    assert_eq!((after.status, after.epoch), (Status::Claimed, 1));
    assert_eq!(after.lease_owner.as_deref(), Some("worker-1"));
    assert_eq!(after.lease_until, Some(now() + Duration::minutes(2)));
    assert!(dispatch::claim(&fixtures::message(1), &claim, now()).is_err());
}

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
    ];
    for (outcome, attempt, status) in cases {
        let (after, set) = record(&message, attempt, &outcome);
        assert_eq!(after.status, status, "{outcome:?}");
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
