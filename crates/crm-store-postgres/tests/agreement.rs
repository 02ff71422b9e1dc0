//! Random commands on memory and PostgreSQL at once.
//!
//! The long run: `CRM_AGREEMENT_CASES=20000 cargo test -p crm-store-postgres --test agreement -- --nocapture`.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::agreement;
use place::Place;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

#[test]
fn memory_and_postgres_agree_and_the_promises_hold() {
    let open = async || {
        let place = Place::default();
        let options = PgOptions {
            connections: 2,
            listen: false,
            ..place.options()
        };
        let schema = options.schema.clone();
        let store = PgStore::connect(Place::url(), options).await.unwrap();
        let place = (place, store.clone(), schema);
        (Arc::new(store) as Arc<dyn Store>, place)
    };
    let again = async |(_, _, schema): &(Place, PgStore, String)| {
        let mut connection = PgConnection::connect(Place::url()).await.unwrap();
        let sql = format!("TRUNCATE {schema}.intake RESTART IDENTITY");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    };
    let close = async |(place, store, _): (Place, PgStore, String)| {
        store.close().await;
        place.clear().await;
    };
    agreement::run(512, open, again, close);
}
