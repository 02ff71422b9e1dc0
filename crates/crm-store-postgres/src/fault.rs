//! One internal error type and its translation into the engine's error, without SQL or data.

use crm_core::{Error, ErrorKind};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// What went wrong inside: Postgres's word or the engine's own.
pub(crate) enum Fault {
    Sql(sqlx::Error),
    Core(Error),
}

pub(crate) type Outcome<T> = Result<T, Fault>;

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
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

impl Fault {
    /// Whether the same transaction, done again, can succeed: the server broke it off in favour of
    /// another one.
    pub(crate) fn is_collision(&self) -> bool {
        const SERIALIZATION_FAILURE: &str = "40001";
        const DEADLOCK: &str = "40P01";
        self.code()
            .is_some_and(|code| code == SERIALIZATION_FAILURE || code == DEADLOCK)
    }

    /// Whether it is about one change set and not about the server or the way to it.
    pub(crate) fn is_of_a_set(&self) -> bool {
        match self {
            Self::Core(error) => error.kind() != ErrorKind::Unavailable,
            // Bad data, broken constraints, our triggers.
            Self::Sql(_) => self.code().is_some_and(|code| {
                ["21", "22", "23"]
                    .iter()
                    .any(|class| code.starts_with(class))
                    || code == KEPT
            }),
        }
    }

    fn code(&self) -> Option<String> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code().map(|code| code.into_owned()),
            _ => None,
        }
    }
}

/// How a commit failed. Only a server that lives on and refuses it has written nothing for certain. One that
/// breaks off may have: a commit whose flush to the disk failed is there when the server has recovered.
pub(crate) fn of_commit(error: sqlx::Error) -> Fault {
    match severity(&error) {
        Some(PgSeverity::Error) => Fault::Sql(error),
        _ => Fault::Core(Error::new(
            ErrorKind::Unavailable,
            "the database broke off while it committed; nothing is known about this write, load again",
        )),
    }
}

/// Whether this was the last word of a server process that breaks off, and the whole server with it.
pub(crate) fn is_panic(error: &sqlx::Error) -> bool {
    matches!(severity(error), Some(PgSeverity::Panic))
}

fn severity(error: &sqlx::Error) -> Option<PgSeverity> {
    Some(own(error.as_database_error()?)?.severity())
}

fn own<'e>(error: &'e (dyn DatabaseError + 'static)) -> Option<&'e PgDatabaseError> {
    error.try_downcast_ref::<PgDatabaseError>()
}

/// Whether the server's own files failed: their errors share a code with missing rights where the system has
/// made a failing disk read-only, and with defects of the server where a quota is used up.
fn is_of_files(error: &(dyn DatabaseError + 'static)) -> bool {
    const FILES: [&str; 4] = ["md.c", "fd.c", "xlog.c", "slru.c"];
    own(error)
        .and_then(PgDatabaseError::file)
        .is_some_and(|file| FILES.contains(&file))
}

/// What the triggers that keep the history raise.
const KEPT: &str = "CRM01";

/// A stored value that no version of the engine writes.
pub(crate) fn unreadable(column: &'static str) -> Fault {
    Fault::Core(Error::new(
        ErrorKind::Corrupt,
        format!(
            "the database holds a value this version cannot read (column {column}); restore a backup \
             or update the program"
        ),
    ))
}

fn translate(error: &sqlx::Error) -> Error {
    let unavailable = |detail: &str| Error::new(ErrorKind::Unavailable, detail);
    match error {
        // Whatever its code says of the cause: the server starts anew.
        sqlx::Error::Database(_) if is_panic(error) => unavailable(
            "the database failed and starts anew; nothing is known about a write under way, check its disk \
             and load again",
        ),
        sqlx::Error::Database(error) => database(&**error),
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => unavailable(
            "the database cannot be reached or closed the connection; nothing is known about a write \
             under way, load again",
        ),
        sqlx::Error::PoolTimedOut => unavailable(
            "all connections to the database are in use, or it takes no new one; try again, or allow more \
             connections",
        ),
        sqlx::Error::PoolClosed => {
            unavailable("the program is stopping; try again after its restart")
        }
        sqlx::Error::Tls(_) => Error::new(
            ErrorKind::Configuration,
            "no secure connection to the database could be made; check its certificate and sslmode",
        ),
        sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) => Error::new(
            ErrorKind::Configuration,
            "the address of the database cannot be read; use postgres://user:password@host:port/database",
        ),
        sqlx::Error::Protocol(_) => unavailable(
            "the database's answer could not be read; nothing is known about a write under way, load \
             again",
        ),
        _ => Error::new(
            ErrorKind::Corrupt,
            "the database holds a value this version cannot read; restore a backup or update the program",
        ),
    }
}

/// By SQLSTATE (PostgreSQL documentation, appendix A).
fn database(error: &(dyn DatabaseError + 'static)) -> Error {
    let unavailable = |detail: &str| Error::new(ErrorKind::Unavailable, detail);
    let configuration = |detail: &str| Error::new(ErrorKind::Configuration, detail);
    let code = error.code().unwrap_or_default();
    match &*code {
        KEPT => Error::new(
            ErrorKind::NotAllowed,
            "history and approvals are never changed or removed",
        ),
        "23505" => duplicate(error.constraint().unwrap_or_default()),
        "53100" => unavailable("the database's disk is full; free some space there and try again"),
        "58030" => unavailable("the database's disk reports an error; check it and try again"),
        "42501" | "XX000" if is_of_files(error) => {
            unavailable("the database's disk only allows reading; check it and try again")
        }
        "53300" => unavailable("the database takes no more connections; try again, or allow more"),
        "25006" => unavailable(
            "the database only allows reading now; check that the address is the primary's and try \
             again",
        ),
        "55P03" => unavailable("rows are held by somebody else for too long; try again"),
        "57014" => unavailable("the database took too long; try again"),
        "40001" | "40P01" => unavailable("another transaction was in the way; try again"),
        "28000" | "28P01" => {
            configuration("the database refused the user or the password; check both")
        }
        "3D000" => configuration("there is no such database; create it first"),
        "42501" => configuration(
            "the database's user lacks a right; let it own the schema, or grant what the manual lists",
        ),
        // Connection exceptions; operator intervention; insufficient resources; system errors.
        _ if ["08", "57", "53", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            unavailable(
                "the database is not available (it stops, starts or lacks resources); try again",
            )
        }
        _ if code.starts_with("22") => Error::new(
            ErrorKind::Invalid,
            "a value cannot be stored: it is too large or holds a NUL character",
        ),
        _ if code.starts_with("XX") => Error::new(
            ErrorKind::Corrupt,
            format!(
                "the database is damaged (code {code}); stop the program and ask its administrator"
            ),
        ),
        _ => Error::new(
            ErrorKind::Corrupt,
            format!("the database refused an operation (code {code}); report this as a defect"),
        ),
    }
}

/// Names of our own indexes; a partition's index begins with its table's name and holds the columns.
fn duplicate(constraint: &str) -> Error {
    // The most telling first.
    const NAMES: [(&str, &str, &str); 16] = [
        ("intake", "applied", "key was applied already"),
        ("contacts", "email", "email is taken by another contact"),
        (
            "contacts",
            "external_id",
            "external_id is taken by another contact",
        ),
        ("contacts", "id", "id is taken by another contact"),
        (
            "templates",
            "name",
            "name is taken by another template of this language",
        ),
        ("templates", "id", "id is taken by another template"),
        ("campaigns", "id", "id is taken by another campaign"),
        (
            "messages",
            "occurrence",
            "occurrence of this campaign and contact has a message already",
        ),
        ("messages", "id", "id is taken by another message"),
        (
            "revisions",
            "",
            "number is taken by another revision of this message",
        ),
        (
            "attempts",
            "",
            "epoch of this message has an attempt already",
        ),
        (
            "ledger",
            "pkey",
            "id is taken by another entry of the ledger",
        ),
        (
            "ledger",
            "key",
            "key is held by another entry of the ledger",
        ),
        (
            "saved_audiences",
            "name",
            "name is taken by another saved audience",
        ),
        (
            "saved_audiences",
            "id",
            "id is taken by another saved audience",
        ),
        ("budgets", "", "period has a budget already"),
    ];
    let detail = NAMES
        .iter()
        .find(|(table, column, _)| constraint.starts_with(table) && constraint.contains(column))
        .map_or("this row exists already", |(_, _, detail)| *detail);
    Error::new(ErrorKind::Duplicate, detail)
}
