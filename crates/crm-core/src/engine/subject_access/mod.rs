//! Everything that is kept about one person, for whoever asks what that is (a subject access request: article 15 of the
//! GDPR, and its like elsewhere).
//!
//! Read page by page, so that nothing is cut off, from all that names the person or an address of theirs. Not in it:
//! rows of the intake that wait (nobody knows yet whom they are about; settled ones hold nothing but ids), the usage
//! ledger (it knows no person), receipts that fit no message.

mod erased;
mod history;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use super::Session;
use super::contacts::Contacts;
use crate::actor::Action;
use crate::campaign::PlanRow;
use crate::change::ChangeSet;
use crate::consent::Suppression;
use crate::contact::{AddressKind, Contact};
use crate::error::Result;
use crate::id::{CampaignId, ContactId};
use crate::message::history::{StoredEvent, Subject};
use crate::message::{Approval, Attempt, Message, Revision};
use crate::port::store::{
    CampaignQuery, ContactQuery, MessageQuery, PageRequest, PlanQuery, ReceiptQuery,
    SuppressionQuery,
};
use crate::receipt::KeptReceipt;

/// Rows that are read together, the most that a store gives.
const PAGE: u32 = 1_000;

/// All that is kept about one person. Serialised, it is the document for them.
#[derive(Clone, PartialEq, Serialize)]
pub struct SubjectAccess {
    /// When it was put together.
    pub at: DateTime<Utc>,
    /// What is known, with consents and their evidence.
    pub contact: Contact,
    /// The contacts that were merged into it, of whom an id is left and the external id by which they are still known.
    pub merged: Vec<Contact>,
    /// All messages, oldest first, deleted drafts too.
    pub messages: Vec<MessageAccess>,
    /// What campaigns planned: when the person would be written to, or why not.
    pub plans: Vec<PlanRow>,
    /// Addresses of theirs that nothing is sent to.
    pub suppressions: Vec<Suppression>,
    /// When they last wrote, by channel and address.
    pub inbound: Vec<LastInbound>,
    /// What happened to the contact, and to those that were merged into it, each oldest first.
    pub history: Vec<StoredEvent>,
}

/// Shows nothing: all of it is personal data.
impl std::fmt::Debug for SubjectAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubjectAccess({})", self.contact.id)
    }
}

/// All that is kept about one message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageAccess {
    /// The message and its current text.
    #[serde(serialize_with = "without_salt")]
    pub message: Message,
    /// All versions of the text, oldest first.
    #[serde(serialize_with = "each_without_salt")]
    pub revisions: Vec<Revision>,
    /// Who agreed to which of them.
    pub approvals: Vec<Approval>,
    /// Each call of a provider.
    pub attempts: Vec<Attempt>,
    /// What providers said of them since.
    pub receipts: Vec<KeptReceipt>,
    /// What happened to it, oldest first.
    pub history: Vec<StoredEvent>,
}

/// When a person last wrote under an address.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct LastInbound {
    /// Channel name.
    pub channel: String,
    /// The address.
    pub address: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl std::fmt::Debug for LastInbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LastInbound({})", self.channel)
    }
}

/// The salt of a text keeps its digest in the history from being guessed once the text is erased: it must not lie
/// about in documents that nobody erases.
fn without_salt<S: Serializer>(row: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    bare(row)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

fn each_without_salt<S: Serializer>(rows: &[Revision], serializer: S) -> Result<S::Ok, S::Error> {
    let rows: Result<Vec<Value>, _> = rows.iter().map(bare).collect();
    rows.map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

fn bare(row: &impl Serialize) -> Result<Value, serde_json::Error> {
    let mut row = serde_json::to_value(row)?;
    let inner = row.get_mut("revision").and_then(Value::as_object_mut);
    inner.map(|revision| revision.remove("salt"));
    if let Some(row) = row.as_object_mut() {
        row.remove("salt");
    }
    Ok(row)
}

impl Contacts<'_> {
    /// Everything that is kept about this person. That it was put together stands in the contact's history as
    /// `disclosed`, which is in the document of the next time. Of an erased person it is what the history keeps: ids,
    /// instants and codes, nothing personal.
    ///
    /// # Errors
    /// `Forbidden` unless the actor may export; `NotFound`; `NotAllowed` for a contact that was merged into another, whose
    /// document has it; as the store.
    pub async fn subject_access(&self, id: ContactId) -> Result<SubjectAccess> {
        self.0.require(Action::Export)?;
        let session = self.0;
        let contact = session.contact(id).await?;
        if contact.merged_into.is_some() {
            contact.living()?;
        }
        let merged = merged(session, id).await?;
        let stamp = session.stamp();
        let mut found = SubjectAccess {
            at: stamp.at,
            messages: messages(session, id).await?,
            plans: plans(session, id).await?,
            suppressions: Vec::new(),
            inbound: Vec::new(),
            history: history::events(session, (Subject::Contact, id.0)).await?,
            merged,
            contact,
        };
        for one in &found.merged {
            let events = history::events(session, (Subject::Contact, one.id.0)).await?;
            found.history.extend(events);
        }
        let addresses = addresses(session, &found).await?;
        found.suppressions = suppressions(session, &addresses).await?;
        found.inbound = inbound(session, &found, &addresses).await?;
        if found.contact.erased {
            erased::redact(&mut found);
        }
        let mut set = ChangeSet::new(session.workspace().clone());
        let version = found.contact.version;
        set.event(stamp.event(Subject::Contact, id.0, version, "disclosed"));
        session.engine.commit_one(set).await?;
        Ok(found)
    }
}

/// A request for the rows behind `after`, oldest first.
fn behind(after: Option<Uuid>) -> PageRequest {
    PageRequest {
        limit: PAGE,
        after,
        oldest_first: true,
        ..PageRequest::default()
    }
}

async fn merged(session: &Session, id: ContactId) -> Result<Vec<Contact>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = ContactQuery {
            merged_into: Some(id),
            page: behind(after),
            ..ContactQuery::default()
        };
        let page = session.store().contacts(session.workspace(), query).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn messages(session: &Session, id: ContactId) -> Result<Vec<MessageAccess>> {
    let (store, workspace) = (session.store(), session.workspace());
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = MessageQuery {
            contact_id: Some(id),
            with_deleted: true,
            page: behind(after),
            ..MessageQuery::default()
        };
        let page = store.messages(workspace, query).await?;
        for message in page.items {
            let trail = store.trail(workspace, message.id).await?;
            all.push(MessageAccess {
                revisions: trail.revisions,
                approvals: trail.approvals,
                attempts: trail.attempts,
                receipts: receipts(session, &message).await?,
                history: history::events(session, (Subject::Message, message.id.0)).await?,
                message,
            });
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn receipts(session: &Session, message: &Message) -> Result<Vec<KeptReceipt>> {
    let mut all: Vec<KeptReceipt> = Vec::new();
    loop {
        let query = ReceiptQuery {
            message_id: Some(message.id),
            limit: PAGE,
            skip: u32::try_from(all.len()).unwrap_or(u32::MAX),
            ..ReceiptQuery::default()
        };
        let found = session.store().receipts(session.workspace(), query).await?;
        let last = found.len() < PAGE as usize;
        all.extend(found);
        if last {
            return Ok(all);
        }
    }
}

async fn plans(session: &Session, id: ContactId) -> Result<Vec<PlanRow>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = CampaignQuery {
            page: behind(after),
            ..CampaignQuery::default()
        };
        let page = session
            .store()
            .campaigns(session.workspace(), query)
            .await?;
        for campaign in &page.items {
            lines(session, campaign.id, id, &mut all).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// The lines of a campaign's plan that are about this person. Plans are in order of contact ids, so they come first of
/// what is behind the id before.
async fn lines(
    session: &Session,
    campaign_id: CampaignId,
    id: ContactId,
    all: &mut Vec<PlanRow>,
) -> Result<()> {
    // One for each run of the campaign: seldom more than a few.
    const LINES: u32 = 50;
    let mut skip = 0;
    loop {
        let query = PlanQuery {
            campaign_id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: PageRequest {
                limit: LINES,
                skip,
                ..behind(id.0.as_u128().checked_sub(1).map(Uuid::from_u128))
            },
        };
        let found = session
            .store()
            .plan(session.workspace(), query)
            .await?
            .items;
        let about = found.into_iter().take_while(|row| row.contact_id == id);
        let before = all.len();
        all.extend(about);
        if all.len() - before < LINES as usize {
            return Ok(());
        }
        skip += LINES;
    }
}

/// The addresses of the person: those of the contact, and those that messages went to, unless somebody else has them by
/// now.
async fn addresses(session: &Session, found: &SubjectAccess) -> Result<Vec<String>> {
    let contact = &found.contact;
    let own: BTreeSet<&str> = AddressKind::ALL
        .into_iter()
        .filter_map(|kind| contact.address(kind))
        .chain(contact.phone.as_deref())
        .collect();
    let former: BTreeSet<&str> = found
        .messages
        .iter()
        .map(|one| one.message.recipient.as_str())
        .filter(|address| !address.is_empty() && !own.contains(address))
        .collect();
    let mut all: Vec<String> = own.into_iter().map(str::to_owned).collect();
    for address in former {
        if !is_of_another(session, contact.id, address).await? {
            all.push(address.to_owned());
        }
    }
    Ok(all)
}

async fn is_of_another(session: &Session, id: ContactId, address: &str) -> Result<bool> {
    let text = || Some(address.to_owned());
    let queries = [
        ContactQuery {
            email: text(),
            ..ContactQuery::default()
        },
        ContactQuery {
            phone: text(),
            ..ContactQuery::default()
        },
        ContactQuery {
            external_id: text(),
            ..ContactQuery::default()
        },
    ];
    for query in queries {
        let query = ContactQuery {
            page: behind(None),
            ..query
        };
        let found = session.store().contacts(session.workspace(), query).await?;
        if found.items.iter().any(|contact| contact.id != id) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn suppressions(session: &Session, addresses: &[String]) -> Result<Vec<Suppression>> {
    let mut all = Vec::new();
    for chunk in addresses.chunks(500) {
        let mut skip = 0;
        loop {
            let query = SuppressionQuery {
                channel: None,
                addresses: chunk.to_vec(),
                limit: PAGE,
                skip,
            };
            let found = session
                .store()
                .suppressions(session.workspace(), query)
                .await?
                .items;
            let last = found.len() < PAGE as usize;
            all.extend(found);
            if last {
                break;
            }
            skip += PAGE;
        }
    }
    Ok(all)
}

async fn inbound(
    session: &Session,
    found: &SubjectAccess,
    addresses: &[String],
) -> Result<Vec<LastInbound>> {
    let used = found
        .messages
        .iter()
        .map(|one| one.message.channel.as_str());
    let channels: BTreeSet<&str> = session
        .engine
        .channels()
        .keys()
        .map(String::as_str)
        .chain(used)
        .collect();
    let mut all = Vec::new();
    for channel in channels {
        for chunk in addresses.chunks(PAGE as usize) {
            let store = session.store();
            let rows = store.inbound(session.workspace(), channel, chunk).await?;
            all.extend(rows.into_iter().map(|(address, at)| LastInbound {
                channel: channel.to_owned(),
                address,
                at,
            }));
        }
    }
    Ok(all)
}
