//! What an answer of the Bot API means for the message. Telegram's texts never leave this module.

use std::time::Duration;

use crm_core::port::channel::{Outcome, RetryScope};
use serde_json::Value;

use crate::http::{Answer, MAX_WAIT};
use crate::outcome::{dead, rejected, retry, stop, unexplained, unknown};

/// Starts of descriptions, behind `Forbidden: ` and `Bad Request: `, after which nothing more goes to this
/// chat until the person comes back, and the code of each.
const GONE: &[(u64, &str, &str)] = &[
    (403, "bot was blocked by the user", "blocked"),
    (403, "user is deactivated", "deactivated"),
    (403, "bot was kicked", "kicked"),
    (403, "bot is not a member", "not_a_member"),
    (403, "bot can't initiate conversation", "not_started"),
    (400, "chat not found", "chat_not_found"),
    (400, "peer_id_invalid", "peer_id_invalid"),
];

/// The same for messages that are wrong themselves.
const WRONG: &[(&str, &str)] = &[
    ("can't parse entities", "cannot_parse"),
    ("message is too long", "text_too_long"),
    ("message text is empty", "text_empty"),
    ("text must be non-empty", "text_empty"),
    ("button", "button_invalid"),
    ("inline keyboard", "button_invalid"),
];

/// The outcome of a complete answer.
pub(super) fn classify(answer: &Answer) -> Outcome {
    let Some(body) = answer.json().filter(|body| body.get("ok").is_some()) else {
        return unexplained(answer.status, answer.retry_after);
    };
    if (200..300).contains(&answer.status) {
        return accepted(&body).unwrap_or_else(|| unknown("unreadable_answer"));
    }
    let Some(code) = error_code(&body) else {
        return unexplained(answer.status, answer.retry_after);
    };
    let says = description(&body);
    let parameters = body.get("parameters");
    let parameter = |name: &str| parameters.and_then(|all| all.get(name));
    match code {
        400 if parameter("migrate_to_chat_id").is_some() => rejected("chat_migrated"),
        400 | 403 => refused(code, &says),
        401 => stop("unauthorized"),
        // The method exists, so it is the token that does not.
        404 if says.starts_with("not found") => stop("token_unknown"),
        // Two programs read the bot's updates; sending has nothing to do with it.
        409 => rejected("conflict"),
        429 => {
            let seconds = parameter("retry_after").and_then(Value::as_u64);
            let wait = seconds
                .map(Duration::from_secs)
                .or(answer.retry_after)
                .unwrap_or(Duration::from_secs(5));
            retry(RetryScope::Channel, wait.min(MAX_WAIT), "too_many_requests")
        }
        // Said by the Bot API itself. 502 and 504 are said by what stands before it, in JSON, too.
        500 | 503 => retry(
            RetryScope::Channel,
            answer
                .retry_after
                .unwrap_or_default()
                .max(Duration::from_secs(5)),
            format!("http_{code}"),
        ),
        400..=499 => rejected(format!("http_{code}")),
        _ => unknown(format!("http_{code}")),
    }
}

/// The message's id alone: with the chat's before it an address would stand in logs, and the message is found
/// by its recipient and this.
fn accepted(body: &Value) -> Option<Outcome> {
    if body.get("ok") != Some(&Value::Bool(true)) {
        return None;
    }
    let message = body.get("result")?.get("message_id")?.as_i64()?;
    Some(Outcome::Accepted {
        provider_id: message.to_string(),
    })
}

fn error_code(body: &Value) -> Option<u64> {
    let refused = body.get("ok") == Some(&Value::Bool(false));
    body.get("error_code")?.as_u64().filter(|_| refused)
}

/// The description in lower case, without the name of the status before it.
fn description(body: &Value) -> String {
    let text = body.get("description").and_then(Value::as_str);
    let text = text.unwrap_or_default().to_lowercase();
    let bare = ["bad request:", "forbidden:"]
        .iter()
        .find_map(|name| text.strip_prefix(name));
    bare.unwrap_or(&text).trim_start().to_owned()
}

fn refused(code: u64, says: &str) -> Outcome {
    let gone = GONE
        .iter()
        .find(|(known, start, _)| *known == code && says.starts_with(start));
    if let Some((_, _, reason)) = gone {
        return dead(*reason);
    }
    let wrong = WRONG.iter().find(|(start, _)| says.starts_with(start));
    rejected(wrong.map_or_else(
        || format!("http_{code}"),
        |(_, reason)| (*reason).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Outcome {
        classify(&Answer {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        })
    }

    fn error(code: u16, description: &str) -> Outcome {
        let body = serde_json::json!({"ok": false, "error_code": code, "description": description});
        of(code, &body.to_string())
    }

    fn channel(seconds: u64, reason: &str) -> Outcome {
        retry(RetryScope::Channel, Duration::from_secs(seconds), reason)
    }

    #[test]
    fn taken() {
        let id = "42".to_owned();
        assert_eq!(
            of(200, r#"{"ok":true,"result":{"message_id":42}}"#),
            Outcome::Accepted { provider_id: id }
        );
        for nonsense in [
            "",
            "ok",
            "<html>",
            "{}",
            "[]",
            r#"{"ok":true}"#,
            r#"{"ok":"true","result":{"message_id":42}}"#,
            r#"{"ok":true,"result":{"id":42}}"#,
            r#"{"ok":true,"result":{"message_id":"x"}}"#,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
        ] {
            assert_eq!(
                of(200, nonsense),
                unknown("unreadable_answer"),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn chats_that_are_gone() {
        for (code, text, reason) in [
            (403, "Forbidden: bot was blocked by the user", "blocked"),
            (403, "FORBIDDEN: Bot was BLOCKED by the user", "blocked"),
            (403, "Forbidden: user is deactivated", "deactivated"),
            (
                403,
                "Forbidden: bot was kicked from the group chat",
                "kicked",
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                "kicked",
            ),
            (
                403,
                "Forbidden: bot is not a member of the channel chat",
                "not_a_member",
            ),
            (
                403,
                "Forbidden: bot can't initiate conversation with a user",
                "not_started",
            ),
            (400, "Bad Request: chat not found", "chat_not_found"),
            (400, "Bad Request: PEER_ID_INVALID", "peer_id_invalid"),
        ] {
            assert_eq!(error(code, text), dead(reason), "{text}");
        }
    }

    #[test]
    fn messages_that_are_wrong() {
        for (code, text, reason) in [
            (
                400,
                "Bad Request: can't parse entities: unsupported start tag",
                "cannot_parse",
            ),
            (400, "Bad Request: message is too long", "text_too_long"),
            (400, "Bad Request: message text is empty", "text_empty"),
            (400, "Bad Request: text must be non-empty", "text_empty"),
            (400, "Bad Request: BUTTON_URL_INVALID", "button_invalid"),
            (
                400,
                "Bad Request: inline keyboard button URL is invalid",
                "button_invalid",
            ),
            // Unknown texts condemn nobody, nor do known ones at another place or code.
            (400, "Bad Request: something new", "http_400"),
            (403, "Forbidden: something new", "http_403"),
            (
                400,
                "Bad Request: the reason is not that the chat not found",
                "http_400",
            ),
            (400, "Bad Request: bot was blocked by the user", "http_400"),
            (403, "Forbidden: chat not found", "http_403"),
            (404, "Something else", "http_404"),
            (
                409,
                "Conflict: terminated by other getUpdates request",
                "conflict",
            ),
            (413, "Request Entity Too Large", "http_413"),
        ] {
            assert_eq!(error(code, text), rejected(reason), "{text}");
        }
        let migrated = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded",
            "parameters":{"migrate_to_chat_id":-1001234567890}}"#;
        assert_eq!(of(400, migrated), rejected("chat_migrated"));
    }

    #[test]
    fn tokens_that_do_not_work() {
        assert_eq!(error(401, "Unauthorized"), stop("unauthorized"));
        assert_eq!(error(404, "Not Found"), stop("token_unknown"));
    }

    #[test]
    fn limits() {
        let limited = |parameters: &str| {
            let text = format!(
                r#"{{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9",
                "parameters":{parameters}}}"#
            );
            of(429, &text)
        };
        let many = |seconds| channel(seconds, "too_many_requests");
        assert_eq!(limited(r#"{"retry_after":17}"#), many(17));
        assert_eq!(limited(r#"{"retry_after":0}"#), many(0));
        assert_eq!(limited(r#"{"retry_after":1000000000}"#), many(86_400));
        for nonsense in [
            "{}",
            "null",
            r#"{"retry_after":-1}"#,
            r#"{"retry_after":"9"}"#,
        ] {
            assert_eq!(limited(nonsense), many(5), "{nonsense}");
        }
    }

    #[test]
    fn troubles_of_the_provider() {
        assert_eq!(error(500, "Internal Server Error"), channel(5, "http_500"));
        assert_eq!(error(503, "Service Unavailable"), channel(5, "http_503"));
        assert_eq!(error(502, "Bad Gateway"), unknown("http_502"));
        assert_eq!(error(504, "Gateway Timeout"), unknown("http_504"));
        for status in [302, 500, 502, 503, 504] {
            let outcome = of(status, "<html>Bad Gateway</html>");
            assert_eq!(outcome, unknown(format!("http_{status}")));
        }
    }
}
