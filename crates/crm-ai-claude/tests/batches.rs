//! Message batches over real HTTP: the port's conformance suite against a strict provider, and faults.

// Helpers outside `#[test]` functions are test code too.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use crm_ai_claude::{Claude, PriceTable};
use crm_claude_testing::job::End;
use crm_claude_testing::provider::{self, Provider};
use crm_claude_testing::rules::VERSIONS;
use crm_claude_testing::server::{Answer, Server};
use crm_claude_testing::wire::{answer, error, message};
use crm_core::port::clock::Clock as _;
use crm_core::port::llm::LlmFailure;
use crm_core::port::llm_batch::{
    BatchLine, BatchMarker, BatchOutcome, BatchRequest, Created, Found, LlmBatch, Lost, RequestId,
};
use crm_core::testing::FakeClock;
use crm_core::testing::llm_batch_suite::{self, BatchHarness, RequestEnd, Submission};
use serde_json::{Value, json};
use support::{assert_silent, clock, config, request};

struct Harness {
    clock: Arc<FakeClock>,
    provider: Arc<Provider>,
    claude: Arc<Claude>,
    // Its port is the provider's.
    _server: Server,
}

impl Harness {
    async fn start(version: &str) -> Self {
        let clock = clock();
        let time = Arc::clone(&clock);
        let provider = Provider::new(move || time.now());
        let behind = Arc::clone(&provider);
        let server = Server::start(move |request| behind.answer(request)).await;
        let mut config = config(&server.url);
        config.version = version.to_owned();
        config.user_key = Some("a key of sixteen bytes".to_owned().into());
        let claude = Claude::with_clock(config, clock.clone()).expect("usable settings");
        Self {
            clock,
            provider,
            claude: Arc::new(claude),
            _server: server,
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(
                self.provider.problems(),
                [""; 0],
                "requests the API refuses"
            );
        }
    }
}

/// How the stand-in says it.
fn spoken(end: &RequestEnd) -> End {
    match end {
        RequestEnd::Text(text) => End::Text(text.clone()),
        RequestEnd::Refused => End::Refused,
        RequestEnd::CutOff => End::CutOff,
        RequestEnd::Malformed => End::Malformed,
        RequestEnd::Rejected => End::Rejected,
        RequestEnd::Fault => End::Fault,
        RequestEnd::Cancelled => End::Cancelled,
        RequestEnd::Expired => End::Expired,
        RequestEnd::Garbage => End::Garbage,
    }
}

#[async_trait]
impl BatchHarness for Harness {
    fn batches(&self) -> Arc<dyn LlmBatch> {
        self.claude.clone()
    }

    async fn next_submission(&self, how: Submission) {
        self.provider.next_submission(match how {
            Submission::Taken => provider::Submission::Taken,
            Submission::AnswerLost => provider::Submission::AnswerLost,
            Submission::RequestLost => provider::Submission::RequestLost,
            Submission::Limited => provider::Submission::Limited,
        });
    }

    async fn end(&self, ends: &[(RequestId, RequestEnd)]) {
        self.provider.end_now(|custom_id| {
            let mine = |(id, _): &&(RequestId, RequestEnd)| {
                custom_id.ends_with(&format!("-{}", id.as_str()))
            };
            let end = ends.iter().find(mine).map(|(_, end)| end);
            end.map_or_else(|| End::Text("Hello".to_owned()), spoken)
        });
    }

    async fn count(&self) -> usize {
        self.provider.count()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn wait_until(&self, moment: DateTime<Utc>) {
        self.clock.set(moment);
    }
}

#[tokio::test]
async fn keeps_the_contract_of_batches_under_both_versions() {
    for version in VERSIONS {
        let make = || async { Arc::new(Harness::start(version).await) as Arc<dyn BatchHarness> };
        let report = llm_batch_suite::run_all(make).await;
        assert!(report.is_ok(), "{version}: {report}");
        assert_eq!(report.skipped(), [""; 0]);
    }
}

fn marker() -> BatchMarker {
    BatchMarker::new("m1").expect("marker")
}

fn job(names: &[&str]) -> Vec<BatchRequest> {
    let one = |name: &&str| BatchRequest {
        id: RequestId::new(*name).expect("id"),
        request: request(),
    };
    names.iter().map(one).collect()
}

fn wire(status: &str, succeeded: u64) -> Value {
    let ended = (status == "ended").then_some("2026-11-22T06:41:00Z");
    let processing = if status == "ended" { 0 } else { succeeded };
    let succeeded = succeeded - processing;
    json!({
        "id": "msgbatch_1", "type": "message_batch", "processing_status": status,
        "request_counts": {"processing": processing, "succeeded": succeeded, "errored": 0,
            "canceled": 0, "expired": 0},
        "created_at": "2026-11-22T12:00:00Z", "expires_at": "2026-11-23T12:00:00Z",
        "ended_at": ended, "results_url": "https://evil.example/results",
    })
}

/// The results of an ended batch of so many requests, as this answer gives them.
async fn results(total: u64, answer: Answer) -> Vec<Result<BatchLine, String>> {
    let ended = wire("ended", total);
    let server = Server::start(move |request| {
        if request.target.ends_with("/results") {
            answer.clone()
        } else {
            Answer::json(200, &ended)
        }
    })
    .await;
    let claude = support::claude(&server.url);
    let mut lines = match claude.results("msgbatch_1", &marker()).await {
        Ok(lines) => lines,
        Err(error) => return vec![Err(error.failure.code().to_owned())],
    };
    let mut all = Vec::new();
    loop {
        match lines.next().await {
            Ok(Some(line)) => all.push(Ok(line)),
            Ok(None) => return all,
            Err(error) => all.push(Err(error.failure.code().to_owned())),
        }
    }
}

fn line(id: &str, text: &str) -> String {
    let message = message(&answer(text), "end_turn");
    json!({"custom_id": id, "result": {"type": "succeeded", "message": message}}).to_string()
}

fn full(body: impl Into<Vec<u8>>) -> Answer {
    Answer::Full(200, Vec::new(), body.into())
}

fn told(all: &[Result<BatchLine, String>]) -> Vec<String> {
    let one = |line: &Result<BatchLine, String>| match line {
        Ok(line) => line.id.as_str().to_owned(),
        Err(code) => format!("({code})"),
    };
    all.iter().map(one).collect()
}

#[tokio::test]
async fn every_fault_of_a_submission_says_whether_there_may_be_a_batch() {
    let batch = wire("in_progress", 2);
    let body = batch.to_string().into_bytes();
    let cases = [
        (
            error(400, "invalid_request_error"),
            Created::No,
            "invalid_request",
        ),
        (
            error(401, "authentication_error"),
            Created::No,
            "authentication",
        ),
        (
            error(413, "request_too_large"),
            Created::No,
            "request_too_large",
        ),
        (error(429, "rate_limit_error"), Created::No, "rate_limited"),
        (
            Answer::json(307, &json!({})).with("location", "http://127.0.0.1:9/"),
            Created::No,
            "redirected",
        ),
        (error(500, "api_error"), Created::Unknown, "http_500"),
        (error(529, "overloaded_error"), Created::Unknown, "http_529"),
        (full("<html>"), Created::Unknown, "malformed_response"),
        (full("{}"), Created::Unknown, "malformed_response"),
        (
            full(vec![b' '; 2 << 20]),
            Created::Unknown,
            "response_too_large",
        ),
        (
            Answer::Cut(200, body, 30),
            Created::Unknown,
            "connection_lost",
        ),
        (Answer::Reset, Created::Unknown, "connection_lost"),
        (Answer::Silence, Created::Unknown, "timeout"),
    ];
    for (fault, created, code) in cases {
        let server = Server::start(move |request| {
            if request.target.ends_with("/count_tokens") {
                Answer::json(200, &json!({"input_tokens": 1}))
            } else {
                fault.clone()
            }
        })
        .await;
        let mut config = config(&server.url);
        if code == "timeout" {
            config.batch_timeout = std::time::Duration::from_millis(300);
        }
        let failed = support::with(config)
            .submit(&marker(), &job(&["a", "b"]))
            .await;
        let failed = failed.expect_err("a failure");
        assert_eq!(
            (failed.created, failed.error.failure.code()),
            (created, code)
        );
        let posts = server
            .seen()
            .into_iter()
            .filter(|r| r.path().ends_with("/batches"));
        assert_eq!(posts.count(), 1, "{code}: one call is one submission");
        assert_silent(&format!("{failed:?}"));
    }
    let closed = support::claude("http://127.0.0.1:9");
    let failed = closed.submit(&marker(), &job(&["a"])).await;
    assert_eq!(failed.expect_err("a failure").created, Created::No);
}

#[tokio::test]
async fn a_form_the_provider_refuses_makes_no_batch() {
    let server = Server::start(|request| {
        if request.target.ends_with("/count_tokens") {
            error(400, "invalid_request_error")
        } else {
            Answer::json(200, &wire("in_progress", 1))
        }
    })
    .await;
    let failed = support::claude(&server.url)
        .submit(&marker(), &job(&["a"]))
        .await;
    let failed = failed.expect_err("refused");
    assert_eq!(failed.created, Created::No);
    assert_eq!(failed.request.as_ref().map(RequestId::as_str), Some("a"));
    assert_eq!(failed.error.request_id.as_deref(), Some("req_error"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_without_a_price_or_above_the_limits() {
    let server = Server::start(|_| Answer::json(200, &wire("in_progress", 1))).await;
    let mut unpriced = config(&server.url);
    unpriced.prices = PriceTable::empty("2026-11-22");
    let failed = support::with(unpriced)
        .submit(&marker(), &job(&["a"]))
        .await;
    assert_eq!(
        failed.expect_err("refused").error.failure.code(),
        "unknown_price"
    );
    // 26 of 10 MB.
    let mut large = job(&["a"]);
    large[0].request.user = "x".repeat(10_000_000);
    let large: Vec<BatchRequest> = (0..26)
        .map(|number| BatchRequest {
            id: RequestId::new(number.to_string()).expect("id"),
            request: large[0].request.clone(),
        })
        .collect();
    let claude = support::claude(&server.url);
    let failed = claude.submit(&marker(), &large).await.expect_err("refused");
    assert_eq!(failed.created, Created::No);
    assert_eq!(failed.error.failure.code(), "batch_too_large");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn results_are_priced_at_half_on_the_day_they_were_made() {
    let all = results(1, full(line("m1-a", "Hi"))).await;
    let Ok(BatchLine {
        outcome: BatchOutcome::Done(Ok(draft)),
        ..
    }) = &all[0]
    else {
        panic!("{all:?}");
    };
    assert_eq!(draft.cost_picodollars, (400 * 100_000 + 60 * 500_000) / 2);
    assert_eq!(draft.facts_used, ["name"]);
}

#[tokio::test]
async fn lines_come_whole_however_they_are_cut() {
    let text = [line("m1-a", "Анна"), line("m1-b", "B"), line("m1-c", "C")].join("\r\n");
    assert_eq!(told(&results(3, full(text.clone())).await), ["a", "b", "c"]);
    assert_eq!(
        told(&results(3, full(text + "\n\n")).await),
        ["a", "b", "c"]
    );
    // A subject was asked for, and there is none.
    let all = results(1, full(line("m1_a", "Hi"))).await;
    let Ok(BatchLine {
        outcome: BatchOutcome::Done(Err(error)),
        ..
    }) = &all[0]
    else {
        panic!("{all:?}");
    };
    assert_eq!(error.failure.code(), "subject_missing");
}

#[tokio::test]
async fn bad_lines_hide_no_other() {
    let odd = [
        "not JSON".to_owned(),
        "{}".to_owned(),
        line("m2-x", "another's"),
        line("m1-a b", "no id of ours"),
        format!("\"{}\"", "x".repeat(5 << 20)),
        "\u{0}".to_owned(),
        line("m1-a", "Hi"),
    ];
    let wanted = [
        "(malformed_line)",
        "(malformed_line)",
        "(foreign_line)",
        "(foreign_line)",
        "(line_too_long)",
        "(malformed_line)",
        "a",
    ];
    assert_eq!(told(&results(7, full(odd.join("\n"))).await), wanted);
    // The last one may be too long as well.
    let last = format!("{}\n{}", line("m1-a", "Hi"), "x".repeat(9 << 20));
    assert_eq!(
        told(&results(2, full(last)).await),
        ["a", "(line_too_long)"]
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_read_is_still_ours() {
    let odd = json!({"type": "brand_new"});
    let broken = json!({"type": "succeeded", "message": {"type": "message"}});
    for (result, code) in [(odd, "malformed_result"), (broken, "malformed_response")] {
        let text = json!({"custom_id": "m1-a", "result": result}).to_string();
        let all = results(1, full(text)).await;
        match &all[0] {
            Ok(BatchLine {
                id,
                outcome: BatchOutcome::Done(Err(error)),
            }) => {
                assert_eq!((id.as_str(), error.failure.code()), ("a", code));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn results_that_end_early_are_not_taken_for_all() {
    let text = [line("m1-a", "A"), line("m1-b", "B")].join("\n") + "\n";
    let cut = Answer::Cut(200, text.clone().into_bytes(), text.len() - 5);
    assert_eq!(told(&results(2, cut).await), ["a", "(connection_lost)"]);
    // Whole by its own word, and a line short.
    let all = results(3, full(text)).await;
    assert_eq!(told(&all), ["a", "b", "(results_incomplete)"]);
    let failed = results(2, error(529, "overloaded_error")).await;
    assert_eq!(told(&failed), ["(http_529)"]);
}

#[tokio::test]
async fn the_key_goes_where_we_say_and_nowhere_else() {
    let server = Server::start(|request| {
        if request.target.ends_with("/results") {
            full(line("m1-a", "Hi"))
        } else {
            let mut batch = wire("ended", 1);
            batch["results_url"] = "http://127.0.0.1:9/steal".into();
            Answer::json(200, &batch)
        }
    })
    .await;
    let claude = support::claude(&format!("{}/gateway", server.url));
    let mut lines = claude
        .results("msgbatch_1", &marker())
        .await
        .expect("lines");
    assert!(lines.next().await.expect("a line").is_some());
    let targets: Vec<String> = server.seen().into_iter().map(|r| r.target).collect();
    assert_eq!(
        targets,
        [
            "/gateway/v1/messages/batches/msgbatch_1",
            "/gateway/v1/messages/batches/msgbatch_1/results"
        ]
    );
    // An id that leads elsewhere is no id.
    let mut batch = wire("in_progress", 1);
    batch["id"] = "../../evil".into();
    let server = Server::start(move |_| Answer::json(200, &batch)).await;
    let error = support::claude(&server.url).poll("msgbatch_1").await;
    assert_eq!(
        error.expect_err("refused").failure.code(),
        "malformed_response"
    );
}

fn lost() -> Lost {
    Lost {
        marker: marker(),
        requests: 1,
        since: "2026-11-22T12:00:00Z".parse().expect("moment"),
    }
}

/// An adapter an hour after the submission was lost.
fn later(url: &str) -> Claude {
    let clock = clock();
    clock.advance(TimeDelta::hours(1));
    Claude::with_clock(config(url), clock).expect("usable settings")
}

fn page(batches: &[Value], more: bool, last: &str) -> Answer {
    let body = json!({"data": batches, "has_more": more, "first_id": null, "last_id": last});
    Answer::json(200, &body)
}

#[tokio::test]
async fn in_doubt_a_lost_batch_is_not_absent() {
    for (fault, code) in [
        (error(500, "api_error"), "http_500"),
        (full("{}"), "malformed_response"),
        (page(&[], true, "x"), "endless_list"),
    ] {
        let server = Server::script(vec![fault]).await;
        let found = later(&server.url).find(&lost()).await;
        assert_eq!(found.expect_err("an error").failure.code(), code);
    }
    // A candidate whose results cannot be read.
    for (fault, code) in [
        (error(404, "not_found_error"), "not_found"),
        (full("not JSON\n"), "malformed_line"),
        (full(""), "malformed_line"),
        (Answer::Reset, "connection_lost"),
    ] {
        let list = page(&[wire("ended", 1)], false, "msgbatch_1");
        let server = Server::script(vec![list, fault]).await;
        let found = later(&server.url).find(&lost()).await;
        assert_eq!(found.expect_err("an error").failure.code(), code);
    }
}

#[tokio::test]
async fn the_first_line_that_can_be_read_tells_whose_a_batch_is() {
    let list = page(&[wire("ended", 1)], false, "msgbatch_1");
    let text = format!("not JSON\n{}", line("m1-a", "Hi"));
    let server = Server::script(vec![list.clone(), full(text)]).await;
    let found = later(&server.url).find(&lost()).await.expect("an answer");
    assert!(matches!(found, Found::Batch(batch) if batch.id == "msgbatch_1"));
    let server = Server::script(vec![list, full(line("m12-a", "Hi"))]).await;
    let found = later(&server.url).find(&lost()).await;
    assert_eq!(found.expect("an answer"), Found::Absent);
}

#[tokio::test]
async fn the_clocks_may_differ_and_old_batches_end_the_search() {
    let mut skewed = wire("ended", 1);
    skewed["created_at"] = "2026-11-22T11:56:00Z".into();
    let list = page(&[skewed], false, "msgbatch_1");
    let server = Server::script(vec![list, full(line("m1-a", "Hi"))]).await;
    let found = later(&server.url).find(&lost()).await.expect("an answer");
    assert!(matches!(found, Found::Batch(_)));

    let mut old = wire("ended", 1);
    old["created_at"] = "2026-11-22T11:54:00Z".into();
    let server = Server::script(vec![page(&[old], true, "msgbatch_1")]).await;
    let found = later(&server.url).find(&lost()).await;
    assert_eq!(found.expect("an answer"), Found::Absent);
    assert_eq!(server.seen().len(), 1, "no further page, no results");
}

#[tokio::test]
async fn a_batch_of_a_stopped_account_says_until_when() {
    let text = json!({"custom_id": "m1-a", "result": {"type": "errored", "error": {"type": "error",
        "error": {"type": "rate_limit_error", "message": "x",
            "details": {"error_code": "enforced_spend_limit_reached"}}}}});
    let all = results(1, full(text.to_string())).await;
    let Ok(BatchLine {
        outcome: BatchOutcome::Done(Err(error)),
        ..
    }) = &all[0]
    else {
        panic!("{all:?}");
    };
    let LlmFailure::Stopped {
        until: Some(until), ..
    } = &error.failure
    else {
        panic!("{error:?}");
    };
    assert_eq!(until.to_rfc3339(), "2026-12-01T00:00:00+00:00");
}
