//! Rows of messages: written, moved on, and emptied when a person is erased.

use uuid::Uuid;

use super::apply::{Undo, conflict, duplicate, follows, fresh};
use super::merge;
use super::tables::{AddressKey, Put, Tables, occurrence_key};
use crate::contact::AddressKind;
use crate::error::{Error, Result};
use crate::id::ContactId;
use crate::message::{Attempt, Message, Revision, Status};

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
    undo.put(tables, Put::Attempt(key, Some(row.clone())));
    Ok(())
}

pub(super) fn erase(tables: &mut Tables, contact: ContactId, undo: &mut Undo) {
    let ids: Vec<_> = tables
        .by_contact
        .range((contact, crate::id::MessageId(Uuid::nil()))..)
        .take_while(|(owner, _)| *owner == contact)
        .map(|(_, id)| *id)
        .collect();
    let mut addresses: Vec<String> = Vec::new();
    if let Some(row) = tables.contacts.get(&contact) {
        let known = AddressKind::ALL
            .into_iter()
            .filter_map(|kind| row.address(kind));
        addresses.extend(known.map(str::to_owned));
    }
    for id in ids {
        let revisions: Vec<Revision> = tables
            .revisions
            .range((id, 0)..=(id, u32::MAX))
            .map(|(_, revision)| emptied(revision))
            .collect();
        for revision in revisions {
            undo.put(tables, Put::Revision((id, revision.number), Some(revision)));
        }
        if let Some(stored) = tables.messages.get(&id) {
            let mut row = stored.clone();
            addresses.push(std::mem::take(&mut row.recipient));
            row.revision = emptied(&row.revision);
            row.metadata.context = None;
            row.findings.clear();
            undo.put(tables, Put::Message(id, Some(row)));
        }
    }
    let theirs = |(_, address): &&AddressKey| addresses.contains(address);
    let suppressed: Vec<_> = tables.suppressions.keys().filter(theirs).cloned().collect();
    for key in suppressed {
        undo.put(tables, Put::Suppression(key, None));
    }
    let updates = tables.import_updates.keys();
    let updates: Vec<_> = updates.filter(|(_, of)| *of == contact).copied().collect();
    for key in updates {
        undo.put(tables, Put::ImportUpdate(key, None));
    }
    merge::forget_names(tables, contact, undo);
    let inbound: Vec<_> = tables.inbound.keys().filter(theirs).cloned().collect();
    for key in inbound {
        undo.put(tables, Put::Inbound(key, None));
    }
}

fn emptied(revision: &Revision) -> Revision {
    Revision {
        subject: None,
        content: String::new(),
        salt: [0; 16],
        ..revision.clone()
    }
}
