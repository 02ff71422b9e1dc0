//! The body of `POST /v1/messages`: cached rules, the task, and the form of the answer.
//!
//! Only keys that both API versions accept: no sampling parameters, no tools, no prefilled answer
//! (<https://docs.claude.com/en/api/messages>). Unknown keys would be refused with status 400.

use crm_core::port::llm::DraftRequest;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::CacheTtl;
use crate::models::{Thinking, capabilities};

/// The whole body.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
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
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl<'a> TextBlock<'a> {
    const fn plain(text: &'a str) -> Self {
        Self {
            r#type: "text",
            text,
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
    effort: Option<&'static str>,
    format: Format,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
    schema: Value,
}

/// Whether the API would take the request: it accepts neither an empty text block nor an answer
/// of no tokens.
pub(crate) fn is_sendable(request: &DraftRequest) -> bool {
    request.max_tokens > 0 && !request.user.trim().is_empty()
}

/// What the answer has to be like, for the end of the user turn. It changes from contact to
/// contact, so it must not stand in the cached rules.
pub(crate) fn demands(request: &DraftRequest) -> String {
    let values = json!({
        "language": request.language,
        "max_characters": request.max_length,
        "subject": request.subject,
    });
    format!("Requirements for the answer: {values}")
}

/// Composes the body. `demands` is the text of [`demands`].
pub(crate) fn body<'a>(
    model: &'a str,
    ttl: CacheTtl,
    request: &'a DraftRequest,
    demands: &'a str,
) -> Body<'a> {
    let capabilities = capabilities(model);
    let mut system = Vec::new();
    if !request.system.trim().is_empty() {
        system.push(TextBlock {
            cache_control: Some(CacheControl {
                r#type: "ephemeral",
                ttl,
            }),
            ..TextBlock::plain(&request.system)
        });
    }
    Body {
        model,
        max_tokens: request.max_tokens,
        system,
        messages: [Turn {
            role: "user",
            content: [TextBlock::plain(&request.user), TextBlock::plain(demands)],
        }],
        thinking: capabilities.thinking,
        output_config: OutputConfig {
            effort: capabilities.effort.then_some("low"),
            format: Format {
                r#type: "json_schema",
                schema: schema(request.subject),
            },
        },
    }
}

/// The form of the answer. The provider keeps schemas, so they hold nothing about a contact; there
/// are two of them in all, so that the compiled form and the cached rules are reused.
fn schema(subject: bool) -> Value {
    let language = json!({
        "type": "string",
        "description": "BCP 47 tag of the language the text is written in.",
    });
    let text = json!({
        "type": "string",
        "description": "The finished message, plain text, no placeholders.",
    });
    let (required, properties) = if subject {
        let subject = json!({
            "type": "string",
            "description": "The subject line, one line, no placeholders.",
        });
        (
            json!(["language", "subject", "text"]),
            json!({ "language": language, "subject": subject, "text": text }),
        )
    } else {
        (
            json!(["language", "text"]),
            json!({ "language": language, "text": text }),
        )
    };
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
        }
    }

    fn sent(model: &str, request: &DraftRequest) -> Value {
        let demands = demands(request);
        serde_json::to_value(body(model, CacheTtl::OneHour, request, &demands)).expect("JSON")
    }

    #[test]
    fn every_part_has_the_documented_form() {
        let body = sent("claude-haiku-5-5", &request());
        assert_eq!(
            body["system"],
            json!([{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
        );
        assert_eq!(body["thinking"], json!({"type": "disabled"}));
        assert_eq!(body["output_config"]["effort"], "low");
        assert_eq!(body["max_tokens"], 300);
        let schema = &body["output_config"]["format"]["schema"];
        assert_eq!(schema["required"], json!(["language", "text"]));
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
        let body = sent("claude-haiku-5-5", &request);
        let schema = &body["output_config"]["format"]["schema"];
        assert_eq!(schema["required"], json!(["language", "subject", "text"]));
        assert_eq!(schema["properties"]["subject"]["type"], "string");
    }

    #[test]
    fn models_get_only_what_they_accept() {
        let body = sent("claude-sonnet-5-5", &request());
        assert_eq!(body["thinking"], json!({"type": "between_tools"}));
        let body = sent("claude-haiku-4-5", &request());
        assert_eq!(body.get("thinking"), None);
        assert_eq!(body["output_config"].get("effort"), None);
    }

    #[test]
    fn empty_blocks_are_never_sent() {
        let mut request = request();
        request.system = " ".to_owned();
        assert_eq!(sent("claude-haiku-5-5", &request).get("system"), None);
        assert!(is_sendable(&request));
        request.user = "\n".to_owned();
        assert!(!is_sendable(&request));
    }
}
