//! Every kind of request we send, judged by the types of the provider's own SDK (PyPI `anthropic`).

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crm_ai_claude::{CacheTtl, Claude, ClaudeConfig, Effort, Geo};
use crm_claude_testing::provider::Provider;
use crm_claude_testing::rules::VERSIONS;
use crm_claude_testing::server::{Answer, Request, Server};
use crm_claude_testing::wire::{answer, message};
use crm_core::port::clock::Clock as _;
use crm_core::port::llm::{DraftRequest, Llm};
use crm_core::port::llm_batch::{BatchMarker, BatchRequest, Found, LlmBatch, Lost, RequestId};
use serde_json::{Value, json};
use support::{clock, config, request, with};

/// Models of every row of the table of capabilities that has a price.
const MODELS: [&str; 8] = [
    "claude-haiku-5-5",
    "claude-sonnet-5-5",
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-fable-5-2",
    "claude-opus-4-8",
    "claude-opus-4-5",
    "claude-haiku-4-5",
];

/// What the SDK's types say of each (kind, body).
fn judged(asked: &[(&str, Value)]) -> Vec<Vec<String>> {
    let python = std::env::var_os("CRM_PYTHON")
        .expect("CRM_PYTHON must name a Python with anthropic: run cargo xtask test");
    let mut child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/sdk_validate.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let list: Vec<Value> = asked
        .iter()
        .map(|(kind, body)| json!({"kind": kind, "body": body}))
        .collect();
    let mut input = child.stdin.take().expect("input");
    let text = Value::from(list).to_string();
    input.write_all(text.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("output");
    assert!(
        output.status.success(),
        "anthropic is missing or failed: run cargo xtask test"
    );
    let verdicts: Vec<Vec<String>> = serde_json::from_slice(&output.stdout).expect("verdicts");
    assert_eq!(verdicts.len(), asked.len());
    verdicts
}

/// A request as the SDK's types know it.
fn known(request: &Request) -> Option<(&'static str, Value)> {
    match (request.method.as_str(), request.path()) {
        ("POST", "/v1/messages") => Some(("message", request.json())),
        ("POST", "/v1/messages/count_tokens") => Some(("count", request.json())),
        ("POST", "/v1/messages/batches") => Some(("batch", request.json())),
        ("GET", "/v1/messages/batches") => {
            let (_, query) = request.target.split_once('?').expect("a query");
            let pairs = query
                .split('&')
                .map(|pair| pair.split_once('=').expect("a pair"));
            let value = |text: &str| text.parse::<u64>().map_or(json!(text), |n| json!(n));
            let body = pairs.map(|(name, text)| (name.to_owned(), value(text)));
            Some(("list", Value::Object(body.collect())))
        }
        _ => None,
    }
}

fn settings(url: &str) -> Vec<ClaudeConfig> {
    let mut all = Vec::new();
    for version in VERSIONS {
        for model in MODELS {
            let mut plain = config(url);
            plain.version = version.to_owned();
            plain.model = model.to_owned();
            let mut full = plain.clone();
            full.cache_ttl = CacheTtl::FiveMinutes;
            full.effort = Effort::High;
            full.user_key = Some("a key of sixteen bytes".to_owned().into());
            if full.models.get(model).inference_geo {
                full.inference_geo = Some(Geo::Us);
            }
            all.extend([plain, full]);
        }
    }
    all
}

fn drafts() -> [DraftRequest; 3] {
    let mut with_subject = request();
    with_subject.subject = true;
    let mut without_rules = request();
    without_rules.system = String::new();
    [request(), with_subject, without_rules]
}

/// Has the adapter send everything it can send with these settings.
async fn exercise(claude: &Claude) {
    for request in drafts() {
        claude.draft(&request).await.expect("a draft");
        claude.count_tokens(&request).await.expect("a count");
    }
    let marker = BatchMarker::new("m1").expect("marker");
    let requests = drafts().map(|request| BatchRequest {
        id: RequestId::new(format!("{}-{}", request.subject, request.system.len())).expect("id"),
        request,
    });
    let batch = claude.submit(&marker, &requests).await.expect("a batch");
    claude.poll(&batch.id).await.expect("a batch");
    claude.cancel(&batch.id).await.expect("a batch");
    let since = "2026-11-22T11:00:00Z".parse().expect("moment");
    let requests = 4;
    let lost = Lost {
        marker,
        requests,
        since,
    };
    let found = claude.find(&lost).await.expect("an answer");
    assert_eq!(found, Found::Absent);
}

#[tokio::test]
async fn the_sdk_and_the_rules_find_nothing_wrong_with_any_request() {
    let provider = Provider::new(|| clock().now());
    let behind = Arc::clone(&provider);
    let server = Server::start(move |request| {
        let answered = behind.answer(request);
        if request.path() == "/v1/messages" {
            // The rules were applied; messages have no state.
            let mut body = json!({"language": "ru", "text": "T", "subject": "S"}).to_string();
            if request.json()["system"].is_array() {
                body = body.replace("\"T\"", "\"Text\"");
            }
            return Answer::json(200, &message(&body, "end_turn"));
        }
        answered
    })
    .await;
    let settings = settings(&server.url);
    assert_eq!(settings.len(), 2 * 2 * MODELS.len());
    for config in settings {
        exercise(&with(config)).await;
    }
    assert_eq!(provider.problems(), [""; 0]);
    let seen = server.seen();
    let asked: Vec<(&str, Value)> = seen.iter().filter_map(known).collect();
    let count = |kind: &str| asked.iter().filter(|(k, _)| *k == kind).count();
    assert_eq!((count("message"), count("batch")), (96, 32));
    // Three by themselves, and one for each form before a batch.
    assert_eq!(count("count"), 160);
    // The list is turned page by page.
    assert!(count("list") > 100, "{}", count("list"));
    for ((kind, body), wrong) in asked.iter().zip(judged(&asked)) {
        assert!(wrong.is_empty(), "{kind} {body:#}\n{wrong:#?}");
    }
}

#[tokio::test]
async fn what_is_wrong_at_any_depth_is_found() {
    let provider = Provider::new(|| clock().now());
    let behind = Arc::clone(&provider);
    let server = Server::start(move |request| match request.path() {
        "/v1/messages" => Answer::json(200, &message(&answer("Hi"), "end_turn")),
        _ => behind.answer(request),
    })
    .await;
    let mut config = config(&server.url);
    config.user_key = Some("a key of sixteen bytes".to_owned().into());
    let claude = with(config);
    claude.draft(&request()).await.expect("a draft");
    let good = server.seen()[0].json();
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 11] = [
        ("temperature as text", |b| b["temperature"] = json!("hot")),
        ("an unknown key", |b| b["output_format"] = json!({})),
        ("no model", |b| {
            drop(b.as_object_mut().expect("object").remove("model"))
        }),
        ("no tokens", |b| b["max_tokens"] = json!("1024")),
        ("a role", |b| b["messages"][0]["role"] = json!("robot")),
        ("a key in a block", |b| {
            b["messages"][0]["content"][0]["txt"] = json!(1)
        }),
        ("a key in the rules", |b| b["system"][0]["txt"] = json!(1)),
        ("another ttl", |b| {
            b["system"][0]["cache_control"]["ttl"] = json!("2h")
        }),
        ("another switch", |b| b["thinking"] = json!({"type": "off"})),
        ("another effort", |b| {
            b["output_config"]["effort"] = json!("tiny")
        }),
        ("a key in metadata", |b| {
            b["metadata"]["email"] = json!("a@b.c")
        }),
    ];
    let mut asked = vec![("message", good.clone())];
    for (_, change) in changes {
        let mut bad = good.clone();
        change(&mut bad);
        asked.push(("message", bad.clone()));
        let request = json!({"custom_id": "m1-a", "params": bad});
        asked.push(("batch", json!({"requests": [request]})));
    }
    let mut counted = good.clone();
    counted["max_tokens"] = json!(1);
    asked.push(("count", counted));
    let verdicts = judged(&asked);
    assert!(verdicts[0].is_empty(), "{:?}", verdicts[0]);
    for ((kind, body), wrong) in asked.iter().zip(&verdicts).skip(1) {
        assert!(!wrong.is_empty(), "{kind} passes: {body:#}");
    }
}
