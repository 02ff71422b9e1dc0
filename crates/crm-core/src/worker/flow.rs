//! The stream of deliveries: claims, begins, delivers and records without waiting for the slowest.
//!
//! Three things are under way at once: a refill (begin what was claimed, claim the next), any number of
//! calls to channels, and a commit that records answers. A channel has a number of places; an attempt
//! takes one before it is begun and gives it back when its outcome is recorded. So no more attempts are
//! open than a channel delivers at once, which is also all that a crash can leave uncertain, and a slow
//! channel fills its own places and nobody else's. A channel with a rate has no free place while its pace
//! says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Worker;
use super::deliver::{Begin, Claimed};
use crate::actor::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AttemptId;
use crate::message::Message;
use crate::port::channel::Outcome;

/// How many outcomes are recorded in one commit at most.
const RECORD_BATCH: usize = 1_000;

/// How long an answer waits for others at most, so that they share a commit: each commit flushes the disk, which
/// a mail server on the same machine needs, too.
const LINGER: std::time::Duration = std::time::Duration::from_millis(20);

/// How long a worker whose store is on hold waits before it looks again, at least.
const HOLD_REST: std::time::Duration = std::time::Duration::from_secs(1);

/// Until when a flow goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The worker is told to stop.
    Stopped,
    /// Nothing is due any more, or the worker is told to stop.
    Idle,
}

/// What a refill brought.
struct Refill {
    begun: Result<Vec<Begin>>,
    /// Places that were taken for it, by channel.
    places: BTreeMap<String, usize>,
    claimed: Result<Vec<Claimed>>,
    /// Whether it asked for due messages everywhere.
    asked: bool,
}

/// What is claimed and what is open.
struct Flow<'w> {
    worker: &'w Worker,
    /// Claimed, not begun.
    waiting: VecDeque<Claimed>,
    /// Places taken, by channel.
    open: BTreeMap<String, usize>,
    /// Attempts whose channel has not answered.
    flying: BTreeMap<AttemptId, Arc<Begin>>,
    /// Answers to be recorded.
    ended: Vec<(Arc<Begin>, Outcome)>,
    /// When they are recorded at the latest.
    ripe: Option<Instant>,
    begun: u64,
    /// Nothing was due when last asked; ask again then.
    rest: Option<Instant>,
    failure: Option<Error>,
}

impl Worker {
    /// Delivers what is due. Returns how many attempts were begun.
    ///
    /// A stopping worker gives back what it has not begun and waits for what is under way; what has not
    /// answered after the grace is uncertain.
    ///
    /// # Errors
    /// As the store, for a flow until idle, once everything under way has ended. Otherwise failures are
    /// logged and tried again.
    pub(super) async fn flow(&self, stop: &watch::Receiver<bool>, until: Until) -> Result<u64> {
        let mut stop = stop.clone();
        let mut flow = Flow {
            worker: self,
            waiting: VecDeque::new(),
            open: BTreeMap::new(),
            flying: BTreeMap::new(),
            ended: Vec::new(),
            ripe: None,
            begun: 0,
            rest: None,
            failure: None,
        };
        let mut sends = FuturesUnordered::new();
        let mut refill: Option<BoxFuture<'_, Refill>> = None;
        let mut recording: Option<BoxFuture<'_, (Vec<String>, Result<()>)>> = None;
        let mut patience: Option<Instant> = None;
        let mut changed = self.engine.store().changed(0);
        loop {
            let stopping = *stop.borrow() || stop.has_changed().is_err();
            if stopping && patience.is_none() {
                patience = Some(Instant::now() + self.options.grace);
            }
            if recording.is_none() && flow.has_enough_ended() {
                recording = Some(flow.record().boxed());
            }
            if refill.is_none() {
                let give_up = stopping || flow.failure.is_some();
                flow.release(give_up).await;
                if !give_up {
                    refill = flow.refill().map(FutureExt::boxed);
                }
            }
            let quiet = refill.is_none() && recording.is_none() && sends.is_empty();
            if quiet && flow.waiting.is_empty() {
                let idle = until == Until::Idle && flow.rest.is_some();
                if stopping || idle || flow.failure.is_some() {
                    return flow.failure.map_or(Ok(flow.begun), Err);
                }
            }
            // While a refill is under way nothing can be given back.
            let first = flow.waiting.front().filter(|_| refill.is_none());
            let paced = first.and_then(|_| flow.paced());
            let ripe = flow.ripe.filter(|_| recording.is_none());
            let deadline = first.map(|next| next.deadline);
            let wake = [patience, flow.rest, deadline, paced, ripe];
            let wake = wake.into_iter().flatten().min();
            tokio::select! {
                // In this order, so that the same happenings make the same run. None of them can keep
                // the next from its turn: a refill and a commit end and are begun above only when there
                // is something for them, deliveries end as often as they were begun, and a waking
                // moves on what it woke for.
                biased;
                done = step(&mut refill) => {
                    for begin in flow.taken(done, until) {
                        let begin = Arc::new(begin);
                        flow.flying.insert(begin.attempt.id, Arc::clone(&begin));
                        sends.push(async move {
                            let outcome = begin.send().await;
                            (begin, outcome)
                        });
                    }
                }
                (channels, result) = step(&mut recording) => flow.recorded(channels, result),
                Some(first) = sends.next() => {
                    flow.answered(first);
                    while let Some(Some(next)) = sends.next().now_or_never() {
                        flow.answered(next);
                    }
                }
                _ = stop.changed(), if !stopping => {}
                () = until_then(wake) => {
                    flow.rest = flow.rest.filter(|rest| *rest > Instant::now());
                    if patience.is_some_and(|end| end <= Instant::now()) {
                        sends.clear();
                        flow.give_up();
                        // What the store has not answered by now is left to its leases.
                        refill = None;
                        patience = Some(Instant::now() + self.options.grace);
                    }
                }
                number = &mut changed => {
                    changed = self.engine.store().changed(number);
                    flow.rest = None;
                }
            }
        }
    }
}

impl<'w> Flow<'w> {
    /// Begins what has a place and claims more when little is left; `None` when there is nothing to do.
    fn refill(&mut self) -> Option<impl Future<Output = Refill> + Send + use<'w>> {
        let (next, places) = self.take_free();
        let room = self.room();
        if next.is_empty() && room.is_none() {
            return None;
        }
        let worker = self.worker;
        let asked = room.is_some();
        Some(async move {
            let begin = worker.begin(next);
            let claim = async {
                match room {
                    Some((limit, except)) => worker.claim_everywhere(limit, except).await,
                    None => Ok(Vec::new()),
                }
            };
            let (begun, claimed) = future::join(begin, claim).await;
            Refill {
                begun,
                places,
                claimed,
                asked,
            }
        })
    }

    /// How many more to claim, and on which channels none. Half a batch is left before more is claimed,
    /// so that a claim is worth its commit. What waits for a full channel does not count, and no more of
    /// it is claimed: it would take the others' turn.
    fn room(&self) -> Option<(u32, Vec<String>)> {
        if self.rest.is_some() {
            return None;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for waiting in &self.waiting {
            *counts.entry(&waiting.message.channel).or_default() += 1;
        }
        let full = |name: &str| self.free(name) == Some(0);
        let ready = counts.iter().filter(|(name, _)| !full(name));
        let ready: usize = ready.map(|(_, count)| count).sum();
        let batch = self.worker.options.batch as usize;
        if ready > batch / 2 {
            return None;
        }
        let mut except = self.worker.parked_channels();
        let full = counts.keys().filter(|name| full(name));
        except.extend(full.map(|name| (*name).to_owned()));
        Some((u32::try_from(batch - ready).unwrap_or(u32::MAX), except))
    }

    /// Free places of a channel, none while it may not be called yet; `None` for one that is not set up.
    fn free(&self, name: &str) -> Option<usize> {
        let capabilities = self.worker.engine.channels().get(name)?.capabilities();
        let now = Instant::now();
        let until = |rate| self.worker.pace().until(name, rate, now);
        if capabilities.rate.and_then(until).is_some() {
            return Some(0);
        }
        let places = capabilities.concurrency.max(1);
        Some(places.saturating_sub(self.open.get(name).copied().unwrap_or(0)))
    }

    /// When the first of the channels that messages wait for may be called again.
    fn paced(&self) -> Option<Instant> {
        let now = Instant::now();
        let names: BTreeSet<&str> = self
            .waiting
            .iter()
            .map(|waiting| waiting.message.channel.as_str())
            .collect();
        let until = |name: &str| {
            let channel = self.worker.engine.channels().get(name)?;
            let rate = channel.capabilities().rate?;
            self.worker.pace().until(name, rate, now)
        };
        names.into_iter().filter_map(until).min()
    }

    /// Notes that a message is about to leave.
    fn spend(&self, message: &Message) {
        let name = &message.channel;
        let Some(channel) = self.worker.engine.channels().get(name) else {
            return;
        };
        let Some(rate) = channel.capabilities().rate else {
            return;
        };
        let text = &message.revision;
        let units = channel.units(text.subject.as_deref(), &text.content).count;
        let mut pace = self.worker.pace();
        pace.spend(name, rate, units, Instant::now());
    }

    /// Takes as many waiting messages as their channels have free places. A message whose channel is
    /// not set up takes no place: beginning it only puts it back.
    fn take_free(&mut self) -> (Vec<Claimed>, BTreeMap<String, usize>) {
        let mut taken = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        // What is in doubt is the oldest.
        while let Some(message) = self.next_repeat() {
            self.take_place(&message, &mut places);
            let deadline = self.worker.deadline();
            taken.push(Claimed { message, deadline });
        }
        for _ in 0..self.waiting.len() {
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            let name = &next.message.channel;
            match self.free(name) {
                Some(0) => {
                    self.waiting.push_back(next);
                    continue;
                }
                Some(_) => self.take_place(&next.message, &mut places),
                None => {}
            }
            taken.push(next);
        }
        (taken, places)
    }

    fn take_place(&mut self, message: &Message, places: &mut BTreeMap<String, usize>) {
        self.spend(message);
        let name = &message.channel;
        *self.open.entry(name.clone()).or_default() += 1;
        *places.entry(name.clone()).or_default() += 1;
    }

    /// What may be sent again out of a doubt and has a place.
    fn next_repeat(&self) -> Option<Message> {
        let parked = self.worker.parked_channels();
        self.worker.next_repeat(|message| {
            !parked.contains(&message.channel)
                && self.free(&message.channel).is_some_and(|places| places > 0)
                && self.worker.recipient_waits(message).is_none()
        })
    }

    /// Takes in what a refill brought; the attempts to deliver.
    fn taken(&mut self, mut refill: Refill, until: Until) -> Vec<Begin> {
        let begun = refill.begun.unwrap_or_else(|error| {
            self.failed(error, until);
            Vec::new()
        });
        for begin in &begun {
            if let Some(places) = refill.places.get_mut(begin.approved.channel()) {
                *places = places.saturating_sub(1);
            }
        }
        // What was not begun after all gives its place back.
        for (channel, places) in refill.places {
            self.leave(&channel, places);
        }
        match refill.claimed {
            Ok(claimed) => {
                if refill.asked {
                    self.worker.notice_hold(false);
                }
                if refill.asked && claimed.is_empty() {
                    self.rest = Some(Instant::now() + self.worker.options.poll);
                }
                self.waiting.extend(claimed);
            }
            Err(error) => self.failed(error, until),
        }
        self.begun += begun.len() as u64;
        begun
    }

    fn failed(&mut self, error: Error, until: Until) {
        let poll = self.worker.options.poll;
        let wait = if error.kind() == ErrorKind::OnHold {
            self.worker.notice_hold(true);
            poll.max(HOLD_REST)
        } else {
            tracing::warn!(kind = error.kind().code(), "deliveries wait for the store");
            poll
        };
        self.rest = Some(Instant::now() + wait);
        if until == Until::Idle {
            self.failure.get_or_insert(error);
        }
    }

    fn leave(&mut self, channel: &str, places: usize) {
        if let Some(open) = self.open.get_mut(channel) {
            *open = open.saturating_sub(places);
        }
    }

    fn answered(&mut self, (begin, outcome): (Arc<Begin>, Outcome)) {
        self.flying.remove(&begin.attempt.id);
        // At once: what is begun before the answer is recorded has to know of it.
        self.worker.heed(&begin, &outcome);
        self.ended.push((begin, outcome));
        self.ripe.get_or_insert(Instant::now() + LINGER);
    }

    /// Whether there are answers that wait for no others: they hold a fifth of all places, or have waited
    /// for long enough.
    fn has_enough_ended(&self) -> bool {
        let is_much = self.ended.len() * 4 >= self.flying.len();
        let is_ripe = self.ripe.is_some_and(|at| at <= Instant::now());
        !self.ended.is_empty() && (is_much || is_ripe)
    }

    /// Calls whatever has not answered uncertain.
    fn give_up(&mut self) {
        for begin in std::mem::take(&mut self.flying).into_values() {
            let reason = "shutdown".to_owned();
            self.ended.push((begin, Outcome::Unknown { reason }));
        }
    }

    /// Records what has ended; the answer names the channels whose places become free.
    fn record(&mut self) -> impl Future<Output = (Vec<String>, Result<()>)> + Send + use<'w> {
        let count = self.ended.len().min(RECORD_BATCH);
        let batch: Vec<_> = self.ended.drain(..count).collect();
        if self.ended.is_empty() {
            self.ripe = None;
        }
        let names = batch.iter().map(|(begin, _)| begin.approved.channel());
        let channels = names.map(str::to_owned).collect();
        let worker = self.worker;
        async move { (channels, worker.record(batch).await) }
    }

    fn recorded(&mut self, channels: Vec<String>, result: Result<()>) {
        for channel in channels {
            self.leave(&channel, 1);
        }
        if let Err(error) = result {
            // The leases end and the sweep calls these attempts uncertain.
            tracing::warn!(kind = error.kind().code(), "outcomes could not be recorded");
        }
    }

    /// Gives back what has waited for too long or whose channel rests, or everything. What cannot be
    /// given back returns when its lease ends.
    async fn release(&mut self, everything: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let (now, parked) = (Instant::now(), self.worker.parked_channels());
        let late = |claimed: &Claimed| {
            everything || claimed.deadline <= now || parked.contains(&claimed.message.channel)
        };
        if !self.waiting.iter().any(late) {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (back, kept): (Vec<_>, Vec<_>) = waiting.into_iter().partition(late);
        self.waiting = kept.into();
        let reason = if everything { "shutdown" } else { "not_begun" };
        if let Err(error) = self.worker.release(&back, reason).await {
            tracing::warn!(
                kind = error.kind().code(),
                "messages could not be given back"
            );
        }
    }
}

impl Worker {
    /// Claims in every workspace in turn, beginning with another one each time.
    async fn claim_everywhere(&self, limit: u32, except: Vec<String>) -> Result<Vec<Claimed>> {
        let mut workspaces: Vec<Workspace> = self.engine.store().workspaces().await?;
        let turn = self.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let count = workspaces.len().max(1);
        workspaces.rotate_left(turn % count);
        let mut all = Vec::new();
        for workspace in &workspaces {
            let left = limit.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX));
            if left == 0 {
                break;
            }
            match self.claim(workspace, left, except.clone()).await {
                Ok(claimed) => all.extend(claimed),
                // What was claimed before it is delivered all the same.
                Err(error) if all.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(all)
    }
}

/// Waits for a step, if one is under way.
pub(super) async fn step<T>(slot: &mut Option<BoxFuture<'_, T>>) -> T {
    let Some(future) = slot else {
        return pending().await;
    };
    let done = future.await;
    *slot = None;
    done
}

pub(super) async fn until_then(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}
