//! What a receiver's status means. Its body is not looked at: Standard Webhooks gives it no meaning.

use std::time::Duration;

use crm_core::port::channel::{Outcome, RetryScope};

use super::Gone;
use crate::http::Answer;
use crate::outcome::{dead, rejected, retry, stop, unknown};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
/// How long to wait after each attempt: the schedule that Standard Webhooks proposes. The last one stays.
const SCHEDULE: &[u64] = &[
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
];
const LAST: u64 = 24 * HOUR;

/// The outcome of a complete answer to the message's so-many-th attempt, from 1.
pub(super) fn classify(answer: &Answer, id: &str, attempt: u32, gone: Gone) -> Outcome {
    let reason = answer.reason();
    let pause = scheduled(attempt);
    match answer.status {
        200..=299 => Outcome::Accepted {
            provider_id: id.to_owned(),
        },
        300..=399 => rejected(reason),
        410 => match gone {
            Gone::Address => dead(reason),
            Gone::Endpoint => stop(reason),
        },
        429 | 503 => retry(
            RetryScope::Channel,
            answer.retry_after.unwrap_or(pause),
            reason,
        ),
        // What stands before the receiver lost its answer.
        502 | 504 => unknown(reason),
        400..=599 => {
            let wait = answer.retry_after.unwrap_or_default().max(pause);
            retry(RetryScope::Message, wait, reason)
        }
        _ => unknown(reason),
    }
}

fn scheduled(attempt: u32) -> Duration {
    let at = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    Duration::from_secs(SCHEDULE.get(at).copied().unwrap_or(LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, retry_after: Option<u64>, attempt: u32, gone: Gone) -> Outcome {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body: b"{\"error\":\"what it says\"}".to_vec(),
        };
        classify(&answer, "m-1", attempt, gone)
    }

    fn wait(scope: RetryScope, seconds: u64, status: u16) -> Outcome {
        retry(
            scope,
            Duration::from_secs(seconds),
            format!("http_{status}"),
        )
    }

    #[test]
    fn every_status() {
        use RetryScope::{Channel, Message};
        for status in 0..=1000_u16 {
            let reason = format!("http_{status}");
            let wanted = match status {
                200..=299 => Outcome::Accepted {
                    provider_id: "m-1".to_owned(),
                },
                300..=399 => rejected(reason),
                410 => dead(reason),
                429 | 503 => wait(Channel, 5, status),
                502 | 504 => unknown(reason),
                400..=599 => wait(Message, 5, status),
                _ => unknown(reason),
            };
            assert_eq!(of(status, None, 1, Gone::Address), wanted);
        }
        assert_eq!(of(410, None, 1, Gone::Endpoint), stop("http_410"));
    }

    #[test]
    fn waits_follow_the_schedule_and_advice() {
        let seconds = |attempt| match of(500, None, attempt, Gone::Address) {
            Outcome::RetryAfter { at_least, .. } => at_least.as_secs(),
            other => panic!("{other:?}"),
        };
        let all: Vec<u64> = (0..=10).map(seconds).collect();
        assert_eq!(
            all,
            [
                5, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400
            ]
        );
        assert_eq!(seconds(u32::MAX), 86_400);
        let advised = |status, seconds, attempt| of(status, Some(seconds), attempt, Gone::Address);
        assert_eq!(advised(429, 3600, 1), wait(RetryScope::Channel, 3600, 429));
        assert_eq!(advised(503, 0, 5), wait(RetryScope::Channel, 0, 503));
        assert_eq!(advised(500, 3600, 1), wait(RetryScope::Message, 3600, 500));
        assert_eq!(advised(500, 1, 2), wait(RetryScope::Message, 300, 500));
    }
}
