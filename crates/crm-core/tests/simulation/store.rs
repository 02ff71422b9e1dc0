//! A store that is slow, is away, and loses answers to what it has done. What it does is told to the witness
//! in the same instant.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use crm_core::audience::saved::SavedAudience;
use crm_core::budget::{BudgetState, LedgerEntry, UsageLine};
use crm_core::campaign::{Campaign, PlanRow};
use crm_core::change::ChangeSet;
use crm_core::consent::Suppression;
use crm_core::contact::Contact;
use crm_core::contact::definition::FieldDefinition;
use crm_core::draft_batch::DraftBatch;
use crm_core::generation::Voice;
use crm_core::hold::Hold;
use crm_core::id::{ContactId, ImportId, MessageId};
use crm_core::import::ImportUpdate;
use crm_core::intake::IntakeRow;
use crm_core::memory::MemoryStore;
use crm_core::message::history::{Checkpoint, StoredEvent};
use crm_core::message::{Attempt, Message};
use crm_core::port::callback::About;
use crm_core::port::clock::Clock as _;
use crm_core::port::store::*;
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;
use crm_core::template::Template;
use crm_core::{Error, ErrorKind, Result, Workspace};
use tokio::sync::Notify;

use crate::rng::{Dice, LeapingClock};
use crate::witness::Witness;

pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) clock: Arc<LeapingClock>,
    dice: Dice,
    /// How often of a hundred times a call fails, at either side of what it does.
    faults: AtomicU64,
    /// Whether only one worker is let in at a time, whose predecessor's leases are taken back at once.
    alone: bool,
    /// Whether it tells of what was written.
    tells: bool,
    changes: AtomicU64,
    /// Wakes in the order of asking; `watch` wakes in any.
    change: Notify,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection was cut")
}

impl FaultyStore {
    pub(crate) fn new(
        dice: Dice,
        clock: Arc<LeapingClock>,
        witness: Arc<Witness>,
        alone: bool,
    ) -> Self {
        Self {
            inner: Arc::default(),
            witness,
            clock,
            faults: AtomicU64::new(0),
            alone,
            tells: dice.percent(50),
            dice,
            changes: AtomicU64::new(0),
            change: Notify::new(),
        }
    }

    pub(crate) fn fail(&self, percent: u64) {
        self.faults.store(percent, Ordering::SeqCst);
    }

    /// The way to the store, or back.
    async fn way(&self) -> Result<()> {
        let faults = self.faults.load(Ordering::SeqCst);
        if faults == 0 {
            return Ok(());
        }
        match self.dice.below(100) {
            0..10 => tokio::time::sleep(self.dice.millis(40)).await,
            10..12 => tokio::time::sleep(self.dice.millis(9_000)).await,
            12..20 => tokio::task::yield_now().await,
            _ => {}
        }
        if self.dice.percent(faults) {
            self.witness.count("store away");
            return Err(away());
        }
        Ok(())
    }

    /// The way back from a write: when it fails, what was done is done.
    async fn back<T>(&self, done: T, wrote: bool) -> Result<T> {
        if self.tells && wrote {
            self.changes.fetch_add(1, Ordering::SeqCst);
            self.change.notify_waiters();
        }
        self.way().await.inspect_err(|_| {
            self.witness.count("answer lost");
        })?;
        Ok(done)
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            exclusive_dispatcher: self.alone,
            ..self.inner.capabilities()
        }
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        self.way().await?;
        // One after the other, so that the witness sees each on the state it was applied to.
        let mut results = Vec::with_capacity(sets.len());
        for set in sets {
            let result = self.inner.commit(vec![set.clone()]).await?.remove(0);
            if result.is_ok() {
                self.witness.saw(&set);
            }
            results.push(result);
        }
        let wrote = results.iter().any(Result::is_ok);
        self.back(results, wrote).await
    }

    async fn now(&self, _local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        self.way().await?;
        let now = self.clock.now();
        Ok(DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap())
    }

    async fn changed(&self, seen: u64) -> u64 {
        loop {
            let changed = self.change.notified();
            let number = self.changes.load(Ordering::SeqCst);
            if number > seen {
                return number;
            }
            changed.await;
        }
    }

    async fn claim(&self, mut claim: Claim) -> Result<Vec<Message>> {
        let now = self.now(claim.now).await?;
        claim.now = now;
        let claimed = self.inner.claim(claim.clone()).await?;
        for message in &claimed {
            self.witness.claimed(message);
        }
        let wrote = !claimed.is_empty();
        self.back(claimed, wrote).await
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        self.way().await?;
        self.inner.hold().await
    }

    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()> {
        self.way().await?;
        self.inner.lift_hold(seen, sets).await?;
        self.witness.hold(false);
        self.back((), true).await
    }

    async fn become_dispatcher(&self) -> Result<()> {
        self.way().await
    }

    async fn seal(&self, space: &Workspace, limit: u32) -> Result<u32> {
        self.way().await?;
        let sealed = self.inner.seal(space, limit).await?;
        self.way().await?;
        Ok(sealed)
    }

    async fn checkpoint(&self, space: &Workspace) -> Result<Checkpoint> {
        self.way().await?;
        self.inner.checkpoint(space).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        self.way().await?;
        self.inner.workspaces().await
    }

    async fn contacts(&self, space: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        self.way().await?;
        self.inner.contacts(space, query).await
    }

    async fn contacts_by_keys(&self, space: &Workspace, keys: ContactKeys) -> Result<Vec<Contact>> {
        self.way().await?;
        self.inner.contacts_by_keys(space, keys).await
    }

    async fn import_updates(
        &self,
        space: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>> {
        self.way().await?;
        self.inner.import_updates(space, import, after, limit).await
    }

    async fn templates(&self, space: &Workspace, query: TemplateQuery) -> Result<Page<Template>> {
        self.way().await?;
        self.inner.templates(space, query).await
    }

    async fn messages(&self, space: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        self.way().await?;
        self.inner.messages(space, query).await
    }

    async fn campaigns(&self, space: &Workspace, query: CampaignQuery) -> Result<Page<Campaign>> {
        self.way().await?;
        self.inner.campaigns(space, query).await
    }

    async fn plan(&self, space: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        self.way().await?;
        self.inner.plan(space, query).await
    }

    async fn suppressions(
        &self,
        space: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        self.way().await?;
        self.inner.suppressions(space, query).await
    }

    async fn subscriptions(&self, space: &Workspace) -> Result<Vec<Subscription>> {
        self.way().await?;
        self.inner.subscriptions(space).await
    }

    async fn voice(&self, space: &Workspace) -> Result<Option<Voice>> {
        self.way().await?;
        self.inner.voice(space).await
    }

    async fn saved_audiences(&self, space: &Workspace) -> Result<Vec<SavedAudience>> {
        self.way().await?;
        self.inner.saved_audiences(space).await
    }

    async fn field_definitions(&self, space: &Workspace) -> Result<Vec<FieldDefinition>> {
        self.way().await?;
        self.inner.field_definitions(space).await
    }

    async fn inbound(
        &self,
        space: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<std::collections::BTreeMap<String, DateTime<Utc>>> {
        self.way().await?;
        self.inner.inbound(space, channel, addresses).await
    }

    async fn events(&self, space: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.way().await?;
        self.inner.events(space, query).await
    }

    async fn trail(&self, space: &Workspace, message: MessageId) -> Result<Trail> {
        self.way().await?;
        self.inner.trail(space, message).await
    }

    async fn dispatch(&self, space: &Workspace, ids: &[MessageId]) -> Result<Vec<DispatchView>> {
        self.way().await?;
        self.inner.dispatch(space, ids).await
    }

    async fn attempts(&self, space: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        self.way().await?;
        self.inner.attempts(space, about).await
    }

    async fn receipts(&self, space: &Workspace, query: ReceiptQuery) -> Result<Vec<KeptReceipt>> {
        self.way().await?;
        self.inner.receipts(space, query).await
    }

    async fn draft_batches(
        &self,
        space: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        self.way().await?;
        self.inner.draft_batches(space, query).await
    }

    async fn intake(&self, space: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        self.way().await?;
        self.inner.intake(space, query).await
    }

    async fn budgets(&self, space: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        self.way().await?;
        self.inner.budgets(space, query).await
    }

    async fn ledger(&self, space: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.way().await?;
        self.inner.ledger(space, query).await
    }

    async fn usage(&self, space: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        self.way().await?;
        self.inner.usage(space, query).await
    }

    async fn counters(
        &self,
        space: &Workspace,
        prefixes: &[&str],
    ) -> Result<std::collections::BTreeMap<String, i64>> {
        self.way().await?;
        self.inner.counters(space, prefixes).await
    }
}
