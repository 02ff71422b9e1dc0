//! Subscribers are told of every state change, in order and at least once, whatever fails, dies or stands still.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod lives;
mod scripted;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use common::World;
use crm_core::engine::Engine;
use crm_core::port::clock::Clock;
use crm_core::port::subscriber::{Selection, StateChange};
use crm_core::subscription::{PATIENCE, Start, SubscriptionState};
use crm_core::testing::SequentialIds;
use crm_core::{ErrorKind, Role};
use scripted::{Act, OWN, Scripted, scripted, telling};

#[tokio::test]
async fn everything_is_told_in_order_and_once_when_nothing_fails() {
    let crm = scripted(3);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    for number in 0..5 {
        let contact = world.contact(&format!("c{number}@example.org")).await;
        let message = world.draft(&contact, "Здравствуйте!").await;
        world.approve(&message).await;
    }
    world.named("w").run_until_idle().await.unwrap();
    // Written by the round that told the last ones: nothing.
    let chain = world.chain().await.len();
    assert_eq!(crm.taken.lock().unwrap().len(), chain);
    assert_eq!(crm.ids(), world.chain_ids().await);
    let one = world.subscribed("crm").await;
    assert_eq!(
        (one.lag, one.state, one.set_up),
        (0, SubscriptionState::Active, true)
    );
    assert_eq!(world.row("crm").await.lease_until, None);
    let told = crm.once();
    let places: Vec<u64> = told.iter().map(|change| change.position).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
    let kinds: BTreeSet<String> = told.iter().map(StateChange::kind).collect();
    for kind in [
        "subscription.subscribed",
        "contact.created",
        "message.approved",
        "message.sent",
    ] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
    // Nothing new: nobody is called, and nothing is written.
    let (calls, before) = (crm.calls(), world.row("crm").await);
    assert_eq!(world.round("w").await.told, 0);
    assert_eq!((crm.calls(), world.row("crm").await), (calls, before));
}

#[tokio::test]
async fn a_subscription_begins_now_or_at_the_beginning_and_once() {
    let (old, new) = (scripted(100), scripted(100));
    let world = telling(&[("old", &old), ("new", &new)], Start::Beginning).await;
    world.contact("a@example.org").await;
    let chain = world.chain().await;
    // Begun before: where it is now does not matter.
    world
        .engine
        .subscribe(&OWN, "new", Start::Now)
        .await
        .unwrap();
    world.round("w").await;
    assert_eq!(old.ids().len(), chain.len());
    assert_eq!(old.ids(), new.ids());

    let late = scripted(100);
    let builder = Engine::builder(
        Arc::clone(world.engine.store()),
        world.clock.clone(),
        Arc::new(SequentialIds::starting_at(9_000_000)),
    );
    let engine = builder.subscriber("late", late.clone()).build();
    engine.subscribe(&OWN, "late", Start::Now).await.unwrap();
    let world = World { engine, ..world };
    world.contact("b@example.org").await;
    world.round("w").await;
    let kinds: Vec<String> = late.once().iter().map(StateChange::kind).collect();
    assert_eq!(kinds, ["subscription.subscribed", "contact.created"]);
    // One without a subscriber here is kept, and said to be.
    let one = world.subscribed("old").await;
    assert_eq!((one.set_up, one.lag), (false, 2));
    for bad in ["", "Crm", "a b"] {
        let refused = world.engine.subscribe(&OWN, bad, Start::Now).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_failing_one_waits_longer_each_time_and_holds_up_nobody() {
    let (good, bad) = (scripted(1), scripted(1));
    let world = telling(&[("bad", &bad), ("good", &good)], Start::Now).await;
    bad.does([Act::Fail, Act::TakeAndFail, Act::Panic, Act::Wait]);
    world.contact("a@example.org").await;
    world.round("w").await;
    assert_eq!(good.ids(), world.chain_ids().await);
    let mut waits = Vec::new();
    for calls in 1..=4 {
        assert_eq!(bad.calls(), calls);
        let row = world.row("bad").await;
        assert_eq!((row.failures, row.position), (calls, 0));
        let wait = row.due_at - world.clock.now();
        waits.push(wait.num_seconds());
        world.clock.advance(wait - Duration::milliseconds(1));
        world.round("w").await;
        assert_eq!(bad.calls(), calls, "called too early");
        world.clock.advance(Duration::milliseconds(1));
        world.round("w").await;
    }
    let between = |place: usize, from: i64| (from..=from + from / 5).contains(&waits[place]);
    assert!(
        between(0, 5) && between(1, 30) && between(2, 120) && between(3, 3_600),
        "{waits:?}"
    );
    assert_eq!(bad.ids(), world.chain_ids().await);
    let one = world.subscribed("bad").await;
    assert_eq!(
        (one.state, one.last_error),
        (SubscriptionState::Active, None)
    );
}

#[tokio::test]
async fn after_three_days_it_is_disabled_and_an_admin_enables_it_again() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    crm.does([Act::Take]);
    crm.does([Act::Fail; 40]);
    world.contact("a@example.org").await;
    let mut passed = Duration::zero();
    while world.subscribed("crm").await.state != SubscriptionState::Disabled {
        world.round("w").await;
        let row = world.row("crm").await;
        assert_eq!(row.position, 1);
        let wait = row.due_at - world.clock.now();
        world.clock.advance(wait.max(Duration::zero()));
        passed += wait.max(Duration::zero());
    }
    assert!(
        passed >= PATIENCE && passed < PATIENCE + Duration::hours(6),
        "{passed}"
    );
    let one = world.subscribed("crm").await;
    assert_eq!(one.last_error.as_deref(), Some("gave_up:http_500"));
    assert_eq!(world.actions().await, ["subscribed", "disabled"]);
    // It stays so.
    let calls = crm.calls();
    world.clock.advance(Duration::days(30));
    world.round("w").await;
    assert_eq!(crm.calls(), calls);

    crm.acts.lock().unwrap().clear();
    for role in [Role::Viewer, Role::Manager] {
        let session = world.act("u", role);
        let refused = session.subscriptions().enable("crm").await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
        let refused = session.subscriptions().list().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    let unknown = world.admin().subscriptions().enable("other").await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    world.admin().subscriptions().enable("crm").await.unwrap();
    world.admin().subscriptions().enable("crm").await.unwrap();
    world.round("w").await;
    assert_eq!(crm.ids(), world.chain_ids().await, "something was lost");
    assert_eq!(world.actions().await, ["subscribed", "disabled", "enabled"]);
}

#[tokio::test]
async fn one_that_is_gone_is_disabled_at_once() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    crm.does([Act::Take, Act::Close]);
    world.contact("a@example.org").await;
    world.round("w").await;
    let one = world.subscribed("crm").await;
    assert_eq!((one.state, one.position), (SubscriptionState::Disabled, 1));
    assert_eq!(one.last_error.as_deref(), Some("http_410"));
    let chain = world.chain().await;
    let last = &chain.last().unwrap().event;
    assert_eq!(
        (last.action.as_str(), last.reason.as_deref()),
        ("disabled", Some("http_410"))
    );
    assert_eq!(crm.calls(), 2);
}

#[tokio::test]
async fn what_nobody_wants_is_passed_over() {
    let crm = Arc::new(Scripted {
        batch: 10,
        selection: Selection::parse(["contact.*"]).unwrap(),
        ..Scripted::default()
    });
    let world = telling(&[("crm", &crm)], Start::Now).await;
    let contact = world.contact("a@example.org").await;
    world.draft(&contact, "Здравствуйте!").await;
    world.contact("b@example.org").await;
    world.round("w").await;
    let kinds: Vec<String> = crm.once().iter().map(StateChange::kind).collect();
    assert_eq!(kinds, ["contact.created", "contact.created"]);
    let calls = crm.calls();
    let draft = world.draft(&contact, "Ещё раз").await;
    world.approve(&draft).await;
    world.round("w").await;
    assert_eq!(crm.calls(), calls);
    assert_eq!(world.subscribed("crm").await.lag, 0);
}
