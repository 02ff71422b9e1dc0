//! Two things or many at the same instant, over two stores of one schema, each with connections of its
//! own. An error that only says that somebody was in the way fails these tests.
//!
//! The long run: `CRM_RACE_ROUNDS=2000 cargo test -p crm-store-postgres --test races`.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_core::port::store::Store;
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use crm_store_testing::race::Race;
use crm_store_testing::{crowds, gathering, races};
use place::Place;

/// Runs it over two stores, by the server's clock.
async fn on_two(race: impl AsyncFn(&Race)) {
    let place = Place::default();
    let options = PgOptions {
        connections: 8,
        time: TimeSource::Database,
        ..place.options()
    };
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    let mut opened = Vec::new();
    for _ in 0..2 {
        let store = PgStore::connect(Place::url(), options.clone())
            .await
            .unwrap();
        opened.push(store.clone());
        stores.push(Arc::new(store));
    }
    race(&Race::new(&stores)).await;
    for store in opened {
        store.close().await;
    }
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_edit() {
    on_two(races::approve_and_edit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_reject() {
    on_two(races::approve_and_reject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvers() {
    on_two(races::two_approvers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_and_cancel() {
    on_two(races::send_and_cancel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdraw_and_begin() {
    on_two(races::withdraw_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppress_and_begin() {
    on_two(races::suppress_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppress_and_deliver() {
    on_two(races::suppress_and_deliver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opt_out_and_begin() {
    on_two(races::opt_out_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_and_begin() {
    on_two(races::pause_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_and_begin() {
    on_two(races::cancel_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_approvers() {
    on_two(crowds::approvers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_editors() {
    on_two(crowds::editors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_claimers() {
    on_two(crowds::claimers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_beginners() {
    on_two(crowds::beginners).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_sealers() {
    on_two(crowds::sealers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_gather() {
    on_two(gathering::two_workers_gather).await;
}
