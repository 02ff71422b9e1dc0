//! How long a prompt is, in tokens: asked, or bounded without asking.

use crm_core::port::llm::{DraftRequest, LlmError};
use serde::Deserialize;

use crate::client::Claude;
use crate::errors::{bad_output, configuration};
use crate::prices::{Call, Geo, Terms};
use crate::request;

/// Room for what the provider puts around a prompt: the marks of turns and its own instructions for
/// the form of the answer.
const AROUND: u64 = 1_024;

#[derive(Deserialize)]
struct Counted {
    input_tokens: u64,
}

impl Claude {
    /// Asks the provider how many tokens the prompt of this request has. Free of charge, with a rate
    /// limit of its own; the provider calls it an estimate.
    ///
    /// # Errors
    /// As [`draft`](crm_core::port::llm::Llm::draft); nothing is billed. It refuses what a draft would
    /// be refused for, so a form of request can be checked with it.
    pub async fn count_tokens(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        if !request::is_sendable(&self.config, request, true) {
            return Err(configuration("invalid_request").into());
        }
        let body = request::bytes(&request::prompt(&self.config, request))?;
        let (body, request_id) = self
            .exchange(self.http.post("/v1/messages/count_tokens", body))
            .await?;
        match serde_json::from_slice::<Counted>(&body) {
            Ok(counted) => Ok(counted.input_tokens),
            Err(_) => Err(LlmError {
                request_id,
                ..bad_output("malformed_response").into()
            }),
        }
    }

    /// Not fewer tokens than the prompt has, without asking: one for each byte that is sent, and 1,024
    /// for what the provider adds. A tokenizer over bytes makes no more than one of each; ordinary text
    /// has a third to a fifth of that, so this bounds a cost and estimates none.
    #[must_use]
    pub fn most_tokens(&self, request: &DraftRequest) -> u64 {
        let body = serde_json::to_vec(&request::prompt(&self.config, request));
        let bytes = body.map_or(usize::MAX, |body| body.len());
        u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(AROUND)
    }

    /// The most that a draft of this request can cost in picodollars when its prompt has at most
    /// `input_tokens` ([`count_tokens`](Self::count_tokens), with some room, or
    /// [`most_tokens`](Self::most_tokens)); `batch` for one of a batch. See
    /// [`PriceTable::worst_cost`](crate::PriceTable::worst_cost). `None` when the model has no price now.
    #[must_use]
    pub fn worst_cost(
        &self,
        request: &DraftRequest,
        input_tokens: u64,
        batch: bool,
    ) -> Option<u64> {
        // Where nothing is said, the account may have chosen the dearer place.
        let geo = self.config.inference_geo.unwrap_or(Geo::Us);
        self.config.prices.worst_cost(&Call {
            model: &self.config.model,
            on: self.today(),
            terms: Terms { geo, batch },
            cache_ttl: self.config.cache_ttl,
            input_tokens,
            max_tokens: request.max_tokens,
        })
    }
}
