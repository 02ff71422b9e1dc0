//! What waits for a channel, a campaign or a recipient: for how long, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use chrono::{DateTime, Duration, Utc};
use common::{World, world};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Status};
use crm_core::port::channel::{Outcome, RetryScope};

fn stop() -> Outcome {
    Outcome::Stop {
        reason: "balance".to_owned(),
    }
}

fn not_now(scope: RetryScope, seconds: u64) -> Outcome {
    Outcome::RetryAfter {
        scope,
        at_least: std::time::Duration::from_secs(seconds),
        reason: "http_429".to_owned(),
    }
}

async fn approved(world: &World, address: &str) -> Message {
    let contact = world.contact(address).await;
    let message = world.draft(&contact, "a text to be sent").await;
    world.approve(&message).await
}

async fn status(world: &World, message: &Message) -> (Status, Option<String>) {
    let now = world.reload(message).await;
    (now.status, now.failure)
}

#[tokio::test]
async fn a_channel_that_is_down_for_days_sends_nothing_late() {
    let world = world();
    let message = approved(&world, "a@mail.example").await;
    let worker = world.worker();
    // For a month the channel takes nothing, and by then nobody even asks it.
    world.channel.push(not_now(RetryScope::Channel, 2_592_000));
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &message).await.0, Status::Approved);
    world
        .clock
        .advance(Duration::days(3) - Duration::microseconds(1));
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &message).await.0, Status::Approved);
    world.clock.advance(Duration::microseconds(1));
    worker.run_until_idle().await.unwrap();
    let expired = (Status::Expired, Some("too_late".to_owned()));
    assert_eq!(status(&world, &message).await, expired);
    world.clock.advance(Duration::days(60));
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 1);
    assert_eq!(world.channel.delivered().len(), 0);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn who_sends_again_starts_the_time_anew() {
    let world = world();
    let message = approved(&world, "a@mail.example").await;
    let worker = world.worker();
    let refused = Outcome::Rejected {
        reason: "550".to_owned(),
    };
    world.channel.push(refused);
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &message).await.0, Status::Failed);
    world.clock.advance(Duration::days(5));
    world.manager().messages().send(message.id).await.unwrap();
    let again = world.clock.advance(Duration::zero());
    assert_eq!(world.reload(&message).await.queued_at, Some(again));
    world.channel.push(stop());
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &message).await.0, Status::Approved);
    world.clock.advance(Duration::days(2));
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &message).await.0, Status::Sent);
    assert_eq!(world.channel.delivered().len(), 1);
}

/// What the last checks of a message that was claimed in time say, the sweep says of all that nobody claims.
#[tokio::test]
async fn what_nobody_claims_expires_too_and_only_that() {
    let world = world();
    let worker = world.worker();
    world.channel.push(not_now(RetryScope::Channel, 2_592_000));
    let first = approved(&world, "a@mail.example").await;
    worker.run_until_idle().await.unwrap();
    world.clock.advance(Duration::days(2));
    let second = approved(&world, "b@mail.example").await;
    world.clock.advance(Duration::days(1));
    let contact = world.contact("c@mail.example").await;
    let draft = world.draft(&contact, "nobody approved it").await;
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &first).await.0, Status::Expired);
    assert_eq!(status(&world, &second).await.0, Status::Approved);
    world.clock.advance(Duration::days(30));
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &second).await.0, Status::Expired);
    assert_eq!(status(&world, &draft).await.0, Status::Draft);
    let history = world.viewer().messages().history(second.id).await.unwrap();
    let last = &history.last().unwrap().event;
    assert_eq!(Event::from_past(&last.action), Some(Event::Expire));
    assert_eq!(last.reason.as_deref(), Some("too_late"));
}

/// A message for a contact that exists already.
async fn another(world: &World, first: &Message, text: &str) -> Message {
    let contact = world.manager().contacts().get(first.contact_id).await;
    let message = world.draft(&contact.unwrap(), text).await;
    world.approve(&message).await
}

fn noon() -> DateTime<Utc> {
    crm_core::testing::fixtures::noon()
}

#[tokio::test]
async fn a_recipient_who_has_to_wait_is_left_alone_by_other_messages_too() {
    let world = world();
    let worker = world.worker();
    let first = approved(&world, "a@mail.example").await;
    world.channel.push(not_now(RetryScope::Recipient, 600));
    worker.run_until_idle().await.unwrap();
    let second = another(&world, &first, "another text for the same person").await;
    let other = approved(&world, "b@mail.example").await;
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &other).await.0, Status::Sent);
    let waits = world.reload(&second).await;
    assert_eq!(waits.status, Status::Approved);
    assert_eq!(waits.failure.as_deref(), Some("recipient_waits"));
    assert_eq!(waits.not_before, noon() + Duration::seconds(600));
    assert_eq!((waits.attempts, waits.queued_at), (0, Some(noon())));
    world.clock.advance(Duration::seconds(599));
    worker.run_until_idle().await.unwrap();
    assert_eq!(
        world.channel.calls().len(),
        2,
        "the first and the other one's"
    );
    world.clock.advance(Duration::seconds(1));
    worker.run_until_idle().await.unwrap();
    for message in [&first, &second] {
        assert_eq!(status(&world, message).await.0, Status::Sent);
    }
    assert_eq!(world.channel.delivered().len(), 3);
}

#[tokio::test]
async fn a_message_alone_or_a_channel_that_waits_holds_up_no_other_recipient() {
    let world = world();
    let worker = world.worker();
    let first = approved(&world, "a@mail.example").await;
    world.channel.push(not_now(RetryScope::Message, 600));
    worker.run_until_idle().await.unwrap();
    let second = another(&world, &first, "another text for the same person").await;
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&world, &second).await.0, Status::Sent);
    assert_eq!(status(&world, &first).await.0, Status::Approved);
}
