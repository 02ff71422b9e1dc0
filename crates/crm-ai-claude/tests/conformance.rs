//! The core's conformance suite for language models, against a local stand-in of the API.

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use crm_ai_claude::{Claude, ClaudeConfig};
use crm_core::port::llm::Llm;
use crm_core::testing::llm_suite::{Behaviour, LlmHarness, run_all};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn claude(base_url: &str) -> Claude {
    let mut config = ClaudeConfig::new("not-a-key".to_owned().into());
    config.base_url = base_url.to_owned();
    Claude::new(config).expect("usable settings")
}

struct Harness {
    server: MockServer,
    reachable: AtomicBool,
    llm: Arc<dyn Llm>,
    cut_off_from_all: Arc<dyn Llm>,
}

impl Harness {
    async fn start() -> Arc<dyn LlmHarness> {
        let server = MockServer::start().await;
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        let closed = format!("http://{}", closed.expect("port"));
        Arc::new(Self {
            llm: Arc::new(claude(&server.uri())),
            cut_off_from_all: Arc::new(claude(&closed)),
            reachable: AtomicBool::new(true),
            server,
        })
    }
}

fn fixture(text: &str) -> (u16, Value) {
    let mut fixture: Value = serde_json::from_str(text).expect("JSON");
    let status = fixture["status"].as_u64().and_then(|s| s.try_into().ok());
    (status.expect("status"), fixture["body"].take())
}

fn answer(text: &str) -> (u16, Value) {
    let (status, mut body) = fixture(include_str!("fixtures/success-structured-ru.json"));
    body["content"][0]["text"] = text.into();
    (status, body)
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
        let (status, body) = match behaviour {
            Behaviour::Answer(text) => answer(&json!({"language": "ru", "text": text}).to_string()),
            Behaviour::Refuse => fixture(include_str!("fixtures/stop-refusal-partial.json")),
            Behaviour::CutOff => fixture(include_str!("fixtures/stop-max-tokens.json")),
            Behaviour::Malformed => fixture(include_str!("fixtures/success-malformed-json.json")),
            Behaviour::Empty => answer(&json!({"language": "ru", "text": ""}).to_string()),
            Behaviour::Overloaded => fixture(include_str!("fixtures/error-529-overloaded.json")),
            Behaviour::BadKey => fixture(include_str!("fixtures/error-401-authentication.json")),
            Behaviour::Unreachable => return true,
        };
        self.server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&self.server)
            .await;
        true
    }

    async fn requests(&self) -> Option<usize> {
        let all = self.server.received_requests().await;
        all.map(|all| all.len())
    }
}

#[tokio::test]
async fn keeps_the_contract_of_a_language_model() {
    let report = run_all(Harness::start).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}
