//! What the server does for each call of the store when the tables are large: no table is read from end to
//! end, and what is read does not grow with it.
//!
//! The server itself writes down the plan of every statement with what it really read (`auto_explain`, part
//! of PostgreSQL's contrib). The calls run first over empty tables, so that whatever is prepared once is
//! prepared for those. Then the tables are filled at once, and the calls run on new connections while the
//! server has no statistics yet; on the old ones once it has gathered them, as autovacuum does within a
//! minute or two of such a growth (which ends plans that were kept); and when nearly all messages are of one
//! kind, so that it expects to find any other everywhere.
//!
//! Left out on purpose, for they look at rows one by one until the page is full: searches in texts, contacts
//! by audience, searches for what thousands of contacts have, counts of conditions that have no counter, and lists behind a skip of many rows. A recount
//! is the list of everything, page by page.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod calls;
mod deliver;
mod fill;
mod log;

use std::sync::Arc;

use crm_core::Workspace;
use crm_core::port::store::Store;
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use log::Log;
use sqlx::{Connection, PgConnection};

const DEFAULT_ROWS: i64 = 50_000;

fn server() -> Server {
    let settings = [
        ("shared_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_buffers", "on"),
        ("auto_explain.log_format", "json"),
        ("autovacuum", "off"),
        ("log_line_prefix", ""),
        ("max_wal_size", "4GB"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Server::start(ServerOptions {
        fsync: false,
        settings: settings.to_vec(),
        ..ServerOptions::default()
    })
    .map_err(|problem| format!("this test needs PostgreSQL with its contrib modules: {problem}"))
    .unwrap()
}

/// Runs every call of the large workspace and of a small one; what was read too much.
async fn measure(state: &str, store: &Arc<dyn Store>, rows: i64, log: &mut Log) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, name) in [(fill::LARGE, "default"), (fill::SMALL, "small")] {
        let workspace = Workspace::new(name).unwrap();
        let numbers = fill::numbers(key, rows);
        log.rest();
        // Enough that a plan that reads a row for each of them differs from one that reads all rows.
        let count = if state == "empty" { 2 } else { 25 };
        let mut told = |call: &str, rows: u64| {
            wrong.extend(log.judge(&format!("{state}, {name}: {call}"), rows));
        };
        calls::all(store, &workspace, &numbers, &mut told).await;
        deliver::all(store, &workspace, count, &mut told).await;
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_reads_a_table() {
    let rows = std::env::var("CRM_PLAN_ROWS").map_or(DEFAULT_ROWS, |rows| rows.parse().unwrap());
    let server = server();
    let options = PgOptions {
        connections: 2,
        listen: false,
        time: TimeSource::Caller,
        ..PgOptions::default()
    };
    let url = server.url("postgres");
    let store: Arc<dyn Store> = Arc::new(PgStore::connect(&url, options.clone()).await.unwrap());
    let mut own = PgConnection::connect(&url).await.unwrap();
    fill::run(&mut own, "SET auto_explain.log_min_duration = -1").await;
    let mut log = Log::of(&server);

    fill::workspaces(&mut own).await;
    // A table that was looked at while it was empty is planned for otherwise than one that never was.
    fill::run(&mut own, "VACUUM ANALYZE").await;
    // A statement that was used five times keeps its plan.
    for _ in 0..6 {
        measure("empty", &store, rows, &mut log).await;
    }
    let was = std::time::Instant::now();
    fill::rows(&mut own, rows).await;
    eprintln!("{rows} messages written in {:.0?}", was.elapsed());
    let was = std::time::Instant::now();
    let fresh: Arc<dyn Store> = Arc::new(PgStore::connect(&url, options.clone()).await.unwrap());
    let mut wrong = measure("filled, no statistics", &fresh, rows, &mut log).await;
    fill::run(&mut own, "ANALYZE").await;
    wrong.extend(measure("filled", &store, rows, &mut log).await);
    fill::alike(&mut own).await;
    fill::run(&mut own, "VACUUM ANALYZE").await;
    wrong.extend(measure("all alike", &store, rows, &mut log).await);
    eprintln!("measured in {:.0?}", was.elapsed());
    eprintln!("{} plans were looked at", log.seen());
    assert!(log.seen() > 300, "the plans were not written down");
    assert!(
        wrong.is_empty(),
        "{} plans read too much:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
