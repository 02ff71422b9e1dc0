//! One error type for every crate: what went wrong, whether trying again can help, and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of every fallible operation of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure happened. Hosts map kinds to their own codes (HTTP status, exception class).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input cannot be accepted; `Error::fields` says which fields.
    Invalid,
    /// The actor's role does not allow the action.
    Forbidden,
    /// No such row in the actor's workspace.
    NotFound,
    /// Somebody else changed the row first; load it again and decide again.
    Conflict,
    /// The row's status does not allow the action.
    NotAllowed,
    /// The caller did not say which version it saw.
    PreconditionRequired,
    /// A unique value (external id, e-mail, name) is taken.
    Duplicate,
    /// The adapter does not offer this; its capabilities say so.
    Unsupported,
    /// The store, provider or model cannot be reached or is overloaded.
    Unavailable,
    /// The store went back to an older state and sends nothing until an operator acknowledges it; see
    /// [`hold`](crate::hold).
    OnHold,
    /// A budget has not enough left; see [`budget`](crate::budget).
    OverBudget,
    /// Configuration is wrong; an operator has to act.
    Configuration,
    /// Stored data contradicts itself (tampering, a newer database version, a bug).
    Corrupt,
}

impl ErrorKind {
    /// A stable `snake_case` code for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::NotAllowed => "not_allowed",
            Self::PreconditionRequired => "precondition_required",
            Self::Duplicate => "duplicate",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::OnHold => "on_hold",
            Self::OverBudget => "over_budget",
            Self::Configuration => "configuration",
            Self::Corrupt => "corrupt",
        }
    }
}

/// Whether the same call may succeed later without anybody changing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// No: the same call fails again.
    Never,
    /// Yes: after loading fresh data.
    AfterReload,
    /// Yes: after a pause.
    Later,
}

/// One field that was refused and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name as in JSON.
    pub field: String,
    /// One sentence for a person; never repeats the refused value.
    pub message: String,
}

/// The error of all crates. The text is one sentence for a person and holds ids, never message text,
/// addresses or keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    retry: Retry,
    detail: String,
    fields: Vec<FieldError>,
    operation: Option<&'static str>,
}

impl Error {
    /// An error of `kind` with one sentence that says what happened and what to do.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::Conflict => Retry::AfterReload,
            ErrorKind::Unavailable => Retry::Later,
            _ => Retry::Never,
        };
        Self {
            kind,
            retry,
            detail: detail.into(),
            fields: Vec::new(),
            operation: None,
        }
    }

    /// A validation error about one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut error = Self::new(ErrorKind::Invalid, format!("{field}: {message}"));
        error.fields.push(FieldError { field, message });
        error
    }

    /// A validation error about several fields at once.
    pub fn fields_invalid(fields: Vec<FieldError>) -> Self {
        let names: Vec<&str> = fields.iter().map(|f| f.field.as_str()).collect();
        let mut error = Self::new(
            ErrorKind::Invalid,
            format!("check these fields: {}", names.join(", ")),
        );
        error.fields = fields;
        error
    }

    /// Somebody else has what only one may have in this field.
    pub(crate) fn taken(field: &str) -> Self {
        let message = "another contact has it".to_owned();
        let mut error = Self::new(ErrorKind::Duplicate, format!("{field}: {message}"));
        let field = field.to_owned();
        error.fields.push(FieldError { field, message });
        error
    }

    /// "There is no such `what` in this workspace".
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            ErrorKind::NotFound,
            format!("there is no such {what} in this workspace"),
        )
    }

    /// Names the operation that failed, for logs.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.operation.get_or_insert(operation);
        self
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether trying again can help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// The sentence for a person.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The refused fields, when `kind` is [`ErrorKind::Invalid`]; sometimes of a [`ErrorKind::Duplicate`], too.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// The operation that failed, when known.
    #[must_use]
    pub const fn operation(&self) -> Option<&'static str> {
        self.operation
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {}", self.kind.code(), self.detail)?;
        if let Some(operation) = self.operation {
            write!(f, " during {operation}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {}
