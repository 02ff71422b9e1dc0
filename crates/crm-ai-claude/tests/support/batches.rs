//! A provider of batches behind the strict rules.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use crm_core::port::clock::Clock as _;
use crm_core::port::llm_batch::RequestId;
use crm_core::testing::FakeClock;
use crm_core::testing::llm_batch_suite::{RequestEnd, Submission};
use serde_json::{Value, json};

use super::rules;
use super::server::{Answer, Request};

/// On a page of the list, whatever was asked for, so that pages have to be turned.
const PAGE: usize = 2;

pub(crate) struct Provider {
    clock: Arc<FakeClock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: Submission,
    batches: Vec<Kept>,
    /// What was wrong with requests.
    problems: Vec<String>,
}

struct Kept {
    custom_ids: Vec<String>,
    created: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    cancelling: bool,
    ends: Vec<(String, RequestEnd)>,
}

/// A message of the model.
pub(crate) fn message(text: &str, stop_reason: &str) -> Value {
    json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason, "stop_sequence": null, "stop_details": null, "container": null,
        "usage": {"input_tokens": 400, "output_tokens": 60, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "service_tier": "batch", "inference_geo": "global"},
    })
}

/// The agreed form around a text.
pub(crate) fn answer(text: &str) -> String {
    json!({"language": "ru", "text": text, "facts_used": ["name"]}).to_string()
}

pub(crate) fn error(status: u16, kind: &str) -> Answer {
    let body = json!({"type": "error", "error": {"type": kind, "message": "m"}});
    Answer::json(status, &body).with("request-id", "req_error")
}

fn result(end: &RequestEnd) -> Value {
    let succeeded = |message| json!({"type": "succeeded", "message": message});
    let errored = |kind| {
        json!({"type": "errored", "error": {"type": "error", "request_id": "req_line",
            "error": {"type": kind, "message": "SECRET-ECHO"}}})
    };
    match end {
        RequestEnd::Text(text) => succeeded(message(&answer(text), "end_turn")),
        RequestEnd::Refused => succeeded(message("", "refusal")),
        RequestEnd::CutOff => succeeded(message("{\"text\":\"Hel", "max_tokens")),
        RequestEnd::Malformed => succeeded(message("{\"body\":\"Hello\"}", "end_turn")),
        RequestEnd::Rejected => errored("invalid_request_error"),
        RequestEnd::Fault => errored("api_error"),
        RequestEnd::Cancelled => json!({"type": "canceled"}),
        RequestEnd::Expired => json!({"type": "expired"}),
        RequestEnd::Garbage => Value::Null,
    }
}

impl Kept {
    fn end_of(&self, custom_id: &str) -> RequestEnd {
        let found = self.ends.iter().find(|(id, _)| custom_id.ends_with(id));
        found.map_or_else(
            || RequestEnd::Text("Hello".to_owned()),
            |(_, end)| end.clone(),
        )
    }

    fn json(&self, number: usize) -> Value {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut counts = [0; 4];
        if self.ended.is_some() {
            for id in &self.custom_ids {
                let place = match self.end_of(id) {
                    RequestEnd::Rejected | RequestEnd::Fault => 1,
                    RequestEnd::Cancelled => 2,
                    RequestEnd::Expired => 3,
                    _ => 0,
                };
                counts[place] += 1;
            }
        }
        let processing = self.custom_ids.len() - counts.iter().sum::<usize>();
        let status = match (self.ended, self.cancelling) {
            (Some(_), _) => "ended",
            (None, true) => "canceling",
            (None, false) => "in_progress",
        };
        json!({
            "id": format!("msgbatch_{number}"), "type": "message_batch", "processing_status": status,
            "request_counts": {"processing": processing, "succeeded": counts[0],
                "errored": counts[1], "canceled": counts[2], "expired": counts[3]},
            "created_at": time(self.created), "expires_at": time(self.created + TimeDelta::days(1)),
            "ended_at": self.ended.map(time), "cancel_initiated_at": null, "archived_at": null,
            // Nobody may go there.
            "results_url": self.ended.map(|_| "http://127.0.0.1:9/v1/messages/batches/x/results"),
        })
    }

    /// Out of order, with a blank line and without an end of the last one.
    fn lines(&self) -> String {
        let lines = self.custom_ids.iter().rev().map(|id| {
            let end = self.end_of(id);
            if end == RequestEnd::Garbage {
                return format!("{{\"custom_id\":\"{id}\",\"result\":{{\"type\":");
            }
            json!({"custom_id": id, "result": result(&end)}).to_string()
        });
        lines.collect::<Vec<_>>().join("\n\n")
    }
}

impl Provider {
    pub(crate) fn new(clock: Arc<FakeClock>) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { clock, state })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("lock")
    }

    pub(crate) fn next_submission(&self, how: Submission) {
        self.lock().next = how;
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().batches.len()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        self.lock().problems.clone()
    }

    pub(crate) fn end(&self, ends: &[(RequestId, RequestEnd)]) {
        let now = self.clock.now();
        let ends = ends.iter();
        let ends: Vec<_> = ends
            .map(|(id, end)| (format!("-{}", id.as_str()), end.clone()))
            .collect();
        let mut state = self.lock();
        for kept in state.batches.iter_mut().filter(|kept| kept.ended.is_none()) {
            kept.ended = Some(now);
            kept.ends.clone_from(&ends);
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        let problems = rules::problems(request);
        let mut state = self.lock();
        if !problems.is_empty() {
            state.problems.extend(problems);
            return error(400, "invalid_request_error");
        }
        let path = request.path().trim_start_matches("/v1/messages");
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let number = |id: &str| id.strip_prefix("msgbatch_")?.parse::<usize>().ok();
        let known = parts
            .get(1)
            .map(|id| number(id).filter(|n| *n < state.batches.len()));
        match (request.method.as_str(), parts.as_slice(), known) {
            ("POST", ["count_tokens"], _) => Answer::json(200, &json!({"input_tokens": 412})),
            ("POST", ["batches"], _) => self.submit(&mut state, &request.json()),
            ("GET", ["batches"], _) => list(&state.batches, &request.target),
            (_, _, Some(Some(at))) => match parts.get(2).copied() {
                Some("results") if state.batches[at].ended.is_some() => {
                    Answer::Full(200, Vec::new(), state.batches[at].lines().into_bytes())
                }
                Some("results") => error(404, "not_found_error"),
                Some("cancel") => {
                    state.batches[at].cancelling = true;
                    Answer::json(200, &state.batches[at].json(at))
                }
                _ => Answer::json(200, &state.batches[at].json(at)),
            },
            _ => error(404, "not_found_error"),
        }
    }

    fn submit(&self, state: &mut State, body: &Value) -> Answer {
        let how = std::mem::take(&mut state.next);
        match how {
            Submission::Limited => {
                return error(429, "rate_limit_error").with("retry-after", "7");
            }
            Submission::RequestLost => return Answer::Reset,
            Submission::Taken | Submission::AnswerLost => {}
        }
        let requests = body["requests"].as_array().expect("requests").iter();
        let ids = requests.map(|one| one["custom_id"].as_str().expect("id").to_owned());
        let kept = Kept {
            custom_ids: ids.collect(),
            created: self.clock.now(),
            ended: None,
            cancelling: false,
            ends: Vec::new(),
        };
        let made = kept.json(state.batches.len());
        state.batches.push(kept);
        if how == Submission::AnswerLost {
            return Answer::Cut(200, made.to_string().into_bytes(), 20);
        }
        Answer::json(200, &made)
    }
}

/// The newest first.
fn list(batches: &[Kept], target: &str) -> Answer {
    let after = target.split_once("after_id=msgbatch_").map(|(_, id)| id);
    let end = after.map_or(batches.len(), |id| id.parse().expect("number"));
    let all = batches.iter().enumerate().take(end).rev();
    let data: Vec<Value> = all.take(PAGE).map(|(at, kept)| kept.json(at)).collect();
    let id = |batch: Option<&Value>| batch.map(|batch| batch["id"].clone());
    Answer::json(
        200,
        &json!({
            "data": data, "has_more": end > PAGE,
            "first_id": id(data.first()), "last_id": id(data.last()),
        }),
    )
}
