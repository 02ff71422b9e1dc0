//! The results of a batch: JSON lines, read one by one as they arrive.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use crm_core::port::llm::{Draft, LlmError, LlmFailure};
use crm_core::port::llm_batch::{
    Batch, BatchLine, BatchLines, BatchMarker, BatchOutcome, RequestId,
};
use reqwest::Response;

use super::{ids, path, wire};
use crate::client::Claude;
use crate::config::CacheTtl;
use crate::errors::{bad_output, transport, unavailable};
use crate::prices::PriceTable;
use crate::response::{self, Billing};

/// Longest line that is kept. A draft is a few kilobytes; the longest answer of any model is below.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// The lines of one answer, without their meaning.
pub(super) struct Split {
    answer: Response,
    kept: Vec<u8>,
    /// How much of `kept` is known to hold no end of a line.
    searched: usize,
    /// Inside a line that is too long already.
    skipping: bool,
    ended: bool,
}

/// One line, or that it was too long.
pub(super) enum Piece {
    Line(Vec<u8>),
    TooLong,
}

impl Split {
    pub(super) async fn open(claude: &Claude, id: &str) -> Result<Self, LlmError> {
        // Built from the base address: the key must not follow `results_url`.
        let path = format!("{}/results", path(id)?);
        let request = claude.http.get(&path, &[]);
        let answer = claude.open(request.timeout(claude.config.batch_timeout));
        Ok(Self {
            answer: answer.await?,
            kept: Vec::new(),
            searched: 0,
            skipping: false,
            ended: false,
        })
    }

    /// The next line that is not blank.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, LlmFailure> {
        loop {
            if let Some(piece) = self.cut() {
                return Ok(Some(piece));
            }
            if self.ended {
                return Ok(None);
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) => self.kept.extend_from_slice(&chunk),
                Ok(None) => self.ended = true,
                Err(error) => return Err(transport(&error)),
            }
        }
    }

    /// Takes a line out of what has arrived.
    fn cut(&mut self) -> Option<Piece> {
        loop {
            let rest = self.kept.get(self.searched..).unwrap_or_default();
            let end = match rest.iter().position(|b| *b == b'\n') {
                Some(at) => self.searched + at + 1,
                // The last line may lack its end.
                None if self.ended && !self.kept.is_empty() => self.kept.len(),
                None => {
                    self.searched = self.kept.len();
                    if self.kept.len() > LONGEST_LINE {
                        self.skipping = true;
                        self.kept.clear();
                        self.searched = 0;
                    } else if self.ended && std::mem::take(&mut self.skipping) {
                        return Some(Piece::TooLong);
                    }
                    return None;
                }
            };
            let line: Vec<u8> = self.kept.drain(..end).collect();
            self.searched = 0;
            if std::mem::take(&mut self.skipping) || line.len() > LONGEST_LINE {
                return Some(Piece::TooLong);
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Piece::Line(line));
            }
        }
    }
}

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
