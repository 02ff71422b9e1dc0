//! A store that dies with its process exactly before or after a chosen commit, or does there what else it
//! is told, a channel whose ledger outlives the process, and a store that lies about having committed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
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
use crm_core::message::history::{Checkpoint, StoredEvent, Subject};
use crm_core::message::{Approved, Attempt, Message};
use crm_core::port::callback::About;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::store::{
    BudgetQuery, CampaignQuery, Claim, ContactKeys, ContactQuery, DispatchView, DraftBatchQuery,
    EventQuery, IntakeQuery, LedgerQuery, MessageQuery, Page, PlanQuery, ReceiptQuery, Store,
    StoreCapabilities, SuppressionQuery, TemplateQuery, Trail, UsageQuery,
};
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;
use crm_core::template::Template;
use crm_core::{Error, ErrorKind, Result, Workspace};

/// Deliveries under way at once.
pub const CONNECTIONS: usize = 4;

/// Where the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// `plan`, `draft`, `drain`, `approve`, `suppress`, `claim`, `begin`, `record`, `sweep`, `seal` or `tell`; or
    /// what others than the store tell [`CrashingStore::reach`] of.
    pub what: String,
    /// Before the transaction, or after its commit and before anybody was told.
    pub before: bool,
    /// Which of them, from 1.
    pub nth: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.before { "before" } else { "after" };
        write!(f, "{side} {} {}", self.what, self.nth)
    }
}

impl Point {
    /// Reads what `Display` wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [side, what, nth] = words[..] else {
            return None;
        };
        Some(Self {
            what: what.to_owned(),
            before: side == "before",
            nth: nth.parse().ok()?,
        })
    }
}

/// Is told what a write was about and, where it failed, how; and of a `look` at what is to be written that failed.
pub type Told = Box<dyn Fn(&str, Option<ErrorKind>) + Send + Sync>;

/// See the module's text.
pub struct CrashingStore {
    /// The store that does the work.
    pub inner: Arc<dyn Store>,
    /// What it says of itself: what `inner` does, but for a store that stands in for another.
    pub capabilities: StoreCapabilities,
    /// Where the process ends, if anywhere.
    pub point: Option<Point>,
    /// How often the point's commit was reached.
    pub seen: AtomicUsize,
    /// What happens at the point: the process aborts, unless said otherwise.
    pub strike: Box<dyn Fn() + Send + Sync>,
    /// Answers a `begin` before it is committed: the mutant.
    pub eager: bool,
    /// The one workspace that workers get to know of; all of them when `None`.
    pub only: Option<Workspace>,
    /// How often it was asked to write: without that nothing can have changed.
    pub writes: AtomicUsize,
    /// What it answered for and has not committed.
    pub promised: Mutex<Vec<ChangeSet>>,
    /// See there. Claims that find nothing are no writes, nor are commits of nothing.
    pub told: Told,
}

impl fmt::Debug for CrashingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrashingStore({:?})", self.point)
    }
}

/// What a commit is about.
fn kind(sets: &[ChangeSet]) -> &'static str {
    let plans = |set: &ChangeSet| {
        let rows = set.changes().iter();
        rows.filter(|change| matches!(change, Change::InsertPlanRow(_)))
            .count()
            > 0
    };
    if sets.iter().any(plans) {
        return "plan";
    }
    let settles = |set: &ChangeSet| {
        let mut rows = set.changes().iter();
        rows.any(|change| matches!(change, Change::FinishIntake(_)))
    };
    if sets.iter().any(settles) {
        return "drain";
    }
    let mut events = sets.iter().flat_map(ChangeSet::events);
    let first = events.find(|event| event.subject == Subject::Message);
    match first.map(|event| event.action.as_str()) {
        Some("created") => "draft",
        Some("approved") => "approve",
        Some("begun") => "begin",
        Some("sent" | "confirmed_sent") => "record",
        Some("uncertain" | "released") => "sweep",
        Some(_) => "other",
        None => beside_messages(sets),
    }
}

/// What a commit is about that touches no message.
fn beside_messages(sets: &[ChangeSet]) -> &'static str {
    let suppresses = |change: &Change| matches!(change, Change::InsertSuppression(_));
    let tells = |change: &Change| matches!(change, Change::UpdateSubscription(_));
    let changes = || sets.iter().flat_map(ChangeSet::changes);
    if changes().any(suppresses) {
        "suppress"
    } else if changes().any(tells) {
        "tell"
    } else {
        "other"
    }
}

impl CrashingStore {
    /// Does what `inner` does.
    #[must_use]
    pub fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            capabilities: inner.capabilities(),
            inner,
            point: None,
            seen: AtomicUsize::new(0),
            strike: Box::new(|| std::process::abort()),
            eager: false,
            only: None,
            writes: AtomicUsize::new(0),
            promised: Mutex::default(),
            told: Box::new(|_, _| {}),
        }
    }

    /// Strikes if this is the point.
    pub fn reach(&self, what: &str, before: bool) {
        let Some(point) = &self.point else { return };
        if point.what != what || point.before != before {
            return;
        }
        if self.seen.fetch_add(1, Ordering::SeqCst) + 1 == point.nth {
            (self.strike)();
        }
    }

    async fn keep_promises(&self) -> Result<()> {
        let promised = std::mem::take(&mut *self.promised.lock().unwrap());
        if !promised.is_empty() {
            self.inner.commit(promised).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for CrashingStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.capabilities.clone()
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let (what, empty) = (kind(&sets), sets.is_empty());
        self.reach(what, true);
        self.keep_promises().await?;
        if self.eager && what == "begin" {
            let answer = sets.iter().map(|_| Ok(())).collect();
            *self.promised.lock().unwrap() = sets;
            return Ok(answer);
        }
        let answer = self.inner.commit(sets).await;
        // Behind a commit that did not take place there is no point: what it was to leave is not there.
        let wrote = |results: &Vec<Result<()>>| results.iter().any(Result::is_ok);
        if answer.as_ref().is_ok_and(wrote) {
            self.reach(what, false);
        }
        let mut sets = answer.iter().flatten();
        let failed = answer
            .as_ref()
            .err()
            .or_else(|| sets.find_map(|set| set.as_ref().err()));
        if !empty {
            (self.told)(what, failed.map(Error::kind));
        }
        answer
    }

    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        self.inner.now(local).await
    }

    async fn changed(&self, seen: u64) -> u64 {
        self.inner.changed(seen).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Message>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.reach("claim", true);
        let claimed = self.inner.claim(claim).await;
        // An empty one changes nothing and is no commit.
        if claimed.as_ref().is_ok_and(|claimed| !claimed.is_empty()) {
            self.reach("claim", false);
        }
        if !claimed.as_ref().is_ok_and(Vec::is_empty) {
            (self.told)("claim", claimed.as_ref().err().map(Error::kind));
        }
        claimed
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

    async fn seal(&self, workspace: &Workspace, limit: u32) -> Result<u32> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.reach("seal", true);
        let sealed = self.inner.seal(workspace, limit).await;
        if sealed.is_ok() {
            self.reach("seal", false);
        }
        (self.told)("seal", sealed.as_ref().err().map(Error::kind));
        sealed
    }

    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint> {
        self.inner.checkpoint(workspace).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let mut there = self.inner.workspaces().await?;
        there.retain(|one| self.only.as_ref().is_none_or(|only| one == only));
        Ok(there)
    }

    async fn contacts(&self, workspace: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        self.inner.contacts(workspace, query).await
    }

    async fn contacts_by_keys(
        &self,
        workspace: &Workspace,
        keys: ContactKeys,
    ) -> Result<Vec<Contact>> {
        self.inner.contacts_by_keys(workspace, keys).await
    }

    async fn import_updates(
        &self,
        workspace: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>> {
        self.inner
            .import_updates(workspace, import, after, limit)
            .await
    }

    async fn templates(
        &self,
        workspace: &Workspace,
        query: TemplateQuery,
    ) -> Result<Page<Template>> {
        self.inner.templates(workspace, query).await
    }

    async fn messages(&self, workspace: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        self.inner.messages(workspace, query).await
    }

    async fn campaigns(
        &self,
        workspace: &Workspace,
        query: CampaignQuery,
    ) -> Result<Page<Campaign>> {
        self.inner.campaigns(workspace, query).await
    }

    async fn plan(&self, workspace: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        self.inner.plan(workspace, query).await
    }

    async fn suppressions(
        &self,
        workspace: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        self.inner.suppressions(workspace, query).await
    }

    async fn inbound(
        &self,
        workspace: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>> {
        self.inner.inbound(workspace, channel, addresses).await
    }

    async fn events(&self, workspace: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.inner.events(workspace, query).await
    }

    async fn trail(&self, workspace: &Workspace, message: MessageId) -> Result<Trail> {
        self.inner.trail(workspace, message).await
    }

    async fn dispatch(
        &self,
        workspace: &Workspace,
        messages: &[MessageId],
    ) -> Result<Vec<DispatchView>> {
        let views = self.inner.dispatch(workspace, messages).await;
        if let Err(error) = &views {
            (self.told)("look", Some(error.kind()));
        }
        views
    }

    async fn attempts(&self, workspace: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        self.inner.attempts(workspace, about).await
    }

    async fn receipts(
        &self,
        workspace: &Workspace,
        query: ReceiptQuery,
    ) -> Result<Vec<KeptReceipt>> {
        self.inner.receipts(workspace, query).await
    }

    async fn subscriptions(&self, workspace: &Workspace) -> Result<Vec<Subscription>> {
        self.inner.subscriptions(workspace).await
    }

    async fn draft_batches(
        &self,
        workspace: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        self.inner.draft_batches(workspace, query).await
    }

    async fn voice(&self, workspace: &Workspace) -> Result<Option<Voice>> {
        self.inner.voice(workspace).await
    }

    async fn saved_audiences(&self, workspace: &Workspace) -> Result<Vec<SavedAudience>> {
        self.inner.saved_audiences(workspace).await
    }

    async fn field_definitions(&self, workspace: &Workspace) -> Result<Vec<FieldDefinition>> {
        self.inner.field_definitions(workspace).await
    }

    async fn intake(&self, workspace: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        self.inner.intake(workspace, query).await
    }

    async fn budgets(&self, workspace: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        self.inner.budgets(workspace, query).await
    }

    async fn ledger(&self, workspace: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.inner.ledger(workspace, query).await
    }

    async fn usage(&self, workspace: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        self.inner.usage(workspace, query).await
    }

    async fn counters(
        &self,
        workspace: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        self.inner.counters(workspace, prefixes).await
    }
}

/// Delivers into a file: one line, message id and digest, for each message it accepts.
#[derive(Debug)]
pub struct LedgerChannel(pub PathBuf);

#[async_trait]
impl Channel for LedgerChannel {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            concurrency: CONNECTIONS,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let mut ledger = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0)
            .unwrap();
        let line = format!("{} {}\n", approved.message_id(), approved.digest());
        ledger.write_all(line.as_bytes()).unwrap();
        Outcome::Accepted {
            provider_id: approved.attempt_id().to_string(),
        }
    }
}
