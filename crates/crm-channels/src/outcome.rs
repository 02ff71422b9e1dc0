//! Outcomes by their short names, and what an answer means that does not come from the provider itself.

use std::time::Duration;

use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::{Error, ErrorKind};

pub(crate) fn dead(reason: impl Into<String>) -> Outcome {
    Outcome::Dead {
        reason: reason.into(),
    }
}

pub(crate) fn rejected(reason: impl Into<String>) -> Outcome {
    Outcome::Rejected {
        reason: reason.into(),
    }
}

pub(crate) fn retry(scope: RetryScope, at_least: Duration, reason: impl Into<String>) -> Outcome {
    Outcome::RetryAfter {
        scope,
        at_least,
        reason: reason.into(),
    }
}

pub(crate) fn stop(reason: impl Into<String>) -> Outcome {
    Outcome::Stop {
        reason: reason.into(),
    }
}

pub(crate) fn unknown(reason: impl Into<String>) -> Outcome {
    Outcome::Unknown {
        reason: reason.into(),
    }
}

/// A complete answer without the provider's own words: a proxy or gateway wrote it, or nobody knows who.
/// Refusals are believed by their status, because a gateway that refuses passes nothing on; all else may
/// hide that the message was taken.
#[cfg(any(feature = "telegram", feature = "whatsapp"))]
pub(crate) fn unexplained(status: u16, retry_after: Option<Duration>) -> Outcome {
    let reason = format!("http_{status}");
    match status {
        200..=299 => unknown("unreadable_answer"),
        401 | 403 | 407 => stop(reason),
        408 => unknown(reason),
        429 => retry(
            RetryScope::Channel,
            retry_after.unwrap_or(Duration::from_secs(5)),
            reason,
        ),
        400..=499 => rejected(reason),
        _ => unknown(reason),
    }
}

/// A setting that cannot work; the text names it and never repeats its value.
pub(crate) fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, detail)
}

#[cfg(all(test, any(feature = "telegram", feature = "whatsapp")))]
mod tests {
    use super::*;
    use crm_core::message::AttemptOutcome;

    #[test]
    fn answers_that_nobody_explains() {
        use AttemptOutcome::{Rejected, RetryAfter, Stop, Unknown};
        for (status, wanted) in [
            (200, Unknown),
            (204, Unknown),
            (302, Unknown),
            (307, Unknown),
            (400, Rejected),
            (401, Stop),
            (403, Stop),
            (404, Rejected),
            (407, Stop),
            (408, Unknown),
            (413, Rejected),
            (429, RetryAfter),
            (500, Unknown),
            (502, Unknown),
            (503, Unknown),
            (504, Unknown),
            (999, Unknown),
        ] {
            assert_eq!(unexplained(status, None).kind(), wanted, "{status}");
        }
        let hour = Duration::from_secs(3600);
        assert_eq!(
            unexplained(429, Some(hour)),
            retry(RetryScope::Channel, hour, "http_429")
        );
    }
}
