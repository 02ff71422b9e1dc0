//! The stream of drafts, in made-up time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crm_core::campaign::{CampaignStatus, WhenUnavailable::Fallback};
use crm_core::message::{GeneratedBy, Status};
use crm_core::port::llm::LlmFailure;
use crm_core::testing::llm::draft;
use crm_core::worker::WorkerOptions;
use tokio::time::Instant;

use super::shared::SharedStore;
use super::{
    Running, Timed, campaign, drafted, house, house_over, messages, people, until_drafted,
};

const PLACES: usize = 64;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn all_places_are_busy_while_there_is_work_and_nobody_is_written_to_twice() {
    let (count, takes) = (30 * PLACES, seconds(2));
    let model = Timed::good(takes);
    let world = house(&[model.clone()]);
    people(&world, "a", count).await;
    let running = Running::start(&world, PLACES);
    let begun = Instant::now();
    let id = campaign(&world, "a", Fallback).await;
    until_drafted(&world, id, count).await;
    let took = begun.elapsed();
    running.stop().await;
    assert_eq!(model.count(), count, "calls of the model");
    let about: BTreeSet<_> = model
        .calls()
        .iter()
        .map(|call| call.1.about.clone())
        .collect();
    assert_eq!(about.len(), count, "people written to");
    assert_eq!(model.most.load(Ordering::SeqCst), PLACES);
    let all = messages(&world).await;
    assert_eq!(all.len(), count);
    assert!(
        all.iter()
            .all(|message| message.generated_by == GeneratedBy::Ai)
    );
    let busy = takes.as_secs_f64() * count as f64;
    let ratio = busy / (took.as_secs_f64() * PLACES as f64);
    assert!(ratio >= 0.95, "busy for {ratio:.3} of {took:?}");
}

#[tokio::test(start_paused = true)]
async fn campaigns_take_turns() {
    let model = Timed::good(seconds(2));
    let world = house(&[model.clone()]);
    people(&world, "large", 400).await;
    people(&world, "small", 20).await;
    let large = campaign(&world, "large", Fallback).await;
    let running = Running::start(&world, 8);
    until_drafted(&world, large, 40).await;
    let small = campaign(&world, "small", Fallback).await;
    let before = drafted(&world, large).await;
    until_drafted(&world, small, 20).await;
    let meanwhile = drafted(&world, large).await - before;
    assert!(meanwhile <= 60, "{meanwhile} of the large one went before");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_asks_for_patience_is_heard_by_all() {
    let begun = Instant::now();
    let busy = move |_: usize, _: &_| {
        // The provider wants nothing for 20 seconds from its fifth second on.
        if (seconds(5)..seconds(25)).contains(&begun.elapsed()) {
            let left = seconds(25).saturating_sub(begun.elapsed());
            return Err(LlmFailure::Unavailable {
                reason: "http_429".to_owned(),
                retry_after_s: Some(left.as_secs() + 1),
            }
            .into());
        }
        Ok(draft("Здравствуйте! Поздравляем вас."))
    };
    let model = Timed::new(seconds(2), busy);
    let world = house(&[model.clone()]);
    for segment in ["a", "b"] {
        people(&world, segment, 60).await;
    }
    let (a, b) = (
        campaign(&world, "a", Fallback).await,
        campaign(&world, "b", Fallback).await,
    );
    let running = Running::start(&world, 8);
    until_drafted(&world, a, 60).await;
    until_drafted(&world, b, 60).await;
    running.stop().await;
    // What was under way when the first one was told goes on; nothing begins until the time is over.
    let calls = model.calls();
    let first = calls
        .iter()
        .map(|call| call.0 - begun)
        .find(|at| *at + seconds(2) >= seconds(5));
    let told = first.unwrap() + seconds(2);
    let quiet = calls.iter().map(|call| call.0 - begun);
    let quiet: Vec<_> = quiet.filter(|at| *at > told && *at < seconds(25)).collect();
    assert_eq!(quiet, [], "calls while it rested");
    let all = messages(&world).await;
    assert!(all.iter().all(|message| message.metadata.error.is_none()));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_while_the_store_is_away_is_stored_later_and_paid_for_once() {
    let model = Timed::good(seconds(2));
    let store = Arc::new(SharedStore::default());
    let world = house_over(store.clone(), &[model.clone()]);
    people(&world, "a", 20).await;
    let id = campaign(&world, "a", Fallback).await;
    store.refuses_messages.store(3, Ordering::SeqCst);
    let running = Running::start(&world, 8);
    let all = until_drafted(&world, id, 20);
    let in_time = tokio::time::timeout(seconds(600), all).await;
    assert!(in_time.is_ok(), "a text was lost");
    running.stop().await;
    assert_eq!(store.refuses_messages.load(Ordering::SeqCst), 0);
    assert_eq!(model.count(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_paused_campaign_is_drafted_no_more_and_loses_nothing() {
    let model = Timed::good(seconds(2));
    let world = house(&[model.clone()]);
    people(&world, "a", 200).await;
    let id = campaign(&world, "a", Fallback).await;
    let running = Running::start(&world, 8);
    until_drafted(&world, id, 40).await;
    let manager = world.manager();
    manager.campaigns().pause(id).await.unwrap();
    let (stored, asked) = (drafted(&world, id).await, model.count());
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(drafted(&world, id).await, stored);
    // Those that were begun before anybody could see the pause.
    assert!(
        model.count() <= asked + 16,
        "{} calls",
        model.count() - asked
    );
    manager.campaigns().resume(id).await.unwrap();
    // A text that was written and not stored keeps its line for five minutes by the store's clock, too.
    world.clock.advance(chrono::Duration::minutes(10));
    until_drafted(&world, id, 200).await;
    running.stop().await;
    let people: BTreeSet<_> = messages(&world)
        .await
        .iter()
        .map(|row| row.contact_id)
        .collect();
    assert_eq!(people.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_stored_before_a_worker_stops() {
    let model = Timed::good(seconds(10));
    let world = house(&[model.clone()]);
    people(&world, "a", 100).await;
    let id = campaign(&world, "a", Fallback).await;
    let running = Running::start(&world, 8);
    tokio::time::sleep(seconds(5)).await;
    assert_eq!((drafted(&world, id).await, model.count()), (0, 8));
    running.stop().await;
    assert_eq!((drafted(&world, id).await, model.count()), (8, 8));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_holds_no_worker_up_and_loses_no_line() {
    let model = Timed::good(seconds(86_400 * 30));
    let world = house(&[model.clone()]);
    people(&world, "a", 20).await;
    let id = campaign(&world, "a", Fallback).await;
    let options = WorkerOptions {
        drafts: 8,
        grace: seconds(3),
        ..WorkerOptions::default()
    };
    let running = Running::with(&world, options);
    tokio::time::sleep(seconds(5)).await;
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < seconds(10), "{:?}", begun.elapsed());
    assert_eq!(drafted(&world, id).await, 0);
    // Another process with a model that answers drafts them all, each once.
    let good = Timed::good(seconds(2));
    let engine = crm_core::engine::Engine::builder(
        Arc::clone(world.engine.store()),
        world.clock.clone(),
        Arc::new(crm_core::testing::SequentialIds::starting_at(1_000_000)),
    )
    .channel("email", world.channel.clone())
    .llm(good.clone())
    .build();
    let world = super::World { engine, ..world };
    let running = Running::start(&world, 8);
    until_drafted(&world, id, 20).await;
    running.stop().await;
    assert_eq!((messages(&world).await.len(), good.count()), (20, 20));
}

#[tokio::test(start_paused = true)]
async fn an_erased_person_gets_no_message_though_their_text_was_being_written() {
    let model = Timed::good(seconds(10));
    let world = house(&[model.clone()]);
    let people = people(&world, "a", 8).await;
    let id = campaign(&world, "a", Fallback).await;
    let running = Running::start(&world, 8);
    tokio::time::sleep(seconds(5)).await;
    let gone = people[3].id;
    world.admin().contacts().erase(gone).await.unwrap();
    until_drafted(&world, id, 7).await;
    tokio::time::sleep(seconds(60)).await;
    running.stop().await;
    let all = messages(&world).await;
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|message| message.contact_id != gone));
    assert!(
        all.iter()
            .all(|message| message.status == Status::PendingApproval)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_campaign_stores_nothing_that_was_under_way() {
    let model = Timed::good(seconds(10));
    let world = house(&[model.clone()]);
    people(&world, "a", 50).await;
    let id = campaign(&world, "a", Fallback).await;
    let running = Running::start(&world, 8);
    tokio::time::sleep(seconds(5)).await;
    let cancelled = world.manager().campaigns().cancel(id).await.unwrap();
    assert_eq!(cancelled.status, CampaignStatus::Cancelled);
    tokio::time::sleep(seconds(60)).await;
    running.stop().await;
    assert_eq!((messages(&world).await.len(), model.count()), (0, 8));
}
