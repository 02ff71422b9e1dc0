//! From an unsuccessful HTTP answer to a failure with a stable code.
//!
//! The status decides first: proxies in front of the API answer with HTML or with types the API
//! does not list (<https://docs.claude.com/en/api/errors>). The provider's text is never handed on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use crm_core::port::llm::LlmFailure;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// The only text of the provider that is looked at: a limit the account set itself has no code of
/// its own and arrives with status 400.
const OWN_LIMIT: &str = "You have reached your specified";

/// Longest wait that is handed on: spend limits end with the month, nothing waits longer.
const MAX_WAIT_S: u64 = 31 * 86_400;

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    error: Detail,
}

#[derive(Deserialize, Default)]
struct Detail {
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
    now: SystemTime,
) -> LlmFailure {
    let retry_after_s = retry_after(headers, now).map(|wait| wait.min(MAX_WAIT_S));
    match status.as_u16() {
        400 if hit_own_limit(body) => configuration("spend_limit"),
        400 => configuration("invalid_request"),
        401 => configuration("authentication"),
        402 => configuration("billing"),
        403 => configuration("permission"),
        404 => configuration("not_found"),
        413 => configuration("request_too_large"),
        // Every attempt fails until the month ends.
        429 if hit_spend_cap(body) => configuration("spend_limit"),
        429 => unavailable("rate_limited", retry_after_s),
        code @ (408 | 409 | 425 | 500..=599) => unavailable(format!("http_{code}"), retry_after_s),
        // The key must not follow to another address.
        300..=399 => configuration("redirected"),
        code @ 400..=499 => configuration(format!("http_{code}")),
        code => bad_output(format!("http_{code}")),
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

fn parsed(body: &[u8]) -> Detail {
    serde_json::from_slice::<ErrorBody>(body)
        .unwrap_or_default()
        .error
}

fn hit_own_limit(body: &[u8]) -> bool {
    parsed(body)
        .message
        .is_some_and(|message| message.starts_with(OWN_LIMIT))
}

fn hit_spend_cap(body: &[u8]) -> bool {
    let code = parsed(body).details.and_then(|details| details.error_code);
    matches!(
        code.as_deref(),
        Some("enforced_spend_limit_reached" | "contract_spend_limit_reached")
    )
}

/// Seconds to wait, rounded up: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|v| v.parse::<u64>().ok()) {
        return Some(ms.div_ceil(1000));
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds);
    }
    if let Ok(seconds) = value.parse::<f64>() {
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(round_up(wait));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(date.timestamp()).ok()?))?;
    // A moment that has passed means: now.
    Some(at.duration_since(now).map_or(0, round_up))
}

fn round_up(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn waits(name: &'static str, value: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("header"));
        // 2026-11-22T10:00:00Z
        let now = UNIX_EPOCH + Duration::from_secs(1_795_341_600);
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        assert_eq!(waits("retry-after", "7"), Some(7));
        assert_eq!(waits("retry-after", "0.2"), Some(1));
        assert_eq!(waits("retry-after-ms", "1500"), Some(2));
        let date = waits("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT");
        assert_eq!(date, Some(30));
        let past = waits("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT");
        assert_eq!(past, Some(0));
        for bad in ["-1", "NaN", "inf", "soon", "", "1e400"] {
            assert_eq!(waits("retry-after", bad), None, "{bad}");
        }
    }

    #[test]
    fn an_absurd_wait_is_cut() {
        let mut headers = HeaderMap::new();
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from_static("18446744073709551615"),
        );
        let failure = classify(
            StatusCode::TOO_MANY_REQUESTS,
            &headers,
            b"",
            SystemTime::now(),
        );
        assert_eq!(failure, unavailable("rate_limited", Some(MAX_WAIT_S)));
    }

    #[test]
    fn every_status_has_a_class() {
        let now = SystemTime::now();
        for code in (100..=999).filter(|code| *code != 200) {
            let status = StatusCode::from_u16(code).expect("status");
            let failure = classify(status, &HeaderMap::new(), b"<html>", now);
            match code {
                408 | 409 | 425 | 429 | 500..=599 => {
                    assert!(matches!(failure, LlmFailure::Unavailable { .. }), "{code}");
                }
                300..=499 => {
                    assert!(
                        matches!(failure, LlmFailure::Configuration { .. }),
                        "{code}"
                    );
                }
                _ => assert!(matches!(failure, LlmFailure::BadOutput { .. }), "{code}"),
            }
        }
    }
}
