//! From an unsuccessful HTTP answer to a failure with a stable code.
//!
//! The status decides first: proxies in front of the API answer with HTML or with types the API
//! does not list (<https://docs.claude.com/en/api/errors>). The provider's text is never handed on.

use chrono::{DateTime, Utc};
use crm_core::port::llm::{LlmError, LlmFailure};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::wait::{next_month, regained, retry_after};

/// The only text of the provider that decides: a limit the account set itself has no code of its own
/// and arrives with status 400.
const OWN_LIMIT: &str = "You have reached your specified";

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    error: Detail,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Detail {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<Codes>,
}

#[derive(Deserialize, Default)]
struct Codes {
    #[serde(default)]
    error_code: Option<String>,
}

/// A failure an operator has to repair.
pub(crate) fn configuration(reason: impl Into<String>) -> LlmFailure {
    LlmFailure::Configuration {
        reason: reason.into(),
    }
}

/// A failure that may pass.
pub(crate) fn unavailable(reason: impl Into<String>, retry_after_s: Option<u64>) -> LlmFailure {
    LlmFailure::Unavailable {
        reason: reason.into(),
        retry_after_s,
    }
}

/// An answer that cannot be used.
pub(crate) fn bad_output(reason: impl Into<String>) -> LlmFailure {
    LlmFailure::BadOutput {
        reason: reason.into(),
    }
}

/// Classifies an answer whose status is not 200. `body` may be cut, empty or not JSON.
pub(crate) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> LlmError {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    LlmError {
        request_id: request_id(headers)
            .or_else(|| body.request_id.filter(|id| plain(id)).map(Into::into)),
        should_retry: should_retry(headers),
        ..failure(status, headers, &body.error, now).into()
    }
}

fn failure(
    status: StatusCode,
    headers: &HeaderMap,
    error: &Detail,
    now: DateTime<Utc>,
) -> LlmFailure {
    let retry_after_s = retry_after(headers, now);
    match status.as_u16() {
        400 if error.own_limit() => stopped(error.regained(now)),
        400 => configuration("invalid_request"),
        401 => configuration("authentication"),
        402 => configuration("billing"),
        403 => configuration("permission"),
        404 => configuration("not_found"),
        413 => configuration("request_too_large"),
        // Every attempt fails until the month ends.
        429 if error.spend_cap() => stopped(error.regained(now).or_else(|| next_month(now))),
        429 => unavailable("rate_limited", retry_after_s),
        code @ (408 | 409 | 425 | 500..=599) => unavailable(format!("http_{code}"), retry_after_s),
        // The key must not follow to another address.
        300..=399 => configuration("redirected"),
        code @ 400..=499 => configuration(format!("http_{code}")),
        code => bad_output(format!("http_{code}")),
    }
}

fn stopped(until: Option<DateTime<Utc>>) -> LlmFailure {
    let reason = "spend_limit".to_owned();
    LlmFailure::Stopped { reason, until }
}

impl Detail {
    fn own_limit(&self) -> bool {
        let message = self.message.as_deref();
        message.is_some_and(|message| message.starts_with(OWN_LIMIT))
    }

    fn spend_cap(&self) -> bool {
        let details = self.details.as_ref();
        matches!(
            details.and_then(|details| details.error_code.as_deref()),
            Some("enforced_spend_limit_reached" | "contract_spend_limit_reached")
        )
    }

    fn regained(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        regained(self.message.as_deref()?, now)
    }

    /// The class of an error that comes without a status, in a line of a batch. What is not known is not
    /// tried for ever.
    pub(crate) fn of_a_line(&self, now: DateTime<Utc>) -> LlmFailure {
        match self.r#type.as_deref() {
            Some("api_error") => unavailable("provider_fault", None),
            Some("overloaded_error") => unavailable("overloaded", None),
            Some("timeout_error") => unavailable("provider_timeout", None),
            Some("rate_limit_error") if self.spend_cap() => {
                stopped(self.regained(now).or_else(|| next_month(now)))
            }
            Some("rate_limit_error") => unavailable("rate_limited", None),
            Some("invalid_request_error") if self.own_limit() => stopped(self.regained(now)),
            Some("invalid_request_error") => configuration("invalid_request"),
            Some("authentication_error") => configuration("authentication"),
            Some("billing_error") => configuration("billing"),
            Some("permission_error") => configuration("permission"),
            Some("not_found_error") => configuration("not_found"),
            Some("request_too_large") => configuration("request_too_large"),
            _ => configuration("unknown_error"),
        }
    }
}

/// Classifies a failed exchange without looking at its text, which can hold addresses.
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

/// The provider's word about trying again, which its own SDKs obey first.
fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// The provider's request id, when it looks like one.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get("request-id")?.to_str().ok()?;
    plain(id).then(|| id.into())
}

fn plain(id: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !id.is_empty() && id.len() <= 128 && id.chars().all(sign)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().expect("moment")
    }

    fn classified(status: u16, body: &str) -> LlmError {
        let status = StatusCode::from_u16(status).expect("status");
        classify(status, &HeaderMap::new(), body.as_bytes(), now())
    }

    #[test]
    fn every_status_has_a_class() {
        for code in (100..=999).filter(|code| *code != 200) {
            let failure = classified(code, "<html>").failure;
            let fits = match code {
                408 | 409 | 425 | 429 | 500..=599 => {
                    matches!(failure, LlmFailure::Unavailable { .. })
                }
                300..=499 => matches!(failure, LlmFailure::Configuration { .. }),
                _ => matches!(failure, LlmFailure::BadOutput { .. }),
            };
            assert!(fits, "{code}: {failure:?}");
        }
    }

    #[test]
    fn a_spend_limit_stops_until_it_is_over() {
        let moment = |text: &str| Some(text.parse::<DateTime<Utc>>().expect("moment"));
        let own = r#"{"error":{"message":"You have reached your specified API usage limits. You will regain access on 2026-11-25 at 12:00 UTC."}}"#;
        let failure = classified(400, own).failure;
        assert_eq!(failure, stopped(moment("2026-11-25T12:00:00Z")));
        let silent = r#"{"error":{"message":"You have reached your specified limit."}}"#;
        assert_eq!(classified(400, silent).failure, stopped(None));
        for code in [
            "enforced_spend_limit_reached",
            "contract_spend_limit_reached",
        ] {
            let cap = format!(r#"{{"error":{{"details":{{"error_code":"{code}"}}}}}}"#);
            let failure = classified(429, &cap).failure;
            assert_eq!(failure, stopped(moment("2026-12-01T00:00:00Z")));
        }
        let ramp = r#"{"error":{"details":{"error_code":"ramp_limit_exceeded"}}}"#;
        assert_eq!(classified(429, ramp).failure.code(), "rate_limited");
    }

    #[test]
    fn the_providers_word_about_retrying_wins() {
        let told = |status, word: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-should-retry", HeaderValue::from_static(word));
            let status = StatusCode::from_u16(status).expect("status");
            classify(status, &headers, b"", now()).may_retry()
        };
        assert!(!told(529, "false") && told(529, "true") && told(529, "maybe"));
        assert!(told(400, "true") && !told(400, "false") && !told(400, "maybe"));
    }

    #[test]
    fn a_request_id_is_taken_from_the_body_too_if_it_is_one() {
        let body = r#"{"error":{},"request_id":"req_1"}"#;
        assert_eq!(classified(500, body).request_id.as_deref(), Some("req_1"));
        let body = r#"{"error":{},"request_id":"Anna <a@b.c>"}"#;
        assert_eq!(classified(500, body).request_id, None);
    }

    #[test]
    fn an_error_in_a_line_is_told_by_its_type() {
        let class = |json: &str| {
            let detail: Detail = serde_json::from_str(json).expect("JSON");
            detail.of_a_line(now())
        };
        let code = |kind: &str| class(&format!(r#"{{"type":"{kind}"}}"#));
        assert_eq!(code("api_error"), unavailable("provider_fault", None));
        assert_eq!(code("overloaded_error"), unavailable("overloaded", None));
        assert_eq!(
            code("invalid_request_error"),
            configuration("invalid_request")
        );
        assert_eq!(code("brand_new_error"), configuration("unknown_error"));
        assert_eq!(class("{}"), configuration("unknown_error"));
    }
}
