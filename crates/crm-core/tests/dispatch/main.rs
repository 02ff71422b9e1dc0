//! The pure decisions of delivery, without a store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod begin;
mod late;
mod record;
mod repeat;

use chrono::{DateTime, Duration, Utc};
use crm_core::change::ChangeSet;
use crm_core::message::Status;
use crm_core::message::dispatch::{self, Begun, Desk};
use crm_core::port::store::DispatchView;
use crm_core::stamp::Stamp;
use crm_core::testing::{SequentialIds, fixtures};
use crm_core::{Actor, Workspace};

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
    as_worker(|stamp| dispatch::begin(view, DESK, stamp))
}

const DESK: Desk<'static> = fixtures::desk("worker-1");

fn action(set: &ChangeSet) -> (&str, Option<&str>) {
    let event = set.events().last().unwrap();
    (event.action.as_str(), event.reason.as_deref())
}
