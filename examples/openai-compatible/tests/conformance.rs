//! The core's conformance suite for language models, against an endpoint on this machine.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use crm_core::port::llm::Llm;
use crm_core::testing::llm_suite::{Behaviour, LlmHarness, run_all};
use serde_json::json;
use support::{Answer, Endpoint, adapter, completion, text};

struct Harness {
    endpoint: Endpoint,
    reachable: AtomicBool,
    llm: Arc<dyn Llm>,
    cut_off_from_all: Arc<dyn Llm>,
}

impl Harness {
    async fn start() -> Arc<dyn LlmHarness> {
        let endpoint = Endpoint::start().await;
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        let closed = format!("http://{}", closed.expect("port"));
        Arc::new(Self {
            llm: Arc::new(adapter(&endpoint.url)),
            cut_off_from_all: Arc::new(adapter(&closed)),
            reachable: AtomicBool::new(true),
            endpoint,
        })
    }
}

#[async_trait]
impl LlmHarness for Harness {
    fn llm(&self) -> Arc<dyn Llm> {
        let reachable = self.reachable.load(Ordering::SeqCst);
        Arc::clone(if reachable {
            &self.llm
        } else {
            &self.cut_off_from_all
        })
    }

    async fn behave(&self, behaviour: Behaviour) -> bool {
        let reachable = behaviour != Behaviour::Unreachable;
        self.reachable.store(reachable, Ordering::SeqCst);
        let answer = |content: &str| (200, completion(content));
        let (status, body) = match behaviour {
            Behaviour::Answer(words) => answer(&text(&words)),
            Behaviour::Refuse => {
                let mut body = completion("");
                body["choices"][0]["message"]["content"] = json!(null);
                body["choices"][0]["message"]["refusal"] = json!("I cannot help with SECRET-NAME.");
                (200, body)
            }
            Behaviour::CutOff => {
                let mut body = completion("{\"facts_used\": [], \"text\": \"Анна, с дн");
                body["choices"][0]["finish_reason"] = json!("length");
                (200, body)
            }
            Behaviour::Malformed => answer("Here is the message: SECRET-NAME"),
            Behaviour::Empty => answer(&text("")),
            Behaviour::Overloaded => (503, json!({"error": {"message": "overloaded"}})),
            Behaviour::BadKey => (
                401,
                json!({"error": {"message": "bad SECRET-SYSTEM", "code": "invalid_api_key"}}),
            ),
            Behaviour::Unreachable => return true,
        };
        self.endpoint.answer(Answer::json(status, &body));
        true
    }

    async fn requests(&self) -> Option<usize> {
        Some(self.endpoint.requests().len())
    }
}

#[tokio::test]
async fn keeps_the_contract_of_a_language_model() {
    let report = run_all(Harness::start).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}
