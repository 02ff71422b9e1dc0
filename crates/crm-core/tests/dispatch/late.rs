//! How long a message may wait, and from when on.

use crm_core::message::Message;
use crm_core::message::decide::{self, Edit, Seen};
use crm_core::message::lifecycle::{Event, TRANSITIONS};
use crm_core::message::rules::Late;
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::{Actor, Role};
use proptest::prelude::*;

use super::*;

fn as_manager<T>(at: DateTime<Utc>, what: impl FnOnce(&Stamp<'_>) -> T) -> T {
    let actor = Actor::new(Workspace::default(), "olga", Role::Manager);
    let ids = SequentialIds::starting_at(9_000);
    what(&Stamp {
        actor: &actor,
        at,
        ids: &ids,
    })
}

/// Approved at noon with that schedule and undo window, both in seconds.
fn approved(scheduled: Option<i64>, undo: i64) -> Message {
    let mut message = fixtures::message(1);
    message.scheduled_for = scheduled.map(|after| fixtures::noon() + Duration::seconds(after));
    let message = fixtures::with_digest(message);
    as_manager(fixtures::noon(), |stamp| {
        let undo = Duration::seconds(undo);
        decide::approve(&message, Seen::of(&message), false, undo, stamp)
            .unwrap()
            .0
    })
}

proptest! {
    /// The wait is counted from the later of schedule and undo window, and ends a message to the microsecond.
    #[test]
    fn it_is_late_from_its_due_time_on(
        scheduled in prop::option::of(-1_000_000..1_000_000_i64),
        undo in 0..90_000_i64,
        waited in -1_000_000..1_000_000_i64,
        limit in 1..1_000_000_i64,
        deadline in prop::option::of(-1_000_000..1_000_000_i64),
    ) {
        let mut message = approved(scheduled, undo);
        let due = fixtures::noon() + Duration::seconds(undo.max(scheduled.unwrap_or(undo)));
        prop_assert_eq!((message.queued_at, message.not_before), (Some(due), due));
        let now = due + Duration::microseconds(waited);
        message.expires_at = deadline.map(|at| due + Duration::microseconds(at));
        let wanted = if deadline.is_some_and(|at| at <= waited) {
            Some(Late::Deadline)
        } else {
            (waited >= limit).then_some(Late::Waited)
        };
        prop_assert_eq!(Late::of(&message, Duration::microseconds(limit), now), wanted);
    }
}

#[test]
fn what_waited_too_long_expires_at_the_last_check() {
    for (waited, status) in [
        (Duration::days(3), Status::Expired),
        (
            Duration::days(3) - Duration::microseconds(1),
            Status::Sending,
        ),
    ] {
        let mut view = view();
        view.message.queued_at = Some(now() - waited);
        let begun = begin(&view).unwrap();
        assert_eq!(begun.message.status, status);
        if status == Status::Expired {
            assert!(begun.delivery.is_none());
            assert_eq!(begun.message.failure.as_deref(), Some("too_late"));
            assert_eq!(action(&begun.changes), ("expired", Some("too_late")));
            assert_eq!(begun.message.queued_at, None);
        }
    }
}

/// A person's decision starts the wait anew and makes a new key; what follows by itself keeps both.
#[test]
fn only_people_start_the_wait_anew() {
    let later = now() + Duration::days(2);
    let since = Some(fixtures::noon());
    let mut message = fixtures::approved_message(1);
    (message.queued_at, message.epoch) = (since, 7);
    for (status, event) in [
        (Status::Failed, Event::Retry),
        (Status::Uncertain, Event::ResolveResend),
    ] {
        let message = Message {
            status,
            queued_at: since.filter(|_| status == Status::Uncertain),
            ..message.clone()
        };
        let after = as_manager(later, |stamp| {
            decide::close(&message, event, None, stamp).unwrap().0
        });
        assert_eq!((after.queued_at, after.decided_epoch), (Some(later), 7));
    }
    let claimed = Message {
        status: Status::Claimed,
        ..message.clone()
    };
    let (postponed, _) =
        as_worker(|stamp| dispatch::postpone(&claimed, "campaign_paused", later, stamp).unwrap());
    let (released, _) = as_worker(|stamp| dispatch::take_back(&claimed, None, "x", stamp).unwrap());
    let begun = begin(&view()).unwrap();
    let (_, attempt) = begun.delivery.unwrap();
    let not_now = Outcome::RetryAfter {
        scope: RetryScope::Message,
        at_least: std::time::Duration::from_secs(60),
        reason: "x".to_owned(),
    };
    let policy = dispatch::RetryPolicy::default();
    let record = |outcome: &Outcome| {
        as_worker(|stamp| {
            dispatch::record(&begun.message, &attempt, outcome, policy, stamp)
                .unwrap()
                .0
        })
    };
    let deferred = record(&not_now);
    let doubt = Outcome::Unknown {
        reason: "x".to_owned(),
    };
    let doubted = record(&doubt);
    for after in [postponed, released, deferred, doubted] {
        assert_eq!(
            (after.queued_at, after.decided_epoch),
            (since, 0),
            "{:?}",
            after.status
        );
    }
}

/// Whoever leaves the queue for good, or loses the approval, is not late any more.
#[test]
fn what_does_not_wait_has_no_time() {
    for row in TRANSITIONS {
        let mut message = fixtures::approved_message(1);
        message.status = row.from;
        let role = if row.who.includes(Role::System) {
            Role::System
        } else if row.who.includes(Role::Manager) {
            Role::Manager
        } else {
            Role::Admin
        };
        let actor = Actor::new(Workspace::default(), "somebody", role);
        let ids = SequentialIds::starting_at(9_000);
        let stamp = Stamp {
            actor: &actor,
            at: now(),
            ids: &ids,
        };
        let (after, _) = match row.event {
            Event::Edit => {
                let content = Some("Another text".to_owned());
                decide::edit(
                    &message,
                    Edit {
                        content,
                        ..Edit::default()
                    },
                    Vec::new(),
                    &stamp,
                )
                .unwrap()
            }
            event => decide::close(&message, event, None, &stamp).unwrap(),
        };
        let waits = matches!(
            after.status,
            Status::Approved | Status::Claimed | Status::Sending | Status::Uncertain
        );
        assert_eq!(after.queued_at.is_some(), waits, "{row:?}");
    }
}
