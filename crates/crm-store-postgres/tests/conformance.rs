//! The conformance suite of stores, each case in a new schema.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_core::testing::store_suite;
use crm_store_postgres::{PgOptions, PgStore};
use place::Place;

async fn run(partitions: u32) {
    let place = Place::default();
    let report = store_suite::run_all(|| async {
        let options = PgOptions {
            partitions,
            ..place.options()
        };
        Arc::new(PgStore::connect(Place::url(), options).await.unwrap()) as Arc<dyn Store>
    })
    .await;
    place.clear().await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    run(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_with_partitions() {
    run(3).await;
}
