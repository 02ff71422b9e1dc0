//! The port: reads on any connection, writes in one transaction each.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crm_core::message::history::{Checkpoint, StoredEvent};
use crm_core::message::{Attempt, Message};
use crm_core::port::callback::About;
use crm_core::port::store::{
    BudgetQuery, CampaignQuery, Claim, ContactKeys, ContactQuery, DispatchView, DraftBatchQuery,
    EventQuery, IntakeQuery, LedgerQuery, MessageQuery, Page, PlanQuery, ReceiptQuery, Store,
    StoreCapabilities, SuppressionQuery, TemplateQuery, Trail, UsageQuery,
};
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;
use crm_core::template::Template;
use crm_core::{Error, ErrorKind, Result, Workspace};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use crate::apply::Failing;
use crate::connection::WRITES;
use crate::connection::forget_idle;
use crate::fault::{Fault, Outcome, of_commit};
use crate::query::{Db, Names, workspace as find};
use crate::writer::{Written, is_lost};
use crate::{
    Inner, PgStore, TimeSource, budgets, campaigns, contacts, counters, dispatch, draft_batches,
    events, field_definitions, imports, inbound, intake, ledger, lists, messages, place, plan,
    receipts, saved_audiences, subscriptions, suppressions, templates, trail, usage, voices,
};

/// Work that reads.
type Reading<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 'a>>;

/// How long a claim lets others go first, and how often it asks meanwhile. One that was stopped amid its
/// claim is not waited for longer.
const PATIENCE: Duration = Duration::from_millis(500);
const TURN: Duration = Duration::from_millis(2);

/// How often a claim is done again when the server broke it off.
const AGAIN: u32 = 5;

/// Reads are done once more on another connection when the first was dead.
struct Tries<'p> {
    pool: &'p PgPool,
    first: bool,
}

impl<'p> Tries<'p> {
    const fn new(pool: &'p PgPool) -> Self {
        Self { pool, first: true }
    }

    async fn connection(&mut self) -> Outcome<PoolConnection<Postgres>> {
        match self.pool.acquire().await {
            Err(error) if is_lost(&error) && std::mem::take(&mut self.first) => {
                Ok(self.pool.acquire().await?)
            }
            connection => Ok(connection?),
        }
    }

    /// The result to answer with; `None` to try again.
    fn judge<T>(
        &mut self,
        result: Outcome<T>,
        connection: PoolConnection<Postgres>,
    ) -> Option<Outcome<T>> {
        match &result {
            Err(Fault::Sql(error)) if is_lost(error) && std::mem::take(&mut self.first) => {
                // Not back into the pool.
                drop(connection.detach());
                forget_idle(self.pool);
                None
            }
            _ => Some(result),
        }
    }
}

impl Inner {
    /// Reads something that belongs to no workspace.
    async fn on_connection<T>(
        &self,
        work: impl for<'a> Fn(&'a mut PgConnection, &'a Names) -> Reading<'a, T>,
    ) -> Outcome<T> {
        let mut tries = Tries::new(&self.pool);
        loop {
            let mut connection = tries.connection().await?;
            let result = work(&mut connection, &self.names).await;
            if let Some(result) = tries.judge(result, connection) {
                return result;
            }
        }
    }

    /// Reads something of one workspace; `empty` when it holds nothing.
    async fn read<T>(
        &self,
        workspace: &Workspace,
        empty: impl FnOnce() -> T,
        work: impl for<'a> Fn(Db<'a>) -> Reading<'a, T>,
    ) -> Result<T> {
        let mut tries = Tries::new(&self.pool);
        loop {
            let mut connection = tries.connection().await?;
            let result = match self.key_on(&mut connection, workspace).await {
                Ok(None) => return Ok(empty()),
                Ok(Some(key)) => {
                    work(Db {
                        connection: &mut connection,
                        names: &self.names,
                        workspace,
                        key,
                    })
                    .await
                }
                Err(fault) => Err(fault),
            };
            if let Some(result) = tries.judge(result, connection) {
                return Ok(result?);
            }
        }
    }

    /// The workspace's key, if it holds anything.
    async fn key_on(
        &self,
        connection: &mut PgConnection,
        workspace: &Workspace,
    ) -> Outcome<Option<i64>> {
        if let Some(key) = self.known_key(workspace) {
            return Ok(Some(key));
        }
        let found = find(connection, &self.names, workspace.as_str()).await?;
        if let Some(key) = found {
            self.remember(BTreeMap::from([(workspace.clone(), key)]));
        }
        Ok(found)
    }

    async fn claim(&self, claim: &Claim) -> Outcome<Vec<Message>> {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(claimed) = self.claim_now(claim, Instant::now() >= patience).await? {
                return Ok(claimed);
            }
            tokio::time::sleep(TURN).await;
        }
    }

    /// Claims, unless somebody else does in this moment and it is not `urgent`.
    async fn claim_now(&self, claim: &Claim, urgent: bool) -> Outcome<Option<Vec<Message>>> {
        let mut transaction = self.begin(&self.begin_claim).await?;
        let Some(key) = self.key_on(&mut transaction, &claim.workspace).await? else {
            place::look(&mut transaction, &self.names).await?.check()?;
            return Ok(Some(Vec::new()));
        };
        let mut db = Db {
            connection: &mut transaction,
            names: &self.names,
            workspace: &claim.workspace,
            key,
        };
        if !dispatch::alone(&mut db).await? && !urgent {
            return Ok(None);
        }
        let look = place::look(db.connection, db.names).await?;
        look.check()?;
        let now = match self.time {
            TimeSource::Database => look.now,
            TimeSource::Caller => claim.now,
        };
        let limit = claim.limit.clamp(1, 1_000);
        let due = messages::due(&mut db, now, &claim.parked, limit).await?;
        if due.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let (decided, sets, refused) = dispatch::decide(claim, &due, now);
        sqlx::raw_sql(WRITES).execute(&mut *transaction).await?;
        // The rows are held by us, so nothing but a defect can refuse one.
        let Written { results, turn, .. } = self
            .write(&mut transaction, &sets, Failing::EndsOne, true)
            .await?;
        transaction.commit().await.map_err(of_commit)?;
        drop(turn);
        Ok(Some(dispatch::taken(decided, results, refused)?))
    }

    async fn seal(&self, workspace: &Workspace, limit: u32) -> Outcome<u32> {
        let mut transaction = self.begin(&self.begin_write).await?;
        let Some(key) = self.key_on(&mut transaction, workspace).await? else {
            return Ok(0);
        };
        let mut db = Db {
            connection: &mut transaction,
            names: &self.names,
            workspace,
            key,
        };
        let sealed = events::seal(&mut db, limit).await?;
        transaction.commit().await.map_err(of_commit)?;
        Ok(sealed)
    }
}

/// The server's clock, to the microsecond.
async fn clock(connection: &mut PgConnection) -> Outcome<DateTime<Utc>> {
    Ok(sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(connection)
        .await?)
}

/// A page of a workspace that holds nothing.
fn nothing<T>(count: bool) -> impl FnOnce() -> Page<T> {
    move || Page {
        items: Vec::new(),
        total: count.then_some(0),
        next: None,
    }
}

#[async_trait]
impl Store for PgStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            name: "postgres".to_owned(),
            durable: true,
            exclusive_dispatcher: false,
            seals_on_commit: false,
        }
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        // A task of its own: what it costs to write many rows is paid on another core while the caller
        // decides what comes next, and a caller who gives up breaks no connection off in mid-statement.
        let inner = Arc::clone(&self.inner);
        let commit = tokio::spawn(async move { inner.commit(&sets).await });
        match commit.await {
            Ok(result) => result.map_err(|fault| Error::from(fault).during("commit")),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_ended) => Err(Error::new(
                    ErrorKind::Unavailable,
                    "the runtime was shut down during a commit; nothing is known about this write",
                )),
            },
        }
    }

    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        match self.inner.time {
            TimeSource::Caller => Ok(local),
            TimeSource::Database => Ok(self
                .inner
                .on_connection(|connection, _| Box::pin(clock(connection)))
                .await?),
        }
    }

    async fn changed(&self, seen: u64) -> u64 {
        self.inner.notices.changed(seen).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Message>> {
        let mut again = 0;
        loop {
            match self.inner.claim(&claim).await {
                Err(fault) if fault.is_collision() && again < AGAIN => again += 1,
                result => {
                    return result.map_err(|fault| Error::from(fault).during("claim"));
                }
            }
        }
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        let look = self
            .inner
            .on_connection(|connection, names| Box::pin(place::look(connection, names)))
            .await;
        look.map(|look| look.hold)
            .map_err(|fault| Error::from(fault).during("hold"))
    }

    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()> {
        self.inner
            .lift_hold(seen, &sets)
            .await
            .map_err(|fault| Error::from(fault).during("lift_hold"))
    }

    async fn become_dispatcher(&self) -> Result<()> {
        // Any number of workers may deliver: leases and epochs keep them apart.
        Ok(())
    }

    async fn seal(&self, workspace: &Workspace, limit: u32) -> Result<u32> {
        self.inner
            .seal(workspace, limit)
            .await
            .map_err(|fault| Error::from(fault).during("seal"))
    }

    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint> {
        self.inner
            .read(workspace, Checkpoint::default, |mut db| {
                Box::pin(async move { events::checkpoint(&mut db).await })
            })
            .await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let names: Vec<String> = self
            .inner
            .on_connection(|connection, names| {
                Box::pin(async move {
                    Ok(sqlx::query_scalar(names.sql(
                        "SELECT name FROM crm.workspaces w WHERE coalesce( \
                             (SELECT true FROM crm.events x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.contacts x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.import_updates x \
                                 WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.messages x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.templates x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.campaigns x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.plan_rows x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.suppressions x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.inbound x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.receipts x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.voices x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.saved_audiences x \
                                 WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.field_definitions x \
                                 WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.subscriptions x \
                                 WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.draft_batches x \
                                 WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.budgets x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.ledger x WHERE x.workspace = w.key LIMIT 1), \
                             (SELECT true FROM crm.counters x \
                                 WHERE x.workspace = w.key AND x.value <> 0 LIMIT 1), false) \
                         UNION SELECT name FROM (WITH RECURSIVE host(name) AS ( \
                             (SELECT workspace FROM crm.intake ORDER BY workspace LIMIT 1) \
                             UNION ALL \
                             SELECT (SELECT workspace FROM crm.intake \
                                 WHERE workspace > host.name ORDER BY workspace LIMIT 1) FROM host \
                             WHERE host.name IS NOT NULL) \
                             SELECT name FROM host WHERE name IS NOT NULL) AS hosts \
                         ORDER BY name",
                    ))
                    .fetch_all(connection)
                    .await?)
                })
            })
            .await?;
        names.into_iter().map(Workspace::new).collect()
    }

    async fn contacts(&self, workspace: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { contacts::list(&mut db, &query).await })
            })
            .await
    }

    async fn contacts_by_keys(
        &self,
        workspace: &Workspace,
        keys: ContactKeys,
    ) -> Result<Vec<Contact>> {
        let keys = Arc::new(keys);
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let keys = Arc::clone(&keys);
                Box::pin(async move { contacts::by_keys(&mut db, &keys).await })
            })
            .await
    }

    async fn import_updates(
        &self,
        workspace: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>> {
        self.inner
            .read(workspace, Vec::new, move |mut db| {
                Box::pin(async move { imports::list(&mut db, import, after, limit).await })
            })
            .await
    }

    async fn templates(
        &self,
        workspace: &Workspace,
        query: TemplateQuery,
    ) -> Result<Page<Template>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { templates::list(&mut db, &query).await })
            })
            .await
    }

    async fn messages(&self, workspace: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        let query = Arc::new(query);
        let lower = self.inner.lower;
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { lists::list(&mut db, &query, lower).await })
            })
            .await
    }

    async fn campaigns(
        &self,
        workspace: &Workspace,
        query: CampaignQuery,
    ) -> Result<Page<Campaign>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { campaigns::list(&mut db, &query).await })
            })
            .await
    }

    async fn plan(&self, workspace: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { plan::list(&mut db, &query).await })
            })
            .await
    }

    async fn suppressions(
        &self,
        workspace: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(false), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { suppressions::list(&mut db, &query).await })
            })
            .await
    }

    async fn inbound(
        &self,
        workspace: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>> {
        self.inner
            .read(workspace, BTreeMap::new, |mut db| {
                let (channel, addresses) = (channel.to_owned(), addresses.to_vec());
                Box::pin(async move { inbound::last(&mut db, &channel, &addresses).await })
            })
            .await
    }

    async fn events(&self, workspace: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { events::list(&mut db, &query).await })
            })
            .await
    }

    async fn trail(&self, workspace: &Workspace, message: MessageId) -> Result<Trail> {
        self.inner
            .read(workspace, Trail::default, move |mut db| {
                Box::pin(async move { trail::trail(&mut db, message).await })
            })
            .await
    }

    async fn dispatch(
        &self,
        workspace: &Workspace,
        messages: &[MessageId],
    ) -> Result<Vec<DispatchView>> {
        let ids: Arc<[MessageId]> = messages.into();
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let ids = Arc::clone(&ids);
                Box::pin(async move { dispatch::views(&mut db, &ids).await })
            })
            .await
    }

    async fn attempts(&self, workspace: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        let about: Arc<[About]> = about.into();
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let about = Arc::clone(&about);
                Box::pin(async move { receipts::attempts(&mut db, &about).await })
            })
            .await
    }

    async fn receipts(
        &self,
        workspace: &Workspace,
        query: ReceiptQuery,
    ) -> Result<Vec<KeptReceipt>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { receipts::list(&mut db, &query).await })
            })
            .await
    }

    async fn subscriptions(&self, workspace: &Workspace) -> Result<Vec<Subscription>> {
        self.inner
            .read(workspace, Vec::new, |mut db| {
                Box::pin(async move { subscriptions::list(&mut db).await })
            })
            .await
    }

    async fn draft_batches(
        &self,
        workspace: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { draft_batches::list(&mut db, &query).await })
            })
            .await
    }

    async fn voice(&self, workspace: &Workspace) -> Result<Option<Voice>> {
        self.inner
            .read(
                workspace,
                || None,
                |mut db| Box::pin(async move { voices::one(&mut db).await }),
            )
            .await
    }

    async fn saved_audiences(&self, workspace: &Workspace) -> Result<Vec<SavedAudience>> {
        self.inner
            .read(workspace, Vec::new, |mut db| {
                Box::pin(async move { saved_audiences::list(&mut db).await })
            })
            .await
    }

    async fn field_definitions(&self, workspace: &Workspace) -> Result<Vec<FieldDefinition>> {
        self.inner
            .read(workspace, Vec::new, |mut db| {
                Box::pin(async move { field_definitions::list(&mut db).await })
            })
            .await
    }

    async fn intake(&self, workspace: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        let asked = Arc::new((workspace.clone(), query));
        let rows = self
            .inner
            .on_connection(|connection, names| {
                let asked = Arc::clone(&asked);
                Box::pin(async move {
                    let (workspace, query) = &*asked;
                    // Rows of the intake name their workspace; there may be no key for it yet.
                    let mut db = Db {
                        connection,
                        names,
                        workspace,
                        key: 0,
                    };
                    intake::list(&mut db, query).await
                })
            })
            .await?;
        Ok(rows)
    }

    async fn budgets(&self, workspace: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        self.inner
            .read(workspace, Vec::new, move |mut db| {
                Box::pin(async move { budgets::list(&mut db, &query).await })
            })
            .await
    }

    async fn ledger(&self, workspace: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, nothing(query.page.count), |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { ledger::list(&mut db, &query).await })
            })
            .await
    }

    async fn usage(&self, workspace: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        let query = Arc::new(query);
        self.inner
            .read(workspace, Vec::new, |mut db| {
                let query = Arc::clone(&query);
                Box::pin(async move { usage::list(&mut db, &query).await })
            })
            .await
    }

    async fn counters(
        &self,
        workspace: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        let prefixes: Arc<[String]> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        self.inner
            .read(workspace, BTreeMap::new, |mut db| {
                let prefixes = Arc::clone(&prefixes);
                Box::pin(async move { counters::list(&mut db, &prefixes).await })
            })
            .await
    }
}
