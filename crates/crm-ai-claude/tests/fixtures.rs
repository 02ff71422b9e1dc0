//! Every documented shape of an answer gets its verdict and its exact price. The fixtures are composed
//! from the documentation and checked against the types of the provider's SDK; none is a recording.

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;

use crm_core::port::llm::{Draft, Llm, LlmError};
use serde_json::Value;
use support::{assert_silent, claude, request};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn fixtures() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut all: Vec<(String, Value)> = fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .map(|file| {
            let name = file
                .file_stem()
                .expect("name")
                .to_string_lossy()
                .into_owned();
            let json = serde_json::from_slice(&fs::read(&file).expect("file")).expect("JSON");
            (name, json)
        })
        .filter(|(name, _)| !name.starts_with("request-"))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

async fn answer(fixture: &Value) -> Result<Draft, LlmError> {
    let server = MockServer::start().await;
    let status = u16::try_from(fixture["status"].as_u64().expect("status")).expect("status");
    let mut template = ResponseTemplate::new(status);
    template = match fixture.get("body_text").and_then(Value::as_str) {
        Some(text) => template.set_body_raw(text, "text/html"),
        None => template.set_body_json(&fixture["body"]),
    };
    for (name, value) in fixture["headers"].as_object().expect("headers") {
        template = template.insert_header(name.as_str(), value.as_str().expect("value"));
    }
    Mock::given(method("POST"))
        .and(path("/v1/messages"))
        .respond_with(template)
        .expect(1)
        .mount(&server)
        .await;
    claude(&server.uri()).draft(&request()).await
}

/// What the adapter says. The fixture's own verdict covers the engine's checks too (length, facts,
/// language) and other request forms (plain text, tools), so those differ here.
fn expected(name: &str, outcome: &str) -> &'static str {
    match name {
        // Plain text where JSON was asked for.
        "success-text"
        | "success-minimal-usage"
        | "stop-sequence"
        | "success-fenced-json"
        | "success-malformed-json" => "bad_output malformed_json",
        "success-blank-text" | "success-empty-content" => "bad_output empty",
        "tool-use" => "bad_output unexpected_tool_use",
        "stop-pause-turn" => "bad_output unexpected_pause",
        "stop-unknown-reason" => "bad_output unknown_stop_reason",
        // Well-formed; the engine checks the text.
        "success-invented-facts"
        | "success-placeholder-left"
        | "success-too-long"
        | "success-wrong-language" => "draft",
        "error-400-own-spend-limit" | "error-429-spend-cap" => {
            "stopped spend_limit until 2026-12-01T00:00:00Z"
        }
        "error-401-authentication" => "configuration authentication",
        "error-402-billing" => "configuration billing",
        "error-403-permission" => "configuration permission",
        "error-404-model" => "configuration not_found",
        "error-409-conflict" => "unavailable http_409 None",
        "error-413-too-large" => "configuration request_too_large",
        "error-429-no-retry-after" => "unavailable rate_limited None",
        "error-429-ramp-limit" => "unavailable rate_limited Some(30)",
        "error-429-rate-limit" => "unavailable rate_limited Some(7)",
        "error-429-rate-limit-long" => "unavailable rate_limited Some(3600)",
        // A date in the past.
        "error-429-rate-limit-http-date" => "unavailable rate_limited Some(0)",
        "error-500-api-error" => "unavailable http_500 None",
        "error-502-html" => "unavailable http_502 None",
        "error-503-unavailable" => "unavailable http_503 None",
        "error-504-timeout" => "unavailable http_504 None",
        "error-529-overloaded" | "error-529-should-not-retry" => "unavailable http_529 None",
        _ => match outcome {
            "accept" => "draft",
            "truncated" => "truncated",
            "refused" => "refused",
            "fail_permanent" => "configuration invalid_request",
            other => panic!("{name}: no expectation for {other}"),
        },
    }
}

fn verdict(result: &Result<Draft, LlmError>) -> String {
    let failure = match result {
        Ok(_) => return "draft".to_owned(),
        Err(error) => serde_json::to_value(&error.failure).expect("JSON"),
    };
    let kind = failure["failure"].as_str().expect("tag");
    if let Some(until) = failure.get("until") {
        let reason = failure["reason"].as_str().expect("code");
        return format!("{kind} {reason} until {}", until.as_str().expect("moment"));
    }
    match (failure.get("reason"), failure.get("retry_after_s")) {
        (Some(reason), Some(after)) => {
            format!(
                "{kind} {} {:?}",
                reason.as_str().expect("code"),
                after.as_u64()
            )
        }
        (Some(reason), None) => format!("{kind} {}", reason.as_str().expect("code")),
        _ => kind.to_owned(),
    }
}

/// A decimal number of dollars in picodollars, without floating point.
fn picodollars(dollars: &str) -> u64 {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, ""));
    format!("{whole}{part:0<12}").parse().expect("decimal")
}

#[tokio::test]
async fn every_fixture_gets_its_verdict_and_price() {
    let all = fixtures();
    assert!(all.len() > 50, "only {} fixtures", all.len());
    for (name, fixture) in all {
        let result = answer(&fixture).await;
        let expect = &fixture["expect"];
        let outcome = expect["outcome"].as_str().expect("outcome");
        assert_eq!(verdict(&result), expected(&name, outcome), "{name}");
        let cost = match &result {
            Ok(draft) => draft.cost_picodollars,
            Err(error) => error.cost_picodollars,
        };
        if let Some(dollars) = expect["cost_usd"].as_str() {
            assert_eq!(cost, picodollars(dollars), "{name}");
        }
        assert_silent(&format!("{result:?}"));
        if let Err(error) = &result {
            let code = error.failure.code();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(code.len() < 40 && code.chars().all(plain), "{name}: {code}");
            let retries = outcome.starts_with("retry") || outcome == "defer";
            assert_eq!(error.may_retry(), retries, "{name}: {outcome}");
        }
        // The provider's id of the exchange is kept whatever became of it.
        let given = fixture["headers"].get("request-id").and_then(Value::as_str);
        let kept = match &result {
            Ok(draft) => draft.request_id.as_deref(),
            Err(error) => error.request_id.as_deref(),
        };
        if given.is_some() {
            assert_eq!(kept, given, "{name}");
        }
    }
}

fn fixture(name: &str) -> Value {
    let found = fixtures().into_iter().find(|(n, _)| n == name);
    found.expect("fixture").1
}

#[tokio::test]
async fn a_draft_carries_text_language_model_usage_and_request_id() {
    let draft = answer(&fixture("success-structured-ru"))
        .await
        .expect("draft");
    assert!(draft.content.starts_with("Дилноза, с днём рождения!"));
    assert_eq!(draft.subject, None);
    assert_eq!(draft.language.as_deref(), Some("ru"));
    assert_eq!(draft.model, "claude-haiku-5-5");
    assert_eq!(draft.usage.input_tokens, 412);
    assert_eq!(draft.usage.output_tokens, 64);
    assert_eq!(draft.request_id.as_deref(), Some("req_011CFixture0002"));
}

#[tokio::test]
async fn cached_tokens_are_told_apart_by_lifetime() {
    let draft = answer(&fixture("success-cache-mixed-ttl"))
        .await
        .expect("draft");
    assert_eq!(draft.usage.cache_write_5m_tokens, 300);
    assert_eq!(draft.usage.cache_write_1h_tokens, 1820);
    assert_eq!(draft.usage.cache_read_tokens, 900);
    assert_eq!(draft.usage.prompt_tokens(), 3070);
}

#[tokio::test]
async fn the_answering_model_is_billed_and_named() {
    let draft = answer(&fixture("success-other-model"))
        .await
        .expect("draft");
    assert_eq!(draft.model, "claude-haiku-4-5-20251001");

    let mut stranger = fixture("success-structured-ru");
    stranger["body"]["model"] = "claude-stranger-1".into();
    let error = answer(&stranger).await.expect_err("no price");
    assert_eq!(error.failure.code(), "unknown_price");
    assert_eq!(error.usage.input_tokens, 412);
}

#[tokio::test]
async fn a_retry_after_date_in_the_future_is_seconds() {
    let mut limited = fixture("error-429-rate-limit-http-date");
    limited["headers"]["retry-after"] = "Fri, 01 Jan 2100 00:00:00 GMT".into();
    let result = answer(&limited).await;
    let verdict = verdict(&result);
    let seconds = verdict
        .strip_prefix("unavailable rate_limited Some(")
        .and_then(|rest| rest.strip_suffix(')'));
    let seconds: u64 = seconds.expect("seconds").parse().expect("number");
    assert!(seconds > 1_000_000);
}
