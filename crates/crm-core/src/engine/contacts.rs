//! Contacts: write, list, import, erase.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::change::{Change, ChangeSet, Precondition};
use crate::contact::normalise::normalise;
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::message::decide;
use crate::message::history::Subject;
use crate::message::lifecycle::Event;
use crate::message::{Message, Status};
use crate::port::store::{ContactQuery, MessageQuery, Page, PageRequest};

/// Use cases of contacts.
#[derive(Debug, Clone, Copy)]
pub struct Contacts<'a>(pub(super) &'a Session);

/// What an import did, row by row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Data rows read.
    pub rows: u64,
    /// New contacts.
    pub created: u64,
    /// Rows of people who were already there, by external id, e-mail or phone; they are left alone.
    pub skipped: u64,
    /// Rows that could not be taken.
    pub rejected: Vec<RejectedRow>,
}

/// A row that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Line in the file, from 1 (the header).
    pub line: u64,
    /// Why; names the columns, never repeats the values.
    pub reason: String,
}

/// Statuses in which a change of the recipient voids the approval.
const OPEN: [Status; 3] = [Status::Draft, Status::PendingApproval, Status::Approved];

impl Contacts<'_> {
    /// Lists contacts.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, mut query: ContactQuery) -> Result<Page<Contact>> {
        self.0.require(Action::Read)?;
        query.today.get_or_insert_with(|| self.0.engine.today());
        self.0.store().contacts(self.0.workspace(), query).await
    }

    /// One contact.
    ///
    /// # Errors
    /// `NotFound`, also for an erased one.
    pub async fn get(&self, id: ContactId) -> Result<Contact> {
        self.0.require(Action::Read)?;
        let contact = self.0.contact(id).await?;
        if contact.erased {
            Err(Error::not_found("contact"))
        } else {
            Ok(contact)
        }
    }

    /// Saves a new contact.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid`; `Duplicate` e-mail or external id.
    pub async fn create(&self, fields: ContactFields) -> Result<Contact> {
        self.0.require(Action::WriteContacts)?;
        let (contact, set) = self.decide_create(normalise(fields)?);
        self.0.engine.commit_one(set).await?;
        Ok(contact)
    }

    fn decide_create(&self, fields: ContactFields) -> (Contact, ChangeSet) {
        let stamp = self.0.stamp();
        let contact = Contact {
            workspace: self.0.workspace().clone(),
            id: ContactId(stamp.ids.next()),
            version: 1,
            fields,
            erased: false,
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let mut set = ChangeSet::new(contact.workspace.clone());
        set.insert_contact(contact.clone());
        set.event(stamp.event(Subject::Contact, contact.id.0, 1, "created"));
        (contact, set)
    }

    /// Replaces what is known. With `version`, only if it is still the current one. When an address or
    /// a consent changes, approvals of messages that have not left are void.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Invalid`, `Duplicate`, `Conflict`.
    pub async fn update(
        &self,
        id: ContactId,
        version: Option<u64>,
        fields: ContactFields,
    ) -> Result<Contact> {
        self.0.require(Action::WriteContacts)?;
        let fields = normalise(fields)?;
        let before = self.get(id).await?;
        if version.is_some_and(|seen| seen != before.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the contact was changed meanwhile",
            ));
        }
        let stamp = self.0.stamp();
        let mut after = before.clone();
        after.fields = fields;
        after.version += 1;
        after.updated_at = stamp.at;
        let mut sets = Vec::new();
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_contact(&before, after.clone());
        set.event(stamp.event(Subject::Contact, id.0, after.version, "edited"));
        sets.push(set);
        for message in self.open_messages(id).await? {
            let Ok((_, capabilities)) = self.0.engine.channel(&message.channel) else {
                continue;
            };
            let now = after.address(capabilities.address);
            let readdressed = now.is_some_and(|address| address != message.recipient);
            let consent_changed = before.consent != after.consent;
            if !readdressed && !consent_changed {
                continue;
            }
            let reason = if readdressed {
                "address_changed"
            } else {
                "consent_changed"
            };
            let (_, mut set) =
                decide::invalidate(&message, now.map(str::to_owned), reason, &stamp)?;
            set.require(Precondition::Contact(id, after.version));
            sets.push(set);
        }
        let mut results = self.0.engine.commit(sets).await?.into_iter();
        // A message that moved on meanwhile is stopped by the check before delivery.
        results.next().unwrap_or(Ok(()))?;
        Ok(after)
    }

    async fn open_messages(&self, id: ContactId) -> Result<Vec<Message>> {
        let query = MessageQuery {
            contact_id: Some(id),
            statuses: OPEN.to_vec(),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        Ok(self
            .0
            .store()
            .messages(self.0.workspace(), query)
            .await?
            .items)
    }

    /// Erases the person: personal data and all texts go, messages that have not left are cancelled,
    /// the history and its digests stay and still verify.
    ///
    /// # Errors
    /// `Forbidden` for anyone but an admin; `NotFound`.
    pub async fn erase(&self, id: ContactId) -> Result<()> {
        self.0.require(Action::Erase)?;
        let before = self.get(id).await?;
        let stamp = self.0.stamp();
        let mut after = before.clone();
        after.fields = ContactFields {
            name: "erased".to_owned(),
            ..ContactFields::default()
        };
        after.erased = true;
        after.version += 1;
        after.updated_at = stamp.at;
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_contact(&before, after.clone());
        set.event(stamp.event(Subject::Contact, id.0, after.version, "erased"));
        let mut sets = vec![set];
        for message in self.open_messages(id).await? {
            let reason = Some("erased".to_owned());
            sets.push(decide::close(&message, Event::Cancel, reason, &stamp)?.1);
        }
        let mut erase = ChangeSet::new(after.workspace.clone());
        erase.require(Precondition::Contact(id, after.version));
        erase.push(Change::EraseTexts(id));
        sets.push(erase);
        let results = self.0.engine.commit(sets).await?;
        let (mut first, mut last) = (Ok(()), Ok(()));
        let count = results.len();
        for (index, result) in results.into_iter().enumerate() {
            if index == 0 {
                first = result;
            } else if index + 1 == count {
                last = result;
            }
        }
        first.and(last)
    }

    /// Imports a CSV file: UTF-8, separator `,` `;` or tab, first row the names of the columns. Known
    /// columns are the contact's own fields, in English or Russian; others become custom fields. Rows
    /// of people who are already there are skipped; a bad row is rejected and the rest goes on.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` when the file is no such CSV.
    pub async fn import_csv(&self, file: &[u8]) -> Result<ImportReport> {
        self.0.require(Action::WriteContacts)?;
        let mut report = ImportReport::default();
        let mut rows = crate::contact::import::read(file)?;
        loop {
            let chunk: Vec<_> = rows.by_ref().take(1_000).collect();
            if chunk.is_empty() {
                return Ok(report);
            }
            let (mut lines, mut sets) = (Vec::new(), Vec::new());
            for (line, row) in chunk {
                report.rows += 1;
                match row.and_then(normalise) {
                    Ok(fields) => {
                        if self.known_phone(&fields).await? {
                            report.skipped += 1;
                            continue;
                        }
                        lines.push(line);
                        sets.push(self.decide_create(fields).1);
                    }
                    Err(error) => report.reject(line, &error),
                }
            }
            let results = self.0.engine.commit(sets).await?;
            for (line, result) in lines.into_iter().zip(results) {
                match result {
                    Ok(()) => report.created += 1,
                    Err(error) if error.kind() == ErrorKind::Duplicate => report.skipped += 1,
                    Err(error) => report.reject(line, &error),
                }
            }
        }
    }

    /// A row without e-mail and external id is matched by phone; the others by the store's own keys.
    async fn known_phone(&self, fields: &ContactFields) -> Result<bool> {
        if fields.email.is_some() || fields.external_id.is_some() || fields.phone.is_none() {
            return Ok(false);
        }
        let query = ContactQuery {
            phone: fields.phone.clone(),
            page: PageRequest {
                limit: 1,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        Ok(!self
            .0
            .store()
            .contacts(self.0.workspace(), query)
            .await?
            .items
            .is_empty())
    }
}

impl ImportReport {
    fn reject(&mut self, line: u64, error: &Error) {
        self.rejected.push(RejectedRow {
            line,
            reason: error.detail().to_owned(),
        });
    }
}
