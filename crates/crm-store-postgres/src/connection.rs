//! Opening: the address, what the server must be, the pool.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};

use crate::PgOptions;
use crate::arrival;
use crate::fault::{Fault, Outcome};
use crate::lists::Lower;
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
    moving: bool,
) -> Result<Lower> {
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
        migrations::run(&mut connection, names, options.partitions).await?;
        if !moving {
            arrival::refuse(&mut connection, names).await?;
        }
        lower(&mut connection).await
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

/// How this server makes letters small. A database of locale C knows only those of ASCII by itself.
async fn lower(connection: &mut PgConnection) -> Outcome<Lower> {
    let (own, icu): (bool, bool) = sqlx::query_as(
        "SELECT lower('\u{416}\u{40e}') = '\u{436}\u{45e}', \
             EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' \
                 AND collnamespace = 'pg_catalog'::regnamespace)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Lower(match (own, icu) {
        (false, true) => "lower({} COLLATE \"und-x-icu\")",
        // Without either, a search meets Cyrillic letters as they are written.
        _ => "lower({})",
    }))
}

/// How a write begins. The limits end with the transaction. A plan is made for each statement: one kept
/// from when a table was nearly empty reads all of it later.
///
/// `rows_known`: the transaction only writes rows whose keys it names.
pub(crate) fn begin_sql(options: &PgOptions, rows_known: bool) -> Arc<str> {
    let ms = |time: Duration| time.as_millis().clamp(1, 86_400_000);
    format!(
        "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; \
         SET LOCAL idle_in_transaction_session_timeout = {}; \
         SET LOCAL plan_cache_mode = force_custom_plan; {}",
        ms(options.lock_timeout),
        ms(options.statement_timeout),
        ms(options.statement_timeout),
        if rows_known { WRITES } else { "" },
    )
    .into()
}

/// A set-based write finds its rows by their keys and joins them with their new values. Without statistics
/// the planner expects one row, and then compares each of 500 with each of 500.
pub(crate) const WRITES: &str = "SET LOCAL enable_nestloop = off";

/// Our statements find rows by index, few at a time, in tables that may be too new to have statistics:
/// left to itself the planner then reads whole tables, and compiles what runs for a millisecond.
const PLANS: &str = "SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_mergejoin = off; SET random_page_cost = 1.1";

/// The connections that all calls share.
pub(crate) fn pool(settings: PgConnectOptions, options: &PgOptions) -> PgPool {
    PgPoolOptions::new()
        // A dead connection is found when it is used: asking each time costs as much as a short read.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(PLANS).await?;
                Ok(())
            })
        })
        .max_connections(options.connections.clamp(1, 1_000))
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(settings)
}

/// Closes the connections that nobody uses. One of them was found dead; a server that restarted closed
/// them all, and each would fail another call.
pub(crate) fn forget_idle(pool: &PgPool) {
    while let Some(connection) = pool.try_acquire() {
        drop(connection.detach());
    }
}
