//! Taking an import back.

use super::report::RevertReport;
use super::{CHUNK, Contacts, origin, row_id};
use crate::actor::Action;
use crate::change::{Change, ChangeSet, Precondition};
use crate::consent;
use crate::contact::Contact;
use crate::error::{ErrorKind, Result};
use crate::id::ImportId;
use crate::import::ImportUpdate;
use crate::message::history::Subject;
use crate::port::store::{ContactKeys, MessageQuery, PageRequest};

impl Contacts<'_> {
    /// Takes an import of `rows` rows back. Contacts it made are removed, as if they had been erased, unless somebody
    /// edited them or wrote to them since; contacts it changed say again what they said before, unless somebody edited
    /// them since. Consent that was lowered stays so. Again, it does what has become possible.
    ///
    /// # Errors
    /// `Forbidden`; as the store.
    pub async fn revert_import(&self, id: ImportId, rows: u64) -> Result<RevertReport> {
        self.0.require(Action::WriteContacts)?;
        let mut report = RevertReport::default();
        self.restore(id, &mut report).await?;
        let mut from = 0;
        while from < rows {
            let to = rows.min(from + CHUNK as u64);
            let keys = ContactKeys {
                ids: (from..to).map(|number| row_id(id, number)).collect(),
                ..ContactKeys::default()
            };
            let found = self
                .0
                .store()
                .contacts_by_keys(self.0.workspace(), keys)
                .await?;
            let (mut ids, mut sets) = (Vec::new(), Vec::new());
            for contact in found.into_iter().filter(|contact| !contact.erased) {
                match self.in_use(&contact).await? {
                    Some(reason) => report.keep(contact.id, reason),
                    None => {
                        ids.push(contact.id);
                        sets.push(self.decide_removal(&contact, id));
                    }
                }
            }
            let results = self.0.engine.commit(sets).await?;
            for (id, result) in ids.into_iter().zip(results) {
                match result {
                    Ok(()) => report.removed += 1,
                    // Somebody changed it between the look and the commit.
                    Err(error) if error.kind() == ErrorKind::Conflict => report.keep(id, "edited"),
                    Err(error) => return Err(error),
                }
            }
            from = to;
        }
        Ok(report)
    }

    /// Gives the contacts that were changed back what they said.
    async fn restore(&self, id: ImportId, report: &mut RevertReport) -> Result<()> {
        let (store, workspace) = (self.0.store(), self.0.workspace());
        let mut after = None;
        loop {
            let updates = store
                .import_updates(workspace, id, after, CHUNK as u32)
                .await?;
            let Some(last) = updates.last() else {
                return Ok(());
            };
            after = Some(last.contact_id);
            let keys = ContactKeys {
                ids: updates.iter().map(|update| update.contact_id).collect(),
                ..ContactKeys::default()
            };
            let found = store.contacts_by_keys(workspace, keys).await?;
            let (mut firsts, mut sets) = (Vec::new(), Vec::new());
            for update in updates {
                let contact = found.iter().find(|contact| contact.id == update.contact_id);
                match contact {
                    Some(contact) if contact.version == update.version => {
                        firsts.push((contact.id, sets.len()));
                        sets.extend(self.decide_restore(contact, update).await?);
                    }
                    _ => report.keep(update.contact_id, "edited"),
                }
            }
            let results = self.0.engine.commit(sets).await?;
            for (contact, place) in firsts {
                match results.get(place).cloned().unwrap_or(Ok(())) {
                    Ok(()) => report.restored += 1,
                    Err(error) if error.kind() == ErrorKind::Conflict => {
                        report.keep(contact, "edited");
                    }
                    Err(error) if error.kind() == ErrorKind::Duplicate => {
                        report.keep(contact, "taken");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    async fn decide_restore(
        &self,
        contact: &Contact,
        update: ImportUpdate,
    ) -> Result<Vec<ChangeSet>> {
        let mut fields = update.before;
        // Nothing that takes an import back makes a no a yes.
        fields.consent = consent::lower(&fields.consent, &contact.consent);
        let (after, mut sets) = self.decide_update(contact, fields, "restored").await?;
        for set in sets.iter_mut().skip(1) {
            set.require(Precondition::Contact(after.id, after.version));
        }
        if let Some(first) = sets.first_mut() {
            first.originate(&format!("reverted {}", origin(update.import_id)));
            first.push(Change::DeleteImportUpdate {
                import_id: update.import_id,
                contact_id: update.contact_id,
            });
        }
        Ok(sets)
    }

    /// Why the contact may not be removed.
    async fn in_use(&self, contact: &Contact) -> Result<Option<&'static str>> {
        if contact.version != 1 {
            return Ok(Some("edited"));
        }
        let query = MessageQuery {
            contact_id: Some(contact.id),
            page: PageRequest {
                limit: 1,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let found = self.0.store().messages(self.0.workspace(), query).await?;
        Ok((!found.items.is_empty()).then_some("has_messages"))
    }

    fn decide_removal(&self, before: &Contact, import: ImportId) -> ChangeSet {
        let stamp = self.0.stamp();
        let after = before.erased(stamp.at);
        let (id, version) = (after.id.0, after.version);
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_contact(before, after).forget_inbound(before);
        // A draft that was deleted is in no list and still has a text.
        set.push(Change::EraseTexts(before.id));
        let mut event = stamp.event(Subject::Contact, id, version, "erased");
        event.reason = Some(format!("reverted {}", origin(import)));
        set.event(event);
        set
    }
}
