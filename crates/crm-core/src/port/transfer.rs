//! Rows on their way from one SQL store to another: what a column's values mean, whatever a database calls
//! its types.
//!
//! A move copies the tables of [`schema::TABLES`](super::schema::TABLES) in that order, in batches. Nothing
//! is decided on the way: no rule of the engine runs, and history arrives with the places it had.

use std::fmt;

use uuid::Uuid;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers and texts, as every database has them.
    Plain,
    /// Yes or no.
    Bool,
    /// Ids.
    Id,
    /// Digests, salts and hashes.
    Bytes,
    /// Instants.
    Instant,
    /// JSON.
    Json,
}

/// What the values of the column are. A name means the same in every table.
#[must_use]
pub fn kind(column: &str) -> Kind {
    match column {
        "erased" | "is_active" | "test_mode" | "planned" | "deleted" | "dead" | "repeats"
        | "held" | "batch" | "doubled" => Kind::Bool,
        "id" | "contact" | "import" | "campaign" | "message" | "plan_cursor" | "subject_id"
        | "draft_batch" | "merged_into" | "written_for" => Kind::Id,
        "digest" | "salt" | "prev_hash" | "hash" | "reason_salt" | "reason_digest" => Kind::Bytes,
        "tags" | "custom_fields" | "preferred_channels" | "consent" | "fields" | "metadata"
        | "findings" | "payload" | "audience" => Kind::Json,
        "last_interaction_date"
        | "created_at"
        | "updated_at"
        | "next_run_at"
        | "send_at"
        | "approved_at"
        | "scheduled_for"
        | "expires_at"
        | "not_before"
        | "queued_at"
        | "lease_until"
        | "sent_at"
        | "decided_at"
        | "started_at"
        | "finished_at"
        | "at"
        | "settled_at"
        | "received_at"
        | "failing_since"
        | "waiting_since"
        | "disabled_at"
        | "due_at"
        | "submitted_at"
        | "closed_at" => Kind::Instant,
        _ => Kind::Plain,
    }
}

/// One value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// An id.
    Id(Uuid),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An instant, in microseconds since 1970.
    Instant(i64),
    /// JSON, as text.
    Json(String),
}

/// Never shows what it is: values are texts and addresses.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

impl Value {
    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Json(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 16,
        }
    }
}

/// Some rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The table, by its place in [`schema::TABLES`](super::schema::TABLES).
    pub table: usize,
    /// The rows, each with its values in the order of the table's columns.
    pub rows: Vec<Vec<Value>>,
}
