//! Many drafters, one ledger: no budget is ever exceeded, and at the end every picodollar is accounted for.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::memory::MemoryStore;
use crm_core::testing::spend::{Scene, Tally};
use futures_util::future::join_all;

#[tokio::test]
async fn sixty_four_drafters_never_exceed_a_budget_and_the_ledger_ends_exact() {
    let mut all = Tally::default();
    for seed in 0..40 {
        let scene = Scene::new(Arc::new(MemoryStore::default()), seed).await;
        let scene = scene.unwrap();
        join_all((0..64).map(|_| Arc::clone(&scene).drafter(8))).await;
        let tally = scene.check().await;
        let tally = tally.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        all.drafts += tally.drafts;
        all.refused += tally.refused;
        all.over_budget += tally.over_budget;
        all.unknown_price += tally.unknown_price;
        all.taken += tally.taken;
        all.dropped += tally.dropped;
    }
    println!("{all:?}");
    // Everything that can happen did, often.
    for count in [
        all.drafts,
        all.refused,
        all.over_budget,
        all.taken,
        all.dropped,
    ] {
        assert!(count > 200, "{all:?}");
    }
    assert!(all.unknown_price > 50, "{all:?}");
}
