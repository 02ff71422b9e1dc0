//! One change set: preconditions, changes, events, counters.

use crm_core::change::{Change, ChangeSet, Precondition};
use crm_core::id::MessageId;
use crm_core::{Error, ErrorKind, Result, Workspace};
use rusqlite::Connection;
use uuid::Uuid;

use crate::fault::Outcome;
use crate::rows::signed;
use crate::writer::Batch;
use crate::{
    budgets, campaigns, contacts, draft_batches, erasure, field_definitions, imports, inbound,
    intake, ledger, merge, messages, plan, receipts, saved_audiences, subscriptions, suppressions,
    templates, trail, voices,
};

/// Applies each set wholly or not at all, in order; one result for each.
///
/// A savepoint makes SQLite copy every page it is about to change, so all sets share one, or none in a
/// transaction that is done again when something fails. Only when one of them fails is the half it is in
/// tried again, down to the set alone.
pub(crate) fn apply(batch: &mut Batch<'_>, sets: &[ChangeSet]) -> Vec<Result<()>> {
    if sets.is_empty() {
        return Vec::new();
    }
    let together = batch.savepoint(|batch| sets.iter().map(|set| one(batch, set)).collect());
    match together {
        Ok(keys) => {
            let keys: Vec<i64> = keys;
            for (key, set) in keys.into_iter().zip(sets) {
                batch.count(key, set.counters());
            }
            vec![Ok(()); sets.len()]
        }
        Err(error) if sets.len() == 1 || batch.is_void() => vec![Err(error); sets.len()],
        Err(_) => {
            let (first, second) = sets.split_at(sets.len() / 2);
            let mut results = apply(batch, first);
            results.extend(apply(batch, second));
            results
        }
    }
}

/// Writes one set; the workspace's key.
pub(crate) fn one(batch: &mut Batch<'_>, set: &ChangeSet) -> Outcome<i64> {
    let connection = batch.connection;
    let key = batch.key(set.workspace())?;
    for precondition in set.preconditions() {
        if *precondition == Precondition::NotOnHold {
            batch.not_on_hold()?;
        } else {
            require(connection, key, precondition)?;
        }
    }
    let mut known = None;
    for change in set.changes() {
        own(set.workspace(), workspace_of(change))?;
        write(connection, key, change, known)?;
        // Its approval or attempt follows, and need not look whether it is there.
        if let Change::InsertMessage(row) | Change::UpdateMessage { message: row, .. } = change {
            known = Some(row.id);
        }
    }
    for event in set.events() {
        own(set.workspace(), Some(&event.workspace))?;
        batch.append(set.workspace(), key, event)?;
    }
    Ok(key)
}

fn require(connection: &Connection, key: i64, precondition: &Precondition) -> Outcome<()> {
    let holds = match precondition {
        Precondition::Contact(id, version) => has_version(
            connection,
            "SELECT 1 FROM contacts WHERE workspace = ?1 AND id = ?2 AND version = ?3",
            (key, id.0, *version),
        )?,
        Precondition::Campaign(id, version) => has_version(
            connection,
            "SELECT 1 FROM campaigns WHERE workspace = ?1 AND id = ?2 AND version = ?3",
            (key, id.0, *version),
        )?,
        Precondition::NotSuppressed { channel, address } => {
            !suppressions::has(connection, key, channel, address)?
        }
        // Asked of the whole database.
        Precondition::NotOnHold => true,
    };
    if holds {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        match precondition {
            Precondition::Contact(..) => "the contact was changed meanwhile; load it again",
            Precondition::Campaign(..) => "the campaign was changed meanwhile; load it again",
            Precondition::NotSuppressed { .. } => {
                "the address was suppressed meanwhile; load the message again"
            }
            Precondition::NotOnHold => "the database went back to an older state",
        },
    )
    .into())
}

fn has_version(connection: &Connection, sql: &str, row: (i64, Uuid, u64)) -> Outcome<bool> {
    let (key, id, version) = row;
    Ok(connection
        .prepare_cached(sql)?
        .exists((key, id, signed(version)))?)
}

/// Writes one change; the message `known` is there for certain.
fn write(
    connection: &Connection,
    key: i64,
    change: &Change,
    known: Option<MessageId>,
) -> Outcome<()> {
    let there = |id: MessageId| -> Outcome<()> {
        let there = known == Some(id) || exists(connection, Table::Message, key, id.0)?;
        found(there, "message")
    };
    match change {
        Change::InsertContact(row) => contacts::insert(connection, key, row),
        Change::UpdateContact(row) => {
            let done = contacts::update(connection, key, row)?;
            settle(connection, done, Table::Contact, key, row.id.0)
        }
        Change::PutImportUpdate(row) => imports::put(connection, key, row),
        Change::DeleteImportUpdate {
            import_id,
            contact_id,
        } => imports::delete(connection, key, *import_id, *contact_id),
        Change::EraseTexts(id) => erasure::texts(connection, key, *id),
        Change::SuppressErased(row) => erasure::suppress(connection, key, row),
        Change::MoveHistory { from, to } => merge::history(connection, key, *from, *to),
        Change::InsertTemplate(row) => templates::insert(connection, key, row),
        Change::UpdateTemplate(row) => {
            let done = templates::update(connection, key, row)?;
            settle(connection, done, Table::Template, key, row.id.0)
        }
        Change::DeleteTemplate(id) => found(templates::delete(connection, key, *id)?, "template"),
        Change::InsertMessage(row) => messages::insert(connection, key, row),
        Change::UpdateMessage {
            message,
            new_revision,
        } => {
            let done = messages::update(connection, key, message, *new_revision)?;
            settle(connection, done, Table::Message, key, message.id.0)
        }
        Change::InsertApproval(row) => {
            there(row.message_id)?;
            trail::insert_approval(connection, key, row)
        }
        Change::InsertAttempt(row) => {
            there(row.message_id)?;
            trail::insert_attempt(connection, key, row)
        }
        Change::FinishAttempt(row) => trail::finish_attempt(connection, key, row),
        Change::InsertSuppression(row) => suppressions::insert(connection, key, row),
        Change::DeleteSuppression {
            channel,
            address,
            reason,
        } => suppressions::delete(connection, key, channel, address, reason.as_deref()),
        Change::RecordInbound(row) => inbound::record(connection, key, row),
        Change::DeleteInbound(address) => inbound::forget(connection, key, address),
        Change::InsertCampaign(row) => campaigns::insert(connection, key, row),
        Change::UpdateCampaign(row) => {
            let done = campaigns::update(connection, key, row)?;
            settle(connection, done, Table::Campaign, key, row.id.0)
        }
        Change::DeleteCampaign(id) => found(campaigns::delete(connection, key, *id)?, "campaign"),
        Change::InsertPlanRow(row) => plan::insert(connection, key, row),
        Change::UpdatePlanRow(row) => found(plan::update(connection, key, row)?, "plan line"),
        Change::InsertIntake(row) => intake::insert(connection, row),
        Change::FinishIntake(row) => intake::finish(connection, row),
        Change::InsertReceipt(row) => receipts::insert(connection, key, row),
        Change::UpdateReceipt(row) => receipts::update(connection, key, row),
        Change::InsertSubscription(row) => subscriptions::insert(connection, key, row),
        Change::UpdateSubscription(row) => subscriptions::update(connection, key, row),
        Change::InsertDraftBatch(row) => draft_batches::insert(connection, key, row),
        Change::UpdateDraftBatch(row) => draft_batches::update(connection, key, row),
        Change::PutVoice(row) => voices::put(connection, key, row),
        Change::InsertSavedAudience(row) => saved_audiences::insert(connection, key, row),
        Change::UpdateSavedAudience(row) => saved_audiences::update(connection, key, row),
        Change::DeleteSavedAudience(id) => found(
            saved_audiences::delete(connection, key, *id)?,
            "saved audience",
        ),
        Change::PutFieldDefinition(row) => field_definitions::put(connection, key, row),
        Change::DeleteFieldDefinition(name) => found(
            field_definitions::delete(connection, key, name)?,
            "definition of the field",
        ),
        Change::InsertBudget(row) => budgets::insert(connection, key, row),
        Change::UpdateBudget(row) => budgets::update(connection, key, row),
        Change::DeleteBudget {
            campaign_id,
            period,
        } => found(
            budgets::delete(connection, key, *campaign_id, *period)?,
            "budget",
        ),
        Change::Reserve(row) => ledger::reserve(connection, &row.workspace, key, row),
        Change::Settle(row) => ledger::settle(connection, &row.workspace, key, row),
    }
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

fn own(workspace: &Workspace, row: Option<&Workspace>) -> Result<()> {
    if row.is_none_or(|row| row == workspace) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        "a change set writes rows of its own workspace only",
    ))
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
}

fn exists(connection: &Connection, table: Table, key: i64, id: Uuid) -> Outcome<bool> {
    let sql = match table {
        Table::Contact => "SELECT 1 FROM contacts WHERE workspace = ?1 AND id = ?2",
        Table::Template => "SELECT 1 FROM templates WHERE workspace = ?1 AND id = ?2",
        Table::Message => "SELECT 1 FROM messages WHERE workspace = ?1 AND id = ?2",
        Table::Campaign => "SELECT 1 FROM campaigns WHERE workspace = ?1 AND id = ?2",
    };
    Ok(connection.prepare_cached(sql)?.exists((key, id))?)
}

/// Why an update met no row: there is none, or it has another version.
fn settle(connection: &Connection, done: bool, table: Table, key: i64, id: Uuid) -> Outcome<()> {
    if done {
        return Ok(());
    }
    let what = table.name();
    Err(if exists(connection, table, key, id)? {
        Error::new(
            ErrorKind::Conflict,
            format!("{what} {id} was changed meanwhile; load it again"),
        )
    } else {
        Error::not_found(what)
    }
    .into())
}

fn found(done: bool, what: &str) -> Outcome<()> {
    if done {
        Ok(())
    } else {
        Err(Error::not_found(what).into())
    }
}
