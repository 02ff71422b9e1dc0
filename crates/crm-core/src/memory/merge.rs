//! Everything of one contact becomes another's.

use uuid::Uuid;

use super::apply::Undo;
use super::tables::{PlanKey, Put, Tables};
use crate::contact::ContactFields;
use crate::id::{CampaignId, ContactId, MessageId};

pub(super) fn history(tables: &mut Tables, from: ContactId, to: ContactId, undo: &mut Undo) {
    plans(tables, from, to, undo);
    let theirs = tables.by_contact.range((from, MessageId(Uuid::nil()))..);
    let theirs = theirs.take_while(|(owner, _)| *owner == from);
    let theirs: Vec<MessageId> = theirs.map(|(_, id)| *id).collect();
    for id in theirs {
        if let Some(mut row) = tables.messages.get(&id).cloned() {
            row.written_for.get_or_insert(from);
            row.contact_id = to;
            undo.put(tables, Put::Message(id, Some(row)));
        }
    }
    for id in merged_into(tables, from) {
        if let Some(mut row) = tables.contacts.get(&id).cloned() {
            row.merged_into = Some(to);
            undo.put(tables, Put::Contact(id, Some(row)));
        }
    }
    let updates = tables.import_updates.keys();
    let updates: Vec<_> = updates.filter(|(_, of)| *of == from).copied().collect();
    for key in updates {
        undo.put(tables, Put::ImportUpdate(key, None));
    }
}

/// Of two lines about the same occurrence that with a message stays, else that of `to`.
fn plans(tables: &mut Tables, from: ContactId, to: ContactId, undo: &mut Undo) {
    let lines = tables.plan.keys().filter(|(_, _, of)| *of == from);
    let lines: Vec<PlanKey> = lines.cloned().collect();
    for key in lines {
        let Some(mut row) = tables.plan.get(&key).cloned() else {
            continue;
        };
        undo.put(tables, Put::Plan(key.clone(), None));
        let (campaign, run, _): (CampaignId, String, ContactId) = key;
        let moved = (campaign, run, to);
        let stays = tables
            .plan
            .get(&moved)
            .is_some_and(|known| known.message_id.is_some() || row.message_id.is_none());
        if !stays {
            row.contact_id = to;
            undo.put(tables, Put::Plan(moved, Some(row)));
        }
    }
}

/// The contacts that were merged into this one.
pub(super) fn merged_into(tables: &Tables, id: ContactId) -> Vec<ContactId> {
    let rows = tables.contacts.values();
    let merged = rows.filter(|row| row.merged_into == Some(id));
    merged.map(|row| row.id).collect()
}

/// Forgets by what the contacts were known that were merged into this one.
pub(super) fn forget_names(tables: &mut Tables, id: ContactId, undo: &mut Undo) {
    for merged in merged_into(tables, id) {
        if let Some(mut row) = tables.contacts.get(&merged).cloned() {
            row.fields = ContactFields {
                external_id: None,
                ..row.fields
            };
            undo.put(tables, Put::Contact(merged, Some(row)));
        }
    }
}
