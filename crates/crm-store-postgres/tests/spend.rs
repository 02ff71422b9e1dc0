//! Many drafters at once on several connections: no budget is ever exceeded, none waits for another crosswise,
//! and every picodollar is accounted for.
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use crm_core::testing::spend::Scene;
use crm_store_postgres::{PgOptions, PgStore};
use place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_drafters_never_exceed_a_budget_and_the_ledger_ends_exact() {
    let place = Place::default();
    let (mut drafts, mut dropped) = (0, 0);
    for seed in 0..2 {
        let options = PgOptions {
            connections: 8,
            ..place.options()
        };
        let store = PgStore::connect(Place::url(), options).await.unwrap();
        let scene = Scene::new(Arc::new(store), seed).await.unwrap();
        let drafter = || tokio::spawn(Arc::clone(&scene).drafter(4));
        for drafter in (0..64).map(|_| drafter()).collect::<Vec<_>>() {
            drafter.await.unwrap();
        }
        let tally = scene.check().await;
        let tally = tally.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        println!("{tally:?}");
        drafts += tally.drafts;
        dropped += tally.dropped;
    }
    // How many differs from run to run: threads race. Without any, nothing was shown.
    assert!(drafts > 5 && dropped > 5, "{drafts} {dropped}");
    place.clear().await;
}
