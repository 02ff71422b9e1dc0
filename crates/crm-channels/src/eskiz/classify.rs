//! What an answer of Eskiz, or a state it reports, means for the message.
//!
//! Eskiz publishes no list of errors. A refusal names the field in `message`, as an object of fields or as
//! a sentence in one of three languages; whatever names none of the words below is about this message
//! alone. Its texts never leave this module.

use std::time::Duration;

use crm_core::port::callback::Fate;
use crm_core::port::channel::{Outcome, RetryScope};
use serde_json::Value;

const A_WHILE: Duration = Duration::from_secs(30);

/// The outcome of a complete answer to "send a batch". `retry_after` is what its header asks for.
///
/// A 401 is `Stop` here; that a new login may mend it is not the answer's business. A 500 is unknown, for
/// nothing says that it was written before the message was stored; a 503 with Eskiz's own JSON was refused
/// at the door.
#[must_use]
pub fn classify(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let reason = format!("http_{status}");
    let wait = Outcome::RetryAfter {
        scope: RetryScope::Channel,
        at_least: retry_after.unwrap_or_default().max(A_WHILE),
        reason: reason.clone(),
    };
    match status {
        200..=299 => taken(&body),
        400 | 422 => refused(&body).outcome(&reason),
        // No money; blocked; the wrong address or something in between that is not Eskiz.
        307 | 308 | 401 | 402 | 403 | 404 | 405 | 407 => Outcome::Stop { reason },
        408 | 429 => wait,
        400..=499 => Outcome::Rejected { reason },
        503 if body.is_object() => wait,
        _ => Outcome::Unknown { reason },
    }
}

/// An answer that says yes, unless it says "error" under that cover.
fn taken(body: &Value) -> Outcome {
    let states: Vec<&str> = match body.get("status") {
        Some(Value::String(state)) => vec![state],
        Some(Value::Array(states)) => states.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let says = |word: &str| states.iter().any(|state| state.eq_ignore_ascii_case(word));
    match (request_id(body, "id"), states.as_slice()) {
        (None, _) if says("error") => refused(body).outcome("error_200"),
        (Some(provider_id), [state]) if state.eq_ignore_ascii_case("waiting") => {
            Outcome::Accepted { provider_id }
        }
        _ => Outcome::Unknown {
            reason: "answer_not_understood".to_owned(),
        },
    }
}

/// The id of a request, in the form Eskiz gives it: safe to stand in a path.
pub(super) fn request_id(body: &Value, field: &str) -> Option<String> {
    let id = body.get(field)?.as_str()?;
    is_request_id(id).then(|| id.to_owned())
}

pub(super) fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Number,
    Text,
    Account,
    Nothing,
}

impl About {
    fn outcome(self, reason: &str) -> Outcome {
        match self {
            Self::Number => Outcome::Dead {
                reason: format!("{reason}_number"),
            },
            Self::Text => Outcome::Rejected {
                reason: format!("{reason}_text"),
            },
            Self::Account => Outcome::Stop {
                reason: format!("{reason}_account"),
            },
            Self::Nothing => Outcome::Rejected {
                reason: reason.to_owned(),
            },
        }
    }
}

/// Money, the sender's name, a blocked account; in English, Russian and Uzbek.
const ACCOUNT: [&str; 13] = [
    "balance",
    "баланс",
    "balans",
    "недостаточно",
    "mablag",
    "nickname",
    "nick ",
    "никнейм",
    "blocked",
    "заблокирован",
    "bloklan",
    "inactive",
    "неактивен",
];
/// The text and the template it has to match.
const TEXT: [&str; 9] = [
    "template",
    "шаблон",
    "shablon",
    "moderat",
    "модерац",
    "text",
    "текст",
    "matn",
    "message",
];

/// A number is given up only when the field itself is named: a sentence that merely mentions a telephone
/// is no proof that it is dead.
fn refused(body: &Value) -> About {
    let mut names = Vec::new();
    let mut sentences = String::new();
    match body.get("message").or_else(|| body.get("errors")) {
        Some(Value::Object(fields)) => names.extend(fields.keys().map(|name| name.to_lowercase())),
        Some(Value::String(sentence)) => sentences = sentence.to_lowercase(),
        _ => {}
    }
    // `messages.0.to` is what `mobile_phone` is called in a batch.
    let field = |wanted: &[&str]| {
        let mut last = names
            .iter()
            .map(|name| name.rsplit('.').next().unwrap_or_default());
        last.any(|name| wanted.contains(&name))
    };
    let says = |words: &[&str]| words.iter().any(|word| sentences.contains(word));
    if field(&["from", "nick", "nickname", "balance"]) {
        About::Account
    } else if field(&["mobile_phone", "to"]) || says(&["mobile_phone", "mobile phone"]) {
        About::Number
    } else if field(&["message", "text", "template"]) {
        About::Text
    } else if says(&ACCOUNT) {
        About::Account
    } else if says(&TEXT) {
        About::Text
    } else {
        About::Nothing
    }
}

/// How far a delivery came, from Eskiz's word for it. `None` for "unknown" and for words that are not known.
///
/// That a message could not be delivered does not make its number a dead one: the same words stand for a
/// telephone that was off.
#[must_use]
pub fn fate(status: &str) -> Option<Fate> {
    let status = status.to_ascii_uppercase();
    match status.as_str() {
        "DELIVERED" | "DELIVRD" | "PARTDELIVERED" => Some(Fate::Delivered),
        "WAITING" | "NEW" | "STORED" | "ACCEPTED" | "ENROUTE" => Some(Fate::Accepted),
        "EXPIRED" | "UNDELIV" | "UNDELIVERABLE" | "REJECTED" | "DELETED" => Some(Fate::Failed {
            reason: status.to_ascii_lowercase(),
            dead: false,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    fn of(status: u16, body: &str) -> String {
        shown(&classify(status, None, body.as_bytes()))
    }

    #[test]
    fn a_request_that_waits_is_accepted() {
        let id = "03759b6d-c4db-449f-81c1-f625ab1bc1b4";
        for body in [
            format!(r#"{{"id":"{id}","message":"Waiting for SMS provider","status":["waiting"]}}"#),
            format!(r#"{{"id":"{id}","message":"Waiting for SMS provider","status":"waiting"}}"#),
        ] {
            let accepted = Outcome::Accepted {
                provider_id: id.to_owned(),
            };
            assert_eq!(classify(200, None, body.as_bytes()), accepted);
        }
        for body in [
            "",
            "ok",
            "[]",
            "{}",
            r#"{"id":"a"}"#,
            r#"{"status":["waiting"]}"#,
            r#"{"id":"","status":["waiting"]}"#,
            r#"{"id":"a/../b","status":["waiting"]}"#,
            r#"{"id":7,"status":["waiting"]}"#,
            r#"{"id":"a","status":[]}"#,
            r#"{"id":"a","status":["waiting","waiting"]}"#,
            r#"{"id":"a","status":["something new"]}"#,
            // With an id the provider may hold it, whatever it says.
            r#"{"id":"a","status":"error","message":"template"}"#,
        ] {
            assert_eq!(of(200, body), "unknown answer_not_understood", "{body}");
        }
    }

    #[test]
    fn refusals_are_told_by_what_they_name() {
        let rows = [
            (
                r#"{"message":{"mobile_phone":["The mobile phone format is invalid."]}}"#,
                "dead",
                "_number",
            ),
            (
                r#"{"errors":{"messages.0.to":["invalid"]}}"#,
                "dead",
                "_number",
            ),
            (
                r#"{"message":"The mobile_phone field is required"}"#,
                "dead",
                "_number",
            ),
            (
                r#"{"message":{"messages.0.text":["too long"]}}"#,
                "rejected",
                "_text",
            ),
            (
                r#"{"message":{"message":["required"]}}"#,
                "rejected",
                "_text",
            ),
            (
                r#"{"message":"Template is on moderation"}"#,
                "rejected",
                "_text",
            ),
            (
                r#"{"message":"Текст не прошёл модерацию"}"#,
                "rejected",
                "_text",
            ),
            (
                r#"{"message":"Для теста используйте только этот текст"}"#,
                "rejected",
                "_text",
            ),
            (
                r#"{"message":"Only these texts: This is test from Eskiz"}"#,
                "rejected",
                "_text",
            ),
            (r#"{"message":"Недостаточно средств"}"#, "stop", "_account"),
            (r#"{"message":"Not enough balance"}"#, "stop", "_account"),
            (r#"{"message":{"from":["invalid"]}}"#, "stop", "_account"),
            (r#"{"message":"Nickname is not yours"}"#, "stop", "_account"),
            (
                r#"{"message":"Пользователь заблокирован"}"#,
                "stop",
                "_account",
            ),
            // A telephone is mentioned, not named.
            (
                r#"{"message":"Call your operator by phone"}"#,
                "rejected",
                "",
            ),
            (r#"{"message":"?"}"#, "rejected", ""),
            (r#"{"message":7}"#, "rejected", ""),
            ("<html>", "rejected", ""),
            ("", "rejected", ""),
        ];
        for (body, kind, about) in rows {
            for status in [400, 422] {
                assert_eq!(
                    of(status, body),
                    format!("{kind} http_{status}{about}"),
                    "{body}"
                );
            }
            let mut cover: Value = serde_json::from_str(body).unwrap_or_default();
            if cover.is_object() {
                cover["status"] = "error".into();
                assert_eq!(
                    of(200, &cover.to_string()),
                    format!("{kind} error_200{about}"),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn other_answers_are_told_by_their_status() {
        let json = r#"{"status":"error","message":"x"}"#;
        let html = "<html>";
        let rows = [
            (302, html, "unknown"),
            (307, html, "stop"),
            (401, json, "stop"),
            (402, json, "stop"),
            (403, html, "stop"),
            (404, html, "stop"),
            (408, html, "retry_after Channel 30"),
            (413, html, "rejected"),
            (429, json, "retry_after Channel 30"),
            (429, html, "retry_after Channel 30"),
            (500, json, "unknown"),
            (502, json, "unknown"),
            (502, html, "unknown"),
            (503, json, "retry_after Channel 30"),
            (503, html, "unknown"),
            (504, html, "unknown"),
        ];
        for (status, body, expected) in rows {
            assert_eq!(of(status, body), format!("{expected} http_{status}"));
        }
        for (asked, expected) in [(5, 30), (3600, 3600)] {
            let asked = Some(Duration::from_secs(asked));
            let outcome = classify(429, asked, b"");
            assert_eq!(
                shown(&outcome),
                format!("retry_after Channel {expected} http_429")
            );
        }
    }

    #[test]
    fn states_have_fates() {
        let failed = |reason: &str| {
            Some(Fate::Failed {
                reason: reason.to_owned(),
                dead: false,
            })
        };
        let rows = [
            ("DELIVERED", Some(Fate::Delivered)),
            ("DELIVRD", Some(Fate::Delivered)),
            ("delivrd", Some(Fate::Delivered)),
            ("PARTDELIVERED", Some(Fate::Delivered)),
            ("NEW", Some(Fate::Accepted)),
            ("STORED", Some(Fate::Accepted)),
            ("ACCEPTED", Some(Fate::Accepted)),
            ("ENROUTE", Some(Fate::Accepted)),
            ("EXPIRED", failed("expired")),
            ("UNDELIV", failed("undeliv")),
            ("UNDELIVERABLE", failed("undeliverable")),
            ("REJECTED", failed("rejected")),
            ("DELETED", failed("deleted")),
            ("UNKNOWN", None),
            ("something new", None),
            ("", None),
        ];
        for (status, expected) in rows {
            assert_eq!(fate(status), expected, "{status}");
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
