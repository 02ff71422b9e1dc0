//! How long the provider asks to wait: a header in one of four forms, or the end of a spend limit.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Longest wait that is handed on: spend limits end with the month, nothing waits longer.
pub(crate) const MAX_WAIT_S: u64 = 31 * 86_400;

/// What stands before the moment in the text of a spend limit.
const REGAIN: &str = "You will regain access on ";

/// Seconds to wait, rounded up: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = text("retry-after-ms")
        .and_then(|ms| seconds(ms, 1_000.0))
        .or_else(|| {
            let value = text(RETRY_AFTER.as_str())?;
            seconds(value, 1.0).or_else(|| until(value, now))
        })?;
    Some(wait.min(MAX_WAIT_S))
}

/// A number of seconds, or of parts of one.
fn seconds(value: &str, parts: f64) -> Option<u64> {
    if let (Ok(whole), true) = (value.parse::<u64>(), parts == 1.0) {
        return Some(whole);
    }
    let wait = Duration::try_from_secs_f64(value.parse::<f64>().ok()? / parts).ok()?;
    let begun = u64::from(wait.subsec_nanos() > 0);
    Some(wait.as_secs().saturating_add(begun))
}

/// Seconds until an HTTP date. A moment that has passed means: now.
fn until(value: &str, now: DateTime<Utc>) -> Option<u64> {
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    let wait = at.signed_duration_since(now).num_milliseconds().max(0);
    Some(u64::try_from(wait).ok()?.div_ceil(1_000))
}

/// When a spend limit ends that says so: `... You will regain access on 2026-12-01 at 00:00 UTC.` Nothing
/// that is past, or far away, is believed.
pub(crate) fn regained(message: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (_, moment) = message.split_once(REGAIN)?;
    let moment = moment.get(..19)?;
    let at = NaiveDateTime::parse_from_str(moment, "%Y-%m-%d at %H:%M").ok()?;
    let at = at.and_utc();
    let near = now.checked_add_signed(TimeDelta::days(62))?;
    (at > now && at <= near).then_some(at)
}

/// The first moment of the next month, UTC: when a monthly limit ends.
pub(crate) fn next_month(now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (year, month) = match now.month() {
        12 => (now.year().checked_add(1)?, 1),
        month => (now.year(), month + 1),
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some(first.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("moment")
    }

    fn waits(name: &'static str, value: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("header"));
        retry_after(&headers, at("2026-11-22T10:00:00Z"))
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        assert_eq!(waits("retry-after", "7"), Some(7));
        assert_eq!(waits("retry-after", "0.2"), Some(1));
        assert_eq!(waits("retry-after-ms", "1500"), Some(2));
        assert_eq!(waits("retry-after-ms", "1000.5"), Some(2));
        let date = waits("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT");
        assert_eq!(date, Some(30));
        let past = waits("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT");
        assert_eq!(past, Some(0));
        for bad in ["-1", "NaN", "inf", "soon", "", "1e400"] {
            assert_eq!(waits("retry-after", bad), None, "{bad}");
        }
    }

    #[test]
    fn milliseconds_go_before_seconds_and_nonsense_before_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("9"));
        headers.insert("retry-after-ms", HeaderValue::from_static("2000"));
        let now = at("2026-11-22T10:00:00Z");
        assert_eq!(retry_after(&headers, now), Some(2));
        headers.insert("retry-after-ms", HeaderValue::from_static("soon"));
        assert_eq!(retry_after(&headers, now), Some(9));
    }

    #[test]
    fn an_absurd_wait_is_cut() {
        let wait = waits("retry-after", "18446744073709551615");
        assert_eq!(wait, Some(MAX_WAIT_S));
        let wait = waits("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT");
        assert_eq!(wait, Some(MAX_WAIT_S));
    }

    #[test]
    fn the_end_of_a_limit_is_read_and_only_believed_when_near() {
        let now = at("2026-11-22T10:00:00Z");
        let said = |moment: &str| {
            let text = format!("You have reached X. You will regain access on {moment}");
            regained(&text, now)
        };
        let found = said("2026-12-01 at 00:00 UTC.");
        assert_eq!(found, Some(at("2026-12-01T00:00:00Z")));
        for bad in [
            "2026-11-22 at 09:59 UTC.",
            "2031-01-01 at 00:00 UTC.",
            "Monday",
            "2026-13-01 at 00:00 UTC.",
            "",
        ] {
            assert_eq!(said(bad), None, "{bad}");
        }
        assert_eq!(regained("ждите", now), None);
    }

    #[test]
    fn months_end_at_the_end_of_the_year_too() {
        let next = next_month(at("2026-11-30T23:59:59Z"));
        assert_eq!(next, Some(at("2026-12-01T00:00:00Z")));
        let next = next_month(at("2026-12-31T23:59:59Z"));
        assert_eq!(next, Some(at("2027-01-01T00:00:00Z")));
    }
}
