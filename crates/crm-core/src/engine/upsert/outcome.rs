//! What becomes of each row of an upsert.

use serde::{Deserialize, Serialize};

use crate::contact::PatchMode;
use crate::error::{Error, FieldError};
use crate::id::ContactId;

/// How [`Contacts::upsert`](crate::engine::Contacts::upsert) takes its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpsertOptions {
    /// What becomes of fields that a row does not name; they stay unless this says otherwise.
    pub mode: PatchMode,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upserted {
    /// A new contact.
    Created,
    /// A contact that was there says what the row says.
    Updated,
    /// A contact that was there says so already.
    Unchanged,
    /// Nothing was written for this row.
    Refused,
}

impl Upserted {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Unchanged, Self::Refused];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// What became of one row of an upsert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpsertOutcome {
    /// What became of it.
    pub outcome: Upserted,
    /// The contact that the row is about; none for a refused row of nobody who is there.
    pub id: Option<ContactId>,
    /// The names of the fields that changed, as `email` or `custom_fields.level`; only of an updated one.
    pub changed: Vec<String>,
    /// A stable code for programs, only of a refused row: `invalid`, `duplicate` when another contact has what only one
    /// may have, `conflict` when others changed the contact all the while, so that the row may be given again.
    pub code: Option<String>,
    /// Why it was refused, in words; only of a refused row. Never repeats a value.
    pub reason: Option<String>,
    /// The fields that are refused, each with why.
    pub errors: Vec<FieldError>,
}

impl UpsertOutcome {
    pub(super) fn taken(outcome: Upserted, id: ContactId, changed: Vec<String>) -> Self {
        Self {
            outcome,
            id: Some(id),
            changed,
            code: None,
            reason: None,
            errors: Vec::new(),
        }
    }

    pub(super) fn refused(id: Option<ContactId>, error: &Error) -> Self {
        Self {
            outcome: Upserted::Refused,
            id,
            changed: Vec::new(),
            code: Some(error.kind().code().to_owned()),
            reason: Some(error.detail().to_owned()),
            errors: error.fields().to_vec(),
        }
    }
}
