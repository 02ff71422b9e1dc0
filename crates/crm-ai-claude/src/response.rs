//! From the body of a 200 answer to a draft, or to the reason why there is none.
//!
//! Blocks are chosen by type, unknown blocks and fields are skipped, and the text has to be exactly
//! the JSON object that was asked for (<https://docs.claude.com/en/api/messages>). Whatever the
//! verdict, usage and cost are reported: a refusal or a cut-off text is billed too.

use chrono::NaiveDate;
use crm_core::port::llm::{Draft, LlmError, LlmFailure, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::config::CacheTtl;
use crate::errors::{bad_output, configuration};
use crate::prices::{Geo, PriceTable, Terms};

/// Most facts that are believed, and the longest name of one in characters.
const MOST_FACTS: usize = 32;
const LONGEST_FACT: usize = 100;

/// How an answer is billed.
#[derive(Clone)]
pub(crate) struct Billing<'a> {
    pub(crate) prices: &'a PriceTable,
    pub(crate) ttl: CacheTtl,
    /// The day, UTC.
    pub(crate) on: NaiveDate,
    pub(crate) batch: bool,
}

#[derive(Deserialize)]
pub(crate) struct Message {
    r#type: String,
    model: String,
    content: Vec<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    usage: WireUsage,
}

#[derive(Deserialize)]
struct WireUsage {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    inference_geo: Option<String>,
    #[serde(default)]
    speed: Option<String>,
    #[serde(default)]
    service_tier: Option<String>,
}

#[derive(Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

impl WireUsage {
    /// The core's form. Written tokens without a stated lifetime get the one that was asked for.
    fn usage(&self, ttl: CacheTtl) -> Usage {
        let split = self.cache_creation.as_ref();
        let mut written_5m = split.and_then(|s| s.ephemeral_5m_input_tokens).unwrap_or(0);
        let mut written_1h = split.and_then(|s| s.ephemeral_1h_input_tokens).unwrap_or(0);
        let unstated = self
            .cache_creation_input_tokens
            .unwrap_or(0)
            .saturating_sub(written_5m.saturating_add(written_1h));
        match ttl {
            CacheTtl::FiveMinutes => written_5m = written_5m.saturating_add(unstated),
            CacheTtl::OneHour => written_1h = written_1h.saturating_add(unstated),
        }
        Usage {
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cache_write_5m_tokens: written_5m,
            cache_write_1h_tokens: written_1h,
            cache_read_tokens: self.cache_read_input_tokens.unwrap_or(0),
        }
    }

    /// Which price list applies; `None` for regions, speeds and contracts whose price is not known.
    fn geo(&self) -> Option<Geo> {
        let usual = matches!(self.speed.as_deref(), None | Some("standard"))
            && matches!(
                self.service_tier.as_deref(),
                None | Some("standard" | "batch")
            );
        if !usual {
            return None;
        }
        match self.inference_geo.as_deref() {
            None | Some("global" | "not_available") => Some(Geo::Global),
            Some("us") => Some(Geo::Us),
            Some(_) => None,
        }
    }
}

/// The agreed form of the text.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    facts_used: Vec<String>,
    text: String,
}

/// Reads the body of a 200 answer. `subject` says whether one was asked for.
pub(crate) fn read(
    body: &[u8],
    subject: bool,
    billing: &Billing<'_>,
    request_id: Option<Box<str>>,
) -> Result<Draft, LlmError> {
    match serde_json::from_slice(body) {
        Ok(message) => judge(message, subject, billing, request_id),
        Err(_) => Err(LlmError {
            request_id,
            ..bad_output("malformed_response").into()
        }),
    }
}

/// The draft in a message, or the reason why there is none.
pub(crate) fn judge(
    message: Message,
    subject: bool,
    billing: &Billing<'_>,
    request_id: Option<Box<str>>,
) -> Result<Draft, LlmError> {
    let failed = |failure, usage, cost_picodollars| LlmError {
        usage,
        cost_picodollars,
        request_id: request_id.clone(),
        ..LlmError::from(failure)
    };
    if message.r#type != "message" {
        return Err(failed(
            bad_output("malformed_response"),
            Usage::default(),
            0,
        ));
    }
    let usage = message.usage.usage(billing.ttl);
    let cost = message.usage.geo().and_then(|geo| {
        let batch = billing.batch;
        let terms = Terms { geo, batch };
        billing
            .prices
            .cost(&message.model, billing.on, &usage, terms)
    });
    let Some(cost_picodollars) = cost else {
        return Err(failed(configuration("unknown_price"), usage, 0));
    };
    let billed = |failure| failed(failure, usage, cost_picodollars);
    finished(message.stop_reason.as_deref()).map_err(billed)?;
    let answer = answer(&message.content).map_err(billed)?;
    let subject = self::subject(answer.subject, subject).map_err(billed)?;
    let facts_used = facts(answer.facts_used).map_err(billed)?;
    Ok(Draft {
        subject,
        content: answer.text,
        language: answer.language.filter(|tag| !tag.trim().is_empty()),
        facts_used,
        model: message.model,
        usage,
        cost_picodollars,
        request_id: request_id.map(String::from),
    })
}

/// Whether the model ended by itself.
fn finished(stop_reason: Option<&str>) -> Result<(), LlmFailure> {
    match stop_reason {
        Some("end_turn" | "stop_sequence") => Ok(()),
        Some("max_tokens" | "model_context_window_exceeded") => Err(LlmFailure::Truncated),
        Some("refusal") => Err(LlmFailure::Refused),
        Some("tool_use") => Err(bad_output("unexpected_tool_use")),
        Some("pause_turn") => Err(bad_output("unexpected_pause")),
        Some(_) | None => Err(bad_output("unknown_stop_reason")),
    }
}

/// Joins the text blocks and reads the JSON object in them. A code fence around it, a second value
/// or a repeated key make it unusable: the schema rules them out.
fn answer(content: &[Value]) -> Result<Answer, LlmFailure> {
    let mut text = String::new();
    for block in content {
        if block.get("type").and_then(Value::as_str) == Some("text") {
            let part = block.get("text").and_then(Value::as_str);
            text.push_str(part.ok_or_else(|| bad_output("malformed_response"))?);
        }
    }
    if text.trim().is_empty() {
        return Err(bad_output("empty"));
    }
    // A struct would also be read from a JSON array.
    if !text.trim_start().starts_with('{') {
        return Err(bad_output("malformed_json"));
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|_| bad_output("malformed_json"))?;
    if answer.text.trim().is_empty() {
        return Err(bad_output("empty"));
    }
    Ok(answer)
}

fn subject(given: Option<String>, wanted: bool) -> Result<Option<String>, LlmFailure> {
    if !wanted {
        return Ok(None);
    }
    given
        .filter(|subject| !subject.trim().is_empty())
        .map(Some)
        .ok_or_else(|| bad_output("subject_missing"))
}

/// The names of facts; a list no honest answer has is as bad as any other broken form.
fn facts(facts: Vec<String>) -> Result<Vec<String>, LlmFailure> {
    let honest = facts.len() <= MOST_FACTS
        && facts
            .iter()
            .all(|fact| !fact.trim().is_empty() && fact.chars().count() <= LONGEST_FACT);
    if honest {
        Ok(facts)
    } else {
        Err(bad_output("bad_facts"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(text: &str, usage: &Value) -> Vec<u8> {
        json!({
            "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "usage": usage,
        })
        .to_string()
        .into_bytes()
    }

    fn outcome(body: &[u8], subject: bool) -> Result<Draft, LlmError> {
        let billing = Billing {
            prices: &PriceTable::default(),
            ttl: CacheTtl::OneHour,
            on: "2026-11-22".parse().expect("date"),
            batch: false,
        };
        read(body, subject, &billing, Some("req_1".into()))
    }

    fn code_of(text: &str, subject: bool) -> String {
        let body = message(text, &json!({"input_tokens": 1, "output_tokens": 1}));
        match outcome(&body, subject) {
            Ok(draft) => format!("ok {:?} {}", draft.subject, draft.content),
            Err(error) => {
                assert_eq!(error.cost_picodollars, 600_000, "billed all the same");
                error.failure.code().to_owned()
            }
        }
    }

    #[test]
    fn only_the_agreed_form_is_a_draft() {
        assert_eq!(
            code_of(r#"{"text":"Hi","language":"en"}"#, false),
            "ok None Hi"
        );
        assert_eq!(
            code_of(r#"{"text":"Hi","subject":"S"}"#, true),
            r#"ok Some("S") Hi"#
        );
        assert_eq!(
            code_of(r#"{"text":"Hi","subject":"S"}"#, false),
            "ok None Hi"
        );
        assert_eq!(code_of(r#"{"text":"Hi"}"#, true), "subject_missing");
        assert_eq!(
            code_of(r#"{"text":"Hi","subject":" "}"#, true),
            "subject_missing"
        );
        assert_eq!(code_of(r#"{"text":" "}"#, false), "empty");
        for bad in [
            "Hi",
            "[null,null,\"Hi\"]",
            "{\"text\":\"Hi\"} {}",
            "{\"text\":\"a\",\"text\":\"b\"}",
            "{\"text\":1}",
            "{}",
            "{\"text\":\"Hi\",\"facts_used\":\"name\"}",
            "{\"text\":\"Hi\",\"facts_used\":[1]}",
            "{\"text\":\"Hi\",\"subject\":{}}",
            "```json\n{\"text\":\"Hi\"}\n```",
        ] {
            assert_eq!(code_of(bad, false), "malformed_json", "{bad}");
        }
    }

    #[test]
    fn written_tokens_without_a_lifetime_cost_what_was_asked_for() {
        let usage =
            json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 10});
        let draft = outcome(&message(r#"{"text":"Hi"}"#, &usage), false).expect("draft");
        assert_eq!(draft.usage.cache_write_1h_tokens, 10);
        assert_eq!(draft.cost_picodollars, 2_000_000);
    }

    #[test]
    fn a_price_that_is_not_known_is_not_guessed() {
        for extra in [
            ("inference_geo", "moon"),
            ("speed", "fast"),
            ("service_tier", "priority"),
        ] {
            let mut usage = json!({"input_tokens": 5, "output_tokens": 1});
            usage[extra.0] = json!(extra.1);
            let error = outcome(&message(r#"{"text":"Hi"}"#, &usage), false).expect_err("refused");
            assert_eq!(error.failure, configuration("unknown_price"));
            assert_eq!(error.usage.input_tokens, 5);
            assert_eq!(error.request_id.as_deref(), Some("req_1"));
        }
    }

    #[test]
    fn the_facts_used_are_names_and_few() {
        let usage = json!({"input_tokens": 1, "output_tokens": 1});
        let draft = outcome(
            &message(r#"{"text":"Hi","facts_used":["name","company"]}"#, &usage),
            false,
        );
        assert_eq!(draft.expect("draft").facts_used, ["name", "company"]);
        let long = "x".repeat(101);
        for bad in [vec![""; 1], vec!["x"; 33], vec![long.as_str()]] {
            let text = json!({"text": "Hi", "facts_used": bad}).to_string();
            assert_eq!(code_of(&text, false), "bad_facts");
        }
    }

    #[test]
    fn an_answer_without_usage_cannot_be_billed_and_is_refused() {
        let error = outcome(br#"{"type":"message","model":"m","content":[]}"#, false);
        assert_eq!(
            error.expect_err("refused").failure,
            bad_output("malformed_response")
        );
    }
}
