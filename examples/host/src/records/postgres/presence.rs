//! Which hosts live. Each has a number and holds the advisory lock of that number on a connection of its
//! own: the lock ends with the process, however it ends, so that others know at once and need no clock.
//!
//! Should the connection break, the number is without a lock until it is back. Others may then call work
//! of this host interrupted; its own answer, when it comes, is kept in its place.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::task::JoinHandle;

/// The locks of hosts' numbers; it is ours alone.
const CLASS: i32 = 6_517_359;

/// How often the connection is looked after, and how long it may take to answer.
const PULSE: Duration = Duration::from_secs(5);

/// This host is there until this is dropped.
pub(super) struct Presence {
    pub(super) number: i32,
    keeper: JoinHandle<()>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Presence {
    pub(super) async fn begin(settings: PgConnectOptions) -> sqlx::Result<Self> {
        let mut connection = settings.connect().await?;
        let number: i32 = sqlx::query_scalar("SELECT nextval('crm_host.hosts')::integer")
            .fetch_one(&mut connection)
            .await?;
        hold(&mut connection, number).await?;
        Ok(Self {
            number,
            keeper: tokio::spawn(keep(settings, connection, number)),
        })
    }
}

async fn hold(connection: &mut PgConnection, number: i32) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_lock($1, $2)")
        .bind(CLASS)
        .bind(number)
        .execute(connection)
        .await
        .map(drop)
}

async fn keep(settings: PgConnectOptions, mut connection: PgConnection, number: i32) {
    loop {
        tokio::time::sleep(PULSE).await;
        let alive = tokio::time::timeout(PULSE, connection.ping()).await;
        if matches!(alive, Ok(Ok(()))) {
            continue;
        }
        tracing::warn!("the connection that says this host lives was lost; it is made again");
        // The old connection's lock may last until the server has noticed that it is gone.
        if let Ok(Ok(new)) = tokio::time::timeout(PULSE, again(&settings, number)).await {
            connection = new;
        }
    }
}

async fn again(settings: &PgConnectOptions, number: i32) -> sqlx::Result<PgConnection> {
    let mut connection = settings.connect().await?;
    hold(&mut connection, number).await?;
    Ok(connection)
}

/// Whether the host of the number has ended.
pub(super) async fn has_ended(connection: &mut PgConnection, number: i32) -> sqlx::Result<bool> {
    // Shared: any number of hosts may ask at once.
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock_shared($1, $2)")
        .bind(CLASS)
        .bind(number)
        .fetch_one(connection)
        .await
}
