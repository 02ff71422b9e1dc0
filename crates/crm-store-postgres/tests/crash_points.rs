//! The process ends at any commit; another takes over once its leases have ended.
//!
//! The long run: `CRM_CRASH_ALL=1 cargo test -p crm-store-postgres --test crash_points`.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::path::Path;
use std::sync::Arc;

use chrono::Duration;
use crm_core::port::store::Store;
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use crm_store_testing::job::{Extent, Job};
use place::Place;
use tempfile::TempDir;

/// A folder that names a schema; the process that is ended finds it there.
fn folder(place: &Place) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{} {}", place.options().schema, Place::url());
    std::fs::write(folder.path().join("database"), line).unwrap();
    folder
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    let line = std::fs::read_to_string(folder.join("database")).unwrap();
    let (schema, url) = line.split_once(' ').unwrap();
    let options = PgOptions {
        schema: schema.to_owned(),
        connections: 6,
        time: TimeSource::Caller,
        ..PgOptions::default()
    };
    Arc::new(PgStore::connect(url, options).await.unwrap())
}

fn job(place: &Place) -> Job<impl Fn() -> TempDir, impl AsyncFn(&Path) -> Arc<dyn Store>> {
    Job {
        folder: || folder(place),
        open,
        ahead: Duration::minutes(10),
        usual: Extent::Each,
    }
}

fn clear(place: Place) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(place.clear());
}

#[test]
fn ended_at_any_commit_nothing_is_lost_and_nothing_repeated() {
    let place = Place::default();
    job(&place).ended_at_any_commit("ended_at_any_commit_nothing_is_lost_and_nothing_repeated");
    clear(place);
}

#[test]
fn a_sweep_that_was_cut_off_is_done_again() {
    let place = Place::default();
    job(&place).ended_in_a_sweep("a_sweep_that_was_cut_off_is_done_again");
    clear(place);
}

#[test]
fn a_store_that_answers_before_it_commits_is_caught() {
    let place = Place::default();
    job(&place).eager_store_is_caught("a_store_that_answers_before_it_commits_is_caught");
    clear(place);
}
