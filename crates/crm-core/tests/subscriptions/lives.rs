//! Random lives: failures of all kinds, crashes, two workers. The receiver has the chain in the end.

use std::pin::pin;
use std::sync::Arc;

use chrono::Duration;
use crm_core::port::subscriber::{Selection, StateChange};
use crm_core::subscription::{Start, SubscriptionState};
use futures_util::future::{Either, select};
use proptest::prelude::*;
use tokio::sync::watch;

use crate::scripted::{Act, Scripted, telling};

/// One step of a random life.
#[derive(Debug, Clone)]
enum Step {
    /// A contact, and perhaps a message that is approved.
    Happen(bool),
    /// A worker makes a round, in which the subscriber does this.
    Round(bool, Vec<Act>),
    /// A worker dies in a call, after the subscriber took it or before.
    Crash(bool, Vec<Act>, bool),
    /// A worker stands still in a call beyond its lease while the other one works.
    Freeze(Vec<Act>, bool, Vec<Act>),
    Pass(i64),
    Enable,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => Just(Act::Take),
        1 => Just(Act::TakeAndFail),
        1 => Just(Act::Fail),
        1 => Just(Act::Wait),
        1 => Just(Act::Close),
        1 => Just(Act::Panic),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 0..4)
}

fn takes() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(Just(Act::Take), 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Happen),
        3 => (any::<bool>(), acts()).prop_map(|(who, acts)| Step::Round(who, acts)),
        2 => (any::<bool>(), takes(), any::<bool>())
            .prop_map(|(who, first, took)| Step::Crash(who, first, took)),
        2 => (takes(), any::<bool>(), acts()).prop_map(|(a, took, b)| Step::Freeze(a, took, b)),
        2 => (1..20_000_i64).prop_map(Step::Pass),
        1 => Just(Step::Enable),
    ]
}

/// Lives through the steps. Calls that hang do so only where a step says it.
async fn live(steps: Vec<Step>, batch: u32, kinds: &[&str]) {
    let crm = Arc::new(Scripted {
        batch,
        selection: Selection::parse(kinds.iter().copied()).unwrap(),
        ..Scripted::default()
    });
    let world = telling(&[("crm", &crm)], Start::Now).await;
    let name = |first: bool| if first { "a" } else { "b" };
    let mut people = 0;
    for step in steps {
        crm.acts.lock().unwrap().clear();
        match step {
            Step::Happen(message) => {
                people += 1;
                let contact = world.contact(&format!("c{people}@example.org")).await;
                if message {
                    let message = world.draft(&contact, "Здравствуйте!").await;
                    world.approve(&message).await;
                }
            }
            Step::Round(first, acts) => {
                crm.does(acts);
                world.round(name(first)).await;
            }
            Step::Crash(first, before, took) => {
                crm.does(before);
                crm.does([if took { Act::TakeAndHang } else { Act::Hang }]);
                let (_sender, stop) = watch::channel(false);
                let worker = world.named(name(first));
                let round = pin!(worker.round(&stop));
                // It dies if it comes so far.
                select(round, pin!(crm.hanging.notified())).await;
            }
            Step::Freeze(before, took, others) => {
                crm.does(before);
                crm.does([if took { Act::TakeAndHang } else { Act::Hang }]);
                let (_sender, stop) = watch::channel(false);
                let worker = world.named("a");
                let round = pin!(worker.round(&stop));
                if let Either::Right(((), round)) =
                    select(round, pin!(crm.hanging.notified())).await
                {
                    world.clock.advance(Duration::minutes(5));
                    crm.acts.lock().unwrap().clear();
                    crm.does(others);
                    world.round("b").await;
                    crm.acts.lock().unwrap().clear();
                    crm.freed.notify_one();
                    round.await.unwrap();
                }
            }
            Step::Pass(seconds) => {
                world.clock.advance(Duration::seconds(seconds));
            }
            Step::Enable => world.admin().subscriptions().enable("crm").await.unwrap(),
        }
    }
    // All is well again.
    crm.acts.lock().unwrap().clear();
    world.clock.advance(Duration::days(2));
    world.admin().subscriptions().enable("crm").await.unwrap();
    world.named("b").run_until_idle().await.unwrap();
    let chain = world.chain().await;
    let wanted: Vec<StateChange> = chain
        .iter()
        .filter_map(StateChange::of)
        .filter(|change| crm.selection.holds(change))
        .collect();
    assert_eq!(crm.once(), wanted);
    let one = world.subscribed("crm").await;
    assert_eq!((one.lag, one.state), (0, SubscriptionState::Active));
    assert!(world.admin().audit().verify(None).await.unwrap().valid);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_fails_the_receiver_has_the_chain_in_order(
        steps in prop::collection::vec(step(), 1..30),
        batch in 1..4_u32,
        some in any::<bool>(),
    ) {
        let kinds: &[&str] = if some { &["message.*", "subscription.*"] } else { &[] };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live(steps, batch, kinds));
    }
}
