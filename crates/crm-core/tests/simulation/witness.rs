//! Sees every write in the order in which it took place, and every delivery, and judges both by rules of its own:
//! none of it is taken from the engine's decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crm_core::Role;
use crm_core::campaign::{Campaign, CampaignStatus};
use crm_core::change::{Change, ChangeSet};
use crm_core::consent::ConsentStatus;
use crm_core::contact::Contact;
use crm_core::id::{AttemptId, CampaignId, ContactId, MessageId};
use crm_core::message::{Approval, Approved, Attempt, Message, Status, digest};

use crate::provider::Ledger;

/// What was written, as far as it was told.
#[derive(Default)]
struct Known {
    messages: BTreeMap<MessageId, Message>,
    contacts: BTreeMap<ContactId, Contact>,
    campaigns: BTreeMap<CampaignId, Campaign>,
    approvals: BTreeMap<MessageId, Approval>,
    /// With the message as it was when they were begun.
    attempts: BTreeMap<AttemptId, (Attempt, Message)>,
    suppressed: BTreeSet<String>,
    hold: bool,
    /// How often people had a message sent again.
    again: BTreeMap<MessageId, usize>,
    occasions: BTreeSet<(CampaignId, ContactId, String, String)>,
}

pub(crate) struct Witness {
    known: Mutex<Known>,
    ledger: Arc<Mutex<Ledger>>,
    wrong: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    writes: AtomicU64,
}

impl Witness {
    pub(crate) fn new(ledger: Arc<Mutex<Ledger>>) -> Self {
        Self {
            known: Mutex::default(),
            ledger,
            wrong: Mutex::default(),
            counts: Mutex::default(),
            writes: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = self.counts.lock().unwrap().clone();
        counts.insert("writes", self.writes.load(Ordering::SeqCst));
        counts
    }

    /// What was found wrong so far.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    pub(crate) fn demand(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.lock().unwrap().push(what());
        }
    }

    pub(crate) fn hold(&self, on: bool) {
        self.known.lock().unwrap().hold = on;
    }

    /// How often people had it sent again.
    pub(crate) fn again(&self, message: MessageId) -> usize {
        let known = self.known.lock().unwrap();
        known.again.get(&message).copied().unwrap_or(0)
    }

    pub(crate) fn attempt(&self, id: AttemptId) -> Option<Attempt> {
        let known = self.known.lock().unwrap();
        known.attempts.get(&id).map(|(attempt, _)| attempt.clone())
    }

    /// A worker took it.
    pub(crate) fn claimed(&self, message: &Message) {
        let mut known = self.known.lock().unwrap();
        self.demand(!known.hold, || format!("claimed on hold: {}", message.id));
        let before = known.messages.insert(message.id, message.clone());
        let before = before.map(|before| before.status);
        self.demand(before == Some(Status::Approved), || {
            format!("I3: claimed while {before:?}: {}", message.id)
        });
        self.count("claimed");
    }

    /// A set was applied.
    pub(crate) fn saw(&self, set: &ChangeSet) {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().unwrap();
        for event in set.events() {
            if matches!(event.action.as_str(), "resolved_resend" | "retried") {
                *known.again.entry(MessageId(event.subject_id)).or_default() += 1;
            }
            self.count(counted(&event.action));
        }
        for change in set.changes() {
            self.see(&mut known, set, change);
        }
    }

    fn see(&self, known: &mut Known, set: &ChangeSet, change: &Change) {
        match change {
            Change::InsertContact(row) | Change::UpdateContact(row) => {
                known.contacts.insert(row.id, (**row).clone());
            }
            Change::InsertCampaign(row) | Change::UpdateCampaign(row) => {
                known.campaigns.insert(row.id, (**row).clone());
            }
            Change::InsertSuppression(row) => {
                known.suppressed.insert(row.address.clone());
            }
            // Seen before the contact is emptied by the same set.
            Change::SuppressErased(row) => {
                let own = known.contacts.get(&row.contact_id);
                let own = own.and_then(|contact| contact.fields.email.clone());
                let used = known.messages.values();
                let used = used.filter(|message| message.contact_id == row.contact_id);
                let used = used.map(|message| message.recipient.clone());
                let all: Vec<String> = own.into_iter().chain(used).collect();
                known.suppressed.extend(all);
            }
            Change::DeleteSuppression {
                address, reason, ..
            } if reason.is_none() || self.lifts(set) => {
                // One of another reason stays; which it had is the store's to know.
                known.suppressed.remove(address);
            }
            Change::InsertMessage(row) => {
                if let (Some(campaign), Some(on)) = (row.campaign_id, &row.occurrence) {
                    let one = (campaign, row.contact_id, row.channel.clone(), on.clone());
                    let first = known.occasions.insert(one);
                    self.demand(first, || format!("I10: a second one: {}", row.id));
                }
                self.event_of(set, row);
                known.messages.insert(row.id, (**row).clone());
            }
            Change::UpdateMessage { message, .. } => self.moved(known, set, message),
            Change::InsertApproval(row) => {
                let person = matches!(row.role, Role::Manager | Role::Admin);
                self.demand(person, || format!("I1: approved by {:?}", row.role));
                known.approvals.insert(row.message_id, row.clone());
            }
            Change::InsertAttempt(row) => self.begun(known, row),
            Change::FinishAttempt(row) => match known.attempts.get_mut(&row.id) {
                Some((open, _)) if open.finished_at.is_none() => *open = row.clone(),
                _ => self.demand(false, || format!("ended twice, or never begun: {}", row.id)),
            },
            _ => {}
        }
    }

    fn lifts(&self, set: &ChangeSet) -> bool {
        let mut events = set.events().iter();
        events.any(|event| event.action == "lifted")
    }

    /// I11: no change of a message without its event.
    fn event_of(&self, set: &ChangeSet, row: &Message) {
        let mut events = set.events().iter();
        let told = events.any(|event| {
            event.subject_id == row.id.0
                && event.version == row.version
                && event.status == Some(row.status)
        });
        self.demand(told, || {
            format!("I11: no event: {} {}", row.id, row.version)
        });
    }

    fn moved(&self, known: &mut Known, set: &ChangeSet, now: &Message) {
        self.event_of(set, now);
        let Some(before) = known.messages.insert(now.id, now.clone()) else {
            return self.demand(false, || format!("changed before it was there: {}", now.id));
        };
        let by = set
            .events()
            .iter()
            .find(|event| event.subject_id == now.id.0)
            .map(|event| event.role);
        let person = matches!(by, Some(Role::Manager | Role::Admin));
        let mine = known
            .attempts
            .values()
            .find(|(attempt, _)| attempt.message_id == now.id && attempt.epoch == now.epoch)
            .map(|(attempt, _)| attempt.id);
        let ledger = self.ledger.lock().unwrap();
        let may_have = mine.is_some_and(|attempt| ledger.may_have(attempt));
        let has = mine.is_some_and(|attempt| ledger.has(attempt));
        let said = mine.is_some_and(|attempt| ledger.said_failed(attempt));
        let fine = match (before.status, now.status) {
            (was, is) if was == is => true,
            // I7, and a receipt changes only what it is about.
            (Status::Sent | Status::Failed, Status::Delivered) => has,
            (Status::Sent, Status::Failed) => said,
            (Status::Failed, Status::Approved) => person,
            (Status::Sent | Status::Failed | Status::Delivered, _) => false,
            (Status::Cancelled | Status::Expired, _) => false,
            // I4: what may have been delivered does not go back to the queue by itself.
            (Status::Sending, Status::Approved) => !may_have,
            (Status::Sending, Status::Failed) => !may_have,
            (Status::Sending, Status::Sent) => has,
            (Status::Sending, Status::Uncertain) => true,
            (Status::Sending, _) => false,
            (Status::Uncertain, Status::Approved) => person,
            (Status::Uncertain, Status::Sent) => person || has,
            (Status::Uncertain, Status::Failed) => person || said || !may_have,
            (Status::Uncertain, _) => false,
            (_, Status::Sending) => before.status == Status::Claimed,
            (_, Status::Sent | Status::Delivered | Status::Failed) => false,
            (Status::Claimed, _) => before.epoch == now.epoch,
            (_, Status::Approved) => person,
            _ => true,
        };
        drop(ledger);
        self.demand(fine, || {
            let (was, is) = (before.status.as_str(), now.status.as_str());
            format!(
                "{} went from {was} to {is} by {by:?}; taken: {has}, may be: {may_have}",
                now.id
            )
        });
    }

    /// An attempt may be begun only when all of this holds in that very instant.
    fn begun(&self, known: &mut Known, attempt: &Attempt) {
        self.count("attempts");
        let id = attempt.message_id;
        let mut faults = Vec::new();
        let mut check = |holds: bool, what: &'static str| {
            if !holds {
                faults.push(what);
            }
        };
        let open = known
            .attempts
            .values()
            .any(|(other, _)| other.message_id == id && other.finished_at.is_none());
        check(!open, "I3: another one is open");
        check(attempt.finished_at.is_none(), "it is over already");
        check(!known.hold, "I15: on hold");
        let Some(message) = known.messages.get(&id).cloned() else {
            return self.demand(false, || format!("I1: nothing to send: {id}"));
        };
        check(message.status == Status::Sending, "it is not sending");
        check(message.epoch == attempt.epoch, "I9: another epoch");
        let lease = message.lease_until;
        check(
            lease.is_some_and(|until| until > attempt.started_at),
            "the lease was over",
        );
        check(
            message
                .expires_at
                .is_none_or(|until| until > attempt.started_at),
            "its deadline was over",
        );
        let approval = known.approvals.get(&id);
        check(
            approval.is_some_and(|approval| {
                approval.digest == digest::digest(&message)
                    && approval.digest == attempt.digest
                    && approval.revision == message.revision.number
            }),
            "I1: another text than the approved one",
        );
        check(
            !known.suppressed.contains(&message.recipient),
            "I5: suppressed",
        );
        let contact = known.contacts.get(&message.contact_id);
        check(
            contact.is_some_and(|contact| {
                !contact.erased
                    && contact.fields.email.as_ref() == Some(&message.recipient)
                    && !contact.fields.consent.iter().any(|consent| {
                        consent.status == ConsentStatus::OptedOut && consent.channel == "*"
                    })
            }),
            "no consent, another address, or erased",
        );
        let campaign = message.campaign_id.and_then(|id| known.campaigns.get(&id));
        let stopped = [CampaignStatus::Paused, CampaignStatus::Cancelled];
        check(
            campaign.is_none_or(|campaign| !stopped.contains(&campaign.status)),
            "I6: paused or cancelled",
        );
        known
            .attempts
            .insert(attempt.id, (attempt.clone(), message));
        self.demand(faults.is_empty(), || format!("{id} was begun: {faults:?}"));
    }

    /// The provider takes something.
    pub(crate) fn left(&self, approved: &Approved) {
        self.count("taken");
        let known = self.known.lock().unwrap();
        let begun = known.attempts.get(&approved.attempt_id());
        let as_begun = begun.is_some_and(|(attempt, message)| {
            message.id == approved.message_id()
                && message.recipient == approved.recipient()
                && message.channel == approved.channel()
                && message.revision.subject.as_deref() == approved.subject()
                && message.revision.content == approved.content()
                && attempt.digest == approved.digest()
        });
        self.demand(as_begun, || {
            format!("I1: {} left otherwise than begun", approved.message_id())
        });
    }
}

/// The actions worth counting, by name.
fn counted(action: &str) -> &'static str {
    const NAMES: [&str; 22] = [
        "approved",
        "edited",
        "cancelled",
        "invalidated",
        "postponed",
        "released",
        "sent",
        "failed",
        "deferred",
        "uncertain",
        "suspected",
        "confirmed_sent",
        "confirmed_failed",
        "resolved_resend",
        "delivered",
        "bounced",
        "retried",
        "expired",
        "suppressed",
        "accepted_late",
        "duplicate_detected",
        "refused_late",
    ];
    let mut names = NAMES.into_iter();
    names.find(|name| *name == action).unwrap_or("other")
}
