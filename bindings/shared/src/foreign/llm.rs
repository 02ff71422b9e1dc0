//! A language model written in the host's language.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure, Usage};
use serde::Deserialize;

use super::{CallError, Plugins, code};

/// The name [`Plugins`] know the model by.
pub(crate) const LLM: &str = "llm";

/// A model whose `draft` is the host's code.
pub struct ForeignLlm {
    timeout: Duration,
    plugins: Arc<dyn Plugins>,
    worst_cost: Option<u64>,
}

impl fmt::Debug for ForeignLlm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignLlm")
    }
}

impl ForeignLlm {
    /// A model that may take this long for a draft.
    #[must_use]
    pub fn new(timeout: Duration, plugins: Arc<dyn Plugins>) -> Self {
        Self {
            timeout,
            plugins,
            worst_cost: None,
        }
    }

    /// The most that one of its drafts can cost in 10^-12 US dollars, if the host says.
    #[must_use]
    pub fn worst_cost(self, worst_cost: Option<u64>) -> Self {
        Self { worst_cost, ..self }
    }
}

#[async_trait]
impl Llm for ForeignLlm {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        let Ok(request) = serde_json::to_string(request) else {
            return Err(bad("not_serialisable"));
        };
        let call = self.plugins.call(LLM, request);
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => draft(&answer),
            Ok(Err(CallError::Raised)) => Err(unavailable("plugin_raised")),
            Ok(Err(CallError::NotBegun)) => Err(unavailable("plugin_not_reachable")),
            Err(_) => Err(unavailable("timeout")),
        }
    }

    fn worst_cost(&self, _request: &DraftRequest) -> Result<u64, LlmError> {
        let reason = || "unknown_price".to_owned();
        let unknown = || LlmFailure::Configuration { reason: reason() }.into();
        self.worst_cost.ok_or_else(unknown)
    }

    fn model(&self) -> String {
        "plugin".to_owned()
    }
}

/// An answer as the host's code gives it: a text, a draft or a failure.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Text(String),
    Draft(Written),
    Failure(Failed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    content: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    /// 10^-12 US dollars.
    #[serde(default)]
    cost_picodollars: u64,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    failure: Kind,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    retry_after_s: Option<u64>,
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cost_picodollars: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Refused,
    Truncated,
    BadOutput,
    Unavailable,
    Configuration,
}

fn draft(answer: &str) -> Result<Draft, LlmError> {
    let written = match serde_json::from_str(answer) {
        Ok(Answer::Draft(written)) => written,
        Ok(Answer::Text(content)) => Written {
            content,
            subject: None,
            language: None,
            model: None,
            input_tokens: 0,
            output_tokens: 0,
            cost_picodollars: 0,
            request_id: None,
        },
        Ok(Answer::Failure(failed)) => return Err(failure(failed)),
        Err(_) => return Err(bad("bad_answer")),
    };
    let usage = usage(written.input_tokens, written.output_tokens);
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > 200);
    let wrong = if written.content.trim().is_empty() {
        Some("blank")
    } else if long(&written.model) || long(&written.language) || long(&written.request_id) {
        Some("bad_answer")
    } else {
        None
    };
    if let Some(reason) = wrong {
        return Err(LlmError {
            usage,
            cost_picodollars: written.cost_picodollars,
            ..bad(reason)
        });
    }
    Ok(Draft {
        subject: written.subject,
        content: written.content,
        language: written.language,
        facts_used: Vec::new(),
        model: written.model.unwrap_or_else(|| "plugin".to_owned()),
        usage,
        cost_picodollars: written.cost_picodollars,
        request_id: written.request_id,
    })
}

fn failure(failed: Failed) -> LlmError {
    let reason = code(failed.reason);
    LlmError {
        failure: match failed.failure {
            Kind::Refused => LlmFailure::Refused,
            Kind::Truncated => LlmFailure::Truncated,
            Kind::BadOutput => LlmFailure::BadOutput { reason },
            Kind::Unavailable => LlmFailure::Unavailable {
                reason,
                retry_after_s: failed.retry_after_s,
            },
            Kind::Configuration => LlmFailure::Configuration { reason },
        },
        usage: usage(failed.input_tokens, failed.output_tokens),
        cost_picodollars: failed.cost_picodollars,
        request_id: None,
        should_retry: None,
    }
}

fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

fn bad(reason: &str) -> LlmError {
    let reason = reason.to_owned();
    LlmFailure::BadOutput { reason }.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_or_a_draft_is_a_draft_and_the_rest_is_a_failure() {
        assert_eq!(draft("\"Hi\"").unwrap().content, "Hi");
        let full = r#"{"content":"Hi","cost_picodollars":9007199254740993}"#;
        assert_eq!(draft(full).unwrap().cost_picodollars, 9_007_199_254_740_993);
        for (answer, wanted) in [
            ("null", "bad_answer"),
            ("7", "bad_answer"),
            ("{}", "bad_answer"),
            (r#"{"content":null}"#, "bad_answer"),
            (r#"{"content":"x","input_tokens":-1}"#, "bad_answer"),
            ("\" \"", "blank"),
            (r#"{"failure":"refused"}"#, "refused"),
            (
                r#"{"failure":"unavailable","reason":"overloaded"}"#,
                "overloaded",
            ),
            (
                r#"{"failure":"bad_output","reason":"it said: Anna"}"#,
                "reason_is_no_code",
            ),
        ] {
            assert_eq!(
                draft(answer).unwrap_err().failure.code(),
                wanted,
                "{answer}"
            );
        }
    }
}
