//! The adapter itself: one request per draft.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use crm_core::Result;
use crm_core::port::clock::Clock;
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::config::{ClaudeConfig, check};
use crate::errors::{classify, configuration, request_id, transport};
use crate::http::{Http, read_capped};
use crate::response::Billing;
use crate::{request, response};

/// Drafts messages with Claude, one by one ([`Llm`]) and in batches
/// ([`LlmBatch`](crm_core::port::llm_batch::LlmBatch)).
pub struct Claude {
    pub(crate) config: ClaudeConfig,
    pub(crate) http: Http,
    clock: Arc<dyn Clock>,
}

impl Claude {
    /// Checks the settings and prepares the HTTP client; sends nothing.
    ///
    /// # Errors
    /// [`Configuration`](crm_core::ErrorKind::Configuration) when a setting cannot be used; the text names
    /// it, never its value.
    pub fn new(config: ClaudeConfig) -> Result<Self> {
        Self::with_clock(config, Arc::new(SystemTimeClock))
    }

    /// The same with another clock: prices have dates, and waits have an end.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(config: ClaudeConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let http = Http::new(&config, check(&config)?)?;
        Ok(Self {
            config,
            http,
            clock,
        })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    pub(crate) fn has_price(&self) -> bool {
        let price = self.config.prices.get(&self.config.model, self.today());
        price.is_some()
    }

    pub(crate) fn billing(&self, on: NaiveDate, batch: bool) -> Billing<'_> {
        Billing {
            prices: &self.config.prices,
            ttl: self.config.cache_ttl,
            on,
            batch,
        }
    }

    /// One request, and the answer if its status is 200.
    pub(crate) async fn open(&self, request: RequestBuilder) -> Result<Response, LlmError> {
        let answer = request.send().await.map_err(|error| transport(&error))?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let headers = answer.headers().clone();
        // The status says enough when the body cannot be read.
        let body = read_capped(answer).await.unwrap_or_default();
        Err(classify(status, &headers, &body, self.now()))
    }

    /// One request, and the body and the request id of the answer if its status is 200.
    pub(crate) async fn exchange(
        &self,
        request: RequestBuilder,
    ) -> Result<(Vec<u8>, Option<Box<str>>), LlmError> {
        let answer = self.open(request).await?;
        let request_id = request_id(answer.headers());
        match read_capped(answer).await {
            Ok(body) => Ok((body, request_id)),
            Err(failure) => Err(LlmError {
                request_id,
                ..failure.into()
            }),
        }
    }
}

impl fmt::Debug for Claude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claude").field(&self.config).finish()
    }
}

#[async_trait]
impl Llm for Claude {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        if !self.has_price() {
            return Err(configuration("unknown_price").into());
        }
        if !request::is_sendable(&self.config, request, false) {
            return Err(configuration("invalid_request").into());
        }
        let body = request::bytes(&request::body(&self.config, request))?;
        let (body, request_id) = self.exchange(self.http.post("/v1/messages", body)).await?;
        let billing = self.billing(self.today(), false);
        response::read(&body, request.subject, &billing, request_id)
    }

    /// The whole prompt at the dearest rate, with as many tokens as it has bytes, and an answer as long as
    /// allowed. So what is billed is not above it, when the answering model is the one that was asked and the
    /// price table is right.
    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        let tokens = self.most_tokens(request);
        let worst = Self::worst_cost(self, request, tokens, false);
        worst.ok_or_else(|| configuration("unknown_price").into())
    }

    fn model(&self) -> String {
        self.config.model.clone()
    }
}

/// The system's time.
#[derive(Debug)]
struct SystemTimeClock;

impl Clock for SystemTimeClock {
    fn now(&self) -> DateTime<Utc> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs());
        let seconds = i64::try_from(seconds).unwrap_or_default();
        DateTime::from_timestamp(seconds, 0).unwrap_or_default()
    }
}
