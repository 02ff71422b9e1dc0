//! The stream of drafts: writes the texts of planned lines without waiting for the slowest.
//!
//! A number of places ([`WorkerOptions::drafts`](super::WorkerOptions::drafts)) is shared by all campaigns of all
//! workspaces. While there is work they are all taken: each text that is written frees one at once, lines are read
//! ahead, and what is written is stored beside it, in groups that share a commit. Campaigns take turns. A model that
//! wants fewer calls is left alone by all of them until its time is over ([`rests`](super::rests)).
//!
//! What is stored is decided when it is stored, on the campaign and the contact as they are by then: a plan that
//! moves on costs no text, and a campaign that was paused stores none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::Worker;
use super::flow::{Until, step, until_then};
use super::line::{Line, LineText, Texts};
use super::lines::{Found, Have};
use super::rests::LineKey;
use crate::campaign::Campaign;
use crate::engine::Drafted;
use crate::error::{Error, Result};
use crate::id::{CampaignId, ContactId};

/// How many texts are stored in one commit at most.
const BATCH: usize = 500;

/// How long a text waits for others at most, so that they share a commit.
const LINGER: std::time::Duration = std::time::Duration::from_millis(20);

/// How long a worker that goes on for ever waits between two looks that found nothing.
const GAP: std::time::Duration = std::time::Duration::from_millis(50);

/// A text that was written, or why not.
pub(super) struct Ended {
    pub(super) campaign: Arc<Campaign>,
    pub(super) line: Line,
    pub(super) text: LineText,
}

/// What became of a group.
pub(super) struct Kept {
    /// Messages stored, or lines left out for good.
    pub(super) count: u64,
    /// What the store did not take for now.
    pub(super) again: Vec<Ended>,
    /// The lines that are done with.
    pub(super) over: Vec<LineKey>,
    /// Why the store did not.
    pub(super) failure: Option<Error>,
}

/// Lines of one campaign, read ahead.
struct Source {
    campaign: Arc<Campaign>,
    texts: Arc<Texts>,
    lines: VecDeque<Line>,
    /// The last contact read; `None` to begin anew.
    cursor: Option<Uuid>,
}

/// What is read ahead, under way and written.
struct Drafting<'w> {
    worker: &'w Worker,
    until: Until,
    sources: BTreeMap<CampaignId, Source>,
    /// Whose turn it is.
    turns: VecDeque<CampaignId>,
    /// Lines under way or not stored yet.
    held: BTreeSet<LineKey>,
    /// Lines that are done with, but may come back from a look that began before they were.
    over: Vec<LineKey>,
    looking: bool,
    flying: usize,
    ended: Vec<Ended>,
    /// How many are being stored.
    storing: usize,
    /// When what is written is stored at the latest.
    ripe: Option<Instant>,
    /// Nothing is stored before.
    hold_back: Option<Instant>,
    /// Nothing was found when last looked; look again then.
    rest: Option<Instant>,
    /// Whether something was written since the last look, and when that was.
    stale: bool,
    looked: Option<Instant>,
    count: u64,
    failure: Option<Error>,
}

impl Worker {
    /// Drafts what is planned. Returns how many lines were done with.
    ///
    /// A stopping worker begins no text and stores what is written; what a model has not answered after the grace is
    /// dropped, and its line stays undrafted.
    ///
    /// # Errors
    /// As the store, for a stream until idle, once everything under way has ended. Otherwise failures are logged and
    /// tried again.
    pub(super) async fn drafting(&self, stop: &watch::Receiver<bool>, until: Until) -> Result<u64> {
        let mut stop = stop.clone();
        let mut flow = Drafting::new(self, until);
        let mut texts = FuturesUnordered::new();
        let mut look: Option<BoxFuture<'_, Result<Vec<Found>>>> = None;
        let mut storing: Option<BoxFuture<'_, Kept>> = None;
        let mut patience: Option<Instant> = None;
        let mut changed = self.engine.store().changed(0);
        loop {
            let stopping = *stop.borrow() || stop.has_changed().is_err();
            if stopping && patience.is_none() {
                patience = Some(Instant::now() + self.options.grace);
            }
            if storing.is_none() && flow.has_enough_ended() {
                storing = Some(flow.store().boxed());
            }
            let give_up = stopping || flow.failure.is_some();
            if !give_up {
                while let Some((campaign, line, sources)) = flow.next() {
                    texts.push(async move {
                        let text = self.write_line(&campaign, &line, &sources).await;
                        (campaign, line, text)
                    });
                }
                if look.is_none() && flow.wants_lines() {
                    look = Some(flow.look().boxed());
                }
            } else if flow.failure.is_some() {
                flow.ended.clear();
            }
            let quiet = look.is_none() && storing.is_none() && texts.is_empty();
            if quiet && flow.ended.is_empty() {
                let idle = until == Until::Idle && flow.rest.is_some() && flow.ahead() == 0;
                if give_up || idle {
                    return flow.failure.map_or(Ok(flow.count), Err);
                }
            }
            let looking = look.is_some() || give_up;
            let wake = [patience, flow.wake(storing.is_some(), looking)];
            let wake = wake.into_iter().flatten().min();
            tokio::select! {
                // See the flow of deliveries: the same happenings make the same run.
                biased;
                found = step(&mut look) => flow.found(found),
                kept = step(&mut storing) => flow.kept(kept),
                Some(first) = texts.next() => {
                    flow.answered(first);
                    while let Some(Some(next)) = texts.next().now_or_never() {
                        flow.answered(next);
                    }
                }
                _ = stop.changed(), if !stopping => {}
                () = until_then(wake) => {
                    flow.rest = flow.rest.filter(|rest| *rest > Instant::now());
                    if patience.is_some_and(|end| end <= Instant::now()) {
                        // Their lines stay in the plan. What the store has not taken by now is written anew.
                        texts.clear();
                        flow.ended.clear();
                        (look, storing) = (None, None);
                        patience = Some(Instant::now() + self.options.grace);
                    }
                }
                number = &mut changed => {
                    changed = self.engine.store().changed(number);
                    flow.stale = true;
                }
            }
        }
    }
}

impl<'w> Drafting<'w> {
    fn new(worker: &'w Worker, until: Until) -> Self {
        Self {
            worker,
            until,
            sources: BTreeMap::new(),
            turns: VecDeque::new(),
            held: BTreeSet::new(),
            over: Vec::new(),
            looking: false,
            flying: 0,
            ended: Vec::new(),
            storing: 0,
            ripe: None,
            hold_back: None,
            rest: None,
            stale: false,
            looked: None,
            count: 0,
            failure: None,
        }
    }

    fn places(&self) -> usize {
        self.worker.options.drafts
    }

    /// How many lines are read ahead.
    fn ahead(&self) -> usize {
        self.sources.values().map(|source| source.lines.len()).sum()
    }

    /// The next line to be written, if there is a place for it: one of each campaign in turn.
    fn next(&mut self) -> Option<(Arc<Campaign>, Line, Arc<Texts>)> {
        // What the store is slow to take is not written any faster.
        if self.flying >= self.places() || self.ended.len() + self.storing > self.places() {
            return None;
        }
        let now = Instant::now();
        let rests = self.worker.rests();
        let is_resting = rests.worth_waiting(0, now).is_some();
        for _ in 0..self.turns.len() {
            self.turns.rotate_left(1);
            let Some(source) = self.turns.back().and_then(|id| self.sources.get_mut(id)) else {
                continue;
            };
            let needs_model = source.campaign.fields.asks_model();
            let id = source.campaign.id;
            if rests.campaign(id, now).is_some() {
                // They are read again when it goes on.
                (source.cursor, source.lines) = (None, VecDeque::new());
                continue;
            }
            if needs_model && is_resting {
                continue;
            }
            // One that waited tries with one line whether it may go on.
            let first = (id, String::new(), ContactId(Uuid::nil()));
            let is_under_way = self
                .held
                .range(first..)
                .next()
                .is_some_and(|key| key.0 == id);
            if is_under_way && rests.is_trying(id) {
                continue;
            }
            while let Some(line) = source.lines.pop_front() {
                let key = key(&line);
                if !rests.is_left(&key) && self.held.insert(key) {
                    self.flying += 1;
                    let (campaign, texts) = (&source.campaign, &source.texts);
                    return Some((Arc::clone(campaign), line, Arc::clone(texts)));
                }
            }
        }
        None
    }

    /// Whether to look for lines: few are left, or much may have changed since the last look.
    fn wants_lines(&self) -> bool {
        if self.ahead() < self.places() {
            let is_over = self.until == Until::Idle || self.is_over(GAP);
            return self.rest.is_none() || (self.stale && is_over);
        }
        // A campaign may have been paused meanwhile, and another begun.
        self.is_over(self.worker.options.poll)
    }

    fn is_over(&self, gap: std::time::Duration) -> bool {
        self.looked.is_none_or(|at| at + gap <= Instant::now())
    }

    fn look(&mut self) -> impl Future<Output = Result<Vec<Found>>> + Send + use<'w> {
        let now = Instant::now();
        (self.looking, self.stale, self.looked, self.rest) = (true, false, Some(now), None);
        self.worker.rests().tidy(now);
        let room = (self.places() * 4).max(400).saturating_sub(self.ahead());
        let have = self.sources.iter().map(|(id, source)| {
            let cursor = source.cursor;
            let left = source.lines.len();
            (*id, Have { cursor, left })
        });
        let have: BTreeMap<_, _> = have.collect();
        let (worker, places) = (self.worker, self.places());
        async move { worker.look(&have, room, places).await }
    }

    /// Takes in what a look brought.
    fn found(&mut self, found: Result<Vec<Found>>) {
        self.looking = false;
        let poll = self.worker.options.poll;
        match found {
            Err(error) => {
                tracing::warn!(kind = error.kind().code(), "drafts wait for the store");
                self.rest = Some(Instant::now() + poll);
                if self.until == Until::Idle {
                    self.failure.get_or_insert(error);
                }
            }
            Ok(found) => {
                let brought = self.take_over(found);
                if !brought {
                    self.rest = Some(Instant::now() + poll);
                }
            }
        }
        for key in std::mem::take(&mut self.over) {
            self.held.remove(&key);
        }
    }

    /// Whether there was a line that was not known.
    fn take_over(&mut self, found: Vec<Found>) -> bool {
        let mut brought = false;
        let mut known = std::mem::take(&mut self.sources);
        for Found { campaign, page } in found {
            let id = campaign.id;
            let campaign = Arc::new(campaign);
            let before = known.remove(&id);
            let Some(page) = page else {
                if let Some(before) = before {
                    self.sources.insert(id, Source { campaign, ..before });
                }
                continue;
            };
            let mut lines = before.map(|before| before.lines).unwrap_or_default();
            let waiting: BTreeSet<LineKey> = lines.iter().map(key).collect();
            let rests = self.worker.rests();
            for line in page.lines {
                let key = key(&line);
                if self.held.contains(&key) || waiting.contains(&key) || rests.is_left(&key) {
                    continue;
                }
                brought = true;
                lines.push_back(line);
            }
            // The end was reached: what comes next begins anew, for the plan may have grown anywhere.
            brought |= page.next.is_some();
            let source = Source {
                campaign,
                texts: Arc::new(page.texts),
                lines,
                cursor: page.next,
            };
            self.sources.insert(id, source);
        }
        // What is left in `known` runs no longer.
        let mut rests = self.worker.rests();
        for id in known.keys() {
            rests.go_on(*id);
        }
        let sources = &self.sources;
        self.turns.retain(|id| sources.contains_key(id));
        let waiting: BTreeSet<_> = self.turns.iter().copied().collect();
        let new = sources.keys().filter(|id| !waiting.contains(id));
        self.turns.extend(new);
        brought
    }

    fn answered(&mut self, (campaign, line, text): (Arc<Campaign>, Line, Result<LineText>)) {
        self.flying = self.flying.saturating_sub(1);
        let (id, now) = (campaign.id, Instant::now());
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(campaign = %id, kind = error.kind().code(),
                    "a message could not be drafted");
                self.leave(key(&line));
                return;
            }
        };
        match &text {
            Ok(Drafted::Taken) => return self.leave(key(&line)),
            Ok(Drafted::Waits { wait, .. }) => self.worker.rests().wait(id, *wait, now),
            Ok(Drafted::Written(_)) => self.worker.rests().go_on(id),
            Err(_) => {}
        }
        let ended = Ended {
            campaign,
            line,
            text,
        };
        self.ended.push(ended);
        self.ripe.get_or_insert(now + LINGER);
    }

    /// Leaves a line alone for a while.
    fn leave(&mut self, key: LineKey) {
        self.worker.rests().leave(key.clone(), Instant::now());
        self.release(key);
    }

    fn release(&mut self, key: LineKey) {
        if self.looking {
            self.over.push(key);
        } else {
            self.held.remove(&key);
        }
    }

    /// Whether there are texts that wait for no others: many, or some that have waited for long enough.
    fn has_enough_ended(&self) -> bool {
        let now = Instant::now();
        let is_held_back = self.hold_back.is_some_and(|until| until > now);
        let is_much = self.ended.len() * 4 >= self.flying;
        let is_ripe = self.ripe.is_some_and(|at| at <= now);
        !self.ended.is_empty() && !is_held_back && (is_much || is_ripe)
    }

    fn store(&mut self) -> impl Future<Output = Kept> + Send + use<'w> {
        let count = self.ended.len().min(BATCH);
        let batch: Vec<_> = self.ended.drain(..count).collect();
        if self.ended.is_empty() {
            self.ripe = None;
        }
        (self.storing, self.hold_back) = (count, None);
        let worker = self.worker;
        async move { worker.keep(batch).await }
    }

    fn kept(&mut self, kept: Kept) {
        self.storing = 0;
        self.count += kept.count;
        for key in kept.over {
            self.release(key);
        }
        if let Some(error) = kept.failure {
            let wait = Instant::now() + self.worker.options.poll;
            tracing::warn!(kind = error.kind().code(), "drafts wait for the store");
            (self.hold_back, self.ripe) = (Some(wait), Some(wait));
            if self.until == Until::Idle {
                self.failure.get_or_insert(error);
            }
        }
        self.ended.splice(0..0, kept.again);
    }

    /// When there is something to do that nothing else tells of; `looking` when no look may begin.
    fn wake(&self, storing: bool, looking: bool) -> Option<Instant> {
        let now = Instant::now();
        let ripe = self.ripe.max(self.hold_back).filter(|_| !storing);
        let ripe = ripe.filter(|_| !self.ended.is_empty());
        let is_low = self.ahead() < self.places();
        let gap = if is_low {
            self.stale.then_some(GAP)
        } else {
            Some(self.worker.options.poll)
        };
        let gap = self.looked.zip(gap).map(|(at, gap)| at + gap);
        let gap = gap.filter(|_| !looking);
        // Not sooner than what a look waits for, or this would spin.
        let rest = self.rest.filter(|_| !looking);
        let model = self.worker.rests().worth_waiting(0, now);
        let model = model.filter(|_| self.ahead() > 0 && !looking);
        [ripe, gap, rest, model].into_iter().flatten().min()
    }
}

/// Which line it is.
pub(super) fn key(line: &Line) -> LineKey {
    let row = &line.row;
    (row.campaign_id, row.occurrence.clone(), row.contact_id)
}
