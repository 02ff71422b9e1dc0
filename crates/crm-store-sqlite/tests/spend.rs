//! Many drafters at once on one file: no budget is ever exceeded, and every picodollar is accounted for.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::testing::spend::Scene;
use crm_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_drafters_never_exceed_a_budget_and_the_ledger_ends_exact() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..4 {
        let path = folder.path().join(format!("{seed}.db"));
        let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
        let scene = Scene::new(Arc::new(store), seed).await.unwrap();
        let drafter = || tokio::spawn(Arc::clone(&scene).drafter(6));
        for drafter in (0..64).map(|_| drafter()).collect::<Vec<_>>() {
            drafter.await.unwrap();
        }
        let tally = scene.check().await;
        let tally = tally.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        println!("{tally:?}");
        assert!(tally.drafts > 20 && tally.over_budget > 20 && tally.dropped > 5);
    }
}
