//! Drafts and counts against a strict server of our own, under both versions, and what becomes of a call when the
//! other side fails in each way it can.

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use crm_ai_claude::Egress;
use crm_claude_testing::rules::{VERSIONS, problems};
use crm_claude_testing::server::{Answer, Server};
use crm_claude_testing::wire::{answer, error, message};
use crm_core::port::llm::{Draft, Llm, LlmError};
use serde_json::{Value, json};
use support::{KEY_CANARY, assert_silent, claude, config, request, with};

fn good() -> Answer {
    let mut body = message(&answer("Анна, привет!"), "end_turn");
    body["usage"]["service_tier"] = "standard".into();
    Answer::json(200, &body).with("request-id", "req_good")
}

/// Answers if the rules find nothing wrong.
async fn strict(answer: Answer) -> Server {
    Server::start(move |request| {
        let wrong = problems(request);
        if wrong.is_empty() {
            answer.clone()
        } else {
            let body = json!({"error": {"type": "invalid_request_error", "message": wrong}});
            Answer::json(400, &body)
        }
    })
    .await
}

#[tokio::test]
async fn every_model_gets_what_it_accepts_under_both_versions() {
    for version in VERSIONS {
        for model in [
            "claude-haiku-5-5",
            "claude-sonnet-5-5",
            "claude-opus-5-5",
            "claude-sonnet-5",
            "claude-opus-5",
            "claude-fable-5-1",
            "claude-fable-5-2",
            "claude-opus-4-8",
            "claude-opus-4-7",
            "claude-opus-4-6",
            "claude-sonnet-4-6",
            "claude-opus-4-5",
            "claude-sonnet-4-5",
            "claude-haiku-4-5",
            "claude-haiku-4-5-20251001",
        ] {
            let server = strict(good()).await;
            let mut config = config(&server.url);
            config.version = version.to_owned();
            config.model = model.to_owned();
            config.user_key = Some("a key of sixteen bytes".to_owned().into());
            let draft = with(config).draft(&request()).await;
            let draft = draft.unwrap_or_else(|error| panic!("{model}: {error:?}"));
            assert_eq!(draft.facts_used, ["name"]);
            assert_eq!(draft.request_id.as_deref(), Some("req_good"));
        }
    }
}

fn shown(result: &Result<Draft, LlmError>) -> String {
    assert_silent(&format!("{result:?}"));
    match result {
        Ok(_) => "draft".to_owned(),
        Err(error) => {
            let value = serde_json::to_value(&error.failure).expect("JSON");
            let kind = value["failure"].as_str().expect("kind");
            let wait = value["retry_after_s"].as_u64();
            let retry = if error.may_retry() { "retry" } else { "stay" };
            let wait = wait.map_or(String::new(), |wait| format!(" {wait}"));
            format!("{kind} {} {retry}{wait}", error.failure.code())
        }
    }
}

fn broken(text: &str) -> Answer {
    Answer::json(200, &message(text, "end_turn"))
}

#[tokio::test]
async fn every_fault_has_its_outcome_and_is_one_request() {
    let whole = message(&answer("Hi"), "end_turn").to_string().into_bytes();
    let limited = || error(429, "rate_limit_error");
    let cases: Vec<(Answer, &str)> = vec![
        (good(), "draft"),
        (limited(), "unavailable rate_limited retry"),
        (
            limited().with("retry-after", "7"),
            "unavailable rate_limited retry 7",
        ),
        (
            limited().with("retry-after", "0.5"),
            "unavailable rate_limited retry 1",
        ),
        (
            limited().with("retry-after-ms", "2500"),
            "unavailable rate_limited retry 3",
        ),
        (
            limited().with("retry-after", "Sun, 22 Nov 2026 12:01:30 GMT"),
            "unavailable rate_limited retry 90",
        ),
        (
            limited().with("x-should-retry", "false"),
            "unavailable rate_limited stay",
        ),
        (error(529, "overloaded_error"), "unavailable http_529 retry"),
        (error(500, "api_error"), "unavailable http_500 retry"),
        (
            Answer::Full(502, vec![], b"<html>".to_vec()),
            "unavailable http_502 retry",
        ),
        (
            error(400, "invalid_request_error"),
            "configuration invalid_request stay",
        ),
        (error(402, "billing_error"), "configuration billing stay"),
        (
            Answer::Cut(200, whole.clone(), whole.len() / 2),
            "unavailable connection_lost retry",
        ),
        (Answer::Cut(500, whole, 3), "unavailable http_500 retry"),
        (Answer::Reset, "unavailable connection_lost retry"),
        (Answer::Silence, "unavailable timeout retry"),
        (
            Answer::json(200, &message("", "refusal")),
            "refused refused stay",
        ),
        (
            Answer::json(200, &message("{\"text\":\"Ан", "max_tokens")),
            "truncated truncated stay",
        ),
        (
            Answer::json(200, &message("", "model_context_window_exceeded")),
            "truncated truncated stay",
        ),
        (broken("{\"text\":7}"), "bad_output malformed_json stay"),
        (
            broken("{\"text\":\"Hi\",\"facts_used\":{}}"),
            "bad_output malformed_json stay",
        ),
        (
            broken("{\"language\":\"ru\"}"),
            "bad_output malformed_json stay",
        ),
        (
            broken("Конечно! Вот текст:"),
            "bad_output malformed_json stay",
        ),
        (broken("{\"text\":\"\"}"), "bad_output empty stay"),
    ];
    for (fault, outcome) in cases {
        let shown_fault = format!("{fault:?}");
        let server = strict(fault).await;
        let mut config = config(&server.url);
        if outcome.contains("timeout") {
            config.timeout = Duration::from_millis(300);
        }
        let result = with(config).draft(&request()).await;
        assert_eq!(shown(&result), outcome, "{shown_fault}");
        assert_eq!(server.seen().len(), 1, "{outcome}: one call is one request");
    }
}

#[tokio::test]
async fn a_burst_of_overloads_ends_with_the_callers_next_call() {
    let overload = error(529, "overloaded_error");
    let burst = vec![overload.clone(), overload.clone(), overload, good()];
    let server = Server::script(burst).await;
    let claude = claude(&server.url);
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(shown(&claude.draft(&request()).await));
    }
    let down = "unavailable http_529 retry";
    assert_eq!(outcomes, [down, down, down, "draft"]);
}

#[tokio::test]
async fn failures_keep_the_request_id_and_what_was_billed() {
    let refusal = Answer::json(200, &message("", "refusal")).with("request-id", "req_no");
    for (fault, id, billed) in [
        (error(529, "overloaded_error"), "req_error", false),
        (refusal, "req_no", true),
        (
            Answer::json(200, &json!({})).with("request-id", "req_odd"),
            "req_odd",
            false,
        ),
        (
            Answer::Full(
                200,
                vec![("request-id".into(), "req_big".into())],
                vec![b' '; 2 << 20],
            ),
            "req_big",
            false,
        ),
    ] {
        let server = Server::script(vec![fault]).await;
        let failed = claude(&server.url).draft(&request()).await;
        let failed = failed.expect_err("a failure");
        assert_eq!(failed.request_id.as_deref(), Some(id));
        assert_eq!(failed.cost_picodollars > 0, billed, "{id}");
    }
}

#[tokio::test]
async fn tokens_are_counted_by_asking() {
    for version in VERSIONS {
        let server = strict(Answer::json(200, &json!({"input_tokens": 412}))).await;
        let mut config = config(&server.url);
        config.version = version.to_owned();
        config.user_key = Some("a key of sixteen bytes".to_owned().into());
        let counted = with(config).count_tokens(&request()).await;
        assert_eq!(counted.expect("a count"), 412);
        assert_eq!(server.seen()[0].target, "/v1/messages/count_tokens");
    }
    for (fault, code) in [
        (error(429, "rate_limit_error"), "rate_limited"),
        (
            Answer::json(200, &json!({"input_tokens": -1})),
            "malformed_response",
        ),
        (
            Answer::json(200, &json!({"tokens": 1})),
            "malformed_response",
        ),
    ] {
        let server = Server::script(vec![fault]).await;
        let failed = claude(&server.url).count_tokens(&request()).await;
        assert_eq!(failed.expect_err("a failure").failure.code(), code);
    }
}

/// The prompts of the requests among the fixtures, with what the model's answer says they were.
#[test]
fn the_bound_without_asking_is_never_below_a_fixture() {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let claude = claude("http://127.0.0.1:9");
    for (asked, answered) in [
        (
            include_str!("fixtures/request-structured-ru.json"),
            include_str!("fixtures/success-structured-ru.json"),
        ),
        (
            include_str!("fixtures/request-structured-uz.json"),
            include_str!("fixtures/success-structured-uz.json"),
        ),
        (
            include_str!("fixtures/request-structured-en-sonnet.json"),
            include_str!("fixtures/success-structured-en-sonnet.json"),
        ),
    ] {
        let (asked, answered) = (&parsed(asked)["body"], &parsed(answered)["body"]);
        let mut request = request();
        request.system = text(&asked["system"][0]["text"]);
        request.user = text(&asked["messages"][0]["content"][0]["text"]);
        let usage = &answered["usage"];
        let tokens = |name: &str| usage[name].as_u64().unwrap_or_default();
        let prompt = tokens("input_tokens")
            + tokens("cache_creation_input_tokens")
            + tokens("cache_read_input_tokens");
        let bound = claude.most_tokens(&request);
        assert!(prompt > 0 && bound >= prompt, "{bound} < {prompt}");
        // Every byte counts: Cyrillic has two of them for a letter.
        let bytes = request.system.len() + request.user.len();
        assert!(bound > u64::try_from(bytes).expect("small"));
        let mut longer = request.clone();
        longer.user.push('ы');
        assert_eq!(claude.most_tokens(&longer), bound + 2);
    }
}

#[tokio::test]
async fn no_draft_costs_more_than_was_said_before() {
    let mut worst = message(&answer("Hi"), "end_turn");
    let claude_for_bound = claude("http://127.0.0.1:9");
    let input = claude_for_bound.most_tokens(&request());
    worst["usage"] = json!({"input_tokens": 0, "cache_creation_input_tokens": input,
        "output_tokens": request().max_tokens, "inference_geo": "us"});
    let server = Server::script(vec![Answer::json(200, &worst)]).await;
    let draft = claude(&server.url).draft(&request()).await.expect("draft");
    let bound = claude_for_bound.worst_cost(&request(), input, false);
    assert_eq!(Some(draft.cost_picodollars), bound, "the worst case itself");
    let half = claude_for_bound.worst_cost(&request(), input, true);
    assert_eq!(half.map(|half| half * 2), bound);
    // One that says where it runs is not bounded by the dearer place.
    let mut config = config("http://127.0.0.1:9");
    config.inference_geo = Some(crm_ai_claude::Geo::Global);
    let here = with(config).worst_cost(&request(), input, false);
    assert_eq!(here.map(|here| here * 11), bound.map(|bound| bound * 10));
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_key() {
    let proxy = Server::script(vec![Answer::Full(502, Vec::new(), Vec::new())]).await;
    let mut config = config("https://api.anthropic.com");
    let address = proxy.url.replace("http://", "http://user:proxy-canary@");
    config.egress = Egress::Proxy(address.into());
    let claude = with(config.clone());
    assert!(!format!("{config:?} {claude:?}").contains("proxy-canary"));
    let failed = claude.draft(&request()).await.expect_err("no tunnel");
    assert_eq!(failed.failure.code(), "connect");
    let seen = proxy.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "CONNECT");
    assert_eq!(seen[0].target, "api.anthropic.com:443");
    assert!(seen[0].header("proxy-authorization").is_some());
    assert!(!format!("{seen:?}").contains(KEY_CANARY));
}
