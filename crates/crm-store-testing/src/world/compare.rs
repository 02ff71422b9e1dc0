//! What two stores are compared by: after each step what it changed, and now and then everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use crm_core::audience::saved::SavedAudience;
use crm_core::campaign::{Campaign, PlanRow};
use crm_core::consent::Suppression;
use crm_core::contact::Contact;
use crm_core::contact::definition::FieldDefinition;
use crm_core::generation::Voice;
use crm_core::guardrail::Severity;
use crm_core::id::MessageId;
use crm_core::intake::IntakeRow;
use crm_core::message::history::{Checkpoint, StoredEvent, Subject};
use crm_core::message::{Message, Status};
use crm_core::port::store::{
    CampaignQuery, ContactQuery, EventQuery, IntakeQuery, MessageQuery, PageRequest, PlanQuery,
    ReceiptQuery, SuppressionQuery, Trail,
};
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;

use super::World;

/// What is different since the last look, beside the rows of messages.
#[derive(Debug, PartialEq)]
pub(crate) struct Changed {
    /// Of the messages whose row or history changed.
    trails: Vec<Trail>,
    events: Vec<StoredEvent>,
    counters: BTreeMap<String, i64>,
}

/// Everything a store holds of the workspace.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    messages: (Vec<Message>, Option<u64>),
    /// What is not decided yet, the riskiest first, and what guardrails hold.
    risky: [Vec<MessageId>; 2],
    trails: Vec<Trail>,
    contacts: (Vec<Contact>, Option<u64>),
    campaigns: Vec<Campaign>,
    plan: Vec<PlanRow>,
    suppressions: Vec<Suppression>,
    intake: Vec<IntakeRow>,
    receipts: Vec<KeptReceipt>,
    subscriptions: Vec<Subscription>,
    voice: Option<Voice>,
    fields: Vec<FieldDefinition>,
    audiences: Vec<SavedAudience>,
    money: super::spend::Money,
    events: Vec<StoredEvent>,
    counters: BTreeMap<String, i64>,
    end: Checkpoint,
}

/// All of a list, oldest first.
pub(super) const fn all() -> PageRequest {
    PageRequest {
        limit: 1_000,
        skip: 0,
        after: None,
        oldest_first: true,
        count: true,
    }
}

impl World {
    /// Whether the store was asked to write since the last look.
    pub(crate) fn has_written(&self) -> bool {
        self.store.writes.load(Ordering::SeqCst) != self.writes
    }

    /// Reads what is different since the last look, and which messages it is about. `history`: also how
    /// the history went on. That costs most, and as it only grows nothing of it is missed later.
    pub(crate) async fn look(&mut self, history: bool) -> Changed {
        let mut events = Vec::new();
        if history {
            // One store seals as it commits; the chains must be the same all the same.
            self.seal(1_000).await;
            events = self.events(Some(self.position)).await;
            if let Some(seal) = events.last().and_then(|stored| stored.seal) {
                self.position = seal.position;
            }
        }
        let store = self.engine.store();
        let query = MessageQuery {
            page: PageRequest {
                count: false,
                ..all()
            },
            ..MessageQuery::default()
        };
        let now = store.messages(&self.workspace, query).await.unwrap().items;
        let before: BTreeMap<MessageId, &Message> = by_id(&self.messages);
        let changed = now.iter().filter(|row| before.get(&row.id) != Some(row));
        let mut touched: BTreeSet<MessageId> = changed.map(|row| row.id).collect();
        let about = events.iter().map(|stored| &stored.event);
        touched.extend(
            about
                .filter(|event| event.subject == Subject::Message)
                .map(|event| MessageId(event.subject_id)),
        );
        let changed = Changed {
            trails: self.trails(touched.iter().copied()).await,
            events,
            counters: store.counters(&self.workspace, &[""]).await.unwrap(),
        };
        self.messages = now;
        self.touched = touched;
        self.writes = self.store.writes.load(Ordering::SeqCst);
        changed
    }

    /// Reads everything, through lists where there are any.
    pub(crate) async fn everything(&self) -> Everything {
        let (store, workspace) = (self.engine.store(), &self.workspace);
        let query = MessageQuery {
            page: all(),
            ..MessageQuery::default()
        };
        let messages = store.messages(workspace, query).await.unwrap();
        let query = ContactQuery {
            page: all(),
            ..ContactQuery::default()
        };
        let contacts = store.contacts(workspace, query).await.unwrap();
        let query = CampaignQuery {
            page: all(),
            ..CampaignQuery::default()
        };
        let campaigns = store.campaigns(workspace, query).await.unwrap().items;
        let query = PlanQuery {
            campaign_id: self.campaign.id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: all(),
        };
        let plan = store.plan(workspace, query).await.unwrap().items;
        let query = SuppressionQuery {
            limit: 1_000,
            ..SuppressionQuery::default()
        };
        let suppressions = store.suppressions(workspace, query).await.unwrap();
        let query = IntakeQuery {
            oldest_first: true,
            limit: 1_000,
            ..IntakeQuery::default()
        };
        let mut intake = store.intake(workspace, query).await.unwrap();
        // Places grow with gaps: only their order counts.
        for (place, row) in (1..).zip(&mut intake) {
            row.seq = place;
        }
        let query = ReceiptQuery {
            limit: 1_000,
            ..ReceiptQuery::default()
        };
        let receipts = store.receipts(workspace, query).await.unwrap();
        Everything {
            receipts,
            subscriptions: store.subscriptions(workspace).await.unwrap(),
            voice: store.voice(workspace).await.unwrap(),
            fields: store.field_definitions(workspace).await.unwrap(),
            audiences: store.saved_audiences(workspace).await.unwrap(),
            money: self.money().await,
            trails: self.trails(messages.items.iter().map(|row| row.id)).await,
            risky: [
                self.by_risk(None).await,
                self.by_risk(Some(Severity::Blocking)).await,
            ],
            messages: (messages.items, messages.total),
            contacts: (contacts.items, contacts.total),
            campaigns,
            plan,
            suppressions: suppressions.items,
            intake,
            events: self.events(None).await,
            counters: store.counters(workspace, &[""]).await.unwrap(),
            end: store.checkpoint(workspace).await.unwrap(),
        }
    }

    pub(super) async fn trails(&self, of: impl Iterator<Item = MessageId>) -> Vec<Trail> {
        let mut trails = Vec::new();
        for id in of {
            trails.push(
                self.engine
                    .store()
                    .trail(&self.workspace, id)
                    .await
                    .unwrap(),
            );
        }
        trails
    }

    /// What is not decided yet by risk, page by page.
    async fn by_risk(&self, severity: Option<Severity>) -> Vec<MessageId> {
        let mut query = MessageQuery {
            statuses: vec![Status::Draft, Status::PendingApproval],
            severity,
            gravest_first: true,
            page: PageRequest {
                limit: 3,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let mut found = Vec::new();
        loop {
            let page = self.engine.store().messages(&self.workspace, query.clone());
            let page = page.await.unwrap();
            found.extend(page.items.iter().map(|row| row.id));
            query.page.after = page.next;
            if page.next.is_none() {
                return found;
            }
        }
    }

    async fn events(&self, sealed_after: Option<u64>) -> Vec<StoredEvent> {
        let query = EventQuery {
            sealed_after,
            limit: 10_000,
            ..EventQuery::default()
        };
        self.engine
            .store()
            .events(&self.workspace, query)
            .await
            .unwrap()
    }

    /// Seals what waits, so many at once.
    pub(super) async fn seal(&self, limit: u32) {
        let store = self.engine.store();
        while store.seal(&self.workspace, limit).await.unwrap() == limit {}
    }
}

fn by_id(messages: &[Message]) -> BTreeMap<MessageId, &Message> {
    messages.iter().map(|row| (row.id, row)).collect()
}
