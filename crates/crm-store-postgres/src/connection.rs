//! Opening: the address, what the server must be, the pool.

use std::str::FromStr;
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::PgOptions;
use crate::fault::{Fault, Outcome};
use crate::migrations;
use crate::query::Names;

/// The oldest server this was written for.
const OLDEST: i32 = 140_000;

/// What opening found out about the server.
pub(crate) struct Found {
    /// The function that lowers case.
    pub(crate) lower: &'static str,
}

/// The address as settings of connections.
pub(crate) fn settings(url: &str) -> Result<PgConnectOptions> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the address of the database must begin with postgres://",
        ));
    }
    let settings =
        PgConnectOptions::from_str(url).map_err(|error| Error::from(Fault::Sql(error)))?;
    // Statements hold no data, but their log would be long.
    Ok(settings.application_name("crm").disable_statement_logging())
}

/// Looks whether the server will do, and brings the schema to this version.
pub(crate) async fn prepare(
    settings: &PgConnectOptions,
    names: &Names,
    options: &PgOptions,
) -> Result<Found> {
    if options.partitions > 1_024 {
        return Err(Error::field("partitions", "use 0 to 1,024"));
    }
    let connecting = tokio::time::timeout(options.acquire_timeout, settings.connect());
    let mut connection = connecting
        .await
        .map_err(|_| {
            Error::new(
                ErrorKind::Unavailable,
                "the database did not answer in time; check its address and try again",
            )
        })?
        .map_err(Fault::Sql)
        .map_err(Error::from)
        .map_err(|error| error.during("connect"))?;
    let found = async {
        let found = check(&mut connection).await?;
        migrations::run(&mut connection, names, options.partitions).await?;
        Ok::<_, Fault>(found)
    }
    .await
    .map_err(Error::from)
    .map_err(|error| error.during("open"));
    // Whether it closes well changes nothing.
    let _ = connection.close().await;
    found
}

async fn check(connection: &mut PgConnection) -> Outcome<Found> {
    let wrong = |detail: &str| Fault::from(Error::new(ErrorKind::Configuration, detail));
    let (version, encoding, commit, standby, icu): (i32, String, String, bool, bool) =
        sqlx::query_as(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), \
             current_setting('synchronous_commit'), pg_is_in_recovery(), \
             EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu')",
        )
        .fetch_one(connection)
        .await?;
    if version < OLDEST {
        return Err(wrong(
            "the database server is too old; use PostgreSQL 14 or later",
        ));
    }
    if encoding != "UTF8" {
        return Err(wrong(
            "the database does not keep text as UTF-8; create one with ENCODING 'UTF8'",
        ));
    }
    if commit == "off" {
        return Err(wrong(
            "the database answers commits before they are safe; set synchronous_commit = on",
        ));
    }
    if standby {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "the database is a standby that only allows reading; use the address of the primary",
        )
        .into());
    }
    // The locale of the database may know ASCII only (locale C); ICU knows every script.
    let lower = if icu {
        "lower({} COLLATE \"und-x-icu\")"
    } else {
        "lower({})"
    };
    Ok(Found { lower })
}

/// The connections that all calls share.
pub(crate) fn pool(settings: PgConnectOptions, options: &PgOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(options.connections.clamp(1, 1_000))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(settings)
}

/// How a transaction begins. The limits hold until its end, so that a pooled connection is left as it
/// was.
pub(crate) fn begin(options: &PgOptions) -> String {
    let millis = |limit: Duration| limit.as_millis().clamp(1, 2_147_483_647);
    format!(
        "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; \
         SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL jit = off",
        millis(options.lock_timeout),
        millis(options.statement_timeout),
        millis(options.statement_timeout.saturating_mul(2)),
    )
}
