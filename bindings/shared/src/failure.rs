//! Errors as data: what crosses into the other language and becomes an exception there.

use crm_core::{Error, FieldError, Retry};
use serde::Serialize;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// A stable code: those of [`ErrorKind`](crm_core::ErrorKind), and `closed` (the engine was closed),
    /// `forked` (it was opened by the parent of this process) and `internal` (a defect of the engine).
    pub code: &'static str,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same call may succeed later: after loading fresh data (`conflict`) or a pause.
    pub retryable: bool,
    /// The refused fields, when the input was `invalid`.
    pub fields: Vec<FieldError>,
}

impl Failure {
    /// The engine was closed.
    #[must_use]
    pub fn closed() -> Self {
        Self::of("closed", "the engine was closed; open a new one")
    }

    /// The engine belongs to the process that this one was forked from.
    #[must_use]
    pub fn forked() -> Self {
        Self::of(
            "forked",
            "this engine was opened before the process was forked and works only in the parent; \
             open a new one in the child",
        )
    }

    /// A panic was caught. What was committed stays; what was not, did not happen.
    #[must_use]
    pub fn internal() -> Self {
        Self::of(
            "internal",
            "the engine met a defect and gave up this call; please report it",
        )
    }

    fn of(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            retryable: false,
            fields: Vec::new(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.kind().code(),
            message: error.detail().to_owned(),
            retryable: error.retry() != Retry::Never,
            fields: error.fields().to_vec(),
        }
    }
}
