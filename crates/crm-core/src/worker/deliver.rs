//! Claim, begin, deliver, record.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::error::{ErrorKind, Result};
use crate::message::dispatch::{self, Begun};
use crate::message::{Approved, Attempt, Message};
use crate::port::channel::{Channel, Outcome, RetryScope};
use crate::port::store::{Claim, DispatchView};

/// How many outcomes are recorded in one commit at most.
const RECORD_BATCH: usize = 100;

/// An attempt that was begun.
struct Begin {
    message: Message,
    attempt: Attempt,
    approved: Approved,
    channel: Arc<dyn Channel>,
}

impl Worker {
    /// Claims one batch and takes it to its end. Returns how many attempts were begun.
    ///
    /// A stopping worker gives back what it has not begun.
    pub(super) async fn dispatch(
        &self,
        workspace: &Workspace,
        stop: &watch::Receiver<bool>,
    ) -> Result<u64> {
        let now = self.engine.now();
        let claim = Claim {
            workspace: workspace.clone(),
            worker: self.options.name.clone(),
            limit: self.options.batch,
            now,
            lease: self.options.lease,
            parked: self.parked_channels(),
            ids: self.engine.ids().clone(),
        };
        let claimed = self.engine.store().claim(claim).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let deadline = tokio::time::Instant::now()
            + (self.options.lease / 2)
                .to_std()
                .unwrap_or(std::time::Duration::from_secs(30));
        self.deliver(workspace, claimed, deadline, stop).await
    }

    async fn release(&self, workspace: &Workspace, claimed: &[Message]) -> Result<()> {
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::new();
        for message in claimed {
            sets.push(dispatch::take_back(message, None, "shutdown", &stamp)?.1);
        }
        self.commit(sets).await.map(|_| ())
    }

    async fn begin(&self, workspace: &Workspace, claimed: &[Message]) -> Result<Vec<Begin>> {
        let ids: Vec<_> = claimed.iter().map(|message| message.id).collect();
        let views = self.engine.store().dispatch(workspace, &ids).await?;
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::with_capacity(views.len());
        let mut waiting = Vec::with_capacity(views.len());
        for view in &views {
            let channel = self.engine.channels().get(&view.message.channel).cloned();
            let decided = match &channel {
                Some(channel) => {
                    let address = channel.capabilities().address;
                    dispatch::begin(view, &self.options.name, address, &stamp)
                }
                None => Self::without_channel(view, &stamp),
            };
            match decided {
                Ok(begun) => {
                    sets.push(begun.changes);
                    waiting.push((begun.message, begun.delivery, channel));
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => {
                    // One message that cannot be decided must not hold up the rest; its lease ends.
                    tracing::warn!(message = %view.message.id, kind = error.kind().code(),
                        "a message could not be begun");
                }
            }
        }
        let results = self.engine.commit(sets).await?;
        let mut begun = Vec::new();
        for ((message, delivery, channel), result) in waiting.into_iter().zip(results) {
            // A failed precondition: something changed between reading and committing. The message is
            // still claimed; the lease gives it back and the next round sees the change.
            if result.is_err() {
                continue;
            }
            if let (Some((approved, attempt)), Some(channel)) = (delivery, channel) {
                begun.push(Begin {
                    message,
                    attempt,
                    approved,
                    channel,
                });
            }
        }
        Ok(begun)
    }

    fn without_channel(view: &DispatchView, stamp: &crate::stamp::Stamp<'_>) -> Result<Begun> {
        let until = stamp.at + chrono::Duration::minutes(5);
        let (message, changes) =
            dispatch::postpone(&view.message, "channel_not_set_up", until, stamp)?;
        Ok(Begun {
            changes,
            message,
            delivery: None,
        })
    }

    /// Begins, delivers and records, with no more attempts open than the channels deliver at once: what
    /// a crash leaves uncertain is what was really under way. Outcomes that end together share a commit.
    async fn deliver(
        &self,
        workspace: &Workspace,
        claimed: Vec<Message>,
        deadline: tokio::time::Instant,
        stop: &watch::Receiver<bool>,
    ) -> Result<u64> {
        let mut waiting: VecDeque<Message> = claimed.into();
        let mut open: BTreeMap<String, usize> = BTreeMap::new();
        let mut sends = FuturesUnordered::new();
        let mut count = 0;
        loop {
            let late = *stop.borrow() || tokio::time::Instant::now() >= deadline;
            if late && !waiting.is_empty() {
                self.release(workspace, waiting.make_contiguous()).await?;
                waiting.clear();
            }
            let next = self.take_free(&mut waiting, &open);
            if !next.is_empty() {
                for begin in self.begin(workspace, &next).await? {
                    count += 1;
                    *open.entry(begin.approved.channel().to_owned()).or_default() += 1;
                    sends.push(async move {
                        let outcome = send(&*begin.channel, &begin.approved, deadline).await;
                        (begin, outcome)
                    });
                }
            }
            let Some(first) = sends.next().await else {
                if waiting.is_empty() {
                    return Ok(count);
                }
                continue;
            };
            let mut batch = vec![first];
            while batch.len() < RECORD_BATCH {
                match sends.next().now_or_never() {
                    Some(Some(next)) => batch.push(next),
                    _ => break,
                }
            }
            for (begin, _) in &batch {
                if let Some(open) = open.get_mut(begin.approved.channel()) {
                    *open = open.saturating_sub(1);
                }
            }
            self.record(workspace, batch).await?;
        }
    }

    /// Takes as many waiting messages as their channels have free places. A message whose channel is
    /// not set up takes no place: beginning it only puts it back.
    fn take_free(
        &self,
        waiting: &mut VecDeque<Message>,
        open: &BTreeMap<String, usize>,
    ) -> Vec<Message> {
        let mut free: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, channel) in self.engine.channels() {
            let places = channel.capabilities().concurrency.max(1);
            free.insert(
                name,
                places.saturating_sub(open.get(name).copied().unwrap_or(0)),
            );
        }
        let mut taken = Vec::new();
        waiting.retain(|message| {
            let takes = match free.get_mut(message.channel.as_str()) {
                None => true,
                Some(0) => false,
                Some(places) => {
                    *places -= 1;
                    true
                }
            };
            if takes {
                taken.push(message.clone());
            }
            !takes
        });
        taken
    }

    async fn record(&self, workspace: &Workspace, batch: Vec<(Begin, Outcome)>) -> Result<()> {
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let policy = self.engine.policy().retry;
        let mut sets = Vec::with_capacity(batch.len());
        for (begin, outcome) in &batch {
            self.park(begin.approved.channel(), outcome);
            sets.push(dispatch::record(&begin.message, &begin.attempt, outcome, policy, &stamp)?.1);
        }
        let results = loop {
            match self.engine.commit(sets.clone()).await {
                Ok(results) => break results,
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    // A learnt outcome is never discarded: record it once the store is back. Whether
                    // an unanswered commit took place shows as a version conflict below.
                    tracing::warn!("outcomes wait for the store");
                    tokio::time::sleep(self.options.poll).await;
                }
                Err(error) => return Err(error),
            }
        };
        for ((begin, outcome), result) in batch.iter().zip(results) {
            if result.is_err() {
                self.record_again(workspace, begin, outcome).await?;
            }
        }
        Ok(())
    }

    /// The message changed while it was being sent (the sweep gave it up, or an unanswered commit did
    /// take place): decide again on fresh data.
    async fn record_again(
        &self,
        workspace: &Workspace,
        begin: &Begin,
        outcome: &Outcome,
    ) -> Result<()> {
        let actor = Actor::system(workspace.clone());
        for _ in 0..5 {
            let ids = [begin.message.id];
            let views = self.engine.store().dispatch(workspace, &ids).await?;
            let Some(view) = views.into_iter().next() else {
                return Ok(());
            };
            let stamp = self.stamp(&actor);
            let same = view
                .attempt
                .filter(|attempt| attempt.id == begin.attempt.id);
            let attempt = same.unwrap_or_else(|| begin.attempt.clone());
            let policy = self.engine.policy().retry;
            let (_, set) = dispatch::record(&view.message, &attempt, outcome, policy, &stamp)?;
            let nothing = set.changes().is_empty() && set.events().is_empty();
            if nothing || self.engine.commit_one(set).await.is_ok() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A channel that refuses everything rests, instead of burning attempts.
    fn park(&self, channel: &str, outcome: &Outcome) {
        let rest = match outcome {
            Outcome::Stop { .. } => chrono::Duration::minutes(5),
            Outcome::RetryAfter {
                scope: RetryScope::Channel,
                at_least,
                ..
            } => chrono::Duration::from_std(*at_least).unwrap_or(chrono::Duration::hours(1)),
            _ => return,
        };
        let until = self.engine.now() + rest;
        // A poisoned lock still holds a usable map: it is written in one call.
        let mut parked = self
            .parked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        parked.insert(channel.to_owned(), until);
    }

    fn parked_channels(&self) -> Vec<String> {
        let now = self.engine.now();
        let mut parked = self
            .parked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        parked.retain(|_, until| *until > now);
        parked.keys().cloned().collect()
    }
}

/// One delivery, bounded in time. After the call began, a timeout or a panic is unknown.
async fn send(
    channel: &dyn Channel,
    approved: &Approved,
    deadline: tokio::time::Instant,
) -> Outcome {
    if tokio::time::Instant::now() >= deadline {
        // Frozen or queued for so long that the lease may be over: do not begin.
        return Outcome::RetryAfter {
            scope: RetryScope::Message,
            at_least: std::time::Duration::ZERO,
            reason: "deadline_before_send".to_owned(),
        };
    }
    let call = std::panic::AssertUnwindSafe(channel.send(approved)).catch_unwind();
    match tokio::time::timeout(channel.capabilities().timeout, call).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Outcome::Unknown {
            reason: "channel_panicked".to_owned(),
        },
        Err(_elapsed) => Outcome::Unknown {
            reason: "timeout".to_owned(),
        },
    }
}
