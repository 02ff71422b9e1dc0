//! What providers say after the call: receipts, opt-outs, opt-ins.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::actor::{Actor, Workspace};
use crate::change::{Change, ChangeSet};
use crate::consent::window::Inbound;
use crate::consent::{self, Suppression};
use crate::error::{ErrorKind, Result};
use crate::id::MessageId;
use crate::message::{Attempt, Message, receipts};
use crate::port::callback::{About, Callback, News, Receipt};
use crate::port::store::{ReceiptQuery, SuppressionQuery};
use crate::receipt::{KeptReceipt, ReceiptState, fitting};
use crate::stamp::Stamp;

/// How often receipts that met somebody else's change are decided anew at once. What is left is looked at by
/// the worker.
const PASSES: usize = 4;

/// What a callback said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Receipts, known ones included.
    pub receipts: u32,
    /// People who want nothing more on the channel.
    pub opt_outs: u32,
    /// People who came back.
    pub opt_ins: u32,
    /// People who wrote something. Of these no more is kept than when they last did, on which channel and from which
    /// address: channels with [`windows`](crate::consent::window) need it, and audiences may ask who
    /// [replied](crate::audience::messages::MessageState::Replied).
    pub inbound: u32,
}

impl Engine {
    /// Takes what a provider posted to the host: its channel checks the signature and reads it, and
    /// [`hear`](Self::hear) takes it in. Answer the provider with success only when this returns `Ok`: by then
    /// all of it is kept. The same callback again changes nothing.
    ///
    /// # Errors
    /// `Invalid` for a channel that is not set up, `Forbidden` when the signature is missing or wrong, others of
    /// [`Channel::read`](crate::port::channel::Channel::read), and as the store.
    pub async fn receive(
        &self,
        workspace: &Workspace,
        channel: &str,
        callback: &Callback,
    ) -> Result<Received> {
        let news = self.channel(channel)?.0.read(callback).await?;
        self.hear(workspace, channel, news).await
    }

    /// Takes in what was read from a provider, by [`receive`](Self::receive) or by the host itself (bounces in a
    /// mailbox). Receipts are kept and decided on, now or by the worker; an opt-out suppresses the person's
    /// address on the channel before this returns, an opt-in lifts that, and never what a person of the house
    /// or a link decided.
    ///
    /// # Errors
    /// As the store. All or some of it may be kept then: hear it again.
    pub async fn hear(
        &self,
        workspace: &Workspace,
        channel: &str,
        news: Vec<News>,
    ) -> Result<Received> {
        let mut received = Received::default();
        let mut kept = ChangeSet::new(workspace.clone());
        for one in news {
            match one {
                News::Receipt(receipt) => {
                    received.receipts += 1;
                    self.keep(&mut kept, channel, receipt);
                }
                News::OptOut { address, reason } => {
                    received.opt_outs += 1;
                    self.opt_out(workspace, channel, address, reason).await?;
                }
                News::OptIn { address } => {
                    received.opt_ins += 1;
                    self.came_back(workspace, channel, &address).await?;
                }
                News::Inbound { address, at } => {
                    received.inbound += 1;
                    self.wrote(&mut kept, channel, address, at);
                }
            }
        }
        if !kept.changes().is_empty() {
            self.commit_one(kept).await?;
            self.settle_receipts(workspace, 1_000).await?;
        }
        Ok(received)
    }

    fn keep(&self, set: &mut ChangeSet, channel: &str, receipt: Receipt) {
        if let Some(receipt) = fitting(receipt) {
            let workspace = set.workspace().clone();
            let kept = KeptReceipt::new(workspace, channel.to_owned(), receipt, self.now());
            set.push(Change::InsertReceipt(Box::new(kept)));
        }
    }

    /// Keeps when somebody wrote, on a channel that is set up.
    fn wrote(
        &self,
        set: &mut ChangeSet,
        channel: &str,
        address: String,
        at: Option<DateTime<Utc>>,
    ) {
        if !self.channels().contains_key(channel) || !is_address(&address) {
            return;
        }
        let now = self.now();
        set.push(Change::RecordInbound(Inbound {
            workspace: set.workspace().clone(),
            channel: channel.to_owned(),
            address,
            // A provider's clock may be ahead; the window opens when we hear of it at the latest.
            at: at.unwrap_or(now).min(now),
        }));
    }

    /// The suppression of an address, if there is one.
    pub(super) async fn suppression(
        &self,
        workspace: &Workspace,
        channel: &str,
        address: &str,
    ) -> Result<Option<Suppression>> {
        let query = SuppressionQuery {
            channel: Some(channel.to_owned()),
            addresses: vec![address.to_owned()],
            limit: 1,
            skip: 0,
        };
        let found = self.store().suppressions(workspace, query).await?;
        Ok(found.items.into_iter().next())
    }

    async fn opt_out(
        &self,
        workspace: &Workspace,
        channel: &str,
        address: String,
        reason: String,
    ) -> Result<()> {
        if !is_address(&address) {
            return Ok(());
        }
        let known = self.suppression(workspace, channel, &address).await?;
        if known
            .as_ref()
            .is_some_and(|known| !known.gives_way_to(&reason))
        {
            return Ok(());
        }
        let why = consent::Why::Code(&reason);
        let actor = Actor::system(workspace.clone());
        let mut set = ChangeSet::new(workspace.clone());
        let to = (channel, address.as_str());
        consent::suppress(&mut set, to, why, known.as_ref(), None, &self.stamp(&actor));
        self.commit_one(set).await
    }

    async fn came_back(&self, workspace: &Workspace, channel: &str, address: &str) -> Result<()> {
        let Some(known) = self.suppression(workspace, channel, address).await? else {
            return Ok(());
        };
        let actor = Actor::system(workspace.clone());
        let mut set = ChangeSet::new(workspace.clone());
        if !consent::lift(&mut set, &known, "opt_in", &self.stamp(&actor)) {
            return Ok(());
        }
        self.commit_one(set).await
    }

    /// Decides on up to `limit` (1 to 1,000) kept receipts of the workspace that are due; how many were. The
    /// worker does this by itself; several may do it at once, and no receipt is settled twice.
    ///
    /// # Errors
    /// As the store; receipts that were settled before stay so.
    pub async fn settle_receipts(&self, workspace: &Workspace, limit: u32) -> Result<u64> {
        let mut done = 0;
        for _ in 0..PASSES {
            let query = ReceiptQuery {
                state: Some(ReceiptState::Waiting),
                due_before: Some(self.now()),
                limit: limit.clamp(1, 1_000),
                ..ReceiptQuery::default()
            };
            let due = self.store().receipts(workspace, query).await?;
            if due.is_empty() {
                break;
            }
            let sets = self.decide_receipts(workspace, &due).await?;
            let results = self.commit(sets).await?;
            // One that meets a change of somebody else is decided on anew.
            for result in results {
                match result {
                    Ok(()) => done += 1,
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(done)
    }

    /// A set for each receipt, but for those whose message another one of them changes.
    async fn decide_receipts(
        &self,
        workspace: &Workspace,
        due: &[KeptReceipt],
    ) -> Result<Vec<ChangeSet>> {
        let about: Vec<About> = due.iter().map(|kept| kept.receipt.about.clone()).collect();
        let mut attempts = self.store().attempts(workspace, &about).await?;
        // A provider that gives an id again means the latest one, whatever order the store has them in.
        attempts.sort_by_key(|found| Reverse((found.started_at, found.id)));
        let ids: BTreeSet<MessageId> = attempts.iter().map(|found| found.message_id).collect();
        let ids: Vec<MessageId> = ids.into_iter().collect();
        let views = self.store().dispatch(workspace, &ids).await?;
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::with_capacity(due.len());
        let mut taken = BTreeSet::new();
        for kept in due {
            let found = attempts.iter().find_map(|attempt| {
                let view = views
                    .iter()
                    .find(|view| view.message.id == attempt.message_id)?;
                speaks_of(kept, &view.message, attempt).then_some((&view.message, attempt))
            });
            let set = match found {
                Some((message, _)) if !taken.insert(message.id) => continue,
                Some((message, attempt)) => receipts::settle(message, attempt, kept, &stamp)?,
                None => None,
            };
            sets.push(set.unwrap_or_else(|| {
                let mut set = ChangeSet::new(workspace.clone());
                set.push(Change::UpdateReceipt(Box::new(kept.postponed(stamp.at))));
                set
            }));
        }
        Ok(sets)
    }

    pub(super) fn stamp<'a>(&'a self, actor: &'a Actor) -> Stamp<'a> {
        Stamp {
            actor,
            at: self.now(),
            ids: self.ids().as_ref(),
        }
    }
}

/// Whether it can be somebody's address at all.
fn is_address(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Whether a receipt is about this attempt.
fn speaks_of(kept: &KeptReceipt, message: &Message, attempt: &Attempt) -> bool {
    message.channel == kept.channel
        && match &kept.receipt.about {
            About::Attempt(id) => attempt.id == *id,
            About::ProviderId(id) => message.provider_id.as_ref() == Some(id),
        }
}
