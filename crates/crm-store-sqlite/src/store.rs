//! The port: each call runs on the writer or on a reader.

use std::collections::BTreeMap;

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
use rusqlite::Connection;

use crate::fault::Outcome;
use crate::query::workspace as find;
use crate::writer::Batch;
use crate::{
    SqliteStore, apply, budgets, campaigns, contact_keys, contacts, counters, dispatch,
    draft_batches, events, field_definitions, imports, inbound, intake, ledger, lists, plan,
    receipts, saved_audiences, subscriptions, suppressions, templates, trail, usage, voices,
};

/// How often a claim looks again when everything it found was changed by others.
const CLAIMS: usize = 3;

impl SqliteStore {
    /// Reads something of one workspace; `empty` when it holds nothing.
    async fn read<T: Send + 'static>(
        &self,
        workspace: &Workspace,
        empty: impl FnOnce() -> T + Send + 'static,
        work: impl FnOnce(&Connection, &Workspace, i64) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let workspace = workspace.clone();
        self.pool
            .read(
                move |connection| match find(connection, workspace.as_str())? {
                    Some(key) => work(connection, &workspace, key),
                    None => Ok(empty()),
                },
            )
            .await
    }
}

/// A page of a workspace that holds nothing.
fn nothing<T>(count: bool) -> impl FnOnce() -> Page<T> + Send + 'static {
    move || Page {
        items: Vec::new(),
        total: count.then_some(0),
        next: None,
    }
}

/// Ends a hold: all sets and the new place, or nothing.
fn lift(batch: &mut Batch<'_>, seen: &Hold, sets: &[ChangeSet]) -> Outcome<()> {
    let state = batch.marker.lift(batch.connection, seen)?;
    let mut keys = Vec::with_capacity(sets.len());
    for set in sets {
        keys.push(apply::one(batch, set)?);
    }
    for (key, set) in keys.into_iter().zip(sets) {
        batch.count(key, set.counters());
    }
    batch.placed = Some(state);
    Ok(())
}

#[async_trait]
impl Store for SqliteStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            name: "sqlite".to_owned(),
            durable: true,
            exclusive_dispatcher: true,
            seals_on_commit: true,
        }
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        self.writer
            .submit(move |batch| Ok(apply::apply(batch, &sets)))
            .await
            .map_err(|error: Error| error.during("commit"))
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Message>> {
        // Two claims at once would read the same messages, and one would come back with nothing.
        let _turn = self.claims.lock().await;
        // Messages that others change between reading and writing leave room for the next ones.
        for _ in 0..CLAIMS {
            let wanted = claim.clone();
            let marker = self.marker.clone();
            let due = self
                .pool
                .read(move |connection| {
                    marker.check(connection)?;
                    match find(connection, wanted.workspace.as_str())? {
                        Some(key) => dispatch::due(connection, key, &wanted),
                        None => Ok(Vec::new()),
                    }
                })
                .await
                .map_err(|error| error.during("claim"))?;
            if due.is_empty() {
                return Ok(Vec::new());
            }
            let (decided, sets, mut refused) = dispatch::decide(&claim, due);
            let results = self
                .writer
                .submit(move |batch| {
                    batch.marker.check(batch.connection).map_err(Error::from)?;
                    Ok(apply::apply(batch, &sets))
                })
                .await
                .map_err(|error| error.during("claim"))?;
            let mut taken = Vec::with_capacity(decided.len());
            let mut lost = false;
            for (message, result) in decided.into_iter().zip(results) {
                match result {
                    Ok(()) => taken.push(message),
                    Err(error) if error.kind() == ErrorKind::Conflict => lost = true,
                    Err(error) => {
                        refused.get_or_insert(error);
                    }
                }
            }
            match refused {
                Some(error) if taken.is_empty() => return Err(error),
                _ if taken.is_empty() && lost => {}
                _ => return Ok(taken),
            }
        }
        Ok(Vec::new())
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        let marker = self.marker.clone();
        self.pool
            .read(move |connection| marker.look(connection))
            .await
            .map_err(|error| error.during("hold"))
    }

    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()> {
        let seen = seen.clone();
        self.writer
            .submit(move |batch| batch.savepoint(|batch| lift(batch, &seen, &sets)))
            .await
            .map_err(|error| error.during("lift_hold"))
    }

    async fn become_dispatcher(&self) -> Result<()> {
        self.lock_dispatcher()
    }

    async fn seal(&self, workspace: &Workspace, limit: u32) -> Result<u32> {
        let workspace = workspace.clone();
        self.writer
            .submit(move |batch| {
                batch.savepoint(|batch| {
                    let connection = batch.connection;
                    match find(connection, workspace.as_str())? {
                        Some(key) => events::seal(connection, &workspace, key, limit),
                        None => Ok(0),
                    }
                })
            })
            .await
            .map_err(|error| error.during("seal"))
    }

    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint> {
        self.read(workspace, Checkpoint::default, |connection, _, key| {
            events::checkpoint(connection, key)
        })
        .await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        self.pool
            .read(|connection| {
                let names = connection
                    .prepare_cached(
                        "SELECT name FROM workspaces w \
                         WHERE EXISTS (SELECT 1 FROM events x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM contacts x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM import_updates x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM messages x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM templates x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM campaigns x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM plan_rows x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM suppressions x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM inbound x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM receipts x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM subscriptions x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM draft_batches x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM voices x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM field_definitions x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM saved_audiences x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM budgets x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM ledger x WHERE x.workspace = w.key) \
                         OR EXISTS (SELECT 1 FROM counters x \
                             WHERE x.workspace = w.key AND x.value <> 0) \
                         UNION SELECT name FROM (WITH RECURSIVE host(name) AS ( \
                             SELECT min(workspace) FROM intake UNION ALL \
                             SELECT (SELECT min(workspace) FROM intake \
                                 WHERE workspace > host.name) FROM host \
                             WHERE host.name IS NOT NULL) \
                             SELECT name FROM host WHERE name IS NOT NULL) \
                         ORDER BY name",
                    )?
                    .query_map([], |row| row.get::<_, String>(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                let list: Result<Vec<_>> = names.into_iter().map(Workspace::new).collect();
                Ok(list?)
            })
            .await
    }

    async fn contacts(&self, workspace: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, workspace, key| contacts::list(connection, workspace, key, &query),
        )
        .await
    }

    async fn contacts_by_keys(
        &self,
        workspace: &Workspace,
        keys: ContactKeys,
    ) -> Result<Vec<Contact>> {
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            contact_keys::find(connection, workspace, key, &keys)
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
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            imports::list(connection, workspace, key, import, after, limit)
        })
        .await
    }

    async fn templates(
        &self,
        workspace: &Workspace,
        query: TemplateQuery,
    ) -> Result<Page<Template>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, workspace, key| templates::list(connection, workspace, key, &query),
        )
        .await
    }

    async fn messages(&self, workspace: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, workspace, key| lists::list(connection, workspace, key, &query),
        )
        .await
    }

    async fn campaigns(
        &self,
        workspace: &Workspace,
        query: CampaignQuery,
    ) -> Result<Page<Campaign>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, workspace, key| campaigns::list(connection, workspace, key, &query),
        )
        .await
    }

    async fn plan(&self, workspace: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, _, key| plan::list(connection, key, &query),
        )
        .await
    }

    async fn suppressions(
        &self,
        workspace: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        self.read(
            workspace,
            nothing(false),
            move |connection, workspace, key| {
                suppressions::list(connection, workspace, key, &query)
            },
        )
        .await
    }

    async fn inbound(
        &self,
        workspace: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>> {
        let (channel, addresses) = (channel.to_owned(), addresses.to_vec());
        self.read(workspace, BTreeMap::new, move |connection, _, key| {
            inbound::last(connection, key, &channel, &addresses)
        })
        .await
    }

    async fn events(&self, workspace: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            events::list(connection, workspace, key, &query)
        })
        .await
    }

    async fn trail(&self, workspace: &Workspace, message: MessageId) -> Result<Trail> {
        self.read(workspace, Trail::default, move |connection, _, key| {
            trail::trail(connection, key, message)
        })
        .await
    }

    async fn dispatch(
        &self,
        workspace: &Workspace,
        messages: &[MessageId],
    ) -> Result<Vec<DispatchView>> {
        let ids = messages.to_vec();
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            dispatch::views(connection, workspace, key, &ids)
        })
        .await
    }

    async fn attempts(&self, workspace: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        let about = about.to_vec();
        self.read(workspace, Vec::new, move |connection, _, key| {
            receipts::attempts(connection, key, &about)
        })
        .await
    }

    async fn receipts(
        &self,
        workspace: &Workspace,
        query: ReceiptQuery,
    ) -> Result<Vec<KeptReceipt>> {
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            receipts::list(connection, workspace, key, &query)
        })
        .await
    }

    async fn subscriptions(&self, workspace: &Workspace) -> Result<Vec<Subscription>> {
        self.read(workspace, Vec::new, |connection, workspace, key| {
            subscriptions::list(connection, workspace, key)
        })
        .await
    }

    async fn draft_batches(
        &self,
        workspace: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            draft_batches::list(connection, workspace, key, &query)
        })
        .await
    }

    async fn voice(&self, workspace: &Workspace) -> Result<Option<Voice>> {
        self.read(workspace, || None, voices::one).await
    }

    async fn saved_audiences(&self, workspace: &Workspace) -> Result<Vec<SavedAudience>> {
        self.read(workspace, Vec::new, saved_audiences::list).await
    }

    async fn field_definitions(&self, workspace: &Workspace) -> Result<Vec<FieldDefinition>> {
        self.read(workspace, Vec::new, field_definitions::list)
            .await
    }

    async fn intake(&self, workspace: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        let workspace = workspace.clone();
        // By name: a host that inserts the first row of a workspace knows no key of it.
        self.pool
            .read(move |connection| intake::list(connection, &workspace, &query))
            .await
    }

    async fn budgets(&self, workspace: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        self.read(workspace, Vec::new, move |connection, workspace, key| {
            budgets::list(connection, workspace, key, &query)
        })
        .await
    }

    async fn ledger(&self, workspace: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.read(
            workspace,
            nothing(query.page.count),
            move |connection, workspace, key| ledger::list(connection, workspace, key, &query),
        )
        .await
    }

    async fn usage(&self, workspace: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        self.read(workspace, Vec::new, move |connection, _, key| {
            usage::list(connection, key, &query)
        })
        .await
    }

    async fn counters(
        &self,
        workspace: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        let prefixes: Vec<String> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        self.read(workspace, BTreeMap::new, move |connection, _, key| {
            counters::list(connection, key, &prefixes)
        })
        .await
    }
}
