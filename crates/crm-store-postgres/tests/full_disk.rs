//! The disk fills up under the server of a worker, and there is room again.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::full;
use sqlx::{Connection, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stands_still_on_a_full_disk_and_goes_on_by_itself() {
    let disk = full::disk("160m");
    let folder = disk.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    // The server runs as another user when this one is root.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Dropped before the disk.
    let server = Server::start(ServerOptions {
        root: Some(folder),
        settings: vec![("autovacuum".to_owned(), "off".to_owned())],
        ..ServerOptions::default()
    })
    .unwrap();
    let url = server.url("postgres");
    let options = PgOptions {
        listen: false,
        ..PgOptions::default()
    };
    let store = Arc::new(PgStore::connect(&url, options).await.unwrap());
    full::prepare(store.clone()).await;
    // From now on each event needs another page, and the log of changes has room for what follows: without
    // the former a few transactions would still fit, without the latter the server would end.
    let mut beside = PgConnection::connect(&url).await.unwrap();
    for sql in [
        "ALTER TABLE crm.events SET (fillfactor = 10)",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
    ] {
        sqlx::raw_sql(sql).execute(&mut beside).await.unwrap();
    }
    beside.close().await.unwrap();
    full::fills_up_under_a_worker(store, &disk).await;
    drop(server);
}
