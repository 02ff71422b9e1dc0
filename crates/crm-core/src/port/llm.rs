//! The language model port: writes one draft. A draft is a proposal; a person decides.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the model is asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftRequest {
    /// Rules; the same for every contact of a workspace, so that a provider can cache it. Never holds
    /// contact data.
    pub system: String,
    /// The task and the contact's data as JSON. Data, never instructions.
    pub user: String,
    /// Language the text must be in, BCP 47.
    pub language: String,
    /// Whether a subject is wanted.
    pub subject: bool,
    /// Longest text in Unicode scalar values; the engine checks it.
    pub max_length: usize,
    /// Upper bound of output tokens.
    pub max_tokens: u32,
    /// Our id of the person it is written to, for an adapter that tells a provider's abuse watch whose request it
    /// is: only under a keyed hash, never as it is. Stays in this process.
    #[serde(skip)]
    pub about: Option<String>,
}

impl fmt::Debug for DraftRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "DraftRequest({}, max_tokens {})",
            self.language, self.max_tokens
        )
    }
}

/// What the call used. Token counts as the provider bills them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens that were not cached.
    pub input_tokens: u64,
    /// Output tokens, thinking included.
    pub output_tokens: u64,
    /// Input tokens written to the provider's cache for five minutes.
    pub cache_write_5m_tokens: u64,
    /// Input tokens written to the provider's cache for one hour.
    pub cache_write_1h_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read_tokens: u64,
}

impl Usage {
    /// The whole prompt: uncached, written and read tokens.
    #[must_use]
    pub const fn prompt_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_write_5m_tokens)
            .saturating_add(self.cache_write_1h_tokens)
            .saturating_add(self.cache_read_tokens)
    }
}

/// A draft.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Subject, when one was asked for.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// Language the model says it wrote.
    pub language: Option<String>,
    /// What of the contact's data the model says it used: names of fields. A claim, for the person who decides.
    #[serde(default)]
    pub facts_used: Vec<String>,
    /// The model that answered.
    pub model: String,
    /// What it used.
    pub usage: Usage,
    /// Price in 10^-12 US dollars; exact.
    pub cost_picodollars: u64,
    /// The provider's request id.
    pub request_id: Option<String>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Draft(by {}, {} picodollars)",
            self.model, self.cost_picodollars
        )
    }
}

/// Why there is no draft. Codes, never the provider's own text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum LlmFailure {
    /// The model declined; the same request will be declined again.
    Refused,
    /// The text was cut off by a limit.
    Truncated,
    /// The answer has not the agreed form, or is empty.
    BadOutput {
        /// Code.
        reason: String,
    },
    /// Overloaded, rate limited or unreachable.
    Unavailable {
        /// Code.
        reason: String,
        /// How long the provider asked to wait, in seconds.
        retry_after_s: Option<u64>,
    },
    /// A key, a model, a price or a limit has to be changed by an operator.
    Configuration {
        /// Code.
        reason: String,
    },
    /// A spend limit: every call fails until it is reset or raised.
    Stopped {
        /// Code.
        reason: String,
        /// When the provider answers again, if it is known.
        until: Option<DateTime<Utc>>,
    },
}

impl LlmFailure {
    /// A stable code for provenance.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::BadOutput { reason }
            | Self::Unavailable { reason, .. }
            | Self::Configuration { reason }
            | Self::Stopped { reason, .. } => reason,
        }
    }
}

/// A failed call: why, and what it cost nevertheless (a refusal or a cut-off text is billed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LlmError {
    /// Why.
    pub failure: LlmFailure,
    /// What was used, when the provider said.
    pub usage: Usage,
    /// Price in 10^-12 US dollars of what was used.
    pub cost_picodollars: u64,
    /// The provider's request id.
    #[serde(default)]
    pub request_id: Option<Box<str>>,
    /// What the provider itself said about trying again, if anything; see [`may_retry`](Self::may_retry).
    #[serde(default)]
    pub should_retry: Option<bool>,
}

impl LlmError {
    /// Whether the same request may succeed later. The provider's own word goes before the kind of failure.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        match self.should_retry {
            Some(said) => said,
            None => matches!(self.failure, LlmFailure::Unavailable { .. }),
        }
    }

    /// Whether the call may have cost something that nobody told us: the answer was lost on its way, or could
    /// not be read, or names no price for what was used. An adapter whose answer got lost after the request may
    /// have left says `timeout`, `connection_lost` or `plugin_raised`; what certainly never left, or was turned
    /// away with a status, has another reason.
    #[must_use]
    pub fn cost_is_unknown(&self) -> bool {
        if self.cost_picodollars > 0 {
            return false;
        }
        match &self.failure {
            LlmFailure::Unavailable { reason, .. } => {
                matches!(
                    reason.as_str(),
                    "timeout" | "connection_lost" | "plugin_raised"
                ) || self.usage != Usage::default()
            }
            LlmFailure::BadOutput { .. } => true,
            LlmFailure::Configuration { .. } => self.usage != Usage::default(),
            LlmFailure::Refused | LlmFailure::Truncated | LlmFailure::Stopped { .. } => false,
        }
    }
}

impl From<LlmFailure> for LlmError {
    fn from(failure: LlmFailure) -> Self {
        Self {
            failure,
            usage: Usage::default(),
            cost_picodollars: 0,
            request_id: None,
            should_retry: None,
        }
    }
}

/// Drafts texts.
///
/// # What an implementer must guarantee
/// - One call is one request: no retries inside; the engine decides.
/// - A cut-off, refused or malformed text is an error, never a draft.
/// - Usage and cost are what the provider reported; an unknown price is `Configuration`.
/// - No key, prompt or text in logs or `Debug`. Calls run concurrently.
#[async_trait]
pub trait Llm: Send + Sync + fmt::Debug {
    /// Writes one draft.
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError>;

    /// The most that a draft of this request can cost in 10^-12 US dollars, without asking anybody: it is
    /// reserved before the call. What a draft then costs must not be above it.
    ///
    /// # Errors
    /// `Configuration` with the reason `unknown_price` when nobody knows, which is the answer of a model that
    /// has no prices. No budget lets such a call through.
    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        let _ = request;
        let reason = "unknown_price".to_owned();
        Err(LlmFailure::Configuration { reason }.into())
    }

    /// The name of the model that is asked, for the usage ledger; empty when it has none.
    fn model(&self) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_request_is_about_stays_in_this_process() {
        let request = DraftRequest {
            system: String::new(),
            user: "x".to_owned(),
            language: "en".to_owned(),
            subject: false,
            max_length: 1,
            max_tokens: 1,
            about: Some("contact-7".to_owned()),
        };
        let sent = serde_json::to_string(&request).unwrap();
        assert!(!sent.contains("about") && !sent.contains("contact-7"));
        let back: DraftRequest = serde_json::from_str(&sent).unwrap();
        assert_eq!(back.about, None);
    }

    #[test]
    fn the_providers_word_about_trying_again_goes_first() {
        let reason = || "code".to_owned();
        let retry_after_s = None;
        let fault = || {
            LlmError::from(LlmFailure::Unavailable {
                reason: reason(),
                retry_after_s,
            })
        };
        let refused = || LlmError::from(LlmFailure::Refused);
        let until = None;
        let stopped = LlmError::from(LlmFailure::Stopped {
            reason: reason(),
            until,
        });
        assert!(fault().may_retry() && !refused().may_retry() && !stopped.may_retry());
        for said in [true, false] {
            let should_retry = Some(said);
            assert_eq!(
                LlmError {
                    should_retry,
                    ..fault()
                }
                .may_retry(),
                said
            );
            assert_eq!(
                LlmError {
                    should_retry,
                    ..refused()
                }
                .may_retry(),
                said
            );
        }
    }
}
