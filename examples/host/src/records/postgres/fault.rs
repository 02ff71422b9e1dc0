//! What goes wrong with the server, in words for whoever can mend it: no SQL, no address, no data.

use crate::error::Problem;

/// A request could not be served.
pub(super) fn in_request(error: &sqlx::Error) -> Problem {
    let code = error.as_database_error().and_then(|error| error.code());
    tracing::error!(
        code = code.as_deref(),
        reason = kind(error),
        "accounts database failed"
    );
    Problem::unavailable("the accounts database does not answer")
}

/// The host cannot start.
pub(in crate::records) fn at_start(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.as_deref().unwrap_or_default();
    let why = match code {
        "28000" | "28P01" => "it refused the user or the password; check both",
        "3D000" => "there is no such database; create it first",
        "42501" => {
            "its user lacks a right; let it create the schema crm_host, or own a ready, empty one"
        }
        "25006" => "it only allows reading; use the address of the primary",
        "" => kind(error),
        _ => return format!("the database cannot be opened: it refused with code {code}"),
    };
    format!("the database cannot be opened: {why}")
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Database(_) => "it refused",
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => {
            "it cannot be reached; check its address, and that it runs"
        }
        sqlx::Error::PoolTimedOut => "all connections are in use, or it did not answer in time",
        sqlx::Error::PoolClosed => "the host is stopping",
        sqlx::Error::Tls(_) => {
            "no secure connection could be made; check its certificate and sslmode"
        }
        sqlx::Error::Configuration(_) => "its address cannot be read",
        _ => "its answer could not be read",
    }
}
