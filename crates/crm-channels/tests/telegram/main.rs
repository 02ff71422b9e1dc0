//! Telegram: the request, what answers mean, what updates tell, and what is never shown.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/mod.rs"]
mod common;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use common::Draft;
use common::emulator::{self, Kind};
use common::http::{Act, Provider, Request, json};
use crm_channels::{Telegram, TelegramConfig};
use crm_core::ErrorKind;
use crm_core::message::Format;
use crm_core::port::channel::{Channel, Outcome, RetryScope};
use crm_core::testing::channel_suite::{Delivered, Trouble};
use serde_json::{Value, json as value};

const TOKEN: &str = "123456:AAbb-Secret_Key";
const SECRET: &str = "Webhook-Secret_1";
const TAKEN: &str = r#"{"ok":true,"result":{"message_id":42,"chat":{"id":5,"type":"private"}}}"#;

fn config(base: &str) -> TelegramConfig {
    TelegramConfig {
        webhook_secret: Some(SECRET.into()),
        http: emulator::options(base, emulator::PATIENT),
        ..TelegramConfig::new(TOKEN.into())
    }
}

fn make(base: &str) -> Arc<dyn Channel> {
    Arc::new(Telegram::new(config(base)).unwrap())
}

fn patient(base: &str, timeout: Duration) -> Arc<dyn Channel> {
    let mut config = config(base);
    config.http.timeout = timeout;
    Arc::new(Telegram::new(config).unwrap())
}

fn draft(content: &str) -> Draft {
    Draft {
        recipient: "5".to_owned(),
        ..Draft::text(content)
    }
}

/// Sends to a provider that takes one message: the outcome, and the request if one was made.
async fn sent(draft: &Draft) -> (Outcome, Option<Request>) {
    let provider = Provider::start(vec![json(200, TAKEN)]).await;
    let outcome = make(&provider.base()).send(&draft.approved()).await;
    (outcome, provider.requests().pop())
}

/// The body that a draft leads to.
async fn body(draft: &Draft) -> Value {
    let (outcome, request) = sent(draft).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    request.unwrap().json()
}

#[tokio::test]
async fn a_request_holds_chat_and_text() {
    let (outcome, request) = sent(&draft("Салом, oʻrtoq 🎂")).await;
    let provider_id = "42".to_owned();
    assert_eq!(outcome, Outcome::Accepted { provider_id });
    let request = request.unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, format!("/bot{TOKEN}/sendMessage"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let wanted = value!({"chat_id": 5, "text": "Салом, oʻrtoq 🎂"});
    assert_eq!(request.json(), wanted);
}

#[tokio::test]
async fn html_and_settings_are_said() {
    let provider = Provider::start(vec![json(200, TAKEN)]).await;
    let channel = Telegram::new(TelegramConfig {
        link_previews: false,
        silent: true,
        ..config(&provider.base())
    })
    .unwrap();
    let html = Draft {
        recipient: "@salon_news".to_owned(),
        format: Format::Html,
        ..draft("<b>Салом</b> &amp; ok")
    };
    channel.send(&html.approved()).await;
    assert_eq!(
        provider.requests()[0].json(),
        value!({
            "chat_id": "@salon_news",
            "text": "<b>Салом</b> &amp; ok",
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
            "disable_notification": true,
        })
    );
}

#[tokio::test]
async fn odd_characters_change_nothing_but_the_text() {
    for text in [
        "a\r\nHost: evil\r\n\r\nb",
        "nul \0 inside",
        "\u{202e}rtl \u{200f}mark\u{2066}",
        "\",\"chat_id\":6,\"x\":\"",
        "<b>not html</b> & *bold*",
    ] {
        let wanted = value!({"chat_id": 5, "text": text});
        assert_eq!(body(&draft(text)).await, wanted);
    }
}

#[tokio::test]
async fn texts_that_cannot_go_are_not_sent() {
    let html = |content: &str| Draft {
        format: Format::Html,
        ..draft(content)
    };
    let long = "x".repeat(4096);
    for (draft, reason) in [
        (draft(""), "text_empty"),
        (draft(" \n "), "text_empty"),
        (html("<b> </b>"), "text_empty"),
        (draft(&format!("{long}y")), "text_too_long"),
        (draft(&"🎂".repeat(2049)), "text_too_long"),
        (html(&format!("<b>{long}&amp;</b>")), "text_too_long"),
        (
            Draft {
                sender: "654321".to_owned(),
                ..draft("text")
            },
            "sender_unknown",
        ),
    ] {
        let (outcome, request) = sent(&draft).await;
        let wanted = Outcome::Rejected {
            reason: reason.to_owned(),
        };
        assert_eq!(outcome, wanted, "{:.20}", draft.content);
        assert!(request.is_none());
    }
    body(&draft(&long)).await;
    body(&draft(&"🎂".repeat(2048))).await;
    // Markup and entities are not counted.
    body(&html(&format!("<b>{}</b>", "&amp;".repeat(4096)))).await;
    let own = Draft {
        sender: "123456".to_owned(),
        ..draft("text")
    };
    body(&own).await;
}

#[tokio::test]
async fn addresses_are_chats() {
    let channel = make("http://127.0.0.1:1");
    for good in ["5", "-1001234567890", "9007199254740993", "@salon", "@a_b1"] {
        assert!(channel.accepts_address(good), "{good}");
    }
    for bad in [
        "",
        "0",
        "-",
        "--5",
        "+5",
        "05",
        " 5",
        "5\n",
        "5.0",
        "1e3",
        "@",
        "@abc",
        "@1abc",
        "@a-bcd",
        "@salon\r\nX: y",
        "salon",
        "99999999999999999999",
        "٥",
    ] {
        assert!(!channel.accepts_address(bad), "{bad}");
        let draft = Draft {
            recipient: bad.to_owned(),
            ..draft("text")
        };
        let (outcome, request) = sent(&draft).await;
        assert_eq!(outcome.reason(), Some("recipient_not_a_chat"), "{bad}");
        assert!(request.is_none());
    }
    let large = Draft {
        recipient: "9007199254740993".to_owned(),
        ..draft("text")
    };
    assert_eq!(
        body(&large).await["chat_id"],
        value!(9_007_199_254_740_993_i64)
    );
}

#[tokio::test]
async fn answers_reach_their_outcome() {
    let error = |code: u16, text: &str| {
        json(
            code,
            &value!({"ok": false, "error_code": code, "description": text}).to_string(),
        )
    };
    let after = |value: &str| Act::Answer(429, vec![("retry-after", value.to_owned())], Vec::new());
    let wait = |seconds, reason: &str| Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: Duration::from_secs(seconds),
        reason: reason.to_owned(),
    };
    let unknown = |reason: &str| Outcome::Unknown {
        reason: reason.to_owned(),
    };
    let dead = Outcome::Dead {
        reason: "blocked".to_owned(),
    };
    let stop = Outcome::Stop {
        reason: "unauthorized".to_owned(),
    };
    for (act, wanted) in [
        (error(403, "Forbidden: bot was blocked by the user"), dead),
        (error(401, "Unauthorized"), stop),
        (error(500, "Internal Server Error"), wait(5, "http_500")),
        (
            json(200, "<html>hello</html>"),
            unknown("unreadable_answer"),
        ),
        (json(200, ""), unknown("unreadable_answer")),
        (after("3600"), wait(3600, "http_429")),
        (after("-1"), wait(5, "http_429")),
        (after("1000000000"), wait(86_400, "http_429")),
        (after("Fri, 27 Nov 2015 10:02:00 GMT"), wait(0, "http_429")),
    ] {
        let provider = Provider::start(vec![act]).await;
        let outcome = make(&provider.base()).send(&draft("text").approved()).await;
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
    let mut shown = format!(
        "{:?} {:?}",
        config("http://127.0.0.1:1"),
        make("http://127.0.0.1:1")
    );
    for act in [Act::Close, json(404, "{}"), json(401, TOKEN)] {
        let provider = Provider::start(vec![act]).await;
        let outcome = make(&provider.base()).send(&draft("text").approved()).await;
        shown.push_str(&format!("{outcome:?}"));
    }
    for token in [
        "",
        "123456",
        "123456:a/b?AAbb",
        ":AAbbcc",
        "12x:AAbbcc",
        "1:AA\r\nX",
    ] {
        let error = Telegram::new(TelegramConfig::new(token.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{token}");
        shown.push_str(&format!("{error:?} {error}"));
    }
    for secret in ["", "with space", &"x".repeat(257)] {
        let config = TelegramConfig {
            webhook_secret: Some(secret.into()),
            ..config("http://127.0.0.1:1")
        };
        let error = Telegram::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        shown.push_str(&format!("{error:?}"));
    }
    for hidden in ["AAbb", "Secret_Key", SECRET, "/bot", "127.0.0.1"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[tokio::test]
async fn telegram_keeps_the_contract() {
    let kind = Kind {
        make,
        read: |request| {
            let body = request.json();
            let delivered = Delivered {
                recipient: body["chat_id"].to_string(),
                subject: None,
                content: body["text"].as_str().unwrap().to_owned(),
            };
            (delivered, None)
        },
        taken: |request, number| {
            let chat = &request.json()["chat_id"];
            let result = value!({"message_id": number, "chat": {"id": chat}});
            json(200, &value!({"ok": true, "result": result}).to_string())
        },
        trouble: |trouble| {
            let (code, description) = match trouble {
                Trouble::Busy => (429, "Too Many Requests: retry after 5"),
                Trouble::NoSuchAddress => (400, "Bad Request: chat not found"),
                Trouble::BadCredentials => (401, "Unauthorized"),
                _ => return None,
            };
            let body = value!({"ok": false, "error_code": code, "description": description});
            Some(json(code, &body.to_string()))
        },
        address: |number| (998_000_000 + number).to_string(),
    };
    let skipped = [
        "delivers_the_subject",
        "delivers_a_long_subject",
        "refuses_header_injection_in_the_subject",
        "an_attempt_is_delivered_once_if_idempotent",
    ];
    emulator::keeps_the_contract(kind, &skipped).await;
}
