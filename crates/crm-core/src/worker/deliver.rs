//! The steps of a delivery: claim, begin, the channel's answer, record.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::consent::window::Window;
use crate::error::{ErrorKind, Result};
use crate::guardrail::{Rule, Severity};
use crate::message::dispatch::{self, Begun, Desk};
use crate::message::guard::House;
use crate::message::{Approved, Attempt, Message, Status};
use crate::port::callback::About;
use crate::port::channel::{Channel, Outcome, RetryScope};
use crate::port::store::{Claim, DispatchView};
use crate::port::units::Unit;
use crate::stamp::Stamp;

/// The longest rest of a channel or a recipient, whatever a provider says.
const LONGEST_REST: chrono::Duration = chrono::Duration::days(30);

/// A message that was claimed, or is in doubt and may be sent again, and has to be begun before the deadline.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) message: Message,
    /// Half of the lease: what begins later could end after it.
    pub(super) deadline: Instant,
}

/// An attempt that was begun.
#[derive(Debug)]
pub(super) struct Begin {
    message: Message,
    pub(super) attempt: Attempt,
    pub(super) approved: Approved,
    channel: Arc<dyn Channel>,
    deadline: Instant,
}

impl Begin {
    /// Delivers it.
    pub(super) async fn send(&self) -> Outcome {
        send(&*self.channel, &self.approved, self.deadline).await
    }
}

impl Worker {
    /// When what is taken now has to be under way.
    pub(super) fn deadline(&self) -> Instant {
        let half = (self.options.lease / 2).to_std();
        Instant::now() + half.unwrap_or(std::time::Duration::from_secs(30))
    }

    /// Claims what is due in one workspace, except on the channels named.
    pub(super) async fn claim(
        &self,
        workspace: &Workspace,
        limit: u32,
        except: Vec<String>,
    ) -> Result<Vec<Claimed>> {
        let deadline = self.deadline();
        let claim = Claim {
            workspace: workspace.clone(),
            worker: self.options.name.clone(),
            limit,
            now: self.engine.now(),
            lease: self.options.lease,
            parked: except,
            ids: self.engine.ids().clone(),
        };
        let claimed = self.engine.store().claim(claim).await?;
        let claimed = claimed.into_iter();
        Ok(claimed
            .map(|message| Claimed { message, deadline })
            .collect())
    }

    /// Gives back what was claimed and not begun.
    pub(super) async fn release(&self, claimed: &[Claimed], reason: &str) -> Result<()> {
        let mut sets = Vec::new();
        for Claimed { message, .. } in claimed {
            let actor = Actor::system(message.workspace.clone());
            let stamp = self.stamp(&actor);
            sets.push(dispatch::take_back(message, None, reason, &stamp)?.1);
        }
        self.commit(sets).await.map(|_| ())
    }

    /// Begins what was claimed: what is not in the answer does not leave now.
    pub(super) async fn begin(&self, claimed: Vec<Claimed>) -> Result<Vec<Begin>> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let mut deadlines = BTreeMap::new();
        let mut ids: BTreeMap<Workspace, Vec<_>> = BTreeMap::new();
        for Claimed { message, deadline } in claimed {
            deadlines.insert(message.id, deadline);
            ids.entry(message.workspace).or_default().push(message.id);
        }
        let mut sets = Vec::with_capacity(deadlines.len());
        let mut waiting = Vec::with_capacity(deadlines.len());
        let at = self.time().await?;
        for (workspace, ids) in ids {
            let views = self.engine.store().dispatch(&workspace, &ids).await?;
            let actor = Actor::system(workspace);
            let stamp = Stamp {
                at,
                ..self.stamp(&actor)
            };
            let people = views.iter().map(|view| {
                let message = &view.message;
                (message.channel.as_str(), message.recipient.as_str())
            });
            let asked = self.with_windows(people);
            let windows = self.windows(&actor.workspace, asked).await?;
            for view in views {
                let channel = self.engine.channels().get(&view.message.channel).cloned();
                let window = windows.of(&view.message.channel, &view.message.recipient);
                match self.decide(&view, channel.as_ref(), window, &stamp) {
                    Ok(None) => {}
                    Ok(Some(begun)) => {
                        sets.push(begun.changes);
                        waiting.push((begun.message, begun.delivery, channel));
                    }
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => {
                        // One message that cannot be decided must not hold up the rest; its lease
                        // ends.
                        tracing::warn!(message = %view.message.id, kind = error.kind().code(),
                            "a message could not be begun");
                    }
                }
            }
        }
        let results = match self.engine.commit(sets).await {
            Ok(results) => results,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::warn!("whether attempts are begun was not answered: they do not leave");
                let attempts = waiting.into_iter();
                let attempts = attempts.filter_map(|(message, delivery, _)| {
                    let (_, attempt) = delivery?;
                    Some((message.workspace, attempt))
                });
                let until = deadlines.into_values().max();
                self.never_left(attempts.collect(), until).await?;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut begun = Vec::with_capacity(results.len());
        for ((message, delivery, channel), result) in waiting.into_iter().zip(results) {
            // A failed precondition: something changed between reading and committing. The message is
            // still claimed; the lease gives it back and the next claim sees the change.
            if result.is_err() {
                continue;
            }
            let deadline = deadlines.get(&message.id).copied();
            if let (Some((approved, attempt)), Some(channel), Some(deadline)) =
                (delivery, channel, deadline)
            {
                begun.push(Begin {
                    message,
                    attempt,
                    approved,
                    channel,
                    deadline,
                });
            }
        }
        Ok(begun)
    }

    fn decide(
        &self,
        view: &DispatchView,
        channel: Option<&Arc<dyn Channel>>,
        window: Window,
        stamp: &Stamp<'_>,
    ) -> Result<Option<Begun>> {
        let message = &view.message;
        let doubtful = message.status == Status::Uncertain;
        let wait = match channel {
            None => Some((chrono::Duration::minutes(5), "channel_not_set_up")),
            Some(_) => self
                .recipient_waits(message)
                .map(|wait| (wait, "recipient_waits")),
        };
        if let Some((wait, reason)) = wait.filter(|_| !doubtful) {
            let (message, changes) = dispatch::postpone(message, reason, stamp.at + wait, stamp)?;
            return Ok(Some(Begun {
                changes,
                message,
                delivery: None,
            }));
        }
        let Some(channel) = channel.filter(|_| wait.is_none()) else {
            return Ok(None);
        };
        let capabilities = channel.capabilities();
        let rules = self.engine.guardrails();
        // Counted only where it could stop anything.
        let parts = (rules.severity(Rule::Parts) == Some(Severity::Blocking))
            .then(|| {
                channel.units(
                    message.revision.subject.as_deref(),
                    &message.revision.content,
                )
            })
            .filter(|units| units.unit == Unit::Part)
            .map(|units| units.count);
        let desk = Desk {
            house: House {
                rules,
                max_length: capabilities.max_length,
                parts,
            },
            worker: &self.options.name,
            lease: self.options.lease,
            address: capabilities.address,
            late_after: self.options.late_after,
            consent: self.engine.policy().consent,
            window,
            calendars: self.engine.calendars(),
        };
        if doubtful {
            let policy = self.engine.policy().retry;
            return dispatch::repeat(view, capabilities.idempotent, policy, desk, stamp);
        }
        dispatch::begin(view, desk, stamp).map(Some)
    }

    /// Records how attempts ended; those that end together share a commit.
    pub(super) async fn record(&self, batch: Vec<(Arc<Begin>, Outcome)>) -> Result<()> {
        let policy = self.engine.policy().retry;
        let results = loop {
            let mut sets = Vec::with_capacity(batch.len());
            for (begin, outcome) in &batch {
                let actor = Actor::system(begin.message.workspace.clone());
                let stamp = self.stamp(&actor);
                let (message, attempt) = (&begin.message, &begin.attempt);
                sets.push(dispatch::record(message, attempt, outcome, policy, &stamp)?.1);
            }
            match self.engine.commit(sets).await {
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
                self.record_again(begin, outcome).await?;
            }
        }
        Ok(())
    }

    /// The message changed while it was being sent (the sweep gave it up, or an unanswered commit did
    /// take place): decide again on fresh data.
    async fn record_again(&self, begin: &Begin, outcome: &Outcome) -> Result<()> {
        let actor = Actor::system(begin.message.workspace.clone());
        let mut tries = 0;
        while tries < 5 {
            match self.try_record_again(begin, outcome, &actor).await {
                Ok(()) => break,
                // As above: it waits for the store.
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    tokio::time::sleep(self.options.poll).await;
                }
                Err(error) if error.kind() == ErrorKind::Conflict => tries += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn try_record_again(
        &self,
        begin: &Begin,
        outcome: &Outcome,
        actor: &Actor,
    ) -> Result<()> {
        let ids = [begin.message.id];
        let store = self.engine.store();
        let views = store.dispatch(&begin.message.workspace, &ids).await?;
        let Some(view) = views.into_iter().next() else {
            return Ok(());
        };
        let stamp = self.stamp(actor);
        // Only a store that went back to an older state holds the claim and not the attempt.
        let forgotten = view.attempt.is_none() && view.message.epoch == begin.attempt.epoch;
        let record = if forgotten {
            dispatch::record_forgotten
        } else {
            dispatch::record
        };
        // It may be repeated by now: how it was closed says whether this answer still counts.
        let about = [About::Attempt(begin.attempt.id)];
        let known = store.attempts(&begin.message.workspace, &about).await?;
        let same = known
            .into_iter()
            .find(|attempt| attempt.message_id == begin.message.id);
        let attempt = same.unwrap_or_else(|| begin.attempt.clone());
        let policy = self.engine.policy().retry;
        let (_, set) = record(&view.message, &attempt, outcome, policy, &stamp)?;
        if set.changes().is_empty() && set.events().is_empty() {
            return Ok(());
        }
        self.engine.commit_one(set).await
    }

    /// A channel that refuses everything rests, instead of burning attempts, and so does a recipient.
    pub(super) fn heed(&self, begin: &Begin, outcome: &Outcome) {
        let now = self.engine.now();
        let (channel, recipient) = (begin.approved.channel(), begin.approved.recipient());
        let long = |at_least: &std::time::Duration| {
            chrono::Duration::from_std(*at_least)
                .unwrap_or(chrono::Duration::hours(1))
                .min(LONGEST_REST)
        };
        let rest = match outcome {
            Outcome::Stop { .. } => chrono::Duration::minutes(5),
            Outcome::RetryAfter {
                scope, at_least, ..
            } => match scope {
                RetryScope::Channel => long(at_least),
                RetryScope::Recipient => {
                    let until = now + long(at_least);
                    self.waits().insert(channel, recipient, until, now);
                    return;
                }
                RetryScope::Message => return,
            },
            _ => return,
        };
        let until = now + rest;
        // A poisoned lock still holds a usable map: it is written in one call.
        let mut parked = self
            .parked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        parked.insert(channel.to_owned(), until);
    }

    /// How long this message has to wait because its recipient does.
    pub(super) fn recipient_waits(&self, message: &Message) -> Option<chrono::Duration> {
        let now = self.engine.now();
        let until = self.waits().until(message, now)?;
        Some(until - now)
    }

    pub(super) fn parked_channels(&self) -> Vec<String> {
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
async fn send(channel: &dyn Channel, approved: &Approved, deadline: Instant) -> Outcome {
    if Instant::now() >= deadline {
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
