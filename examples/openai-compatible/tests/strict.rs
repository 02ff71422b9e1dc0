//! What is sent, and what becomes of each way to answer.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use crm_core::port::llm::{DraftRequest, Llm, LlmError, LlmFailure, Usage};
use crm_core::testing::llm_suite::request;
use crm_openai_compatible::{Limit, OpenAiCompatible, Price};
use serde_json::{Value, json};
use support::{Answer, Endpoint, KEY, MODEL, adapter, completion, settings, text};

async fn failure_of(answer: Answer) -> LlmError {
    let endpoint = Endpoint::answering(answer).await;
    let error = adapter(&endpoint.url).draft(&request()).await;
    assert_eq!(endpoint.requests().len(), 1);
    let error = error.expect_err("a failure");
    for secret in ["SECRET", KEY, "HIDDEN"] {
        assert!(!format!("{error:?}").contains(secret), "{error:?}");
    }
    error
}

#[tokio::test]
async fn the_request_holds_rules_data_and_form_apart() {
    let endpoint = Endpoint::answering(Answer::json(200, &completion(&text("Привет!")))).await;
    let draft = adapter(&endpoint.url)
        .draft(&request())
        .await
        .expect("a draft");
    assert_eq!((draft.content.as_str(), draft.subject), ("Привет!", None));
    assert_eq!(draft.language.as_deref(), Some("ru"));
    assert_eq!(draft.facts_used, ["name"]);
    let sent = &endpoint.requests()[0];
    assert_eq!(
        (&sent["model"], &sent["max_completion_tokens"]),
        (&json!(MODEL), &json!(500))
    );
    assert_eq!(sent["messages"][0]["content"], request().system);
    assert_eq!(sent["messages"][1]["content"][0]["text"], request().user);
    assert!(!sent["messages"][0].to_string().contains("SECRET-NAME"));
    assert!(!sent.to_string().contains("SECRET-ID"));
    assert!(
        sent["response_format"]["json_schema"]["schema"]["properties"]
            .get("subject")
            .is_none()
    );
}

#[tokio::test]
async fn a_subject_is_asked_for_and_needed() {
    let wanted = DraftRequest {
        subject: true,
        ..request()
    };
    let with = json!({"facts_used": [], "language": "ru", "subject": "Тема", "text": "Текст"});
    let endpoint = Endpoint::answering(Answer::json(200, &completion(&with.to_string()))).await;
    let mut older = settings(&endpoint.url);
    older.limit = Limit::MaxTokens;
    let llm = OpenAiCompatible::new(older).expect("settings");
    let draft = llm.draft(&wanted).await.expect("a draft");
    assert_eq!(draft.subject.as_deref(), Some("Тема"));
    endpoint.answer(Answer::json(200, &completion(&text("Текст"))));
    let error = llm.draft(&wanted).await.expect_err("no subject");
    assert_eq!(error.failure.code(), "subject_missing");
    for sent in endpoint.requests() {
        assert_eq!(sent["max_tokens"], 500);
        let schema = &sent["response_format"]["json_schema"]["schema"];
        assert!(schema["properties"].get("subject").is_some());
    }
}

/// 200 uncached tokens for 3, 1,000 cached for 1, 50 written for 10.
const COST: u64 = 600 + 1_000 + 500;

#[tokio::test]
async fn usage_and_cost_are_exact_for_drafts_and_for_failures() {
    let answer = Answer::json(200, &completion(&text("Привет!"))).with("x-request-id", "req_1");
    let endpoint = Endpoint::answering(answer).await;
    let draft = adapter(&endpoint.url)
        .draft(&request())
        .await
        .expect("a draft");
    let usage = Usage {
        input_tokens: 200,
        output_tokens: 50,
        cache_read_tokens: 1_000,
        ..Usage::default()
    };
    assert_eq!((draft.usage, draft.cost_picodollars), (usage, COST));
    assert_eq!(draft.model, "writer-1-2026-01-31");
    assert_eq!(draft.request_id.as_deref(), Some("req_1"));
    for (change, wanted) in [
        (json!({"finish_reason": "length"}), LlmFailure::Truncated),
        (
            json!({"finish_reason": "content_filter"}),
            LlmFailure::Refused,
        ),
        (
            json!({"message": {"content": null, "refusal": "HIDDEN"}}),
            LlmFailure::Refused,
        ),
        (
            json!({"finish_reason": "tool_calls"}),
            bad("unexpected_tool_use"),
        ),
        (json!({"finish_reason": null}), bad("unknown_stop_reason")),
        (
            json!({"message": {"content": "HIDDEN"}}),
            bad("malformed_json"),
        ),
        (
            json!({"message": {"content": "[\"HIDDEN\"]"}}),
            bad("malformed_json"),
        ),
        (
            json!({"message": {"content": "{\"text\":\"HIDDEN\"}"}}),
            bad("malformed_json"),
        ),
        (json!({"message": {"content": null}}), bad("empty")),
        (json!({"message": {"content": text(" ")}}), bad("empty")),
    ] {
        let mut body = completion(&text("HIDDEN"));
        let choice = body["choices"][0].as_object_mut().expect("choice");
        choice.extend(change.as_object().expect("object").clone());
        let error = failure_of(Answer::json(200, &body)).await;
        assert_eq!(error.failure, wanted, "{change}");
        assert_eq!((error.usage, error.cost_picodollars), (usage, COST));
    }
}

fn bad(reason: &str) -> LlmFailure {
    let reason = reason.to_owned();
    LlmFailure::BadOutput { reason }
}

#[tokio::test]
async fn a_body_that_is_no_completion_is_no_draft() {
    let mut two = completion(&text("a"));
    two["choices"] = json!([two["choices"][0], two["choices"][0]]);
    let mut none = completion("");
    none["choices"] = json!([]);
    let mut free = completion(&text("a"));
    free.as_object_mut().expect("object").remove("usage");
    for body in [two, none, free, json!({}), json!([])] {
        let error = failure_of(Answer::json(200, &body)).await;
        assert_eq!(error.failure, bad("malformed_response"), "{body}");
    }
    let large = Answer::Full(200, Vec::new(), vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(failure_of(large).await.failure, bad("response_too_large"));
    let cut = Answer::Cut(completion(&text("HIDDEN")).to_string().into_bytes());
    assert_eq!(failure_of(cut).await.failure.code(), "connection_lost");
}

#[tokio::test]
async fn every_status_has_its_class() {
    let coded =
        |code: &str| json!({"error": {"message": "HIDDEN SECRET", "type": "x", "code": code}});
    for (status, body, code, retry) in [
        (429, coded("rate_limit_exceeded"), "rate_limited", true),
        (429, coded("insufficient_quota"), "no_credit", false),
        (402, json!({"error": {"code": 402}}), "no_credit", false),
        (500, json!("<html>"), "provider_fault", true),
        (502, json!({}), "provider_fault", true),
        (503, json!({}), "overloaded", true),
        (504, json!({}), "provider_fault", true),
        (529, json!({}), "overloaded", true),
        (408, json!({}), "try_again", true),
        (409, json!({}), "try_again", true),
        (400, coded("content_filter"), "refused", false),
        (
            400,
            coded("context_length_exceeded"),
            "prompt_too_long",
            false,
        ),
        (400, json!({"error": null}), "invalid_request", false),
        (401, coded("invalid_api_key"), "bad_key", false),
        (403, json!({}), "forbidden", false),
        (404, coded("model_not_found"), "unknown_model", false),
        (413, json!({}), "request_too_large", false),
        (418, json!({}), "refused_request", false),
        (204, json!({}), "unexpected_status", false),
    ] {
        let error = failure_of(Answer::json(status, &body)).await;
        assert_eq!(error.failure.code(), code, "{status} {body}");
        assert_eq!(error.may_retry(), retry, "{status} {body}");
        assert_eq!((error.usage, error.cost_picodollars), (Usage::default(), 0));
    }
}

#[tokio::test]
async fn the_provider_says_how_long_to_wait() {
    let waits = async |name: &'static str, value: &str| {
        let answer = Answer::json(429, &Value::Null).with(name, value);
        match failure_of(answer).await.failure {
            LlmFailure::Unavailable { retry_after_s, .. } => retry_after_s,
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(waits("retry-after", "7").await, Some(7));
    assert_eq!(waits("retry-after-ms", "1500").await, Some(2));
    assert_eq!(waits("retry-after", "99999999999").await, Some(31 * 86_400));
    assert_eq!(waits("retry-after", "soon").await, None);
    let told = Answer::json(429, &Value::Null).with("x-should-retry", "false");
    assert!(!failure_of(told).await.may_retry());
}

#[tokio::test]
async fn a_redirect_takes_neither_key_nor_data_along() {
    let elsewhere = Endpoint::answering(Answer::json(200, &completion(&text("a")))).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/chat/completions", elsewhere.url);
        let answer = Answer::json(status, &Value::Null).with("location", &target);
        assert_eq!(failure_of(answer).await.failure.code(), "redirected");
    }
    assert_eq!(elsewhere.requests(), [] as [Value; 0]);
}

#[tokio::test]
async fn silence_has_an_end() {
    let endpoint = Endpoint::answering(Answer::Silence).await;
    let mut settings = settings(&endpoint.url);
    settings.timeout = Duration::from_millis(200);
    let llm = OpenAiCompatible::new(settings).expect("settings");
    let error = llm.draft(&request()).await.expect_err("no answer");
    assert_eq!(error.failure.code(), "timeout");
    assert!(error.may_retry());
}

#[tokio::test]
async fn nothing_is_sent_without_a_price_and_no_other_model_is_paid_for() {
    let endpoint = Endpoint::answering(Answer::json(200, &completion(&text("a")))).await;
    let mut unpriced = settings(&endpoint.url);
    unpriced.prices.clear();
    let llm = OpenAiCompatible::new(unpriced).expect("settings");
    let error = llm.draft(&request()).await.expect_err("no price");
    assert_eq!(error.failure.code(), "unknown_price");
    assert!(matches!(error.failure, LlmFailure::Configuration { .. }));
    assert_eq!(endpoint.requests(), [] as [Value; 0]);
    let mut body = completion(&text("a"));
    body["model"] = json!("writer-2");
    endpoint.answer(Answer::json(200, &body));
    let error = adapter(&endpoint.url)
        .draft(&request())
        .await
        .expect_err("no price");
    assert_eq!(
        (error.failure.code(), error.usage.output_tokens),
        ("unknown_price", 50)
    );
    let mut both = settings(&endpoint.url);
    let dear = Price {
        input: u64::MAX,
        cached_input: 0,
        output: 1,
    };
    both.prices.insert("writer-2".to_owned(), dear);
    let llm = OpenAiCompatible::new(both).expect("settings");
    let error = llm
        .draft(&request())
        .await
        .expect_err("too much for a number");
    assert_eq!(error.failure.code(), "unknown_price");
    assert!(!format!("{llm:?}").contains(KEY));
}
