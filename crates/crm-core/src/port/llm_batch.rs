//! The batch port of language models: many drafts in one job, cheaper and later than [`Llm`](super::llm::Llm).
//!
//! A provider's batch interface knows no idempotency key, so an answer that is lost leaves open whether a batch
//! exists. What a caller does, so that no batch is paid for twice:
//!
//! 1. Choose a [`BatchMarker`] that was never used, store it with the ids of all requests and the time; commit.
//! 2. [`LlmBatch::submit`]. Store the id of the batch that comes back.
//! 3. After a crash, and whenever [`SubmitError::created`] is [`Created::Unknown`]: [`LlmBatch::find`] with the
//!    marker and the time of step 1, until it says [`Found::Batch`] (store its id) or [`Found::Absent`] (submit
//!    again). On [`Found::Undecided`] ask later.
//! 4. [`LlmBatch::poll`] until the batch ended; read [`LlmBatch::results`] and import each line by its id. Reading
//!    twice gives the same lines, so an import is repeated after a crash, and what was imported already is left
//!    alone. What has no line, or was cancelled or expired, was not billed and may go into another batch.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::llm::{Draft, DraftRequest, LlmError};
use crate::error::{Error, Result};

/// What tells one submission from all others: 1 to 23 letters and digits. It stands in the provider's id of every
/// request, so that a batch whose answer was lost is known by its results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchMarker(String);

impl BatchMarker {
    /// The longest marker.
    pub const LONGEST: usize = 23;

    /// A marker.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for other characters or lengths.
    pub fn new(marker: impl Into<String>) -> Result<Self> {
        let marker = marker.into();
        let fits = (1..=Self::LONGEST).contains(&marker.len());
        if fits && marker.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(marker))
        } else {
            Err(Error::field("marker", "use 1 to 23 letters and digits"))
        }
    }

    /// The marker.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BatchMarker {
    type Error = Error;

    fn try_from(marker: String) -> Result<Self> {
        Self::new(marker)
    }
}

impl From<BatchMarker> for String {
    fn from(marker: BatchMarker) -> Self {
        marker.0
    }
}

/// Our id of a request in a batch: 1 to 40 letters, digits, `-` and `_`. A UUID fits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

impl RequestId {
    /// The longest id.
    pub const LONGEST: usize = 40;

    /// An id.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for other characters or lengths.
    pub fn new(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        let sign = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=Self::LONGEST).contains(&id.len()) && id.bytes().all(sign) {
            Ok(Self(id))
        } else {
            let text = "use 1 to 40 letters, digits, hyphens and underscores";
            Err(Error::field("id", text))
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RequestId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self> {
        Self::new(id)
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRequest {
    /// Our id; unique in the batch.
    pub id: RequestId,
    /// What the model is asked.
    pub request: DraftRequest,
}

/// How much one batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// At most this many requests.
    pub requests: usize,
    /// At most this many bytes as they are sent.
    pub bytes: usize,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchPhase {
    /// Requests are worked off.
    Running,
    /// It was asked to stop; requests that were begun are still finished.
    Cancelling,
    /// Nothing changes any more; the results can be read.
    Ended,
}

/// How many requests are where. Before the batch ended a provider may count all as `processing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCounts {
    /// Not finished.
    pub processing: u64,
    /// With an answer of the model; it may be a refusal.
    pub succeeded: u64,
    /// Failed.
    pub errored: u64,
    /// Not begun when the batch was cancelled.
    pub cancelled: u64,
    /// Not begun when the batch's time was up.
    pub expired: u64,
}

impl BatchCounts {
    /// All requests.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.processing
            .saturating_add(self.succeeded)
            .saturating_add(self.errored)
            .saturating_add(self.cancelled)
            .saturating_add(self.expired)
    }
}

/// A batch as the provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The provider's id.
    pub id: String,
    /// How far it is.
    pub phase: BatchPhase,
    /// How many requests are where.
    pub counts: BatchCounts,
    /// When the provider took it, by its clock.
    pub created_at: DateTime<Utc>,
    /// When what is not begun expires.
    pub expires_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Whether a failed submission made a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Created {
    /// Surely not: it may be submitted again.
    No,
    /// It may have: [`LlmBatch::find`] has to say so before anything is submitted again.
    Unknown,
}

/// A submission without an answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitError {
    /// Why.
    pub error: Box<LlmError>,
    /// Whether there is a batch nevertheless.
    pub created: Created,
    /// The request that is to blame, where it is one.
    pub request: Option<RequestId>,
}

/// What to look for after an answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The marker it was submitted with.
    pub marker: BatchMarker,
    /// How many requests it had.
    pub requests: usize,
    /// A moment before it was submitted, by our clock.
    pub since: DateTime<Utc>,
}

/// Whether a lost submission made a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This one.
    Batch(Batch),
    /// None: it may be submitted again.
    Absent,
    /// It cannot be told yet: the submission may still be on its way, or a batch that could be it has not ended and
    /// shows no ids before. Ask again after a while; it is decided at this moment at the latest.
    Undecided {
        /// When.
        until: DateTime<Utc>,
    },
}

/// How one request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// With a draft, or with the reason why there is none: the model's (refused, cut off) or the provider's. Only
    /// what the model answered costs anything.
    Done(Result<Draft, LlmError>),
    /// The batch was cancelled first; not billed.
    Cancelled,
    /// The batch's time was up first; not billed.
    Expired,
}

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Our id.
    pub id: RequestId,
    /// How it ended.
    pub outcome: BatchOutcome,
}

/// Results, read one by one, so that a hundred thousand need no room.
#[async_trait]
pub trait BatchLines: Send {
    /// The next line, in whatever order the provider has them; `None` at the end.
    ///
    /// # Errors
    /// [`BadOutput`](super::llm::LlmFailure::BadOutput): one line cannot be read; the next call goes on behind it.
    /// After any other error nothing more comes: ask for the results again.
    async fn next(&mut self) -> Result<Option<BatchLine>, LlmError>;
}

/// Drafts many texts in one job.
///
/// # What an implementer must guarantee
/// - One call of `submit` makes at most one batch: nothing is retried inside. [`Created::No`] is said only when the
///   provider surely made none: nothing was sent, or it refused. A lost, cut or nonsensical answer and every fault
///   of the provider is [`Created::Unknown`].
/// - A job that cannot be sent as it is (too large, a repeated id, a request that no single draft could be made of, a
///   model without a price) is refused as a whole before anything is made, and never split: splitting is the caller's.
/// - `find` says [`Found::Absent`] only when the submission can no longer arrive and every batch that could be it was
///   looked into. When in doubt it is [`Found::Undecided`] or an error.
/// - A line is handed on under our id only if it has the marker; each draft keeps the guarantees of
///   [`Llm`](super::llm::Llm): a refused, cut-off or malformed text is no draft, cost is exact.
/// - `results` that end without an error are complete. They can be read again while the provider keeps them.
/// - The provider's answers choose no address that the key is sent to. No key, prompt or text in logs or `Debug`.
///   Calls run concurrently.
#[async_trait]
pub trait LlmBatch: Send + Sync + fmt::Debug {
    /// How much one batch holds.
    fn limits(&self) -> BatchLimits;

    /// The model that is asked, as the provider calls it; empty when it has no name. For the usage ledger.
    fn model(&self) -> String {
        String::new()
    }

    /// The most that this request can cost in a batch, in 10^-12 US dollars. Asks nobody.
    ///
    /// # Errors
    /// [`Configuration`](super::llm::LlmFailure::Configuration) with the code `unknown_price`.
    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        let _ = request;
        let reason = "unknown_price".to_owned();
        Err(super::llm::LlmFailure::Configuration { reason }.into())
    }

    /// Hands the requests over as one batch under `marker`, which must never have been used.
    ///
    /// # Errors
    /// [`SubmitError`] says whether there may be a batch nevertheless.
    async fn submit(
        &self,
        marker: &BatchMarker,
        requests: &[BatchRequest],
    ) -> Result<Batch, SubmitError>;

    /// Looks for a batch whose answer was lost.
    ///
    /// # Errors
    /// The provider cannot be asked now: nothing is known.
    async fn find(&self, lost: &Lost) -> Result<Found, LlmError>;

    /// How far the batch is. Asking every 30 to 60 seconds is enough.
    ///
    /// # Errors
    /// [`Configuration`](super::llm::LlmFailure::Configuration) for an id that the provider does not know.
    async fn poll(&self, id: &str) -> Result<Batch, LlmError>;

    /// Reads the results of a batch that ended, submitted under `marker`.
    ///
    /// # Errors
    /// [`Unavailable`](super::llm::LlmFailure::Unavailable) with the code `not_ended` before it ended; otherwise as
    /// [`poll`](Self::poll).
    async fn results(
        &self,
        id: &str,
        marker: &BatchMarker,
    ) -> Result<Box<dyn BatchLines>, LlmError>;

    /// Asks the provider to begin nothing more of this batch, and says how far it is. It still ends with a line for
    /// each request. A batch that ended stays as it is.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    async fn cancel(&self, id: &str) -> Result<Batch, LlmError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_and_ids_are_of_the_signs_every_provider_takes() {
        for good in ["a", "A9", "k3J0Qw8ZpLmN2sT5vX7yB1c"] {
            assert!(BatchMarker::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a-b", "a_b", "ж", "a b", "k3J0Qw8ZpLmN2sT5vX7yB1cd"] {
            assert!(BatchMarker::new(bad).is_err(), "{bad}");
            assert!(serde_json::from_value::<BatchMarker>(bad.into()).is_err());
        }
        assert!(RequestId::new("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").is_ok());
        let long = "x".repeat(41);
        for bad in ["", "a.b", "ж", "a\n", long.as_str()] {
            assert!(RequestId::new(bad).is_err(), "{bad}");
            assert!(serde_json::from_value::<RequestId>(bad.into()).is_err());
        }
    }
}
