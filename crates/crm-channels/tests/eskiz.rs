//! Text messages through Eskiz, against a provider that does what it is told.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use common::Draft;
use common::eskiz::{
    ATTEMPT, CALLBACK, PASSWORD, REQUEST, TO, TOKEN, accepted, config, draft, eskiz, taken, token,
};
use common::http::{Act, Provider, Request, json};
use common::stages::{Certificate, advice, after_the_request, front, nobody, options, shown};
use crm_channels::eskiz::CallbackAddress;
use crm_channels::{Eskiz, EskizConfig, HttpOptions};
use crm_core::message::Format;
use crm_core::port::callback::{Doubt, LookUp};
use crm_core::port::channel::{Channel as _, Outcome};
use crm_core::port::units::Encoding;
use serde_json::{Value, json as value};

/// What one message makes of the provider's one act after the login.
async fn send(act: Act, draft: &Draft) -> (Provider, Outcome) {
    let provider = Provider::start(vec![token(TOKEN), act]).await;
    let outcome = eskiz(&provider).send(&draft.approved()).await;
    (provider, outcome)
}

fn targets(provider: &Provider) -> Vec<String> {
    let requests = provider.requests().into_iter();
    requests.map(|request| request.target).collect()
}

/// The value of a field of a multipart body.
fn part(request: &Request, name: &str) -> Option<String> {
    let head = format!("name=\"{name}\"\r\n\r\n");
    let (_, rest) = request.text().split_once(&head)?;
    Some(rest.split_once("\r\n--").unwrap().0.to_owned())
}

#[tokio::test]
async fn a_message_is_a_login_and_a_batch_of_one() {
    let (provider, outcome) = send(taken(), &draft()).await;
    assert_eq!(outcome, accepted());
    let requests = provider.requests();
    assert_eq!(
        targets(&provider),
        ["/api/auth/login", "/api/message/sms/send-batch"]
    );
    let login = &requests[0];
    assert_eq!(
        (login.method.as_str(), login.header("authorization")),
        ("POST", None)
    );
    assert!(
        login
            .header("content-type")
            .unwrap()
            .starts_with("multipart/form-data")
    );
    assert_eq!(part(login, "email").as_deref(), Some("salon@example.test"));
    assert_eq!(part(login, "password").as_deref(), Some(PASSWORD));
    let batch = &requests[1];
    assert_eq!(batch.method, "POST");
    assert_eq!(batch.header("content-type"), Some("application/json"));
    assert_eq!(
        batch.header("authorization"),
        Some("Bearer a-very-secret-token")
    );
    assert_eq!(
        batch.text(),
        format!(
            "{{\"messages\":[{{\"user_sms_id\":\"{ATTEMPT}\",\"to\":998901234567,\"text\":\"Salom, Anna!\"}}],\
             \"from\":\"4546\"}}"
        )
    );
}

#[tokio::test]
async fn settings_stand_in_the_batch() {
    let provider = Provider::start(vec![token(TOKEN), taken(), taken()]).await;
    let eskiz = Eskiz::new(EskizConfig {
        from: "Salon".to_owned(),
        callback: Some(CallbackAddress {
            url: "https://crm.example.test/hooks/e?tenant=7".to_owned(),
            token: CALLBACK.to_owned().into(),
        }),
        ..config(options(provider.base()))
    })
    .unwrap();
    assert!(eskiz.capabilities().receipts);
    assert_eq!(eskiz.send(&draft().approved()).await, accepted());
    let own = Draft {
        sender: "Sartarosh".to_owned(),
        ..draft()
    };
    assert_eq!(eskiz.send(&own.approved()).await, accepted());
    let requests = provider.requests();
    assert_eq!(requests[1].json()["from"], "Salon");
    assert_eq!(requests[2].json()["from"], "Sartarosh");
    assert_eq!(
        requests[1].json()["callback_url"],
        format!("https://crm.example.test/hooks/e?tenant=7&token={CALLBACK}")
    );
}

#[tokio::test]
async fn odd_characters_change_the_text_alone() {
    for text in [
        "a\r\nTo: x\r\n\r\nb",
        "nul \0 and \u{7f}",
        "\u{202e}txet sdrawkcab\u{202c} שלום مرحبا",
        "\"},{\"to\":998900000000,\"text\":\"b",
        "Oʻzbek тили 🎂 e\u{301}",
    ] {
        let draft = Draft {
            content: text.to_owned(),
            ..draft()
        };
        let (provider, outcome) = send(taken(), &draft).await;
        assert_eq!(outcome, accepted());
        let wanted = value!({
            "messages": [{"user_sms_id": ATTEMPT, "to": 998_901_234_567_u64, "text": text}], "from": "4546",
        });
        assert_eq!(provider.requests()[1].json(), wanted, "{text:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_does_not_leave() {
    let cases = [
        (Draft::to("998901234567"), "bad_address"),
        (Draft::to("+998901234567\r\n"), "bad_address"),
        (Draft::to("+99890123456"), "bad_address"),
        (Draft::to("+14155552345"), "bad_address"),
        (Draft::to(""), "bad_address"),
        (
            Draft {
                content: String::new(),
                ..draft()
            },
            "text_empty",
        ),
        (
            Draft {
                content: "я".repeat(1601),
                ..draft()
            },
            "text_too_long",
        ),
        (
            Draft {
                sender: "a\r\nb".to_owned(),
                ..draft()
            },
            "bad_sender",
        ),
        (
            Draft {
                format: Format::Html,
                ..draft()
            },
            "html_not_supported",
        ),
    ];
    for (draft, reason) in cases {
        let (provider, outcome) = send(taken(), &draft).await;
        assert_eq!(shown(&outcome), format!("rejected {reason}"));
        assert_eq!(provider.requests().len(), 0, "{reason}");
    }
}

#[tokio::test]
async fn ends_decide_by_stage() {
    for (act, expected) in after_the_request() {
        let shown_act = format!("{act:?}");
        let (provider, outcome) = send(act.clone(), &draft()).await;
        assert_eq!(shown(&outcome), expected, "{shown_act:.80}");
        assert_eq!(provider.requests().len(), 2, "{shown_act:.80}");
        // The same at the login: the message has not left, so nothing is in doubt.
        let provider = Provider::start(vec![act, taken()]).await;
        let outcome = eskiz(&provider).send(&draft().approved()).await;
        let safe = matches!(outcome, Outcome::RetryAfter { .. } | Outcome::Stop { .. });
        assert!(
            safe && outcome.reason().unwrap().starts_with("login_"),
            "{outcome:?}"
        );
        assert_eq!(targets(&provider), ["/api/auth/login"], "{shown_act:.80}");
    }
    let eskiz = Eskiz::new(config(options(nobody().await))).unwrap();
    let outcome = eskiz.send(&draft().approved()).await;
    assert_eq!(shown(&outcome), "retry_after Channel 60 not_connected");
}

#[tokio::test]
async fn advice_is_a_lower_bound_that_can_be_believed() {
    for (act, wait) in advice(30) {
        let (_, outcome) = send(act.clone(), &draft()).await;
        assert_eq!(
            shown(&outcome),
            format!("retry_after Channel {wait} http_429")
        );
        let provider = Provider::start(vec![act]).await;
        let outcome = eskiz(&provider).send(&draft().approved()).await;
        assert_eq!(
            shown(&outcome),
            format!("retry_after Channel {wait} login_429")
        );
    }
}

#[tokio::test]
async fn certificates_decide_whether_anything_leaves() {
    for (certificate, expected) in [
        (Certificate::Trusted, "accepted "),
        (Certificate::Untrusted, "stop certificate_not_trusted"),
        (Certificate::Expired, "stop certificate_not_trusted"),
    ] {
        let provider = Provider::start(vec![token(TOKEN), taken()]).await;
        let http = front(certificate, provider.address).await;
        let eskiz = Eskiz::new(config(http)).unwrap();
        let outcome = eskiz.send(&draft().approved()).await;
        assert_eq!(shown(&outcome), expected, "{certificate:?}");
        let left = if expected == "accepted " { 2 } else { 0 };
        assert_eq!(provider.requests().len(), left, "{certificate:?}");
    }
}

#[tokio::test]
async fn secrets_texts_and_numbers_are_not_shown() {
    let error = value!({"message": {"mobile_phone": [TO, TOKEN, PASSWORD]}}).to_string();
    let (provider, outcome) = send(json(422, &error), &draft()).await;
    assert_eq!(shown(&outcome), "dead http_422_number");
    let config = EskizConfig {
        callback: Some(CallbackAddress {
            url: "https://crm.example.test/hooks".to_owned(),
            token: CALLBACK.to_owned().into(),
        }),
        ..config(options(provider.base()))
    };
    let eskiz = Eskiz::new(config.clone()).unwrap();
    let found = eskiz.look_up(&doubt()).await;
    let callback = &config.callback;
    let shown = format!("{outcome:?} {config:?} {callback:?} {eskiz:?} {found:?}");
    for secret in [
        TOKEN,
        PASSWORD,
        CALLBACK,
        TO,
        "998901234567",
        "Salom",
        "salon@example.test",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn settings_are_checked() {
    let check = |change: fn(&mut EskizConfig)| {
        let mut config = config(HttpOptions::default());
        config.callback = Some(CallbackAddress {
            url: "https://crm.example.test/hooks".to_owned(),
            token: CALLBACK.to_owned().into(),
        });
        change(&mut config);
        Eskiz::new(config).map_err(|error| error.to_string())
    };
    let eskiz = check(|_| ()).unwrap();
    assert_eq!(eskiz.units(None, "oʻ").encoding, Some(Encoding::Ucs2));
    assert!(eskiz.capabilities().look_up);
    assert!(
        check(|config| config.callback = None).is_ok_and(|eskiz| !eskiz.capabilities().receipts)
    );
    let wrong: [fn(&mut EskizConfig); 8] = [
        |config| config.email.clear(),
        |config| config.password = String::new().into(),
        |config| config.from.clear(),
        |config| config.from = "a\n".to_owned(),
        |config| config.callback.as_mut().unwrap().url = "crm.example.test".to_owned(),
        |config| config.callback.as_mut().unwrap().token = "short".to_owned().into(),
        |config| {
            config.callback.as_mut().unwrap().token = "0123456789 0123456789&".to_owned().into()
        },
        |config| config.concurrency = 101,
    ];
    for change in wrong {
        let error = check(change).unwrap_err();
        assert!(
            !error.contains(PASSWORD) && !error.contains(CALLBACK),
            "{error}"
        );
    }
}

fn doubt() -> Doubt {
    Doubt {
        attempt_id: ATTEMPT.parse::<uuid::Uuid>().unwrap().into(),
        started_at: "2026-03-20T20:30:15Z".parse().unwrap(),
        recipient: TO.to_owned(),
        subject: None,
        content: "Salom, Anna!".to_owned(),
    }
}

fn page(messages: &[Value]) -> Act {
    let body = value!({"status": "success", "data": {"current_page": 1, "result": messages}});
    json(200, &body.to_string())
}

fn listed(user_sms_id: &Value) -> Value {
    value!({"id": 7, "user_sms_id": user_sms_id, "request_id": REQUEST, "to": "998901234567",
        "message": "Salom, Anna!", "status": "DELIVERED"})
}

async fn looked_up(mut acts: Vec<Act>) -> (Provider, LookUp) {
    acts.insert(0, token(TOKEN));
    let provider = Provider::start(acts).await;
    let found = eskiz(&provider).look_up(&doubt()).await;
    (provider, found)
}

#[tokio::test]
async fn a_doubt_is_looked_up_by_the_attempt() {
    let taken = LookUp::Taken {
        provider_id: REQUEST.to_owned(),
    };
    let other = listed(&"01900000-0000-7000-8000-0000000000ab".into());
    let ours = listed(&ATTEMPT.into());
    let nameless = listed(&Value::Null);
    let (provider, found) = looked_up(vec![page(&[other.clone(), nameless, ours.clone()])]).await;
    assert_eq!(found, taken);
    let request = &provider.requests()[1];
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/api/message/sms/get-user-messages?page=1");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer a-very-secret-token")
    );
    // The minutes around the attempt, by the clocks of Tashkent.
    assert_eq!(
        part(request, "start_date").as_deref(),
        Some("2026-03-21 01:29")
    );
    assert_eq!(
        part(request, "to_date").as_deref(),
        Some("2026-03-21 01:40")
    );
    assert_eq!(part(request, "page_size").as_deref(), Some("50"));

    // On the second page, too; but not on an eleventh.
    let full = || page(&vec![other.clone(); 50]);
    let (provider, found) = looked_up(vec![full(), page(&[ours])]).await;
    assert_eq!(found, taken);
    assert_eq!(
        provider.requests()[2].target,
        "/api/message/sms/get-user-messages?page=2"
    );
    let (provider, found) = looked_up((0..20).map(|_| full()).collect()).await;
    assert_eq!(found, unknown("list_too_long"));
    assert_eq!(provider.requests().len(), 11);
}

fn unknown(reason: &str) -> LookUp {
    LookUp::Unknown {
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn a_look_up_never_proves_that_nothing_was_taken() {
    let other = listed(&"7".into());
    for (act, reason) in [
        (page(&[]), "not_in_list"),
        (page(&[other]), "not_in_list"),
        (json(200, "{}"), "answer_not_understood"),
        (json(200, "nonsense"), "answer_not_understood"),
        (json(404, "{}"), "http_404"),
        (json(500, "{}"), "http_500"),
        (Act::Close, "connection_lost"),
        (Act::Hang, "timeout"),
    ] {
        let (_, found) = looked_up(vec![act]).await;
        assert_eq!(found, unknown(reason));
    }
}
