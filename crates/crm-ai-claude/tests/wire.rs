//! What goes over the wire, and what happens when the other side misbehaves.

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use crm_ai_claude::{CacheTtl, Claude, PriceTable};
use crm_core::ErrorKind;
use crm_core::port::llm::{DraftRequest, Llm, LlmError, LlmFailure};
use serde_json::{Value, json};
use support::{
    DATA_CANARY, KEY_CANARY, RULES_CANARY, assert_silent, claude, config, request, with,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const RU: &str = include_str!("fixtures/success-structured-ru.json");
const RU_REQUEST: &str = include_str!("fixtures/request-structured-ru.json");
const UZ_REQUEST: &str = include_str!("fixtures/request-structured-uz.json");
const INJECTION_REQUEST: &str = include_str!("fixtures/request-structured-injection.json");
const SONNET_REQUEST: &str = include_str!("fixtures/request-structured-en-sonnet.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn good() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(&parsed(RU)["body"])
}

async fn server(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(template)
        .mount(&server)
        .await;
    server
}

/// Sends one request and hands back what the server saw.
async fn seen(claude: &Claude, server: &MockServer, request: &DraftRequest) -> Request {
    claude.draft(request).await.expect("draft");
    let mut all = server.received_requests().await.expect("recorded");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Names of all keys, as paths; list items share one path. What a schema's properties are is free, within the rules
/// of `crm_claude_testing::rules`.
fn keys(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) if !at.ends_with("/properties") => {
            for (key, value) in map {
                let path = format!("{at}/{key}");
                keys(value, &path, into);
                into.push(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, at, into)),
        _ => {}
    }
    into.sort();
    into.dedup();
}

#[tokio::test]
async fn headers_are_the_documented_ones_and_no_others() {
    for version in ["2023-06-01", "2026-10-21"] {
        let server = server(good()).await;
        let mut config = config(&server.uri());
        config.version = version.to_owned();
        let claude = with(config);
        let request = seen(&claude, &server, &request()).await;
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/v1/messages");
        let header = |name: &str| request.headers.get(name).and_then(|v| v.to_str().ok());
        assert_eq!(header("x-api-key"), Some(KEY_CANARY));
        assert_eq!(header("anthropic-version"), Some(version));
        assert_eq!(header("content-type"), Some("application/json"));
        assert!(header("user-agent").is_some_and(|v| v.starts_with("crm-ai-claude/")));
        for absent in ["authorization", "anthropic-beta", "cookie"] {
            assert_eq!(header(absent), None);
        }
        assert!(!request.url.as_str().contains(KEY_CANARY));
        assert!(!String::from_utf8_lossy(&request.body).contains(KEY_CANARY));
    }
}

#[tokio::test]
async fn the_body_has_only_keys_both_versions_accept() {
    for (model, example) in [
        ("claude-haiku-5-5", RU_REQUEST),
        ("claude-sonnet-5-5", SONNET_REQUEST),
    ] {
        let server = server(good()).await;
        let mut config = config(&server.uri());
        config.model = model.to_owned();
        let claude = with(config);
        let request = seen(&claude, &server, &request()).await;
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["model"], model);

        let (mut ours, mut allowed) = (Vec::new(), Vec::new());
        keys(&body, "", &mut ours);
        keys(&parsed(example)["body"], "", &mut allowed);
        let strange: Vec<_> = ours.iter().filter(|key| !allowed.contains(key)).collect();
        assert!(strange.is_empty(), "{model}: {strange:?}");

        let example = &parsed(example)["body"];
        assert_eq!(body["thinking"], example["thinking"]);
        assert_eq!(
            body["output_config"]["effort"],
            example["output_config"]["effort"]
        );
        assert_eq!(
            body["system"][0]["cache_control"],
            example["system"][0]["cache_control"]
        );
        assert_eq!(body["messages"].as_array().map(Vec::len), Some(1));
        assert_eq!(body["messages"][0]["role"], "user");
    }
}

#[tokio::test]
async fn texts_arrive_unchanged_and_where_they_belong() {
    for example in [RU_REQUEST, UZ_REQUEST, INJECTION_REQUEST, SONNET_REQUEST] {
        let server = server(good()).await;
        let example = &parsed(example)["body"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let mut request = request();
        request.system = text(&example["system"][0]["text"]);
        request.user = text(&example["messages"][0]["content"][0]["text"]);
        let sent = seen(&claude(&server.uri()), &server, &request).await;
        let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
        assert_eq!(body["system"], example["system"]);
        let content = &body["messages"][0]["content"];
        assert_eq!(content[0], example["messages"][0]["content"][0]);
        // Our demands come last, after whatever the data says.
        let last = content[1]["text"].as_str().expect("text");
        assert!(last.starts_with("Requirements for the answer:"));
        assert!(content.get(2).is_none());
    }
}

#[tokio::test]
async fn contact_data_stays_out_of_the_cached_part_and_the_schema() {
    let server = server(good()).await;
    let mut config = config(&server.uri());
    config.cache_ttl = CacheTtl::FiveMinutes;
    let claude = with(config);
    let request = seen(&claude, &server, &request()).await;
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body["system"][0]["text"], RULES_CANARY);
    assert_eq!(body["system"][0]["cache_control"]["ttl"], "5m");
    assert!(body["messages"].to_string().contains(DATA_CANARY));
    let shared = format!("{}{}", body["system"], body["output_config"]);
    assert!(!shared.contains(DATA_CANARY) && !shared.contains("\"ru\""));
}

#[tokio::test]
async fn a_subject_is_asked_for_and_handed_back() {
    let mut body = parsed(RU)["body"].clone();
    body["content"][0]["text"] = json!("{\"language\":\"ru\",\"subject\":\"S\",\"text\":\"T\"}");
    let server = server(ResponseTemplate::new(200).set_body_json(body)).await;
    let mut request = request();
    request.subject = true;
    let draft = claude(&server.uri()).draft(&request).await.expect("draft");
    assert_eq!(draft.subject.as_deref(), Some("S"));
    assert_eq!(draft.content, "T");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let thief = server(good()).await;
        let template = ResponseTemplate::new(status)
            .insert_header("location", format!("{}/v1/messages", thief.uri()));
        let server = server(template).await;
        let error = claude(&server.uri()).draft(&request()).await;
        assert_eq!(code(error), "redirected");
        assert_eq!(
            thief.received_requests().await.map(|all| all.len()),
            Some(0)
        );
    }
}

#[tokio::test]
async fn nothing_is_sent_without_a_price_or_a_prompt() {
    let server = server(good()).await;
    let mut unpriced = config(&server.uri());
    unpriced.prices = PriceTable::empty("2026-11-22");
    let claude = with(unpriced);
    assert_eq!(code(claude.draft(&request()).await), "unknown_price");

    let claude = support::claude(&server.uri());
    let mut empty = request();
    empty.user = String::new();
    assert_eq!(code(claude.draft(&empty).await), "invalid_request");
    let mut large = request();
    large.user = "x".repeat(32_000_000);
    assert_eq!(code(claude.draft(&large).await), "request_too_large");
    let counted = claude.count_tokens(&large).await.expect_err("refused");
    assert_eq!(counted.failure.code(), "request_too_large");
    let mut none = request();
    none.max_tokens = 0;
    assert_eq!(code(claude.draft(&none).await), "invalid_request");
    assert_eq!(
        server.received_requests().await.map(|all| all.len()),
        Some(0)
    );
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_the_end() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 8 << 20])).await;
    let result = claude(&server.uri()).draft(&request()).await;
    assert_eq!(code(result), "response_too_large");
    // An error is told by its status, however large.
    let server = self::server(ResponseTemplate::new(529).set_body_bytes(vec![b' '; 8 << 20])).await;
    let result = claude(&server.uri()).draft(&request()).await;
    assert_eq!(code(result), "http_529");
}

#[tokio::test]
async fn garbage_is_bad_output() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        "\"text\"",
        "{\"type\":\"message\"",
        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}",
        "\u{0}\u{1}",
    ] {
        let server = server(ResponseTemplate::new(200).set_body_string(body)).await;
        let result = claude(&server.uri()).draft(&request()).await;
        assert_eq!(code(result), "malformed_response", "{body}");
    }
    let mut deep = "[".repeat(200_000);
    deep.push_str(&"]".repeat(200_000));
    let server = server(ResponseTemplate::new(200).set_body_string(deep)).await;
    assert_eq!(
        code(claude(&server.uri()).draft(&request()).await),
        "malformed_response"
    );
}

#[tokio::test]
async fn a_hanging_server_is_a_timeout() {
    let server = server(good().set_delay(Duration::from_secs(20))).await;
    let mut config = config(&server.uri());
    config.timeout = Duration::from_millis(200);
    let claude = with(config);
    assert_eq!(unavailable(claude.draft(&request()).await), "timeout");
}

#[tokio::test]
async fn a_closed_port_and_a_cut_answer_are_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    let cut = tokio::spawn(async move {
        let mut connections = 0;
        let (mut socket, _) = listener.accept().await.expect("connection");
        connections += 1;
        let mut buffer = [0; 65536];
        let _ = socket.read(&mut buffer).await;
        let part = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"type\":";
        socket.write_all(part.as_bytes()).await.expect("sent");
        drop(socket);
        // A second attempt would arrive here.
        let again = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
        connections + i32::from(again.is_ok())
    });
    let claude = claude(&format!("http://{address}"));
    assert_eq!(
        unavailable(claude.draft(&request()).await),
        "connection_lost"
    );
    assert_eq!(cut.await.expect("server"), 1, "one call is one request");
    assert_eq!(unavailable(claude.draft(&request()).await), "connect");
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_never_sees_the_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("connection");
        let mut buffer = vec![0; 65536];
        let read = socket.read(&mut buffer).await.expect("hello");
        socket
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .await
            .expect("sent");
        buffer.truncate(read);
        buffer
    });
    let claude = claude(&format!("https://{address}"));
    assert_eq!(unavailable(claude.draft(&request()).await), "connect");
    let hello = server.await.expect("server");
    assert_eq!(hello.first(), Some(&0x16), "a TLS handshake");
    assert_silent(&String::from_utf8_lossy(&hello));
}

#[tokio::test]
async fn an_error_that_echoes_secrets_tells_nothing() {
    let echo = format!("{KEY_CANARY} {RULES_CANARY} {DATA_CANARY}");
    for status in [400, 401, 404, 429, 500, 529] {
        let body = json!({"type": "error", "error": {"type": echo, "message": echo}});
        let template = ResponseTemplate::new(status)
            .insert_header("request-id", echo.as_str())
            .set_body_json(body);
        let server = server(template).await;
        let error = claude(&server.uri())
            .draft(&request())
            .await
            .expect_err("error");
        assert_silent(&format!("{error:?}"));
        assert_silent(&serde_json::to_string(&error).expect("JSON"));
    }
    let mut body = parsed(RU)["body"].clone();
    body["content"][0]["text"] = json!({ "text": DATA_CANARY }).to_string().into();
    let template = ResponseTemplate::new(200)
        .insert_header("request-id", echo.as_str())
        .set_body_json(body);
    let server = server(template).await;
    let draft = claude(&server.uri())
        .draft(&request())
        .await
        .expect("draft");
    assert_eq!(draft.content, DATA_CANARY);
    assert_eq!(draft.request_id, None);
    assert_silent(&format!("{draft:?}"));
}

#[test]
fn debug_shows_neither_key_nor_prompt() {
    let config = config("http://127.0.0.1:9");
    assert_silent(&format!("{config:?} {config:#?}"));
    let claude = with(config);
    assert_silent(&format!("{claude:?} {claude:#?}"));
    assert_silent(&format!("{:?}", request()));
}

#[test]
fn a_key_never_travels_in_the_clear() {
    for url in [
        "http://api.anthropic.com",
        "http://192.0.2.1",
        "ws://127.0.0.1",
    ] {
        let error = Claude::new(config(url)).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_silent(&format!("{error:?} {error}"));
    }
    assert!(Claude::new(config("https://api.anthropic.com")).is_ok());
}

#[tokio::test]
async fn calls_run_concurrently() {
    let server = server(good().set_delay(Duration::from_millis(300))).await;
    let claude = claude(&server.uri());
    let started = std::time::Instant::now();
    let request = request();
    let (a, b, c, d) = tokio::join!(
        claude.draft(&request),
        claude.draft(&request),
        claude.draft(&request),
        claude.draft(&request),
    );
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert!(started.elapsed() < Duration::from_millis(1100));
}

fn code(result: Result<crm_core::port::llm::Draft, LlmError>) -> String {
    let error = result.expect_err("an error");
    assert_silent(&format!("{error:?}"));
    error.failure.code().to_owned()
}

fn unavailable(result: Result<crm_core::port::llm::Draft, LlmError>) -> String {
    match result.expect_err("an error").failure {
        LlmFailure::Unavailable { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}
