//! The disk fills up under a worker, and there is room again.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::disk::Disk;
use crm_store_testing::full;

#[test]
fn a_worker_stands_still_on_a_full_disk_and_goes_on_by_itself() {
    let me = "a_worker_stands_still_on_a_full_disk_and_goes_on_by_itself";
    Disk::with(me, "8m", |disk| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let path = disk.path().join("crm.db");
            let open = || SqliteStore::open(&path, SqliteOptions::default()).unwrap();
            // Closed in between, so that the log does not fill the disk.
            full::prepare(Arc::new(open())).await;
            full::fills_up_under_a_worker(Arc::new(open()), &disk).await;
        });
        drop(runtime);
    });
}
