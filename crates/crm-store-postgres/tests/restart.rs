//! A server that restarts closes every connection: the next calls are answered all the same.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use chrono::Utc;
use crm_core::Workspace;
use crm_core::port::store::{MessageQuery, Store};
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use futures_util::future::{join_all, try_join_all};

/// Makes a store hold several connections.
async fn several_at_once(store: &PgStore) {
    let calls = (0..6).map(|_| store.now(Utc::now()));
    try_join_all(calls).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_for_a_connection_that_a_restart_closed() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let options = PgOptions {
        connections: 6,
        ..PgOptions::default()
    };
    let store = PgStore::connect(&server.url("postgres"), options)
        .await
        .unwrap();
    let workspace = Workspace::default();
    for mode in [Mode::Fast, Mode::Immediate] {
        several_at_once(&store).await;
        server.restart(mode).unwrap();
        store
            .messages(&workspace, MessageQuery::default())
            .await
            .unwrap();
        several_at_once(&store).await;
        server.restart(mode).unwrap();
        // A write begins a transaction of its own.
        store.seal(&workspace, 1).await.unwrap();
        several_at_once(&store).await;
        server.restart(mode).unwrap();
        let all = join_all((0..6).map(|_| store.checkpoint(&workspace))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
    }
}
