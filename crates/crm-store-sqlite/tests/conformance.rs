//! The conformance suite of stores, each case on a new file.

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_core::testing::store_suite;
use crm_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Vec::new();
    for case in store_suite::cases() {
        let path = folder.path().join(format!("{}.db", case.name));
        let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        if let Err(wrong) = case.run(store).await {
            failures.push(format!("{}: {wrong}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
