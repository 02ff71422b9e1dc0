//! What providers say after the call: in any order, twice, too early and about nobody.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use chrono::Duration;
use common::{World, world};
use crm_core::engine::{Engine, Received};
use crm_core::message::history::Subject;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, Message, Status};
use crm_core::port::callback::{About, Callback, Doubt, Fate, LookUp, News, Receipt};
use crm_core::port::channel::{ChannelCapabilities, Outcome};
use crm_core::port::store::{EventQuery, ReceiptQuery, SuppressionQuery};
use crm_core::receipt::{KeptReceipt, ReceiptState};
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{ErrorKind, Workspace};
use proptest::prelude::*;

fn failed(dead: bool) -> Fate {
    let reason = "30003".to_owned();
    Fate::Failed { reason, dead }
}

fn receipt(about: About, fate: Fate) -> News {
    News::Receipt(Receipt {
        about,
        fate,
        at: None,
    })
}

/// A world whose channel can be asked, and looks it up at once.
fn asking() -> World {
    let mut world = world();
    let channel = Arc::new(RecordingChannel::new(ChannelCapabilities {
        look_up: true,
        ..ChannelCapabilities::default()
    }));
    let clock = Arc::new(FakeClock::default());
    let store = Arc::clone(world.engine.store());
    world.engine = Engine::builder(store, clock.clone(), Arc::new(SequentialIds::default()))
        .channel("email", channel.clone())
        .build();
    (world.channel, world.clock) = (channel, clock);
    world
}

/// Whose everything is.
static OWN: std::sync::LazyLock<Workspace> = std::sync::LazyLock::new(Workspace::default);

impl World {
    async fn hear(&self, news: News) -> Received {
        let heard = self.engine.hear(&OWN, "email", vec![news]);
        heard.await.unwrap()
    }

    /// A message whose delivery ended so.
    async fn delivered(&self, outcome: Option<Outcome>) -> (Message, Attempt) {
        self.delivered_to("dilnoza@example.org", outcome).await
    }

    async fn delivered_to(&self, email: &str, outcome: Option<Outcome>) -> (Message, Attempt) {
        let contact = self.contact(email).await;
        let message = self.draft(&contact, "Здравствуйте!").await;
        let message = self.approve(&message).await;
        if let Some(outcome) = outcome {
            self.channel.push(outcome);
        }
        self.worker().run_until_idle().await.unwrap();
        let trail = self.engine.store().trail(&OWN, message.id);
        let attempt = trail.await.unwrap().attempts.pop().unwrap();
        (self.reload(&message).await, attempt)
    }

    async fn kept(&self) -> Vec<KeptReceipt> {
        let query = ReceiptQuery::default();
        let kept = self.engine.store().receipts(&OWN, query);
        kept.await.unwrap()
    }

    async fn suppressed(&self) -> Vec<String> {
        let query = SuppressionQuery::default();
        let rows = self.engine.store().suppressions(&OWN, query);
        let rows = rows.await.unwrap().items.into_iter();
        rows.map(|row| row.reason).collect()
    }

    async fn actions(&self, message: &Message) -> Vec<String> {
        let query = EventQuery {
            subject: Some((Subject::Message, message.id.0)),
            ..EventQuery::default()
        };
        let events = self.engine.store().events(&OWN, query);
        let events = events.await.unwrap().into_iter();
        events.map(|stored| stored.event.action).collect()
    }

    /// Looks as often as it takes until nothing waits any more, or for two hours.
    async fn settle(&self) {
        for _ in 0..200 {
            self.worker().run_until_idle().await.unwrap();
            let waits = |kept: &KeptReceipt| kept.state == ReceiptState::Waiting;
            if !self.kept().await.iter().any(waits) {
                return;
            }
            self.clock.advance(Duration::seconds(36));
        }
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown {
        reason: "timeout".to_owned(),
    }
}

#[tokio::test]
async fn an_id_that_was_given_twice_means_the_latest_delivery() {
    let world = world();
    let accepted = || Outcome::Accepted {
        provider_id: "SM-7".to_owned(),
    };
    let (first, _) = world.delivered(Some(accepted())).await;
    world.clock.advance(Duration::minutes(1));
    let (second, _) = world
        .delivered_to("second@example.org", Some(accepted()))
        .await;
    let about = About::ProviderId("SM-7".to_owned());
    world.hear(receipt(about, Fate::Delivered)).await;
    assert_eq!(world.kept().await[0].message_id, Some(second.id));
    assert_eq!(world.reload(&second).await.status, Status::Delivered);
    assert_eq!(world.reload(&first).await.status, Status::Sent);
}

#[tokio::test]
async fn a_receipt_moves_what_was_sent() {
    for (fate, status) in [
        (Fate::Accepted, Status::Sent),
        (Fate::Delivered, Status::Delivered),
        (Fate::Read, Status::Delivered),
        (failed(false), Status::Failed),
    ] {
        let world = world();
        let (message, attempt) = world.delivered(None).await;
        assert_eq!(message.status, Status::Sent);
        let about = About::ProviderId(message.provider_id.clone().unwrap());
        let heard = world.hear(receipt(about, fate.clone())).await;
        assert_eq!(heard.receipts, 1);
        let after = world.reload(&message).await;
        assert_eq!(after.status, status, "{fate:?}");
        assert_eq!(after.sent_at, message.sent_at);
        let reason = matches!(fate, Fate::Failed { .. }).then(|| "30003".to_owned());
        assert_eq!(after.failure, reason);
        let [kept] = &world.kept().await[..] else {
            unreachable!("not kept once")
        };
        assert_eq!(kept.state, ReceiptState::Settled);
        assert_eq!(kept.message_id, Some(message.id));
        // The same again, under our own name for it, too.
        let again = receipt(About::Attempt(attempt.id), fate.clone());
        world.hear(again.clone()).await;
        world.hear(again).await;
        assert_eq!(world.reload(&message).await, after);
        assert_eq!(world.suppressed().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_receipt_settles_a_doubt() {
    for (fate, status, action) in [
        (Fate::Accepted, Status::Sent, "confirmed_sent"),
        (Fate::Delivered, Status::Delivered, "delivered"),
        (failed(false), Status::Failed, "confirmed_failed"),
    ] {
        let world = world();
        let (message, attempt) = world.delivered(Some(unknown())).await;
        assert_eq!(message.status, Status::Uncertain);
        world.hear(receipt(About::Attempt(attempt.id), fate)).await;
        let after = world.reload(&message).await;
        assert_eq!(after.status, status);
        assert_eq!(after.sent_at.is_some(), status != Status::Failed);
        let actions = world.actions(&message).await;
        assert_eq!(actions.last().unwrap(), action);
        // Nothing of it is sent again by itself.
        world.clock.advance(Duration::days(2));
        world.worker().run_until_idle().await.unwrap();
        assert_eq!(world.channel.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_dead_address_is_suppressed_unless_it_was_reached() {
    let world = world();
    let (message, attempt) = world.delivered(None).await;
    world
        .hear(receipt(About::Attempt(attempt.id), Fate::Delivered))
        .await;
    world
        .hear(receipt(About::Attempt(attempt.id), failed(true)))
        .await;
    assert_eq!(world.suppressed().await, [""; 0]);
    assert_eq!(world.reload(&message).await.status, Status::Delivered);

    let world = common::world();
    let (message, attempt) = world.delivered(None).await;
    world
        .hear(receipt(About::Attempt(attempt.id), failed(true)))
        .await;
    assert_eq!(world.suppressed().await, ["dead"]);
    assert_eq!(world.reload(&message).await.status, Status::Failed);
}

#[tokio::test]
async fn a_receipt_may_come_before_our_own_record() {
    let world = world();
    // The provider's word comes while nobody knows its id, and about an attempt that is to come.
    let early = receipt(About::ProviderId("SM-7".to_owned()), Fate::Delivered);
    world.hear(early.clone()).await;
    world.hear(early).await;
    assert_eq!(world.kept().await[0].state, ReceiptState::Waiting);
    let (message, _) = world
        .delivered(Some(Outcome::Accepted {
            provider_id: "SM-7".to_owned(),
        }))
        .await;
    world.settle().await;
    assert_eq!(world.reload(&message).await.status, Status::Delivered);
    assert_eq!(world.kept().await[0].state, ReceiptState::Settled);
}

#[tokio::test]
async fn a_receipt_waits_for_the_answer_of_its_own_attempt() {
    let world = world();
    let contact = world.contact("dilnoza@example.org").await;
    let message = world.draft(&contact, "Здравствуйте!").await;
    let message = world.approve(&message).await;
    world.channel.push_hang(true);
    let options = WorkerOptions {
        grace: std::time::Duration::ZERO,
        ..WorkerOptions::default()
    };
    let worker = Worker::new(world.engine.clone(), options);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stopped).await });
    while world.channel.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    let attempt = world.channel.calls()[0].attempt_id();
    let news = receipt(About::Attempt(attempt), Fate::Delivered);
    world.hear(news).await;
    assert_eq!(world.reload(&message).await.status, Status::Sending);
    let kept = &world.kept().await[0];
    assert_eq!((kept.state, kept.tries), (ReceiptState::Waiting, 1));
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Uncertain);
    world.settle().await;
    assert_eq!(world.reload(&message).await.status, Status::Delivered);
}

#[tokio::test]
async fn what_is_said_under_an_older_attempts_id_is_not_about_the_new_one() {
    let world = world();
    let (message, first) = world.delivered(None).await;
    let old = About::ProviderId(message.provider_id.clone().unwrap());
    world.hear(receipt(old.clone(), failed(false))).await;
    let failed = world.reload(&message).await;
    let retried = world.manager().messages().send(failed.id).await;
    assert_eq!(retried.unwrap().status, Status::Approved);
    world.channel.push(unknown());
    world.clock.advance(Duration::hours(1));
    world.worker().run_until_idle().await.unwrap();
    let doubtful = world.reload(&message).await;
    assert_eq!(doubtful.status, Status::Uncertain);
    world.hear(receipt(old, Fate::Delivered)).await;
    assert_eq!(world.reload(&message).await, doubtful);
    let unmatched = |kept: &&KeptReceipt| kept.message_id.is_none();
    assert_eq!(world.kept().await.iter().filter(unmatched).count(), 1);
    // Under our own id it is known whose it is: two reached them.
    world
        .hear(receipt(About::Attempt(first.id), Fate::Read))
        .await;
    assert_eq!(world.reload(&message).await, doubtful);
    let actions = world.actions(&message).await;
    assert_eq!(actions.last().unwrap(), "duplicate_detected");
}

#[tokio::test]
async fn what_nobody_knows_is_kept() {
    let world = world();
    let (message, _) = world.delivered(None).await;
    let strangers = [
        About::ProviderId("of another program".to_owned()),
        About::Attempt(crm_core::id::AttemptId(uuid::Uuid::from_u128(404))),
    ];
    for about in strangers {
        world.hear(receipt(about, failed(true))).await;
    }
    for _ in 0..100 {
        world.clock.advance(Duration::hours(1));
        world.worker().run_until_idle().await.unwrap();
    }
    let kept = world.kept().await;
    assert_eq!(kept.len(), 2);
    for kept in kept {
        assert_eq!(
            (kept.state, kept.message_id),
            (ReceiptState::Unmatched, None)
        );
    }
    assert_eq!(world.reload(&message).await, message);
    assert_eq!(world.suppressed().await, [""; 0]);
}

#[tokio::test]
async fn a_receipt_of_another_channel_or_workspace_is_about_nobody() {
    let world = world();
    let (message, attempt) = world.delivered(None).await;
    let news = || vec![receipt(About::Attempt(attempt.id), failed(true))];
    world.engine.hear(&OWN, "sms", news()).await.unwrap();
    let other = Workspace::new("other").unwrap();
    world.engine.hear(&other, "email", news()).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await, message);
    assert_eq!(world.suppressed().await, [""; 0]);
}

#[tokio::test]
async fn a_receipt_about_an_attempt_that_was_sent_again_tells_of_a_duplicate() {
    let world = world();
    let (message, first) = world.delivered(Some(unknown())).await;
    let session = world.manager();
    let messages = session.messages();
    let reason = Some("asked again".to_owned());
    let resolved = messages.resolve(message.id, Event::ResolveResend, reason);
    resolved.await.unwrap();
    world.clock.advance(Duration::hours(1));
    world.worker().run_until_idle().await.unwrap();
    let sent = world.reload(&message).await;
    assert_eq!(
        (sent.status, world.channel.calls().len()),
        (Status::Sent, 2)
    );
    world
        .hear(receipt(About::Attempt(first.id), Fate::Delivered))
        .await;
    // It says nothing about the second attempt.
    assert_eq!(world.reload(&message).await, sent);
    let actions = world.actions(&message).await;
    assert_eq!(actions.last().unwrap(), "duplicate_detected");
    assert_eq!(world.kept().await[0].state, ReceiptState::Settled);
}

#[tokio::test]
async fn an_opt_out_is_put_before_the_answer_and_lifted_by_the_person_alone() {
    let world = world();
    let address = || "dilnoza@example.org".to_owned();
    let stop = |reason: &str| News::OptOut {
        address: address(),
        reason: reason.to_owned(),
    };
    let start = || News::OptIn { address: address() };
    let contact = world.contact(&address()).await;
    let message = world.draft(&contact, "Здравствуйте!").await;
    let message = world.approve(&message).await;
    world.hear(stop("reply")).await;
    world.hear(stop("blocked")).await;
    assert_eq!(world.suppressed().await, ["reply"]);
    // Said twice it is told once.
    let events = world.engine.store().events(&OWN, EventQuery::default());
    let events = events.await.unwrap().into_iter();
    let told = events.filter(|stored| stored.event.action == "suppressed");
    assert_eq!(told.count(), 1);
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Cancelled);
    world.hear(start()).await;
    world.hear(start()).await;
    assert_eq!(world.suppressed().await, [""; 0]);
    // A complaint takes the place of what START would lift.
    world.hear(stop("reply")).await;
    world.hear(stop("complaint")).await;
    world.hear(start()).await;
    assert_eq!(world.suppressed().await, ["complaint"]);
    let admin = world.admin();
    let lift = admin.suppressions();
    lift.lift("email", &address()).await.unwrap();
    // What somebody of the house decided stays, even if the person had said so before.
    world.hear(stop("reply")).await;
    let session = world.manager();
    let (suppressions, address) = (session.suppressions(), address());
    let add = |reason| suppressions.add("email", &address, reason);
    add("asked on the phone").await.unwrap();
    world.hear(start()).await;
    assert_eq!(world.suppressed().await, ["asked on the phone"]);
    add("again").await.unwrap();
    assert_eq!(world.suppressed().await, ["asked on the phone"]);
    world.hear(stop("complaint")).await;
    world.hear(start()).await;
    assert_eq!(world.suppressed().await, ["asked on the phone"]);
}

#[tokio::test]
async fn a_callback_is_believed_when_its_signature_is_right() {
    let world = world();
    let (message, attempt) = world.delivered(None).await;
    let news = [
        receipt(About::Attempt(attempt.id), Fate::Delivered),
        News::Inbound {
            address: "dilnoza@example.org".to_owned(),
            at: None,
        },
    ];
    let good = RecordingChannel::callback(&news);
    let bad = Callback {
        headers: Vec::new(),
        ..good.clone()
    };
    let error = world.engine.receive(&OWN, "email", &bad).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(world.reload(&message).await, message);
    let error = world.engine.receive(&OWN, "fax", &good).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let heard = world.engine.receive(&OWN, "email", &good).await.unwrap();
    assert_eq!((heard.receipts, heard.inbound), (1, 1));
    assert_eq!(world.reload(&message).await.status, Status::Delivered);
}

#[tokio::test]
async fn a_provider_that_can_be_asked_settles_doubts() {
    let taken = || LookUp::Taken {
        provider_id: "SM-9".to_owned(),
    };
    for (found, status) in [(taken(), Status::Sent), (LookUp::NotTaken, Status::Failed)] {
        let world = asking();
        let (message, attempt) = world.delivered(Some(unknown())).await;
        let worker = world.worker();
        worker.run_until_idle().await.unwrap();
        assert_eq!(world.channel.doubts().len(), 0);
        // The first answer says nothing, the second one does.
        world.clock.advance(Duration::seconds(10));
        worker.run_until_idle().await.unwrap();
        assert_eq!(world.reload(&message).await.status, Status::Uncertain);
        world.channel.push_look_up(found);
        world.clock.advance(Duration::seconds(30));
        worker.run_until_idle().await.unwrap();
        assert_eq!(world.channel.doubts().len(), 1);
        world.clock.advance(Duration::seconds(30));
        worker.run_until_idle().await.unwrap();
        let doubt = Doubt {
            attempt_id: attempt.id,
            started_at: attempt.started_at,
            recipient: "dilnoza@example.org".to_owned(),
            subject: Some("Тема".to_owned()),
            content: "Здравствуйте!".to_owned(),
        };
        assert_eq!(world.channel.doubts(), [doubt.clone(), doubt]);
        assert_eq!(world.reload(&message).await.status, status);
        world.clock.advance(Duration::days(1));
        worker.run_until_idle().await.unwrap();
        assert_eq!(world.channel.doubts().len(), 2);
        assert_eq!(world.channel.calls().len(), 1);
        // What the provider says from now on under its own id is about this message.
        world
            .hear(receipt(
                About::ProviderId("SM-9".to_owned()),
                Fate::Delivered,
            ))
            .await;
        let delivered = status == Status::Sent;
        assert_eq!(
            world.reload(&message).await.status == Status::Delivered,
            delivered
        );
    }
}

/// When the call's own answer is recorded, among the receipts.
#[derive(Debug, Clone)]
enum Step {
    Record,
    Hear(Fate),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fates = prop::collection::vec(
        prop_oneof![
            Just(Fate::Accepted),
            Just(failed(false)),
            Just(Fate::Delivered),
            Just(Fate::Read)
        ],
        0..6,
    );
    (fates, 0..6_usize).prop_map(|(fates, at)| {
        let mut steps: Vec<Step> = fates.into_iter().map(Step::Hear).collect();
        steps.insert(at.min(steps.len()), Step::Record);
        steps
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The end depends on what was said, not on the order in which it came.
    #[test]
    fn the_order_of_receipts_does_not_matter(steps in steps(), by_attempt: bool, certain: bool) {
        let arrived = steps.iter().any(|step| matches!(step, Step::Hear(Fate::Delivered | Fate::Read)));
        let bounced = steps.iter().any(|step| matches!(step, Step::Hear(Fate::Failed { .. })));
        let taken = steps.iter().any(|step| matches!(step, Step::Hear(Fate::Accepted)));
        let heard = by_attempt || certain;
        let wanted = match (heard, arrived, bounced, taken || certain) {
            (true, true, _, _) => Status::Delivered,
            (true, false, true, _) => Status::Failed,
            (_, _, _, true) if heard => Status::Sent,
            _ => Status::Uncertain,
        };
        runtime().block_on(async {
            let world = world();
            let mut message = None;
            // Our ids are known beforehand: a provider knows the attempt's before we have its answer.
            let mut early = Vec::new();
            for step in steps {
                match (step, &message) {
                    (Step::Record, _) => {
                        let id = "SM-1".to_owned();
                        let outcome = if certain { Outcome::Accepted { provider_id: id } } else { unknown() };
                        let (sent, attempt) = world.delivered(Some(outcome)).await;
                        // Of the attempt itself nobody can hear before it was begun.
                        for fate in early.drain(..) {
                            world.hear(receipt(About::Attempt(attempt.id), fate)).await;
                        }
                        message = Some((sent, attempt));
                    }
                    (Step::Hear(fate), None) if by_attempt => early.push(fate),
                    (Step::Hear(fate), Some((_, attempt))) if by_attempt => {
                        world.hear(receipt(About::Attempt(attempt.id), fate)).await;
                    }
                    (Step::Hear(fate), _) => {
                        world.hear(receipt(About::ProviderId("SM-1".to_owned()), fate)).await;
                    }
                }
            }
            world.settle().await;
            let (message, _) = message.unwrap();
            let after = world.reload(&message).await;
            assert_eq!(after.status, wanted);
            assert_eq!(world.channel.calls().len(), 1);
        });
    }
}
