//! Imports of contacts: a file in, a report out, and the way back.
//!
//! The id of each contact follows from the import's id and the row's number. So an import can be taken
//! back by its id alone, also one that was killed half way and left no list of what it made.

use std::fmt;
use std::io::Cursor;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::contacts::Contacts;
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::consent::{self, Consent, ConsentStatus, Topic, Why};
use crate::contact::normalise::normalise;
use crate::contact::{AddressKind, Contact, ContactFields};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ContactId, ImportId};
use crate::import::{Detected, LostCell, Options, Row, Rows, inspect};
use crate::message::digest::Encoder;
use crate::message::history::Subject;
use crate::port::store::{ContactQuery, MessageQuery, PageRequest};

/// Rows that are written together.
const CHUNK: usize = 1_000;

/// What an import did, row by row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// What was found out about the file.
    pub detected: Detected,
    /// Data rows read.
    pub rows: u64,
    /// New contacts.
    pub created: u64,
    /// Rows of people who were already there, by external id, e-mail or phone; they are left alone.
    pub skipped: u64,
    /// Rows that could not be taken.
    pub rejected: Vec<RejectedRow>,
    /// Cells of rows that were taken that say nothing usable, at most 1,000.
    pub lost: Vec<LostValue>,
}

/// A cell that says nothing usable, in a row that was taken without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostValue {
    /// Line of the row in the file.
    pub line: u64,
    /// The name of the column.
    pub column: String,
    /// Why; never repeats the value.
    pub reason: String,
}

/// A row that could not be taken.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Line in the file, from 1 (the header).
    pub line: u64,
    /// The cells as they stand in the file.
    pub cells: Vec<String>,
    /// Why; names the columns, never repeats the values.
    pub reason: String,
}

// The cells are personal data.
impl fmt::Debug for RejectedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RejectedRow(line {}: {})", self.line, self.reason)
    }
}

/// What taking an import back did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertReport {
    /// Contacts that were removed.
    pub removed: u64,
    /// Contacts that stay.
    pub kept: u64,
    /// Which ones and why, at most 1,000.
    pub items: Vec<KeptContact>,
}

/// A contact that an import made and that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContact {
    /// The contact.
    pub id: ContactId,
    /// `edited` since, or `has_messages`.
    pub reason: String,
}

impl Contacts<'_> {
    /// Looks at a file and imports it under a new id. See [`import`](Self::import).
    ///
    /// # Errors
    /// As [`inspect`] and [`import`](Self::import).
    pub async fn import_file(&self, file: &[u8], options: &Options) -> Result<ImportReport> {
        let found = inspect(&mut Cursor::new(file), options)?;
        let id = ImportId(self.0.engine.ids().next());
        self.import(id, file, &found).await
    }

    /// Imports a file as it was found to be by [`inspect`]. Rows of people who are already there are skipped; a bad row
    /// is rejected and the rest goes on. Who did not want to be written to stays so: columns that say it become opt-outs,
    /// those that tell of returned mail suppressions.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` when the file is another one; as the store.
    pub async fn import(
        &self,
        id: ImportId,
        file: &[u8],
        found: &Detected,
    ) -> Result<ImportReport> {
        self.0.require(Action::WriteContacts)?;
        let mut rows = Rows::new(Cursor::new(file), found)?;
        let mut report = ImportReport {
            detected: found.clone(),
            ..ImportReport::default()
        };
        loop {
            let chunk = rows.by_ref().take(CHUNK).collect::<Result<Vec<Row>>>()?;
            if chunk.is_empty() {
                return Ok(report);
            }
            let (mut sent, mut sets) = (Vec::new(), Vec::new());
            for mut row in chunk {
                let contact = row_id(id, report.rows);
                report.rows += 1;
                match self.decide_row(id, contact, &mut row).await {
                    Ok(Some(set)) => {
                        sent.push(row);
                        sets.push(set);
                    }
                    Ok(None) => report.skipped += 1,
                    Err(error) if error.kind() == ErrorKind::Invalid => report.reject(row, &error),
                    Err(error) => return Err(error),
                }
            }
            let results = self.0.engine.commit(sets).await?;
            for (row, result) in sent.into_iter().zip(results) {
                match result {
                    Ok(()) => report.create(row),
                    Err(error) if error.kind() == ErrorKind::Duplicate => report.skipped += 1,
                    Err(error) => report.reject(row, &error),
                }
            }
        }
    }

    /// What a row writes; nothing when the person is already there.
    async fn decide_row(
        &self,
        import: ImportId,
        id: ContactId,
        row: &mut Row,
    ) -> Result<Option<ChangeSet>> {
        let person = match &mut row.person {
            Ok(person) => person,
            Err(error) => return Err(error.clone()),
        };
        let mut fields = normalise(std::mem::take(&mut person.fields))?;
        if self.known_phone(&fields).await? {
            return Ok(None);
        }
        let opted_out = self.opt_outs(&person.opted_out);
        fields.consent = consent::lower(&fields.consent, &opted_out);
        let bounced = fields.email.clone().filter(|_| person.bounced);
        let (_, mut set) = self.decide_create(id, fields, Some(origin(import)));
        if let Some(address) = bounced {
            self.suppress(&mut set, &address).await?;
        }
        Ok(Some(set))
    }

    /// Puts an e-mail address that mail came back from on the list.
    async fn suppress(&self, set: &mut ChangeSet, address: &str) -> Result<()> {
        let (engine, stamp) = (&self.0.engine, self.0.stamp());
        for channel in self.channels(AddressKind::Email) {
            let known = engine
                .suppression(self.0.workspace(), &channel, address)
                .await?;
            let place = (channel.as_str(), address);
            consent::suppress(set, place, Why::Code("dead"), known.as_ref(), None, &stamp);
        }
        Ok(())
    }

    /// The channels that use addresses of this kind; one of the usual name where none is set up.
    fn channels(&self, kind: AddressKind) -> Vec<String> {
        let channels = self.0.engine.channels().iter();
        let of_kind = channels.filter(|(_, channel)| channel.capabilities().address == kind);
        let mut names: Vec<String> = of_kind.map(|(name, _)| name.clone()).collect();
        let usual = match kind {
            AddressKind::Email => "email",
            AddressKind::Phone => "sms",
            AddressKind::Telegram => "telegram",
            AddressKind::Whatsapp => "whatsapp",
            AddressKind::ExternalId => return names,
        };
        if names.is_empty() {
            names.push(usual.to_owned());
        }
        names
    }

    /// The word of somebody who does not want to be written to under addresses of these kinds.
    fn opt_outs(&self, kinds: &[AddressKind]) -> Vec<Consent> {
        let at = self.0.stamp().at;
        let names = kinds.iter().flat_map(|kind| self.channels(*kind));
        let opt_out = |channel| Consent {
            channel,
            topic: Topic::Relationship,
            status: ConsentStatus::OptedOut,
            evidence: Some("import".to_owned()),
            at,
        };
        names.map(opt_out).collect()
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
        let found = self.0.store().contacts(self.0.workspace(), query).await?;
        Ok(!found.items.is_empty())
    }

    /// Takes an import of `rows` rows back: removes the contacts it made, as if they had been erased,
    /// unless somebody edited them or wrote to them since. Again, it removes what has become free.
    ///
    /// # Errors
    /// `Forbidden`; as the store.
    pub async fn revert_import(&self, id: ImportId, rows: u64) -> Result<RevertReport> {
        self.0.require(Action::WriteContacts)?;
        let mut report = RevertReport::default();
        let mut from = 0;
        while from < rows {
            let to = rows.min(from + CHUNK as u64);
            let query = ContactQuery {
                ids: (from..to).map(|number| row_id(id, number)).collect(),
                page: PageRequest {
                    limit: CHUNK as u32,
                    ..PageRequest::default()
                },
                ..ContactQuery::default()
            };
            let found = self.0.store().contacts(self.0.workspace(), query).await?;
            let (mut ids, mut sets) = (Vec::new(), Vec::new());
            for contact in found.items.into_iter().filter(|contact| !contact.erased) {
                match self.in_use(&contact).await? {
                    Some(reason) => report.keep(contact.id, reason),
                    None => {
                        ids.push(contact.id);
                        sets.push(self.decide_revert(&contact, id));
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

    fn decide_revert(&self, before: &Contact, import: ImportId) -> ChangeSet {
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

/// How the history names the import.
fn origin(id: ImportId) -> String {
    format!("import {id}")
}

/// The id of the contact made from a row: the import's instant, the number of the row, and enough of
/// a hash to be unique. A UUID of version 7, so that lists keep the order of the file.
fn row_id(import: ImportId, row: u64) -> ContactId {
    let mut encoder = Encoder::new("crm/import/v1");
    let hash = encoder.bytes(import.0.as_bytes()).number(row).finish().0;
    // 48 bits instant, 4 version, 32 row (two of the bits between are the variant), 42 hash.
    let instant = import.0.as_u128() >> 80 << 80;
    let row = u128::from(row & 0xffff_ffff);
    let hash = u128::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
    let bits =
        instant | 7 << 76 | row >> 20 << 64 | 0b10 << 62 | (row & 0xf_ffff) << 42 | hash >> 86;
    ContactId(Uuid::from_u128(bits))
}

impl ImportReport {
    fn create(&mut self, row: Row) {
        self.created += 1;
        let lost = row.person.map(|person| person.lost).unwrap_or_default();
        let room = CHUNK.saturating_sub(self.lost.len());
        let told = |LostCell { column, reason }| LostValue {
            line: row.line,
            column,
            reason: reason.to_owned(),
        };
        self.lost.extend(lost.into_iter().take(room).map(told));
    }

    fn reject(&mut self, row: Row, error: &Error) {
        let faults: Vec<String> = error
            .fields()
            .iter()
            .map(|fault| format!("{}: {}", fault.field, fault.message))
            .collect();
        let reason = if faults.is_empty() {
            error.detail().to_owned()
        } else {
            faults.join("; ")
        };
        self.rejected.push(RejectedRow {
            line: row.line,
            cells: row.cells,
            reason,
        });
    }
}

impl RevertReport {
    fn keep(&mut self, id: ContactId, reason: &str) {
        self.kept += 1;
        if self.items.len() < CHUNK {
            self.items.push(KeptContact {
                id,
                reason: reason.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_rows_are_ordered_and_differ_between_imports() {
        let import = |text: &str| ImportId(text.parse().unwrap());
        let a = import("01932b00-0000-7000-8000-000000000001");
        let b = import("01932b00-0000-7000-8000-000000000002");
        let mut last = row_id(a, 0);
        for row in (1..3_000).chain([1 << 20, (1 << 20) + 1, u64::from(u32::MAX)]) {
            let id = row_id(a, row);
            assert!(id > last, "{row}");
            assert_ne!(id, row_id(b, row));
            assert_eq!(id, row_id(a, row));
            assert_eq!(id.0.get_version_num(), 7);
            assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
            last = id;
        }
    }
}
