//! A store that several machines share, acted out over memory: it has a clock of its own and tells its
//! workers that something changed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use crm_core::audience::saved::SavedAudience;
use crm_core::budget::{BudgetState, LedgerEntry, UsageLine};
use crm_core::campaign::{Campaign, PlanRow};
use crm_core::change::{Change, ChangeSet};
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
use crm_core::port::store::*;
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;
use crm_core::template::Template;
use crm_core::{Error, ErrorKind, Result, Workspace};
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};

type Interlude = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// How a commit about attempts goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It took place and its answer is lost.
    Answer,
    /// It did not take place.
    Commit,
}

pub struct SharedStore {
    inner: MemoryStore,
    /// How far its clock is ahead of the callers'.
    ahead: Mutex<Duration>,
    changes: watch::Sender<u64>,
    /// What happens just before the next look at messages to deliver.
    interlude: Mutex<Option<Interlude>>,
    /// What happens just before the next commit of anything.
    before_commit: Mutex<Option<Interlude>>,
    /// How the next commits about attempts go wrong.
    losses: Mutex<VecDeque<Loss>>,
    /// What happens after the next of them.
    after_loss: Mutex<Option<Interlude>>,
    /// How many looks at messages to deliver are not answered after one of them.
    silence: AtomicUsize,
    silent: AtomicUsize,
    /// Whether only one worker at a time can be alive.
    pub exclusive: AtomicBool,
    /// How many commits of new messages it refuses for now.
    pub refuses_messages: AtomicUsize,
    /// How often its clock was asked.
    pub clock_reads: AtomicUsize,
    /// When the program that uses it dies.
    pub fuse: Arc<Fuse>,
}

/// Counts the moments at which a program may die, and at one of them it does: nothing it waits for ever comes.
#[derive(Debug, Default)]
pub struct Fuse {
    /// Moments left; none for a program that lives on.
    left: AtomicUsize,
    lit: AtomicBool,
    /// How many moments there were.
    burnt: AtomicUsize,
    pub blown: Notify,
}

impl Fuse {
    /// It dies at the moment of this number, from 0.
    pub fn light(&self, moment: usize) {
        self.left.store(moment, Ordering::SeqCst);
        self.lit.store(true, Ordering::SeqCst);
    }

    /// It lives on.
    pub fn put_out(&self) {
        self.lit.store(false, Ordering::SeqCst);
    }

    pub fn burnt(&self) -> usize {
        self.burnt.load(Ordering::SeqCst)
    }

    pub async fn burn(&self) {
        self.burnt.fetch_add(1, Ordering::SeqCst);
        if !self.lit.load(Ordering::SeqCst) {
            return;
        }
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            self.blown.notify_one();
            return std::future::pending().await;
        }
        self.left.store(left - 1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedStore")
    }
}

impl Default for SharedStore {
    fn default() -> Self {
        Self {
            inner: MemoryStore::default(),
            ahead: Mutex::new(Duration::zero()),
            changes: watch::channel(0).0,
            interlude: Mutex::default(),
            before_commit: Mutex::default(),
            losses: Mutex::default(),
            after_loss: Mutex::default(),
            silence: AtomicUsize::new(0),
            silent: AtomicUsize::new(0),
            exclusive: AtomicBool::new(false),
            refuses_messages: AtomicUsize::new(0),
            clock_reads: AtomicUsize::new(0),
            fuse: Arc::default(),
        }
    }
}

impl SharedStore {
    pub fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    pub fn set_ahead(&self, ahead: Duration) {
        *self.ahead.lock().unwrap() = ahead;
    }

    pub fn tell(&self) {
        self.changes.send_modify(|number| *number += 1);
    }

    pub fn before_next_commit(
        &self,
        act: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        *self.before_commit.lock().unwrap() = Some(Box::new(act));
    }

    /// The next commits that begin or end attempts go wrong in these ways.
    pub fn lose(&self, losses: impl IntoIterator<Item = Loss>) {
        self.losses.lock().unwrap().extend(losses);
    }

    /// After each of these, so many looks at messages to deliver are not answered.
    pub fn then_silent(&self, looks: usize) {
        self.silence.store(looks, Ordering::SeqCst);
    }

    pub fn answer_again(&self) {
        self.silent.store(0, Ordering::SeqCst);
    }

    pub fn after_next_loss(&self, act: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        *self.after_loss.lock().unwrap() = Some(Box::new(act));
    }

    fn loss(&self, sets: &[ChangeSet]) -> Option<Loss> {
        let of_attempts =
            |change: &Change| matches!(change, Change::InsertAttempt(_) | Change::FinishAttempt(_));
        let mut changes = sets.iter().flat_map(ChangeSet::changes);
        changes.any(of_attempts).then_some(())?;
        self.losses.lock().unwrap().pop_front()
    }

    async fn commit_now(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        let interlude = match sets.is_empty() {
            true => None,
            false => self.before_commit.lock().unwrap().take(),
        };
        if let Some(interlude) = interlude {
            interlude().await;
        }
        let is_new = |change: &Change| matches!(change, Change::InsertMessage(_));
        let left = self.refuses_messages.load(Ordering::SeqCst);
        if left > 0 && sets.iter().flat_map(ChangeSet::changes).any(is_new) {
            self.refuses_messages.store(left - 1, Ordering::SeqCst);
            return Err(Error::new(ErrorKind::Unavailable, "away"));
        }
        let Some(loss) = self.loss(&sets) else {
            return self.inner.commit(sets).await;
        };
        if loss == Loss::Answer {
            self.inner.commit(sets).await?;
        }
        let silence = self.silence.load(Ordering::SeqCst);
        self.silent.store(silence, Ordering::SeqCst);
        let interlude = self.after_loss.lock().unwrap().take();
        if let Some(interlude) = interlude {
            interlude().await;
        }
        Err(unavailable())
    }

    pub fn before_next_dispatch(
        &self,
        act: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        *self.interlude.lock().unwrap() = Some(Box::new(act));
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection was cut")
}

#[async_trait]
impl Store for SharedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            exclusive_dispatcher: self.exclusive.load(Ordering::SeqCst),
            ..self.inner.capabilities()
        }
    }

    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        self.clock_reads.fetch_add(1, Ordering::SeqCst);
        Ok(local + *self.ahead.lock().unwrap())
    }

    async fn changed(&self, seen: u64) -> u64 {
        let mut changes = self.changes.subscribe();
        let number = changes.wait_for(|number| *number > seen).await.unwrap();
        *number
    }

    async fn claim(&self, mut claim: Claim) -> Result<Vec<Message>> {
        claim.now = self.now(claim.now).await?;
        self.inner.claim(claim).await
    }

    async fn dispatch(&self, space: &Workspace, ids: &[MessageId]) -> Result<Vec<DispatchView>> {
        let interlude = self.interlude.lock().unwrap().take();
        if let Some(interlude) = interlude {
            interlude().await;
        }
        let quiet = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.silent.fetch_update(order, order, quiet).is_ok() {
            return Err(unavailable());
        }
        self.inner.dispatch(space, ids).await
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        self.fuse.burn().await;
        let results = self.commit_now(sets).await;
        self.fuse.burn().await;
        results
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        self.inner.hold().await
    }

    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()> {
        self.inner.lift_hold(seen, sets).await
    }

    async fn become_dispatcher(&self) -> Result<()> {
        self.inner.become_dispatcher().await
    }

    async fn seal(&self, space: &Workspace, limit: u32) -> Result<u32> {
        self.inner.seal(space, limit).await
    }

    async fn checkpoint(&self, space: &Workspace) -> Result<Checkpoint> {
        self.inner.checkpoint(space).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        self.inner.workspaces().await
    }

    async fn contacts(&self, space: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        self.inner.contacts(space, query).await
    }

    async fn contacts_by_keys(&self, space: &Workspace, keys: ContactKeys) -> Result<Vec<Contact>> {
        self.inner.contacts_by_keys(space, keys).await
    }

    async fn import_updates(
        &self,
        space: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>> {
        self.inner.import_updates(space, import, after, limit).await
    }

    async fn templates(&self, space: &Workspace, query: TemplateQuery) -> Result<Page<Template>> {
        self.inner.templates(space, query).await
    }

    async fn messages(&self, space: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        self.inner.messages(space, query).await
    }

    async fn campaigns(&self, space: &Workspace, query: CampaignQuery) -> Result<Page<Campaign>> {
        self.inner.campaigns(space, query).await
    }

    async fn plan(&self, space: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        self.inner.plan(space, query).await
    }

    async fn suppressions(
        &self,
        space: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        self.inner.suppressions(space, query).await
    }

    async fn inbound(
        &self,
        space: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>> {
        self.inner.inbound(space, channel, addresses).await
    }

    async fn events(&self, space: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.inner.events(space, query).await
    }

    async fn trail(&self, space: &Workspace, message: MessageId) -> Result<Trail> {
        self.inner.trail(space, message).await
    }

    async fn attempts(&self, space: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        self.inner.attempts(space, about).await
    }

    async fn receipts(&self, space: &Workspace, query: ReceiptQuery) -> Result<Vec<KeptReceipt>> {
        self.inner.receipts(space, query).await
    }

    async fn subscriptions(&self, space: &Workspace) -> Result<Vec<Subscription>> {
        self.inner.subscriptions(space).await
    }

    async fn draft_batches(
        &self,
        space: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        self.inner.draft_batches(space, query).await
    }

    async fn voice(&self, space: &Workspace) -> Result<Option<Voice>> {
        self.inner.voice(space).await
    }

    async fn saved_audiences(&self, space: &Workspace) -> Result<Vec<SavedAudience>> {
        self.inner.saved_audiences(space).await
    }

    async fn field_definitions(&self, space: &Workspace) -> Result<Vec<FieldDefinition>> {
        self.inner.field_definitions(space).await
    }

    async fn intake(&self, space: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        self.inner.intake(space, query).await
    }

    async fn budgets(&self, space: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        self.inner.budgets(space, query).await
    }

    async fn ledger(&self, space: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.inner.ledger(space, query).await
    }

    async fn usage(&self, space: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        self.inner.usage(space, query).await
    }

    async fn counters(
        &self,
        space: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        self.inner.counters(space, prefixes).await
    }
}
