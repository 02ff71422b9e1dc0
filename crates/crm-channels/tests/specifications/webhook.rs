//! The signed webhook, against our own description of it.

use std::sync::Arc;

use crm_channels::{Webhook, WebhookConfig};
use crm_core::message::Format;
use crm_core::port::channel::{Channel as _, Outcome};
use crm_core::testing::FakeClock;

use crate::common::Draft;
use crate::common::emulator::{PATIENT, options};
use crate::common::http::{Provider, json};
use crate::validator::{are_refused, are_valid, put, without};
use crate::{draft, texts};

const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";

fn webhook(provider: &Provider, path: &str, secrets: &[&str]) -> Webhook {
    let mut http = options("", PATIENT);
    http.base = None;
    let secrets = secrets.iter().map(|secret| (*secret).into()).collect();
    Webhook::new(WebhookConfig {
        allowed: vec!["127.0.0.0/8".to_owned()],
        clock: Some(Arc::new(FakeClock::default())),
        http,
        event: "crm.message_send-1".to_owned(),
        ..WebhookConfig::new(format!("{}{path}", provider.base()).into(), secrets)
    })
    .unwrap()
}

async fn accepted(channel: &Webhook, draft: &Draft) {
    let outcome = channel.send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

fn full() -> Draft {
    Draft {
        subject: Some("С праздником".to_owned()),
        sender: "salon".to_owned(),
        format: Format::Html,
        number: 3,
        ..draft("<b>Салом</b>")
    }
}

#[tokio::test]
async fn requests_to_a_webhook_are_what_we_document() {
    let provider = Provider::answering(|_| json(204, "")).await;
    let one = webhook(&provider, "/hook/a", &[OLD]);
    for text in texts(4000) {
        accepted(&one, &draft(&text)).await;
    }
    accepted(
        &webhook(&provider, "/hook/a?key=url-key", &[OLD, NEW]),
        &full(),
    )
    .await;
    let count = texts(4000).len() + 1;
    are_valid("webhook", &provider.requests(), &[("deliver", count)]);
}

#[tokio::test]
async fn a_wrong_request_to_a_webhook_would_be_noticed() {
    let provider = Provider::answering(|_| json(204, "")).await;
    accepted(&webhook(&provider, "/hook/a", &[OLD]), &full()).await;
    are_refused(
        "webhook",
        &provider.requests()[0],
        &[
            ("no id", |r| without(r, "webhook-id")),
            ("no time", |r| without(r, "webhook-timestamp")),
            ("no signature", |r| without(r, "webhook-signature")),
            ("a signature of another kind", |r| {
                for (name, value) in &mut r.headers {
                    if name == "webhook-signature" {
                        *value = value.replace("v1,", "v1=");
                    }
                }
            }),
            ("a time that is no number", |r| {
                for (name, value) in &mut r.headers {
                    if name == "webhook-timestamp" {
                        value.push_str(".5");
                    }
                }
            }),
            ("a field of another name", |r| put(r, "message_id", "id")),
            ("a field of another type", |r| {
                put(r, "\"attempt\":3", "\"attempt\":\"3\"")
            }),
            ("another format", |r| put(r, "\"html\"", "\"HTML\"")),
            ("another method", |r| r.method = "PUT".to_owned()),
            ("no kind of body", |r| without(r, "content-type")),
        ],
    );
}
