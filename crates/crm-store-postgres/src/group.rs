//! Changes that can be written together: by kind, no row twice.

use std::collections::HashSet;

use crm_core::campaign::{Campaign, PlanRow};
use crm_core::change::{Change, ChangeSet, Precondition};
use crm_core::consent::Suppression;
use crm_core::consent::window::Inbound;
use crm_core::contact::Contact;
use crm_core::draft_batch::DraftBatch;
use crm_core::import::ImportUpdate;
use crm_core::intake::{NewIntake, Settlement};
use crm_core::message::{Approval, Attempt, Message};
use crm_core::port::callback::About;
use crm_core::receipt::KeptReceipt;
use crm_core::subscription::Subscription;
use crm_core::template::Template;
use uuid::Uuid;

/// A row that a change writes or a precondition reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row<'a> {
    Contact(Uuid),
    ImportUpdate(Uuid, Uuid),
    Template(Uuid),
    Campaign(Uuid),
    Message(Uuid),
    Attempt(Uuid, u64),
    Address(&'a str, &'a str),
    Inbound(&'a str, &'a str),
    Line(Uuid, &'a str, Uuid),
    Intake(u64),
    Receipt(&'a str, &'a About, &'static str),
    Subscription(&'a str),
    DraftBatch(Uuid),
}

/// What one statement per kind writes.
#[derive(Default)]
pub(crate) struct Group<'a> {
    pub(crate) insert_contacts: Vec<&'a Contact>,
    pub(crate) update_contacts: Vec<&'a Contact>,
    pub(crate) import_updates: Vec<&'a ImportUpdate>,
    pub(crate) insert_templates: Vec<&'a Template>,
    pub(crate) update_templates: Vec<&'a Template>,
    pub(crate) insert_campaigns: Vec<&'a Campaign>,
    pub(crate) update_campaigns: Vec<&'a Campaign>,
    pub(crate) insert_messages: Vec<&'a Message>,
    pub(crate) update_messages: Vec<&'a Message>,
    pub(crate) revise_messages: Vec<&'a Message>,
    pub(crate) approvals: Vec<&'a Approval>,
    pub(crate) insert_attempts: Vec<&'a Attempt>,
    pub(crate) finish_attempts: Vec<&'a Attempt>,
    pub(crate) suppressions: Vec<&'a Suppression>,
    pub(crate) inbound: Vec<&'a Inbound>,
    pub(crate) insert_plan_rows: Vec<&'a PlanRow>,
    pub(crate) update_plan_rows: Vec<&'a PlanRow>,
    pub(crate) insert_intake: Vec<&'a NewIntake>,
    pub(crate) finish_intake: Vec<&'a Settlement>,
    pub(crate) insert_receipts: Vec<&'a KeptReceipt>,
    pub(crate) update_receipts: Vec<&'a KeptReceipt>,
    pub(crate) insert_subscriptions: Vec<&'a Subscription>,
    pub(crate) update_subscriptions: Vec<&'a Subscription>,
    pub(crate) insert_draft_batches: Vec<&'a DraftBatch>,
    pub(crate) update_draft_batches: Vec<&'a DraftBatch>,
    /// A change that goes alone.
    pub(crate) alone: Option<&'a Change>,
    rows: HashSet<Row<'a>>,
    empty: bool,
}

impl<'a> Group<'a> {
    pub(crate) fn new() -> Self {
        Self {
            empty: true,
            ..Self::default()
        }
    }

    /// The changes of one set, in groups that are written one after the other.
    pub(crate) fn of_set(set: &'a ChangeSet) -> Vec<Self> {
        let mut groups = Vec::new();
        let mut group = Self::new();
        for change in set.changes() {
            if !group.takes(change) {
                groups.push(std::mem::replace(&mut group, Self::new()));
                // An empty group takes any change.
                group.takes(change);
            }
        }
        groups.push(group);
        groups
    }

    /// The changes of the first of these sets that can be written together, and how many sets those
    /// are; 0 when the first one cannot be written in one group.
    pub(crate) fn of_sets(sets: &'a [&'a ChangeSet]) -> (Self, usize) {
        let mut group = Self::new();
        for (count, set) in sets.iter().enumerate() {
            let free = set
                .preconditions()
                .iter()
                .filter_map(read_by)
                .all(|row| !group.rows.contains(&row))
                && group.has_room_for(set);
            if !free {
                return (group, count);
            }
            for change in set.changes() {
                group.takes(change);
            }
        }
        (group, sets.len())
    }

    /// Whether all changes of the set fit, looked at before any of them is taken.
    fn has_room_for(&self, set: &'a ChangeSet) -> bool {
        let mut own = HashSet::new();
        set.changes().iter().all(|change| match row_of(change) {
            Kind::Alone => false,
            Kind::Free => true,
            Kind::Row(row) => !self.rows.contains(&row) && own.insert(row),
        })
    }

    /// Takes the change if it fits.
    fn takes(&mut self, change: &'a Change) -> bool {
        if self.alone.is_some() {
            return false;
        }
        match row_of(change) {
            Kind::Alone if !self.empty => return false,
            Kind::Row(row) if !self.rows.insert(row) => return false,
            _ => {}
        }
        self.empty = false;
        match change {
            Change::InsertContact(row) => self.insert_contacts.push(row),
            Change::UpdateContact(row) => self.update_contacts.push(row),
            Change::PutImportUpdate(row) => self.import_updates.push(row),
            Change::InsertTemplate(row) => self.insert_templates.push(row),
            Change::UpdateTemplate(row) => self.update_templates.push(row),
            Change::InsertCampaign(row) => self.insert_campaigns.push(row),
            Change::UpdateCampaign(row) => self.update_campaigns.push(row),
            Change::InsertMessage(row) => self.insert_messages.push(row),
            Change::UpdateMessage {
                message,
                new_revision: false,
            } => self.update_messages.push(message),
            Change::UpdateMessage {
                message,
                new_revision: true,
            } => self.revise_messages.push(message),
            Change::InsertApproval(row) => self.approvals.push(row),
            Change::InsertAttempt(row) => self.insert_attempts.push(row),
            Change::FinishAttempt(row) => self.finish_attempts.push(row),
            Change::InsertSuppression(row) => self.suppressions.push(row),
            Change::RecordInbound(row) => self.inbound.push(row),
            Change::InsertPlanRow(row) => self.insert_plan_rows.push(row),
            Change::UpdatePlanRow(row) => self.update_plan_rows.push(row),
            Change::InsertIntake(row) => self.insert_intake.push(row),
            Change::FinishIntake(row) => self.finish_intake.push(row),
            Change::InsertReceipt(row) => self.insert_receipts.push(row),
            Change::UpdateReceipt(row) => self.update_receipts.push(row),
            Change::InsertSubscription(row) => self.insert_subscriptions.push(row),
            Change::UpdateSubscription(row) => self.update_subscriptions.push(row),
            Change::InsertDraftBatch(row) => self.insert_draft_batches.push(row),
            Change::UpdateDraftBatch(row) => self.update_draft_batches.push(row),
            Change::EraseTexts(_)
            | Change::SuppressErased(_)
            | Change::MoveHistory { .. }
            | Change::DeleteImportUpdate { .. }
            | Change::DeleteTemplate(_)
            | Change::DeleteCampaign(_)
            | Change::DeleteInbound(_)
            | Change::PutVoice(_)
            | Change::PutFieldDefinition(_)
            | Change::InsertSavedAudience(_)
            | Change::UpdateSavedAudience(_)
            | Change::DeleteSavedAudience(_)
            | Change::DeleteFieldDefinition(_)
            | Change::DeleteSuppression { .. }
            | Change::InsertBudget(_)
            | Change::UpdateBudget(_)
            | Change::DeleteBudget { .. }
            | Change::Reserve(_)
            | Change::Settle(_) => self.alone = Some(change),
        }
        true
    }

    /// Puts the rows that are changed in place in order of id, so that two writers of the same rows
    /// wait for each other instead of each holding what the other needs.
    pub(crate) fn sort(&mut self) {
        self.update_contacts.sort_unstable_by_key(|row| row.id);
        self.import_updates
            .sort_unstable_by_key(|row| (row.import_id, row.contact_id));
        self.update_campaigns.sort_unstable_by_key(|row| row.id);
        self.update_messages.sort_unstable_by_key(|row| row.id);
        self.revise_messages.sort_unstable_by_key(|row| row.id);
        self.finish_attempts
            .sort_unstable_by_key(|row| row.message_id);
        let key = |row: &&KeptReceipt| {
            let fate = row.receipt.fate.as_str();
            (row.channel.clone(), row.receipt.about.parts(), fate)
        };
        self.insert_receipts.sort_by_cached_key(key);
        self.update_receipts.sort_by_cached_key(key);
        self.inbound
            .sort_by_cached_key(|row| (row.channel.clone(), row.address.clone()));
        let name = |row: &&Subscription| row.name.clone();
        self.insert_subscriptions.sort_by_cached_key(name);
        self.update_subscriptions.sort_by_cached_key(name);
        self.update_draft_batches.sort_unstable_by_key(|row| row.id);
    }
}

enum Kind<'a> {
    /// Reaches rows that it does not name.
    Alone,
    /// Appends, and meets nobody.
    Free,
    Row(Row<'a>),
}

fn row_of(change: &Change) -> Kind<'_> {
    Kind::Row(match change {
        Change::InsertContact(row) | Change::UpdateContact(row) => Row::Contact(row.id.0),
        Change::PutImportUpdate(row) => Row::ImportUpdate(row.import_id.0, row.contact_id.0),
        Change::InsertTemplate(row) | Change::UpdateTemplate(row) => Row::Template(row.id.0),
        Change::InsertCampaign(row) | Change::UpdateCampaign(row) => Row::Campaign(row.id.0),
        Change::InsertMessage(row) | Change::UpdateMessage { message: row, .. } => {
            Row::Message(row.id.0)
        }
        Change::InsertAttempt(row) | Change::FinishAttempt(row) => {
            Row::Attempt(row.message_id.0, row.epoch)
        }
        Change::InsertSuppression(row) => Row::Address(&row.channel, &row.address),
        Change::RecordInbound(row) => Row::Inbound(&row.channel, &row.address),
        Change::InsertPlanRow(row) | Change::UpdatePlanRow(row) => {
            Row::Line(row.campaign_id.0, &row.occurrence, row.contact_id.0)
        }
        Change::FinishIntake(row) => Row::Intake(row.seq),
        Change::InsertReceipt(row) | Change::UpdateReceipt(row) => {
            Row::Receipt(&row.channel, &row.receipt.about, row.receipt.fate.as_str())
        }
        Change::InsertSubscription(row) | Change::UpdateSubscription(row) => {
            Row::Subscription(&row.name)
        }
        Change::InsertDraftBatch(row) | Change::UpdateDraftBatch(row) => Row::DraftBatch(row.id.0),
        Change::InsertApproval(_) | Change::InsertIntake(_) => return Kind::Free,
        Change::EraseTexts(_)
        | Change::SuppressErased(_)
        | Change::MoveHistory { .. }
        | Change::DeleteImportUpdate { .. }
        | Change::DeleteTemplate(_)
        | Change::DeleteCampaign(_)
        | Change::DeleteInbound(_)
        | Change::PutVoice(_)
        | Change::PutFieldDefinition(_)
        | Change::InsertSavedAudience(_)
        | Change::UpdateSavedAudience(_)
        | Change::DeleteSavedAudience(_)
        | Change::DeleteFieldDefinition(_)
        | Change::DeleteSuppression { .. }
        | Change::InsertBudget(_)
        | Change::UpdateBudget(_)
        | Change::DeleteBudget { .. }
        | Change::Reserve(_)
        | Change::Settle(_) => return Kind::Alone,
    })
}

/// The row of a workspace that a precondition reads.
fn read_by(precondition: &Precondition) -> Option<Row<'_>> {
    Some(match precondition {
        Precondition::Contact(id, _) => Row::Contact(id.0),
        Precondition::Campaign(id, _) => Row::Campaign(id.0),
        Precondition::NotSuppressed { channel, address } => Row::Address(channel, address),
        // No change set writes the place.
        Precondition::NotOnHold => return None,
    })
}
