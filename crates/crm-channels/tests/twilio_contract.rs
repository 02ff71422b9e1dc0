//! Twilio keeps the contract of channels, against a small Twilio that remembers what it took.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::Draft;
use common::http::{Act, Provider, json};
use common::stages::{options, shown};
use crm_channels::twilio::{Kind, Sender};
use crm_channels::{Twilio, TwilioConfig};
use crm_core::id::AttemptId;
use crm_core::port::callback::{Doubt, LookUp};
use crm_core::port::channel::Channel;
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};
use serde_json::{Value, json as value};

type Fields = Vec<(String, String)>;
type Taken = Arc<Mutex<Vec<Fields>>>;

fn fields(form: &[u8]) -> Fields {
    let fields = form_urlencoded::parse(form);
    fields
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn field(fields: &Fields, name: &str) -> String {
    let mut fields = fields.iter();
    let field = fields.find(|(known, _)| known == name);
    field.unwrap().1.clone()
}

/// Keeps what it took and lists it again.
struct Harness {
    provider: Provider,
    twilio: Arc<Twilio>,
    kind: Kind,
    taken: Taken,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

async fn emulator(kind: Kind) -> Harness {
    let taken: Taken = Arc::default();
    let trouble: Arc<Mutex<Option<Trouble>>> = Arc::default();
    let (list, mode) = (Arc::clone(&taken), Arc::clone(&trouble));
    let provider = Provider::answering(move |request| {
        let mut list = list.lock().unwrap();
        match *mode.lock().unwrap() {
            Some(Trouble::Busy) => return json(429, r#"{"code":20429,"status":429}"#),
            Some(Trouble::NoSuchAddress) => return json(400, r#"{"code":21211,"status":400}"#),
            Some(Trouble::BadCredentials) => return json(401, r#"{"code":20003,"status":401}"#),
            _ => {}
        }
        if request.method == "GET" {
            let now: DateTime<Utc> = "2026-03-21T09:00:01Z".parse().unwrap();
            let messages: Vec<Value> = (1..)
                .zip(list.iter())
                .map(|(number, form)| {
                    value!({
                        "sid": format!("SM{number:032}"), "to": field(form, "To"), "body": field(form, "Body"),
                        "date_created": now.to_rfc2822(),
                    })
                })
                .collect();
            return json(200, &value!({ "messages": messages }).to_string());
        }
        list.push(fields(&request.body));
        if *mode.lock().unwrap() == Some(Trouble::SilentAfterBody) {
            return Act::Close;
        }
        json(201, &value!({"sid": format!("SM{:032}", list.len()), "status": "queued"}).to_string())
    })
    .await;
    let sender = Sender::From("+14155552345".to_owned());
    let account = "AC00000000000000000000000000000001";
    let config = TwilioConfig {
        kind,
        http: options(provider.base()),
        ..TwilioConfig::new(account, "12345".to_owned().into(), sender)
    };
    Harness {
        twilio: Arc::new(Twilio::new(config).unwrap()),
        provider,
        kind,
        taken,
        trouble,
    }
}

#[async_trait]
impl ChannelHarness for Harness {
    fn channel(&self) -> Arc<dyn Channel> {
        self.twilio.clone()
    }

    async fn delivered(&self) -> Vec<Delivered> {
        let prefix = if self.kind == Kind::Sms {
            ""
        } else {
            "whatsapp:"
        };
        let taken = self.taken.lock().unwrap();
        let read = |form: &Fields| Delivered {
            recipient: field(form, "To").strip_prefix(prefix).unwrap().to_owned(),
            subject: None,
            content: field(form, "Body"),
        };
        taken.iter().map(read).collect()
    }

    fn address(&self, number: u64) -> String {
        format!("+99890{number:07}")
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        *self.trouble.lock().unwrap() = Some(trouble);
        if trouble == Trouble::Unreachable {
            self.provider.stop().await;
        }
        true
    }
}

#[tokio::test]
async fn twilio_keeps_the_contract() {
    for kind in [Kind::Sms, Kind::WhatsApp] {
        let make = || async move { Arc::new(emulator(kind).await) as Arc<dyn ChannelHarness> };
        let report = channel_suite::run_all(make).await;
        assert!(report.is_ok(), "{report}");
        assert_eq!(
            report.skipped(),
            [
                "delivers_the_subject",
                "delivers_a_long_subject",
                "refuses_header_injection_in_the_subject",
                "an_attempt_is_delivered_once_if_idempotent",
            ]
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_list() {
    let harness = emulator(Kind::WhatsApp).await;
    harness.trouble(Trouble::SilentAfterBody).await;
    let draft = Draft {
        recipient: "+998901234567".to_owned(),
        ..Draft::text("Salom, Anna!")
    };
    let outcome = harness.twilio.send(&draft.approved()).await;
    assert_eq!(shown(&outcome), "unknown connection_lost");
    let doubt = Doubt {
        attempt_id: AttemptId(uuid::Uuid::from_u128(draft.attempt)),
        started_at: "2026-03-21T09:00:00Z".parse().unwrap(),
        recipient: draft.recipient,
        subject: None,
        content: draft.content,
    };
    let found = harness.twilio.look_up(&doubt).await;
    let provider_id = format!("SM{:032}", 1);
    assert_eq!(found, LookUp::Taken { provider_id });
}
