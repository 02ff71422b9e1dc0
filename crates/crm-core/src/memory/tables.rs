//! The tables of one workspace, with the indexes that uniqueness and claiming need.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audience::saved::SavedAudience;
use crate::budget::{Account, Amounts, Budget, LedgerEntry, Period, Totals, UsageKey};
use crate::campaign::{Campaign, PlanRow};
use crate::consent::Suppression;
use crate::consent::erasure::{EVERY_CHANNEL, mark};
use crate::consent::window::Inbound;
use crate::contact::Contact;
use crate::contact::definition::FieldDefinition;
use crate::draft_batch::DraftBatch;
use crate::generation::Voice;
use crate::id::{
    CampaignId, ContactId, DraftBatchId, ImportId, LedgerId, MessageId, SavedAudienceId, TemplateId,
};
use crate::import::ImportUpdate;
use crate::intake::{IntakeRow, IntakeState};
use crate::message::history::{Checkpoint, StoredEvent};
use crate::message::{Approval, Attempt, Message, Revision, Status};
use crate::receipt::KeptReceipt;
use crate::subscription::Subscription;
use crate::template::Template;

/// Channel and address.
pub(super) type AddressKey = (String, String);
/// Campaign and period.
pub(super) type BudgetKey = (Option<CampaignId>, Period);
/// Campaign, run and contact.
pub(super) type PlanKey = (CampaignId, String, ContactId);
/// Channel, and what the receipt is about and says, as columns.
pub(super) type ReceiptKey = (String, &'static str, String, &'static str);
/// Campaign, run and contact.
pub(super) type OccurrenceKey = (CampaignId, String, ContactId);

/// Shown to nobody.
#[derive(Clone, Copy)]
pub(super) struct Salt(pub(super) [u8; 16]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// One write of one row: the value its key gets, or none. Putting it returns the write that undoes it.
#[derive(Debug)]
pub(super) enum Put {
    Contact(ContactId, Option<Box<Contact>>),
    ImportUpdate((ImportId, ContactId), Option<Box<ImportUpdate>>),
    Template(TemplateId, Option<Template>),
    Message(MessageId, Option<Box<Message>>),
    Revision((MessageId, u32), Option<Revision>),
    Approval((MessageId, usize), Option<Approval>),
    Attempt((MessageId, u64), Option<Attempt>),
    Suppression(AddressKey, Option<Suppression>),
    Salt(Option<Salt>),
    /// The event at this place, without (or again with) its reason and salt.
    Reason(usize, Option<(String, [u8; 16])>),
    Inbound(AddressKey, Option<Inbound>),
    Campaign(CampaignId, Option<Box<Campaign>>),
    Plan(PlanKey, Option<PlanRow>),
    Intake(u64, Option<Box<IntakeRow>>),
    Receipt(ReceiptKey, Option<Box<KeptReceipt>>),
    Subscription(String, Option<Subscription>),
    DraftBatch(DraftBatchId, Option<Box<DraftBatch>>),
    Voice(Option<Box<Voice>>),
    FieldDefinition(String, Option<FieldDefinition>),
    SavedAudience(SavedAudienceId, Option<SavedAudience>),
    Budget(BudgetKey, Option<Budget>),
    Ledger(LedgerId, Option<Box<LedgerEntry>>),
    Spent(Account, Option<Totals>),
    Usage(UsageKey, Option<Amounts>),
}

/// Everything of one workspace.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) contacts: BTreeMap<ContactId, Box<Contact>>,
    pub(super) import_updates: BTreeMap<(ImportId, ContactId), Box<ImportUpdate>>,
    pub(super) templates: BTreeMap<TemplateId, Template>,
    pub(super) messages: BTreeMap<MessageId, Box<Message>>,
    pub(super) revisions: BTreeMap<(MessageId, u32), Revision>,
    pub(super) approvals: BTreeMap<(MessageId, usize), Approval>,
    pub(super) attempts: BTreeMap<(MessageId, u64), Attempt>,
    pub(super) suppressions: BTreeMap<AddressKey, Suppression>,
    /// Of the marks of erased addresses.
    pub(super) salt: Option<Salt>,
    pub(super) inbound: BTreeMap<AddressKey, Inbound>,
    pub(super) campaigns: BTreeMap<CampaignId, Box<Campaign>>,
    pub(super) plan: BTreeMap<PlanKey, PlanRow>,
    pub(super) intake: BTreeMap<u64, Box<IntakeRow>>,
    pub(super) receipts: BTreeMap<ReceiptKey, Box<KeptReceipt>>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) draft_batches: BTreeMap<DraftBatchId, Box<DraftBatch>>,
    pub(super) voice: Option<Box<Voice>>,
    pub(super) field_definitions: BTreeMap<String, FieldDefinition>,
    pub(super) saved_audiences: BTreeMap<SavedAudienceId, SavedAudience>,
    pub(super) budgets: BTreeMap<BudgetKey, Budget>,
    pub(super) ledger: BTreeMap<LedgerId, Box<LedgerEntry>>,
    pub(super) spent: BTreeMap<Account, Totals>,
    pub(super) usage: BTreeMap<UsageKey, Amounts>,
    /// The keys of entries that are held.
    pub(super) by_held_key: BTreeMap<String, LedgerId>,
    /// In commit order; the first `checkpoint.position` of them are sealed.
    pub(super) events: Vec<StoredEvent>,
    pub(super) checkpoint: Checkpoint,
    pub(super) counters: BTreeMap<String, i64>,
    pub(super) by_email: BTreeMap<String, ContactId>,
    pub(super) by_external_id: BTreeMap<String, ContactId>,
    pub(super) by_template_name: BTreeMap<(String, String), TemplateId>,
    pub(super) by_occurrence: BTreeMap<OccurrenceKey, MessageId>,
    pub(super) by_contact: BTreeSet<(ContactId, MessageId)>,
    /// The keys of the intake that were applied.
    pub(super) by_applied_key: BTreeMap<String, u64>,
    /// Approved messages in the order they are claimed in.
    pub(super) due: BTreeSet<(DateTime<Utc>, MessageId)>,
}

impl Tables {
    /// All messages to the contact.
    pub(super) fn messages_to(&self, contact: ContactId) -> impl Iterator<Item = &Message> {
        let first = MessageId(Uuid::nil());
        let onwards = self.by_contact.range((contact, first)..);
        let theirs = onwards.take_while(move |(owner, _)| *owner == contact);
        theirs.filter_map(|(_, id)| self.messages.get(id).map(|row| &**row))
    }

    /// When the recipient of the message last wrote on its channel.
    pub(super) fn last_inbound(&self, message: &Message) -> Option<DateTime<Utc>> {
        let key = (message.channel.clone(), message.recipient.clone());
        self.inbound.get(&key).map(|row| row.at)
    }

    /// The campaigns whose plan has a line for a contact that is not excluded, by contact.
    pub(super) fn planned(&self) -> BTreeMap<ContactId, Vec<CampaignId>> {
        let mut planned: BTreeMap<ContactId, Vec<CampaignId>> = BTreeMap::new();
        for row in self.plan.values().filter(|row| row.excluded.is_none()) {
            planned
                .entry(row.contact_id)
                .or_default()
                .push(row.campaign_id);
        }
        planned
    }

    /// Writes one row and keeps the indexes in step. Returns the write that undoes this one.
    pub(super) fn put(&mut self, put: Put) -> Put {
        match put {
            Put::Contact(id, new) => Put::Contact(id, self.put_contact(id, new)),
            Put::ImportUpdate(key, new) => {
                Put::ImportUpdate(key, swap(&mut self.import_updates, key, new))
            }
            Put::Template(id, new) => Put::Template(id, self.put_template(id, new)),
            Put::Message(id, new) => Put::Message(id, self.put_message(id, new)),
            Put::Revision(key, new) => Put::Revision(key, swap(&mut self.revisions, key, new)),
            Put::Approval(key, new) => Put::Approval(key, swap(&mut self.approvals, key, new)),
            Put::Attempt(key, new) => Put::Attempt(key, swap(&mut self.attempts, key, new)),
            Put::Suppression(key, new) => {
                let old = swap(&mut self.suppressions, key.clone(), new);
                Put::Suppression(key, old)
            }
            Put::Salt(new) => Put::Salt(std::mem::replace(&mut self.salt, new)),
            Put::Reason(place, new) => Put::Reason(place, self.put_reason(place, new)),
            Put::Inbound(key, new) => {
                let old = swap(&mut self.inbound, key.clone(), new);
                Put::Inbound(key, old)
            }
            Put::Campaign(id, new) => Put::Campaign(id, swap(&mut self.campaigns, id, new)),
            Put::Plan(key, new) => {
                let old = swap(&mut self.plan, key.clone(), new);
                Put::Plan(key, old)
            }
            Put::Intake(seq, new) => Put::Intake(seq, self.put_intake(seq, new)),
            Put::Receipt(key, new) => {
                let old = swap(&mut self.receipts, key.clone(), new);
                Put::Receipt(key, old)
            }
            Put::Subscription(name, new) => {
                let old = swap(&mut self.subscriptions, name.clone(), new);
                Put::Subscription(name, old)
            }
            Put::DraftBatch(id, new) => Put::DraftBatch(id, swap(&mut self.draft_batches, id, new)),
            Put::Voice(new) => Put::Voice(std::mem::replace(&mut self.voice, new)),
            Put::FieldDefinition(name, new) => {
                let old = swap(&mut self.field_definitions, name.clone(), new);
                Put::FieldDefinition(name, old)
            }
            Put::SavedAudience(id, new) => {
                Put::SavedAudience(id, swap(&mut self.saved_audiences, id, new))
            }
            Put::Budget(key, new) => Put::Budget(key, swap(&mut self.budgets, key, new)),
            Put::Ledger(id, new) => Put::Ledger(id, self.put_ledger(id, new)),
            Put::Spent(account, new) => Put::Spent(account, swap(&mut self.spent, account, new)),
            Put::Usage(key, new) => {
                let old = swap(&mut self.usage, key.clone(), new);
                Put::Usage(key, old)
            }
        }
    }

    /// Whether nothing was ever kept here.
    pub(super) fn is_empty(&self) -> bool {
        self.contacts.is_empty()
            && self.import_updates.is_empty()
            && self.templates.is_empty()
            && self.messages.is_empty()
            && self.campaigns.is_empty()
            && self.suppressions.is_empty()
            && self.inbound.is_empty()
            && self.plan.is_empty()
            && self.intake.is_empty()
            && self.receipts.is_empty()
            && self.subscriptions.is_empty()
            && self.draft_batches.is_empty()
            && self.voice.is_none()
            && self.field_definitions.is_empty()
            && self.saved_audiences.is_empty()
            && self.budgets.is_empty()
            && self.ledger.is_empty()
            && self.events.is_empty()
            && self.counters.is_empty()
    }

    /// The approvals of one message, oldest first.
    pub(super) fn approvals_of(&self, id: MessageId) -> impl DoubleEndedIterator<Item = &Approval> {
        self.approvals
            .range((id, 0)..=(id, usize::MAX))
            .map(|(_, approval)| approval)
    }

    fn put_reason(
        &mut self,
        place: usize,
        new: Option<(String, [u8; 16])>,
    ) -> Option<(String, [u8; 16])> {
        let event = &mut self.events.get_mut(place)?.event;
        let (reason, salt) = new.unzip();
        let old = std::mem::replace(&mut event.reason, reason);
        old.zip(std::mem::replace(&mut event.reason_salt, salt))
    }

    /// The mark of an erased address, if any was ever made.
    pub(super) fn mark_of(&self, address: &str) -> Option<AddressKey> {
        let Salt(salt) = self.salt?;
        Some((EVERY_CHANNEL.to_owned(), mark(&salt, address)))
    }

    /// Whether the address is that of an erased person.
    pub(super) fn is_erased(&self, address: &str) -> bool {
        self.mark_of(address)
            .is_some_and(|key| self.suppressions.contains_key(&key))
    }

    /// Whether nothing is sent to the address on the channel.
    pub(super) fn is_suppressed(&self, channel: &str, address: &str) -> bool {
        let key = (channel.to_owned(), address.to_owned());
        self.suppressions.contains_key(&key) || self.is_erased(address)
    }

    fn put_contact(&mut self, id: ContactId, new: Option<Box<Contact>>) -> Option<Box<Contact>> {
        if let Some(old) = self.contacts.get(&id) {
            if let Some(email) = email_key(old) {
                self.by_email.remove(&email);
            }
            if let Some(external) = &old.external_id {
                self.by_external_id.remove(external);
            }
        }
        if let Some(new) = &new {
            if let Some(email) = email_key(new) {
                self.by_email.insert(email, id);
            }
            if let Some(external) = new.external_id.clone() {
                self.by_external_id.insert(external, id);
            }
        }
        swap(&mut self.contacts, id, new)
    }

    fn put_intake(&mut self, seq: u64, new: Option<Box<IntakeRow>>) -> Option<Box<IntakeRow>> {
        if let Some(old) = self.intake.get(&seq)
            && old.state == IntakeState::Applied
        {
            self.by_applied_key.remove(&old.key);
        }
        if let Some(new) = &new
            && new.state == IntakeState::Applied
        {
            self.by_applied_key.insert(new.key.clone(), seq);
        }
        swap(&mut self.intake, seq, new)
    }

    fn put_ledger(
        &mut self,
        id: LedgerId,
        new: Option<Box<LedgerEntry>>,
    ) -> Option<Box<LedgerEntry>> {
        let held = |row: &LedgerEntry| row.key.clone().filter(|_| row.held);
        if let Some(key) = self.ledger.get(&id).and_then(|old| held(old)) {
            self.by_held_key.remove(&key);
        }
        if let Some(key) = new.as_ref().and_then(|new| held(new)) {
            self.by_held_key.insert(key, id);
        }
        swap(&mut self.ledger, id, new)
    }

    fn put_template(&mut self, id: TemplateId, new: Option<Template>) -> Option<Template> {
        if let Some(old) = self.templates.get(&id) {
            self.by_template_name.remove(&template_key(old));
        }
        if let Some(new) = &new {
            self.by_template_name.insert(template_key(new), id);
        }
        swap(&mut self.templates, id, new)
    }

    fn put_message(&mut self, id: MessageId, new: Option<Box<Message>>) -> Option<Box<Message>> {
        if let Some(old) = self.messages.get(&id) {
            // Of two that merged contacts had the first one holds it.
            if let Some(key) = occurrence_key(old)
                && self.by_occurrence.get(&key) == Some(&id)
            {
                self.by_occurrence.remove(&key);
            }
            self.by_contact.remove(&(old.contact_id, id));
            self.due.remove(&(old.not_before, id));
        }
        if let Some(new) = &new {
            if let Some(key) = occurrence_key(new) {
                self.by_occurrence.entry(key).or_insert(id);
            }
            self.by_contact.insert((new.contact_id, id));
            if new.status == Status::Approved {
                self.due.insert((new.not_before, id));
            }
        }
        swap(&mut self.messages, id, new)
    }
}

fn swap<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

/// The e-mail as its uniqueness is judged.
pub(super) fn email_key(contact: &Contact) -> Option<String> {
    contact.email.as_ref().map(|email| email.to_lowercase())
}

/// Name and language.
pub(super) fn template_key(template: &Template) -> (String, String) {
    (
        template.fields.name.clone(),
        template.fields.language.clone(),
    )
}

/// What is unique about a message of a campaign; nothing about any other.
pub(super) fn occurrence_key(message: &Message) -> Option<OccurrenceKey> {
    Some((
        message.campaign_id?,
        message.occurrence.clone()?,
        message.contact_id,
    ))
}

/// What is unique about a receipt.
pub(super) fn receipt_key(kept: &KeptReceipt) -> ReceiptKey {
    let (kind, about) = kept.receipt.about.parts();
    (
        kept.channel.clone(),
        kind,
        about,
        kept.receipt.fate.as_str(),
    )
}
