//! The provider's JSON about batches.

use chrono::{DateTime, Utc};
use crm_core::port::llm::LlmFailure;
use crm_core::port::llm_batch::{Batch, BatchCounts, BatchPhase};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::errors::{Detail, bad_output};
use crate::request::Body;

/// One request of a new batch.
#[derive(Serialize)]
pub(super) struct Item<'a> {
    pub(super) custom_id: String,
    pub(super) params: Body<'a>,
}

/// A batch; `results_url` is left unread on purpose, as the key would follow it.
#[derive(Deserialize)]
pub(super) struct WireBatch {
    pub(super) id: String,
    r#type: String,
    processing_status: Status,
    request_counts: Counts,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    #[serde(default)]
    ended_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    InProgress,
    Canceling,
    Ended,
}

#[derive(Deserialize)]
struct Counts {
    processing: u64,
    succeeded: u64,
    errored: u64,
    canceled: u64,
    expired: u64,
}

/// A page of batches.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) data: Vec<WireBatch>,
    pub(super) has_more: bool,
    #[serde(default)]
    pub(super) last_id: Option<String>,
}

/// A line of the results. The result is read when the id is known.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) custom_id: String,
    pub(super) result: Value,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Ended {
    Succeeded {
        message: Value,
    },
    Errored {
        error: Outer,
    },
    #[serde(rename = "canceled")]
    Cancelled,
    Expired,
}

/// The error of a line is wrapped as the body of a failed request is.
#[derive(Deserialize)]
pub(super) struct Outer {
    pub(super) error: Detail,
    #[serde(default)]
    pub(super) request_id: Option<String>,
}

impl WireBatch {
    pub(super) fn read(self) -> Result<Batch, LlmFailure> {
        if self.r#type != "message_batch" || super::path(&self.id).is_err() {
            return Err(bad_output("malformed_response"));
        }
        let counts = self.request_counts;
        Ok(Batch {
            id: self.id,
            phase: match self.processing_status {
                Status::InProgress => BatchPhase::Running,
                Status::Canceling => BatchPhase::Cancelling,
                Status::Ended => BatchPhase::Ended,
            },
            counts: BatchCounts {
                processing: counts.processing,
                succeeded: counts.succeeded,
                errored: counts.errored,
                cancelled: counts.canceled,
                expired: counts.expired,
            },
            created_at: self.created_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
        })
    }
}

/// A batch as the body of an answer.
pub(super) fn batch(body: &[u8]) -> Result<Batch, LlmFailure> {
    let batch: WireBatch =
        serde_json::from_slice(body).map_err(|_| bad_output("malformed_response"))?;
    batch.read()
}
