//! Contacts: write and list. Importing and erasing have their own files.

use uuid::Uuid;

use std::collections::BTreeSet;

use super::Session;
use crate::actor::Action;
use crate::change::{ChangeSet, Precondition};
use crate::consent;
use crate::contact::{AddressKind, Contact, ContactFields, changed_fields};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::message::decide;
use crate::message::history::Subject;
use crate::message::{Message, Status};
use crate::port::store::{ContactKeys, ContactQuery, MessageQuery, Page, PageRequest};
use crate::stamp::Stamp;

/// Use cases of contacts.
#[derive(Debug, Clone, Copy)]
pub struct Contacts<'a>(pub(super) &'a Session);

/// Statuses in which a change of the recipient voids the approval.
const OPEN: [Status; 3] = [Status::Draft, Status::PendingApproval, Status::Approved];

impl Contacts<'_> {
    /// Lists contacts.
    ///
    /// # Errors
    /// `Invalid` for an audience that cannot be evaluated, asks of a custom field what its type does not allow or names a
    /// saved one that there is not; as the store.
    pub async fn list(&self, mut query: ContactQuery) -> Result<Page<Contact>> {
        self.0.require(Action::Read)?;
        query.today.get_or_insert_with(|| self.0.engine.today());
        if let Some(audience) = query.audience.take() {
            query.audience = Some(self.0.asked(audience).await?);
        }
        self.0.store().contacts(self.0.workspace(), query).await
    }

    /// One contact. Of one that was merged into another an id is left, and [which](Contact::merged_into).
    ///
    /// # Errors
    /// `NotFound`, also for an erased one.
    pub async fn get(&self, id: ContactId) -> Result<Contact> {
        self.0.require(Action::Read)?;
        let contact = self.0.contact(id).await?;
        if contact.erased && contact.merged_into.is_none() {
            Err(Error::not_found("contact"))
        } else {
            Ok(contact)
        }
    }

    /// The contacts that have any of these keys, and with each that was merged into another that other one.
    pub(super) async fn known(&self, keys: ContactKeys) -> Result<Vec<Contact>> {
        let (store, workspace) = (self.0.store(), self.0.workspace());
        let mut found = store.contacts_by_keys(workspace, keys).await?;
        let here: BTreeSet<ContactId> = found.iter().map(|contact| contact.id).collect();
        let merged = found.iter().filter_map(|contact| contact.merged_into);
        let ids: BTreeSet<ContactId> = merged.filter(|id| !here.contains(id)).collect();
        if !ids.is_empty() {
            let keys = ContactKeys {
                ids: ids.into_iter().collect(),
                ..ContactKeys::default()
            };
            found.extend(store.contacts_by_keys(workspace, keys).await?);
        }
        Ok(found)
    }

    /// Saves a new contact.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid`; `Duplicate` e-mail or external id.
    pub async fn create(&self, fields: ContactFields) -> Result<Contact> {
        self.0.require(Action::WriteContacts)?;
        let id = ContactId(self.0.engine.ids().next());
        let fields = self.0.normal(fields, None).await?;
        let (contact, set) = self.decide_create(id, fields, None);
        self.0.engine.commit_one(set).await?;
        Ok(contact)
    }

    pub(super) fn decide_create(
        &self,
        id: ContactId,
        fields: ContactFields,
        reason: Option<String>,
    ) -> (Contact, ChangeSet) {
        let stamp = self.0.stamp();
        let contact = self.new_contact(id, fields, &stamp);
        let set = self.created(contact.clone(), reason, &stamp);
        (contact, set)
    }

    /// As [`decide_create`](Self::decide_create), of many that nobody looks at again.
    pub(super) fn decide_new(
        &self,
        id: ContactId,
        fields: ContactFields,
        reason: Option<String>,
    ) -> ChangeSet {
        let stamp = self.0.stamp();
        self.created(self.new_contact(id, fields, &stamp), reason, &stamp)
    }

    fn new_contact(&self, id: ContactId, fields: ContactFields, stamp: &Stamp<'_>) -> Contact {
        Contact {
            workspace: self.0.workspace().clone(),
            id,
            version: 1,
            fields,
            erased: false,
            merged_into: None,
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
            updated_at: stamp.at,
        }
    }

    fn created(&self, contact: Contact, reason: Option<String>, stamp: &Stamp<'_>) -> ChangeSet {
        let mut set = ChangeSet::new(contact.workspace.clone());
        let mut event = stamp.event(Subject::Contact, contact.id.0, 1, "created");
        event.reason = reason;
        set.insert_contact(contact);
        set.event(event);
        set
    }

    /// Replaces what is known. With `version`, only if it is still the current one. When an address or
    /// a consent changes, approvals of messages that have not left are void.
    ///
    /// An opt-out is taken back only by a later opt-in about the same channel and topic, with its evidence.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Duplicate`, `Conflict`; `Invalid`, also where an opt-out would be lost; `NotAllowed` for
    /// one that was merged into another.
    pub async fn update(
        &self,
        id: ContactId,
        version: Option<u64>,
        fields: ContactFields,
    ) -> Result<Contact> {
        self.0.require(Action::WriteContacts)?;
        let before = self.get(id).await?;
        before.living()?;
        let fields = self.0.normal(fields, Some(&before.custom_fields)).await?;
        if version.is_some_and(|seen| seen != before.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the contact was changed meanwhile",
            ));
        }
        consent::check_kept(&before.consent, &fields.consent)?;
        let (after, mut sets) = self.decide_update(&before, fields, "edited").await?;
        for set in sets.iter_mut().skip(1) {
            set.require(Precondition::Contact(id, after.version));
        }
        let mut results = self.0.engine.commit(sets).await?.into_iter();
        // A message that moved on meanwhile is stopped by the check before delivery.
        results.next().unwrap_or(Ok(()))?;
        Ok(after)
    }

    /// What replacing the fields writes: the contact, then each message whose approval is void by it.
    pub(super) async fn decide_update(
        &self,
        before: &Contact,
        fields: ContactFields,
        action: &str,
    ) -> Result<(Contact, Vec<ChangeSet>)> {
        let id = before.id;
        let stamp = self.0.stamp();
        let mut after = before.clone();
        after.fields = fields;
        after.version += 1;
        after.updated_at = stamp.at;
        let mut sets = Vec::new();
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_contact(before, after.clone());
        let mut event = stamp.event(Subject::Contact, id.0, after.version, action);
        event.reason = Some(changed_fields(&before.fields, &after.fields).join(", "));
        set.event(event);
        sets.push(set);
        let consent_changed = before.consent != after.consent;
        let mut kinds = AddressKind::ALL.into_iter();
        if !consent_changed && kinds.all(|kind| before.address(kind) == after.address(kind)) {
            return Ok((after, sets));
        }
        for message in self.open_messages(id).await? {
            let Ok((_, capabilities)) = self.0.engine.channel(&message.channel) else {
                continue;
            };
            let now = after.address(capabilities.address);
            let readdressed = now.is_some_and(|address| address != message.recipient);
            if !readdressed && !consent_changed {
                continue;
            }
            let reason = if readdressed {
                "address_changed"
            } else {
                "consent_changed"
            };
            let recipient = now.map(str::to_owned);
            sets.push(decide::invalidate(&message, recipient, reason, &stamp)?.1);
        }
        Ok((after, sets))
    }

    /// All messages to the contact in which a change of the recipient voids the approval.
    pub(super) async fn open_messages(&self, id: ContactId) -> Result<Vec<Message>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.open_page(id, after).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Up to 1,000 of them, behind `after`, oldest first.
    pub(super) async fn open_page(
        &self,
        id: ContactId,
        after: Option<Uuid>,
    ) -> Result<Page<Message>> {
        let query = MessageQuery {
            contact_id: Some(id),
            statuses: OPEN.to_vec(),
            page: PageRequest {
                limit: 1_000,
                after,
                oldest_first: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        self.0.store().messages(self.0.workspace(), query).await
    }
}
