//! What an answer of Twilio, or a receipt, means for the message.
//!
//! Codes are those of Twilio's list of errors; its texts never leave this module.

use std::time::Duration;

use crm_core::port::callback::Fate;
use crm_core::port::channel::{Outcome, RetryScope};
use serde_json::Value;

/// The least wait after "too many requests": the rate is per second.
const A_MOMENT: Duration = Duration::from_secs(1);
/// The least wait after "service unavailable".
const A_WHILE: Duration = Duration::from_secs(30);

/// The outcome of a complete answer to "create a message". `retry_after` is what its header asks for.
///
/// A 500 is unknown, whoever wrote it: Twilio's page on error 20500 says that a message sent again after it
/// may arrive twice. A 503 with Twilio's own error was refused at the door; a gateway's was not
/// necessarily.
#[must_use]
pub fn classify(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_u64);
    let own = code.is_some() || body.get("status").and_then(Value::as_u64) == Some(status.into());
    let reason = match code {
        Some(code) => format!("twilio_{code}"),
        None => format!("http_{status}"),
    };
    let wait = |least: Duration| Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: retry_after.unwrap_or_default().max(least),
        reason: reason.clone(),
    };
    match (status, code) {
        (200..=299, _) => match sid(&body) {
            Some(sid) => Outcome::Accepted { provider_id: sid },
            None => Outcome::Unknown {
                reason: "answer_not_understood".to_owned(),
            },
        },
        (429, _) | (400..=499, Some(20429)) => wait(A_MOMENT),
        (503, _) if own => wait(A_WHILE),
        (400..=499, Some(code)) => refused(code, status, reason),
        // The wrong account, or something in between that is not Twilio.
        (307 | 308 | 401 | 403 | 404 | 405 | 407, None) => Outcome::Stop { reason },
        (408, None) => wait(A_WHILE),
        (400..=499, None) => Outcome::Rejected { reason },
        _ => Outcome::Unknown { reason },
    }
}

fn refused(code: u64, status: u16, reason: String) -> Outcome {
    match code {
        // Not a number, not a mobile one, a landline; 21610: the person replied STOP.
        21211 | 21217 | 21614 | 21635 | 21610 => Outcome::Dead { reason },
        // The country is not enabled; the sender cannot be used; a trial account.
        21408 | 21606 | 21212 | 21603 | 21659 | 21608 | 20003 | 20005 => Outcome::Stop { reason },
        _ if matches!(status, 401 | 403 | 404) => Outcome::Stop { reason },
        _ => Outcome::Rejected { reason },
    }
}

/// The id of the message resource: `SM` or `MM` and 32 hexadecimal digits.
pub(super) fn sid(body: &Value) -> Option<String> {
    let sid = body.get("sid")?.as_str()?;
    is_sid(sid).then(|| sid.to_owned())
}

pub(super) fn is_sid(text: &str) -> bool {
    super::config::is_id(text, "SM") || super::config::is_id(text, "MM")
}

/// How far a delivery came, from a receipt's `MessageStatus` and `ErrorCode`. `None` for what is no receipt
/// or not known yet.
///
/// That a number is unknown (30005) or a landline (30006) is final; the other codes are about the handset,
/// the text, the sender or the account, and the message alone has failed.
#[must_use]
pub fn fate(status: &str, code: Option<&str>) -> Option<Fate> {
    let failed = |word: &str| {
        let code = code.filter(|code| {
            (1..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
        });
        Fate::Failed {
            reason: code.map_or_else(|| word.to_owned(), |code| format!("twilio_{code}")),
            dead: matches!(code, Some("30005" | "30006")),
        }
    };
    match status {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => Some(Fate::Accepted),
        "delivered" | "partially_delivered" => Some(Fate::Delivered),
        "read" => Some(Fate::Read),
        "failed" | "undelivered" | "canceled" => Some(failed(status)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SID: &str = "SM00000000000000000000000000000001";

    fn error(status: u16, code: u32) -> String {
        format!(
            r#"{{"code":{code},"message":"Secret +998901234567","more_info":"x","status":{status}}}"#
        )
    }

    /// Kind, scope and least seconds, reason.
    fn shown(outcome: &Outcome) -> String {
        let wait = match outcome {
            Outcome::RetryAfter {
                scope, at_least, ..
            } => format!(" {scope:?} {}", at_least.as_secs()),
            _ => String::new(),
        };
        format!(
            "{}{wait} {}",
            outcome.kind().as_str(),
            outcome.reason().unwrap_or_default()
        )
    }

    #[test]
    fn every_documented_answer_has_its_outcome() {
        let rows = [
            (400, 21211, "dead"),
            (400, 21217, "dead"),
            (400, 21614, "dead"),
            (400, 21635, "dead"),
            (400, 21610, "dead"),
            (400, 21408, "stop"),
            (403, 21408, "stop"),
            (400, 21606, "stop"),
            (400, 21212, "stop"),
            (400, 21603, "stop"),
            (400, 21659, "stop"),
            (400, 21608, "stop"),
            (400, 21602, "rejected"),
            (400, 21617, "rejected"),
            (400, 21612, "rejected"),
            (400, 99999, "rejected"),
            (401, 20003, "stop"),
            (403, 20003, "stop"),
            (403, 20005, "stop"),
            (401, 99999, "stop"),
            (403, 99999, "stop"),
            (404, 20404, "stop"),
            (429, 20429, "retry_after Channel 1"),
            (400, 20429, "retry_after Channel 1"),
            (503, 20503, "retry_after Channel 30"),
            (500, 20500, "unknown"),
            (502, 20502, "unknown"),
            (504, 20504, "unknown"),
        ];
        for (status, code, expected) in rows {
            let outcome = classify(status, None, error(status, code).as_bytes());
            assert_eq!(
                shown(&outcome),
                format!("{expected} twilio_{code}"),
                "{status}"
            );
        }
    }

    #[test]
    fn answers_that_twilio_did_not_write() {
        let html = b"<html>Bad gateway</html>".as_slice();
        let rows = [
            (301, "unknown"),
            (302, "unknown"),
            (303, "unknown"),
            (307, "stop"),
            (308, "stop"),
            (400, "rejected"),
            (413, "rejected"),
            (401, "stop"),
            (403, "stop"),
            (404, "stop"),
            (407, "stop"),
            (408, "retry_after Channel 30"),
            (429, "retry_after Channel 1"),
            (500, "unknown"),
            (502, "unknown"),
            (503, "unknown"),
            (504, "unknown"),
            (599, "unknown"),
        ];
        for (status, expected) in rows {
            for body in [html, b"", b"[]", b"null", b"{\"code\":", b"\xff"] {
                let outcome = classify(status, None, body);
                assert_eq!(shown(&outcome), format!("{expected} http_{status}"));
            }
        }
    }

    #[test]
    fn only_a_message_with_an_id_is_accepted() {
        let accepted = Outcome::Accepted {
            provider_id: SID.to_owned(),
        };
        for status in [200, 201] {
            for said in ["queued", "accepted", "scheduled", "something new"] {
                let body = format!(r#"{{"sid":"{SID}","status":"{said}","error_code":null}}"#);
                assert_eq!(classify(status, None, body.as_bytes()), accepted);
            }
            for body in [
                "",
                "{}",
                "[]",
                "ok",
                r#"{"sid":7}"#,
                r#"{"sid":""}"#,
                r#"{"sid":"SM1"}"#,
                r#"{"sid":"AC00000000000000000000000000000001"}"#,
                "{\"sid\":\"SM0000",
            ] {
                let outcome = classify(status, None, body.as_bytes());
                assert_eq!(shown(&outcome), "unknown answer_not_understood", "{body}");
            }
        }
        let mms = r#"{"sid":"MM00000000000000000000000000000001"}"#;
        assert!(matches!(
            classify(201, None, mms.as_bytes()),
            Outcome::Accepted { .. }
        ));
    }

    #[test]
    fn advice_lengthens_a_wait_and_never_shortens_it() {
        let rows = [
            (429, 20429, 0, 1),
            (429, 20429, 3600, 3600),
            (503, 20503, 5, 30),
            (503, 20503, 90, 90),
        ];
        for (status, code, asked, expected) in rows {
            let asked = Some(Duration::from_secs(asked));
            let outcome = classify(status, asked, error(status, code).as_bytes());
            assert_eq!(
                shown(&outcome),
                format!("retry_after Channel {expected} twilio_{code}")
            );
        }
    }

    #[test]
    fn receipts_have_fates() {
        let failed = |reason: &str, dead| {
            let reason = reason.to_owned();
            Some(Fate::Failed { reason, dead })
        };
        let rows = [
            ("accepted", None, Some(Fate::Accepted)),
            ("scheduled", None, Some(Fate::Accepted)),
            ("queued", None, Some(Fate::Accepted)),
            ("sending", None, Some(Fate::Accepted)),
            ("sent", None, Some(Fate::Accepted)),
            ("delivered", None, Some(Fate::Delivered)),
            ("delivered", Some(""), Some(Fate::Delivered)),
            ("partially_delivered", None, Some(Fate::Delivered)),
            ("read", None, Some(Fate::Read)),
            ("undelivered", Some("30003"), failed("twilio_30003", false)),
            ("undelivered", Some("30005"), failed("twilio_30005", true)),
            ("failed", Some("30006"), failed("twilio_30006", true)),
            ("failed", Some("30004"), failed("twilio_30004", false)),
            ("failed", Some("30007"), failed("twilio_30007", false)),
            ("failed", Some("30001"), failed("twilio_30001", false)),
            ("failed", Some("30008"), failed("twilio_30008", false)),
            ("failed", Some("30002"), failed("twilio_30002", false)),
            ("failed", Some("30034"), failed("twilio_30034", false)),
            ("failed", None, failed("failed", false)),
            ("undelivered", Some(""), failed("undelivered", false)),
            (
                "undelivered",
                Some("call +998901234567"),
                failed("undelivered", false),
            ),
            ("canceled", None, failed("canceled", false)),
            ("received", None, None),
            ("receiving", None, None),
            ("something new", None, None),
            ("", None, None),
        ];
        for (status, code, expected) in rows {
            assert_eq!(fate(status, code), expected, "{status} {code:?}");
        }
    }

    proptest! {
        /// Whatever is answered, a reason is a code of this module and nothing of the answer.
        #[test]
        fn reasons_are_codes(status in 100_u16..1000, text in any::<String>(), code in any::<u32>()) {
            let body = serde_json::json!({
                "code": code, "status": text, "sid": text, "id": text, "message": {(&text): [text]},
            });
            for body in [body.to_string(), text] {
                let outcome = classify(status, None, body.as_bytes());
                let reason = outcome.reason().unwrap_or("none");
                prop_assert!(reason.len() <= 24);
                prop_assert!(reason.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            }
        }
    }
}
