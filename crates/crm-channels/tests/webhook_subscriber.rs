//! State changes as webhooks: the request and its signature, what answers mean, and where none may go.

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
use common::http::{Act, Provider, Request, json};
use crm_channels::webhook::sign::{self, Secret};
use crm_channels::{SubscriberConfig, WebhookSubscriber};
use crm_core::id::EventId;
use crm_core::message::Status;
use crm_core::message::history::Subject;
use crm_core::port::subscriber::{Selection, StateChange, Subscriber, Told};
use crm_core::testing::FakeClock;
use crm_core::testing::ids::nth;
use crm_core::{ErrorKind, Role, Workspace};
use serde_json::json as value;

const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";
const NOW: i64 = 1_767_225_600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn to(url: &str) -> SubscriberConfig {
    let mut config = SubscriberConfig::new(url.into(), vec![OLD.into()]);
    config.allowed = vec!["127.0.0.0/8".to_owned(), "::1".to_owned()];
    config.clock = Some(Arc::new(FakeClock::new(at(NOW))));
    config.http.timeout = Duration::from_secs(20);
    config
}

fn change(number: u64) -> StateChange {
    StateChange {
        id: EventId(nth(number)),
        position: number,
        workspace: Workspace::default(),
        at: at(NOW - 60),
        subject: Subject::Message,
        subject_id: nth(7),
        action: "failed".to_owned(),
        status: Some(Status::Failed),
        version: 5,
        actor: "system".to_owned(),
        role: Role::System,
        code: Some("http_400".to_owned()),
    }
}

fn later(seconds: Option<u64>, reason: &str) -> Told {
    Told::Later {
        at_least: seconds.map(Duration::from_secs),
        reason: reason.to_owned(),
    }
}

fn made(provider: &Provider) -> WebhookSubscriber {
    WebhookSubscriber::new(to(&format!("{}/hook?key=url-key", provider.base()))).unwrap()
}

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
async fn a_request_is_signed_and_holds_one_change() {
    let provider = Provider::start(vec![json(204, "")]).await;
    let mut config = to(&format!("{}/hook?key=url-key", provider.base()));
    config.secrets = vec![NEW.into(), OLD.into()];
    let subscriber = WebhookSubscriber::new(config).unwrap();
    assert_eq!(subscriber.deliver(&[change(3)]).await, Told::Taken);
    let request = &provider.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/hook?key=url-key")
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.header("webhook-id"),
        Some(nth(3).to_string().as_str())
    );
    // Of this attempt, and not of the event.
    assert_eq!(request.header("webhook-timestamp"), Some("1767225600"));
    assert!(believes(OLD, request, NOW) && believes(NEW, request, NOW + 300));
    assert!(!believes(OLD, request, NOW + 301));
    assert_eq!(
        request.json(),
        value!({
            "type": "message.failed",
            "timestamp": "2025-12-31T23:59:00.000000Z",
            "data": {
                "id": nth(3),
                "position": 3,
                "workspace": "default",
                "at": "2025-12-31T23:59:00Z",
                "subject": "message",
                "subject_id": nth(7),
                "action": "failed",
                "status": "failed",
                "version": 5,
                "actor": "system",
                "role": "system",
                "code": "http_400",
            },
        })
    );
}

#[tokio::test]
async fn changes_go_one_after_the_other_and_none_past_one_that_fails() {
    let provider = Provider::start(vec![json(200, ""), json(500, ""), json(200, "")]).await;
    let subscriber = made(&provider);
    let all = [change(1), change(2), change(3)];
    assert_eq!(subscriber.deliver(&all).await, later(None, "http_500"));
    let ids = |provider: &Provider| {
        let requests = provider.requests();
        let ids = requests
            .iter()
            .map(|request| request.header("webhook-id").unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&provider), [nth(1).to_string(), nth(2).to_string()]);
    // Again under its id.
    assert_eq!(subscriber.deliver(&all[1..2]).await, Told::Taken);
    assert_eq!(ids(&provider)[2], nth(2).to_string());
    // So the engine gives it one at a time, and loses nothing that was taken.
    assert_eq!(subscriber.capabilities().batch, 1);
    assert_eq!(subscriber.capabilities().timeout, Duration::from_secs(22));
}

#[tokio::test]
async fn answers_and_failures_say_what_to_do() {
    let after = |status, value: &str| {
        Act::Answer(status, vec![("retry-after", value.to_owned())], Vec::new())
    };
    let closed = Told::Closed {
        reason: "http_410".to_owned(),
    };
    let elsewhere = vec![("location", "http://127.0.0.1:1/".to_owned())];
    for (act, wanted) in [
        (json(202, "<html>whatever"), Told::Taken),
        (json(410, "{}"), closed),
        (after(429, "3600"), later(Some(3_600), "http_429")),
        (after(503, "60"), later(Some(60), "http_503")),
        (after(503, "-1"), later(None, "http_503")),
        (after(500, "1"), later(None, "http_500")),
        (json(404, "{}"), later(None, "http_404")),
        (
            Act::Answer(307, elsewhere, Vec::new()),
            later(None, "http_307"),
        ),
        (Act::Close, later(None, "connection_lost")),
        (Act::Flood(300_000), later(None, "answer_too_long")),
    ] {
        let provider = Provider::start(vec![act]).await;
        assert_eq!(made(&provider).deliver(&[change(1)]).await, wanted);
        assert_eq!(provider.requests().len(), 1);
    }
    let provider = Provider::start(vec![Act::Hang]).await;
    let mut config = to(&provider.base());
    config.http.timeout = Duration::from_millis(300);
    let hanging = WebhookSubscriber::new(config).unwrap();
    assert_eq!(hanging.deliver(&[change(1)]).await, later(None, "timeout"));
    let nobody = WebhookSubscriber::new(to("http://127.0.0.1:1/")).unwrap();
    assert_eq!(
        nobody.deliver(&[change(1)]).await,
        later(None, "not_connected")
    );
}

#[tokio::test]
async fn private_addresses_are_not_called_unless_they_are_allowed() {
    let provider = Provider::start(vec![json(200, "")]).await;
    let port = provider.base().rsplit_once(':').unwrap().1.to_owned();
    let mut config = to(&format!("http://localhost:{port}/"));
    config.allowed = vec!["10.0.0.0/8".to_owned()];
    let subscriber = WebhookSubscriber::new(config).unwrap();
    let told = subscriber.deliver(&[change(1)]).await;
    assert_eq!(told, later(None, "address_not_permitted"));
    assert_eq!(provider.requests().len(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_and_nothing_secret_is_shown() {
    let with = |change: fn(&mut SubscriberConfig)| {
        let mut config =
            SubscriberConfig::new("https://crm.example/url-key".into(), vec![OLD.into()]);
        change(&mut config);
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("url-key") && !shown.contains(&OLD[6..]),
            "{shown}"
        );
        WebhookSubscriber::new(config)
    };
    let good = with(|_| ()).unwrap();
    assert!(!format!("{good:?}").contains("url-key"));
    let bad: [fn(&mut SubscriberConfig); 6] = [
        |config| config.url = "ftp://crm.example/".into(),
        |config| config.url = "https://10.0.0.1/".into(),
        |config| config.url = "https://u:p@crm.example/".into(),
        |config| config.secrets.clear(),
        |config| config.secrets = vec!["hunter2".into()],
        |config| config.http.base = Some("https://x.example".to_owned()),
    ];
    for change in bad {
        let error = with(change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    let some =
        with(|config| config.selection = Selection::parse(["message.failed"]).unwrap()).unwrap();
    let other = StateChange {
        action: "sent".to_owned(),
        ..change(1)
    };
    assert!(some.wants(&change(1)) && !some.wants(&other) && good.wants(&other));
}
