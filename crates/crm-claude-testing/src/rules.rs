//! What the API refuses, written down once more and apart from the adapter: headers, keys at every depth,
//! the switches of each model, the limits of schemas and batches.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::server::Request;

/// The versions of the API that are known.
pub const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// Collects what is wrong.
#[derive(Default)]
struct Check(Vec<String>);

/// What is wrong with this request.
#[must_use]
pub fn problems(request: &Request) -> Vec<String> {
    let mut check = Check::default();
    check.headers(request);
    check.route(request);
    check.0
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Check {
    fn ensure(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.0.push(what.into());
        }
    }

    fn headers(&mut self, request: &Request) {
        let allowed = [
            "host",
            "x-api-key",
            "anthropic-version",
            "content-type",
            "content-length",
            "user-agent",
            "accept",
        ];
        for (name, _) in &request.headers {
            self.ensure(allowed.contains(&name.as_str()), format!("header {name}"));
        }
        let key = request.header("x-api-key");
        self.ensure(key.is_some_and(|key| !key.is_empty()), "no key");
        let version = request.header("anthropic-version").unwrap_or_default();
        self.ensure(VERSIONS.contains(&version), format!("version {version}"));
        self.ensure(request.header("user-agent").is_some(), "no user agent");
        if request.method == "POST" {
            let kind = request.header("content-type");
            self.ensure(kind == Some("application/json"), "content type");
        }
        self.ensure(request.body.len() <= 256_000_000, "larger than 256 MB");
    }

    fn route(&mut self, request: &Request) {
        let parts: Vec<&str> = request.path().split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v1", "messages"]) => self.params(&request.json(), false),
            ("POST", ["v1", "messages", "count_tokens"]) => self.prompt(&request.json(), &[]),
            ("POST", ["v1", "messages", "batches"]) => self.batch(&request.json()),
            ("GET", ["v1", "messages", "batches"]) => self.query(&request.target),
            (
                "GET",
                ["v1", "messages", "batches", _] | ["v1", "messages", "batches", _, "results"],
            )
            | ("POST", ["v1", "messages", "batches", _, "cancel"]) => {
                self.ensure(request.body.is_empty(), "a body where there is none");
            }
            (method, _) => self.ensure(false, format!("no route {method} {}", request.target)),
        }
    }

    fn query(&mut self, target: &str) {
        let (_, query) = target.split_once('?').unwrap_or((target, ""));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let fits = match name {
                "limit" => value.parse().is_ok_and(|limit| (1..=1000).contains(&limit)),
                "after_id" | "before_id" => !value.is_empty(),
                _ => false,
            };
            self.ensure(fits, format!("query {pair}"));
        }
    }

    fn keys(&mut self, value: &Value, at: &str, required: &[&str], optional: &[&str]) {
        let Some(map) = value.as_object() else {
            return self.ensure(false, format!("{at}: no object"));
        };
        for key in map.keys() {
            let known = required.contains(&key.as_str()) || optional.contains(&key.as_str());
            self.ensure(known, format!("{at}.{key}: unknown"));
        }
        for key in required {
            self.ensure(map.contains_key(*key), format!("{at}.{key}: required"));
        }
    }

    fn batch(&mut self, body: &Value) {
        self.keys(body, "batch", &["requests"], &[]);
        let requests = items(&body["requests"]);
        self.ensure(
            (1..=100_000).contains(&requests.len()),
            "number of requests",
        );
        let mut ids = BTreeSet::new();
        for request in requests {
            self.keys(request, "request", &["custom_id", "params"], &[]);
            let id = text(&request["custom_id"]);
            let sign = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let fits = (1..=64).contains(&id.len()) && id.chars().all(sign);
            self.ensure(fits, format!("custom_id {id}"));
            self.ensure(ids.insert(id.to_owned()), format!("{id} comes twice"));
            self.params(&request["params"], true);
        }
    }

    /// The body of a request for a message.
    fn params(&mut self, body: &Value, batch: bool) {
        self.prompt(body, &["max_tokens", "metadata", "inference_geo"]);
        let longest = match (text(&body["model"]), batch) {
            (_, false) => 21_333,
            (model, true) if model.contains("-4-5") => 64_000,
            (_, true) => 128_000,
        };
        let max = body["max_tokens"].as_u64().unwrap_or_default();
        self.ensure((1..=longest).contains(&max), format!("max_tokens {max}"));
        if let Some(metadata) = body.get("metadata") {
            self.keys(metadata, "metadata", &[], &["user_id"]);
            let user = text(&metadata["user_id"]);
            let opaque = user.len() >= 32 && user.bytes().all(|b| b.is_ascii_hexdigit());
            self.ensure(opaque && user.len() <= 256, "user_id is not opaque");
        }
        if let Some(geo) = body.get("inference_geo") {
            self.ensure(matches!(text(geo), "us" | "global"), "inference_geo");
            self.ensure(!text(&body["model"]).contains("-4-5"), "no geo before 4.6");
        }
    }

    fn prompt(&mut self, body: &Value, more: &[&str]) {
        let optional = [&["system", "thinking", "output_config"], more].concat();
        self.keys(body, "body", &["model", "messages"], &optional);
        let mut marks = 0;
        for block in items(&body["system"]) {
            self.block(block);
            if let Some(mark) = block.get("cache_control") {
                marks += 1;
                self.keys(mark, "cache_control", &["type"], &["ttl"]);
                self.ensure(mark["type"] == "ephemeral", "cache_control.type");
                self.ensure(matches!(text(&mark["ttl"]), "5m" | "1h"), "ttl");
            }
        }
        self.ensure(marks <= 4, "more than four cache marks");
        let turns = items(&body["messages"]);
        self.ensure(!turns.is_empty(), "no message");
        for (place, turn) in turns.iter().enumerate() {
            self.keys(turn, "message", &["role", "content"], &[]);
            let role = if place % 2 == 0 { "user" } else { "assistant" };
            self.ensure(turn["role"] == role, "roles do not alternate");
            self.ensure(!items(&turn["content"]).is_empty(), "no content");
            items(&turn["content"])
                .iter()
                .for_each(|block| self.block(block));
        }
        let last = turns.last().map(|turn| text(&turn["role"]));
        self.ensure(last == Some("user"), "a prefilled answer");
        self.thinking(body);
        if let Some(config) = body.get("output_config") {
            self.keys(config, "output_config", &[], &["effort", "format"]);
            if let Some(format) = config.get("format") {
                self.keys(format, "format", &["type", "schema"], &[]);
                self.ensure(format["type"] == "json_schema", "format.type");
                let mut optional = 0;
                self.schema(&format["schema"], &mut optional);
                self.ensure(optional <= 24, "more than 24 optional properties");
            }
        }
    }

    fn block(&mut self, block: &Value) {
        self.keys(block, "block", &["type", "text"], &["cache_control"]);
        self.ensure(block["type"] == "text", "block.type");
        self.ensure(!text(&block["text"]).trim().is_empty(), "an empty block");
    }

    /// The switches, per model.
    fn thinking(&mut self, body: &Value) {
        let model = text(&body["model"]);
        let thinking = body.get("thinking").map(|t| text(&t["type"]));
        let allowed: &[Option<&str>] = match model {
            "claude-haiku-5-5" | "claude-sonnet-5" | "claude-opus-5" => &[None, Some("disabled")],
            "claude-sonnet-5-5" => &[None, Some("between_tools")],
            _ => &[None],
        };
        self.ensure(
            allowed.contains(&thinking),
            format!("{model}: thinking {thinking:?}"),
        );
        if let Some(thinking) = body.get("thinking") {
            self.keys(thinking, "thinking", &["type"], &[]);
        }
        let Some(effort) = body["output_config"].get("effort").map(text) else {
            return;
        };
        let deaf = ["claude-haiku-4-5", "claude-sonnet-4-5"];
        let deaf = deaf.iter().any(|deaf| model.starts_with(deaf));
        self.ensure(!deaf, format!("{model} knows no effort"));
        let off = thinking.is_some();
        let fits = match effort {
            "low" | "medium" | "high" => true,
            "xhigh" | "max" => !off && !model.starts_with("claude-opus-4-5"),
            _ => false,
        };
        self.ensure(fits, format!("{model}: effort {effort}"));
    }

    fn schema(&mut self, schema: &Value, optional: &mut usize) {
        let Some(map) = schema.as_object() else {
            return self.ensure(false, "a schema is no object");
        };
        for key in map.keys() {
            let known = [
                "type",
                "description",
                "properties",
                "required",
                "additionalProperties",
                "items",
                "enum",
                "const",
            ];
            self.ensure(
                known.contains(&key.as_str()),
                format!("schema keyword {key}"),
            );
        }
        if schema["type"] == "object" {
            let closed = schema["additionalProperties"] == false;
            self.ensure(closed, "an object that is not closed");
            let required: Vec<&str> = items(&schema["required"]).iter().map(text).collect();
            let properties = schema["properties"].as_object().expect("properties");
            for name in &required {
                self.ensure(
                    properties.contains_key(*name),
                    format!("{name} is required"),
                );
            }
            for (name, inner) in properties {
                *optional += usize::from(!required.contains(&name.as_str()));
                self.schema(inner, optional);
            }
        }
        if let Some(inner) = schema.get("items") {
            self.schema(inner, optional);
        }
    }
}
