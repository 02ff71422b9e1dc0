//! Random commands on memory and PostgreSQL at once.
//!
//! The long run: `CRM_AGREEMENT_CASES=20000 cargo test -p crm-store-postgres --test agreement`.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::agreement;
use place::Place;

#[test]
fn memory_and_postgres_agree_and_the_promises_hold() {
    let open = async || {
        let place = Place::default();
        let options = PgOptions {
            connections: 2,
            listen: false,
            ..place.options()
        };
        let store = PgStore::connect(Place::url(), options).await.unwrap();
        (Arc::new(store.clone()) as Arc<dyn Store>, (place, store))
    };
    let close = async |(place, store): (Place, PgStore)| {
        store.close().await;
        place.clear().await;
    };
    agreement::run(60, open, close);
}
