//! What a fault has to lead to, and the walk that shows it.

use std::time::Duration;

use crm_core::message::{AttemptOutcome as O, Status};

use crate::provider::{Faulty, Kind};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
/// How long a channel rests that was told to stop.
const REST: Duration = Duration::from_secs(300);
/// The longest first wait of the engine's own.
const FIRST: Duration = Duration::from_secs(60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a message ends in, or waits for, after the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It arrived after all, within the same attempt.
    Sent,
    /// Failed, and nothing goes to the address any more.
    Dead,
    /// Failed; the address is fine.
    Failed,
    /// It goes again after so many seconds at least; nothing else waits.
    Again(u64),
    /// It goes again after so many seconds at least, and the whole channel waits with it.
    Wait(u64),
    /// The channel rests, and it goes again afterwards.
    Stop,
    /// Nobody knows: it waits for a person.
    Uncertain,
}

/// A message meets the fault; another one to somebody else comes after it; then time passes.
pub(crate) async fn walk(kind: Kind, faulty: &Faulty, world: &World, end: End, what: &str) {
    let what = format!("{} {what}", kind.name);
    let (ann, bob) = (world.contact(1).await, world.contact(2).await);
    let first = world.approved(&ann).await;
    world.work().await;
    let (called, taken) = (faulty.called(), faulty.taken());

    let now = world.now(&first).await;
    let (status, outcome) = match end {
        End::Sent => (Status::Sent, O::Accepted),
        End::Dead => (Status::Failed, O::Dead),
        End::Failed => (Status::Failed, O::Rejected),
        End::Again(_) | End::Wait(_) => (Status::Approved, O::RetryAfter),
        End::Stop => (Status::Approved, O::Stop),
        End::Uncertain => (Status::Uncertain, O::Unknown),
    };
    assert_eq!(now.status, status, "{what}: {:?}", now.failure);
    assert_eq!(world.attempts(&first).await, [Some(outcome)], "{what}");
    assert_eq!(now.failure.is_some(), end != End::Sent, "{what}");
    let suppressed = (end == End::Dead).then(|| "dead".to_owned());
    assert_eq!(world.suppressed(&first).await, suppressed, "{what}");

    // Does the fault hold up somebody else?
    let second = world.approved(&bob).await;
    world.work().await;
    let parked = matches!(end, End::Wait(1..) | End::Stop);
    let other = world.now(&second).await;
    if parked {
        assert_eq!(
            (other.status, other.attempts),
            (Status::Approved, 0),
            "{what}"
        );
        assert_eq!(
            faulty.called(),
            called,
            "{what}: a resting channel was called"
        );
    } else {
        assert_eq!(other.status, Status::Sent, "{what}");
        assert_eq!(faulty.taken(), taken + 1, "{what}");
    }

    let rest = match end {
        End::Again(seconds) => Duration::from_secs(seconds).max(FIRST / 2),
        End::Wait(seconds) => Duration::from_secs(seconds),
        End::Stop => REST,
        _ => WEEK,
    };
    let called = faulty.called();
    world.work_after(rest.saturating_sub(SECOND)).await;
    assert_eq!(faulty.called(), called, "{what}: too early");
    world.work_after(SECOND).await;
    assert_eq!(world.now(&second).await.status, Status::Sent, "{what}");
    if matches!(end, End::Again(_) | End::Wait(_) | End::Stop) {
        // The engine's own wait may be longer than the provider's.
        world.work_after(FIRST).await;
        assert_eq!(world.now(&first).await.status, Status::Sent, "{what}");
        let attempts = world.attempts(&first).await;
        assert_eq!(attempts, [Some(outcome), Some(O::Accepted)], "{what}");
        assert_eq!(faulty.taken(), 2, "{what}");
    } else {
        // Time alone changes nothing.
        assert_eq!(world.now(&first).await.status, status, "{what}");
        assert_eq!(world.attempts(&first).await.len(), 1, "{what}");
        assert_eq!(faulty.called(), called, "{what}");
        assert_eq!(faulty.taken(), taken + 1, "{what}");
    }
    if end == End::Dead {
        let next = world.approved(&ann).await;
        world.work().await;
        let next = world.now(&next).await;
        assert_eq!(next.status, Status::Cancelled, "{what}");
        assert_eq!(next.failure.as_deref(), Some("suppressed"), "{what}");
        assert_eq!(faulty.called(), called, "{what}");
    }
    world.verify().await;
}
