//! The change set: everything one decision writes, applied by a store in one transaction or not at all.
//!
//! Use cases decide purely and hand the store a [`ChangeSet`]. Only core builds one, so no row changes
//! without its version check, its counters and its audit event.

use std::collections::BTreeMap;

use crate::actor::Workspace;
use crate::audience::saved::SavedAudience;
use crate::budget::{Budget, LedgerEntry, Period};
use crate::campaign::{Campaign, PlanRow};
use crate::consent::Suppression;
use crate::consent::erasure::ErasedAddresses;
use crate::consent::window::Inbound;
use crate::contact::definition::FieldDefinition;
use crate::contact::{AddressKind, Contact};
use crate::counter;
use crate::draft_batch::DraftBatch;
use crate::generation::Voice;
use crate::id::{CampaignId, ContactId, ImportId, SavedAudienceId, TemplateId};
use crate::import::ImportUpdate;
use crate::intake::{NewIntake, Settlement};
use crate::message::history::{AuditEvent, Subject};
use crate::message::{Approval, Attempt, Message};
use crate::receipt::KeptReceipt;
use crate::subscription::Subscription;
use crate::template::Template;

/// What must hold inside the transaction, besides the version rule of updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The contact still has this version.
    Contact(ContactId, u64),
    /// The campaign still has this version.
    Campaign(CampaignId, u64),
    /// The address is not suppressed on this channel, nor, as that of an erased person, on every one.
    NotSuppressed {
        /// Channel name.
        channel: String,
        /// Address.
        address: String,
    },
    /// The store is not on [`hold`](crate::hold); else [`OnHold`](crate::ErrorKind::OnHold).
    NotOnHold,
}

/// One write. `Insert` of an existing key is [`Duplicate`](crate::ErrorKind::Duplicate); `Update` needs
/// the stored version to be exactly one less than the new row's, else
/// [`Conflict`](crate::ErrorKind::Conflict) (or `NotFound` without a row).
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new contact. E-mail and external id are unique in the workspace.
    InsertContact(Box<Contact>),
    /// A changed contact.
    UpdateContact(Box<Contact>),
    /// Removes what is written of the contact outside its own row, which comes later in the set: texts, salts,
    /// addresses, findings and providers' ids of its messages and attempts, the words of people in approvals and in
    /// the history, what providers said, when they wrote, what imports keep of them. Rows, digests and statuses
    /// stay. A digest then belongs to a zero salt and empty text. Again, it removes what came since.
    ///
    /// From then on the messages are without an address and stay so: what is recorded of them later brings no text,
    /// provider's id or reason back, and a new revision is a [`Conflict`](crate::ErrorKind::Conflict).
    EraseTexts(ContactId),
    /// Suppresses the addresses of a person who is erased later in the set, on every channel, by a
    /// [hash](crate::consent::erasure) made with the workspace's salt. Plain suppressions of these addresses go.
    /// From then on such an address is not written down again: [`InsertSuppression`](Self::InsertSuppression) and
    /// [`RecordInbound`](Self::RecordInbound) of it do nothing. Again, it changes nothing.
    SuppressErased(Box<ErasedAddresses>),
    /// Makes everything of one contact another's: messages, lines of plans, and the contacts that were merged into it
    /// before; what imports keep of it goes. A message keeps its digest, by
    /// [`written_for`](Message::written_for). Where both have a message of the same occurrence both stay, and of two
    /// lines about it the one with a message, else that of the contact that is kept: as before, there is no further
    /// message of that occurrence. Neither contact is changed by it.
    MoveHistory {
        /// The contact that was merged.
        from: ContactId,
        /// The contact that it was merged into.
        to: ContactId,
    },
    /// What an import changed. Import and contact together are unique: of a further one only the version is taken, what was
    /// known before the first one stays.
    PutImportUpdate(Box<ImportUpdate>),
    /// Forgets what an import changed of a contact. Without one nothing happens.
    DeleteImportUpdate {
        /// The import.
        import_id: ImportId,
        /// The contact.
        contact_id: ContactId,
    },
    /// A new template. The name is unique per language.
    InsertTemplate(Box<Template>),
    /// A changed template.
    UpdateTemplate(Box<Template>),
    /// Removes a template.
    DeleteTemplate(TemplateId),
    /// A new message with its first revision. Campaign, occurrence and contact together are unique,
    /// whatever the channel.
    InsertMessage(Box<Message>),
    /// A changed message. With `new_revision` the revision is stored as well; without it the text, its
    /// author and provenance and everything the digest covers are unchanged. Where a message came from
    /// (contact, campaign, occurrence, occasion, channel, test mode, creation) is not changed by it.
    ///
    /// The stored epoch has to be the one given, or one less when the message is now claimed, or sent again out
    /// of a doubt (stored as uncertain, now sending): in a store that went back to an older state versions are given a second time, and a claim it forgot must not
    /// move the row. Otherwise it is a [`Conflict`](crate::ErrorKind::Conflict).
    UpdateMessage {
        /// The row after the change.
        message: Box<Message>,
        /// Whether `message.revision` is new.
        new_revision: bool,
    },
    /// A decision. Kept for ever.
    InsertApproval(Approval),
    /// An attempt, open. Message and epoch together are unique.
    InsertAttempt(Attempt),
    /// The outcome of an attempt. Only an open attempt changes, else `Conflict`.
    FinishAttempt(Attempt),
    /// A suppressed address. Repeating it changes nothing, nor does it where the address is that of an erased person.
    InsertSuppression(Suppression),
    /// Lifts a suppression, and one of this address as that of an erased person with it. Without one nothing happens.
    DeleteSuppression {
        /// Channel name.
        channel: String,
        /// Address.
        address: String,
        /// Only one that was put for this reason (`erased` for that of an erased person); whatever the reason when
        /// `None`.
        reason: Option<String>,
    },
    /// When somebody last wrote on a channel; of two instants the later one stays. Nothing where the address is that of
    /// an erased person.
    RecordInbound(Inbound),
    /// Forgets when this address wrote, on every channel.
    DeleteInbound(String),
    /// A new campaign.
    InsertCampaign(Box<Campaign>),
    /// A changed campaign.
    UpdateCampaign(Box<Campaign>),
    /// Removes a campaign and its plan.
    DeleteCampaign(CampaignId),
    /// A line of a plan. The same campaign, occurrence and contact again is ignored.
    InsertPlanRow(PlanRow),
    /// Ties a planned line to its message.
    UpdatePlanRow(PlanRow),
    /// Something to be worked off, behind all rows of the workspace before it. Its key may repeat.
    InsertIntake(Box<NewIntake>),
    /// Settles a waiting row and empties its payload. One that is settled already is
    /// [`Conflict`](crate::ErrorKind::Conflict), an unknown one `NotFound`; an applied key is not applied
    /// again: `Duplicate`.
    FinishIntake(Settlement),
    /// A receipt that came. One that is kept already (of the same channel, delivery and kind of fate) is
    /// ignored.
    InsertReceipt(Box<KeptReceipt>),
    /// A waiting receipt that was looked at. One that is not waiting, or whose `tries` is not one less, is
    /// [`Conflict`](crate::ErrorKind::Conflict), an unknown one `NotFound`.
    UpdateReceipt(Box<KeptReceipt>),
    /// A new subscription. Its name is unique in the workspace.
    InsertSubscription(Box<Subscription>),
    /// A changed subscription. Its position never goes back, which the core sees to.
    UpdateSubscription(Box<Subscription>),
    /// A new batch of drafts.
    InsertDraftBatch(Box<DraftBatch>),
    /// A changed batch of drafts.
    UpdateDraftBatch(Box<DraftBatch>),
    /// The voice of the workspace: its first (version 1) or a changed one. Unless the stored version is one less
    /// (none counts as 0) it is a [`Conflict`](crate::ErrorKind::Conflict).
    PutVoice(Box<Voice>),
    /// The definition of a custom field: its first (version 1) or a changed one. Unless the stored version is one less
    /// (none counts as 0) it is a [`Conflict`](crate::ErrorKind::Conflict).
    PutFieldDefinition(Box<FieldDefinition>),
    /// Forgets the definition of this name. Values of the field stay as they are.
    DeleteFieldDefinition(String),
    /// A new saved audience. What its [name](crate::audience::saved::name_key) is told apart by is unique.
    InsertSavedAudience(Box<SavedAudience>),
    /// A changed saved audience.
    UpdateSavedAudience(Box<SavedAudience>),
    /// Removes a saved audience.
    DeleteSavedAudience(SavedAudienceId),
    /// A new budget. Campaign and period together are unique.
    InsertBudget(Budget),
    /// A changed budget.
    UpdateBudget(Budget),
    /// Removes a budget. What is counted stays counted.
    DeleteBudget {
        /// The campaign it limits; `None` for the workspace.
        campaign_id: Option<CampaignId>,
        /// What it limits.
        period: Period,
    },
    /// A new, open entry of the usage ledger. Its id is unique, and so is its key among those that are held.
    /// The store locks the accounts of [`Account::of`](crate::budget::Account::of) in that order, asks
    /// [`check`](crate::budget::check) about the budgets there are now, and adds to the accounts and to the
    /// usage, all in this commit. [`OverBudget`](crate::ErrorKind::OverBudget) when there is no room,
    /// unless the id or key is taken: then that is said.
    Reserve(Box<LedgerEntry>),
    /// An entry that ended. The store writes what [`closed`](crate::budget::closed) makes of the stored one,
    /// which says when that is a [`Conflict`](crate::ErrorKind::Conflict), and moves accounts and usage by
    /// the difference. `NotFound` without a row.
    Settle(Box<LedgerEntry>),
}

/// Writes that belong together. See the module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeSet {
    workspace: Workspace,
    preconditions: Vec<Precondition>,
    changes: Vec<Change>,
    events: Vec<AuditEvent>,
    counters: BTreeMap<String, i64>,
}

impl ChangeSet {
    pub(crate) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            preconditions: Vec::new(),
            changes: Vec::new(),
            events: Vec::new(),
            counters: BTreeMap::new(),
        }
    }

    /// The workspace all of it belongs to.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What must hold, to be checked in this order before anything is written.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// What to write, in this order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The audit events to append, in this order.
    #[must_use]
    pub fn events(&self) -> &[AuditEvent] {
        &self.events
    }

    /// What to add to the workspace's counters.
    #[must_use]
    pub const fn counters(&self) -> &BTreeMap<String, i64> {
        &self.counters
    }

    pub(crate) fn require(&mut self, precondition: Precondition) -> &mut Self {
        self.preconditions.push(precondition);
        self
    }

    pub(crate) fn event(&mut self, event: AuditEvent) -> &mut Self {
        self.events.push(event);
        self
    }

    /// Takes over what `other`, a set of the same workspace, writes. What it requires is left out: both
    /// were decided on the same state.
    pub(crate) fn absorb(&mut self, other: Self) -> &mut Self {
        self.changes.extend(other.changes);
        self.events.extend(other.events);
        let amounts: counter::Contribution = other.counters.into_iter().collect();
        counter::add(&mut self.counters, &amounts, 1);
        self
    }

    /// Gives the reason to events that have none.
    pub(crate) fn explain(&mut self, reason: &str) -> &mut Self {
        for event in &mut self.events {
            event.reason.get_or_insert_with(|| reason.to_owned());
        }
        self
    }

    /// Says where changes of contacts come from, before the names of the fields that changed.
    pub(crate) fn originate(&mut self, origin: &str) -> &mut Self {
        let contacts = self.events.iter_mut();
        for event in contacts.filter(|event| event.subject == Subject::Contact) {
            event.reason = Some(match event.reason.take() {
                Some(names) if !names.is_empty() => format!("{origin}: {names}"),
                _ => origin.to_owned(),
            });
        }
        self
    }

    pub(crate) fn push(&mut self, change: Change) -> &mut Self {
        self.changes.push(change);
        self
    }

    pub(crate) fn insert_contact(&mut self, contact: Contact) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_contact(&contact), 1);
        self.push(Change::InsertContact(Box::new(contact)))
    }

    pub(crate) fn update_contact(&mut self, before: &Contact, after: Contact) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_contact(before), -1);
        counter::add(&mut self.counters, &counter::of_contact(&after), 1);
        self.push(Change::UpdateContact(Box::new(after)))
    }

    /// Forgets when the person wrote, from whichever of their addresses.
    pub(crate) fn forget_inbound(&mut self, person: &Contact) -> &mut Self {
        let addresses = AddressKind::ALL.into_iter();
        for address in addresses.filter_map(|kind| person.address(kind)) {
            self.push(Change::DeleteInbound(address.to_owned()));
        }
        self
    }

    pub(crate) fn insert_message(&mut self, message: Message) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_message(&message), 1);
        self.push(Change::InsertMessage(Box::new(message)))
    }

    pub(crate) fn update_message(&mut self, before: &Message, after: Message) -> &mut Self {
        let same_source = before.deleted == after.deleted
            && before.metadata == after.metadata
            && before.generated_by == after.generated_by;
        if same_source {
            // How a variant fares depends on more than the status.
            if before.status != after.status || after.metadata.variant.is_some() {
                counter::add(&mut self.counters, &counter::of_status(before), -1);
                counter::add(&mut self.counters, &counter::of_status(&after), 1);
            }
        } else {
            counter::add(&mut self.counters, &counter::of_message(before), -1);
            counter::add(&mut self.counters, &counter::of_message(&after), 1);
        }
        let new_revision = after.revision.number != before.revision.number;
        self.push(Change::UpdateMessage {
            message: Box::new(after),
            new_revision,
        })
    }

    pub(crate) fn insert_campaign(&mut self, campaign: Campaign) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_campaign(&campaign), 1);
        self.push(Change::InsertCampaign(Box::new(campaign)))
    }

    pub(crate) fn update_campaign(&mut self, before: &Campaign, after: Campaign) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_campaign(before), -1);
        counter::add(&mut self.counters, &counter::of_campaign(&after), 1);
        self.push(Change::UpdateCampaign(Box::new(after)))
    }

    pub(crate) fn delete_campaign(&mut self, before: &Campaign) -> &mut Self {
        counter::add(&mut self.counters, &counter::of_campaign(before), -1);
        self.push(Change::DeleteCampaign(before.id))
    }
}
