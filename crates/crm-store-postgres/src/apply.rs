//! Change sets: preconditions, changes, events.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crm_core::change::{Change, ChangeSet};
use crm_core::message::history::Checkpoint;
use crm_core::{Error, ErrorKind, Result, Workspace};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::sync::MutexGuard;
use uuid::Uuid;

use crate::Inner;
use crate::counters::Deltas;
use crate::fault::{Fault, Outcome};
use crate::group::Group;
use crate::query::{Db, workspace_for_write};
use crate::rows::{get, unsigned};
use crate::{
    budgets, campaigns, contacts, draft_batches, erasure, events, field_definitions, imports,
    inbound, intake, ledger, merge, messages, plan, receipts, require, saved_audiences,
    subscriptions, suppressions, templates, trail, voices,
};

/// Keys of workspaces by name.
pub(crate) type Keys = BTreeMap<Workspace, i64>;

/// How to go on when a set fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// The transaction is done again.
    EndsAll,
    /// Each run lies under a savepoint; the half it is in is tried again, down to the set alone.
    EndsOne,
}

/// Ends of chains by workspace's key: `None` for one that this transaction could not hold.
pub(crate) type Ends = BTreeMap<i64, Option<Checkpoint>>;

/// Applies change sets within a transaction.
pub(crate) struct Applier<'c, 'i> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) inner: &'i Inner,
    /// Keys of the workspaces written to.
    pub(crate) keys: Keys,
    /// What the applied sets add to the counters.
    pub(crate) deltas: Deltas,
    pub(crate) failing: Failing,
    /// Whether events may be sealed here, which keeps others from sealing until the transaction ends.
    pub(crate) seals: bool,
    /// The ends of the chains that many events were appended to.
    pub(crate) ends: Ends,
    /// This store's turn to seal, once it is needed.
    pub(crate) turn: Option<MutexGuard<'i, ()>>,
}

/// How long a commit waits for its turn to seal, at most. It holds rows already: one that has its turn may
/// be waiting for them.
const PATIENCE: Duration = Duration::from_millis(50);

impl Applier<'_, '_> {
    /// Applies each set wholly or not at all, in order; one result for each. The error is about all.
    pub(crate) async fn apply(&mut self, sets: &[ChangeSet]) -> Outcome<Vec<Result<()>>> {
        let mut results = Vec::with_capacity(sets.len());
        let mut rest: Vec<&ChangeSet> = sets.iter().collect();
        while let Some(first) = rest.first() {
            let same = rest
                .iter()
                .take_while(|set| set.workspace() == first.workspace())
                .count();
            let count = Group::of_sets(rest.get(..same).unwrap_or_default())
                .1
                .max(1);
            let later = rest.split_off(count);
            results.extend(self.run(&rest).await?);
            rest = later;
        }
        Ok(results)
    }

    /// Writes the ends of the chains that grew.
    pub(crate) async fn keep_ends(&mut self) -> Outcome<()> {
        let workspaces: Vec<(Workspace, i64)> = self
            .keys
            .iter()
            .map(|(workspace, key)| (workspace.clone(), *key))
            .collect();
        for (workspace, key) in workspaces {
            if let Some(Some(end)) = self.ends.get(&key) {
                let mut db = Db {
                    connection: &mut *self.connection,
                    names: &self.inner.names,
                    workspace: &workspace,
                    key,
                };
                events::keep(&mut db, *end).await?;
            }
        }
        Ok(())
    }

    /// Applies sets that can be written together, or one alone.
    fn run<'s>(&'s mut self, sets: &'s [&ChangeSet]) -> BoxFuture<'s, Outcome<Vec<Result<()>>>> {
        async move {
            if self.failing == Failing::EndsAll {
                self.write(sets).await?;
                return Ok(vec![Ok(()); sets.len()]);
            }
            // What a run that fails holds since then is no longer held afterwards.
            let ends = self.ends.clone();
            sqlx::raw_sql("SAVEPOINT crm")
                .execute(&mut *self.connection)
                .await?;
            match self.write(sets).await {
                Ok(()) => {
                    sqlx::raw_sql("RELEASE SAVEPOINT crm")
                        .execute(&mut *self.connection)
                        .await?;
                    Ok(vec![Ok(()); sets.len()])
                }
                Err(fault) if fault.is_of_a_set() => {
                    sqlx::raw_sql("ROLLBACK TO SAVEPOINT crm; RELEASE SAVEPOINT crm")
                        .execute(&mut *self.connection)
                        .await?;
                    self.ends = ends;
                    if sets.len() == 1 {
                        return Ok(vec![Err(fault.into())]);
                    }
                    let (first, second) = sets.split_at(sets.len() / 2);
                    let mut results = self.run(first).await?;
                    results.extend(self.run(second).await?);
                    Ok(results)
                }
                Err(fault) => Err(fault),
            }
        }
        .boxed()
    }

    /// Writes sets of one workspace and notes what they count.
    async fn write(&mut self, sets: &[&ChangeSet]) -> Outcome<()> {
        let Some(first) = sets.first() else {
            return Ok(());
        };
        for set in sets {
            own(set)?;
        }
        let workspace = first.workspace();
        let names = &self.inner.names;
        let here = self.keys.get(workspace).copied();
        let key = match here.or_else(|| self.inner.known_key(workspace)) {
            Some(key) => key,
            None => workspace_for_write(self.connection, names, workspace.as_str()).await?,
        };
        let mut db = Db {
            connection: &mut *self.connection,
            names,
            workspace,
            key,
        };
        require::hold(&mut db, sets).await?;
        let groups = match sets {
            [only] => Group::of_set(only),
            many => vec![Group::of_sets(many).0],
        };
        for mut group in groups {
            group.sort();
            write(&mut db, &group).await?;
        }
        let all: Vec<_> = sets.iter().flat_map(|set| set.events()).collect();
        let many = self.seals && all.len() >= events::MANY;
        if many && self.turn.is_none() {
            // Without it the events may have to wait to be sealed, and that is all.
            let turn = self.inner.turn.lock();
            self.turn = tokio::time::timeout(PATIENCE, turn).await.ok();
        }
        let end = match self.ends.get(&key) {
            Some(end) => *end,
            None if many => events::free_end(&mut db).await?,
            None => None,
        };
        let end = events::append(&mut db, &all, end).await?;
        if many || end.is_some() {
            self.ends.insert(key, end);
        }
        self.keys.insert(workspace.clone(), key);
        for set in sets {
            for (name, delta) in set.counters() {
                *self.deltas.entry((key, name.clone())).or_default() += delta;
            }
        }
        Ok(())
    }
}

/// Everything in a set is of its workspace.
fn own(set: &ChangeSet) -> Result<()> {
    let rows = set.changes().iter().filter_map(workspace_of);
    let events = set.events().iter().map(|event| &event.workspace);
    if rows.chain(events).all(|row| row == set.workspace()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        "a change set writes rows of its own workspace only",
    ))
}

/// The workspace a row names itself, if it does.
fn workspace_of(change: &Change) -> Option<&Workspace> {
    match change {
        Change::InsertContact(row) | Change::UpdateContact(row) => Some(&row.workspace),
        Change::PutImportUpdate(row) => Some(&row.workspace),
        Change::InsertTemplate(row) | Change::UpdateTemplate(row) => Some(&row.workspace),
        Change::InsertMessage(row) | Change::UpdateMessage { message: row, .. } => {
            Some(&row.workspace)
        }
        Change::InsertCampaign(row) | Change::UpdateCampaign(row) => Some(&row.workspace),
        Change::InsertSuppression(row) => Some(&row.workspace),
        Change::SuppressErased(row) => Some(&row.workspace),
        Change::RecordInbound(row) => Some(&row.workspace),
        Change::InsertIntake(row) => Some(&row.workspace),
        Change::FinishIntake(row) => Some(&row.workspace),
        Change::InsertReceipt(row) | Change::UpdateReceipt(row) => Some(&row.workspace),
        Change::InsertSubscription(row) | Change::UpdateSubscription(row) => Some(&row.workspace),
        Change::InsertDraftBatch(row) | Change::UpdateDraftBatch(row) => Some(&row.workspace),
        Change::PutVoice(row) => Some(&row.workspace),
        Change::PutFieldDefinition(row) => Some(&row.workspace),
        Change::InsertSavedAudience(row) | Change::UpdateSavedAudience(row) => Some(&row.workspace),
        Change::InsertBudget(row) | Change::UpdateBudget(row) => Some(&row.workspace),
        Change::Reserve(row) | Change::Settle(row) => Some(&row.workspace),
        _ => None,
    }
}

async fn write(db: &mut Db<'_>, group: &Group<'_>) -> Outcome<()> {
    match group.alone {
        None => write_rows(db, group).await,
        Some(Change::DeleteImportUpdate {
            import_id,
            contact_id,
        }) => imports::delete(db, *import_id, *contact_id).await,
        Some(Change::EraseTexts(id)) => erasure::texts(db, *id).await,
        Some(Change::SuppressErased(row)) => erasure::suppress(db, row).await,
        Some(Change::MoveHistory { from, to }) => merge::history(db, *from, *to).await,
        Some(Change::DeleteTemplate(id)) => found(templates::delete(db, *id).await?, "template"),
        Some(Change::DeleteCampaign(id)) => found(campaigns::delete(db, *id).await?, "campaign"),
        Some(Change::DeleteInbound(address)) => inbound::forget(db, address).await,
        Some(Change::PutVoice(row)) => voices::put(db, row).await,
        Some(Change::InsertSavedAudience(row)) => saved_audiences::insert(db, row).await,
        Some(Change::UpdateSavedAudience(row)) => saved_audiences::update(db, row).await,
        Some(Change::DeleteSavedAudience(id)) => {
            found(saved_audiences::delete(db, *id).await?, "saved audience")
        }
        Some(Change::PutFieldDefinition(row)) => field_definitions::put(db, row).await,
        Some(Change::DeleteFieldDefinition(name)) => found(
            field_definitions::delete(db, name).await?,
            "definition of the field",
        ),
        Some(Change::DeleteSuppression {
            channel,
            address,
            reason,
        }) => suppressions::delete(db, channel, address, reason.as_deref()).await,
        Some(Change::InsertBudget(row)) => budgets::insert(db, row).await,
        Some(Change::UpdateBudget(row)) => budgets::update(db, row).await,
        Some(Change::DeleteBudget {
            campaign_id,
            period,
        }) => found(budgets::delete(db, *campaign_id, *period).await?, "budget"),
        Some(Change::Reserve(row)) => ledger::reserve(db, row).await,
        Some(Change::Settle(row)) => ledger::settle(db, row).await,
        Some(_) => Err(Error::new(ErrorKind::Corrupt, "a change was put aside wrongly").into()),
    }
}

/// Inserts of a table come before its updates: whatever that order refuses and the order of the sets
/// would not is found when the sets are tried one by one.
async fn write_rows(db: &mut Db<'_>, group: &Group<'_>) -> Outcome<()> {
    campaigns::insert(db, &group.insert_campaigns).await?;
    if !campaigns::update(db, &group.update_campaigns).await? {
        let rows = group.update_campaigns.iter();
        return Err(stale(db, Table::Campaign, rows.map(|row| (row.id.0, row.version))).await?);
    }
    contacts::insert(db, &group.insert_contacts).await?;
    if !contacts::update(db, &group.update_contacts).await? {
        let rows = group.update_contacts.iter();
        return Err(stale(db, Table::Contact, rows.map(|row| (row.id.0, row.version))).await?);
    }
    imports::put(db, &group.import_updates).await?;
    templates::insert(db, &group.insert_templates).await?;
    if !templates::update(db, &group.update_templates).await? {
        let rows = group.update_templates.iter();
        return Err(stale(db, Table::Template, rows.map(|row| (row.id.0, row.version))).await?);
    }
    messages::insert(db, &group.insert_messages).await?;
    if !messages::update(db, &group.update_messages).await? {
        let rows = group.update_messages.iter();
        return Err(stale(db, Table::Message, rows.map(|row| (row.id.0, row.version))).await?);
    }
    if !messages::revise(db, &group.revise_messages).await? {
        let rows = group.revise_messages.iter();
        return Err(stale(db, Table::Message, rows.map(|row| (row.id.0, row.version))).await?);
    }
    of_known_messages(db, group).await?;
    trail::insert_approvals(db, &group.approvals).await?;
    trail::insert_attempts(db, &group.insert_attempts).await?;
    if !trail::finish_attempts(db, &group.finish_attempts).await? {
        return Err(match group.finish_attempts.as_slice() {
            [only] => trail::not_finished(db, only).await?,
            _ => Error::new(ErrorKind::Conflict, "an attempt is not open; load it again"),
        }
        .into());
    }
    if !group.suppressions.is_empty() {
        let addresses = group.suppressions.iter().map(|row| row.address.as_str());
        require::hold_addresses(db, &addresses.collect::<Vec<_>>()).await?;
        suppressions::insert(db, &group.suppressions).await?;
    }
    inbound::record(db, &group.inbound).await?;
    plan::insert(db, &group.insert_plan_rows).await?;
    found(
        plan::update(db, &group.update_plan_rows).await?,
        "plan line",
    )?;
    intake::insert(db, &group.insert_intake).await?;
    intake::finish(db, &group.finish_intake).await?;
    receipts::insert(db, &group.insert_receipts).await?;
    receipts::update(db, &group.update_receipts).await?;
    subscriptions::insert(db, &group.insert_subscriptions).await?;
    subscriptions::update(db, &group.update_subscriptions).await?;
    draft_batches::insert(db, &group.insert_draft_batches).await?;
    draft_batches::update(db, &group.update_draft_batches).await
}

/// Approvals and attempts are of messages that are there.
async fn of_known_messages(db: &mut Db<'_>, group: &Group<'_>) -> Outcome<()> {
    let written: HashSet<Uuid> = [
        &group.insert_messages,
        &group.update_messages,
        &group.revise_messages,
    ]
    .into_iter()
    .flatten()
    .map(|row| row.id.0)
    .collect();
    let named = group.approvals.iter().map(|row| row.message_id.0);
    let mut ids: Vec<Uuid> = named
        .chain(group.insert_attempts.iter().map(|row| row.message_id.0))
        .filter(|id| !written.contains(id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let there = messages::versions(db, &ids).await?.len() == ids.len();
    found(there, "message")
}

#[derive(Clone, Copy)]
enum Table {
    Contact,
    Template,
    Message,
    Campaign,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Template => "template",
            Self::Message => "message",
            Self::Campaign => "campaign",
        }
    }

    const fn versions(self) -> &'static str {
        match self {
            Self::Contact => {
                "SELECT id, version FROM crm.contacts WHERE workspace = $1 AND id = ANY ($2)"
            }
            Self::Template => {
                "SELECT id, version FROM crm.templates WHERE workspace = $1 AND id = ANY ($2)"
            }
            Self::Message => {
                "SELECT id, version FROM crm.messages WHERE workspace = $1 AND id = ANY ($2)"
            }
            Self::Campaign => {
                "SELECT id, version FROM crm.campaigns WHERE workspace = $1 AND id = ANY ($2)"
            }
        }
    }
}

/// Why an update met fewer rows than it should: one is not there, or has another version. Those that it
/// met have the new version already.
async fn stale(
    db: &mut Db<'_>,
    table: Table,
    rows: impl Iterator<Item = (Uuid, u64)>,
) -> Outcome<Fault> {
    let rows: Vec<(Uuid, u64)> = rows.collect();
    let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
    let stored: BTreeMap<Uuid, u64> = sqlx::query(db.sql(table.versions()))
        .bind(db.key)
        .bind(ids)
        .fetch_all(&mut *db.connection)
        .await?
        .iter()
        .map(|row| Ok((get(row, "id")?, unsigned(row, "version")?)))
        .collect::<Outcome<_>>()?;
    let what = table.name();
    if rows.iter().any(|(id, _)| !stored.contains_key(id)) {
        return Ok(Error::not_found(what).into());
    }
    let other = rows
        .iter()
        .find(|(id, version)| stored.get(id) != Some(version))
        .or(rows.first());
    let id = other.map(|(id, _)| id.to_string()).unwrap_or_default();
    Ok(Error::new(
        ErrorKind::Conflict,
        format!("{what} {id} was changed meanwhile; load it again"),
    )
    .into())
}

fn found(done: bool, what: &str) -> Outcome<()> {
    if done {
        Ok(())
    } else {
        Err(Error::not_found(what).into())
    }
}
