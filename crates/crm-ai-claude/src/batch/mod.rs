//! Many drafts in one job (`/v1/messages/batches`).
//!
//! The provider knows no idempotency key and shows no ids of requests until a batch ended, so each
//! `custom_id` carries the caller's marker ([`ids`]) and a lost answer is looked for by it ([`lost`]).

mod ids;
mod lines;
mod lost;
mod split;
mod wire;

use std::collections::HashSet;

use async_trait::async_trait;
use crm_core::port::llm::{DraftRequest, LlmError};
use crm_core::port::llm_batch::{
    Batch, BatchLimits, BatchLines, BatchMarker, BatchPhase, BatchRequest, Created, Found,
    LlmBatch, Lost, SubmitError,
};
use reqwest::StatusCode;

use crate::client::Claude;
use crate::errors::{classify, configuration, request_id, transport, unavailable};
use crate::http::read_capped;
use crate::request;
use lines::Lines;

const PATH: &str = "/v1/messages/batches";
/// The API's own limits.
const LIMITS: BatchLimits = BatchLimits {
    requests: 100_000,
    bytes: 256_000_000,
};

fn not_made(error: impl Into<LlmError>) -> SubmitError {
    SubmitError {
        error: Box::new(error.into()),
        created: Created::No,
        request: None,
    }
}

fn maybe_made(error: impl Into<LlmError>) -> SubmitError {
    SubmitError {
        created: Created::Unknown,
        ..not_made(error)
    }
}

/// Whether an answer with this status says that nothing was made: the provider, or something before it,
/// refused the request. A fault of the provider may come after the deed.
fn refuses(status: StatusCode) -> bool {
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT];
    (status.is_redirection() || status.is_client_error()) && !later.contains(&status)
}

/// The path of one batch; an id that could be anything else than a part of it is no id.
fn path(id: &str) -> Result<String, LlmError> {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=128).contains(&id.len()) && id.bytes().all(sign) {
        Ok(format!("{PATH}/{id}"))
    } else {
        Err(configuration("invalid_batch_id").into())
    }
}

impl Claude {
    /// The body of a job that can be sent as it is.
    fn job(&self, marker: &BatchMarker, requests: &[BatchRequest]) -> Result<Vec<u8>, SubmitError> {
        if !self.has_price() {
            return Err(not_made(configuration("unknown_price")));
        }
        if requests.is_empty() {
            return Err(not_made(configuration("batch_empty")));
        }
        if requests.len() > LIMITS.requests {
            return Err(not_made(configuration("batch_too_large")));
        }
        let mut ids = HashSet::with_capacity(requests.len());
        let mut body = br#"{"requests":["#.to_vec();
        for request in requests {
            let blame = |reason| SubmitError {
                request: Some(request.id.clone()),
                ..not_made(configuration(reason))
            };
            if !ids.insert(&request.id) {
                return Err(blame("repeated_id"));
            }
            if !request::is_sendable(&self.config, &request.request, true) {
                return Err(blame("invalid_request"));
            }
            let item = wire::Item {
                custom_id: ids::custom_id(marker, request),
                params: request::body(&self.config, &request.request),
            };
            if ids.len() > 1 {
                body.push(b',');
            }
            serde_json::to_writer(&mut body, &item).map_err(|_| blame("invalid_request"))?;
            if body.len().saturating_add(2) > LIMITS.bytes {
                return Err(not_made(configuration("batch_too_large")));
            }
        }
        body.extend_from_slice(b"]}");
        Ok(body)
    }

    /// Bodies of a batch are looked at only when it runs, and then each fails by itself. Counting the
    /// tokens of one request of each form tells at once, and free, what would be wrong with all.
    async fn try_forms(&self, requests: &[BatchRequest]) -> Result<(), SubmitError> {
        for subject in [false, true] {
            let first = requests.iter().find(|one| one.request.subject == subject);
            if let Some(first) = first {
                let counted = self.count_tokens(&first.request).await;
                counted.map_err(|error| SubmitError {
                    request: Some(first.id.clone()),
                    ..not_made(error)
                })?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl LlmBatch for Claude {
    fn limits(&self) -> BatchLimits {
        LIMITS
    }

    fn model(&self) -> String {
        self.config.model.clone()
    }

    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        let tokens = self.most_tokens(request);
        let worst = Self::worst_cost(self, request, tokens, true);
        worst.ok_or_else(|| configuration("unknown_price").into())
    }

    async fn submit(
        &self,
        marker: &BatchMarker,
        requests: &[BatchRequest],
    ) -> Result<Batch, SubmitError> {
        let body = self.job(marker, requests)?;
        self.try_forms(requests).await?;
        let request = self.http.post(PATH, body);
        let sent = request.timeout(self.config.batch_timeout).send().await;
        let answer = sent.map_err(|error| {
            let failure = transport(&error);
            // Without a connection nothing was sent.
            if error.is_connect() || error.is_builder() {
                not_made(failure)
            } else {
                maybe_made(failure)
            }
        })?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read_capped(answer).await;
        if status != StatusCode::OK {
            let body = body.unwrap_or_default();
            let error = classify(status, &headers, &body, self.now());
            return Err(if refuses(status) {
                not_made(error)
            } else {
                maybe_made(error)
            });
        }
        let request_id = request_id(&headers);
        let named = |failure| {
            maybe_made(LlmError {
                request_id: request_id.clone(),
                ..LlmError::from(failure)
            })
        };
        wire::batch(&body.map_err(named)?).map_err(named)
    }

    async fn find(&self, lost: &Lost) -> Result<Found, LlmError> {
        lost::find(self, lost).await
    }

    async fn poll(&self, id: &str) -> Result<Batch, LlmError> {
        let (body, _) = self.exchange(self.http.get(&path(id)?, &[])).await?;
        Ok(wire::batch(&body)?)
    }

    async fn results(
        &self,
        id: &str,
        marker: &BatchMarker,
    ) -> Result<Box<dyn BatchLines>, LlmError> {
        // It says when the answers were made, which dates their price, and how many lines there are.
        let batch = self.poll(id).await?;
        if batch.phase != BatchPhase::Ended {
            return Err(unavailable("not_ended", None).into());
        }
        Ok(Box::new(Lines::open(self, &batch, marker).await?))
    }

    async fn cancel(&self, id: &str) -> Result<Batch, LlmError> {
        let path = format!("{}/cancel", path(id)?);
        match self.exchange(self.http.post(&path, Vec::new())).await {
            Ok((body, _)) => Ok(wire::batch(&body)?),
            // What is answered for a batch that ended is not documented. It stays as it is, and is no failure.
            Err(error) if matches!(error.failure.code(), "invalid_request" | "http_409") => {
                let batch = self.poll(id).await?;
                match batch.phase {
                    BatchPhase::Ended => Ok(batch),
                    BatchPhase::Running | BatchPhase::Cancelling => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_says_that_nothing_was_made() {
        let says = |code| refuses(StatusCode::from_u16(code).expect("status"));
        for code in [301, 307, 400, 401, 402, 403, 404, 413, 429] {
            assert!(says(code), "{code}");
        }
        for code in [201, 202, 408, 409, 500, 502, 503, 504, 529, 999] {
            assert!(!says(code), "{code}");
        }
    }

    #[test]
    fn an_id_is_a_part_of_the_path_and_nothing_else() {
        assert_eq!(
            path("msgbatch_01A-b").ok().as_deref(),
            Some("/v1/messages/batches/msgbatch_01A-b")
        );
        for bad in ["", ".", "..", "a/b", "a?b", "a%2fb", "ж", &"x".repeat(129)] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
