//! Audiences: filter expressions over contacts, evaluated the same way by memory and by every store.

pub mod evaluate;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An expression over one contact. The empty `and` is everybody.
///
/// As JSON:
/// ```
/// use crm_core::audience::Audience;
///
/// let wanted: Audience = serde_json::from_str(
///     r#"{"and": [{"segment": "VIP"}, {"not": {"tag": "gold"}}, {"birthday_within": 7}]}"#,
/// )?;
/// wanted.validate()?;
/// assert!(serde_json::from_str::<Audience>(r#"{"segmnt": "VIP"}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Audience {
    /// All of them hold.
    And(Vec<Audience>),
    /// One of them holds.
    Or(Vec<Audience>),
    /// It does not hold.
    Not(Box<Audience>),
    /// The segment is this one.
    Segment(String),
    /// Has this tag.
    Tag(String),
    /// The language is this one or a variant of it (`uz` also matches `uz-Cyrl`).
    Language(String),
    /// The birthday is at most this many days ahead of today (0: today), in the workspace's date.
    BirthdayWithin(u32),
    /// The birthday is in this month, 1 to 12.
    BirthdayMonth(u32),
    /// A custom field equals this value.
    CustomField {
        /// The field.
        name: String,
        /// The value: string, number or boolean.
        equals: Value,
    },
    /// The contact has this id.
    Contact(crate::id::ContactId),
}

impl Audience {
    /// Everybody.
    #[must_use]
    pub const fn everybody() -> Self {
        Self::And(Vec::new())
    }
}
