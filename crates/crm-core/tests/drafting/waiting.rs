//! Campaigns that rather wait for a model than let something stand in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crm_core::campaign::WhenUnavailable::{Fallback, Wait};
use crm_core::message::{GeneratedBy, StandIn};
use crm_core::port::llm::{Draft, DraftRequest, LlmError, LlmFailure};
use crm_core::testing::llm::draft;
use tokio::time::Instant;

use super::{Running, Timed, campaign, drafted, house, messages, people, until_drafted};

fn overloaded() -> LlmError {
    LlmFailure::Unavailable {
        reason: "http_529".to_owned(),
        retry_after_s: None,
    }
    .into()
}

/// Overloaded until the switch is thrown.
fn switched(up: Arc<AtomicBool>) -> impl Fn(usize, &DraftRequest) -> Result<Draft, LlmError> {
    move |_, _| {
        if up.load(Ordering::SeqCst) {
            Ok(draft("Здравствуйте! Поздравляем вас."))
        } else {
            Err(overloaded())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_waits_visibly_calls_seldom_and_goes_on_by_itself() {
    let up = Arc::new(AtomicBool::new(false));
    let model = Timed::new(Duration::from_millis(300), switched(Arc::clone(&up)));
    let world = house(&[model.clone()]);
    people(&world, "a", 100).await;
    let id = campaign(&world, "a", Wait).await;
    let running = Running::start(&world, 16);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let waits = world.viewer().campaigns().get(id).await.unwrap();
    assert_eq!(waits.waiting.unwrap().reason, "http_529");
    assert_eq!(drafted(&world, id).await, 0);
    // Sixteen were begun and repeated before anybody knew; then one at a time, in growing pauses.
    let calls = model.count();
    assert!(calls <= 32 + 2 * 25, "{calls} calls in an hour");
    assert!(calls >= 32 + 2 * 10, "{calls} calls in an hour");
    up.store(true, Ordering::SeqCst);
    until_drafted(&world, id, 1).await;
    let first = Instant::now();
    until_drafted(&world, id, 100).await;
    // Sixteen at once again: the one that tried was the last by itself.
    let took = first.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let goes_on = world.viewer().campaigns().get(id).await.unwrap();
    assert_eq!(goes_on.waiting, None);
    running.stop().await;
    let all = messages(&world).await;
    assert!(
        all.iter()
            .all(|row| row.generated_by == GeneratedBy::Ai && !row.metadata.fallback_used)
    );
    assert_eq!(all.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_does_not_wait_says_what_stood_in_and_why() {
    let model = Timed::new(Duration::ZERO, |_, _| Err(overloaded()));
    let world = house(&[model.clone()]);
    people(&world, "a", 5).await;
    let id = campaign(&world, "a", Fallback).await;
    world.worker().run_until_idle().await.unwrap();
    let all = messages(&world).await;
    assert_eq!(all.len(), 5);
    for message in all {
        let metadata = &message.metadata;
        assert!(metadata.fallback_used);
        assert_eq!(metadata.fallback_step, Some(StandIn::Greeting));
        assert_eq!(metadata.error.as_deref(), Some("http_529"));
        assert_eq!(message.generated_by, GeneratedBy::Manual);
    }
    let campaign = world.viewer().campaigns().get(id).await.unwrap();
    assert_eq!(campaign.waiting, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_model_declines_is_not_waited_for() {
    let model = Timed::new(Duration::ZERO, |_, _| Err(LlmFailure::Refused.into()));
    let world = house(&[model.clone()]);
    people(&world, "a", 5).await;
    campaign(&world, "a", Wait).await;
    world.worker().run_until_idle().await.unwrap();
    let all = messages(&world).await;
    assert_eq!((all.len(), model.count()), (5, 5));
    assert!(
        all.iter()
            .all(|row| row.metadata.error.as_deref() == Some("refused"))
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_model_a_campaign_that_waits_waits_and_another_does_not() {
    let world = house(&[]);
    people(&world, "a", 300).await;
    let waits = campaign(&world, "a", Wait).await;
    let goes = campaign(&world, "a", Fallback).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(drafted(&world, waits).await, 0);
    assert_eq!(drafted(&world, goes).await, 300);
    let waits = world.viewer().campaigns().get(waits).await.unwrap();
    assert_eq!(waits.waiting.unwrap().reason, "no_model");
}
