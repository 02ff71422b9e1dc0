//! Readers of live changes: all of them hear everything, and one that is too slow is told so.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{World, world};
use crm_core::engine::Engine;
use crm_core::port::broadcast::{Broadcast, Heard, Notices};
use crm_core::testing::SequentialIds;
use futures_util::StreamExt as _;

fn heard_by(broadcast: &Broadcast) -> World {
    let mut world = world();
    let store = Arc::clone(world.engine.store());
    let ids = Arc::new(SequentialIds::default());
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .observer(Arc::new(broadcast.clone()))
        .build();
    world
}

async fn action(notices: &mut Notices) -> String {
    match notices.next().await.unwrap() {
        Heard::Notice(notice) => format!("{} {}", notice.subject.as_str(), notice.action),
        Heard::Lagged(missed) => format!("lagged {missed}"),
    }
}

#[tokio::test]
async fn every_reader_hears_what_is_committed() {
    let broadcast = Broadcast::new(16);
    let world = heard_by(&broadcast);
    // Nobody listens.
    world.contact("a@example.org").await;
    let (mut one, mut two) = (broadcast.subscribe(), broadcast.subscribe());
    world.contact("b@example.org").await;
    for reader in [&mut one, &mut two] {
        assert_eq!(action(reader).await, "contact created");
    }
    drop((world, broadcast));
    assert_eq!(one.next().await, None);
    assert_eq!(two.into_stream().count().await, 0);
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_missed_and_goes_on() {
    let broadcast = Broadcast::new(4);
    let world = heard_by(&broadcast);
    let mut slow = broadcast.subscribe();
    for number in 0..11 {
        world.contact(&format!("c{number}@example.org")).await;
    }
    assert_eq!(action(&mut slow).await, "lagged 7");
    for _ in 0..4 {
        assert_eq!(action(&mut slow).await, "contact created");
    }
    world.contact("d@example.org").await;
    assert_eq!(action(&mut slow).await, "contact created");
}
