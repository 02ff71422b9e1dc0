//! A provider of batches in memory, which does what the test says.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::llm::draft;
use crate::port::clock::Clock;
use crate::port::llm::{DraftRequest, LlmError, LlmFailure};
use crate::port::llm_batch::{
    Batch, BatchCounts, BatchLimits, BatchLine, BatchLines, BatchMarker, BatchOutcome, BatchPhase,
    BatchRequest, Created, Found, LlmBatch, Lost, RequestId, SubmitError,
};

/// How long a lost submission may still be on its way.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(10);

/// What becomes of the next submission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Submission {
    /// It makes a batch.
    #[default]
    Taken,
    /// It makes a batch, and the answer is lost.
    AnswerLost,
    /// It makes none, and there is no answer.
    RequestLost,
    /// It makes none: too many requests for now.
    Limited,
}

/// How one request of a batch ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEnd {
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

/// Batches of a provider in memory. Requests end as the test says, with "Hello" otherwise.
pub struct MemoryBatches {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: Submission,
    batches: Vec<Kept>,
}

struct Kept {
    batch: Batch,
    marker: BatchMarker,
    requests: Vec<RequestId>,
    ends: HashMap<RequestId, RequestEnd>,
}

impl fmt::Debug for MemoryBatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryBatches(..)")
    }
}

impl MemoryBatches {
    /// A provider without batches.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::default();
        Self { clock, state }
    }

    /// Says what becomes of the next submission.
    pub fn next_submission(&self, how: Submission) {
        self.lock().next = how;
    }

    /// How many batches there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().batches.len()
    }

    /// Ends every batch that runs; the requests of these ids end so.
    pub fn end(&self, ends: &[(RequestId, RequestEnd)]) {
        let now = self.clock.now();
        for kept in &mut self.lock().batches {
            if kept.batch.phase != BatchPhase::Ended {
                kept.end(ends, now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn end(&mut self, ends: &[(RequestId, RequestEnd)], now: DateTime<Utc>) {
        self.ends.extend(ends.iter().cloned());
        self.batch.phase = BatchPhase::Ended;
        self.batch.ended_at = Some(now);
        let mut counts = BatchCounts::default();
        for id in &self.requests {
            match self.ends.get(id) {
                Some(RequestEnd::Rejected | RequestEnd::Fault) => counts.errored += 1,
                Some(RequestEnd::Cancelled) => counts.cancelled += 1,
                Some(RequestEnd::Expired) => counts.expired += 1,
                _ => counts.succeeded += 1,
            }
        }
        self.batch.counts = counts;
    }

    fn line(&self, id: &RequestId) -> Result<BatchLine, LlmError> {
        let code = |reason: &str| reason.to_owned();
        let failed = |failure: LlmFailure| BatchOutcome::Done(Err(failure.into()));
        let text = |text: &str| BatchOutcome::Done(Ok(draft(text)));
        let outcome = match self.ends.get(id) {
            None => text("Hello"),
            Some(RequestEnd::Text(wanted)) => text(wanted),
            Some(RequestEnd::Refused) => failed(LlmFailure::Refused),
            Some(RequestEnd::CutOff) => failed(LlmFailure::Truncated),
            Some(RequestEnd::Malformed) => failed(LlmFailure::BadOutput {
                reason: code("malformed_json"),
            }),
            Some(RequestEnd::Rejected) => failed(LlmFailure::Configuration {
                reason: code("invalid_request"),
            }),
            Some(RequestEnd::Fault) => failed(LlmFailure::Unavailable {
                reason: code("provider_fault"),
                retry_after_s: None,
            }),
            Some(RequestEnd::Cancelled) => BatchOutcome::Cancelled,
            Some(RequestEnd::Expired) => BatchOutcome::Expired,
            Some(RequestEnd::Garbage) => {
                let reason = code("malformed_line");
                return Err(LlmFailure::BadOutput { reason }.into());
            }
        };
        let id = id.clone();
        Ok(BatchLine { id, outcome })
    }
}

fn unavailable(reason: &str) -> LlmError {
    let reason = reason.to_owned();
    let retry_after_s = None;
    LlmFailure::Unavailable {
        reason,
        retry_after_s,
    }
    .into()
}

fn configuration(reason: &str) -> LlmError {
    let reason = reason.to_owned();
    LlmFailure::Configuration { reason }.into()
}

fn submit_error(error: LlmError, created: Created) -> SubmitError {
    SubmitError {
        error: Box::new(error),
        created,
        request: None,
    }
}

struct Lines(VecDeque<Result<BatchLine, LlmError>>);

#[async_trait]
impl BatchLines for Lines {
    async fn next(&mut self) -> Result<Option<BatchLine>, LlmError> {
        self.0.pop_front().transpose()
    }
}

#[async_trait]
impl LlmBatch for MemoryBatches {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            requests: 100_000,
            bytes: 256_000_000,
        }
    }

    fn model(&self) -> String {
        "scripted".to_owned()
    }

    /// What each draft of this provider costs.
    fn worst_cost(&self, _request: &DraftRequest) -> Result<u64, LlmError> {
        Ok(draft("").cost_picodollars)
    }

    async fn submit(
        &self,
        marker: &BatchMarker,
        requests: &[BatchRequest],
    ) -> Result<Batch, SubmitError> {
        let refused = |reason, request: Option<&BatchRequest>| SubmitError {
            request: request.map(|request| request.id.clone()),
            ..submit_error(configuration(reason), Created::No)
        };
        if requests.is_empty() {
            return Err(refused("batch_empty", None));
        }
        if requests.len() > self.limits().requests {
            return Err(refused("batch_too_large", None));
        }
        let mut ids = HashSet::new();
        for request in requests {
            if !ids.insert(&request.id) {
                return Err(refused("repeated_id", Some(request)));
            }
            if request.request.user.trim().is_empty() || request.request.max_tokens == 0 {
                return Err(refused("invalid_request", Some(request)));
            }
        }
        let now = self.clock.now();
        let mut state = self.lock();
        let how = std::mem::take(&mut state.next);
        match how {
            Submission::Limited => {
                return Err(submit_error(unavailable("rate_limited"), Created::No));
            }
            Submission::RequestLost => {
                return Err(submit_error(
                    unavailable("connection_lost"),
                    Created::Unknown,
                ));
            }
            Submission::Taken | Submission::AnswerLost => {}
        }
        let batch = Batch {
            id: format!("batch_{}", state.batches.len()),
            phase: BatchPhase::Running,
            counts: BatchCounts {
                processing: u64::try_from(requests.len()).unwrap_or(u64::MAX),
                ..BatchCounts::default()
            },
            created_at: now,
            expires_at: now + TimeDelta::days(1),
            ended_at: None,
        };
        state.batches.push(Kept {
            batch: batch.clone(),
            marker: marker.clone(),
            requests: requests.iter().map(|request| request.id.clone()).collect(),
            ends: HashMap::new(),
        });
        if how == Submission::AnswerLost {
            return Err(submit_error(
                unavailable("connection_lost"),
                Created::Unknown,
            ));
        }
        Ok(batch)
    }

    async fn find(&self, lost: &Lost) -> Result<Found, LlmError> {
        let settled = lost.since + ON_ITS_WAY;
        let state = self.lock();
        let mut undecided = (self.clock.now() < settled).then_some(settled);
        for kept in &state.batches {
            if kept.batch.created_at < lost.since || kept.requests.len() != lost.requests {
                continue;
            }
            // As a real one, it shows ids only in results.
            if kept.batch.phase != BatchPhase::Ended {
                undecided = undecided.max(Some(kept.batch.expires_at));
            } else if kept.marker == lost.marker {
                return Ok(Found::Batch(kept.batch.clone()));
            }
        }
        Ok(undecided.map_or(Found::Absent, |until| Found::Undecided { until }))
    }

    async fn poll(&self, id: &str) -> Result<Batch, LlmError> {
        let state = self.lock();
        let kept = state.batches.iter().find(|kept| kept.batch.id == id);
        kept.map(|kept| kept.batch.clone())
            .ok_or_else(|| configuration("not_found"))
    }

    async fn results(
        &self,
        id: &str,
        marker: &BatchMarker,
    ) -> Result<Box<dyn BatchLines>, LlmError> {
        let state = self.lock();
        let kept = state.batches.iter().find(|kept| kept.batch.id == id);
        let kept = kept.ok_or_else(|| configuration("not_found"))?;
        if kept.batch.phase != BatchPhase::Ended {
            return Err(unavailable("not_ended"));
        }
        let line = |id: &RequestId| {
            if kept.marker == *marker {
                return kept.line(id);
            }
            let reason = "foreign_line".to_owned();
            Err(LlmFailure::BadOutput { reason }.into())
        };
        // Never in the order of the requests.
        Ok(Box::new(Lines(
            kept.requests.iter().rev().map(line).collect(),
        )))
    }

    async fn cancel(&self, id: &str) -> Result<Batch, LlmError> {
        let mut state = self.lock();
        let kept = state.batches.iter_mut().find(|kept| kept.batch.id == id);
        let kept = kept.ok_or_else(|| configuration("not_found"))?;
        if kept.batch.phase == BatchPhase::Running {
            kept.batch.phase = BatchPhase::Cancelling;
        }
        Ok(kept.batch.clone())
    }
}
