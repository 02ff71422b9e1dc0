//! Several providers behind one channel.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chrono::Duration;
use crm_core::ErrorKind;
use crm_core::contact::AddressKind;
use crm_core::layer::{BreakerOptions, Failover};
use crm_core::message::Approved;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use crm_core::testing::{FakeClock, RecordingChannel, fixtures};

struct Two {
    first: Arc<RecordingChannel>,
    second: Arc<RecordingChannel>,
    clock: Arc<FakeClock>,
    channel: Failover,
}

fn two() -> Two {
    let [first, second] = [(); 2].map(|()| Arc::new(RecordingChannel::default()));
    let clock = Arc::new(FakeClock::new(fixtures::noon()));
    let channel = Failover::new(
        vec![
            ("first".to_owned(), first.clone()),
            ("second".to_owned(), second.clone()),
        ],
        BreakerOptions::default(),
        clock.clone(),
    );
    Two {
        first,
        second,
        clock,
        channel: channel.unwrap(),
    }
}

impl Two {
    async fn send(&self, number: u64) -> Outcome {
        self.channel.send(&approved(number)).await
    }

    fn delivered(&self) -> (usize, usize) {
        (self.first.delivered().len(), self.second.delivered().len())
    }
}

fn approved(number: u64) -> Approved {
    fixtures::approved(number, "email", "ann@example.org", Some("Привет"), "Текст").unwrap()
}

fn code() -> String {
    "busy".to_owned()
}

fn busy() -> Outcome {
    Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: std::time::Duration::from_secs(600),
        reason: code(),
    }
}

#[tokio::test]
async fn the_preferred_one_delivers_and_its_ids_bear_its_name() {
    let two = two();
    let outcome = two.send(1).await;
    let id = two.first.delivered()[0].attempt_id();
    let provider_id = format!("first:recorded-{id}");
    assert_eq!(outcome, Outcome::Accepted { provider_id });
    assert_eq!(two.delivered(), (1, 0));
}

#[tokio::test]
async fn the_next_one_takes_over_under_an_attempt_of_its_own() {
    for refusal in [busy(), Outcome::Stop { reason: code() }] {
        let two = two();
        two.first.push(refusal);
        // One call is one delivery: it goes back first.
        let again = Outcome::RetryAfter {
            scope: RetryScope::Message,
            at_least: std::time::Duration::ZERO,
            reason: "first:busy".to_owned(),
        };
        assert_eq!(two.send(1).await, again);
        assert_eq!(two.delivered(), (0, 0));
        assert!(matches!(two.send(1).await, Outcome::Accepted { .. }));
        assert_eq!((two.delivered(), two.first.calls().len()), ((0, 1), 1));
    }
}

#[tokio::test]
async fn what_may_have_been_taken_goes_to_nobody_else() {
    let two = two();
    let unknown = Outcome::Unknown { reason: code() };
    two.first.push(unknown.clone());
    assert_eq!(two.send(1).await, unknown);
    assert_eq!(two.second.calls().len(), 0);
    // Nor does what concerns one message or one recipient only.
    for outcome in [
        Outcome::Dead { reason: code() },
        Outcome::Rejected { reason: code() },
    ] {
        two.first.push(outcome.clone());
        assert_eq!(two.send(2).await, outcome);
    }
    assert_eq!(two.second.calls().len(), 0);
}

#[tokio::test]
async fn the_preferred_one_is_tried_again_by_one_delivery() {
    let two = two();
    two.first.push(busy());
    two.send(1).await;
    two.clock.advance(Duration::seconds(599));
    two.send(2).await;
    assert_eq!(two.first.calls().len(), 1, "it asked for ten minutes");
    two.clock.advance(Duration::seconds(1));
    two.first.push_hang(false);
    let (probe, other) = (approved(3), approved(4));
    tokio::select! {
        biased;
        _ = two.channel.send(&probe) => unreachable!("it hangs"),
        outcome = two.channel.send(&other) => assert!(matches!(outcome, Outcome::Accepted { .. })),
    }
    assert_eq!((two.first.calls().len(), two.second.calls().len()), (2, 2));
    // The probe was broken off; the next delivery is one.
    two.send(5).await;
    assert_eq!(two.first.delivered().len(), 1);
}

#[tokio::test]
async fn when_all_rest_the_channel_rests_as_long_as_the_first_of_them() {
    let two = two();
    two.first.push(busy());
    two.second.push(Outcome::Stop { reason: code() });
    two.send(1).await;
    assert_eq!(two.send(1).await, Outcome::Stop { reason: code() });
    let rest = Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: std::time::Duration::from_secs(30),
        reason: "no_provider".to_owned(),
    };
    assert_eq!(two.send(1).await, rest);
    assert_eq!((two.first.calls().len(), two.second.calls().len()), (1, 1));
}

#[test]
fn it_can_what_all_of_them_can() {
    let channel = |capabilities| Arc::new(RecordingChannel::new(capabilities));
    let make = |list: Vec<(&str, Arc<RecordingChannel>)>| {
        let list = list
            .into_iter()
            .map(|(name, channel)| (name.to_owned(), channel as Arc<dyn Channel>));
        let clock = Arc::new(FakeClock::new(fixtures::noon()));
        Failover::new(list.collect(), BreakerOptions::default(), clock)
    };
    let narrow = ChannelCapabilities {
        subject: false,
        max_length: Some(70),
        idempotent: true,
        look_up: true,
        concurrency: 2,
        ..ChannelCapabilities::default()
    };
    let wide = ChannelCapabilities {
        max_length: Some(700),
        idempotent: true,
        ..ChannelCapabilities::default()
    };
    let both = make(vec![("a", channel(wide.clone())), ("b", channel(narrow))]);
    let can = both.unwrap().capabilities();
    assert_eq!(
        (
            can.subject,
            can.max_length,
            can.idempotent,
            can.look_up,
            can.concurrency
        ),
        (false, Some(70), false, true, 2)
    );
    let phone = ChannelCapabilities {
        address: AddressKind::Phone,
        ..wide.clone()
    };
    for wrong in [
        vec![],
        vec![("", channel(wide.clone()))],
        vec![("a:b", channel(wide.clone()))],
        vec![("a", channel(wide.clone())), ("a", channel(wide.clone()))],
        vec![("a", channel(wide.clone())), ("b", channel(phone))],
    ] {
        assert_eq!(make(wrong).unwrap_err().kind(), ErrorKind::Configuration);
    }
}
