//! Spending: the one place that asks a model for a draft.
//!
//! What a call can cost at most is reserved before it and settled after it, so that no budget is exceeded
//! and each picodollar is in the usage ledger. Whatever ends in between (a crash, a caller who gives up)
//! leaves an open entry, which the worker's sweep takes for spent.

#[cfg(feature = "worker")]
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::Engine;
use crate::actor::{Actor, Workspace};
use crate::budget::{EntryState, LedgerEntry, Outcome};
use crate::change::{Change, ChangeSet};
use crate::error::{Error, ErrorKind, Result};
use crate::generation;
use crate::id::{CampaignId, LedgerId};
use crate::message::history::Subject;
use crate::money::dollars;
use crate::port::llm::{Draft, DraftRequest, Llm, LlmError, Usage};
use crate::port::store::{LedgerQuery, PageRequest, Store};
use crate::stamp::Stamp;
use crate::zone;

/// How long a call may take before it is taken for lost, and how long a draft holds its key so that it can be
/// saved. An answer that comes later still settles its entry.
const LEASE: Duration = Duration::minutes(5);
/// Entries closed in one commit of the sweep.
const SWEEP: u32 = 500;
/// How often an entry is settled when the store is away.
const TRIES: u32 = 3;

/// What a draft is for: who pays.
#[derive(Debug, Clone)]
pub(crate) struct Purpose<'a> {
    /// Who wants it.
    pub(crate) actor: &'a Actor,
    /// The campaign it belongs to.
    pub(crate) campaign: Option<CampaignId>,
    /// What exactly is drafted: nobody else is drafting the same key meanwhile, nor for five minutes after a
    /// draft, in which it is to be saved.
    pub(crate) key: Option<String>,
}

/// Why there is no draft.
#[derive(Debug)]
pub(crate) enum NoDraft {
    /// The model's own answer.
    Refused(LlmError),
    /// A budget has not enough left; nothing was asked.
    OverBudget,
    /// What it costs is not known, and a budget applies; nothing was asked.
    UnknownPrice,
    /// Somebody else drafts the same key; nothing was asked.
    Taken,
    /// The store; nothing was asked.
    Store(Error),
}

impl Engine {
    /// Asks the model for one draft, within the budgets.
    ///
    /// It may be dropped at any moment: the entry then stays open until the sweep. On an engine made by
    /// [`deferred`](Self::deferred) the ledger is written at once nevertheless: what was asked is paid for,
    /// whatever becomes of the host's transaction.
    pub(crate) async fn ask(
        &self,
        llm: &Arc<dyn Llm>,
        request: &DraftRequest,
        purpose: &Purpose<'_>,
    ) -> Result<Draft, NoDraft> {
        let worst = llm.worst_cost(request);
        // Judged by the store's clock, as all leases are: a machine that is behind must not lose its key at
        // once.
        let now = self.spending().now(self.now()).await;
        let expires_at = now.map_err(NoDraft::Store)? + LEASE;
        let reserved = worst.as_ref().ok().copied();
        let entry = self.entry(llm.model(), purpose, reserved, expires_at);
        if let Err(error) = self.reserve(&entry).await {
            return Err(match (error.kind(), worst) {
                (ErrorKind::OverBudget, Ok(_)) => NoDraft::OverBudget,
                (ErrorKind::OverBudget, Err(why)) if why.failure.code() == "unknown_price" => {
                    NoDraft::UnknownPrice
                }
                (ErrorKind::OverBudget, Err(why)) => NoDraft::Refused(why),
                (ErrorKind::Duplicate, _) => NoDraft::Taken,
                _ => NoDraft::Store(error),
            });
        }
        let answer = llm.draft(request).await;
        self.settle(purpose.actor, &entry, outcome(&answer, Some(request)))
            .await;
        answer.map_err(NoDraft::Refused)
    }

    /// An entry that is not written yet, given up at `expires_at` by the store's clock. For a request of a batch set
    /// `batch`.
    pub(crate) fn entry(
        &self,
        model: String,
        purpose: &Purpose<'_>,
        reserved_picodollars: Option<u64>,
        expires_at: DateTime<Utc>,
    ) -> LedgerEntry {
        let at = self.now();
        LedgerEntry {
            workspace: purpose.actor.workspace.clone(),
            id: LedgerId(self.ids().next()),
            at,
            day: zone::date(at, self.policy().time_zone),
            actor: purpose.actor.id.clone(),
            campaign_id: purpose.campaign,
            model,
            key: purpose.key.clone(),
            held: true,
            reserved_picodollars,
            state: EntryState::Reserved,
            cost_picodollars: 0,
            usage: Usage::default(),
            batch: false,
            answered: None,
            request_id: None,
            failure: None,
            expires_at,
            closed_at: None,
        }
    }

    /// Opens the entries of a batch's requests, each by itself; which of them are open now. One that was opened
    /// before a crash stays open; one that no budget has room for, or whose key somebody else holds, is not.
    ///
    /// # Errors
    /// As the store: some may be open all the same.
    #[cfg(feature = "worker")]
    pub(crate) async fn reserve_batch(&self, entries: Vec<LedgerEntry>) -> Result<Vec<bool>> {
        let Some(workspace) = entries.first().map(|entry| entry.workspace.clone()) else {
            return Ok(Vec::new());
        };
        let ids: Vec<LedgerId> = entries.iter().map(|entry| entry.id).collect();
        let sets = entries.into_iter().map(|entry| {
            let mut set = ChangeSet::new(entry.workspace.clone());
            set.push(Change::Reserve(Box::new(entry)));
            set
        });
        let results = self.spending().commit(sets.collect()).await?;
        let mut reserved = Vec::with_capacity(results.len());
        let mut known = Vec::new();
        for (result, id) in results.into_iter().zip(&ids) {
            reserved.push(match result {
                Ok(()) => true,
                Err(error) => match error.kind() {
                    ErrorKind::OverBudget => false,
                    ErrorKind::Duplicate => {
                        known.push(*id);
                        false
                    }
                    _ => return Err(error),
                },
            });
        }
        let mut open = BTreeSet::new();
        for ids in known.chunks(1_000) {
            let query = LedgerQuery {
                ids: ids.to_vec(),
                state: Some(EntryState::Reserved),
                page: PageRequest {
                    limit: 1_000,
                    ..PageRequest::default()
                },
                ..LedgerQuery::default()
            };
            let found = self.spending().ledger(&workspace, query).await?;
            open.extend(found.items.iter().map(|entry| entry.id));
        }
        for (reserved, id) in reserved.iter_mut().zip(&ids) {
            *reserved |= open.contains(id);
        }
        Ok(reserved)
    }

    /// Opens an entry, if every budget that applies has room for it.
    pub(crate) async fn reserve(&self, entry: &LedgerEntry) -> Result<()> {
        let mut set = ChangeSet::new(entry.workspace.clone());
        set.push(Change::Reserve(Box::new(entry.clone())));
        let result = self.write(set).await;
        if result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Unavailable)
        {
            // It may be open although we were not told. Nothing was asked, so it cost nothing; when this
            // fails too the sweep assumes more than was spent, never less.
            let failure = "not_begun".to_owned();
            let ended = entry.end(Outcome::Released { failure }, self.now());
            let mut set = ChangeSet::new(entry.workspace.clone());
            set.push(Change::Settle(Box::new(ended)));
            let _ = self.write(set).await;
        }
        result
    }

    /// Closes an entry. A store that is away for longer leaves it open, for the sweep: the draft is paid for
    /// and not lost for that.
    pub(crate) async fn settle(&self, actor: &Actor, entry: &LedgerEntry, outcome: Outcome) {
        let ended = entry.end(outcome, self.now());
        let mut set = ChangeSet::new(entry.workspace.clone());
        if ended.state == EntryState::Settled && ended.exceeds() {
            let stamp = Stamp {
                actor,
                at: self.now(),
                ids: self.ids().as_ref(),
            };
            let mut event = stamp.event(Subject::Budget, entry.id.0, 1, "reservation_exceeded");
            event.reason = Some(exceeded(&ended));
            set.event(event);
            #[cfg(feature = "worker")]
            tracing::warn!(entry = %entry.id, "a draft cost more than its model had said it could");
        }
        set.push(Change::Settle(Box::new(ended)));
        for _ in 0..TRIES {
            match self.write(set.clone()).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => {}
                // Closed by the first try, whose answer was lost, or there is nothing more to be done.
                _ => return,
            }
        }
        #[cfg(feature = "worker")]
        tracing::warn!(entry = %entry.id, "what a draft cost could not be written; it will be assumed");
    }

    /// Closes what is open and expired as assumed, and frees the keys of drafts that had their time to be
    /// saved. Of `keyed` ones alone whatever their time, for a worker that knows that the one before is dead.
    ///
    /// # Errors
    /// As the store.
    #[cfg_attr(not(feature = "worker"), allow(dead_code))]
    pub(crate) async fn sweep_spending(
        &self,
        workspace: &Workspace,
        now: DateTime<Utc>,
        dead: bool,
    ) -> Result<u64> {
        let mut query = LedgerQuery {
            held_before: Some(if dead { DateTime::<Utc>::MAX_UTC } else { now }),
            page: PageRequest {
                limit: SWEEP,
                oldest_first: true,
                ..PageRequest::default()
            },
            ..LedgerQuery::default()
        };
        let mut done = 0;
        loop {
            let page = self.spending().ledger(workspace, query.clone()).await?;
            let ended = page
                .items
                .iter()
                // A batch outlives its worker.
                .filter(|entry| entry.expires_at <= now || (entry.key.is_some() && !entry.batch));
            let sets: Vec<ChangeSet> = ended
                .map(|entry| {
                    let mut set = ChangeSet::new(workspace.clone());
                    set.push(Change::Settle(Box::new(entry.expire(now))));
                    set
                })
                .collect();
            if !sets.is_empty() {
                for result in self.spending().commit(sets).await? {
                    match result {
                        Ok(()) => done += 1,
                        // Its answer came after all.
                        Err(error) if error.kind() == ErrorKind::Conflict => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            query.page.after = page.next;
            if page.next.is_none() {
                return Ok(done);
            }
        }
    }

    /// Where the ledger is: the store itself, also when everything else is collected for the host.
    fn spending(&self) -> &Arc<dyn Store> {
        self.inner.ledger.as_ref().unwrap_or(&self.inner.store)
    }

    async fn write(&self, set: ChangeSet) -> Result<()> {
        let results = self.spending().commit(vec![set]).await?;
        results.into_iter().collect()
    }
}

fn exceeded(entry: &LedgerEntry) -> String {
    let amount = |pico: u64| dollars(i128::from(pico));
    format!(
        "reserved {} US dollars, cost {}",
        amount(entry.reserved_picodollars.unwrap_or(0)),
        amount(entry.cost_picodollars)
    )
}

/// What an answer makes of its entry.
pub(crate) fn outcome(answer: &Result<Draft, LlmError>, request: Option<&DraftRequest>) -> Outcome {
    match answer {
        Ok(draft) => Outcome::Settled {
            cost_picodollars: draft.cost_picodollars,
            usage: draft.usage,
            answered: Some(draft.model.clone()),
            request_id: draft.request_id.clone(),
            // A text that is not used frees its key, for another model to be asked.
            failure: request
                .and_then(|request| generation::check(draft, request).err())
                .map(|code| code.to_string()),
        },
        Err(error) => {
            let failure = error.failure.code().to_owned();
            if error.cost_is_unknown() {
                Outcome::Assumed { failure }
            } else if error.cost_picodollars > 0 || error.usage != Usage::default() {
                Outcome::Settled {
                    cost_picodollars: error.cost_picodollars,
                    usage: error.usage,
                    answered: None,
                    request_id: error.request_id.as_deref().map(str::to_owned),
                    failure: Some(failure),
                }
            } else {
                Outcome::Released { failure }
            }
        }
    }
}
