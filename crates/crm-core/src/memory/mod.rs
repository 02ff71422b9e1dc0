//! A store in memory: the reference of the [`Store`] contract, for tests, demos and trying things out.
//!
//! Not for production: everything is gone when the process ends, and one lock serves all callers.

mod apply;
mod erasure;
mod merge;
mod messages;
mod query;
mod spend;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::actor::Workspace;
use crate::audience::saved::SavedAudience;
use crate::budget::{BudgetState, LedgerEntry, UsageLine};
use crate::campaign::{Campaign, CampaignStatus, PlanRow};
use crate::change::{ChangeSet, Precondition};
use crate::consent::Suppression;
use crate::contact::Contact;
use crate::contact::definition::FieldDefinition;
use crate::draft_batch::DraftBatch;
use crate::error::Result;
use crate::generation::Voice;
use crate::hold::Hold;
use crate::id::{ContactId, ImportId, MessageId};
use crate::import::ImportUpdate;
use crate::intake::IntakeRow;
use crate::message::history::{AuditEvent, Checkpoint, StoredEvent, seal};
use crate::message::{Attempt, AttemptOutcome, Message, Status};
use crate::port::callback::About;
use crate::port::store::{
    BudgetQuery, CampaignQuery, Claim, ContactKeys, ContactQuery, DispatchView, DraftBatchQuery,
    EventQuery, IntakeQuery, LedgerQuery, MessageQuery, Page, PageRequest, PlanQuery, ReceiptQuery,
    Store, StoreCapabilities, SuppressionQuery, TemplateQuery, Trail, UsageQuery,
};
use crate::receipt::KeptReceipt;
use crate::subscription::Subscription;
use crate::template::Template;
use tables::Tables;

type Spaces = BTreeMap<Workspace, Tables>;

/// Keeps everything in memory. See the module's text.
#[derive(Default)]
pub struct MemoryStore {
    spaces: Mutex<Spaces>,
    /// Locked after `spaces`.
    hold: Mutex<Option<Hold>>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore(..)")
    }
}

impl MemoryStore {
    // A panic inside cannot leave half a change: `apply` checks each change before it writes.
    fn lock(&self) -> MutexGuard<'_, Spaces> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the store on hold, as if it had gone back to an older state: for tests.
    pub fn put_on_hold(&self, hold: Hold) {
        *self.held() = Some(hold);
    }

    fn held(&self) -> MutexGuard<'_, Option<Hold>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_hold(&self) -> Result<()> {
        self.held()
            .as_ref()
            .map_or(Ok(()), |hold| Err(hold.refuse()))
    }

    /// Reads one workspace; a default answer when it holds nothing.
    fn read<T: Default>(&self, workspace: &Workspace, read: impl FnOnce(&Tables) -> T) -> T {
        self.lock().get(workspace).map(read).unwrap_or_default()
    }
}

fn empty<T>(request: &PageRequest) -> Page<T> {
    Page {
        items: Vec::new(),
        total: request.count.then_some(0),
        next: None,
    }
}

fn at_most(limit: u32, default: u32, bound: u32) -> usize {
    let limit = if limit == 0 { default } else { limit };
    usize::try_from(limit.min(bound)).unwrap_or(usize::MAX)
}

fn claimable(tables: &Tables, message: &Message, claim: &Claim) -> bool {
    let paused = message
        .campaign_id
        .and_then(|id| tables.campaigns.get(&id))
        .is_some_and(|campaign| campaign.status == CampaignStatus::Paused);
    message.status == Status::Approved
        && !message.deleted
        && !message.test_mode
        && !paused
        && !claim.parked.contains(&message.channel)
}

fn view(tables: &Tables, id: MessageId) -> Option<DispatchView> {
    let message = (**tables.messages.get(&id)?).clone();
    Some(DispatchView {
        approval: tables.approvals_of(id).next_back().cloned(),
        contact: (**tables.contacts.get(&message.contact_id)?).clone(),
        campaign: message
            .campaign_id
            .and_then(|id| tables.campaigns.get(&id))
            .map(|campaign| (**campaign).clone()),
        suppressed: tables.is_suppressed(&message.channel, &message.recipient),
        attempt: tables.attempts.get(&(id, message.epoch)).cloned(),
        message,
    })
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            name: "memory".to_owned(),
            durable: false,
            exclusive_dispatcher: true,
            seals_on_commit: false,
        }
    }

    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        let mut spaces = self.lock();
        Ok(sets
            .iter()
            .map(|set| {
                if set.preconditions().contains(&Precondition::NotOnHold) {
                    self.check_hold()?;
                }
                apply::apply(spaces.entry(set.workspace().clone()).or_default(), set)
            })
            .collect())
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Message>> {
        let mut spaces = self.lock();
        self.check_hold()?;
        let Some(tables) = spaces.get_mut(&claim.workspace) else {
            return Ok(Vec::new());
        };
        let due: Vec<Message> = tables
            .due
            .iter()
            .take_while(|(not_before, _)| *not_before <= claim.now)
            .filter_map(|(_, id)| tables.messages.get(id))
            .filter(|message| claimable(tables, message, &claim))
            .take(at_most(claim.limit, 1, 1_000))
            .map(|message| (**message).clone())
            .collect();
        let mut claimed = Vec::with_capacity(due.len());
        let mut writes = Vec::with_capacity(due.len());
        for message in due {
            let (after, set) = claim.decide(&message, claim.now)?;
            writes.push(set);
            claimed.push(after);
        }
        // One set touches one message, so that none can stand in another's way.
        for set in &writes {
            apply::apply(tables, set)?;
        }
        Ok(claimed)
    }

    async fn hold(&self) -> Result<Option<Hold>> {
        Ok(self.held().clone())
    }

    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()> {
        let mut spaces = self.lock();
        let mut held = self.held();
        if held.as_ref() != Some(seen) {
            return Err(Hold::another());
        }
        apply::together(&mut spaces, &sets)?;
        *held = None;
        Ok(())
    }

    async fn become_dispatcher(&self) -> Result<()> {
        Ok(())
    }

    async fn seal(&self, workspace: &Workspace, limit: u32) -> Result<u32> {
        let mut spaces = self.lock();
        let Some(tables) = spaces.get_mut(workspace) else {
            return Ok(0);
        };
        let sealed = usize::try_from(tables.checkpoint.position).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let waiting: Vec<AuditEvent> = tables
            .events
            .iter()
            .skip(sealed)
            .take(limit)
            .map(|stored| stored.event.clone())
            .collect();
        let (seals, end) = seal(tables.checkpoint, &waiting);
        for (stored, seal) in tables.events.iter_mut().skip(sealed).zip(seals) {
            stored.seal = Some(seal);
        }
        tables.checkpoint = end;
        Ok(u32::try_from(waiting.len()).unwrap_or(u32::MAX))
    }

    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint> {
        Ok(self.read(workspace, |tables| tables.checkpoint))
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let spaces = self.lock();
        let full = spaces.iter().filter(|(_, tables)| !tables.is_empty());
        Ok(full.map(|(workspace, _)| workspace.clone()).collect())
    }

    async fn contacts(&self, workspace: &Workspace, query: ContactQuery) -> Result<Page<Contact>> {
        let spaces = self.lock();
        let nothing = Tables::default();
        let tables = spaces.get(workspace).unwrap_or(&nothing);
        let matches = query::contact(&query, tables)?;
        let rows = tables.contacts.values().map(|row| &**row);
        Ok(query::page(rows, &query.page, |row| row.id.0, matches))
    }

    async fn contacts_by_keys(
        &self,
        workspace: &Workspace,
        keys: ContactKeys,
    ) -> Result<Vec<Contact>> {
        Ok(self.read(workspace, |tables| query::by_keys(tables, &keys)))
    }

    async fn import_updates(
        &self,
        workspace: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>> {
        let first = (import, after.unwrap_or(ContactId(uuid::Uuid::nil())));
        Ok(self.read(workspace, |tables| {
            tables
                .import_updates
                .range(first..)
                .take_while(|((of, _), _)| *of == import)
                .filter(|((_, contact), _)| after.is_none_or(|after| *contact > after))
                .take(at_most(limit, 100, 1_000))
                .map(|(_, row)| (**row).clone())
                .collect()
        }))
    }

    async fn templates(
        &self,
        workspace: &Workspace,
        query: TemplateQuery,
    ) -> Result<Page<Template>> {
        let spaces = self.lock();
        Ok(spaces.get(workspace).map_or_else(
            || empty(&query.page),
            |tables| {
                let rows = tables.templates.values();
                query::page(rows, &query.page, |row| row.id.0, query::template(&query))
            },
        ))
    }

    async fn messages(&self, workspace: &Workspace, query: MessageQuery) -> Result<Page<Message>> {
        let spaces = self.lock();
        Ok(spaces.get(workspace).map_or_else(
            || empty(&query.page),
            |tables| {
                let rows = tables.messages.values().map(|row| &**row);
                if query.gravest_first {
                    let known = |id| tables.messages.get(&MessageId(id));
                    let behind = query.page.after.map(|id| known(id).map(|row| row.risk()));
                    return query::gravest(rows, &query, behind);
                }
                query::page(rows, &query.page, |row| row.id.0, query::message(&query))
            },
        ))
    }

    async fn campaigns(
        &self,
        workspace: &Workspace,
        query: CampaignQuery,
    ) -> Result<Page<Campaign>> {
        let spaces = self.lock();
        Ok(spaces.get(workspace).map_or_else(
            || empty(&query.page),
            |tables| {
                let rows = tables.campaigns.values().map(|row| &**row);
                query::page(rows, &query.page, |row| row.id.0, query::campaign(&query))
            },
        ))
    }

    async fn plan(&self, workspace: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>> {
        let request = PageRequest {
            oldest_first: true,
            ..query.page
        };
        let spaces = self.lock();
        Ok(spaces.get(workspace).map_or_else(
            || empty(&request),
            |tables| {
                let mut rows: Vec<&PlanRow> = tables.plan.values().collect();
                rows.sort_by_key(|row| row.contact_id);
                let rows = rows.into_iter();
                query::page(rows, &request, |row| row.contact_id.0, query::plan(&query))
            },
        ))
    }

    async fn suppressions(
        &self,
        workspace: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>> {
        let items = self.read(workspace, |tables| query::suppressions(tables, &query));
        Ok(Page {
            items,
            total: None,
            next: None,
        })
    }

    async fn inbound(
        &self,
        workspace: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>> {
        Ok(self.read(workspace, |tables| {
            let known = addresses.iter().filter_map(|address| {
                let row = tables.inbound.get(&(channel.to_owned(), address.clone()))?;
                Some((address.clone(), row.at))
            });
            known.collect()
        }))
    }

    async fn events(&self, workspace: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>> {
        Ok(self.read(workspace, |tables| {
            tables
                .events
                .iter()
                .filter(|stored| {
                    query.subject.is_none_or(|(subject, id)| {
                        stored.event.subject == subject && stored.event.subject_id == id
                    }) && query.sealed_after.is_none_or(|position| {
                        stored.seal.is_some_and(|seal| seal.position > position)
                    })
                })
                .take(at_most(query.limit, 1_000, 10_000))
                .cloned()
                .collect()
        }))
    }

    async fn trail(&self, workspace: &Workspace, message: MessageId) -> Result<Trail> {
        Ok(self.read(workspace, |tables| Trail {
            revisions: tables
                .revisions
                .range((message, 0)..=(message, u32::MAX))
                .map(|(_, revision)| revision.clone())
                .collect(),
            approvals: tables.approvals_of(message).cloned().collect(),
            attempts: tables
                .attempts
                .range((message, 0)..=(message, u64::MAX))
                .map(|(_, attempt)| attempt.clone())
                .collect(),
        }))
    }

    async fn dispatch(
        &self,
        workspace: &Workspace,
        messages: &[MessageId],
    ) -> Result<Vec<DispatchView>> {
        Ok(self.read(workspace, |tables| {
            messages.iter().filter_map(|id| view(tables, *id)).collect()
        }))
    }

    async fn attempts(&self, workspace: &Workspace, about: &[About]) -> Result<Vec<Attempt>> {
        let wanted: BTreeSet<_> = about.iter().map(About::parts).collect();
        let is = |name: About| wanted.contains(&name.parts());
        Ok(self.read(workspace, |tables| {
            let stands_for = |attempt: &&Attempt| {
                let message = tables.messages.get(&attempt.message_id);
                let named = message.and_then(|message| {
                    let id = message.provider_id.clone()?;
                    let unknown = attempt.outcome == Some(AttemptOutcome::Unknown)
                        && attempt.epoch == message.epoch;
                    (unknown || attempt.provider_id.as_ref() == Some(&id)).then_some(id)
                });
                is(About::Attempt(attempt.id)) || named.is_some_and(|id| is(About::ProviderId(id)))
            };
            tables
                .attempts
                .values()
                .filter(stands_for)
                .cloned()
                .collect()
        }))
    }

    async fn receipts(
        &self,
        workspace: &Workspace,
        query: ReceiptQuery,
    ) -> Result<Vec<KeptReceipt>> {
        let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
        Ok(self.read(workspace, |tables| {
            let rows = tables.receipts.values().map(|row| &**row);
            let mut rows: Vec<_> = rows.filter(query::receipt(&query)).collect();
            // Those of one instant stay in order of their key.
            rows.sort_by_key(|row| row.due_at);
            let rows = rows.into_iter().skip(skip);
            rows.take(at_most(query.limit, 100, 1_000))
                .cloned()
                .collect()
        }))
    }

    async fn subscriptions(&self, workspace: &Workspace) -> Result<Vec<Subscription>> {
        Ok(self.read(workspace, |tables| {
            tables.subscriptions.values().cloned().collect()
        }))
    }

    async fn draft_batches(
        &self,
        workspace: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>> {
        Ok(self.read(workspace, |tables| {
            let rows = tables.draft_batches.values().map(|row| &**row);
            let mut rows: Vec<_> = rows.filter(query::draft_batch(&query)).collect();
            if query.due_before.is_some() {
                // Those of one instant stay in order of their id.
                rows.sort_by_key(|row| row.due_at);
            }
            let rows = rows.into_iter().take(at_most(query.limit, 100, 1_000));
            rows.cloned().collect()
        }))
    }

    async fn voice(&self, workspace: &Workspace) -> Result<Option<Voice>> {
        Ok(self.read(workspace, |tables| tables.voice.as_deref().cloned()))
    }

    async fn saved_audiences(&self, workspace: &Workspace) -> Result<Vec<SavedAudience>> {
        Ok(self.read(workspace, |tables| {
            let mut all: Vec<_> = tables.saved_audiences.values().cloned().collect();
            all.sort_by_cached_key(SavedAudience::name_key);
            all
        }))
    }

    async fn field_definitions(&self, workspace: &Workspace) -> Result<Vec<FieldDefinition>> {
        Ok(self.read(workspace, |tables| {
            tables.field_definitions.values().cloned().collect()
        }))
    }

    async fn intake(&self, workspace: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        let limit = at_most(query.limit, 100, 1_000);
        let matches = query::intake(&query);
        Ok(self.read(workspace, |tables| {
            let rows = tables.intake.values().map(|row| &**row);
            if query.oldest_first {
                rows.filter(matches).take(limit).cloned().collect()
            } else {
                rows.rev().filter(matches).take(limit).cloned().collect()
            }
        }))
    }

    async fn budgets(&self, workspace: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>> {
        Ok(self.read(workspace, |tables| spend::budgets(tables, &query)))
    }

    async fn ledger(&self, workspace: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        let spaces = self.lock();
        Ok(spaces.get(workspace).map_or_else(
            || empty(&query.page),
            |tables| spend::ledger(tables, &query),
        ))
    }

    async fn usage(&self, workspace: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>> {
        Ok(self.read(workspace, |tables| spend::usage(tables, &query)))
    }

    async fn counters(
        &self,
        workspace: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>> {
        Ok(self.read(workspace, |tables| {
            let of = |prefix: &&str| {
                let prefix = (*prefix).to_owned();
                let behind = tables.counters.range(prefix.clone()..);
                behind.take_while(move |(name, _)| name.starts_with(&prefix))
            };
            prefixes
                .iter()
                .flat_map(of)
                .map(|(name, amount)| (name.clone(), *amount))
                .collect()
        }))
    }
}
