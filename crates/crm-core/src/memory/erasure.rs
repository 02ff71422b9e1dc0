//! What is emptied and suppressed when a person is erased.

use std::collections::BTreeSet;

use super::apply::Undo;
use super::merge;
use super::tables::{Put, Salt, Tables};
use crate::consent::Suppression;
use crate::consent::erasure::{ERASED, EVERY_CHANNEL, ErasedAddresses, plain};
use crate::contact::AddressKind;
use crate::id::{ContactId, MessageId};
use crate::message::Revision;
use crate::message::history::Subject;
use crate::port::callback::{About, Fate};
use crate::receipt::ReceiptState;

/// Suppresses the addresses of the person by their marks.
pub(super) fn suppress(tables: &mut Tables, row: &ErasedAddresses, undo: &mut Undo) {
    if tables.salt.is_none() {
        undo.put(tables, Put::Salt(Some(Salt(row.salt))));
    }
    let addresses = addresses(tables, row.contact_id);
    let theirs: Vec<_> = tables
        .suppressions
        .values()
        .filter(|known| !known.of_erased() && addresses.contains(&plain(&known.address)))
        .map(|known| (known.channel.clone(), known.address.clone()))
        .collect();
    for key in theirs {
        undo.put(tables, Put::Suppression(key, None));
    }
    for key in addresses
        .iter()
        .filter_map(|one| tables.mark_of(one))
        .collect::<Vec<_>>()
    {
        if tables.suppressions.contains_key(&key) {
            continue;
        }
        let suppression = Suppression {
            workspace: row.workspace.clone(),
            channel: EVERY_CHANNEL.to_owned(),
            address: String::new(),
            reason: ERASED.to_owned(),
            created_by: row.created_by.clone(),
            created_at: row.created_at,
        };
        undo.put(tables, Put::Suppression(key, Some(suppression)));
    }
}

/// Every address of the person that is known, in its plain form.
fn addresses(tables: &Tables, contact: ContactId) -> BTreeSet<String> {
    let merged = merge::merged_into(tables, contact);
    let rows = merged.iter().chain([&contact]);
    let rows = rows.filter_map(|id| tables.contacts.get(id));
    let own = rows.flat_map(|row| {
        let known = AddressKind::ALL.into_iter();
        known.filter_map(|kind| row.address(kind))
    });
    let used = tables
        .messages_to(contact)
        .map(|row| row.recipient.as_str());
    own.chain(used)
        .filter(|address| !address.is_empty())
        .map(plain)
        .collect()
}

/// Empties what is written of the person outside their own row.
pub(super) fn texts(tables: &mut Tables, contact: ContactId, undo: &mut Undo) {
    let addresses = addresses(tables, contact);
    let ids: BTreeSet<MessageId> = tables.messages_to(contact).map(|row| row.id).collect();
    let known = receipts(tables, &ids);
    for id in &ids {
        message(tables, *id, undo);
    }
    for put in known {
        undo.put(tables, put);
    }
    let updates = tables.import_updates.keys();
    let updates: Vec<_> = updates.filter(|(_, of)| *of == contact).copied().collect();
    for key in updates {
        undo.put(tables, Put::ImportUpdate(key, None));
    }
    let inbound = tables.inbound.keys();
    let inbound: Vec<_> = inbound
        .filter(|(_, address)| addresses.contains(&plain(address)))
        .cloned()
        .collect();
    for key in inbound {
        undo.put(tables, Put::Inbound(key, None));
    }
    let merged = merge::merged_into(tables, contact);
    let about = |subject, id| match subject {
        Subject::Contact => contact.0 == id || merged.contains(&ContactId(id)),
        Subject::Message => ids.contains(&MessageId(id)),
        _ => false,
    };
    let told: Vec<usize> = tables
        .events
        .iter()
        .enumerate()
        .filter(|(_, stored)| about(stored.event.subject, stored.event.subject_id))
        .filter(|(_, stored)| stored.event.reason_salt.is_some())
        .map(|(place, _)| place)
        .collect();
    for place in told {
        undo.put(tables, Put::Reason(place, None));
    }
    merge::forget_names(tables, contact, undo);
}

/// One message with its revisions, approvals and attempts.
fn message(tables: &mut Tables, id: MessageId, undo: &mut Undo) {
    let revisions: Vec<Revision> = tables
        .revisions
        .range((id, 0)..=(id, u32::MAX))
        .map(|(_, revision)| emptied(revision))
        .collect();
    for revision in revisions {
        undo.put(tables, Put::Revision((id, revision.number), Some(revision)));
    }
    let approvals: Vec<_> = tables.approvals_of(id).cloned().enumerate().collect();
    for (place, mut approval) in approvals {
        approval.override_reason = None;
        undo.put(tables, Put::Approval((id, place), Some(approval)));
    }
    let attempts: Vec<_> = tables
        .attempts
        .range((id, 0)..=(id, u64::MAX))
        .map(|(key, attempt)| (*key, attempt.clone()))
        .collect();
    for (key, mut attempt) in attempts {
        attempt.provider_id = None;
        attempt.reason = None;
        undo.put(tables, Put::Attempt(key, Some(attempt)));
    }
    if let Some(stored) = tables.messages.get(&id) {
        let mut row = stored.clone();
        row.recipient.clear();
        row.revision = emptied(&row.revision);
        row.metadata.context = None;
        row.findings.clear();
        row.failure = None;
        row.provider_id = None;
        undo.put(tables, Put::Message(id, Some(row)));
    }
}

/// What becomes of the receipts of these messages: they go, but for those that still wait under an attempt's id.
fn receipts(tables: &Tables, ids: &BTreeSet<MessageId>) -> Vec<Put> {
    let mut names = BTreeSet::new();
    for row in ids.iter().filter_map(|id| tables.messages.get(id)) {
        let mut about = Vec::from_iter(row.provider_id.clone().map(About::ProviderId));
        for (_, attempt) in tables.attempts.range((row.id, 0)..=(row.id, u64::MAX)) {
            about.push(About::Attempt(attempt.id));
            about.extend(attempt.provider_id.clone().map(About::ProviderId));
        }
        names.extend(
            about
                .iter()
                .map(|about| (row.channel.clone(), about.parts())),
        );
    }
    let theirs = tables.receipts.iter().filter(|(_, kept)| {
        kept.message_id.is_some_and(|id| ids.contains(&id))
            || names.contains(&(kept.channel.clone(), kept.receipt.about.parts()))
    });
    theirs
        .map(|(key, kept)| {
            let by_attempt = matches!(kept.receipt.about, About::Attempt(_));
            if !by_attempt || kept.state != ReceiptState::Waiting {
                return Put::Receipt(key.clone(), None);
            }
            let mut kept = kept.clone();
            if let Fate::Failed { reason, .. } = &mut kept.receipt.fate {
                reason.clear();
            }
            Put::Receipt(key.clone(), Some(kept))
        })
        .collect()
}

fn emptied(revision: &Revision) -> Revision {
    Revision {
        subject: None,
        content: String::new(),
        salt: [0; 16],
        ..revision.clone()
    }
}
