//! Random commands on memory and SQLite at once.
//!
//! The long run: `CRM_AGREEMENT_CASES=20000 cargo test -p crm-store-sqlite --test agreement -- --nocapture`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_store_sqlite::rusqlite::Connection;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::{agreement, quick_folder};
use tempfile::TempDir;

#[test]
fn memory_and_sqlite_agree_and_the_promises_hold() {
    let open = async || {
        let folder = quick_folder();
        let file = folder.path().join("crm.db");
        let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
        (Arc::new(store) as Arc<dyn Store>, folder)
    };
    let again = async |folder: &TempDir| {
        let connection = Connection::open(folder.path().join("crm.db")).unwrap();
        connection
            .execute_batch("DELETE FROM intake; DELETE FROM sqlite_sequence WHERE name = 'intake'")
            .unwrap();
    };
    agreement::run(512, open, again, async |folder| drop(folder));
}
