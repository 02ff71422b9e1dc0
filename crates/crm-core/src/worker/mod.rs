//! The background worker: works off the intake and receipts, plans, drafts, claims, delivers, records, sweeps,
//! asks providers about what is in doubt, seals, and tells subscribers.
//!
//! It holds no truth of its own. Killing it at any moment loses nothing: what it had claimed returns to
//! the queue, what it was sending becomes uncertain.

mod batch_results;
mod batches;
mod deliver;
mod draft;
mod flow;
mod intake;
mod line;
mod lines;
mod look_up;
mod pace;
mod plan;
mod recall;
mod repeat;
mod rests;
mod subscriptions;
mod unanswered;
mod waits;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures_util::future;
use tokio::sync::watch;

use flow::Until;

use crate::actor::{Actor, Workspace};
use crate::change::ChangeSet;
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::id::CampaignId;
use crate::message::rules::Late;
use crate::message::{Message, Status, dispatch};
use crate::port::store::{MessageQuery, PageRequest};
use crate::stamp::Stamp;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its name; unique among running workers.
    pub name: String,
    /// Messages claimed at once; 1 to 1,000. How many attempts are open at once, and so the most that a
    /// crash can leave uncertain, is each channel's own `concurrency`.
    pub batch: u32,
    /// Contacts planned in one commit; 1 to 1,000. A crash plans at most so many again.
    pub plan_page: u32,
    /// How many drafts are under way at once, over all campaigns and workspaces; 1 to 1,000. What a provider allows
    /// per minute bounds it: it answers with when to ask again, and every draft waits until then.
    pub drafts: usize,
    /// How long a claim lasts. Must exceed every channel's timeout by a margin; the worker raises it
    /// to twice the longest timeout plus [`margin`](Self::margin) when it is shorter.
    pub lease: Duration,
    /// What a lease holds at least beyond twice the longest timeout: room for commits and for a machine
    /// that is busy. Leases of workers that died come back sooner with a short one, and healthy workers
    /// lose theirs more easily.
    pub margin: Duration,
    /// Pause between two rounds that found nothing to do: the longest time that passes before anything
    /// due is seen when no notice of the store tells of it. At most 1 s is wise.
    pub poll: std::time::Duration,
    /// How long a stopping worker waits for deliveries under way.
    pub grace: std::time::Duration,
    /// How long after it was due (the later of its schedule and the end of the undo window, or when a person
    /// sent it again) a message still leaves; then it expires as `too_late`, whether its channel was down or its
    /// campaign paused. At least a minute. A message's own deadline may end it sooner.
    pub late_after: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: "worker".to_owned(),
            batch: 50,
            plan_page: 500,
            drafts: 16,
            lease: Duration::minutes(2),
            margin: Duration::seconds(30),
            poll: std::time::Duration::from_millis(250),
            grace: std::time::Duration::from_secs(30),
            late_after: Duration::days(3),
        }
    }
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Rows of the intake settled.
    pub drained: u64,
    /// Plan rows written.
    pub planned: u64,
    /// Messages drafted.
    pub drafted: u64,
    /// Batches of drafts made, and steps taken with them.
    pub batched: u64,
    /// Attempts begun.
    pub begun: u64,
    /// Messages moved by the sweep.
    pub swept: u64,
    /// Receipts looked at.
    pub receipts: u64,
    /// Messages in doubt that a provider knew of.
    pub looked_up: u64,
    /// Events sealed.
    pub sealed: u64,
    /// State changes that subscribers took.
    pub told: u64,
}

impl Round {
    /// Whether there was nothing to do.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.drained
            + self.planned
            + self.drafted
            + self.batched
            + self.begun
            + self.swept
            + self.receipts
            + self.looked_up
            + self.told
            == 0
    }
}

/// What runs beside the deliveries.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    /// Sweep, expire, call off, seal.
    Tend,
    /// Work off the intake and the receipts.
    Drain,
    /// Ask providers about what is in doubt.
    LookUp,
    /// Begin runs and plan.
    Plan,
    /// Draft in batches.
    Batches,
    /// Tell the subscriber of this name: each by itself, so that a slow one holds up no other.
    Tell(&'a str),
}

/// A worker over one engine. See the module's text.
#[derive(Debug)]
pub struct Worker {
    engine: Engine,
    options: WorkerOptions,
    /// Channels that refused everything, and until when they rest.
    parked: Mutex<BTreeMap<String, DateTime<Utc>>>,
    /// Recipients of whom a provider wants nothing for a while.
    waits: Mutex<waits::Waits>,
    /// What may be sent again out of a doubt.
    repeats: Mutex<repeat::Repeats>,
    /// How far the messages of cancelled campaigns were called off.
    recalled: Mutex<BTreeMap<CampaignId, recall::Recall>>,
    /// Models, campaigns and lines that are left alone for a while.
    rests: Mutex<rests::Rests>,
    /// How fast channels may be called.
    pace: Mutex<pace::Pace>,
    /// What providers were asked about.
    asked: Mutex<look_up::Asked>,
    /// Whose turn it is to be claimed for first.
    turn: AtomicUsize,
    /// Whether the last claim was refused because the store is on hold.
    on_hold: AtomicBool,
}

impl Worker {
    /// A worker that is not running yet.
    #[must_use]
    pub fn new(engine: Engine, mut options: WorkerOptions) -> Self {
        let longest = engine
            .channels()
            .values()
            .map(|channel| channel.capabilities().timeout)
            .max()
            .unwrap_or_default();
        let floor = Duration::from_std(longest * 2).unwrap_or(Duration::hours(1))
            + options.margin.max(Duration::zero());
        options.lease = options.lease.max(floor);
        options.batch = options.batch.clamp(1, 1_000);
        options.plan_page = options.plan_page.clamp(1, 1_000);
        options.drafts = options.drafts.clamp(1, 1_000);
        // Instants a century back are good for every store.
        let (shortest, longest) = (Duration::minutes(1), Duration::days(36_500));
        options.late_after = options.late_after.clamp(shortest, longest);
        Self {
            engine,
            options,
            parked: Mutex::default(),
            waits: Mutex::default(),
            repeats: Mutex::default(),
            recalled: Mutex::default(),
            rests: Mutex::default(),
            pace: Mutex::default(),
            asked: Mutex::default(),
            turn: AtomicUsize::new(0),
            on_hold: AtomicBool::new(false),
        }
    }

    /// Works until `stop` becomes true (or its sender is gone), then finishes what is under way.
    ///
    /// # Errors
    /// `Unavailable` when another worker holds a store that allows only one dispatcher. Failures of a
    /// single round are logged and the next round tries again.
    pub async fn run(&self, stop: watch::Receiver<bool>) -> Result<()> {
        self.start().await?;
        // Side by side, so that a slow model holds up no delivery and a slow provider no plan or intake.
        let tend = self.repeat(stop.clone(), Part::Tend);
        let drain = self.repeat(stop.clone(), Part::Drain);
        let plan = self.repeat(stop.clone(), Part::Plan);
        let batches = self.repeat(stop.clone(), Part::Batches);
        let draft = self.drafting(&stop, Until::Stopped);
        let deliver = self.flow(&stop, Until::Stopped);
        let look_up = self.repeat(stop.clone(), Part::LookUp);
        let mut tell = Vec::new();
        for name in self.engine.subscribers().keys() {
            tell.push(self.repeat(stop.clone(), Part::Tell(name)));
        }
        let work = future::join5(tend, drain, plan, look_up, deliver);
        let (((), (), (), (), delivered), drafted, (), _) =
            future::join4(work, draft, batches, future::join_all(tell)).await;
        delivered?;
        drafted?;
        // The last events are sealed so that a stopped system verifies to its end.
        for workspace in self.engine.store().workspaces().await? {
            self.seal(&workspace).await?;
        }
        Ok(())
    }

    /// Whether the worker delivers nothing because the store is on [`hold`](crate::hold), as it found
    /// when it last looked for due messages. It goes on with everything else, and looks again within
    /// about a second.
    #[must_use]
    pub fn is_on_hold(&self) -> bool {
        self.on_hold.load(Ordering::Relaxed)
    }

    /// Remembers it, and tells the log when it has changed.
    pub(super) fn notice_hold(&self, on_hold: bool) {
        match (self.on_hold.swap(on_hold, Ordering::Relaxed), on_hold) {
            (false, true) => tracing::error!(
                "nothing is sent: the store went back to an older state; an operator has to acknowledge it"
            ),
            (true, false) => tracing::info!("the hold was acknowledged; deliveries go on"),
            _ => {}
        }
    }

    /// Becomes the dispatcher. With a store that allows only one, leases of the one before are taken
    /// back at once: it cannot be alive.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn start(&self) -> Result<()> {
        let store = self.engine.store();
        store.become_dispatcher().await?;
        if store.capabilities().exclusive_dispatcher {
            for workspace in store.workspaces().await? {
                while self
                    .sweep(&workspace, DateTime::<Utc>::MAX_UTC, "worker_died")
                    .await?
                    > 0
                {}
                self.release_subscriptions(&workspace).await?;
                self.release_batches(&workspace).await?;
                let now = self.time().await?;
                self.engine.sweep_spending(&workspace, now, true).await?;
            }
        }
        Ok(())
    }

    /// Does one part of the work again and again until `stop`; pauses when there was nothing to do.
    async fn repeat(&self, mut stop: watch::Receiver<bool>, part: Part<'_>) {
        let mut seen = 0;
        while !*stop.borrow() {
            let idle = match self.part(part, &stop).await {
                Ok(done) => done == 0,
                Err(error) => {
                    tracing::warn!(kind = error.kind().code(), "a round of the worker failed");
                    true
                }
            };
            if idle {
                tokio::select! {
                    // See the flow: the same happenings make the same run.
                    biased;
                    changed = stop.changed() => if changed.is_err() { break },
                    () = tokio::time::sleep(self.options.poll) => {}
                    // What tends waits for time to pass, not for writes: it would only look in vain.
                    number = self.engine.store().changed(seen),
                        if !matches!(part, Part::Tend | Part::LookUp) => {
                        seen = number;
                    }
                }
            }
        }
    }

    async fn part(&self, part: Part<'_>, stop: &watch::Receiver<bool>) -> Result<u64> {
        if let Part::Tell(name) = part {
            return self.tell(name, stop).await;
        }
        let mut done = 0;
        for workspace in self.engine.store().workspaces().await? {
            match part {
                Part::Tend => {
                    done += self.tend(&workspace).await?;
                    self.seal(&workspace).await?;
                }
                Part::Drain => {
                    done += self.drain(&workspace).await?;
                    done += self.engine.settle_receipts(&workspace, 500).await?;
                }
                Part::Tell(_) => {}
                Part::LookUp => done += self.look_up(&workspace).await?,
                Part::Plan => done += self.plan(&workspace).await?,
                Part::Batches => done += self.batches(&workspace).await?,
            }
        }
        Ok(done)
    }

    /// What time does: leases and deadlines end, cancelled campaigns are called off, lost calls are assumed.
    async fn tend(&self, workspace: &Workspace) -> Result<u64> {
        let now = self.time().await?;
        Ok(self.sweep(workspace, now, "lease_expired").await?
            + self.expire(workspace, now).await?
            + self.engine.sweep_spending(workspace, now, false).await?
            + self.recall(workspace).await?)
    }

    /// One round over all workspaces; it ends when nothing is due and nothing is under way.
    ///
    /// # Errors
    /// As the store.
    pub async fn round(&self, stop: &watch::Receiver<bool>) -> Result<Round> {
        let mut sum = Round::default();
        let workspaces = self.engine.store().workspaces().await?;
        for workspace in &workspaces {
            sum.swept += self.tend(workspace).await?;
            sum.drained += self.drain(workspace).await?;
            sum.receipts += self.engine.settle_receipts(workspace, 500).await?;
            sum.looked_up += self.look_up(workspace).await?;
            sum.planned += self.plan(workspace).await?;
            sum.batched += self.batches(workspace).await?;
        }
        sum.drafted += self.drafting(stop, Until::Idle).await?;
        sum.begun += self.flow(stop, Until::Idle).await?;
        for workspace in &workspaces {
            sum.sealed += self.seal(workspace).await?;
        }
        sum.told += self.tell_all(stop).await?;
        Ok(sum)
    }

    /// Runs rounds until nothing is left to do now. For tests and one-off programs.
    ///
    /// # Errors
    /// As the store; `OnHold` while nothing may be sent, once everything else of the round was done.
    pub async fn run_until_idle(&self) -> Result<()> {
        self.start().await?;
        let (_sender, stop) = watch::channel(false);
        while !self.round(&stop).await?.is_idle() {}
        Ok(())
    }

    fn waits(&self) -> MutexGuard<'_, waits::Waits> {
        // A poisoned lock still holds a usable map: what is forgotten costs an attempt.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests(&self) -> MutexGuard<'_, rests::Rests> {
        // A poisoned lock still holds usable instants: each is written in one call.
        self.rests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, pace::Pace> {
        // A poisoned lock still holds usable instants: each is written in one call.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's time: leases are given by it, so they are judged by it.
    pub(super) async fn time(&self) -> Result<DateTime<Utc>> {
        self.engine.store().now(self.engine.now()).await
    }

    pub(super) fn stamp<'a>(&'a self, actor: &'a Actor) -> Stamp<'a> {
        Stamp {
            actor,
            at: self.engine.now(),
            ids: self.engine.ids().as_ref(),
        }
    }

    /// Commits sets one by one independently; conflicts mean that somebody else moved the row, and what may
    /// not be decided while the store is on hold waits.
    pub(super) async fn commit(&self, sets: Vec<ChangeSet>) -> Result<u64> {
        let mut done = 0;
        for result in self.engine.commit(sets).await? {
            match result {
                Ok(()) => done += 1,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Conflict | ErrorKind::Duplicate | ErrorKind::OnHold
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn page(&self, workspace: &Workspace, mut query: MessageQuery) -> Result<Vec<Message>> {
        query.page = PageRequest {
            limit: 500,
            oldest_first: true,
            ..PageRequest::default()
        };
        Ok(self.engine.store().messages(workspace, query).await?.items)
    }

    async fn sweep(
        &self,
        workspace: &Workspace,
        before: DateTime<Utc>,
        reason: &str,
    ) -> Result<u64> {
        let query = MessageQuery {
            statuses: vec![Status::Claimed, Status::Sending],
            lease_before: Some(before),
            ..MessageQuery::default()
        };
        let held = self.page(workspace, query).await?;
        if held.is_empty() {
            return Ok(0);
        }
        let ids: Vec<_> = held.iter().map(|message| message.id).collect();
        let views = self.engine.store().dispatch(workspace, &ids).await?;
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::with_capacity(views.len());
        for view in &views {
            // It may have been given back and claimed anew since the list was read.
            let over = view.message.lease_until.is_some_and(|until| until < before);
            if over && matches!(view.message.status, Status::Claimed | Status::Sending) {
                let attempt = view.attempt.as_ref();
                sets.push(dispatch::take_back(&view.message, attempt, reason, &stamp)?.1);
            }
        }
        self.commit(sets).await
    }

    /// What is too late expires, though nobody claims it: its channel may rest and its campaign be paused.
    async fn expire(&self, workspace: &Workspace, now: DateTime<Utc>) -> Result<u64> {
        let mut ended = MessageQuery {
            statuses: vec![Status::Draft, Status::PendingApproval],
            expires_before: Some(now),
            ..MessageQuery::default()
        };
        let mut late = Vec::new();
        // After a restore what was approved may have been sent, and will be in doubt.
        if !self.is_on_hold() {
            ended.statuses.push(Status::Approved);
            let waited = MessageQuery {
                statuses: vec![Status::Approved],
                queued_before: Some(now - self.options.late_after),
                ..MessageQuery::default()
            };
            late = self.page(workspace, waited).await?;
        }
        late.extend(self.page(workspace, ended).await?);
        let actor = Actor::system(workspace.clone());
        let stamp = Stamp {
            at: now,
            ..self.stamp(&actor)
        };
        let mut seen = BTreeSet::new();
        let mut sets = Vec::with_capacity(late.len());
        for message in late.iter().filter(|message| seen.insert(message.id)) {
            if let Some(why) = Late::of(message, self.options.late_after, now) {
                sets.push(dispatch::expire(message, why, &stamp)?.1);
            }
        }
        self.commit(sets).await
    }

    async fn seal(&self, workspace: &Workspace) -> Result<u64> {
        let mut sealed = 0;
        loop {
            let count = self.engine.store().seal(workspace, 1_000).await?;
            sealed += u64::from(count);
            if count < 1_000 {
                return Ok(sealed);
            }
        }
    }
}
