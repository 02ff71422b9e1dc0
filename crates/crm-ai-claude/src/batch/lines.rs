//! The results of a batch: JSON lines, read one by one as they arrive.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use crm_core::port::llm::{Draft, LlmError, LlmFailure};
use crm_core::port::llm_batch::{
    Batch, BatchLine, BatchLines, BatchMarker, BatchOutcome, RequestId,
};

use super::split::{Piece, Split};
use super::{ids, path, wire};
use crate::client::Claude;
use crate::config::CacheTtl;
use crate::errors::{bad_output, unavailable};
use crate::prices::PriceTable;
use crate::response::{self, Billing};

/// Results with their meaning.
pub(super) struct Lines {
    split: Split,
    marker: BatchMarker,
    prices: PriceTable,
    ttl: CacheTtl,
    on: NaiveDate,
    now: DateTime<Utc>,
    /// How many lines are still to come.
    missing: u64,
    done: bool,
}

impl Lines {
    pub(super) async fn open(
        claude: &Claude,
        batch: &Batch,
        marker: &BatchMarker,
    ) -> Result<Self, LlmError> {
        Ok(Self {
            split: Split::open(claude, &batch.id).await?,
            marker: marker.clone(),
            prices: claude.config.prices.clone(),
            ttl: claude.config.cache_ttl,
            on: batch.ended_at.unwrap_or_else(|| claude.now()).date_naive(),
            now: claude.now(),
            missing: batch.counts.total(),
            done: false,
        })
    }

    fn read(&self, line: &[u8]) -> Result<BatchLine, LlmFailure> {
        let line: wire::Line =
            serde_json::from_slice(line).map_err(|_| bad_output("malformed_line"))?;
        let (id, subject) =
            ids::read(&line.custom_id, &self.marker).ok_or_else(|| bad_output("foreign_line"))?;
        Ok(self.outcome(id, subject, line.result))
    }

    fn outcome(&self, id: RequestId, subject: bool, result: serde_json::Value) -> BatchLine {
        let outcome = match serde_json::from_value(result) {
            Ok(wire::Ended::Succeeded { message }) => {
                BatchOutcome::Done(self.judge(message, subject))
            }
            Ok(wire::Ended::Errored { error }) => BatchOutcome::Done(Err(LlmError {
                request_id: error
                    .request_id
                    .filter(|id| path(id).is_ok())
                    .map(Into::into),
                ..error.error.of_a_line(self.now).into()
            })),
            Ok(wire::Ended::Cancelled) => BatchOutcome::Cancelled,
            Ok(wire::Ended::Expired) => BatchOutcome::Expired,
            // Ours, whatever it is: nothing else stands for this request.
            Err(_) => BatchOutcome::Done(Err(bad_output("malformed_result").into())),
        };
        BatchLine { id, outcome }
    }

    fn judge(&self, message: serde_json::Value, subject: bool) -> Result<Draft, LlmError> {
        let message =
            serde_json::from_value(message).map_err(|_| bad_output("malformed_response"))?;
        let billing = Billing {
            prices: &self.prices,
            ttl: self.ttl,
            on: self.on,
            batch: true,
        };
        response::judge(message, subject, &billing, None)
    }
}

#[async_trait]
impl BatchLines for Lines {
    async fn next(&mut self) -> Result<Option<BatchLine>, LlmError> {
        if self.done {
            return Ok(None);
        }
        match self.split.next().await {
            Ok(Some(piece)) => {
                self.missing = self.missing.saturating_sub(1);
                let line = match piece {
                    Piece::Line(line) => self.read(&line),
                    Piece::TooLong => Err(bad_output("line_too_long")),
                };
                Ok(Some(line?))
            }
            Ok(None) => {
                self.done = true;
                if self.missing == 0 {
                    Ok(None)
                } else {
                    // An answer that was cut at the end of a line looks whole.
                    Err(unavailable("results_incomplete", None).into())
                }
            }
            Err(failure) => {
                self.done = true;
                Err(failure.into())
            }
        }
    }
}
