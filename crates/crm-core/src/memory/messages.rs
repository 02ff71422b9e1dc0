//! Rows of messages: written and moved on.

use super::apply::{Undo, conflict, duplicate, follows, fresh};
use super::tables::{Put, Tables, occurrence_key};
use crate::error::{Error, Result};
use crate::message::{Attempt, Message, Status};

pub(super) fn insert_message(tables: &mut Tables, row: &Message, undo: &mut Undo) -> Result<()> {
    fresh(
        !tables.messages.contains_key(&row.id),
        "id is taken by another message",
    )?;
    if occurrence_key(row).is_some_and(|key| tables.by_occurrence.contains_key(&key)) {
        return Err(duplicate(
            "occurrence of this campaign and contact has a message already",
        ));
    }
    undo.put(tables, Put::Message(row.id, Some(Box::new(row.clone()))));
    let key = (row.id, row.revision.number);
    undo.put(tables, Put::Revision(key, Some(row.revision.clone())));
    Ok(())
}

pub(super) fn update_message(
    tables: &mut Tables,
    row: &Message,
    new_revision: bool,
    undo: &mut Undo,
) -> Result<()> {
    let stored = tables.messages.get(&row.id);
    follows(stored.map(|stored| stored.version), row.version, "message")?;
    // A claim is a new epoch, and so is a repeat of what is in doubt.
    let taken = |stored: &Message| match row.status {
        Status::Claimed => true,
        Status::Sending => stored.status == Status::Uncertain,
        _ => false,
    };
    if stored.is_some_and(|stored| row.epoch != stored.epoch + u64::from(taken(stored))) {
        return Err(conflict("message"));
    }
    // Nobody writes anew what was erased.
    if new_revision && stored.is_some_and(|stored| stored.recipient.is_empty()) {
        return Err(conflict("message"));
    }
    let mut new = row.clone();
    if let Some(stored) = stored {
        // Where a message came from never changes.
        new = Message {
            contact_id: stored.contact_id,
            written_for: stored.written_for,
            campaign_id: stored.campaign_id,
            occurrence: stored.occurrence.clone(),
            occasion: stored.occasion,
            channel: stored.channel.clone(),
            test_mode: stored.test_mode,
            created_by: stored.created_by.clone(),
            created_at: stored.created_at,
            ..new
        };
    }
    if new_revision {
        let key = (row.id, row.revision.number);
        fresh(
            !tables.revisions.contains_key(&key),
            "number is taken by another revision of this message",
        )?;
        undo.put(tables, Put::Revision(key, Some(row.revision.clone())));
    } else if let Some(stored) = stored {
        // Without a new revision the text is what is stored: an erased one stays erased.
        new.revision = stored.revision.clone();
        new.recipient.clone_from(&stored.recipient);
        new.generated_by = stored.generated_by;
        new.metadata = stored.metadata.clone();
        new.findings.clone_from(&stored.findings);
        if stored.recipient.is_empty() {
            new.provider_id = None;
            new.failure = None;
        }
    }
    undo.put(tables, Put::Message(row.id, Some(Box::new(new))));
    Ok(())
}

pub(super) fn finish_attempt(tables: &mut Tables, row: &Attempt, undo: &mut Undo) -> Result<()> {
    let key = (row.message_id, row.epoch);
    let stored = tables.attempts.get(&key).filter(|s| s.id == row.id);
    let Some(stored) = stored else {
        return Err(Error::not_found("attempt"));
    };
    if stored.finished_at.is_some() {
        return Err(conflict("attempt"));
    }
    let mut row = row.clone();
    let message = tables.messages.get(&row.message_id);
    if message.is_some_and(|message| message.recipient.is_empty()) {
        // What comes in after an erasure brings nothing back.
        row.provider_id = None;
        row.reason = None;
    }
    undo.put(tables, Put::Attempt(key, Some(row)));
    Ok(())
}
