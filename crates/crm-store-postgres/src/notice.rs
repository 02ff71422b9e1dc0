//! Telling workers, here and in other programs, that there is something to do.
//!
//! NOTIFY takes a lock of the whole database while its transaction commits, so it never runs in a
//! transaction that does work: one task says it afterwards, once for all that happened meanwhile. A
//! notice may be lost with its program; a worker looks again before long by itself.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// How long to wait before listening again after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// The ways in and out.
pub(crate) struct Notices {
    channel: String,
    /// Counts what happened; behind an `Arc` because tasks outlive calls.
    happened: Arc<watch::Sender<u64>>,
    untold: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Notices {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Notices {
    /// Begins to listen and to tell, if `others` are to hear and be heard.
    pub(crate) fn start(
        pool: &PgPool,
        settings: PgConnectOptions,
        schema: &str,
        others: bool,
    ) -> Self {
        let channel = channel(schema);
        let happened = Arc::new(watch::channel(0).0);
        let untold = Arc::new(Notify::new());
        let mut tasks = Vec::new();
        if others {
            tasks.push(tokio::spawn(say(
                pool.clone(),
                channel.clone(),
                Arc::clone(&untold),
            )));
            tasks.push(tokio::spawn(hear(
                settings,
                channel.clone(),
                Arc::clone(&happened),
            )));
        }
        Self {
            channel,
            happened,
            untold,
            tasks,
        }
    }

    /// Something was committed: this program's workers look now, others as soon as they hear.
    pub(crate) fn tell(&self) {
        self.happened.send_modify(|number| *number += 1);
        self.untold.notify_one();
    }

    /// Everybody hears when this transaction commits.
    pub(crate) async fn tell_in(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        sqlx::query("SELECT pg_notify($1, '')")
            .bind(&self.channel)
            .execute(connection)
            .await
            .map(drop)
    }

    /// See `Store::changed`.
    pub(crate) async fn changed(&self, seen: u64) -> u64 {
        let mut happened = self.happened.subscribe();
        let number = happened
            .wait_for(|number| *number != seen)
            .await
            .map(|number| *number);
        match number {
            Ok(number) => number,
            // The sender lives as long as we do.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The channel of a schema's notices; the trigger of the intake names it too.
fn channel(schema: &str) -> String {
    format!("{schema}_changed")
}

async fn say(pool: PgPool, channel: String, untold: Arc<Notify>) {
    loop {
        untold.notified().await;
        let said = sqlx::query("SELECT pg_notify($1, '')")
            .bind(&channel)
            .execute(&pool)
            .await;
        if said.is_err() {
            // The server is away or busy; what it misses is found by looking.
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn hear(settings: PgConnectOptions, channel: String, happened: Arc<watch::Sender<u64>>) {
    // A connection of its own: it is held for good and must not be missing in the pool.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(settings);
    loop {
        // Errors and their reasons are told by the calls that work.
        let _ = listen(&pool, &channel, &happened).await;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen(pool: &PgPool, channel: &str, happened: &watch::Sender<u64>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    loop {
        // Before the first notice too, and for `None`, which says that the connection was lost and made
        // anew: something may have been missed.
        happened.send_modify(|number| *number += 1);
        listener.try_recv().await?;
    }
}
