//! One batch of the provider: its requests, how each of them ends, and what is told of it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::wire::{Asked, answer, message};

/// How one request of a batch ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a good text for whom it is for.
    Good,
    /// With this text.
    Text(String),
    /// The model declines.
    Refused,
    /// The text is cut off.
    CutOff,
    /// The text has not the agreed form.
    Malformed,
    /// The provider finds it invalid.
    Rejected,
    /// The provider fails.
    Fault,
    /// The batch is cancelled first.
    Cancelled,
    /// The batch's time is up first.
    Expired,
    /// Its line cannot be read.
    Garbage,
}

impl End {
    fn result(&self, asked: &Asked) -> Value {
        let succeeded = |message| json!({"type": "succeeded", "message": message});
        let errored = |kind| {
            json!({"type": "errored", "error": {"type": "error", "request_id": "req_line",
                "error": {"type": kind, "message": "SECRET-ECHO"}}})
        };
        match self {
            Self::Good => succeeded(asked.message()),
            Self::Text(text) => succeeded(message(&answer(text), "end_turn")),
            Self::Refused => succeeded(message("", "refusal")),
            Self::CutOff => succeeded(message("{\"text\":\"Hel", "max_tokens")),
            Self::Malformed => succeeded(message("{\"body\":\"Hello\"}", "end_turn")),
            Self::Rejected => errored("invalid_request_error"),
            Self::Fault => errored("api_error"),
            Self::Cancelled => json!({"type": "canceled"}),
            Self::Expired => json!({"type": "expired"}),
            Self::Garbage => Value::Null,
        }
    }
}

/// A batch as the provider keeps it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its requests, by `custom_id`.
    pub requests: Vec<(String, Asked)>,
    /// How each of them ends, once the batch has ended.
    pub ends: Option<Vec<End>>,
    /// Whether somebody asked to cancel it.
    pub cancelling: bool,
    pub(crate) created: DateTime<Utc>,
    pub(crate) ended: Option<DateTime<Utc>>,
}

impl Job {
    pub(crate) fn new(body: &Value, now: DateTime<Utc>) -> Self {
        let requests = body["requests"].as_array().expect("requests").iter();
        let requests = requests.map(|one| {
            let id = one["custom_id"].as_str().expect("id").to_owned();
            (id, Asked::of(&one["params"]))
        });
        Self {
            requests: requests.collect(),
            ends: None,
            cancelling: false,
            created: now,
            ended: None,
        }
    }

    pub(crate) fn end(&mut self, now: DateTime<Utc>, how: impl Fn(&str, &Asked) -> End) {
        if self.ended.is_none() {
            let ends = self.requests.iter().map(|(id, asked)| how(id, asked));
            self.ends = Some(ends.collect());
            self.ended = Some(now);
        }
    }

    /// What each request came to, with the message that is billed for it.
    #[must_use]
    pub fn results(&self) -> Vec<(&Asked, Value)> {
        let ends = self.ends.iter().flatten();
        let both = self.requests.iter().zip(ends);
        both.map(|((_, asked), end)| (asked, end.result(asked)))
            .collect()
    }

    pub(crate) fn json(&self, number: usize) -> Value {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut counts = [0; 4];
        for end in self.ends.iter().flatten() {
            let place = match end {
                End::Rejected | End::Fault => 1,
                End::Cancelled => 2,
                End::Expired => 3,
                _ => 0,
            };
            counts[place] += 1;
        }
        let processing = self.requests.len() - counts.iter().sum::<usize>();
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
    pub(crate) fn lines(&self) -> String {
        let ends = self.ends.as_deref().unwrap_or_default();
        let both = self.requests.iter().zip(ends).rev();
        let lines = both.map(|((id, asked), end)| {
            if *end == End::Garbage {
                return format!("{{\"custom_id\":\"{id}\",\"result\":{{\"type\":");
            }
            json!({"custom_id": id, "result": end.result(asked)}).to_string()
        });
        lines.collect::<Vec<_>>().join("\n\n")
    }
}
