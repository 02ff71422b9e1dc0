//! The intake: what a host asks for by inserting a row into our table, in its own transaction.
//!
//! A host in any language writes its own rows and one row here, and commits both or neither. The worker
//! works the rows off in order, each in one transaction with everything it leads to, so that a crash
//! neither repeats nor loses one. A row needs a key of the host's own: the same key is applied once,
//! however often it is inserted. What cannot be done is kept as rejected, with the reason.
//!
//! [`Order`] says what may be asked for and how. Nothing here approves: a person does, afterwards.

mod merge;
mod order;
mod reader;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Workspace;
use crate::error::{Error, Result};
use crate::id::{ContactId, MessageId};

pub use merge::merge;
pub use order::{Kind, Order, Submission, Withdrawal};

/// Longest key in characters.
pub const LONGEST_KEY: usize = 200;
/// Longest reason in characters.
const LONGEST_REASON: usize = 500;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeState {
    /// Nothing yet.
    Waiting,
    /// It was done.
    Applied,
    /// Another row of the same key was applied before; this one did nothing.
    Duplicate,
    /// It cannot be done; the row says why. Its key may be used again.
    Rejected,
}

impl IntakeState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Waiting,
        Self::Applied,
        Self::Duplicate,
        Self::Rejected,
    ];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A row to be inserted; the store gives it its place.
#[derive(Clone, PartialEq)]
pub struct NewIntake {
    /// Tenant.
    pub workspace: Workspace,
    /// The host's own key, 1 to 200 characters.
    pub key: String,
    /// One of [`Kind`], by name.
    pub kind: String,
    /// A JSON object; see [`Order`].
    pub payload: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl fmt::Debug for NewIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewIntake(..)")
    }
}

impl NewIntake {
    /// Refuses a key that no table takes. The rest is judged when the row is worked off, as for a row
    /// that was inserted by SQL.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid).
    pub fn check(&self) -> Result<()> {
        check_key("key", &self.key)
    }
}

pub(crate) fn check_key(field: &str, key: &str) -> Result<()> {
    let length = key.chars().count();
    if (1..=LONGEST_KEY).contains(&length) && !key.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::field(field, "use 1 to 200 characters on one line"))
}

/// A row as stored.
#[derive(Clone, PartialEq, Serialize)]
pub struct IntakeRow {
    /// Tenant.
    pub workspace: Workspace,
    /// Its place: rows are worked off in this order. Grows, with gaps.
    pub seq: u64,
    /// The host's own key.
    pub key: String,
    /// What the host asks for, as it wrote it.
    pub kind: String,
    /// How. `null` once it is settled: by then its texts and addresses are where erasing a person
    /// reaches them, or nowhere.
    pub payload: Value,
    /// When it was inserted.
    pub created_at: DateTime<Utc>,
    /// What became of it.
    pub state: IntakeState,
    /// Why it was rejected, or which row a duplicate repeats. Never a text or an address.
    pub reason: Option<String>,
    /// The message it made or called off.
    pub message_id: Option<MessageId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for IntakeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IntakeRow({} {:?}", self.seq, self.state)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        f.write_str(")")
    }
}

/// What became of a waiting row; its payload is emptied by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Tenant.
    pub workspace: Workspace,
    /// Which row.
    pub seq: u64,
    /// Anything but waiting.
    pub state: IntakeState,
    /// Why, unless it was applied.
    pub reason: Option<String>,
    /// The message it made or called off.
    pub message_id: Option<MessageId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// When.
    pub settled_at: DateTime<Utc>,
}

/// The id under which the history speaks of the rows of a key.
#[must_use]
pub fn subject_id(workspace: &Workspace, key: &str) -> Uuid {
    crate::id::derived("crm/intake/v1", &[workspace.as_str(), key])
}

/// What an error says to whoever reads the rejected row.
#[must_use]
pub fn reason(error: &Error) -> String {
    let faults: Vec<String> = error
        .fields()
        .iter()
        .map(|fault| format!("{}: {}", fault.field, fault.message))
        .collect();
    let text = if faults.is_empty() {
        error.detail().to_owned()
    } else {
        faults.join("; ")
    };
    text.chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_a_key_is_its_own() {
        let (one, two) = (Workspace::default(), Workspace::new("two").unwrap());
        let id = subject_id(&one, "order-17");
        assert_eq!(id, subject_id(&one, "order-17"));
        assert_ne!(id, subject_id(&one, "order-18"));
        assert_ne!(id, subject_id(&two, "order-17"));
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn a_reason_is_short_and_names_every_field() {
        let fields = ["a", "b"].map(|field| crate::FieldError {
            field: field.to_owned(),
            message: "is wrong".to_owned(),
        });
        let error = Error::fields_invalid(fields.to_vec());
        assert_eq!(reason(&error), "a: is wrong; b: is wrong");
        let long = Error::new(crate::ErrorKind::Invalid, "д".repeat(900));
        assert_eq!(reason(&long).chars().count(), 500);
    }

    #[test]
    fn a_row_does_not_show_its_payload() {
        let new = NewIntake {
            workspace: Workspace::default(),
            key: "anna@example.org".to_owned(),
            kind: "submit".to_owned(),
            payload: serde_json::json!({"content": "secret"}),
            created_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(format!("{new:?}"), "NewIntake(..)");
        assert!(new.check().is_ok());
        for key in ["", "a\nb", &"x".repeat(201)] {
            let key = key.to_owned();
            assert!(NewIntake { key, ..new.clone() }.check().is_err());
        }
    }
}
