//! Why there is no draft: statuses and broken exchanges. Codes alone: a provider's text can repeat the prompt.

use crm_core::port::llm::{LlmError, LlmFailure};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// Longest wait that is handed on.
const LONGEST_WAIT_S: u64 = 31 * 86_400;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Detail,
}

#[derive(Default, Deserialize)]
struct Detail {
    /// A text at some providers, a number at others.
    #[serde(default)]
    code: serde_json::Value,
}

/// An answer that is not 200.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> LlmError {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let code = body.error.code.as_str().unwrap_or_default();
    let wait = retry_after(headers);
    let failure = match status.as_u16() {
        // No money is left: waiting does not help, an operator does.
        402 => stopped("no_credit"),
        429 if code == "insufficient_quota" => stopped("no_credit"),
        429 => unavailable("rate_limited", wait),
        408 | 409 | 425 => unavailable("try_again", wait),
        503 | 529 => unavailable("overloaded", wait),
        500..=599 => unavailable("provider_fault", wait),
        400 if matches!(code, "content_filter" | "content_policy_violation") => LlmFailure::Refused,
        400 if code == "context_length_exceeded" => configuration("prompt_too_long"),
        400 | 422 => configuration("invalid_request"),
        401 => configuration("bad_key"),
        403 => configuration("forbidden"),
        404 => configuration("unknown_model"),
        413 => configuration("request_too_large"),
        300..=399 => configuration("redirected"),
        400..=499 => configuration("refused_request"),
        _ => bad_output("unexpected_status"),
    };
    LlmError {
        request_id: request_id(headers),
        should_retry: should_retry(headers),
        ..failure.into()
    }
}

/// An exchange without an answer, told without a look at its text, which can hold addresses.
pub(crate) fn transport(error: &reqwest::Error) -> LlmFailure {
    if error.is_builder() {
        configuration("invalid_request")
    } else if error.is_timeout() {
        unavailable("timeout", None)
    } else if error.is_connect() {
        unavailable("connect", None)
    } else {
        unavailable("connection_lost", None)
    }
}

/// Seconds to wait, rounded up. A date is not read: this adapter has no clock.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let wait = number("retry-after-ms").map(|ms| ms.div_ceil(1_000));
    let wait = wait.or_else(|| number(RETRY_AFTER.as_str()))?;
    Some(wait.min(LONGEST_WAIT_S))
}

/// The provider's own word about trying again, which its SDKs obey first.
fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// The provider's request id, when it looks like one.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!id.is_empty() && id.len() <= 128 && id.chars().all(sign)).then(|| id.into())
}

pub(crate) fn configuration(reason: &str) -> LlmFailure {
    LlmFailure::Configuration {
        reason: reason.to_owned(),
    }
}

pub(crate) fn bad_output(reason: &str) -> LlmFailure {
    LlmFailure::BadOutput {
        reason: reason.to_owned(),
    }
}

fn unavailable(reason: &str, retry_after_s: Option<u64>) -> LlmFailure {
    LlmFailure::Unavailable {
        reason: reason.to_owned(),
        retry_after_s,
    }
}

fn stopped(reason: &str) -> LlmFailure {
    LlmFailure::Stopped {
        reason: reason.to_owned(),
        until: None,
    }
}
