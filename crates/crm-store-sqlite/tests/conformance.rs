//! The conformance suite of stores, each case on a new file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crm_core::port::store::Store;
use crm_core::testing::store_suite;
use crm_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU32::new(0);
    let report = store_suite::run_all(|| async {
        let path = folder
            .path()
            .join(format!("{}.db", next.fetch_add(1, Ordering::Relaxed)));
        Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap()) as Arc<dyn Store>
    })
    .await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}
