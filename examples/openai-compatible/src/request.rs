//! The body of a request: the rules first, so that the provider can cache them, then the data, then what the answer has
//! to be like.

use crm_core::port::llm::DraftRequest;
use serde_json::{Value, json};

use crate::settings::{Limit, Settings};

/// Composes the body. Nothing optional is in it: a strict server refuses what it does not know.
pub(crate) fn body(settings: &Settings, request: &DraftRequest) -> Value {
    let limit = match settings.limit {
        Limit::MaxCompletionTokens => "max_completion_tokens",
        Limit::MaxTokens => "max_tokens",
    };
    let wanted = json!({
        "language": request.language,
        "max_characters": request.max_length,
        "subject": request.subject,
    });
    json!({
        "model": settings.model,
        limit: request.max_tokens,
        "messages": [
            {"role": "system", "content": request.system},
            {"role": "user", "content": [
                {"type": "text", "text": request.user},
                // Behind whatever the data says.
                {"type": "text", "text": format!("Requirements for the answer: {wanted}")},
            ]},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "draft", "strict": true, "schema": schema(request.subject)},
        },
    })
}

/// The form of the answer. Strict schemas need every property to be required, and hold nothing about a contact.
fn schema(subject: bool) -> Value {
    let mut properties = json!({
        "facts_used": {
            "type": "array",
            "description": "Names of the fields of the contact's data that the text uses.",
            "items": {"type": "string"},
        },
        "language": {"type": "string", "description": "BCP 47 tag of the language of the text."},
        "text": {"type": "string", "description": "The finished message, plain, no placeholders."},
    });
    let mut required = vec!["facts_used", "language", "text"];
    if subject {
        let line = json!({"type": "string", "description": "The subject line."});
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("subject".to_owned(), line);
        }
        required.push("subject");
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
