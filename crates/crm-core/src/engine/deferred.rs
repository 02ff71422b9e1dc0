//! An engine whose commits are collected, for a host that writes them in its own transaction.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Engine, EngineBuilder};
use crate::actor::Workspace;
use crate::audience::saved::SavedAudience;
use crate::budget::{BudgetState, LedgerEntry, UsageLine};
use crate::campaign::{Campaign, PlanRow};
use crate::change::ChangeSet;
use crate::consent::Suppression;
use crate::contact::Contact;
use crate::contact::definition::FieldDefinition;
use crate::draft_batch::DraftBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::Voice;
use crate::guardrail::Rules;
use crate::hold::Hold;
use crate::id::{ContactId, ImportId, MessageId};
use crate::import::ImportUpdate;
use crate::intake::IntakeRow;
use crate::message::history::{Checkpoint, StoredEvent};
use crate::message::{Attempt, Message};
use crate::port::callback::About;
use crate::port::observer::Silent;
use crate::port::store::{
    BudgetQuery, CampaignQuery, Claim, ContactKeys, ContactQuery, DispatchView, DraftBatchQuery,
    EventQuery, IntakeQuery, LedgerQuery, MessageQuery, Page, PlanQuery, ReceiptQuery, Store,
    StoreCapabilities, SuppressionQuery, TemplateQuery, Trail, UsageQuery,
};
use crate::receipt::KeptReceipt;
use crate::subscription::Subscription;
use crate::template::Template;

/// What an engine made by [`Engine::deferred`] decided and nobody has written yet.
#[derive(Clone, Default)]
pub struct Deferred(Arc<Mutex<Vec<ChangeSet>>>);

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred(..)")
    }
}

impl Deferred {
    /// Everything that was decided since the last call, in order: for `commit_in` of the store. What is
    /// never taken never happens.
    #[must_use]
    pub fn take(&self) -> Vec<ChangeSet> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, sets: Vec<ChangeSet>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(sets);
    }
}

impl Engine {
    /// An engine over the same adapters that writes nothing: what its sessions decide is collected, to
    /// be written in the host's own transaction by the store's `commit_in`. Make one for each
    /// transaction.
    ///
    /// - It reads what is committed, not what was collected. So change a row once per transaction: a
    ///   second change of the same row is decided on the state before the first, and `commit_in`
    ///   refuses both as [`Conflict`](crate::ErrorKind::Conflict). A new row cannot be changed at all.
    /// - Rules that only the commit can check (a unique e-mail, a version) are checked by `commit_in`.
    /// - Observers hear nothing: the engine does not learn whether the host commits.
    /// - It runs no worker: delivering cannot be undone.
    #[must_use]
    pub fn deferred(&self) -> (Self, Deferred) {
        let kept = Deferred::default();
        let from = &self.inner;
        let store = Collecting {
            inner: Arc::clone(&from.store),
            kept: kept.clone(),
        };
        let builder = EngineBuilder {
            store: Arc::new(store),
            ledger: Some(Arc::clone(
                self.inner.ledger.as_ref().unwrap_or(&from.store),
            )),
            clock: Arc::clone(&from.clock),
            ids: Arc::clone(&from.ids),
            models: from.models.clone(),
            batches: None,
            channels: from.channels.clone(),
            subscribers: BTreeMap::new(),
            observer: Arc::new(Silent),
            policy: from.policy,
            guardrails: Rules::default(),
            calendars: self.calendars().to_vec(),
            token_keys: from.token_keys.clone(),
            opt_in_url: from.opt_in_url.clone(),
        };
        let engine = Self {
            inner: Arc::new(builder),
            guardrails: Arc::clone(&self.guardrails),
            // So that a bulk decision finds the preview a person has seen.
            previews: Arc::clone(&self.previews),
        };
        (engine, kept)
    }
}

/// Reads pass through; commits are kept.
#[derive(Debug)]
struct Collecting {
    inner: Arc<dyn Store>,
    kept: Deferred,
}

fn refused() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "a deferred engine runs no worker; give the worker the engine it was made from",
    )
}

#[async_trait]
impl Store for Collecting {
    fn capabilities(&self) -> StoreCapabilities {
        self.inner.capabilities()
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        let answer = vec![Ok(()); sets.len()];
        self.kept.keep(sets);
        Ok(answer)
    }

    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        self.inner.now(local).await
    }

    async fn changed(&self, seen: u64) -> u64 {
        self.inner.changed(seen).await
    }

    async fn claim(&self, _claim: Claim) -> Result<Vec<Message>> {
        Err(refused())
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        self.inner.hold().await
    }

    async fn lift_hold(&self, _seen: &Hold, _sets: Vec<ChangeSet>) -> Result<()> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "a deferred engine ends no hold; use the engine it was made from",
        ))
    }

    async fn become_dispatcher(&self) -> Result<()> {
        Err(refused())
    }

    async fn seal(&self, _workspace: &Workspace, _limit: u32) -> Result<u32> {
        Err(refused())
    }

    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint> {
        self.inner.checkpoint(workspace).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        self.inner.workspaces().await
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
        self.inner.dispatch(workspace, messages).await
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
