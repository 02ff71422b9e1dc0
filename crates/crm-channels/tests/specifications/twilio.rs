//! Twilio: the creation of messages, and their list.

use std::time::Duration;

use crm_channels::twilio::{ApiKey, Kind, Sender};
use crm_channels::{Twilio, TwilioConfig};
use crm_core::port::channel::{Channel as _, Outcome};

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::http::{Provider, Request, json};
use crate::validator::{are_refused, are_valid, put, without};
use crate::{TO, doubt, draft, texts};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SERVICE: &str = "MG00000000000000000000000000000002";
const CREATED: &str = r#"{"sid":"SM00000000000000000000000000000003","status":"queued"}"#;

type Change = fn(&mut TwilioConfig);

/// Every setting that shows in a request.
const SETTINGS: [Change; 7] = [
    |_| (),
    |config| config.sender = Sender::Service(SERVICE.to_owned()),
    |config| {
        config.api_key = Some(ApiKey {
            sid: "SK00000000000000000000000000000004".to_owned(),
            secret: "a secret: with colons".to_owned().into(),
        });
    },
    |config| config.status_callback = Some("https://crm.example.test/hooks/t".to_owned()),
    |config| config.status_callback = Some("https://crm.example.test/t?tenant=7&x=%20".to_owned()),
    |config| config.validity = Some(Duration::from_secs(1)),
    |config| config.validity = Some(Duration::from_secs(36_000)),
];

async fn provider() -> Provider {
    Provider::answering(|request| match request.method.as_str() {
        "GET" => json(200, r#"{"messages":[]}"#),
        _ => json(201, CREATED),
    })
    .await
}

fn twilio(provider: &Provider, kind: Kind, change: Change) -> Twilio {
    let sender = Sender::From("+14155552345".to_owned());
    let mut config = TwilioConfig {
        kind,
        http: options(&provider.base(), PATIENT),
        ..TwilioConfig::new(ACCOUNT, "a-very-secret-token".to_owned().into(), sender)
    };
    change(&mut config);
    Twilio::new(config).unwrap()
}

async fn taken(twilio: &Twilio, draft: &Draft) {
    let outcome = twilio.send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

async fn one(kind: Kind) -> Request {
    let provider = provider().await;
    let all: Change = |config| {
        SETTINGS[3](config);
        SETTINGS[6](config);
    };
    taken(&twilio(&provider, kind, all), &draft("Salom, Anna!")).await;
    provider.requests().remove(0)
}

#[tokio::test]
async fn requests_to_twilio_are_what_it_specifies() {
    let provider = provider().await;
    let (mut sent, mut listed) = (0, 0);
    for kind in [Kind::Sms, Kind::WhatsApp] {
        for change in SETTINGS {
            let channel = twilio(&provider, kind, change);
            taken(&channel, &draft("Salom, Anna!")).await;
            channel.look_up(&doubt()).await;
            (sent, listed) = (sent + 1, listed + 1);
        }
        let channel = twilio(&provider, kind, SETTINGS[0]);
        for text in texts(1600) {
            taken(&channel, &draft(&text)).await;
            sent += 1;
        }
        let names: &[&str] = match kind {
            Kind::Sms => &["Salon Nur", "12345", "+447700900123", SERVICE],
            Kind::WhatsApp => &["+447700900123", SERVICE],
        };
        for sender in names {
            let own = Draft {
                sender: (*sender).to_owned(),
                ..draft("Salom")
            };
            taken(&channel, &own).await;
            sent += 1;
        }
    }
    let requests = provider.requests();
    are_valid(
        "twilio",
        &requests,
        &[("CreateMessage", sent), ("ListMessage", listed)],
    );
}

#[tokio::test]
async fn a_wrong_request_to_twilio_would_be_noticed() {
    are_refused(
        "twilio",
        &one(Kind::Sms).await,
        &[
            ("a field of another name", |r| {
                put(r, "StatusCallback", "Callback")
            }),
            ("no recipient", |r| put(r, "To=%2B998901234567&", "")),
            ("no sender", |r| put(r, "From=%2B14155552345&", "")),
            ("no text", |r| put(r, "Body=Salom%2C+Anna%21&", "")),
            ("the text twice", |r| put(r, "Body=", "Body=a&Body=")),
            ("a text where a number belongs", |r| put(r, "36000", "10h")),
            ("a number that is too large", |r| put(r, "36000", "36001")),
            ("a text where a yes or no belongs", |r| {
                put(r, "SmartEncoded=false", "SmartEncoded=maybe")
            }),
            ("another method", |r| r.method = "PUT".to_owned()),
            ("another path", |r| r.target = r.target.replace(".json", "")),
            ("another account", |r| {
                r.target = r.target.replace("/AC", "/SK")
            }),
            ("no credentials", |r| without(r, "authorization")),
            ("another kind of body", |r| {
                without(r, "content-type");
                r.headers
                    .push(("content-type".to_owned(), "application/json".to_owned()));
                r.body = format!(r#"{{"To":"{TO}","From":"{TO}","Body":"a"}}"#).into_bytes();
            }),
        ],
    );
}

#[tokio::test]
async fn a_wrong_list_would_be_noticed() {
    let provider = provider().await;
    twilio(&provider, Kind::Sms, SETTINGS[0])
        .look_up(&doubt())
        .await;
    are_refused(
        "twilio",
        &provider.requests()[0],
        &[
            ("a filter of another name", |r| {
                r.target = r.target.replace("DateSent%3E", "SentAfter")
            }),
            ("another form of a date", |r| {
                r.target = r.target.replace("2026-03-20", "20.03.2026")
            }),
            ("a page that is too long", |r| {
                r.target = r.target.replace("PageSize=20", "PageSize=2000")
            }),
            ("no credentials", |r| without(r, "authorization")),
        ],
    );
}
