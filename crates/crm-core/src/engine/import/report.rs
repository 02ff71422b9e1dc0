//! What an import and its way back say they did.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CHUNK;
use crate::error::Error;
use crate::id::{ContactId, ImportId};
use crate::import::{Detected, LostCell, Row};

/// What an import did, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The import: by it and `rows` it can be taken back.
    pub import_id: ImportId,
    /// What was found out about the file.
    pub detected: Detected,
    /// Data rows read: the sum of the four below.
    pub rows: u64,
    /// New contacts.
    pub created: u64,
    /// Rows of people who were already there and whose contact now says what it should.
    pub updated: u64,
    /// Rows of people who were already there and were left alone. What they do not want to hear is kept all the same.
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
    /// Contacts that say again what they said before.
    pub restored: u64,
    /// Contacts that stay.
    pub kept: u64,
    /// Which ones and why, at most 1,000.
    pub items: Vec<KeptContact>,
}

/// A contact that an import made or changed and that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContact {
    /// The contact.
    pub id: ContactId,
    /// `edited` since, `has_messages`, or `taken` when an e-mail or external id that it had is another contact's now.
    pub reason: String,
}

/// What became of a row that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// A new contact.
    Created,
    /// A contact that was there says what the row says.
    Updated,
    /// A contact that was there was left alone.
    Skipped,
}

impl ImportReport {
    /// One of nothing yet.
    #[must_use]
    pub fn new(import_id: ImportId, detected: Detected) -> Self {
        Self {
            import_id,
            detected,
            rows: 0,
            created: 0,
            updated: 0,
            skipped: 0,
            rejected: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Adds what a further part of the same file did.
    pub fn add(&mut self, part: Self) {
        self.rows += part.rows;
        self.created += part.created;
        self.updated += part.updated;
        self.skipped += part.skipped;
        self.rejected.extend(part.rejected);
        let room = CHUNK.saturating_sub(self.lost.len());
        self.lost.extend(part.lost.into_iter().take(room));
    }

    pub(super) fn count(&mut self, line: u64, outcome: RowOutcome, lost: Vec<LostCell>) {
        match outcome {
            RowOutcome::Created => self.created += 1,
            RowOutcome::Updated => self.updated += 1,
            RowOutcome::Skipped => {
                self.skipped += 1;
                return;
            }
        }
        let room = CHUNK.saturating_sub(self.lost.len());
        let told = lost.into_iter().map(|lost| LostValue::of(line, lost));
        self.lost.extend(told.take(room));
    }

    pub(super) fn reject(&mut self, row: Row, error: &Error) {
        self.rejected.push(RejectedRow::of(row, error));
    }
}

impl LostValue {
    pub(super) fn of(line: u64, lost: LostCell) -> Self {
        Self {
            line,
            column: lost.column,
            reason: lost.reason.to_owned(),
        }
    }
}

impl RejectedRow {
    pub(super) fn of(row: Row, error: &Error) -> Self {
        Self {
            line: row.line,
            cells: row.cells,
            reason: reason(error),
        }
    }
}

/// What is wrong with a row, in words.
pub(super) fn reason(error: &Error) -> String {
    let fields = error.fields().iter();
    let faults: Vec<String> = fields
        .map(|fault| format!("{}: {}", fault.field, fault.message))
        .collect();
    if faults.is_empty() {
        error.detail().to_owned()
    } else {
        faults.join("; ")
    }
}

impl RevertReport {
    pub(super) fn keep(&mut self, id: ContactId, reason: &str) {
        self.kept += 1;
        if self.items.len() < CHUNK {
            self.items.push(KeptContact {
                id,
                reason: reason.to_owned(),
            });
        }
    }
}
