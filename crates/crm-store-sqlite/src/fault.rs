//! One internal error type and its translation into the engine's error, without SQL or data.

use crm_core::{Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::types::Type;

/// What went wrong inside: SQLite's word or the engine's own.
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Core(Error),
}

pub(crate) type Outcome<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(_: serde_json::Error) -> Self {
        Self::Core(Error::new(
            ErrorKind::Invalid,
            "a value cannot be written as JSON; use plain strings, numbers and booleans",
        ))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Core(error) => error,
            Fault::Sql(error) => translate(&error),
        }
    }
}

/// A stored value that no version of the engine writes.
pub(crate) fn unreadable(column: usize, kind: Type) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, "unknown value".into())
}

fn translate(error: &rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, text) = error else {
        return Error::new(
            ErrorKind::Corrupt,
            "the database holds a value this version cannot read; restore a backup or update the program",
        );
    };
    let unavailable = |detail: &str| Error::new(ErrorKind::Unavailable, detail);
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unavailable("the database is busy; another process holds it, try again")
        }
        ErrorCode::DiskFull => unavailable("the disk is full; free some space and try again"),
        ErrorCode::SystemIoFailure => {
            unavailable("the disk reports an error; check it and try again")
        }
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => unavailable(
            "the database file cannot be opened for writing; check that its folder exists and the rights",
        ),
        ErrorCode::OutOfMemory => unavailable("there is not enough memory; try again"),
        ErrorCode::NotADatabase => Error::new(
            ErrorKind::Corrupt,
            "the file is not an SQLite database; check the path or restore a backup",
        ),
        ErrorCode::DatabaseCorrupt => Error::new(
            ErrorKind::Corrupt,
            "the database file is damaged; stop the program and restore a backup",
        ),
        ErrorCode::ConstraintViolation => {
            constraint(failure.extended_code, text.as_deref().unwrap_or_default())
        }
        ErrorCode::TooBig | ErrorCode::TypeMismatch => {
            Error::new(ErrorKind::Invalid, "a value is too large to be stored")
        }
        _ => Error::new(
            ErrorKind::Corrupt,
            format!(
                "the database refused an operation (code {}); report this as a defect",
                failure.extended_code
            ),
        ),
    }
}

/// The message of SQLite names only tables and columns, never values.
fn constraint(code: i32, text: &str) -> Error {
    const UNIQUE: [i32; 2] = [
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
        rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
    ];
    // The most telling column first.
    const NAMES: [(&str, &str); 17] = [
        ("contacts.email_key", "email is taken by another contact"),
        (
            "contacts.external_id",
            "external_id is taken by another contact",
        ),
        ("contacts.id", "id is taken by another contact"),
        (
            "templates.name",
            "name is taken by another template of this language",
        ),
        ("templates.id", "id is taken by another template"),
        ("campaigns.id", "id is taken by another campaign"),
        (
            "messages.occurrence",
            "occurrence of this campaign and contact has a message already",
        ),
        ("messages.id", "id is taken by another message"),
        (
            "revisions.number",
            "number is taken by another revision of this message",
        ),
        (
            "attempts.epoch",
            "epoch of this message has an attempt already",
        ),
        ("attempts.id", "id is taken by another attempt"),
        (
            "saved_audiences.name_key",
            "name is taken by another saved audience",
        ),
        (
            "saved_audiences.id",
            "id is taken by another saved audience",
        ),
        ("intake.key", "key was applied already"),
        ("ledger.key", "key is held by another entry of the ledger"),
        ("ledger.id", "id is taken by another entry of the ledger"),
        ("budgets.period", "period has a budget already"),
    ];
    if UNIQUE.contains(&code) {
        let detail = NAMES
            .iter()
            .find(|(column, _)| text.contains(column))
            .map_or("this row exists already", |(_, detail)| *detail);
        return Error::new(ErrorKind::Duplicate, detail);
    }
    if code == rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER {
        return Error::new(
            ErrorKind::NotAllowed,
            "history and approvals are never changed or removed",
        );
    }
    Error::new(
        ErrorKind::Corrupt,
        format!("the database refused a row (code {code}); report this as a defect"),
    )
}
