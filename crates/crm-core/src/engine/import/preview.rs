//! What an import would do, without doing it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

use super::chunk::{Planned, Taken};
use super::report::{RejectedRow, RowOutcome, reason};
use super::typed_columns::{TypedColumn, TypedColumns};
use super::{CHUNK, Contacts, LostValue, Reading, read_row};
use crate::actor::Action;
use crate::contact::{ContactFields, changed_fields};
use crate::error::Result;
use crate::id::ImportId;
use crate::import::{Detected, Duplicates, Row, Rows};

/// Most samples of each kind.
const SAMPLES: usize = 10;
/// Most keys that are remembered to know people again who stand in a file twice, far apart.
const MOST_KEYS: usize = 2_000_000;

/// What an import would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportPreview {
    /// What was found out about the file.
    pub detected: Detected,
    /// Data rows read: the sum of the four below.
    pub rows: u64,
    /// Rows that would be new contacts.
    pub created: u64,
    /// Rows of people who are already there and whose contact would say what it should.
    pub updated: u64,
    /// Rows of people who are already there and would be left alone.
    pub skipped: u64,
    /// Rows that could not be taken.
    pub rejected: u64,
    /// Whether the counts are exact. In a file of more than about a million rows, people who stand in it twice may be
    /// counted as new.
    pub exact: bool,
    /// The first ten rows of each kind that would be taken.
    pub samples: Vec<ImportSample>,
    /// The first ten rows that could not be taken.
    pub rejects: Vec<RejectedRow>,
    /// Cells of rows that would be taken that say nothing usable, at most 1,000.
    pub lost: Vec<LostValue>,
    /// The columns that fill custom fields with a type, and what in them could not be taken.
    #[serde(default)]
    pub fields: Vec<TypedColumn>,
}

/// What would become of one row.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportSample {
    /// Its line in the file.
    pub line: u64,
    /// What would become of it.
    pub outcome: RowOutcome,
    /// The contact as it would be.
    pub contact: ContactFields,
    /// The names of the fields that would change; nothing for a new contact.
    pub changed: Vec<String>,
}

// Contacts are personal data.
impl fmt::Debug for ImportSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportSample(line {}: {:?})", self.line, self.outcome)
    }
}

impl Contacts<'_> {
    /// What [`import`](Self::import) would do with this file now. Nothing is written.
    ///
    /// # Errors
    /// As [`import`](Self::import).
    pub async fn preview_import<R: Read + Seek>(
        &self,
        file: R,
        found: &Detected,
        duplicates: Duplicates,
    ) -> Result<ImportPreview> {
        self.0.require(Action::WriteContacts)?;
        // No contact has an id that follows from this one.
        let id = ImportId(uuid::Uuid::nil());
        let mut rows = Rows::new(file, found)?;
        let mut preview = ImportPreview {
            detected: found.clone(),
            exact: true,
            ..ImportPreview::default()
        };
        let definitions = self.0.engine.definitions(self.0.workspace()).await?;
        let orders = found.orders();
        let reading = Reading {
            import: id,
            region: found.region,
            orders: &orders,
            definitions: &definitions,
        };
        let mut columns = TypedColumns::of(found, &definitions)?;
        let mut seen = Seen::default();
        loop {
            let (mut taken, mut lines) = (Vec::new(), Vec::new());
            let before = preview.rows;
            for row in rows.by_ref().take(CHUNK) {
                let row = row?;
                match read_row(preview.rows, &row, &reading) {
                    Ok(one) => {
                        taken.push(one);
                        lines.push(row);
                    }
                    Err(error) => {
                        columns.see(&row, &error);
                        preview.reject(row, &error);
                    }
                }
                preview.rows += 1;
            }
            if preview.rows == before {
                preview.exact = !seen.is_full();
                preview.fields = columns.finish();
                return Ok(preview);
            }
            self.hear(&mut taken);
            let part = self.plan_part(&taken, duplicates).await?;
            let mut lines: Vec<Option<Row>> = lines.into_iter().map(Some).collect();
            for (place, error) in part.refused {
                if let Some(row) = lines.get_mut(place).and_then(Option::take) {
                    preview.reject(row, &error);
                }
            }
            for planned in part.contacts {
                let again = planned.before.is_none() && seen.meets(&planned.fields, duplicates);
                preview.take(&planned, again.then_some(duplicates), &mut taken, &lines);
            }
        }
    }
}

impl ImportPreview {
    /// Counts the rows of a contact; `again` when a row before them made it already.
    fn take(
        &mut self,
        planned: &Planned,
        again: Option<Duplicates>,
        taken: &mut [Taken],
        lines: &[Option<Row>],
    ) {
        for (place, outcome) in &planned.rows {
            let Some(Some(row)) = lines.get(*place) else {
                continue;
            };
            let outcome = match (again, outcome) {
                (Some(Duplicates::Create), RowOutcome::Created) => {
                    let error = super::chunk::taken();
                    self.rejected += 1;
                    if self.rejects.len() < SAMPLES {
                        self.rejects.push(RejectedRow {
                            line: row.line,
                            cells: row.cells.clone(),
                            reason: reason(&error),
                        });
                    }
                    continue;
                }
                (Some(Duplicates::Skip), RowOutcome::Created) => RowOutcome::Skipped,
                (Some(_), RowOutcome::Created) => RowOutcome::Updated,
                (_, outcome) => *outcome,
            };
            let count = match outcome {
                RowOutcome::Created => &mut self.created,
                RowOutcome::Updated => &mut self.updated,
                RowOutcome::Skipped => &mut self.skipped,
            };
            *count += 1;
            if *count <= SAMPLES as u64 {
                let before = planned.before.as_ref();
                let changed = before.map(|before| changed_fields(&before.fields, &planned.fields));
                self.samples.push(ImportSample {
                    line: row.line,
                    outcome,
                    contact: planned.fields.clone(),
                    changed: changed.unwrap_or_default(),
                });
            }
            if outcome != RowOutcome::Skipped
                && let Some(taken) = taken.get_mut(*place)
            {
                for lost in std::mem::take(&mut taken.person.lost) {
                    if self.lost.len() < CHUNK {
                        self.lost.push(LostValue::of(row.line, lost));
                    }
                }
            }
        }
    }

    fn reject(&mut self, row: Row, error: &crate::error::Error) {
        self.rejected += 1;
        if self.rejects.len() < SAMPLES {
            self.rejects.push(RejectedRow::of(row, error));
        }
    }
}

/// The keys of people who would be new, as hashes: a file may hold millions.
#[derive(Default)]
struct Seen {
    alone: HashMap<u64, ()>,
    /// By phone: what else is known of those who have it.
    shared: HashMap<u64, Vec<[Option<u64>; 2]>>,
}

impl Seen {
    fn is_full(&self) -> bool {
        self.alone.len() + self.shared.len() >= MOST_KEYS
    }

    /// Whether a row before this one is about the same person; remembers this one.
    fn meets(&mut self, fields: &ContactFields, how: Duplicates) -> bool {
        let external = fields
            .external_id
            .as_ref()
            .map(|id| hash("external_id", id));
        let email = fields.email.as_ref().map(|email| hash("email", email));
        let phone = fields.phone.as_ref().map(|phone| hash("phone", phone));
        let keys = [external, email];
        let alone = keys
            .iter()
            .flatten()
            .any(|key| self.alone.contains_key(key));
        let differ = |a: Option<u64>, b: Option<u64>| a.is_some() && b.is_some() && a != b;
        let sharing = phone.and_then(|phone| self.shared.get(&phone));
        let by_phone = how != Duplicates::Create
            && sharing.is_some_and(|people| {
                people
                    .iter()
                    .any(|known| !differ(known[0], external) && !differ(known[1], email))
            });
        if alone || by_phone {
            return true;
        }
        if !self.is_full() {
            self.alone
                .extend(keys.into_iter().flatten().map(|key| (key, ())));
            if let Some(phone) = phone {
                let people = self.shared.entry(phone).or_default();
                if people.len() < 10 {
                    people.push(keys);
                }
            }
        }
        false
    }
}

fn hash(kind: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, text).hash(&mut hasher);
    hasher.finish()
}
