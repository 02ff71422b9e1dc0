//! Text messages and WhatsApp through Twilio, against a provider that does what it is told.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::time::Duration;

use common::Draft;
use common::http::{Act, Provider, Request, json};
use common::stages::{Certificate, advice, after_the_request, front, nobody, options, shown};
use crm_channels::twilio::{ApiKey, Kind, Sender};
use crm_channels::{HttpOptions, Twilio, TwilioConfig};
use crm_core::ErrorKind;
use crm_core::contact::AddressKind;
use crm_core::message::Format;
use crm_core::port::callback::{Doubt, LookUp};
use crm_core::port::channel::{Channel as _, Outcome};
use crm_core::port::units::{Encoding, Unit, Units};
use serde_json::{Value, json as value};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SERVICE: &str = "MG00000000000000000000000000000002";
const SID: &str = "SM00000000000000000000000000000003";
const TOKEN: &str = "a-very-secret-token";
const PATH: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";
const TO: &str = "+998901234567";

fn config(http: HttpOptions) -> TwilioConfig {
    let sender = Sender::From("+14155552345".to_owned());
    TwilioConfig {
        http,
        ..TwilioConfig::new(ACCOUNT, TOKEN.to_owned().into(), sender)
    }
}

fn draft() -> Draft {
    Draft {
        recipient: TO.to_owned(),
        subject: None,
        content: "Salom, Anna!".to_owned(),
        ..Draft::default()
    }
}

fn created() -> Act {
    json(
        201,
        &format!(r#"{{"sid":"{SID}","status":"queued","error_code":null}}"#),
    )
}

fn fields(form: &[u8]) -> Vec<(String, String)> {
    let fields = form_urlencoded::parse(form);
    fields
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn field(fields: &[(String, String)], name: &str) -> Option<String> {
    let mut fields = fields.iter().filter(|(known, _)| known == name);
    let found = fields.next().map(|(_, value)| value.clone());
    assert_eq!(fields.next(), None, "{name} comes twice");
    found
}

/// What one message makes of the provider's one act.
async fn send(act: Act, draft: &Draft) -> (Provider, Outcome) {
    let provider = Provider::start(vec![act]).await;
    let twilio = Twilio::new(config(options(provider.base()))).unwrap();
    let outcome = twilio.send(&draft.approved()).await;
    (provider, outcome)
}

/// The form of a message that this channel sends.
async fn form_of(
    change: impl FnOnce(&mut TwilioConfig),
    draft: &Draft,
) -> (Request, Vec<(String, String)>) {
    let provider = Provider::start(vec![created()]).await;
    let mut config = config(options(provider.base()));
    change(&mut config);
    let outcome = Twilio::new(config).unwrap().send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let request = provider.requests().remove(0);
    let form = fields(&request.body);
    (request, form)
}

#[tokio::test]
async fn a_message_is_one_form() {
    let (provider, outcome) = send(created(), &draft()).await;
    let provider_id = SID.to_owned();
    assert_eq!(outcome, Outcome::Accepted { provider_id });
    let requests = provider.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", PATH)
    );
    // Base64 of ACCOUNT:TOKEN.
    assert_eq!(
        request.header("authorization"),
        Some("Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphLXZlcnktc2VjcmV0LXRva2Vu")
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        request.text(),
        "To=%2B998901234567&From=%2B14155552345&Body=Salom%2C+Anna%21&SmartEncoded=false"
    );
}

#[tokio::test]
async fn settings_stand_in_the_form() {
    let change = |config: &mut TwilioConfig| {
        config.sender = Sender::Service(SERVICE.to_owned());
        config.status_callback = Some("https://crm.example.test/hooks/t?tenant=7".to_owned());
        config.validity = Some(Duration::from_secs(3600));
        config.api_key = Some(ApiKey {
            sid: "SK00000000000000000000000000000004".to_owned(),
            secret: "s".to_owned().into(),
        });
    };
    let (request, form) = form_of(change, &draft()).await;
    assert_eq!(field(&form, "From"), None);
    assert_eq!(
        field(&form, "MessagingServiceSid").as_deref(),
        Some(SERVICE)
    );
    assert_eq!(field(&form, "ValidityPeriod").as_deref(), Some("3600"));
    assert_eq!(
        field(&form, "StatusCallback"),
        Some(format!(
            "https://crm.example.test/hooks/t?tenant=7&attempt={ATTEMPT}"
        ))
    );
    // Base64 of the key and its secret.
    assert_eq!(
        request.header("authorization"),
        Some("Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwNDpz")
    );
    // A message with a sender of its own.
    let own = Draft {
        sender: "Salon".to_owned(),
        ..draft()
    };
    let (_, form) = form_of(|_| (), &own).await;
    assert_eq!(field(&form, "From").as_deref(), Some("Salon"));
    // WhatsApp.
    let (_, form) = form_of(|config| config.kind = Kind::WhatsApp, &draft()).await;
    assert_eq!(field(&form, "To"), Some(format!("whatsapp:{TO}")));
    assert_eq!(
        field(&form, "From").as_deref(),
        Some("whatsapp:+14155552345")
    );
    assert_eq!(field(&form, "SmartEncoded"), None);
}

#[tokio::test]
async fn odd_characters_change_the_text_alone() {
    let plain = form_of(|_| (), &draft()).await.1;
    for text in [
        "a\r\nTo: x\r\n\r\nb",
        "nul \0 and \u{7f}",
        "\u{202e}txet sdrawkcab\u{202c} שלום مرحبا",
        "&To=%2B1&From=x+y;#?=",
        "Oʻzbek тили 🎂 e\u{301}",
    ] {
        let draft = Draft {
            content: text.to_owned(),
            ..draft()
        };
        let (_, form) = form_of(|_| (), &draft).await;
        assert_eq!(field(&form, "Body").as_deref(), Some(text));
        let rest = |form: &[(String, String)]| {
            let rest = form.iter().filter(|(name, _)| name != "Body");
            rest.cloned().collect::<Vec<_>>()
        };
        assert_eq!(rest(&form), rest(&plain), "{text:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_does_not_leave() {
    let cases = [
        (Draft::to("998901234567"), "bad_address"),
        (Draft::to("+998901234567\r\n"), "bad_address"),
        (Draft::to("whatsapp:+998901234567"), "bad_address"),
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
        let (provider, outcome) = send(created(), &draft).await;
        assert_eq!(shown(&outcome), format!("rejected {reason}"));
        assert_eq!(provider.requests().len(), 0, "{reason}");
    }
}

#[tokio::test]
async fn ends_decide_by_stage() {
    for (act, expected) in after_the_request() {
        let shown_act = format!("{act:?}");
        let (provider, outcome) = send(act, &draft()).await;
        assert_eq!(shown(&outcome), expected, "{shown_act:.80}");
        // One call is one request: nothing is repeated and no redirect is followed.
        assert_eq!(provider.requests().len(), 1, "{shown_act:.80}");
    }
    let twilio = Twilio::new(config(options(nobody().await))).unwrap();
    let outcome = twilio.send(&draft().approved()).await;
    assert_eq!(shown(&outcome), "retry_after Channel 60 not_connected");
    // Somebody listens and does not speak TLS.
    let provider = Provider::start(vec![created()]).await;
    let tls = provider.base().replace("http:", "https:");
    let twilio = Twilio::new(config(options(tls))).unwrap();
    let outcome = twilio.send(&draft().approved()).await;
    assert_eq!(shown(&outcome), "retry_after Channel 60 not_connected");
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn advice_is_a_lower_bound_that_can_be_believed() {
    for (act, wait) in advice(1) {
        let (_, outcome) = send(act, &draft()).await;
        assert_eq!(
            shown(&outcome),
            format!("retry_after Channel {wait} twilio_20429")
        );
    }
}

#[tokio::test]
async fn certificates_decide_whether_anything_leaves() {
    for (certificate, expected) in [
        (Certificate::Trusted, "accepted "),
        (Certificate::Untrusted, "stop certificate_not_trusted"),
        (Certificate::Expired, "stop certificate_not_trusted"),
        (Certificate::Foreign, "stop certificate_not_trusted"),
    ] {
        let provider = Provider::start(vec![created()]).await;
        let http = front(certificate, provider.address).await;
        let twilio = Twilio::new(config(http)).unwrap();
        let outcome = twilio.send(&draft().approved()).await;
        assert_eq!(shown(&outcome), expected, "{certificate:?}");
        let left = usize::from(expected == "accepted ");
        assert_eq!(provider.requests().len(), left, "{certificate:?}");
    }
}

#[tokio::test]
async fn secrets_texts_and_numbers_are_not_shown() {
    let error = r#"{"code":21211,"message":"'+998901234567' a-very-secret-token","status":400}"#;
    let (provider, outcome) = send(json(400, error), &draft()).await;
    assert_eq!(shown(&outcome), "dead twilio_21211");
    let config = config(options(provider.base()));
    let twilio = Twilio::new(config.clone()).unwrap();
    let doubt = doubt();
    let found = twilio.look_up(&doubt).await;
    let shown = format!("{outcome:?} {config:?} {twilio:?} {doubt:?} {found:?}");
    for secret in [TOKEN, ACCOUNT, TO, "14155552345", "Salom"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn settings_are_checked() {
    let check = |change: fn(&mut TwilioConfig)| {
        let mut config = config(HttpOptions::default());
        change(&mut config);
        Twilio::new(config).map_err(|error| error.to_string())
    };
    assert!(check(|_| ()).is_ok());
    let wrong: [fn(&mut TwilioConfig); 12] = [
        |config| config.account_sid = "AC1".to_owned(),
        |config| config.account_sid = "AC0000000000000000000000000000000/".to_owned(),
        |config| config.auth_token = String::new().into(),
        |config| config.sender = Sender::From("+1\r\n".to_owned()),
        |config| config.sender = Sender::Service(ACCOUNT.to_owned()),
        |config| {
            config.kind = Kind::WhatsApp;
            config.sender = Sender::From("Salon".to_owned());
        },
        |config| config.status_callback = Some("crm.example.test".to_owned()),
        |config| config.status_callback = Some("https://crm.example.test/#a".to_owned()),
        |config| config.validity = Some(Duration::ZERO),
        |config| config.validity = Some(Duration::from_secs(36_001)),
        |config| config.concurrency = 0,
        |config| config.http.base = Some("http://sms.example.test".to_owned()),
    ];
    for change in wrong {
        let error = check(change).unwrap_err();
        assert!(
            !error.contains(TOKEN) && !error.contains(ACCOUNT),
            "{error}"
        );
    }
}

#[test]
fn a_text_message_is_counted_in_parts_and_whatsapp_is_not() {
    let mut config = config(HttpOptions::default());
    let sms = Twilio::new(config.clone()).unwrap();
    config.kind = Kind::WhatsApp;
    let whatsapp = Twilio::new(config.clone()).unwrap();
    assert_eq!(whatsapp.capabilities().window, None);
    config.window = true;
    let answering = Twilio::new(config.clone()).unwrap();
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    assert_eq!(answering.capabilities().window, Some(day));
    config.kind = Kind::Sms;
    let error = Twilio::new(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = "я".repeat(71);
    let parts = Units {
        count: 2,
        unit: Unit::Part,
        encoding: Some(Encoding::Ucs2),
        forced_by: Some('я'),
    };
    assert_eq!(sms.units(None, &text), parts);
    assert_eq!(whatsapp.units(None, &text), Units::MESSAGE);
    assert_eq!(sms.capabilities().address, AddressKind::Phone);
    assert_eq!(whatsapp.capabilities().address, AddressKind::Whatsapp);
    assert!(sms.capabilities().look_up && sms.capabilities().receipts);
}

fn doubt() -> Doubt {
    Doubt {
        attempt_id: ATTEMPT.parse::<uuid::Uuid>().unwrap().into(),
        started_at: "2026-03-21T00:00:30.250Z".parse().unwrap(),
        recipient: TO.to_owned(),
        subject: None,
        content: "Salom, Anna!".to_owned(),
    }
}

fn listed(sid: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut message = value!({
        "sid": sid, "to": TO, "from": "+14155552345", "body": "Salom, Anna!", "direction": "outbound-api",
        "status": "delivered", "date_created": "Sat, 21 Mar 2026 00:00:31 +0000",
        "date_sent": "Sat, 21 Mar 2026 00:05:00 +0000",
    });
    change(&mut message);
    message
}

async fn looked_up(act: Act) -> (Provider, LookUp) {
    let provider = Provider::start(vec![act]).await;
    let twilio = Twilio::new(config(options(provider.base()))).unwrap();
    let found = twilio.look_up(&doubt()).await;
    (provider, found)
}

#[tokio::test]
async fn a_doubt_is_looked_up_in_the_list() {
    let list = |messages: Vec<Value>| json(200, &value!({ "messages": messages }).to_string());
    let (provider, found) = looked_up(list(vec![listed(SID, |_| ())])).await;
    let provider_id = SID.to_owned();
    assert_eq!(found, LookUp::Taken { provider_id });
    let request = &provider.requests()[0];
    // The day before: the other clock may not have reached midnight.
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.target,
        format!("{PATH}?To=%2B998901234567&DateSent%3E=2026-03-20&PageSize=20")
    );
    assert!(
        request
            .header("authorization")
            .unwrap()
            .starts_with("Basic ")
    );

    type Change = fn(&mut Value);
    let others: [Change; 8] = [
        |message| message["body"] = "Salom, Anna! ".into(),
        |message| message["to"] = "+998901234568".into(),
        |message| message["direction"] = "inbound".into(),
        |message| message["date_created"] = "Sat, 21 Mar 2026 00:00:20 +0000".into(),
        |message| message["date_created"] = "Sat, 21 Mar 2026 00:10:31 +0000".into(),
        |message| message["date_created"] = "Sat, 21 Mar 2026 03:00:31 +0500".into(),
        |message| message["date_created"] = "soon".into(),
        |message| message["sid"] = "../1".into(),
    ];
    let second = "SM00000000000000000000000000000004";
    for change in others {
        // Alone it is nothing; beside the right one it does not disturb.
        let (_, found) = looked_up(list(vec![listed(second, change)])).await;
        assert_eq!(found, unknown("not_in_list"));
        let (_, found) = looked_up(list(vec![listed(second, change), listed(SID, |_| ())])).await;
        assert_eq!(
            found,
            LookUp::Taken {
                provider_id: SID.to_owned()
            }
        );
    }
    let (_, found) = looked_up(list(vec![listed(second, |_| ()), listed(SID, |_| ())])).await;
    assert_eq!(found, unknown("several_in_list"));
}

fn unknown(reason: &str) -> LookUp {
    LookUp::Unknown {
        reason: reason.to_owned(),
    }
}

#[tokio::test]
async fn a_look_up_never_proves_that_nothing_was_taken() {
    for (act, reason) in [
        (json(200, r#"{"messages":[]}"#), "not_in_list"),
        (json(200, "{}"), "answer_not_understood"),
        (json(200, "nonsense"), "answer_not_understood"),
        (json(401, r#"{"code":20003}"#), "http_401"),
        (json(404, "{}"), "http_404"),
        (json(500, "{}"), "http_500"),
        (Act::Close, "connection_lost"),
        (Act::Hang, "timeout"),
    ] {
        let (_, found) = looked_up(act).await;
        assert_eq!(found, unknown(reason));
    }
}
