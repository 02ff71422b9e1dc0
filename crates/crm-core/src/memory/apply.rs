//! Applying one change set: wholly, or not at all.

use uuid::Uuid;

use super::messages::{finish_attempt, insert_message, update_message};
use super::tables::{Put, Tables, email_key, receipt_key, template_key};
use super::{Spaces, erasure, merge, spend};
use crate::actor::Workspace;
use crate::audience::saved::SavedAudience;
use crate::campaign::PlanRow;
use crate::change::{Change, ChangeSet, Precondition};
use crate::consent::Suppression;
use crate::contact::Contact;
use crate::counter;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::intake::{IntakeRow, IntakeState, NewIntake, Settlement};
use crate::message::history::StoredEvent;
use crate::receipt::{KeptReceipt, ReceiptState};
use crate::template::Template;

/// Applies `set` to the tables of its workspace. After an error the tables are as they were.
pub(super) fn apply(tables: &mut Tables, set: &ChangeSet) -> Result<()> {
    rows(tables, set)?;
    finish(tables, set);
    Ok(())
}

/// Applies all sets, or after an error none of them.
pub(super) fn together(spaces: &mut Spaces, sets: &[ChangeSet]) -> Result<()> {
    let mut done = Vec::with_capacity(sets.len());
    for set in sets {
        let tables = spaces.entry(set.workspace().clone()).or_default();
        match rows(tables, set) {
            Ok(undo) => done.push((set.workspace(), undo)),
            Err(error) => {
                for (workspace, undo) in done.into_iter().rev() {
                    undo.run(spaces.entry(workspace.clone()).or_default());
                }
                return Err(error);
            }
        }
    }
    for set in sets {
        finish(spaces.entry(set.workspace().clone()).or_default(), set);
    }
    Ok(())
}

/// Writes the rows of a set; how to take them back.
fn rows(tables: &mut Tables, set: &ChangeSet) -> Result<Undo> {
    for precondition in set.preconditions() {
        check(tables, precondition)?;
    }
    let foreign = |workspace: &Workspace| workspace != set.workspace();
    if set.events().iter().any(|event| foreign(&event.workspace)) {
        return Err(wrong_workspace());
    }
    let mut undo = Undo(Vec::new());
    for change in set.changes() {
        if let Err(error) = change_one(tables, set.workspace(), change, &mut undo) {
            undo.run(tables);
            return Err(error);
        }
    }
    Ok(undo)
}

/// Appends the events of a set whose rows were written, and counts.
fn finish(tables: &mut Tables, set: &ChangeSet) {
    tables
        .events
        .extend(set.events().iter().map(|event| StoredEvent {
            event: event.kept(),
            seal: None,
        }));
    let amounts: counter::Contribution = set
        .counters()
        .iter()
        .map(|(name, amount)| (name.clone(), *amount))
        .collect();
    counter::add(&mut tables.counters, &amounts, 1);
}

/// The writes that take back what was written, in the order of writing.
pub(super) struct Undo(Vec<Put>);

impl Undo {
    pub(super) fn put(&mut self, tables: &mut Tables, put: Put) {
        let inverse = tables.put(put);
        self.0.push(inverse);
    }

    fn run(self, tables: &mut Tables) {
        for put in self.0.into_iter().rev() {
            tables.put(put);
        }
    }
}

fn check(tables: &Tables, precondition: &Precondition) -> Result<()> {
    let (holds, what) = match precondition {
        // Looked at by the store, whose workspaces are on hold together.
        Precondition::NotOnHold => return Ok(()),
        Precondition::Contact(id, version) => (
            tables.contacts.get(id).map(|row| row.version) == Some(*version),
            "contact",
        ),
        Precondition::Campaign(id, version) => (
            tables.campaigns.get(id).map(|row| row.version) == Some(*version),
            "campaign",
        ),
        Precondition::NotSuppressed { channel, address } => {
            (!tables.is_suppressed(channel, address), "suppression list")
        }
    };
    if holds { Ok(()) } else { Err(conflict(what)) }
}

fn change_one(
    tables: &mut Tables,
    workspace: &Workspace,
    change: &Change,
    undo: &mut Undo,
) -> Result<()> {
    match change {
        Change::InsertContact(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.contacts.contains_key(&row.id),
                "id is taken by another contact",
            )?;
            contact_unique(tables, row)?;
            undo.put(tables, Put::Contact(row.id, Some(row.clone())));
        }
        Change::UpdateContact(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.contacts.get(&row.id).map(|stored| stored.version);
            follows(stored, row.version, "contact")?;
            contact_unique(tables, row)?;
            undo.put(tables, Put::Contact(row.id, Some(row.clone())));
        }
        Change::EraseTexts(contact) => erasure::texts(tables, *contact, undo),
        Change::SuppressErased(row) => {
            own(workspace, &row.workspace)?;
            erasure::suppress(tables, row, undo);
        }
        Change::MoveHistory { from, to } => merge::history(tables, *from, *to, undo),
        Change::PutImportUpdate(row) => {
            own(workspace, &row.workspace)?;
            let key = (row.import_id, row.contact_id);
            let mut row = row.clone();
            if let Some(known) = tables.import_updates.get(&key) {
                row.before.clone_from(&known.before);
            }
            undo.put(tables, Put::ImportUpdate(key, Some(row)));
        }
        Change::DeleteImportUpdate {
            import_id,
            contact_id,
        } => undo.put(tables, Put::ImportUpdate((*import_id, *contact_id), None)),
        Change::InsertTemplate(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.templates.contains_key(&row.id),
                "id is taken by another template",
            )?;
            template_unique(tables, row)?;
            undo.put(tables, Put::Template(row.id, Some((**row).clone())));
        }
        Change::UpdateTemplate(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.templates.get(&row.id).map(|stored| stored.version);
            follows(stored, row.version, "template")?;
            template_unique(tables, row)?;
            undo.put(tables, Put::Template(row.id, Some((**row).clone())));
        }
        Change::DeleteTemplate(id) => {
            known(tables.templates.contains_key(id), "template")?;
            undo.put(tables, Put::Template(*id, None));
        }
        Change::InsertMessage(row) => {
            own(workspace, &row.workspace)?;
            insert_message(tables, row, undo)?;
        }
        Change::UpdateMessage {
            message,
            new_revision,
        } => {
            own(workspace, &message.workspace)?;
            update_message(tables, message, *new_revision, undo)?;
        }
        Change::InsertApproval(row) => {
            known(tables.messages.contains_key(&row.message_id), "message")?;
            let place = tables.approvals_of(row.message_id).count();
            undo.put(
                tables,
                Put::Approval((row.message_id, place), Some(row.clone())),
            );
        }
        Change::InsertAttempt(row) => {
            known(tables.messages.contains_key(&row.message_id), "message")?;
            let key = (row.message_id, row.epoch);
            fresh(
                !tables.attempts.contains_key(&key),
                "epoch of this message has an attempt already",
            )?;
            undo.put(tables, Put::Attempt(key, Some(row.clone())));
        }
        Change::FinishAttempt(row) => finish_attempt(tables, row, undo)?,
        Change::InsertSuppression(row) => {
            own(workspace, &row.workspace)?;
            let key = (row.channel.clone(), row.address.clone());
            if !tables.suppressions.contains_key(&key) && !tables.is_erased(&row.address) {
                undo.put(tables, Put::Suppression(key, Some(row.clone())));
            }
        }
        Change::DeleteSuppression {
            channel,
            address,
            reason,
        } => {
            let meant = |row: &Suppression| reason.as_ref().is_none_or(|why| *why == row.reason);
            let key = Some((channel.clone(), address.clone()));
            for key in key.into_iter().chain(tables.mark_of(address)) {
                if tables.suppressions.get(&key).is_some_and(meant) {
                    undo.put(tables, Put::Suppression(key, None));
                }
            }
        }
        Change::RecordInbound(row) => {
            own(workspace, &row.workspace)?;
            let key = (row.channel.clone(), row.address.clone());
            let known = tables.inbound.get(&key);
            let later = known.is_none_or(|known| known.at < row.at);
            if later && !tables.is_erased(&row.address) {
                undo.put(tables, Put::Inbound(key, Some(row.clone())));
            }
        }
        Change::DeleteInbound(address) => {
            let keys = tables.inbound.keys();
            let theirs: Vec<_> = keys
                .filter(|(_, known)| known == address)
                .cloned()
                .collect();
            for key in theirs {
                undo.put(tables, Put::Inbound(key, None));
            }
        }
        Change::InsertCampaign(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.campaigns.contains_key(&row.id),
                "id is taken by another campaign",
            )?;
            undo.put(tables, Put::Campaign(row.id, Some(row.clone())));
        }
        Change::UpdateCampaign(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.campaigns.get(&row.id).map(|stored| stored.version);
            follows(stored, row.version, "campaign")?;
            undo.put(tables, Put::Campaign(row.id, Some(row.clone())));
        }
        Change::DeleteCampaign(id) => {
            known(tables.campaigns.contains_key(id), "campaign")?;
            undo.put(tables, Put::Campaign(*id, None));
            let from = (*id, String::new(), ContactId(Uuid::nil()));
            let lines: Vec<_> = tables
                .plan
                .range(from..)
                .map(|(key, _)| key.clone())
                .take_while(|(campaign, _, _)| campaign == id)
                .collect();
            for key in lines {
                undo.put(tables, Put::Plan(key, None));
            }
        }
        Change::InsertPlanRow(row) => {
            let key = plan_key(row);
            if !tables.plan.contains_key(&key) {
                undo.put(tables, Put::Plan(key, Some(row.clone())));
            }
        }
        Change::UpdatePlanRow(row) => {
            let key = plan_key(row);
            known(tables.plan.contains_key(&key), "line of a plan")?;
            undo.put(tables, Put::Plan(key, Some(row.clone())));
        }
        Change::InsertIntake(new) => {
            own(workspace, &new.workspace)?;
            insert_intake(tables, new, undo);
        }
        Change::FinishIntake(settlement) => {
            own(workspace, &settlement.workspace)?;
            finish_intake(tables, settlement, undo)?;
        }
        Change::InsertReceipt(row) => {
            own(workspace, &row.workspace)?;
            let key = receipt_key(row);
            if !tables.receipts.contains_key(&key) {
                undo.put(tables, Put::Receipt(key, Some(row.clone())));
            }
        }
        Change::UpdateReceipt(row) => {
            own(workspace, &row.workspace)?;
            update_receipt(tables, row, undo)?;
        }
        Change::InsertSubscription(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.subscriptions.contains_key(&row.name),
                "name is taken by another subscription",
            )?;
            let put = Put::Subscription(row.name.clone(), Some((**row).clone()));
            undo.put(tables, put);
        }
        Change::UpdateSubscription(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.subscriptions.get(&row.name);
            follows(
                stored.map(|stored| stored.version),
                row.version,
                "subscription",
            )?;
            let put = Put::Subscription(row.name.clone(), Some((**row).clone()));
            undo.put(tables, put);
        }
        Change::InsertDraftBatch(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.draft_batches.contains_key(&row.id),
                "the id is taken by another batch of drafts",
            )?;
            undo.put(tables, Put::DraftBatch(row.id, Some(row.clone())));
        }
        Change::UpdateDraftBatch(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.draft_batches.get(&row.id);
            follows(
                stored.map(|stored| stored.version),
                row.version,
                "batch of drafts",
            )?;
            undo.put(tables, Put::DraftBatch(row.id, Some(row.clone())));
        }
        Change::PutVoice(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.voice.as_ref().map_or(0, |stored| stored.version);
            follows(Some(stored), row.version, "voice")?;
            undo.put(tables, Put::Voice(Some(row.clone())));
        }
        Change::InsertSavedAudience(row) => {
            own(workspace, &row.workspace)?;
            fresh(
                !tables.saved_audiences.contains_key(&row.id),
                "id is taken by another saved audience",
            )?;
            saved_unique(tables, row)?;
            undo.put(tables, Put::SavedAudience(row.id, Some((**row).clone())));
        }
        Change::UpdateSavedAudience(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.saved_audiences.get(&row.id);
            follows(
                stored.map(|stored| stored.version),
                row.version,
                "saved audience",
            )?;
            saved_unique(tables, row)?;
            undo.put(tables, Put::SavedAudience(row.id, Some((**row).clone())));
        }
        Change::DeleteSavedAudience(id) => {
            known(tables.saved_audiences.contains_key(id), "saved audience")?;
            undo.put(tables, Put::SavedAudience(*id, None));
        }
        Change::PutFieldDefinition(row) => {
            own(workspace, &row.workspace)?;
            let stored = tables.field_definitions.get(&row.name);
            let version = stored.map_or(0, |stored| stored.version);
            follows(Some(version), row.version, "definition of the field")?;
            let put = Put::FieldDefinition(row.name.clone(), Some((**row).clone()));
            undo.put(tables, put);
        }
        Change::DeleteFieldDefinition(name) => {
            known(
                tables.field_definitions.contains_key(name),
                "definition of the field",
            )?;
            undo.put(tables, Put::FieldDefinition(name.clone(), None));
        }
        Change::InsertBudget(row) => {
            own(workspace, &row.workspace)?;
            spend::insert_budget(tables, row, undo)?;
        }
        Change::UpdateBudget(row) => {
            own(workspace, &row.workspace)?;
            spend::update_budget(tables, row, undo)?;
        }
        Change::DeleteBudget {
            campaign_id,
            period,
        } => {
            let key = (*campaign_id, *period);
            known(tables.budgets.contains_key(&key), "budget")?;
            undo.put(tables, Put::Budget(key, None));
        }
        Change::Reserve(row) => {
            own(workspace, &row.workspace)?;
            spend::reserve(tables, row, undo)?;
        }
        Change::Settle(row) => {
            own(workspace, &row.workspace)?;
            spend::settle(tables, row, undo)?;
        }
    }
    Ok(())
}

fn plan_key(row: &PlanRow) -> (crate::id::CampaignId, String, ContactId) {
    (row.campaign_id, row.occurrence.clone(), row.contact_id)
}

fn contact_unique(tables: &Tables, row: &Contact) -> Result<()> {
    let other = |id: Option<&ContactId>| id.is_some_and(|id| *id != row.id);
    if email_key(row).is_some_and(|email| other(tables.by_email.get(&email))) {
        return Err(duplicate("email is taken by another contact"));
    }
    let external = row.external_id.as_ref();
    if external.is_some_and(|external| other(tables.by_external_id.get(external))) {
        return Err(duplicate("external_id is taken by another contact"));
    }
    Ok(())
}

fn saved_unique(tables: &Tables, row: &SavedAudience) -> Result<()> {
    let key = row.name_key();
    let mut others = tables.saved_audiences.values();
    let taken = others.any(|other| other.id != row.id && other.name_key() == key);
    fresh(!taken, "name is taken by another saved audience")
}

fn template_unique(tables: &Tables, row: &Template) -> Result<()> {
    match tables.by_template_name.get(&template_key(row)) {
        Some(id) if *id != row.id => Err(duplicate(
            "name is taken by another template of this language",
        )),
        _ => Ok(()),
    }
}

fn insert_intake(tables: &mut Tables, new: &NewIntake, undo: &mut Undo) {
    let new = new.clone();
    let seq = tables.intake.keys().next_back().map_or(1, |last| last + 1);
    let row = IntakeRow {
        workspace: new.workspace,
        seq,
        key: new.key,
        kind: new.kind,
        payload: new.payload,
        created_at: new.created_at,
        state: IntakeState::Waiting,
        reason: None,
        message_id: None,
        contact_id: None,
        settled_at: None,
    };
    undo.put(tables, Put::Intake(seq, Some(Box::new(row))));
}

fn finish_intake(tables: &mut Tables, settlement: &Settlement, undo: &mut Undo) -> Result<()> {
    let Some(stored) = tables.intake.get(&settlement.seq) else {
        return Err(Error::not_found("row of the intake"));
    };
    if stored.state != IntakeState::Waiting {
        return Err(conflict("row of the intake"));
    }
    let applies = settlement.state == IntakeState::Applied;
    if applies && tables.by_applied_key.contains_key(&stored.key) {
        return Err(duplicate("key was applied already"));
    }
    let settlement = settlement.clone();
    let row = IntakeRow {
        payload: serde_json::Value::Null,
        state: settlement.state,
        reason: settlement.reason,
        message_id: settlement.message_id,
        contact_id: settlement.contact_id,
        settled_at: Some(settlement.settled_at),
        ..(**stored).clone()
    };
    undo.put(tables, Put::Intake(row.seq, Some(Box::new(row))));
    Ok(())
}

fn update_receipt(tables: &mut Tables, row: &KeptReceipt, undo: &mut Undo) -> Result<()> {
    let key = receipt_key(row);
    let Some(stored) = tables.receipts.get(&key) else {
        return Err(Error::not_found("receipt"));
    };
    let waits = stored.state == ReceiptState::Waiting;
    if !waits || stored.tries.checked_add(1) != Some(row.tries) {
        return Err(conflict("receipt"));
    }
    // What was said, and when it came, never changes.
    let row = KeptReceipt {
        receipt: stored.receipt.clone(),
        received_at: stored.received_at,
        ..row.clone()
    };
    undo.put(tables, Put::Receipt(key, Some(Box::new(row))));
    Ok(())
}

fn own(workspace: &Workspace, row: &Workspace) -> Result<()> {
    if workspace == row {
        Ok(())
    } else {
        Err(wrong_workspace())
    }
}

pub(super) fn fresh(absent: bool, taken: &str) -> Result<()> {
    if absent {
        Ok(())
    } else {
        Err(duplicate(taken))
    }
}

pub(super) fn known(present: bool, what: &str) -> Result<()> {
    if present {
        Ok(())
    } else {
        Err(Error::not_found(what))
    }
}

pub(super) fn follows(stored: Option<u64>, new: u64, what: &str) -> Result<()> {
    match stored {
        None => Err(Error::not_found(what)),
        Some(stored) if stored.checked_add(1) == Some(new) => Ok(()),
        Some(_) => Err(conflict(what)),
    }
}

pub(super) fn conflict(what: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("the {what} was changed meanwhile; load it again"),
    )
}

/// In the words of the SQL stores: the history of the intake keeps them.
pub(super) fn duplicate(taken: &str) -> Error {
    Error::new(ErrorKind::Duplicate, taken)
}

fn wrong_workspace() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "a change set writes rows of its own workspace only",
    )
}
