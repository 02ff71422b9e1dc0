//! Telling subscribers of what stands in the history behind their places.
//!
//! A turn takes the lease, calls, and moves the place: each a commit that needs the version it read. Between two
//! moves lies a second, so a crash repeats what was told in that time. Whoever lost its lease moves nothing: the
//! next one tells it again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::Duration;
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::change::{Change, ChangeSet};
use crate::error::{ErrorKind, Result};
use crate::message::history::StoredEvent;
use crate::port::store::EventQuery;
use crate::port::subscriber::{StateChange, Subscriber, Told};
use crate::subscription::Subscription;

/// Events read at once.
const PAGE: u32 = 500;
/// For how long a subscriber is called before its place is moved.
const TURN: std::time::Duration = std::time::Duration::from_secs(1);
/// Workspaces told at once by one subscriber's name.
const AT_ONCE: usize = 8;
/// How often a move is decided anew when somebody else changed the row.
const ATTEMPTS: usize = 4;

/// How the calls for a page ended.
enum End {
    /// The page was told to its end.
    Through,
    /// It is time to move the place.
    Pause,
    /// The worker stops.
    Stop,
    /// The subscriber did not take it.
    Failed(Told),
}

/// What was told of a page.
struct Calls {
    /// Up to this place.
    position: u64,
    /// So many changes.
    taken: u64,
    end: End,
}

impl Worker {
    /// Tells the subscriber of this name, in each workspace; how many changes it took.
    pub(super) async fn tell(&self, name: &str, stop: &watch::Receiver<bool>) -> Result<u64> {
        let Some(subscriber) = self.engine.subscribers().get(name) else {
            return Ok(0);
        };
        let workspaces = self.engine.store().workspaces().await?;
        let told: Vec<Result<u64>> = stream::iter(workspaces)
            .map(|workspace| async move { self.tell_in(&workspace, name, subscriber, stop).await })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        // One workspace's fault is told once the others are through.
        told.into_iter().sum()
    }

    /// Tells all subscribers; how many changes they took.
    pub(super) async fn tell_all(&self, stop: &watch::Receiver<bool>) -> Result<u64> {
        let mut taken = 0;
        for name in self.engine.subscribers().keys() {
            taken += self.tell(name, stop).await?;
        }
        Ok(taken)
    }

    /// Takes back the leases of a worker that cannot be alive.
    pub(super) async fn release_subscriptions(&self, workspace: &Workspace) -> Result<()> {
        if self.engine.subscribers().is_empty() {
            return Ok(());
        }
        let rows = self.engine.store().subscriptions(workspace).await?;
        let held = rows.iter().filter(|row| row.lease_until.is_some());
        let sets = held.map(|row| written(row.released(), None)).collect();
        self.commit(sets).await.map(drop)
    }

    async fn subscription(
        &self,
        workspace: &Workspace,
        name: &str,
    ) -> Result<Option<Subscription>> {
        let rows = self.engine.store().subscriptions(workspace).await?;
        Ok(rows.into_iter().find(|row| row.name == name))
    }

    async fn tell_in(
        &self,
        workspace: &Workspace,
        name: &str,
        subscriber: &Arc<dyn Subscriber>,
        stop: &watch::Receiver<bool>,
    ) -> Result<u64> {
        let store = self.engine.store();
        let Some(row) = self.subscription(workspace, name).await? else {
            return Ok(0);
        };
        if store.checkpoint(workspace).await?.position <= row.position {
            return Ok(0);
        }
        if !row.is_due(self.time().await?) {
            return Ok(0);
        }
        let timeout = subscriber.capabilities().timeout;
        let lease = Duration::from_std(timeout * 2).unwrap_or(Duration::hours(1))
            + self.options.margin.max(Duration::zero());
        let teller = Teller {
            worker: self,
            subscriber,
            lease,
            stop,
        };
        teller.run(row).await
    }
}

/// A set that writes the row, and the event if something worth one happened.
fn written(row: Subscription, noted: Option<(&Worker, &str)>) -> ChangeSet {
    let row = row.next();
    let mut set = ChangeSet::new(row.workspace.clone());
    if let Some((worker, action)) = noted {
        let actor = Actor::system(row.workspace.clone());
        worker.engine.note(&mut set, &actor, &row, action);
    }
    set.push(Change::UpdateSubscription(Box::new(row)));
    set
}

/// One subscription's turn.
struct Teller<'a> {
    worker: &'a Worker,
    subscriber: &'a Arc<dyn Subscriber>,
    lease: Duration,
    stop: &'a watch::Receiver<bool>,
}

impl Teller<'_> {
    /// Tells until nothing is left, a call fails, the lease is lost or the worker stops.
    async fn run(&self, row: Subscription) -> Result<u64> {
        let mut taken = 0;
        // Taken before the commit: the lease is no longer than it seems from here.
        let mut since = Instant::now();
        let Some(mut row) = self.take(&row).await? else {
            return Ok(0);
        };
        loop {
            let (page, full) = self.page(&row).await?;
            let calls = self.call_for(&row, &page, since).await;
            let more = match calls.end {
                End::Through => full,
                End::Pause => true,
                End::Stop | End::Failed(_) => false,
            };
            since = Instant::now();
            let Some(moved) = self.settle(row, &calls, more).await? else {
                // Somebody else has the lease, and tells it again.
                return Ok(taken);
            };
            taken += calls.taken;
            if !more {
                return Ok(taken);
            }
            row = moved;
        }
    }

    /// The row, held; `None` when somebody else was faster.
    async fn take(&self, row: &Subscription) -> Result<Option<Subscription>> {
        let now = self.worker.time().await?;
        let held = row.held(&self.worker.options.name, now + self.lease);
        let done = self
            .worker
            .commit(vec![written(held.clone(), None)])
            .await?;
        Ok((done > 0).then(|| held.next()))
    }

    /// What follows the row's place without a gap, and whether more may follow.
    async fn page(&self, row: &Subscription) -> Result<(Vec<StateChange>, bool)> {
        let query = EventQuery {
            subject: None,
            sealed_after: Some(row.position),
            limit: PAGE,
        };
        let store = self.worker.engine.store();
        let events = store.events(&row.workspace, query).await?;
        let full = u32::try_from(events.len()).is_ok_and(|count| count >= PAGE);
        Ok((following(row.position, &events), full))
    }

    /// Calls for what the subscriber wants of the page, in order.
    async fn call_for(&self, row: &Subscription, page: &[StateChange], since: Instant) -> Calls {
        let batch = self.subscriber.capabilities().batch.max(1);
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        let half = (self.lease / 2).to_std().unwrap_or(TURN);
        let mut calls = Calls {
            position: row.position,
            taken: 0,
            end: End::Through,
        };
        if page.is_empty() {
            // The chain's end is behind this place, so what follows is not there: never to be passed over.
            let reason = "history_has_a_gap".to_owned();
            calls.end = End::Failed(Told::Later {
                at_least: None,
                reason,
            });
            return calls;
        }
        let mut rest = page;
        while !rest.is_empty() {
            let (wanted, until) = self.first_of(rest, batch);
            if !wanted.is_empty() {
                let elapsed = since.elapsed();
                if *self.stop.borrow() {
                    calls.end = End::Stop;
                    return calls;
                }
                // A worker that was frozen must not call once the lease may be another's.
                if elapsed >= half || (calls.taken > 0 && elapsed >= TURN) {
                    calls.end = End::Pause;
                    return calls;
                }
                match self.call(&wanted).await {
                    Some(Told::Taken) => {
                        calls.taken += u64::try_from(wanted.len()).unwrap_or(u64::MAX);
                    }
                    Some(failed) => {
                        calls.end = End::Failed(failed);
                        return calls;
                    }
                    None => {
                        calls.end = End::Stop;
                        return calls;
                    }
                }
            }
            let (done, behind) = rest.split_at(until);
            calls.position = done.last().map_or(calls.position, |last| last.position);
            rest = behind;
        }
        calls
    }

    /// The first wanted changes that make a batch, and how many changes that is the way through.
    fn first_of(&self, rest: &[StateChange], batch: usize) -> (Vec<StateChange>, usize) {
        let mut wanted = Vec::new();
        for (place, change) in rest.iter().enumerate() {
            if self.subscriber.wants(change) {
                if wanted.len() == batch {
                    return (wanted, place);
                }
                wanted.push(change.clone());
            }
        }
        (wanted, rest.len())
    }

    /// One call; `None` when the worker stops meanwhile and has waited long enough.
    async fn call(&self, wanted: &[StateChange]) -> Option<Told> {
        let failed = |reason: &str| Told::Later {
            at_least: None,
            reason: reason.to_owned(),
        };
        let call = AssertUnwindSafe(self.subscriber.deliver(wanted)).catch_unwind();
        let timeout = self.subscriber.capabilities().timeout;
        tokio::select! {
            told = tokio::time::timeout(timeout, call) => Some(match told {
                Ok(Ok(told)) => told,
                Ok(Err(_)) => failed("panicked"),
                Err(_) => failed("timeout"),
            }),
            () = self.out_of_grace() => None,
        }
    }

    /// Resolves when the worker was stopped and calls had their time to end.
    async fn out_of_grace(&self) {
        let mut stop = self.stop.clone();
        // A sender that is gone asks for a stop, too.
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(self.worker.options.grace).await;
    }

    /// Moves the place and keeps or ends the lease; `None` when the lease was lost.
    async fn settle(
        &self,
        mut row: Subscription,
        calls: &Calls,
        keep: bool,
    ) -> Result<Option<Subscription>> {
        let until = row.lease_until;
        let owner = &self.worker.options.name;
        for _ in 0..ATTEMPTS {
            let (after, noted) = self.decide(&row, calls, keep).await?;
            let noted = noted.map(|action| (self.worker, action));
            let set = written(after.clone(), noted);
            match self.worker.engine.commit_one(set).await {
                Ok(()) => return Ok(Some(after.next())),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
            // An admin may have enabled it; or the lease ended and is another's.
            let stored = self.worker.subscription(&row.workspace, &row.name).await?;
            match stored.filter(|stored| stored.is_held(owner, until)) {
                Some(stored) => row = stored,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The row after the calls, and what is noted of it.
    async fn decide(
        &self,
        row: &Subscription,
        calls: &Calls,
        keep: bool,
    ) -> Result<(Subscription, Option<&'static str>)> {
        let now = self.worker.time().await?;
        let moved = if calls.taken > 0 {
            row.told(calls.position, now)
        } else {
            row.passed(calls.position)
        };
        let after = match &calls.end {
            End::Failed(Told::Closed { reason }) => moved.closed(reason, now),
            End::Failed(Told::Later { at_least, reason }) => {
                let [chance, ..] = self.worker.engine.ids().salt();
                moved.failed(reason, *at_least, chance, now)
            }
            _ if keep => moved.held(&self.worker.options.name, now + self.lease),
            _ => moved.released(),
        };
        let (workspace, subscription) = (&row.workspace, &row.name);
        let code = after.last_error.as_deref().unwrap_or_default();
        if after.disabled_at.is_some() {
            tracing::error!(%workspace, %subscription, code,
                "a subscriber is called no more until an admin enables it");
            return Ok((after, Some("disabled")));
        }
        if after.failures > 0 && after.failures != row.failures {
            tracing::warn!(%workspace, %subscription, code, due_at = %after.due_at,
                "a subscriber did not take what it was told");
        }
        Ok((after, None))
    }
}

/// The sealed events that follow the place, one after the other: what stands behind a gap is left out.
fn following(position: u64, events: &[StoredEvent]) -> Vec<StateChange> {
    let changes = events.iter().filter_map(StateChange::of);
    (position + 1..)
        .zip(changes)
        .take_while(|(place, change)| *place == change.position)
        .map(|(_, change)| change)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Digest;
    use crate::message::history::{AuditEvent, Seal, Subject};
    use crate::stamp::Stamp;
    use crate::testing::ids::SequentialIds;

    fn event(position: Option<u64>) -> StoredEvent {
        let actor = Actor::system(Workspace::default());
        let ids = SequentialIds::default();
        let stamp = Stamp {
            actor: &actor,
            at: chrono::DateTime::UNIX_EPOCH,
            ids: &ids,
        };
        let event: AuditEvent = stamp.event(Subject::Dispatch, uuid::Uuid::nil(), 1, "x");
        let seal = position.map(|position| Seal {
            position,
            prev_hash: Digest::ZERO,
            hash: Digest::ZERO,
        });
        StoredEvent { event, seal }
    }

    #[test]
    fn nothing_behind_a_gap_is_told() {
        let told = |after, places: &[u64]| {
            let events: Vec<_> = places.iter().map(|place| event(Some(*place))).collect();
            let changes = following(after, &events);
            changes
                .iter()
                .map(|change| change.position)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(0, &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(told(7, &[8, 9, 11, 12]), [8, 9]);
        assert_eq!(told(7, &[9, 10]), [0_u64; 0]);
        assert_eq!(told(7, &[]), [0_u64; 0]);
        assert!(following(0, &[event(None)]).is_empty());
    }
}
