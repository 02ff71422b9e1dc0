//! A provider that keeps what it takes, for the conformance suite, and the stages at which any provider over
//! HTTP can fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_channels::HttpOptions;
use crm_core::message::Approved;
use crm_core::port::channel::{Channel, Outcome, RetryScope};
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};

use super::http::{Act, Provider, Request, json};

/// What tells one provider from another.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The channel for a provider at this address.
    pub make: fn(&str) -> Arc<dyn Channel>,
    /// What a request delivers, and the key by which it is delivered once only.
    pub read: fn(&Request) -> (Delivered, Option<String>),
    /// The answer to the so-many-th message that is taken.
    pub taken: fn(&Request, usize) -> Act,
    /// What the provider answers in trouble, if it can have it.
    pub trouble: fn(Trouble) -> Option<Act>,
    /// An address of the channel's kind.
    pub address: fn(u64) -> String,
}

#[derive(Default)]
struct Ledger {
    trouble: Option<Act>,
    keys: Vec<String>,
    taken: Vec<Delivered>,
}

struct Harness {
    kind: Kind,
    ledger: Arc<Mutex<Ledger>>,
    channel: Mutex<Arc<dyn Channel>>,
}

#[async_trait]
impl ChannelHarness for Harness {
    fn channel(&self) -> Arc<dyn Channel> {
        Arc::clone(&self.channel.lock().unwrap())
    }

    async fn delivered(&self) -> Vec<Delivered> {
        self.ledger.lock().unwrap().taken.clone()
    }

    fn address(&self, number: u64) -> String {
        (self.kind.address)(number)
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        if trouble == Trouble::Unreachable {
            *self.channel.lock().unwrap() = (self.kind.make)(&nobody().await);
            return true;
        }
        let act = match trouble {
            Trouble::SilentAfterBody => Some(Act::Close),
            other => (self.kind.trouble)(other),
        };
        self.ledger.lock().unwrap().trouble.clone_from(&act);
        act.is_some()
    }
}

/// An address at which nobody listens.
pub async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Runs the suite; these cases and no others may be left out.
pub async fn keeps_the_contract(kind: Kind, skipped: &[&str]) {
    let report = channel_suite::run_all(|| async move {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let shared = Arc::clone(&ledger);
        let provider = Provider::emulate(Box::new(move |request| {
            let mut ledger = shared.lock().unwrap();
            if let Some(act) = &ledger.trouble {
                return act.clone();
            }
            let (delivered, key) = (kind.read)(request);
            let known = key.as_ref().is_some_and(|key| ledger.keys.contains(key));
            ledger.keys.extend(key);
            if !known {
                ledger.taken.push(delivered);
            }
            (kind.taken)(request, ledger.taken.len())
        }))
        .await;
        let channel = Mutex::new((kind.make)(&provider.base()));
        Arc::new(Harness {
            kind,
            ledger,
            channel,
        }) as Arc<dyn ChannelHarness>
    })
    .await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), skipped);
}

/// Longer than any answer takes on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(20);
/// What a test waits for an answer that never comes.
const IMPATIENT: Duration = Duration::from_millis(1500);

/// Options for a provider on this machine, with a limit for a whole request.
pub fn options(base: &str, timeout: Duration) -> HttpOptions {
    HttpOptions {
        base: Some(base.to_owned()),
        timeout,
        ..HttpOptions::default()
    }
}

/// Whatever happens after the request has left is unknown; whatever prevents it from leaving is safe to
/// repeat. Each is one request: a channel repeats nothing.
pub async fn fails_by_stage(make: fn(&str, Duration) -> Arc<dyn Channel>, approved: &Approved) {
    let refused = make(&nobody().await, PATIENT).send(approved).await;
    let Outcome::RetryAfter { scope, reason, .. } = &refused else {
        panic!("refused connection: {refused:?}");
    };
    assert_eq!(
        (*scope, reason.as_str()),
        (RetryScope::Channel, "not_connected")
    );

    let html = b"<html><h1>502 Bad Gateway</h1></html>".to_vec();
    for (act, reason) in [
        (Act::Close, "connection_lost"),
        (Act::Reset, "connection_lost"),
        (Act::Hang, "timeout"),
        (Act::Half(200, b"{\"ok\":".to_vec()), "connection_lost"),
        (Act::Flood(100 * 1024 * 1024), "answer_too_long"),
        (
            Act::Drip(Duration::from_millis(50), 200, vec![b' '; 100]),
            "timeout",
        ),
        (Act::Answer(502, Vec::new(), html.clone()), "http_502"),
        (Act::Answer(504, Vec::new(), html.clone()), "http_504"),
    ] {
        let shown = format!("{act:?}");
        let provider = Provider::start(vec![act]).await;
        let patience = if reason == "timeout" {
            IMPATIENT
        } else {
            PATIENT
        };
        let outcome = make(&provider.base(), patience).send(approved).await;
        let wanted = Outcome::Unknown {
            reason: reason.to_owned(),
        };
        assert_eq!(outcome, wanted, "{shown:.40}");
        assert_eq!(provider.requests().len(), 1, "{shown:.40}");
    }

    // A connection that is used again and breaks then: clients like to repeat by themselves.
    for act in [Act::Close, Act::Reset] {
        let provider = Provider::start(vec![json(500, "{}"), act]).await;
        let channel = make(&provider.base(), PATIENT);
        channel.send(approved).await;
        let outcome = channel.send(approved).await;
        let wanted = Outcome::Unknown {
            reason: "connection_lost".to_owned(),
        };
        assert_eq!(outcome, wanted);
        assert_eq!(provider.requests().len(), 2);
    }
}

/// A redirect is not followed: nothing arrives at its target.
pub async fn follows_no_redirect(
    make: fn(&str) -> Arc<dyn Channel>,
    approved: &Approved,
) -> Outcome {
    let elsewhere = Provider::start(Vec::new()).await;
    let location = ("location", format!("{}/taken", elsewhere.base()));
    let provider = Provider::start(vec![Act::Answer(307, vec![location], Vec::new())]).await;
    let outcome = make(&provider.base()).send(approved).await;
    assert_eq!(provider.requests().len(), 1);
    assert_eq!(elsewhere.requests().len(), 0);
    outcome
}
