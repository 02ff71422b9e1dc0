//! WhatsApp: requests, templates, what answers and receipts mean, and what is never shown.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod callbacks;
#[path = "../common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Draft;
use common::emulator::{self, Kind};
use common::http::{Act, Provider, Request, json};
use crm_channels::whatsapp::{Compose, Template};
use crm_channels::{WhatsApp, WhatsAppConfig};
use crm_core::ErrorKind;
use crm_core::message::Format;
use crm_core::port::channel::{Channel, Outcome, RetryScope};
use crm_core::testing::channel_suite::{Delivered, Trouble};
use serde_json::json as value;

const TOKEN: &str = "EAAG-access-token";
const SECRET: &str = "app-secret";
const NUMBER: &str = "106540352242922";
const TAKEN: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"x","wa_id":"998901234567"}],
    "messages":[{"id":"wamid.HBgM","message_status":"accepted"}]}"#;
const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";

fn config(base: &str, compose: Compose) -> WhatsAppConfig {
    WhatsAppConfig {
        app_secret: Some(SECRET.into()),
        http: emulator::options(base, emulator::PATIENT),
        ..WhatsAppConfig::new(NUMBER, TOKEN.into(), compose)
    }
}

const FREE: Compose = Compose::FreeText {
    preview_links: false,
};

fn template() -> Compose {
    Compose::Template(Template {
        name: "holiday_2".to_owned(),
        language: "uz".to_owned(),
        body: "Assalomu alaykum!\n\n{{1}}\n\nSalon «Nur»".to_owned(),
    })
}

fn make(base: &str) -> Arc<dyn Channel> {
    Arc::new(WhatsApp::new(config(base, FREE)).unwrap())
}

fn patient(base: &str, timeout: Duration) -> Arc<dyn Channel> {
    let mut config = config(base, FREE);
    config.http.timeout = timeout;
    Arc::new(WhatsApp::new(config).unwrap())
}

fn draft(content: &str) -> Draft {
    Draft {
        recipient: "+998901234567".to_owned(),
        ..Draft::text(content)
    }
}

/// Sends to a provider that takes one message: the outcome, and the request if one was made.
async fn sent(compose: Compose, draft: &Draft) -> (Outcome, Option<Request>) {
    let provider = Provider::start(vec![json(200, TAKEN)]).await;
    let channel = WhatsApp::new(config(&provider.base(), compose)).unwrap();
    let outcome = channel.send(&draft.approved()).await;
    (outcome, provider.requests().pop())
}

#[tokio::test]
async fn free_text_goes_as_it_stands() {
    let (outcome, request) = sent(FREE, &draft("Салом, oʻrtoq 🎂")).await;
    let provider_id = "wamid.HBgM".to_owned();
    assert_eq!(outcome, Outcome::Accepted { provider_id });
    let request = request.unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, format!("/v23.0/{NUMBER}/messages"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("crm-channels/")
    );
    assert_eq!(
        request.json(),
        value!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "998901234567",
            "type": "text",
            "text": {"body": "Салом, oʻrtoq 🎂", "preview_url": false},
            "biz_opaque_callback_data": ATTEMPT,
        })
    );
}

#[tokio::test]
async fn a_template_carries_what_stands_in_its_place() {
    let approved = draft("Assalomu alaykum!\n\nNavroʻz muborak, Anna 🎂\n\nSalon «Nur»");
    let (outcome, request) = sent(template(), &approved).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(
        request.unwrap().json(),
        value!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "998901234567",
            "type": "template",
            "template": {
                "name": "holiday_2",
                "language": {"code": "uz", "policy": "deterministic"},
                "components": [{"type": "body", "parameters": [
                    {"type": "text", "text": "Navroʻz muborak, Anna 🎂"}]}],
            },
            "biz_opaque_callback_data": ATTEMPT,
        })
    );
}

#[tokio::test]
async fn messages_that_cannot_go_are_not_sent() {
    let framed = |inside: &str| draft(&format!("Assalomu alaykum!\n\n{inside}\n\nSalon «Nur»"));
    let html = Draft {
        format: Format::Html,
        ..draft("<b>x</b>")
    };
    let other = Draft {
        sender: "5".to_owned(),
        ..draft("x")
    };
    for (compose, draft, reason) in [
        (FREE, draft(" \n"), "text_empty"),
        (FREE, draft(&"x".repeat(4097)), "text_too_long"),
        (FREE, html, "html_not_supported"),
        (FREE, other, "sender_unknown"),
        (template(), draft("Navroʻz muborak"), "template_mismatch"),
        (template(), framed("two\nlines"), "parameter_line_break"),
        (template(), framed("four    spaces"), "parameter_spaces"),
        (template(), framed(""), "parameter_empty"),
        (template(), framed(&"x".repeat(1000)), "text_too_long"),
    ] {
        let (outcome, request) = sent(compose, &draft).await;
        let wanted = Outcome::Rejected {
            reason: reason.to_owned(),
        };
        assert_eq!(outcome, wanted);
        assert!(request.is_none(), "{reason}");
    }
    let own = Draft {
        sender: NUMBER.to_owned(),
        ..draft(&"ў".repeat(4096))
    };
    assert!(matches!(sent(FREE, &own).await.0, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn odd_characters_change_nothing_but_the_text() {
    for text in [
        "a\r\nHost: evil\r\n\r\nb",
        "nul \0 inside",
        "\u{202e}rtl \u{200f}mark\u{2066}",
        "\"},\"to\":\"1\",\"x\":{\"",
    ] {
        let (_, plain) = sent(FREE, &draft("x")).await;
        let (_, odd) = sent(FREE, &draft(text)).await;
        let mut wanted = plain.unwrap().json();
        wanted["text"]["body"] = value!(text);
        assert_eq!(odd.unwrap().json(), wanted);
    }
}

#[tokio::test]
async fn addresses_are_numbers() {
    let channel = make("http://127.0.0.1:1");
    for good in ["+998901234567", "+4915112345678", "+1234567"] {
        assert!(channel.accepts_address(good), "{good}");
    }
    for bad in [
        "",
        "+",
        "998901234567",
        "+0901234567",
        "+998 90",
        "+99890123456789012",
        "+123456",
        "+9989012345٦٧",
        "+998901234567\r\nX: y",
    ] {
        assert!(!channel.accepts_address(bad), "{bad}");
        let draft = Draft {
            recipient: bad.to_owned(),
            ..draft("text")
        };
        let (outcome, request) = sent(FREE, &draft).await;
        assert_eq!(outcome.reason(), Some("recipient_not_a_number"), "{bad}");
        assert!(request.is_none());
    }
}

fn error(status: u16, code: u64) -> Act {
    let error = value!({"message": "(#) +998901234567", "type": "OAuthException", "code": code, "fbtrace_id": "x"});
    json(status, &value!({ "error": error }).to_string())
}

#[tokio::test]
async fn answers_reach_their_outcome() {
    let limited = |after: &str| {
        let header = ("retry-after", after.to_owned());
        Act::Answer(429, vec![header], br#"{"error":{"code":80007}}"#.to_vec())
    };
    let wait = |scope, seconds, reason: &str| Outcome::RetryAfter {
        scope,
        at_least: Duration::from_secs(seconds),
        reason: reason.to_owned(),
    };
    let garbage = Outcome::Unknown {
        reason: "unreadable_answer".to_owned(),
    };
    let dead = Outcome::Dead {
        reason: "131050".to_owned(),
    };
    let closed = Outcome::Rejected {
        reason: "131047".to_owned(),
    };
    let stop = Outcome::Stop {
        reason: "190".to_owned(),
    };
    // The second attempt: waits have grown, and what is worth one more try was tried.
    let withheld = Outcome::Rejected {
        reason: "131049".to_owned(),
    };
    for (act, wanted) in [
        (error(400, 131_050), dead),
        (error(400, 131_047), closed),
        (error(400, 131_049), withheld),
        (
            error(400, 131_056),
            wait(RetryScope::Recipient, 24, "131056"),
        ),
        (error(401, 190), stop),
        (error(500, 131_000), wait(RetryScope::Channel, 30, "131000")),
        (json(200, "<html>hello</html>"), garbage.clone()),
        (json(200, "{}"), garbage),
        (limited("3600"), wait(RetryScope::Channel, 3600, "80007")),
        (limited("-1"), wait(RetryScope::Channel, 2, "80007")),
        (
            limited("1000000000"),
            wait(RetryScope::Channel, 86_400, "80007"),
        ),
        (
            limited("Fri, 27 Nov 2015 10:02:00 GMT"),
            wait(RetryScope::Channel, 2, "80007"),
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
}

#[tokio::test]
async fn failures_follow_their_stage() {
    let approved = draft("text").approved();
    emulator::fails_by_stage(patient, &approved).await;
    let redirect = emulator::follows_no_redirect(make, &approved).await;
    assert_eq!(redirect.reason(), Some("http_307"));
    assert!(matches!(redirect, Outcome::Unknown { .. }));
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let base = "http://127.0.0.1:1";
    let mut shown = format!("{:?} {:?}", config(base, template()), make(base));
    for act in [
        Act::Close,
        json(401, TOKEN),
        error(400, 100),
        error(403, 10),
    ] {
        let provider = Provider::start(vec![act]).await;
        let outcome = make(&provider.base()).send(&draft("text").approved()).await;
        shown.push_str(&format!("{outcome:?}"));
    }
    let with = |change: fn(&mut WhatsAppConfig)| {
        let mut config = config(base, FREE);
        change(&mut config);
        let error = WhatsApp::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        format!("{error:?} {error}")
    };
    for text in [
        with(|c| c.phone_number_id = "1/../2".to_owned()),
        with(|c| c.phone_number_id = String::new()),
        with(|c| c.access_token = "EAAG-access-token\r\nX: y".into()),
        with(|c| c.access_token = "".into()),
        with(|c| c.app_secret = Some("".into())),
        with(|c| c.version = "23.0".to_owned()),
        with(|c| c.version = "v23.0/x".to_owned()),
        with(|c| (c.compose, c.window) = (template(), Some(true))),
    ] {
        shown.push_str(&text);
    }
    for hidden in [TOKEN, SECRET, "998901234567", "127.0.0.1"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[test]
fn free_text_needs_somebody_who_wrote() {
    let window = |compose: Compose, secret: bool, window: Option<bool>| {
        let mut config = config("http://127.0.0.1:1", compose);
        config.window = window;
        if !secret {
            config.app_secret = None;
        }
        let channel = WhatsApp::new(config).unwrap();
        channel.capabilities().window
    };
    let day = Some(Duration::from_secs(24 * 60 * 60));
    // What people write is heard of by callbacks, unless the host says something else.
    assert_eq!(window(FREE, true, None), day);
    assert_eq!(window(FREE, false, None), None);
    assert_eq!(window(FREE, false, Some(true)), day);
    assert_eq!(window(FREE, true, Some(false)), None);
    assert_eq!(window(template(), true, None), None);
    assert_eq!(window(template(), true, Some(false)), None);
}

#[tokio::test]
async fn whatsapp_keeps_the_contract() {
    let kind = Kind {
        make,
        read: |request| {
            let body = request.json();
            let delivered = Delivered {
                recipient: format!("+{}", body["to"].as_str().unwrap()),
                subject: None,
                content: body["text"]["body"].as_str().unwrap().to_owned(),
            };
            (delivered, None)
        },
        taken: |_, number| {
            let body = value!({"messages": [{"id": format!("wamid.{number}")}]});
            json(200, &body.to_string())
        },
        trouble: |trouble| match trouble {
            Trouble::Busy => Some(error(429, 130_429)),
            // WhatsApp never says for certain that nobody is there; this is what ends an address.
            Trouble::NoSuchAddress => Some(error(400, 131_050)),
            Trouble::BadCredentials => Some(error(401, 190)),
            _ => None,
        },
        address: |number| format!("+{}", 998_901_000_000 + number),
    };
    let skipped = [
        "delivers_the_subject",
        "delivers_a_long_subject",
        "refuses_header_injection_in_the_subject",
        "an_attempt_is_delivered_once_if_idempotent",
    ];
    emulator::keeps_the_contract(kind, &skipped).await;
}
