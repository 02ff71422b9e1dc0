//! The course of a batch: as it should go, and what becomes of it otherwise.

use std::sync::atomic::Ordering;

use chrono::Duration;
use crm_core::budget::{EntryState, Period};
use crm_core::campaign::{CampaignFields, CampaignStatus, Drafting, WhenUnavailable};
use crm_core::draft_batch::DraftBatchState;
use crm_core::engine::SetBudget;
use crm_core::message::GeneratedBy;
use crm_core::port::llm::LlmFailure;
use crm_core::port::llm_batch::{Created, RequestId, SubmitError};
use crm_core::testing::llm_batch::{RequestEnd, Submission};

use super::{ONE_BY_ONE, fields, house, price, texts};

const MINUTE: Duration = Duration::minutes(1);

#[tokio::test]
async fn a_campaign_is_drafted_in_one_batch_and_each_text_is_paid_for_once() {
    let house = house();
    let id = house.campaign(5, fields()).await;
    house.run().await;
    assert_eq!(house.provider.made.lock().unwrap()[0].len(), 5);
    assert!(house.messages().await.is_empty());
    let running = &house.batches(id).await[0];
    assert_eq!(running.state, DraftBatchState::Running);
    assert_eq!(running.lease_until, None);
    house.later(MINUTE).await;
    assert!(house.messages().await.is_empty(), "it is under way");
    house.end(&[]);
    house.later(MINUTE).await;

    let messages = house.messages().await;
    assert_eq!(texts(&messages), [("Hello", 5)].into());
    for message in &messages {
        assert_eq!(message.generated_by, GeneratedBy::Ai);
        assert_eq!(message.metadata.cost_picodollars, price());
        assert_eq!(message.metadata.prompt_version, running.prompt_version);
        assert!(message.metadata.prompt_version.is_some());
    }
    assert_eq!(house.model.calls.load(Ordering::SeqCst), 0);
    assert_eq!(house.spent(true).await, (5, 5 * price()));
    let entries = house.ledger().await;
    assert!(
        entries
            .iter()
            .all(|it| it.state == EntryState::Settled && !it.held)
    );
    let batches = house.batches(id).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].state, DraftBatchState::Closed);
}

#[tokio::test]
async fn handing_over_many_lines_asks_the_stores_clock_no_more_often_than_one() {
    let mut reads = Vec::new();
    for people in [1, 40] {
        let house = house();
        house.campaign(people, fields()).await;
        let before = house.store.clock_reads.load(Ordering::SeqCst);
        house.run().await;
        assert_eq!(house.provider.made.lock().unwrap()[0].len(), people);
        reads.push(house.store.clock_reads.load(Ordering::SeqCst) - before);
    }
    assert_eq!(reads[0], reads[1], "each is a way to the database and back");
}

#[tokio::test]
async fn what_a_batch_brings_no_text_for_is_written_one_by_one() {
    let house = house();
    let id = house.campaign(9, fields()).await;
    house.run().await;
    house.end(&[
        (0, RequestEnd::Refused),
        (1, RequestEnd::CutOff),
        (2, RequestEnd::Malformed),
        (3, RequestEnd::Fault),
        (4, RequestEnd::Cancelled),
        (5, RequestEnd::Expired),
        (6, RequestEnd::Text("Dear [name]".to_owned())),
    ]);
    house.later(MINUTE).await;
    let messages = house.messages().await;
    assert_eq!(texts(&messages), [("Hello", 2), (ONE_BY_ONE, 7)].into());
    assert_eq!(house.model.calls.load(Ordering::SeqCst), 7);
    // Two good texts and one that could not be used; the others' failures cost what they say: nothing.
    assert_eq!(house.spent(true).await, (3, 3 * price()));
    assert_eq!(house.spent(false).await, (7, 7 * price()));
    let open = EntryState::Reserved;
    assert!(house.ledger().await.iter().all(|it| it.state != open));
    assert_eq!(house.batches(id).await[0].state, DraftBatchState::Closed);
}

#[tokio::test]
async fn a_line_that_cannot_be_read_counts_as_paid_for() {
    let house = house();
    house.campaign(3, fields()).await;
    house.run().await;
    house.end(&[(1, RequestEnd::Garbage)]);
    house.later(MINUTE).await;
    assert_eq!(
        texts(&house.messages().await),
        [("Hello", 2), (ONE_BY_ONE, 1)].into()
    );
    let entries = house.ledger().await;
    let assumed = entries.iter().filter(|it| it.state == EntryState::Assumed);
    assert_eq!(assumed.count(), 1);
    assert_eq!(house.spent(true).await, (3, 3 * price()));
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_batch() {
    let house = house();
    let id = house.campaign(4, fields()).await;
    house.provider.inner.next_submission(Submission::AnswerLost);
    house.run().await;
    for _ in 0..3 {
        house.later(Duration::minutes(20)).await;
        assert_eq!(
            house.batches(id).await[0].state,
            DraftBatchState::Submitting
        );
    }
    house.end(&[]);
    house.later(Duration::minutes(20)).await;
    house.later(Duration::minutes(20)).await;
    assert_eq!(house.provider.inner.count(), 1);
    assert_eq!(texts(&house.messages().await), [("Hello", 4)].into());
    assert_eq!(house.spent(true).await, (4, 4 * price()));
}

#[tokio::test]
async fn a_lost_request_is_handed_over_again() {
    let house = house();
    let id = house.campaign(4, fields()).await;
    house
        .provider
        .inner
        .next_submission(Submission::RequestLost);
    house.run().await;
    house.later(MINUTE).await;
    assert_eq!(
        house.batches(id).await[0].state,
        DraftBatchState::Submitting
    );
    assert_eq!(house.provider.inner.count(), 0, "it may be on its way");
    house.later(Duration::minutes(15)).await;
    house.later(MINUTE).await;
    assert_eq!(house.provider.inner.count(), 1);
    house.end(&[]);
    house.later(MINUTE).await;
    assert_eq!(texts(&house.messages().await), [("Hello", 4)].into());
    let released = |state| state == EntryState::Released;
    let entries = house.ledger().await;
    assert_eq!(entries.iter().filter(|it| released(it.state)).count(), 4);
    assert_eq!(house.spent(true).await, (4, 4 * price()));
}

#[tokio::test]
async fn a_provider_that_wants_no_more_for_now_is_asked_later() {
    let house = house();
    let id = house.campaign(2, fields()).await;
    house.provider.inner.next_submission(Submission::Limited);
    house.run().await;
    let waits = &house.batches(id).await[0];
    assert_eq!(waits.state, DraftBatchState::Planned);
    assert_eq!(waits.last_error.as_deref(), Some("rate_limited"));
    assert!(
        house
            .ledger()
            .await
            .iter()
            .all(|it| it.state == EntryState::Released)
    );
    house.later(Duration::seconds(10)).await;
    assert_eq!(
        house.provider.handed.lock().unwrap().len(),
        1,
        "not before its time"
    );
    house.later(MINUTE).await;
    house.end(&[]);
    house.later(MINUTE).await;
    assert_eq!(texts(&house.messages().await), [("Hello", 2)].into());
}

#[tokio::test]
async fn a_budget_lets_as_many_into_a_batch_as_it_has_room_for() {
    let house = house();
    let admin = house.world.admin();
    let id = house.campaign(5, fields()).await;
    let limit = 3 * price() + price() / 2;
    admin
        .budgets()
        .set(SetBudget {
            campaign_id: None,
            period: Period::Total,
            limit_picodollars: limit,
            version: None,
        })
        .await
        .unwrap();
    house.run().await;
    assert_eq!(house.provider.made.lock().unwrap()[0].len(), 3);
    // What a lost batch is found by.
    assert_eq!(house.batches(id).await[0].requests, 3);
    house.end(&[]);
    house.later(MINUTE).await;
    let messages = house.messages().await;
    assert_eq!(messages.len(), 5);
    let over = |message: &&crm_core::message::Message| {
        message.metadata.error.as_deref() == Some("over_budget")
    };
    assert_eq!(messages.iter().filter(over).count(), 2);
    assert_eq!(house.spent(true).await, (3, 3 * price()));
    assert_eq!(house.model.calls.load(Ordering::SeqCst), 0);
    assert_eq!(house.batches(id).await[0].state, DraftBatchState::Closed);
}

#[tokio::test]
async fn a_cancelled_campaign_cancels_its_batch_and_stores_nothing() {
    let house = house();
    let id = house.campaign(3, fields()).await;
    house.run().await;
    house.world.manager().campaigns().cancel(id).await.unwrap();
    house.later(MINUTE).await;
    assert!(house.provider.cancelled.load(Ordering::SeqCst) > 0);
    house.end(&[(0, RequestEnd::Cancelled)]);
    house.later(MINUTE).await;
    assert!(house.messages().await.is_empty());
    assert_eq!(
        house.spent(true).await,
        (2, 2 * price()),
        "what was begun is paid for"
    );
    assert_eq!(house.batches(id).await[0].state, DraftBatchState::Closed);
}

#[tokio::test]
async fn a_paused_campaign_gets_its_texts_when_it_goes_on() {
    let house = house();
    let id = house.campaign(3, fields()).await;
    house.run().await;
    let manager = house.world.manager();
    manager.campaigns().pause(id).await.unwrap();
    house.end(&[]);
    house.later(Duration::hours(5)).await;
    assert!(house.messages().await.is_empty());
    manager.campaigns().resume(id).await.unwrap();
    house.later(MINUTE).await;
    assert_eq!(texts(&house.messages().await), [("Hello", 3)].into());
    assert_eq!(house.model.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_worker_that_loses_the_lease_leaves_the_batch_alone() {
    let house = house();
    house.campaign(2, fields()).await;
    house.run().await;
    house.world.clock.advance(MINUTE);
    let other = house.worker();
    house
        .store
        .before_next_commit(move || Box::pin(async move { other.run_until_idle().await.unwrap() }));
    house.run().await;
    assert_eq!(house.provider.polled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_full_batch_does_not_wait_until_everybody_is_planned() {
    let house = house();
    house.provider.most.store(100, Ordering::SeqCst);
    // More than a round plans.
    let id = house.campaign(10_001, fields()).await;
    let (_stop, stop) = tokio::sync::watch::channel(false);
    house.worker().round(&stop).await.unwrap();
    let viewer = house.world.viewer();
    assert!(!viewer.campaigns().get(id).await.unwrap().planned);
    assert_eq!(house.provider.made.lock().unwrap()[0].len(), 100);
}

#[tokio::test]
async fn a_paused_campaign_hands_nothing_over() {
    let house = house();
    let id = house.campaign(2, fields()).await;
    house.provider.inner.next_submission(Submission::Limited);
    house.run().await;
    let manager = house.world.manager();
    manager.campaigns().pause(id).await.unwrap();
    house.later(Duration::hours(5)).await;
    assert_eq!(house.provider.handed.lock().unwrap().len(), 1);
    manager.campaigns().resume(id).await.unwrap();
    house.later(MINUTE).await;
    assert_eq!(house.provider.handed.lock().unwrap().len(), 2);
    house.end(&[]);
    house.later(MINUTE).await;
    assert_eq!(texts(&house.messages().await), [("Hello", 2)].into());
}

#[tokio::test]
async fn more_lines_than_a_batch_holds_wait_for_the_next_one() {
    let house = house();
    house.provider.most.store(2, Ordering::SeqCst);
    let id = house.campaign(5, fields()).await;
    house.run().await;
    house.end(&[]);
    house.later(MINUTE).await;
    assert_eq!(texts(&house.messages().await), [("Hello", 5)].into());
    assert_eq!(house.model.calls.load(Ordering::SeqCst), 0);
    let sizes: Vec<u32> = house
        .batches(id)
        .await
        .iter()
        .map(|it| it.requests)
        .collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn a_campaign_that_waits_keeps_its_batch_and_another_falls_back() {
    for when_unavailable in [WhenUnavailable::Wait, WhenUnavailable::Fallback] {
        let house = house();
        let fields = CampaignFields {
            when_unavailable,
            ..fields()
        };
        let id = house.campaign(2, fields).await;
        house.provider.inner.next_submission(Submission::Limited);
        house.run().await;
        assert_eq!(house.batches(id).await[0].state, DraftBatchState::Planned);
        assert!(house.messages().await.is_empty());
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_waited_out_or_fallen_back_from_as_the_campaign_was_told() {
    use WhenUnavailable::{Fallback, Wait};
    // A request that the provider finds invalid is to blame itself: whoever waits for that waits for ever.
    for (blames_one, when_unavailable, one_by_one) in [
        (true, Wait, true),
        (true, Fallback, true),
        (false, Wait, false),
        (false, Fallback, true),
    ] {
        let house = house();
        let fields = CampaignFields {
            when_unavailable,
            ..fields()
        };
        let reason = "invalid_request".to_owned();
        *house.provider.refusal.lock().unwrap() = Some(SubmitError {
            created: Created::No,
            request: blames_one.then(|| RequestId::new("first").unwrap()),
            error: Box::new(LlmFailure::Configuration { reason }.into()),
        });
        let id = house.campaign(2, fields).await;
        house.run().await;
        let batch = &house.batches(id).await[0];
        let messages = house.messages().await;
        if one_by_one {
            assert_eq!(texts(&messages), [(ONE_BY_ONE, 2)].into());
            assert_eq!(batch.state, DraftBatchState::Closed);
        } else {
            assert!(messages.is_empty());
            assert_eq!(batch.state, DraftBatchState::Planned);
            assert_eq!(batch.last_error.as_deref(), Some("invalid_request"));
        }
        let released = house.ledger().await;
        let released = released.iter().filter(|it| it.batch);
        assert!(released.clone().all(|it| it.state == EntryState::Released));
        assert_eq!(released.count(), 2);
    }
}

#[tokio::test]
async fn a_campaign_ends_only_after_its_batches() {
    let house = house();
    let id = house.campaign(2, fields()).await;
    house.run().await;
    house.later(MINUTE).await;
    let viewer = house.world.viewer();
    let status = async || viewer.campaigns().get(id).await.unwrap().status;
    assert_eq!(status().await, CampaignStatus::Active);
    house.end(&[]);
    house.later(MINUTE).await;
    let approvals = house.world.manager();
    for message in house.messages().await {
        let seen = crm_core::message::decide::Seen::of(&message);
        approvals
            .approvals()
            .approve(message.id, seen)
            .await
            .unwrap();
    }
    house.later(MINUTE).await;
    assert_eq!(status().await, CampaignStatus::Completed);
}

#[tokio::test]
async fn a_campaign_that_is_not_to_wait_is_drafted_at_once() {
    let house = house();
    let fields = CampaignFields {
        drafting: Drafting::Now,
        ..fields()
    };
    house.campaign(3, fields).await;
    house.run().await;
    assert_eq!(texts(&house.messages().await), [(ONE_BY_ONE, 3)].into());
    assert!(house.provider.handed.lock().unwrap().is_empty());
}
