//! An erased person is in no row of any table.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_store_postgres::PgStore;
use crm_store_testing::erasure::{Life, MARK};
use place::Place;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Every row of every table, as text.
async fn rows(schema: &str) -> Vec<u8> {
    let mut connection = PgConnection::connect(Place::url()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind = 'r'",
    )
    .bind(schema)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() > 20);
    let mut dump = Vec::new();
    for table in tables {
        let sql = format!("SELECT t::text FROM \"{schema}\".\"{table}\" t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for row in rows {
            dump.extend(format!("{table} {row}\n").bytes());
        }
    }
    dump
}

async fn run(partitions: u32) {
    let place = Place::default();
    let options = crm_store_postgres::PgOptions {
        partitions,
        ..place.options()
    };
    let schema = options.schema.clone();
    let store = Arc::new(PgStore::connect(Place::url(), options).await.unwrap());
    let life = Life::begin(store).await;
    let before = String::from_utf8_lossy(&rows(&schema).await)
        .matches(MARK)
        .count();
    assert!(before > 40, "written in {before} places");
    life.erase().await;
    Life::is_gone_from(&rows(&schema).await, "a row");
    life.is_whole().await;
    life.comes_back().await;
    life.is_whole().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_row_and_is_not_written_to_again() {
    run(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_the_tables_are_in_parts() {
    run(3).await;
}
