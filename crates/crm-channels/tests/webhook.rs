//! Webhooks: the request and its signature, what answers mean, and where a webhook may not go.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use common::Draft;
use common::emulator::{self, Kind};
use common::http::{Act, Provider, Request, json};
use crm_channels::webhook::Gone;
use crm_channels::webhook::sign::{self, Secret};
use crm_channels::{HttpOptions, Webhook, WebhookConfig};
use crm_core::ErrorKind;
use crm_core::contact::AddressKind;
use crm_core::message::Format;
use crm_core::port::callback::Callback;
use crm_core::port::channel::{Channel, Outcome, RetryScope};
use crm_core::testing::FakeClock;
use crm_core::testing::channel_suite::{Delivered, Trouble};
use serde_json::json as value;

const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";
const MESSAGE: &str = "01900000-0000-7000-8000-000000000001";
const NOW: i64 = 1_767_225_600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn to(url: &str) -> WebhookConfig {
    let options = emulator::options("", emulator::PATIENT);
    WebhookConfig {
        allowed: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
        clock: Some(Arc::new(FakeClock::new(at(NOW)))),
        http: HttpOptions {
            base: None,
            ..options
        },
        ..WebhookConfig::new(url.into(), vec![OLD.into()])
    }
}

fn config(base: &str) -> WebhookConfig {
    to(&format!("{base}/hook/a?key=url-key"))
}

fn make(base: &str) -> Arc<dyn Channel> {
    Arc::new(Webhook::new(config(base)).unwrap())
}

fn patient(base: &str, timeout: Duration) -> Arc<dyn Channel> {
    let mut config = config(base);
    config.http.timeout = timeout;
    Arc::new(Webhook::new(config).unwrap())
}

fn draft(content: &str) -> Draft {
    Draft {
        recipient: "crm-4711".to_owned(),
        subject: None,
        ..Draft::text(content)
    }
}

/// Sends to a receiver that takes one message: the outcome, and the request if one was made.
async fn sent(draft: &Draft) -> (Outcome, Option<Request>) {
    let provider = Provider::start(vec![json(204, "")]).await;
    let outcome = make(&provider.base()).send(&draft.approved()).await;
    (outcome, provider.requests().pop())
}

/// Whether a receiver that knows this secret believes the request, at this time.
fn believes(secret: &str, request: &Request, now: i64) -> bool {
    let said = |name: &str| request.header(name).unwrap();
    sign::verify(
        &[Secret::parse(&secret.into()).unwrap()],
        (said(sign::ID), said(sign::TIMESTAMP), said(sign::SIGNATURE)),
        &request.body,
        at(now),
        sign::TOLERANCE,
    )
    .is_ok()
}

#[tokio::test]
async fn a_request_is_signed_and_holds_the_message() {
    let whole = Draft {
        subject: Some("С праздником".to_owned()),
        sender: "salon".to_owned(),
        format: Format::Html,
        number: 3,
        ..draft("<b>Салом</b> 🎂")
    };
    let (outcome, request) = sent(&whole).await;
    let key = whole.approved().key().to_string();
    let provider_id = key.clone();
    assert_eq!(outcome, Outcome::Accepted { provider_id });
    let request = request.unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/hook/a?key=url-key");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("webhook-id"), Some(&*key));
    assert_eq!(request.header("webhook-timestamp"), Some("1767225600"));
    assert!(believes(OLD, &request, NOW) && believes(OLD, &request, NOW + 300));
    assert!(!believes(NEW, &request, NOW) && !believes(OLD, &request, NOW + 301));
    assert_eq!(
        request.json(),
        value!({
            "type": "message.send",
            "timestamp": "2026-01-01T00:00:00Z",
            "data": {
                "message_id": MESSAGE,
                "attempt_id": "01900000-0000-7000-8000-0000000000aa",
                "attempt": 3,
                "contact_id": "00000000-0000-0000-0000-000000000007",
                "channel": "email",
                "recipient": "crm-4711",
                "sender": "salon",
                "subject": "С праздником",
                "format": "html",
                "content": "<b>Салом</b> 🎂",
            },
        })
    );
    let data = sent(&draft("x")).await.1.unwrap().json()["data"].clone();
    assert!(data.get("subject").is_none() && data.get("sender").is_none());
}

#[tokio::test]
async fn all_attempts_of_a_decision_have_one_id() {
    let id = |request: Option<Request>| request.unwrap().header("webhook-id").unwrap().to_owned();
    let first = draft("text");
    let second = Draft {
        number: 2,
        attempt: 99,
        ..first.clone()
    };
    let other = Draft {
        message: 5,
        ..first.clone()
    };
    let first = id(sent(&first).await.1);
    assert_eq!(id(sent(&second).await.1), first);
    assert_ne!(id(sent(&other).await.1), first);
    assert!(make("http://127.0.0.1:1").capabilities().idempotent);
}

#[tokio::test]
async fn both_secrets_sign_while_they_change() {
    let provider = Provider::start(vec![json(200, "ok")]).await;
    let channel = Webhook::new(WebhookConfig {
        secrets: vec![NEW.into(), OLD.into()],
        ..config(&provider.base())
    })
    .unwrap();
    channel.send(&draft("text").approved()).await;
    let request = &provider.requests()[0];
    assert!(believes(OLD, request, NOW) && believes(NEW, request, NOW));
    let mut changed = request.clone();
    changed.body.push(b' ');
    assert!(!believes(OLD, &changed, NOW) && !believes(NEW, &changed, NOW));
}

#[tokio::test]
async fn odd_characters_change_nothing_but_the_text() {
    let plain = sent(&draft("x")).await.1.unwrap().json();
    for text in [
        "a\r\nwebhook-id: evil\r\n\r\nb",
        "nul \0 inside",
        "\u{202e}rtl \u{200f}mark\u{2066}",
        "\"},\"type\":\"other\",\"x\":{\"",
    ] {
        let request = sent(&draft(text)).await.1.unwrap();
        let mut wanted = plain.clone();
        wanted["data"]["content"] = value!(text);
        assert_eq!(request.json(), wanted);
        assert!(believes(OLD, &request, NOW));
    }
}

#[tokio::test]
async fn bodies_stay_under_twenty_kilobytes() {
    let longest = make("http://127.0.0.1:1")
        .capabilities()
        .max_length
        .unwrap();
    let (outcome, request) = sent(&draft(&"🎂".repeat(longest))).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let around = request.unwrap().body.len() - 4 * longest;
    let (outcome, request) = sent(&draft(&"x".repeat(20_000 - around))).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(request.unwrap().body.len(), 20_000);
    let too_long = sent(&draft(&"x".repeat(20_001 - around))).await;
    let wanted = Outcome::Rejected {
        reason: "body_too_large".to_owned(),
    };
    assert_eq!(too_long.0, wanted);
    assert!(too_long.1.is_none());
}

#[tokio::test]
async fn answers_reach_their_outcome() {
    let after = |status, value: &str| {
        Act::Answer(status, vec![("retry-after", value.to_owned())], Vec::new())
    };
    let wait = |scope, seconds, reason: &str| Outcome::RetryAfter {
        scope,
        at_least: Duration::from_secs(seconds),
        reason: reason.to_owned(),
    };
    let accepted = Outcome::Accepted {
        provider_id: draft("text").approved().key().to_string(),
    };
    let dead = Outcome::Dead {
        reason: "http_410".to_owned(),
    };
    // The second attempt: the schedule has gone on.
    for (act, wanted) in [
        (json(200, "<html>whatever"), accepted.clone()),
        (json(202, ""), accepted),
        (json(410, "{}"), dead),
        (json(404, "{}"), wait(RetryScope::Message, 300, "http_404")),
        (json(500, "{}"), wait(RetryScope::Message, 300, "http_500")),
        (json(503, "{}"), wait(RetryScope::Channel, 300, "http_503")),
        (
            after(429, "3600"),
            wait(RetryScope::Channel, 3600, "http_429"),
        ),
        (after(503, "-1"), wait(RetryScope::Channel, 300, "http_503")),
        (
            after(429, "1000000000"),
            wait(RetryScope::Channel, 86_400, "http_429"),
        ),
        (
            after(429, "Fri, 27 Nov 2015 10:02:00 GMT"),
            wait(RetryScope::Channel, 0, "http_429"),
        ),
    ] {
        let provider = Provider::start(vec![act]).await;
        let second = Draft {
            number: 2,
            ..draft("text")
        };
        let outcome = make(&provider.base()).send(&second.approved()).await;
        assert_eq!(outcome, wanted);
        assert_eq!(provider.requests().len(), 1);
    }
    let provider = Provider::start(vec![json(410, "")]).await;
    let channel = Webhook::new(WebhookConfig {
        gone: Gone::Endpoint,
        ..config(&provider.base())
    });
    let outcome = channel.unwrap().send(&draft("text").approved()).await;
    let wanted = Outcome::Stop {
        reason: "http_410".to_owned(),
    };
    assert_eq!(outcome, wanted);
}

#[tokio::test]
async fn failures_follow_their_stage() {
    let approved = draft("text").approved();
    emulator::fails_by_stage(patient, &approved).await;
    let redirect = emulator::follows_no_redirect(make, &approved).await;
    let wanted = Outcome::Rejected {
        reason: "http_307".to_owned(),
    };
    assert_eq!(redirect, wanted);
}

#[tokio::test]
async fn names_of_private_addresses_are_not_called() {
    let provider = Provider::start(vec![json(200, "")]).await;
    let port = provider.base().rsplit_once(':').unwrap().1.to_owned();
    let approved = draft("text").approved();
    let url = format!("http://localhost:{port}/hook");
    for allowed in [vec![], vec!["10.0.0.0/8".to_owned()]] {
        let channel = Webhook::new(WebhookConfig {
            allowed,
            ..to(&url)
        })
        .unwrap();
        let wanted = Outcome::Stop {
            reason: "address_not_permitted".to_owned(),
        };
        assert_eq!(channel.send(&approved).await, wanted);
    }
    let tls = Webhook::new(WebhookConfig {
        allowed: Vec::new(),
        ..to(&url.replace("http", "https"))
    });
    let outcome = tls.unwrap().send(&approved).await;
    assert_eq!(outcome.reason(), Some("address_not_permitted"));
    assert_eq!(provider.requests().len(), 0);

    let outcome = Webhook::new(to(&url)).unwrap().send(&approved).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(provider.requests().len(), 1);

    let nowhere = Webhook::new(to("http://nowhere.invalid/")).unwrap();
    let outcome = nowhere.send(&approved).await;
    assert_eq!(outcome.reason(), Some("not_connected"));
}

#[test]
fn settings_that_cannot_work() {
    let refused = |config: WebhookConfig| {
        let error = Webhook::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        format!("{error:?} {error}")
    };
    let mut shown = String::new();
    for url in [
        "",
        "nonsense",
        "ftp://127.0.0.1/",
        "https://user:pw@example.org/url-key",
        "https://user@example.org/",
        "https://example.org/#f",
        // Addresses in any spelling, when they are not allowed.
        "https://10.0.0.1/url-key",
        "https://192.168.1.1/",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0xa000001/",
        "https://167772161/",
        "https://10.1/",
        "https://10.0.0.1./",
        "https://0/",
        // Without TLS the public internet is out of reach.
        "http://8.8.8.8/",
    ] {
        shown.push_str(&refused(to(url)));
    }
    let base = "https://example.org";
    let with = |change: fn(&mut WebhookConfig)| {
        let mut config = config(base);
        change(&mut config);
        refused(config)
    };
    for text in [
        with(|c| c.secrets.clear()),
        with(|c| c.secrets = vec![OLD.into(), "whsec_url-key".into()]),
        with(|c| c.event = String::new()),
        with(|c| c.event = "a b".to_owned()),
        with(|c| c.allowed = vec!["url-key".to_owned()]),
        with(|c| c.http.base = Some("https://example.org".to_owned())),
        with(|c| c.http.timeout = Duration::ZERO),
    ] {
        shown.push_str(&text);
    }
    assert!(
        !shown.contains("url-key") && !shown.contains("MDEy"),
        "{shown}"
    );
    for good in [
        "https://example.org",
        "https://8.8.8.8/x?y",
        "https://[2606:4700::1111]:8443/",
        "http://127.0.0.1:1/",
    ] {
        assert!(Webhook::new(to(good)).is_ok(), "{good}");
    }
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let channel = make("http://127.0.0.1:1");
    let mut shown = format!("{:?} {channel:?}", config("http://127.0.0.1:1"));
    for act in [Act::Close, json(401, OLD), json(302, ""), json(410, "")] {
        let provider = Provider::start(vec![act]).await;
        let outcome = make(&provider.base()).send(&draft("text").approved()).await;
        shown.push_str(&format!("{outcome:?}"));
    }
    for hidden in ["url-key", "MDEy", "127.0.0", "crm-4711"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    let error = channel.read(&Callback::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_webhook_keeps_the_contract() {
    let kind = Kind {
        make,
        read: |request| {
            let data = request.json()["data"].clone();
            let text = |name: &str| data[name].as_str().map(str::to_owned);
            let delivered = Delivered {
                recipient: text("recipient").unwrap(),
                subject: text("subject"),
                content: text("content").unwrap(),
            };
            let key = request.header("webhook-id").unwrap().to_owned();
            (delivered, Some(key))
        },
        taken: |_, _| json(200, ""),
        trouble: |trouble| match trouble {
            Trouble::Busy => Some(json(503, "")),
            Trouble::NoSuchAddress => Some(json(410, "")),
            // A receiver that does not believe a signature may know the secret in a minute.
            _ => None,
        },
        address: |number| format!("crm-{number}-x"),
    };
    assert_eq!(
        make("http://127.0.0.1:1").capabilities().address,
        AddressKind::ExternalId
    );
    emulator::keeps_the_contract(kind, &["bad_credentials_stop_the_channel"]).await;
}
