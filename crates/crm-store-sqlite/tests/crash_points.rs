//! The process ends at any commit.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use chrono::Duration;
use crm_core::port::store::Store;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::job::{Extent, Job};
use tempfile::TempDir;

fn job() -> Job<impl Fn() -> TempDir, impl AsyncFn(&Path) -> Arc<dyn Store>> {
    Job {
        folder: || tempfile::tempdir().unwrap(),
        open: async |folder: &Path| {
            let file = folder.join("crm.db");
            Arc::new(SqliteStore::open(file, SqliteOptions::default()).unwrap()) as Arc<dyn Store>
        },
        // The file has one dispatcher: the next one knows that the last is dead.
        ahead: Duration::zero(),
        usual: Extent::All,
    }
}

#[test]
fn ended_at_any_commit_nothing_is_lost_and_nothing_repeated() {
    job().ended_at_any_commit("ended_at_any_commit_nothing_is_lost_and_nothing_repeated");
}

#[test]
fn a_sweep_that_was_cut_off_is_done_again() {
    job().ended_in_a_sweep("a_sweep_that_was_cut_off_is_done_again");
}

#[test]
fn a_store_that_answers_before_it_commits_is_caught() {
    job().eager_store_is_caught("a_store_that_answers_before_it_commits_is_caught");
}
