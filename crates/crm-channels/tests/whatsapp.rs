//! WhatsApp: requests, templates, what answers and receipts mean, and what is never shown.

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

use chrono::DateTime;
use common::Draft;
use common::emulator::{self, Kind};
use common::http::{Act, Provider, Request, json};
use crm_channels::whatsapp::{Compose, Template, challenge};
use crm_channels::{WhatsApp, WhatsAppConfig};
use crm_core::ErrorKind;
use crm_core::id::AttemptId;
use crm_core::message::Format;
use crm_core::port::callback::{About, Callback, Fate, News, Receipt};
use crm_core::port::channel::{Channel, Outcome, RetryScope};
use crm_core::testing::channel_suite::{Delivered, Trouble};
use serde_json::{Value, json as value};
use uuid::Uuid;

const TOKEN: &str = "EAAG-access-token";
const SECRET: &str = "app-secret";
const NUMBER: &str = "106540352242922";
const TAKEN: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"x","wa_id":"998901234567"}],
    "messages":[{"id":"wamid.HBgM","message_status":"accepted"}]}"#;
const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";

fn config(base: &str, compose: Compose) -> WhatsAppConfig {
    WhatsAppConfig {
        app_secret: Some(SECRET.into()),
        http: emulator::options(base),
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
    emulator::fails_by_stage(make, &approved).await;
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
    ] {
        shown.push_str(&text);
    }
    for hidden in [TOKEN, SECRET, "998901234567", "127.0.0.1"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

/// As anybody can make them with the app's secret; the worked example below holds it to the provider's way.
fn signed(body: &str) -> Callback {
    use hmac::{Hmac, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digest: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    posted(body, &format!("sha256={digest}"))
}

fn posted(body: &str, signature: &str) -> Callback {
    Callback {
        url: "https://crm.example.test/hooks/whatsapp".to_owned(),
        headers: vec![("X-Hub-Signature-256".to_owned(), signature.to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
const WORKED: &str = "sha256=d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f";

#[tokio::test]
async fn only_signed_callbacks_are_read() {
    let channel = make("http://127.0.0.1:1");
    assert_eq!(channel.read(&posted(EMPTY, WORKED)).await.unwrap(), []);
    assert_eq!(
        channel
            .read(&posted(EMPTY, &WORKED.to_uppercase().replace("SHA", "sha")))
            .await
            .unwrap(),
        []
    );
    let mut bare = posted(EMPTY, WORKED);
    bare.headers.clear();
    for callback in [
        bare,
        posted(EMPTY, ""),
        posted(EMPTY, "sha256="),
        posted(EMPTY, &WORKED[7..]),
        posted(EMPTY, &WORKED[..70]),
        posted(EMPTY, &format!("{WORKED}0")),
        posted(EMPTY, &WORKED.replace("d3e4", "d3e5")),
        // The same JSON in other bytes is another body.
        posted(&EMPTY.replace(':', ": "), WORKED),
    ] {
        let error = channel.read(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    let error = channel.read(&signed("{")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let deaf = WhatsApp::new(WhatsAppConfig::new(NUMBER, TOKEN.into(), FREE)).unwrap();
    assert!(channel.capabilities().receipts && !deaf.capabilities().receipts);
    let error = deaf.read(&posted(EMPTY, WORKED)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

async fn read(body: &Value) -> Vec<News> {
    let channel = make("http://127.0.0.1:1");
    let callback = signed(&body.to_string());
    let news = channel.read(&callback).await.unwrap();
    assert_eq!(channel.read(&callback).await.unwrap(), news, "read twice");
    news
}

fn change(number: &str, what: &str, list: Value) -> Value {
    let mut value = value!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number}});
    value[what] = list;
    value!({"value": value, "field": "messages"})
}

fn post(changes: Value) -> Value {
    value!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]})
}

fn receipt(about: About, fate: Fate) -> News {
    News::Receipt(Receipt {
        about,
        fate,
        at: DateTime::from_timestamp(1_767_225_600, 0),
    })
}

#[tokio::test]
async fn receipts_are_read() {
    let status = |status: &str, ours: Option<&str>, code: Option<u64>| {
        let mut one = value!({"id": "wamid.A", "status": status, "timestamp": "1767225600",
            "recipient_id": "998901234567"});
        if let Some(ours) = ours {
            one["biz_opaque_callback_data"] = value!(ours);
        }
        if let Some(code) = code {
            one["errors"] =
                value!([{"code": code, "title": "to +998901234567", "message": "long"}]);
        }
        one
    };
    let failed = |reason: &str, dead| Fate::Failed {
        reason: reason.to_owned(),
        dead,
    };
    let ours = || About::Attempt(AttemptId(Uuid::parse_str(ATTEMPT).unwrap()));
    let theirs = || About::ProviderId("wamid.A".to_owned());
    let statuses = value!([
        status("sent", Some(ATTEMPT), None),
        status("delivered", None, None),
        status("read", Some("not ours"), None),
        status("failed", Some(ATTEMPT), Some(131_026)),
        status("failed", Some(ATTEMPT), Some(131_050)),
        status("failed", None, None),
        status("warming", Some(ATTEMPT), None),
    ]);
    assert_eq!(
        read(&post(value!([change(NUMBER, "statuses", statuses)]))).await,
        [
            receipt(ours(), Fate::Accepted),
            receipt(theirs(), Fate::Delivered),
            receipt(theirs(), Fate::Read),
            receipt(ours(), failed("131026", false)),
            receipt(ours(), failed("131050", true)),
            receipt(theirs(), failed("failed", false)),
        ]
    );
}

#[tokio::test]
async fn people_are_heard() {
    let from = |kind: &str, key: &str, content: Value| {
        let mut one = value!({"from": "998901234567", "id": "wamid.B", "timestamp": "1767225600", "type": kind});
        one[key] = content;
        one
    };
    let text = |body: &str| from("text", "text", value!({ "body": body }));
    let button =
        |title: &str| value!({"type": "button_reply", "button_reply": {"id": "1", "title": title}});
    let messages = value!([
        text("salom"),
        text("STOP"),
        text("Старт"),
        text("stop by tomorrow"),
        from("button", "button", value!({"payload": "x", "text": "Stop promotions"})),
        from("interactive", "interactive", button("Бекор қилиш")),
        from("image", "image", value!({"id": "1"})),
        from("system", "system", value!({"body": "changed"})),
        {"from": "group-1", "type": "text", "text": {"body": "STOP"}}
    ]);
    let address = || "+998901234567".to_owned();
    let out = |reason: &str| News::OptOut {
        address: address(),
        reason: reason.to_owned(),
    };
    let back = News::OptIn { address: address() };
    let inbound = News::Inbound {
        address: address(),
        at: DateTime::from_timestamp(1_767_225_600, 0),
    };
    let reply = out("reply");
    assert_eq!(
        read(&post(value!([change(NUMBER, "messages", messages)]))).await,
        [&inbound, &reply, &back, &inbound, &reply, &reply, &inbound].map(Clone::clone)
    );

    let preference = |category: &str, value: &str| value!({"wa_id": "998901234567", "category": category, "value": value, "timestamp": 1767225600});
    let preferences = value!([
        preference("marketing_messages", "stop"),
        preference("marketing_messages", "resume"),
        preference("something_else", "stop"),
        preference("marketing_messages", "sometimes"),
    ]);
    assert_eq!(
        read(&post(value!([change(
            NUMBER,
            "user_preferences",
            preferences
        )])))
        .await,
        [out("blocked"), back]
    );
}

#[tokio::test]
async fn one_post_holds_many_things_and_some_are_not_ours() {
    let delivered =
        |id: &str| value!([{"id": id, "status": "delivered", "timestamp": "1767225600"}]);
    let ours = |id: &str| change(NUMBER, "statuses", delivered(id));
    let theirs = change("999", "statuses", delivered("other"));
    let body = value!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [ours("a"), theirs, {"field": "account_update"}, ours("b")]},
        {"id": "2"},
        {"id": "3", "changes": [{"value": {"statuses": delivered("nobody's")}}, ours("c")]},
        7,
    ]});
    let wanted =
        ["a", "b", "c"].map(|id| receipt(About::ProviderId(id.to_owned()), Fate::Delivered));
    assert_eq!(read(&body).await, wanted);
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"entry":{}}"#,
        r#"{"entry":[{"changes":[{"value":7}]}]}"#,
    ] {
        assert_eq!(
            read(&serde_json::from_str(body).unwrap()).await,
            [],
            "{body}"
        );
    }
    let odd = value!([{"status": "read"}, {"id": "a"}, {"id": 7, "status": "read"}, 7]);
    assert_eq!(
        read(&post(value!([change(NUMBER, "statuses", odd)]))).await,
        []
    );
}

#[test]
fn a_verification_is_answered_with_its_challenge() {
    let token = "verify me&".into();
    let ask = |query: &str| challenge(&format!("https://crm.example.test/hooks?{query}"), &token);
    let good = "hub.mode=subscribe&hub.challenge=11%2058&hub.verify_token=verify%20me%26";
    assert_eq!(ask(good).unwrap(), "11 58");
    for bad in [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify%20me%26",
        "hub.challenge=1&hub.verify_token=verify%20me%26",
        "hub.mode=subscribe&hub.verify_token=verify%20me%26",
    ] {
        let error = ask(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{bad}");
        assert!(!format!("{error:?}").contains("verify me"));
    }
    let nothing = challenge(
        "https://x.test/?hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        &"".into(),
    );
    assert!(nothing.is_err() && challenge("nonsense", &token).is_err());
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
