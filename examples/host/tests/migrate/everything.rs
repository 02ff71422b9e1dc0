//! All that a store answers, to be compared with another.

#![allow(unreachable_pub)]

use std::collections::BTreeMap;

use crm_core::Workspace;
use crm_core::audience::saved::SavedAudience;
use crm_core::budget::{BudgetState, LedgerEntry, UsageLine};
use crm_core::campaign::{Campaign, PlanRow};
use crm_core::consent::Suppression;
use crm_core::contact::Contact;
use crm_core::contact::definition::FieldDefinition;
use crm_core::intake::{IntakeRow, IntakeState};
use crm_core::message::Message;
use crm_core::message::history::{Checkpoint, StoredEvent};
use crm_core::port::store::{
    BudgetQuery, CampaignQuery, ContactQuery, EventQuery, IntakeQuery, LedgerQuery, MessageQuery,
    PageRequest, PlanQuery, Store, SuppressionQuery, TemplateQuery, Trail, UsageQuery,
};
use crm_core::subscription::Subscription;
use crm_core::template::Template;

/// All of every workspace, in the order of the lists.
#[derive(Default)]
pub struct Everything {
    workspaces: Vec<Workspace>,
    contacts: Vec<Contact>,
    templates: Vec<Template>,
    campaigns: Vec<Campaign>,
    plan: Vec<PlanRow>,
    messages: Vec<Message>,
    trails: Vec<Trail>,
    suppressions: Vec<Suppression>,
    events: Vec<StoredEvent>,
    checkpoints: Vec<Checkpoint>,
    counters: Vec<BTreeMap<String, i64>>,
    intake: Vec<IntakeRow>,
    subscriptions: Vec<Subscription>,
    fields: Vec<FieldDefinition>,
    audiences: Vec<SavedAudience>,
    budgets: Vec<BudgetState>,
    ledger: Vec<LedgerEntry>,
    usage: Vec<UsageLine>,
}

const ALL: PageRequest = PageRequest {
    limit: 1_000,
    skip: 0,
    after: None,
    oldest_first: true,
    count: false,
};

impl Everything {
    pub async fn of(store: &dyn Store) -> Self {
        let mut all = Self {
            workspaces: store.workspaces().await.unwrap(),
            ..Self::default()
        };
        for workspace in all.workspaces.clone() {
            all.add(store, &workspace).await;
        }
        all
    }

    async fn add(&mut self, store: &dyn Store, workspace: &Workspace) {
        let query = ContactQuery {
            page: ALL,
            ..ContactQuery::default()
        };
        let contacts = store.contacts(workspace, query).await.unwrap();
        assert!(contacts.next.is_none());
        self.contacts.extend(contacts.items);
        let query = TemplateQuery {
            page: ALL,
            ..TemplateQuery::default()
        };
        let templates = store.templates(workspace, query).await.unwrap();
        self.templates.extend(templates.items);
        let query = CampaignQuery {
            page: ALL,
            ..CampaignQuery::default()
        };
        let campaigns = store.campaigns(workspace, query).await.unwrap().items;
        for campaign in &campaigns {
            let query = PlanQuery {
                campaign_id: campaign.id,
                occurrence: None,
                excluded: None,
                undrafted: false,
                batch: None,
                page: ALL,
            };
            let plan = store.plan(workspace, query).await.unwrap();
            self.plan.extend(plan.items);
        }
        self.campaigns.extend(campaigns);
        let query = MessageQuery {
            page: ALL,
            ..MessageQuery::default()
        };
        let messages = store.messages(workspace, query).await.unwrap();
        assert!(messages.next.is_none());
        for message in &messages.items {
            self.trails
                .push(store.trail(workspace, message.id).await.unwrap());
        }
        self.messages.extend(messages.items);
        let query = SuppressionQuery {
            limit: 1_000,
            ..SuppressionQuery::default()
        };
        let suppressions = store.suppressions(workspace, query).await.unwrap();
        self.suppressions.extend(suppressions.items);
        // That of who was erased is found by the address, with the salt that moved.
        let query = SuppressionQuery {
            addresses: vec!["gone@mail.example".to_owned()],
            ..SuppressionQuery::default()
        };
        let erased = store.suppressions(workspace, query).await.unwrap();
        self.suppressions.extend(erased.items);
        let query = EventQuery {
            limit: 10_000,
            ..EventQuery::default()
        };
        let events = store.events(workspace, query).await.unwrap();
        // Erased contacts are in no list.
        let erased: Vec<_> = events
            .iter()
            .filter(|stored| stored.event.action.contains("erase"))
            .map(|stored| crm_core::id::ContactId(stored.event.subject_id))
            .collect();
        if !erased.is_empty() {
            let query = ContactQuery {
                ids: erased,
                page: ALL,
                ..ContactQuery::default()
            };
            let erased = store.contacts(workspace, query).await.unwrap();
            self.contacts.extend(erased.items);
        }
        self.events.extend(events);
        self.checkpoints
            .push(store.checkpoint(workspace).await.unwrap());
        self.counters
            .push(store.counters(workspace, &[""]).await.unwrap());
        let query = IntakeQuery {
            limit: 1_000,
            ..IntakeQuery::default()
        };
        self.intake
            .extend(store.intake(workspace, query).await.unwrap());
        self.subscriptions
            .extend(store.subscriptions(workspace).await.unwrap());
        self.audiences
            .extend(store.saved_audiences(workspace).await.unwrap());
        self.fields
            .extend(store.field_definitions(workspace).await.unwrap());
        let query = BudgetQuery {
            of: None,
            day: chrono::NaiveDate::from_ymd_opt(2026, 3, 4).unwrap(),
            limit: 1_000,
            skip: 0,
        };
        self.budgets
            .extend(store.budgets(workspace, query).await.unwrap());
        let query = LedgerQuery {
            page: ALL,
            ..LedgerQuery::default()
        };
        self.ledger
            .extend(store.ledger(workspace, query).await.unwrap().items);
        let query = UsageQuery::default();
        self.usage
            .extend(store.usage(workspace, query).await.unwrap());
    }

    /// There is something of everything to compare.
    pub fn assert_full(&self) {
        assert!(self.workspaces.len() > 1);
        assert!(self.contacts.iter().any(|contact| contact.erased));
        let mark = |row: &Suppression| row.of_erased() && row.address == "gone@mail.example";
        assert!(self.suppressions.iter().any(mark));
        assert!(self.messages.iter().any(|m| m.metadata.tone.is_some()));
        let big = |contact: &Contact| contact.fields.custom_fields.get("big").cloned();
        assert!(self.contacts.iter().filter_map(big).any(|big| big.is_f64()));
        for full in [
            self.templates.len(),
            self.campaigns.len(),
            self.plan.len(),
            self.suppressions.len(),
            self.subscriptions.len(),
            self.fields.len(),
            self.audiences.len(),
            self.budgets
                .iter()
                .filter(|b| b.spent_picodollars > 0)
                .count(),
            self.ledger.iter().filter(|l| l.closed_at.is_some()).count(),
            self.usage.len(),
            self.trails.iter().map(|t| t.approvals.len()).sum(),
            self.trails.iter().map(|t| t.attempts.len()).sum(),
            self.events.iter().filter(|e| e.seal.is_none()).count(),
            self.counters.iter().map(BTreeMap::len).sum(),
        ] {
            assert!(full > 0);
        }
        for state in [
            IntakeState::Waiting,
            IntakeState::Applied,
            IntakeState::Duplicate,
            IntakeState::Rejected,
        ] {
            assert!(
                self.intake.iter().any(|row| row.state == state),
                "{state:?}"
            );
        }
    }

    pub fn assert_same(&self, other: &Self) {
        assert_eq!(self.workspaces, other.workspaces);
        assert_eq!(self.contacts, other.contacts);
        assert_eq!(self.templates, other.templates);
        assert_eq!(self.campaigns, other.campaigns);
        assert_eq!(self.plan, other.plan);
        assert_eq!(self.messages, other.messages);
        assert_eq!(self.trails, other.trails);
        assert_eq!(self.suppressions, other.suppressions);
        assert_eq!(self.events, other.events);
        assert_eq!(self.checkpoints, other.checkpoints);
        assert_eq!(self.counters, other.counters);
        assert_eq!(self.intake, other.intake);
        assert_eq!(self.subscriptions, other.subscriptions);
        assert_eq!(self.fields, other.fields);
        assert_eq!(self.audiences, other.audiences);
        assert_eq!(self.budgets, other.budgets);
        assert_eq!(self.ledger, other.ledger);
        assert_eq!(self.usage, other.usage);
    }
}
