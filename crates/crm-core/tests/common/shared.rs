//! A store that several machines share, acted out over memory: it has a clock of its own and tells its
//! workers that something changed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use crm_core::campaign::{Campaign, PlanRow};
use crm_core::change::ChangeSet;
use crm_core::consent::Suppression;
use crm_core::contact::Contact;
use crm_core::hold::Hold;
use crm_core::id::MessageId;
use crm_core::intake::IntakeRow;
use crm_core::memory::MemoryStore;
use crm_core::message::Message;
use crm_core::message::history::{Checkpoint, StoredEvent};
use crm_core::port::store::*;
use crm_core::template::Template;
use crm_core::{Result, Workspace};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

type Interlude = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

pub struct SharedStore {
    inner: MemoryStore,
    /// How far its clock is ahead of the callers'.
    ahead: Mutex<Duration>,
    changes: watch::Sender<u64>,
    /// What happens just before the next look at messages to deliver.
    interlude: Mutex<Option<Interlude>>,
    /// What happens just before the next commit.
    before_commit: Mutex<Option<Interlude>>,
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

    pub fn before_next_dispatch(
        &self,
        act: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        *self.interlude.lock().unwrap() = Some(Box::new(act));
    }
}

#[async_trait]
impl Store for SharedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            exclusive_dispatcher: false,
            ..self.inner.capabilities()
        }
    }

    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
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
        self.inner.dispatch(space, ids).await
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        let interlude = self.before_commit.lock().unwrap().take();
        if let Some(interlude) = interlude {
            interlude().await;
        }
        self.inner.commit(sets).await
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

    async fn events(&self, space: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.inner.events(space, query).await
    }

    async fn trail(&self, space: &Workspace, message: MessageId) -> Result<Trail> {
        self.inner.trail(space, message).await
    }

    async fn intake(&self, space: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        self.inner.intake(space, query).await
    }

    async fn counters(
        &self,
        space: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        self.inner.counters(space, prefixes).await
    }
}
