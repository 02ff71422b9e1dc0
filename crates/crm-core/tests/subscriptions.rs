//! Subscribers are told of every state change, in order and at least once, whatever fails, dies or stands still.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::Duration;
use common::{World, world};
use crm_core::engine::{Engine, Subscribed};
use crm_core::message::history::{StoredEvent, Subject};
use crm_core::port::store::EventQuery;
use crm_core::port::subscriber::{
    Selection, StateChange, Subscriber, SubscriberCapabilities, Told,
};
use crm_core::subscription::{PATIENCE, Start, SubscriptionState};
use crm_core::testing::SequentialIds;
use crm_core::worker::{Round, Worker, WorkerOptions};
use crm_core::{ErrorKind, Role, Workspace};
use futures_util::future::{Either, select};
use proptest::prelude::*;
use tokio::sync::{Notify, watch};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Take,
    /// Takes all, and says that it did not: the answer was lost.
    TakeAndFail,
    Fail,
    Wait,
    Close,
    Panic,
    /// Takes all and does not come back.
    TakeAndHang,
    /// Does not come back.
    Hang,
}

/// Does as it is told, and takes everything once it is told nothing more.
#[derive(Debug, Default)]
struct Scripted {
    acts: Mutex<VecDeque<Act>>,
    taken: Mutex<Vec<StateChange>>,
    /// Calls that did not come back yet.
    hanging: Notify,
    freed: Notify,
    calls: AtomicU32,
    batch: u32,
    selection: Selection,
}

impl Scripted {
    fn ids(&self) -> Vec<String> {
        self.once()
            .iter()
            .map(|change| change.id.to_string())
            .collect()
    }

    /// What was taken, each for the first time.
    fn once(&self) -> Vec<StateChange> {
        let mut seen = BTreeSet::new();
        let taken = self.taken.lock().unwrap().clone();
        taken
            .into_iter()
            .filter(|change| seen.insert(change.id))
            .collect()
    }

    fn does(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Subscriber for Scripted {
    fn capabilities(&self) -> SubscriberCapabilities {
        SubscriberCapabilities {
            batch: self.batch,
            ..SubscriberCapabilities::default()
        }
    }

    fn wants(&self, change: &StateChange) -> bool {
        self.selection.holds(change)
    }

    async fn deliver(&self, changes: &[StateChange]) -> Told {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Take);
        let reason = "http_500".to_owned();
        if matches!(act, Act::Take | Act::TakeAndFail | Act::TakeAndHang) {
            self.taken.lock().unwrap().extend_from_slice(changes);
        }
        if matches!(act, Act::Hang | Act::TakeAndHang) {
            self.hanging.notify_one();
            self.freed.notified().await;
        }
        match act {
            Act::Take | Act::TakeAndHang => Told::Taken,
            Act::Fail | Act::TakeAndFail | Act::Hang => Told::Later {
                at_least: None,
                reason,
            },
            Act::Wait => Told::Later {
                at_least: Some(std::time::Duration::from_secs(3_600)),
                reason,
            },
            Act::Close => Told::Closed {
                reason: "http_410".to_owned(),
            },
            Act::Panic => panic!("as told"),
        }
    }
}

fn scripted(batch: u32) -> Arc<Scripted> {
    Arc::new(Scripted {
        batch,
        ..Scripted::default()
    })
}

static OWN: std::sync::LazyLock<Workspace> = std::sync::LazyLock::new(Workspace::default);

/// A world whose worker tells these, which begin here and now.
async fn telling(subscribers: &[(&str, &Arc<Scripted>)], from: Start) -> World {
    let mut world = world();
    let store = Arc::clone(world.engine.store());
    let mut builder = Engine::builder(
        store,
        world.clock.clone(),
        Arc::new(SequentialIds::starting_at(1_000_000)),
    )
    .channel("email", world.channel.clone());
    for (name, subscriber) in subscribers {
        let subscriber: Arc<Scripted> = Arc::clone(subscriber);
        builder = builder.subscriber(*name, subscriber);
    }
    world.engine = builder.build();
    for (name, _) in subscribers {
        world.engine.subscribe(&OWN, name, from).await.unwrap();
    }
    world
}

impl World {
    fn named(&self, name: &str) -> Worker {
        let options = WorkerOptions {
            name: name.to_owned(),
            ..WorkerOptions::default()
        };
        Worker::new(self.engine.clone(), options)
    }

    async fn round(&self, name: &str) -> Round {
        let (_sender, stop) = watch::channel(false);
        self.named(name).round(&stop).await.unwrap()
    }

    async fn chain(&self) -> Vec<StoredEvent> {
        while self.engine.store().seal(&OWN, 1_000).await.unwrap() > 0 {}
        let query = EventQuery {
            sealed_after: Some(0),
            limit: 10_000,
            ..EventQuery::default()
        };
        self.engine.store().events(&OWN, query).await.unwrap()
    }

    async fn chain_ids(&self) -> Vec<String> {
        let chain = self.chain().await;
        chain
            .iter()
            .map(|stored| stored.event.id.to_string())
            .collect()
    }

    async fn subscribed(&self, name: &str) -> Subscribed {
        let all = self.admin().subscriptions().list().await.unwrap();
        all.into_iter()
            .find(|one| one.subscription.name == name)
            .unwrap()
    }

    async fn actions(&self) -> Vec<String> {
        let chain = self.chain().await;
        let of = |subject| move |stored: &&StoredEvent| stored.event.subject == subject;
        let ours = chain.iter().filter(of(Subject::Subscription));
        ours.map(|stored| stored.event.action.clone()).collect()
    }
}

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
    assert_eq!(crm.taken.lock().unwrap().len(), world.chain().await.len());
    assert_eq!(crm.ids(), world.chain_ids().await);
    let one = world.subscribed("crm").await;
    assert_eq!(
        (one.lag, one.state, one.set_up),
        (0, SubscriptionState::Active, true)
    );
    assert_eq!(one.subscription.lease_until, None);
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
    let (calls, before) = (crm.calls(), one.subscription);
    assert_eq!(world.round("w").await.told, 0);
    assert_eq!(
        (crm.calls(), world.subscribed("crm").await.subscription),
        (calls, before)
    );
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
        let row = world.subscribed("bad").await.subscription;
        assert_eq!((row.failures, row.position), (calls, 0));
        let wait = row.due_at - crm_core::port::clock::Clock::now(&*world.clock);
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
        (one.state, one.subscription.last_error),
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
        let row = world.subscribed("crm").await.subscription;
        assert_eq!(row.position, 1);
        let wait = row.due_at - crm_core::port::clock::Clock::now(&*world.clock);
        world.clock.advance(wait.max(Duration::zero()));
        passed += wait.max(Duration::zero());
    }
    assert!(
        passed >= PATIENCE && passed < PATIENCE + Duration::hours(6),
        "{passed}"
    );
    let one = world.subscribed("crm").await;
    assert_eq!(
        one.subscription.last_error.as_deref(),
        Some("gave_up:http_500")
    );
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
    assert_eq!(
        (one.state, one.subscription.position),
        (SubscriptionState::Disabled, 1)
    );
    assert_eq!(one.subscription.last_error.as_deref(), Some("http_410"));
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

/// Has the worker `a` stand still in its next call, whatever that does, until the test goes on.
async fn while_a_stands_still<F: Future<Output = ()>>(
    world: &World,
    crm: &Scripted,
    act: Act,
    meanwhile: impl FnOnce() -> F,
) {
    crm.acts.lock().unwrap().push_front(act);
    let (_sender, stop) = watch::channel(false);
    let worker = world.named("a");
    let round = pin!(worker.round(&stop));
    let hanging = pin!(crm.hanging.notified());
    let Either::Right(((), round)) = select(round, hanging).await else {
        panic!("it did not hang");
    };
    meanwhile().await;
    crm.freed.notify_one();
    round.await.unwrap();
}

#[tokio::test]
async fn a_second_worker_keeps_away_while_the_first_one_calls() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    while_a_stands_still(&world, &crm, Act::TakeAndHang, async || {
        assert_eq!(world.round("b").await.told, 0);
        assert_eq!(crm.calls(), 1);
    })
    .await;
    assert_eq!(crm.taken.lock().unwrap().len(), world.chain().await.len());
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_moves_nothing() {
    for act in [Act::TakeAndHang, Act::Hang] {
        let crm = scripted(1);
        let world = telling(&[("crm", &crm)], Start::Now).await;
        world.contact("a@example.org").await;
        while_a_stands_still(&world, &crm, act, async || {
            world.clock.advance(Duration::minutes(10));
            // It takes two, and is failed for the third.
            world.contact("b@example.org").await;
            crm.does([Act::Take, Act::Take, Act::Close]);
            assert_eq!(world.round("b").await.told, 2);
        })
        .await;
        let one = world.subscribed("crm").await;
        // Neither was the place moved back nor the failure forgotten.
        assert_eq!(
            (one.subscription.position, one.state),
            (2, SubscriptionState::Disabled)
        );
        world.admin().subscriptions().enable("crm").await.unwrap();
        world.round("b").await;
        assert_eq!(crm.ids(), world.chain_ids().await);
    }
}

#[tokio::test]
async fn enabling_amid_a_call_loses_no_move() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::Fail]);
    world.round("a").await;
    world.clock.advance(Duration::hours(1));
    while_a_stands_still(&world, &crm, Act::TakeAndHang, async || {
        world.admin().subscriptions().enable("crm").await.unwrap();
        assert_eq!(world.round("b").await.told, 0, "a second one was let in");
    })
    .await;
    let row = world.subscribed("crm").await.subscription;
    assert_eq!((row.position, row.lease_until), (2, None));
    world.round("b").await;
    let taken = crm.taken.lock().unwrap().len();
    assert_eq!(taken, 3, "told twice without need");
}

#[tokio::test]
async fn the_next_dispatcher_takes_the_lease_of_the_dead_one() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::TakeAndHang]);
    {
        let (_sender, stop) = watch::channel(false);
        let worker = world.named("a");
        let round = pin!(worker.round(&stop));
        select(round, pin!(crm.hanging.notified())).await;
    }
    assert!(
        world
            .subscribed("crm")
            .await
            .subscription
            .lease_until
            .is_some()
    );
    world.named("b").run_until_idle().await.unwrap();
    assert_eq!(crm.ids(), world.chain_ids().await);
    assert_eq!(
        crm.taken.lock().unwrap().len(),
        world.chain().await.len() + 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_worker_tells_each_by_itself_and_stops_in_time() {
    let (slow, crm) = (scripted(1), scripted(1));
    let world = telling(&[("crm", &crm), ("slow", &slow)], Start::Now).await;
    slow.does([Act::Hang]);
    let (sender, stop) = watch::channel(false);
    let options = WorkerOptions {
        grace: std::time::Duration::from_secs(5),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    let running = tokio::spawn(async move { worker.run(stop).await });
    slow.hanging.notified().await;
    world.contact("a@example.org").await;
    while crm.ids().len() < world.chain_ids().await.len() {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let asked = tokio::time::Instant::now();
    sender.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert!(asked.elapsed() < std::time::Duration::from_secs(6));
    // A stop is no failure of the subscriber.
    let row = world.subscribed("slow").await.subscription;
    assert_eq!((row.failures, row.lease_until), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up() {
    let crm = scripted(1);
    let world = telling(&[("crm", &crm)], Start::Now).await;
    world.contact("a@example.org").await;
    crm.does([Act::Hang]);
    let asked = tokio::time::Instant::now();
    world.round("w").await;
    assert_eq!(asked.elapsed().as_secs(), 30);
    let row = world.subscribed("crm").await.subscription;
    assert_eq!(
        (row.failures, row.last_error.as_deref()),
        (1, Some("timeout"))
    );
}

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
