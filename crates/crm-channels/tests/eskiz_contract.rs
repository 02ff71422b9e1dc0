//! Eskiz keeps the contract of channels, against a small Eskiz that remembers what it took.

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
use common::eskiz::{TOKEN, draft, eskiz, token};
use common::http::{Act, Provider, Request, json};
use common::stages::shown;
use crm_channels::Eskiz;
use crm_core::id::AttemptId;
use crm_core::port::callback::{Doubt, LookUp};
use crm_core::port::channel::Channel;
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};
use serde_json::{Value, json as value};

/// What a small Eskiz holds.
#[derive(Default)]
struct Gateway {
    messages: Vec<Value>,
    trouble: Option<Trouble>,
}

impl Gateway {
    fn answer(&mut self, request: &Request) -> Act {
        let login = request.target == "/api/auth/login";
        match self.trouble {
            Some(Trouble::Busy) => return json(429, "{}"),
            Some(Trouble::BadCredentials) => return json(401, "{}"),
            _ if login => return token(TOKEN),
            _ => {}
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return json(401, "{}");
        }
        if request
            .target
            .starts_with("/api/message/sms/get-user-messages")
        {
            let list = value!({"status": "success", "data": {"result": self.messages}});
            return json(200, &list.to_string());
        }
        assert_eq!(request.target, "/api/message/sms/send-batch");
        if self.trouble == Some(Trouble::NoSuchAddress) {
            return json(422, r#"{"message":{"messages.0.to":["invalid"]}}"#);
        }
        let id = format!("request-{}", self.messages.len());
        let batch = request.json();
        for message in batch["messages"].as_array().unwrap() {
            let mut message = message.clone();
            message["request_id"] = id.clone().into();
            self.messages.push(message);
        }
        if self.trouble == Some(Trouble::SilentAfterBody) {
            return Act::Close;
        }
        json(200, &value!({"id": id, "status": ["waiting"]}).to_string())
    }
}

struct Harness {
    gateway: Arc<Mutex<Gateway>>,
    provider: Provider,
    eskiz: Arc<Eskiz>,
}

async fn emulator() -> Harness {
    let gateway: Arc<Mutex<Gateway>> = Arc::default();
    let answers = Arc::clone(&gateway);
    let provider =
        Provider::answering(move |request| answers.lock().unwrap().answer(request)).await;
    Harness {
        gateway,
        eskiz: Arc::new(eskiz(&provider)),
        provider,
    }
}

#[async_trait]
impl ChannelHarness for Harness {
    fn channel(&self) -> Arc<dyn Channel> {
        self.eskiz.clone()
    }

    async fn delivered(&self) -> Vec<Delivered> {
        let gateway = self.gateway.lock().unwrap();
        let read = |message: &Value| Delivered {
            recipient: format!("+{}", message["to"]),
            subject: None,
            content: message["text"].as_str().unwrap().to_owned(),
        };
        gateway.messages.iter().map(read).collect()
    }

    fn address(&self, number: u64) -> String {
        format!("+99890{number:07}")
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        self.gateway.lock().unwrap().trouble = Some(trouble);
        if trouble == Trouble::Unreachable {
            self.provider.stop().await;
        }
        true
    }
}

#[tokio::test]
async fn eskiz_keeps_the_contract() {
    let make = || async { Arc::new(emulator().await) as Arc<dyn ChannelHarness> };
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

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_list() {
    let harness = emulator().await;
    harness.trouble(Trouble::SilentAfterBody).await;
    let draft = draft();
    let outcome = harness.eskiz.send(&draft.approved()).await;
    assert_eq!(shown(&outcome), "unknown connection_lost");
    let doubt = Doubt {
        attempt_id: AttemptId(uuid::Uuid::from_u128(draft.attempt)),
        started_at: "2026-03-21T09:00:00Z".parse().unwrap(),
        recipient: draft.recipient,
        subject: None,
        content: draft.content,
    };
    let found = harness.eskiz.look_up(&doubt).await;
    let provider_id = "request-0".to_owned();
    assert_eq!(found, LookUp::Taken { provider_id });
}
