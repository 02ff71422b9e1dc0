//! Imports of contacts: a file in, a report out, and the way back.
//!
//! The id of each contact follows from the import's id and the row's number. So an import can be taken back by its id
//! alone, and one that was cut off goes on where it was without a row being taken twice, though nobody keeps a list.

mod ahead;
mod chunk;
mod preview;
mod report;
mod revert;
mod typed_columns;

use std::fmt;
use std::io::{Cursor, Read, Seek};

use uuid::Uuid;

use super::contacts::Contacts;
use crate::actor::Action;
use crate::change::{Change, ChangeSet, Precondition};
use crate::consent::{self, Consent, ConsentStatus, Topic, Why};
use crate::contact::definition::Definitions;
use crate::contact::normalise::{Region, Rules as Normal, normalise_by};
use crate::contact::{AddressKind, Contact};
use crate::error::{ErrorKind, Result};
use crate::id::{ContactId, ImportId};
use crate::import::{
    Detected, Duplicates, ImportUpdate, Options, Orders, Row, Rows, inspect_for, typed,
};
use crate::message::digest::Encoder;

use ahead::{Ahead, beside};
use chunk::{Part, Planned, Taken};
pub use preview::{ImportPreview, ImportSample};
pub use report::{ImportReport, KeptContact, LostValue, RejectedRow, RevertReport, RowOutcome};
pub use typed_columns::TypedColumn;

/// Rows that are written together.
const CHUNK: usize = 1_000;
/// How often a part is decided anew because somebody changed the same contacts at the same time.
const TRIES: usize = 4;

/// An import under way: a part of at most 1,000 rows with each step.
pub struct Import<'a, R> {
    contacts: Contacts<'a>,
    id: ImportId,
    how: Duplicates,
    region: Region,
    orders: Orders,
    rows: Rows<R>,
    /// How many rows were read.
    read: u64,
    /// Those of them that are still to be taken.
    ahead: Option<Ahead>,
    /// How many rows are behind it.
    done: u64,
}

impl<R> fmt::Debug for Import<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Import({}, {} rows)", self.id, self.done)
    }
}

/// What cells are read by, besides what was found out about the file.
struct Reading<'a> {
    import: ImportId,
    region: Region,
    orders: &'a Orders,
    definitions: &'a Definitions,
}

impl Contacts<'_> {
    /// Looks at a file of contacts, which stays as it is: as [`inspect`](crate::import::inspect) does, and columns that
    /// fill a custom field of dates are looked through for the order of their parts.
    ///
    /// # Errors
    /// `Forbidden`; as [`inspect`](crate::import::inspect) and the store.
    pub async fn inspect(
        &self,
        file: &mut (impl Read + Seek),
        options: &Options,
    ) -> Result<Detected> {
        self.0.require(Action::WriteContacts)?;
        let definitions = self.0.engine.definitions(self.0.workspace()).await?;
        inspect_for(file, options, &definitions)
    }

    /// Looks at a file and imports it under a new id. See [`import`](Self::import).
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect) and [`Import::step`].
    pub async fn import_file(&self, file: &[u8], options: &Options) -> Result<ImportReport> {
        let found = self.inspect(&mut Cursor::new(file), options).await?;
        let id = ImportId(self.0.engine.ids().next());
        let mut import = self.import(id, Cursor::new(file), &found, options.duplicates)?;
        let mut report = ImportReport::new(id, found);
        while let Some(part) = import.step().await? {
            report.add(part);
        }
        Ok(report)
    }

    /// Begins to import a file as it was found to be by [`inspect`](Self::inspect). A bad row is rejected and the rest goes on. Who did
    /// not want to be written to stays so: columns that say it become opt-outs, those that tell of returned mail
    /// suppressions, also for people who are otherwise left alone.
    ///
    /// An import that was cut off goes on when it is begun again with the same id, file and choices, from the first row
    /// or, by [`Import::skip`], behind those that a report counts. The contacts are then those of an import that was not.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` when the file is another one than was looked at; `Unavailable` when it cannot be read.
    pub fn import<R: Read + Seek>(
        &self,
        id: ImportId,
        file: R,
        found: &Detected,
        duplicates: Duplicates,
    ) -> Result<Import<'_, R>> {
        self.0.require(Action::WriteContacts)?;
        Ok(Import {
            contacts: *self,
            id,
            how: duplicates,
            region: found.region,
            orders: found.orders(),
            rows: Rows::new(file, found)?,
            read: 0,
            ahead: None,
            done: 0,
        })
    }
}

impl<R: Read + Seek> Import<'_, R> {
    /// Leaves out rows that were counted before.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub fn skip(&mut self, rows: u64) -> Result<()> {
        if let Some(ahead) = &mut self.ahead {
            ahead.rows.retain(|read| read.number >= rows);
        }
        // What is left of it may be nothing, which is no end of the file.
        self.ahead
            .take_if(|ahead| ahead.rows.is_empty() && ahead.failed.is_none());
        while self.read < rows {
            match self.rows.next() {
                Some(row) => row?,
                None => break,
            };
            self.read += 1;
        }
        self.done = self.done.max(rows.min(self.read));
        Ok(())
    }

    /// Takes the next part of the file, at most 1,000 rows; what it did, or nothing behind the last row.
    ///
    /// # Errors
    /// As the store, `Unavailable` when the file cannot be read. The part may then have been taken or not; beginning the
    /// import again goes on.
    pub async fn step(&mut self) -> Result<Option<ImportReport>> {
        let mut report = ImportReport::new(self.id, Detected::default());
        let session = self.contacts.0;
        let definitions = session.engine.definitions(session.workspace()).await?;
        let part = self.next_part(&definitions);
        if let Some(error) = part.failed {
            return Err(error);
        }
        let (mut taken, mut rows) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
        for read in part.rows {
            report.rows += 1;
            match read.taken {
                Ok(one) => {
                    taken.push(one);
                    rows.push(Some(read.row));
                }
                Err(error) => report.reject(read.row, &error),
            }
        }
        if report.rows == 0 {
            return Ok(None);
        }
        self.take(taken, rows, &definitions, &mut report).await?;
        report.rejected.sort_by_key(|row| row.line);
        self.done += report.rows;
        Ok(Some(report))
    }

    /// Writes rows that can be taken, and again those of contacts that somebody changed meanwhile. Reads ahead, by these
    /// definitions, while the store writes.
    async fn take(
        &mut self,
        mut taken: Vec<Taken>,
        mut rows: Vec<Option<Row>>,
        definitions: &Definitions,
        report: &mut ImportReport,
    ) -> Result<()> {
        let (contacts, id) = (self.contacts, self.id);
        contacts.hear(&mut taken);
        for attempt in 0..TRIES {
            let part = contacts.plan_part(&taken, self.how).await?;
            for (place, error) in part.refused {
                if let Some(row) = rows.get_mut(place).and_then(Option::take) {
                    report.reject(row, &error);
                }
            }
            let mut left = Vec::new();
            let meanwhile = || {
                if self.ahead.is_none() {
                    self.ahead = Some(self.read(definitions));
                }
            };
            for (planned, result) in contacts.write(id, part.contacts, meanwhile).await? {
                for (place, outcome) in planned.rows {
                    let row = rows.get_mut(place);
                    match &result {
                        Ok(()) => {
                            let lost = taken
                                .get_mut(place)
                                .map(|row| std::mem::take(&mut row.person.lost));
                            if let Some(row) = row.and_then(Option::take) {
                                report.count(row.line, outcome, lost.unwrap_or_default());
                            }
                        }
                        Err(error) if may_fit_later(error.kind()) && attempt + 1 < TRIES => {
                            left.push(place);
                        }
                        Err(error) => {
                            if let Some(row) = row.and_then(Option::take) {
                                report.reject(row, error);
                            }
                        }
                    }
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            left.sort_unstable();
            (taken, rows) = taken
                .into_iter()
                .zip(rows)
                .enumerate()
                .filter(|(place, _)| left.binary_search(place).is_ok())
                .map(|(_, pair)| pair)
                .unzip();
        }
        Ok(())
    }
}

/// What a row says, normalised.
fn read_row(number: u64, row: &Row, reading: &Reading<'_>) -> Result<Taken> {
    let mut person = row.person.clone()?;
    let mut fields = std::mem::take(&mut person.fields);
    typed(
        &mut fields.custom_fields,
        reading.definitions,
        reading.orders,
    );
    let rules = Normal {
        region: reading.region,
        definitions: Some(reading.definitions),
        kept: None,
    };
    Ok(Taken {
        id: row_id(reading.import, number),
        fields: normalise_by(fields, &rules)?,
        opt_outs: Vec::new(),
        person,
    })
}

/// Whether deciding anew may help: the contact was changed, or one with its keys came, between the look and the commit.
pub(super) const fn may_fit_later(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Conflict | ErrorKind::Duplicate | ErrorKind::NotFound
    )
}

impl Contacts<'_> {
    /// What rows mean for the contacts there are.
    async fn plan_part(&self, rows: &[Taken], how: Duplicates) -> Result<Part> {
        let known = self.known(chunk::keys(rows)).await?;
        Ok(chunk::plan(rows, known, how))
    }

    /// Writes contacts, and does something else meanwhile; each with how that went.
    async fn write(
        &self,
        import: ImportId,
        mut planned: Vec<Planned>,
        meanwhile: impl FnOnce(),
    ) -> Result<Vec<(Planned, Result<()>)>> {
        let mut sets = Vec::with_capacity(planned.len());
        let mut places = Vec::with_capacity(planned.len());
        for one in &mut planned {
            let is_new = one.is_new();
            places.push(is_new.then_some(sets.len()));
            if is_new {
                self.decide_planned(import, one, &mut sets).await?;
            }
        }
        let results = beside(self.0.engine.commit(sets), meanwhile).await?;
        let result = |place: Option<usize>| {
            let result = place.and_then(|place| results.get(place).cloned());
            result.unwrap_or(Ok(()))
        };
        Ok(planned
            .into_iter()
            .zip(places)
            .map(|(one, place)| (one, result(place)))
            .collect())
    }

    /// What one contact writes: itself first, then messages whose approval is void by it. Of a new one the fields are
    /// taken.
    async fn decide_planned(
        &self,
        import: ImportId,
        one: &mut Planned,
        sets: &mut Vec<ChangeSet>,
    ) -> Result<()> {
        let first = sets.len();
        match &one.before {
            None => {
                let fields = std::mem::take(&mut one.fields);
                sets.push(self.decide_new(one.id, fields, Some(origin(import))));
            }
            Some(before) if before.fields == one.fields => {
                sets.push(ChangeSet::new(self.0.workspace().clone()));
            }
            Some(before) => sets.extend(self.decide_change(import, before, one).await?),
        }
        if let Some(first) = sets.get_mut(first) {
            for address in &one.bounced {
                self.suppress(first, address).await?;
            }
        }
        Ok(())
    }

    async fn decide_change(
        &self,
        import: ImportId,
        before: &Contact,
        one: &Planned,
    ) -> Result<Vec<ChangeSet>> {
        let (after, mut sets) = self
            .decide_update(before, one.fields.clone(), "imported")
            .await?;
        for set in sets.iter_mut().skip(1) {
            set.require(Precondition::Contact(after.id, after.version));
        }
        if let Some(first) = sets.first_mut() {
            first.originate(&origin(import));
            first.push(Change::PutImportUpdate(Box::new(ImportUpdate {
                workspace: after.workspace,
                import_id: import,
                contact_id: after.id,
                version: after.version,
                before: before.fields.clone(),
            })));
        }
        Ok(sets)
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
