//! Opening: the address, what the server must be, the pool.

use std::str::FromStr;

use crm_core::{Error, ErrorKind, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::PgOptions;
use crate::fault::{Fault, Outcome};
use crate::migrations;
use crate::query::Names;

/// The oldest server this is tested with.
const OLDEST: i32 = 150_000;

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
) -> Result<()> {
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
    let prepared = async {
        check(&mut connection).await?;
        migrations::run(&mut connection, names, options.partitions).await
    }
    .await
    .map_err(Error::from)
    .map_err(|error| error.during("open"));
    // Whether it closes well changes nothing.
    let _ = connection.close().await;
    prepared
}

async fn check(connection: &mut PgConnection) -> Outcome<()> {
    let wrong = |detail: &str| Fault::from(Error::new(ErrorKind::Configuration, detail));
    let (version, encoding, commit, standby): (i32, String, String, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), \
             current_setting('synchronous_commit'), pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await?;
    if version < OLDEST {
        return Err(wrong(
            "the database server is too old; use PostgreSQL 15 or later",
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
    Ok(())
}

/// The connections that all calls share.
pub(crate) fn pool(settings: PgConnectOptions, options: &PgOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(options.connections.clamp(1, 1_000))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(settings)
}
