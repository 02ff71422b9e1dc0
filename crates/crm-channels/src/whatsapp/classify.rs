//! What an error of WhatsApp means, in the answer to a request and in a receipt. Meta's texts never leave
//! this module.

use std::time::Duration;

use crm_core::port::callback::Fate;
use crm_core::port::channel::{Outcome, RetryScope};
use serde_json::Value;

use crate::http::Answer;
use crate::outcome::{dead, rejected, retry, stop, unexplained, unknown};

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// What one code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The person wants no marketing from us.
    OptedOut,
    /// The message is refused.
    Refused,
    /// Meta held it back for this person; asking once more is worth a try.
    Withheld,
    /// Too much to this person.
    PairRate,
    /// Too much in all.
    Rate,
    /// Nothing can go: token, account, number, payment, template.
    Stopped,
    /// The provider is in trouble and says so itself.
    Trouble,
}

/// The table; `None` for codes that it does not hold.
fn meaning(code: u64) -> Option<Meaning> {
    Some(match code {
        131_050 => Meaning::OptedOut,
        // 131026 also hides limits, so that one answer condemns no number. 130497 closes a country, and a
        // stop would hold back the others.
        131_026 | 131_047 | 130_472 | 130_497 => Meaning::Refused,
        100 | 131_008 | 131_009 | 131_021 | 131_051..=131_053 => Meaning::Refused,
        131_049 => Meaning::Withheld,
        131_056 => Meaning::PairRate,
        4 | 80_007 | 130_429 => Meaning::Rate,
        0 | 10 | 190 | 200..=299 | 368 => Meaning::Stopped,
        131_031 | 131_037 | 131_042 | 131_048 | 133_010 => Meaning::Stopped,
        132_000 | 132_001 | 132_005 | 132_007 | 132_012 | 132_015 | 132_016 => Meaning::Stopped,
        1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => Meaning::Trouble,
        _ => return None,
    })
}

/// The outcome of a complete answer to the message's so-many-th attempt, from 1.
pub(super) fn classify(answer: &Answer, attempt: u32) -> Outcome {
    let body = answer.json().unwrap_or_default();
    if (200..300).contains(&answer.status) {
        return accepted(&body).unwrap_or_else(|| unknown("unreadable_answer"));
    }
    let code = body.get("error").and_then(|error| error.get("code"));
    let Some(code) = code.and_then(Value::as_u64) else {
        return unexplained(answer.status, answer.retry_after);
    };
    let reason = code.to_string();
    let wait = |default: Duration| answer.retry_after.unwrap_or_default().max(default);
    match meaning(code) {
        Some(Meaning::OptedOut) => dead(reason),
        Some(Meaning::Refused) => rejected(reason),
        Some(Meaning::Withheld) if attempt <= 1 => retry(RetryScope::Recipient, DAY, reason),
        Some(Meaning::Withheld) => rejected(reason),
        Some(Meaning::PairRate) => {
            let pause = growing(6 * SECOND, 4, attempt);
            retry(RetryScope::Recipient, wait(pause), reason)
        }
        Some(Meaning::Rate) => retry(
            RetryScope::Channel,
            wait(growing(SECOND, 2, attempt)),
            reason,
        ),
        Some(Meaning::Stopped) => stop(reason),
        Some(Meaning::Trouble) => retry(RetryScope::Channel, wait(30 * SECOND), reason),
        None => by_status(answer.status, reason, attempt, wait),
    }
}

/// An error of Meta's own whose code the table does not hold.
fn by_status(
    status: u16,
    reason: String,
    attempt: u32,
    wait: impl Fn(Duration) -> Duration,
) -> Outcome {
    match status {
        401 | 403 => stop(reason),
        429 => retry(
            RetryScope::Channel,
            wait(growing(SECOND, 2, attempt)),
            reason,
        ),
        400..=499 => rejected(reason),
        500 | 503 => retry(RetryScope::Channel, wait(30 * SECOND), reason),
        _ => unknown(reason),
    }
}

fn accepted(body: &Value) -> Option<Outcome> {
    let message = body.get("messages")?.get(0)?;
    let id = message.get("id")?.as_str().filter(|id| !id.is_empty())?;
    Some(Outcome::Accepted {
        provider_id: id.to_owned(),
    })
}

/// What a receipt's error says about the message. A receipt is final: nothing more is coming for this
/// message, whatever a later one may do.
pub(super) fn failed(code: Option<u64>) -> Fate {
    Fate::Failed {
        reason: code.map_or_else(|| "failed".to_owned(), |code| code.to_string()),
        dead: code.and_then(meaning) == Some(Meaning::OptedOut),
    }
}

/// `first`, and so many `times` longer with each attempt after the first, up to an hour.
fn growing(first: Duration, times: u32, attempt: u32) -> Duration {
    let factor = times
        .checked_pow(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_core::message::AttemptOutcome;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }
    }

    fn error(status: u16, code: u64, attempt: u32) -> Outcome {
        let error = serde_json::json!({"message": "(#) said to +998901234567", "type": "OAuthException",
            "code": code, "error_data": {"details": "more"}, "fbtrace_id": "x"});
        let body = serde_json::json!({ "error": error }).to_string();
        classify(&answer(status, &body), attempt)
    }

    #[test]
    fn taken() {
        for status in ["accepted", "held_for_quality_assessment", "paused"] {
            let body =
                format!(r#"{{"messages":[{{"id":"wamid.A","message_status":"{status}"}}]}}"#);
            let provider_id = "wamid.A".to_owned();
            assert_eq!(
                classify(&answer(200, &body), 1),
                Outcome::Accepted { provider_id }
            );
        }
        for nonsense in [
            "",
            "<html>",
            "{}",
            "[]",
            r#"{"messages":[]}"#,
            r#"{"messages":[{}]}"#,
            r#"{"messages":[{"id":""}]}"#,
            r#"{"messages":{"id":"wamid.A"}}"#,
            r#"{"error":{"code":100}}"#,
        ] {
            assert_eq!(
                classify(&answer(200, nonsense), 1),
                unknown("unreadable_answer"),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let codes = |codes: &[u64], wanted: fn(String) -> Outcome| {
            for code in codes {
                assert_eq!(error(400, *code, 1), wanted(code.to_string()), "{code}");
            }
        };
        codes(&[131_050], dead);
        codes(&[131_026, 131_047, 130_472, 130_497], rejected);
        codes(
            &[100, 131_008, 131_009, 131_021, 131_051, 131_052, 131_053],
            rejected,
        );
        codes(&[131_048, 131_031, 368, 131_042, 133_010, 131_037], stop);
        codes(&[0, 10, 190, 200, 250, 299], stop);
        codes(
            &[
                132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016,
            ],
            stop,
        );
        codes(&[1, 2, 131_000, 131_016, 131_057, 133_004], |code| {
            retry(RetryScope::Channel, 30 * SECOND, code)
        });
        codes(&[130_429, 4, 80_007], |code| {
            retry(RetryScope::Channel, SECOND, code)
        });
        codes(&[131_049], |code| retry(RetryScope::Recipient, DAY, code));
        codes(&[131_056], |code| {
            retry(RetryScope::Recipient, 6 * SECOND, code)
        });
        codes(&[3, 199, 300, 131_999], rejected);
    }

    #[test]
    fn waits_depend_on_the_attempt_and_on_advice() {
        let wait = |code, attempt| match error(400, code, attempt) {
            Outcome::RetryAfter { at_least, .. } => at_least.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [wait(131_056, 2), wait(131_056, 3), wait(131_056, 9)],
            [24, 96, 3600]
        );
        assert_eq!([wait(4, 2), wait(4, 5), wait(4, 99)], [2, 16, 3600]);
        assert_eq!([wait(4, 0), wait(4, u32::MAX)], [1, 3600]);
        assert_eq!(error(400, 131_049, 2), rejected("131049"));
        let advised = |seconds| Answer {
            retry_after: Some(Duration::from_secs(seconds)),
            ..answer(429, r#"{"error":{"code":4}}"#)
        };
        let channel = |seconds| retry(RetryScope::Channel, Duration::from_secs(seconds), "4");
        assert_eq!(classify(&advised(3600), 1), channel(3600));
        assert_eq!(classify(&advised(0), 3), channel(4));
    }

    #[test]
    fn codes_come_before_the_status() {
        assert_eq!(error(403, 131_050, 1), dead("131050"));
        assert_eq!(
            error(500, 131_000, 1),
            retry(RetryScope::Channel, 30 * SECOND, "131000")
        );
        assert_eq!(error(401, 190, 1), stop("190"));
        for (status, wanted) in [
            (401, AttemptOutcome::Stop),
            (403, AttemptOutcome::Stop),
            (404, AttemptOutcome::Rejected),
            (429, AttemptOutcome::RetryAfter),
            (500, AttemptOutcome::RetryAfter),
            (503, AttemptOutcome::RetryAfter),
            (502, AttemptOutcome::Unknown),
            (504, AttemptOutcome::Unknown),
            (302, AttemptOutcome::Unknown),
        ] {
            assert_eq!(error(status, 999, 1).kind(), wanted, "{status}");
        }
        for (status, wanted) in [
            (429, AttemptOutcome::RetryAfter),
            (401, AttemptOutcome::Stop),
            (500, AttemptOutcome::Unknown),
            (502, AttemptOutcome::Unknown),
            (503, AttemptOutcome::Unknown),
            (504, AttemptOutcome::Unknown),
        ] {
            let outcome = classify(&answer(status, "<html>"), 1);
            assert_eq!(outcome.kind(), wanted, "{status}");
        }
    }

    #[test]
    fn receipts_of_failures() {
        let fate = |reason: &str, dead| Fate::Failed {
            reason: reason.to_owned(),
            dead,
        };
        assert_eq!(failed(Some(131_050)), fate("131050", true));
        for code in [
            131_026, 131_047, 131_049, 131_056, 4, 190, 132_015, 131_000, 100, 7,
        ] {
            assert_eq!(failed(Some(code)), fate(&code.to_string(), false));
        }
        assert_eq!(failed(None), fate("failed", false));
    }
}
