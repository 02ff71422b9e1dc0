//! Two things or many at the same instant, on memory and on SQLite.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::memory::MemoryStore;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::race::Race;
use crm_store_testing::{crowds, gathering, quick_folder, races};

/// Runs it on both.
async fn on_both(race: impl AsyncFn(&Race)) {
    race(&Race::new(&[Arc::new(MemoryStore::default())])).await;
    let folder = quick_folder();
    let file = folder.path().join("crm.db");
    let sqlite = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    race(&Race::new(&[Arc::new(sqlite)])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_edit() {
    on_both(races::approve_and_edit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_reject() {
    on_both(races::approve_and_reject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvers() {
    on_both(races::two_approvers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_and_cancel() {
    on_both(races::send_and_cancel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdraw_and_begin() {
    on_both(races::withdraw_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppress_and_begin() {
    on_both(races::suppress_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppress_and_deliver() {
    on_both(races::suppress_and_deliver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opt_out_and_begin() {
    on_both(races::opt_out_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_and_begin() {
    on_both(races::pause_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_and_begin() {
    on_both(races::cancel_and_begin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_approvers() {
    on_both(crowds::approvers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_editors() {
    on_both(crowds::editors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_claimers() {
    on_both(crowds::claimers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_beginners() {
    on_both(crowds::beginners).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_of_sealers() {
    on_both(crowds::sealers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_gather() {
    on_both(gathering::two_workers_gather).await;
}
