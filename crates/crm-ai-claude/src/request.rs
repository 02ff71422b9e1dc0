//! The body of a request: cached rules, the task with the contact's data, and the form of the answer.
//!
//! Only keys that both API versions accept: no sampling parameters, no tools, no prefilled answer
//! (<https://docs.claude.com/en/api/messages>). Unknown keys would be refused with status 400.

use crm_core::port::llm::{DraftRequest, LlmFailure};
use hmac::{Hmac, Mac as _};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::config::{CacheTtl, ClaudeConfig};
use crate::errors::configuration;
use crate::models::{Effort, Thinking};
use crate::prices::Geo;

/// The longest body of one request.
const LONGEST_BODY: usize = 32_000_000;

/// The longest answer that the API writes without streaming.
const LONGEST_ANSWER: u32 = 21_333;

/// The whole body of `POST /v1/messages`, and what a request of a batch holds.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    max_tokens: u32,
    #[serde(flatten)]
    prompt: Prompt<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_geo: Option<Geo>,
}

/// What is counted: the body of `POST /v1/messages/count_tokens`.
#[derive(Serialize)]
pub(crate) struct Prompt<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<TextBlock<'a>>,
    messages: [Turn<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    output_config: OutputConfig,
}

#[derive(Serialize)]
struct TextBlock<'a> {
    r#type: &'static str,
    text: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl<'a> TextBlock<'a> {
    fn plain(text: impl Into<std::borrow::Cow<'a, str>>) -> Self {
        Self {
            r#type: "text",
            text: text.into(),
            cache_control: None,
        }
    }
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
    ttl: CacheTtl,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: [TextBlock<'a>; 2],
}

#[derive(Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Effort>,
    format: Format,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
    schema: Value,
}

#[derive(Serialize)]
struct Metadata {
    user_id: String,
}

/// Whether the API would take the request: it accepts neither an empty text block nor an answer of no
/// tokens, and none that is longer than the model's longest.
pub(crate) fn is_sendable(config: &ClaudeConfig, request: &DraftRequest, batch: bool) -> bool {
    let longest = config.models.get(&config.model).max_output_tokens;
    let longest = longest.unwrap_or(u32::MAX);
    let longest = if batch {
        longest
    } else {
        longest.min(LONGEST_ANSWER)
    };
    (1..=longest).contains(&request.max_tokens) && !request.user.trim().is_empty()
}

/// Composes the body of a request for a draft.
pub(crate) fn body<'a>(config: &'a ClaudeConfig, request: &'a DraftRequest) -> Body<'a> {
    Body {
        max_tokens: request.max_tokens,
        prompt: prompt(config, request),
        metadata: user_id(config, request).map(|user_id| Metadata { user_id }),
        inference_geo: config.inference_geo,
    }
}

/// The part of it that is counted.
pub(crate) fn prompt<'a>(config: &'a ClaudeConfig, request: &'a DraftRequest) -> Prompt<'a> {
    let capabilities = config.models.get(&config.model);
    let mut system = Vec::new();
    if !request.system.trim().is_empty() {
        system.push(TextBlock {
            cache_control: Some(CacheControl {
                r#type: "ephemeral",
                ttl: config.cache_ttl,
            }),
            ..TextBlock::plain(&request.system)
        });
    }
    Prompt {
        model: &config.model,
        system,
        messages: [Turn {
            role: "user",
            content: [
                TextBlock::plain(&request.user),
                TextBlock::plain(demands(request)),
            ],
        }],
        thinking: capabilities.thinking_off,
        output_config: OutputConfig {
            effort: capabilities.effort.then_some(config.effort),
            format: Format {
                r#type: "json_schema",
                schema: schema(request.subject),
            },
        },
    }
}

/// A body as it is sent alone.
pub(crate) fn bytes(body: &impl Serialize) -> Result<Vec<u8>, LlmFailure> {
    let bytes = serde_json::to_vec(body).map_err(|_| configuration("invalid_request"))?;
    if bytes.len() > LONGEST_BODY {
        return Err(configuration("request_too_large"));
    }
    Ok(bytes)
}

/// What the answer has to be like, for the end of the user turn, behind whatever the data says. It
/// changes from contact to contact, so it must not stand in the cached rules.
fn demands(request: &DraftRequest) -> String {
    let values = json!({
        "language": request.language,
        "max_characters": request.max_length,
        "subject": request.subject,
    });
    format!("Requirements for the answer: {values}")
}

/// A keyed hash of our id: the same for the same person, and nothing to whoever has no key.
fn user_id(config: &ClaudeConfig, request: &DraftRequest) -> Option<String> {
    let key = config.user_key.as_ref()?.expose_secret();
    let about = request.about.as_ref()?;
    let mut hash = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    hash.update(b"crm-ai-claude user_id\0");
    hash.update(about.as_bytes());
    let hash = hash.finalize().into_bytes();
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The form of the answer. The provider keeps schemas, so they hold nothing about a contact; there
/// are two of them in all, so that the compiled form and the cached rules are reused.
fn schema(subject: bool) -> Value {
    let mut properties = json!({
        "facts_used": {
            "type": "array",
            "description": "Names of the fields of the contact's data that the text uses, e.g. name.",
            "items": { "type": "string" },
        },
        "language": {
            "type": "string",
            "description": "BCP 47 tag of the language the text is written in.",
        },
        "text": {
            "type": "string",
            "description": "The finished message, plain text, no placeholders.",
        },
    });
    let mut required = json!(["facts_used", "language", "text"]);
    if subject
        && let (Some(map), Some(list)) = (properties.as_object_mut(), required.as_array_mut())
    {
        let form = json!({
            "type": "string",
            "description": "The subject line, one line, no placeholders.",
        });
        map.insert("subject".to_owned(), form);
        list.push(json!("subject"));
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> DraftRequest {
        DraftRequest {
            system: "rules".to_owned(),
            user: "{\"first_name\":\"Дилноза\"}".to_owned(),
            language: "ru".to_owned(),
            subject: false,
            max_length: 160,
            max_tokens: 300,
            about: Some("contact-7".to_owned()),
        }
    }

    fn config(model: &str) -> ClaudeConfig {
        let mut config = ClaudeConfig::new("key".to_owned().into());
        config.model = model.to_owned();
        config
    }

    fn sent(config: &ClaudeConfig, request: &DraftRequest) -> Value {
        serde_json::to_value(body(config, request)).expect("JSON")
    }

    #[test]
    fn every_part_has_the_documented_form() {
        let body = sent(&config("claude-haiku-5-5"), &request());
        assert_eq!(
            body["system"],
            json!([{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
        );
        assert_eq!(body["thinking"], json!({"type": "disabled"}));
        assert_eq!(body["output_config"]["effort"], "low");
        assert_eq!(body["max_tokens"], 300);
        let schema = &body["output_config"]["format"]["schema"];
        assert_eq!(
            schema["required"],
            json!(["facts_used", "language", "text"])
        );
        assert_eq!(schema["additionalProperties"], json!(false));
        let turn = &body["messages"][0];
        assert_eq!(turn["role"], "user");
        assert_eq!(turn["content"][0]["text"], "{\"first_name\":\"Дилноза\"}");
        let demands = turn["content"][1]["text"].as_str().expect("text");
        assert!(demands.contains("\"language\":\"ru\"") && demands.contains("160"));
    }

    #[test]
    fn the_schema_asks_for_a_subject_when_wanted() {
        let mut request = request();
        request.subject = true;
        let body = sent(&config("claude-haiku-5-5"), &request);
        let schema = &body["output_config"]["format"]["schema"];
        let required = json!(["facts_used", "language", "text", "subject"]);
        assert_eq!(schema["required"], required);
        assert_eq!(schema["properties"]["subject"]["type"], "string");
    }

    #[test]
    fn models_get_only_what_they_accept() {
        let body = sent(&config("claude-sonnet-5-5"), &request());
        assert_eq!(body["thinking"], json!({"type": "between_tools"}));
        let body = sent(&config("claude-haiku-4-5"), &request());
        assert_eq!(body.get("thinking"), None);
        assert_eq!(body["output_config"].get("effort"), None);
        let mut config = config("claude-haiku-5-5");
        config.effort = Effort::High;
        config.inference_geo = Some(Geo::Us);
        let body = sent(&config, &request());
        assert_eq!(body["output_config"]["effort"], "high");
        assert_eq!(body["inference_geo"], "us");
    }

    #[test]
    fn empty_blocks_and_answers_of_impossible_length_are_never_sent() {
        let config = config("claude-haiku-5-5");
        let fits = |change: fn(&mut DraftRequest), batch| {
            let mut request = request();
            change(&mut request);
            is_sendable(&config, &request, batch)
        };
        let mut bare = request();
        bare.system = " ".to_owned();
        assert_eq!(sent(&config, &bare).get("system"), None);
        assert!(fits(|_| {}, false) && fits(|r| r.system.clear(), false));
        assert!(!fits(|r| r.user = "\n".to_owned(), false));
        assert!(!fits(|r| r.max_tokens = 0, true));
        assert!(fits(|r| r.max_tokens = 21_333, false));
        assert!(!fits(|r| r.max_tokens = 21_334, false));
        assert!(fits(|r| r.max_tokens = 128_000, true));
        assert!(!fits(|r| r.max_tokens = 128_001, true));
    }

    #[test]
    fn a_person_is_named_by_a_keyed_hash_or_not_at_all() {
        let mut config = config("claude-haiku-5-5");
        assert_eq!(sent(&config, &request()).get("metadata"), None);
        let user = |config: &ClaudeConfig, request: &DraftRequest| {
            sent(config, request)["metadata"]["user_id"].clone()
        };
        config.user_key = Some("a key of sixteen bytes".to_owned().into());
        let one = user(&config, &request());
        let text = one.as_str().expect("hash");
        assert_eq!(text.len(), 64);
        assert!(text.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(user(&config, &request()), one);
        let mut other = request();
        other.about = Some("contact-8".to_owned());
        assert_ne!(user(&config, &other), one);
        other.about = None;
        assert_eq!(sent(&config, &other).get("metadata"), None);
        config.user_key = Some("another key of sixteen".to_owned().into());
        assert_ne!(user(&config, &request()), one);
    }

    #[test]
    fn what_is_counted_is_the_prompt_alone() {
        let mut config = config("claude-haiku-5-5");
        config.user_key = Some("a key of sixteen bytes".to_owned().into());
        config.inference_geo = Some(Geo::Us);
        let request = request();
        let counted = serde_json::to_value(prompt(&config, &request)).expect("JSON");
        let mut body = sent(&config, &request);
        let whole = body.as_object_mut().expect("object");
        for key in ["max_tokens", "metadata", "inference_geo"] {
            assert!(whole.remove(key).is_some(), "{key}");
        }
        assert_eq!(counted, body);
    }
}
