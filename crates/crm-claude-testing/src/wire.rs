//! What goes over the wire: a request for a draft as the model reads it, answers, errors, and what they cost.

use std::path::Path;

use serde_json::{Value, json};

use crate::server::Answer;

/// A request for one draft, as the model reads it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The model that is asked.
    pub model: String,
    /// The JSON object of the user's turn.
    pub task: Value,
    /// Whether a subject is wanted.
    pub subject: bool,
}

impl Asked {
    /// What the body of a request asks for.
    #[must_use]
    pub fn of(params: &Value) -> Self {
        let text = params["messages"][0]["content"][0]["text"].as_str();
        let properties = &params["output_config"]["format"]["schema"]["properties"];
        Self {
            model: params["model"].as_str().unwrap_or_default().to_owned(),
            task: serde_json::from_str(text.unwrap_or_default()).unwrap_or_default(),
            subject: properties.get("subject").is_some(),
        }
    }

    /// Whom it is for.
    #[must_use]
    pub fn name(&self) -> &str {
        self.task["contact"]["name"].as_str().unwrap_or_default()
    }

    /// The agreed form around a text.
    #[must_use]
    pub fn form(&self, text: &str) -> String {
        let language = self.task["language"].as_str().unwrap_or("ru");
        let mut form = json!({"language": language, "text": text, "facts_used": ["name"]});
        if self.subject {
            form["subject"] = "Поздравляем".into();
        }
        form.to_string()
    }

    /// A good text for this person, with numbers of tokens that differ from person to person.
    #[must_use]
    pub fn message(&self) -> Value {
        self.message_of(&self.form(&self.text()), "end_turn")
    }

    /// What the model writes to this person: no two people get the same.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}, поздравляем вас с праздником!", self.name())
    }

    /// The same with another text and another end.
    #[must_use]
    pub fn message_of(&self, text: &str, stop_reason: &str) -> Value {
        let sum: u64 = self.name().bytes().map(u64::from).sum();
        let mut message = message(text, stop_reason);
        let usage = &mut message["usage"];
        usage["input_tokens"] = (300 + sum % 97).into();
        usage["output_tokens"] = (40 + sum % 53).into();
        usage["cache_read_input_tokens"] = (sum % 61).into();
        message
    }
}

/// A message of the model.
#[must_use]
pub fn message(text: &str, stop_reason: &str) -> Value {
    json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason, "stop_sequence": null, "stop_details": null, "container": null,
        "usage": {"input_tokens": 400, "output_tokens": 60, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "service_tier": "batch", "inference_geo": "global"},
    })
}

/// The agreed form around a text, without a subject.
#[must_use]
pub fn answer(text: &str) -> String {
    json!({"language": "ru", "text": text, "facts_used": ["name"]}).to_string()
}

/// An error of the API.
#[must_use]
pub fn error(status: u16, kind: &str) -> Answer {
    let body = json!({"type": "error", "error": {"type": kind, "message": "m"}});
    Answer::json(status, &body).with("request-id", "req_error")
}

/// What a message of Haiku 5.5 is billed at the list price, in picodollars: 0.10 USD for a million tokens read, 0.01
/// for what comes from the cache, 0.50 written; half of all that in a batch.
#[must_use]
pub fn billed(message: &Value, batch: bool) -> u64 {
    let tokens = |name: &str| message["usage"][name].as_u64().unwrap_or_default();
    let whole = tokens("input_tokens") * 100_000
        + tokens("cache_read_input_tokens") * 10_000
        + tokens("output_tokens") * 500_000;
    if batch { whole / 2 } else { whole }
}

/// One of the answers that the adapter's tests keep, by the name of its file.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn fixture(name: &str) -> Answer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crm-ai-claude/tests/fixtures");
    let text = std::fs::read(folder.join(format!("{name}.json"))).expect("a fixture");
    let fixture: Value = serde_json::from_slice(&text).expect("JSON");
    let status = fixture["status"].as_u64().expect("status");
    let body = match fixture.get("body_text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => fixture["body"].to_string(),
    };
    let headers = fixture["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| {
        let value = value.as_str().expect("a header's value");
        (name.clone(), value.to_owned())
    });
    Answer::Full(
        u16::try_from(status).expect("status"),
        headers.collect(),
        body.into_bytes(),
    )
}
