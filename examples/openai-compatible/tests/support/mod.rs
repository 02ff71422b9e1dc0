//! A small endpoint on this machine that checks each request strictly and answers as it is told.

// Each test target uses its part.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};

use crm_openai_compatible::{OpenAiCompatible, Price, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Stands for the key; must be seen in the `authorization` header alone.
pub(crate) const KEY: &str = "sk-key-canary-5e1f";
/// The model that is asked.
pub(crate) const MODEL: &str = "writer-1";

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status, headers, body.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Half of the body, then the end of the connection.
    Cut(Vec<u8>),
    /// Nothing, until the other side gives up.
    Silence,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Full(status, Vec::new(), body.to_string().into_bytes())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Full(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A completion with this content, and the usual use: 1,200 tokens read, 1,000 of them cached, 50 written.
pub(crate) fn completion(content: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000_u64,
        "model": "writer-1-2026-01-31", "service_tier": "default", "system_fingerprint": null,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": content, "refusal": null, "annotations": []}}],
        "usage": {"prompt_tokens": 1_200, "completion_tokens": 50, "total_tokens": 1_250,
            "prompt_tokens_details": {"cached_tokens": 1_000, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 10}},
    })
}

/// The agreed form.
pub(crate) fn text(text: &str) -> String {
    json!({"facts_used": ["name"], "language": "ru", "text": text}).to_string()
}

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    requests: Vec<Value>,
    wrong: Vec<String>,
}

/// The endpoint; ends with the runtime.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self {
            url: format!("http://{address}/v1"),
            state,
        }
    }

    pub(crate) async fn answering(answer: Answer) -> Self {
        let endpoint = Self::start().await;
        endpoint.answer(answer);
        endpoint
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        self.state.lock().expect("lock").answer = Some(answer);
    }

    /// The bodies of all requests, each of which was right.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let state = self.state.lock().expect("lock");
        assert_eq!(state.wrong, [""; 0]);
        state.requests.clone()
    }
}

/// Settings against an endpoint, with prices: 3, 1 and 10 picodollars.
pub(crate) fn settings(url: &str) -> Settings {
    let mut settings = Settings::new(url, MODEL, KEY.to_owned().into());
    let price = Price {
        input: 3,
        cached_input: 1,
        output: 10,
    };
    settings.prices.insert(MODEL.to_owned(), price);
    settings
}

pub(crate) fn adapter(url: &str) -> OpenAiCompatible {
    OpenAiCompatible::new(settings(url)).expect("usable settings")
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let Some((head, body)) = read(&mut socket).await else {
        return;
    };
    let answer = {
        let mut state = state.lock().expect("lock");
        match check(&head, &body) {
            Ok(body) => state.requests.push(body),
            Err(wrong) => state.wrong.push(wrong),
        }
        state.answer.clone()
    };
    let (status, headers, body, length) = match answer.expect("an answer") {
        Answer::Full(status, headers, body) => {
            let length = body.len();
            (status, headers, body, length)
        }
        Answer::Cut(mut body) => {
            let length = body.len();
            body.truncate(length / 2);
            (200, Vec::new(), body, length)
        }
        Answer::Silence => {
            let mut rest = [0; 16];
            while matches!(socket.read(&mut rest).await, Ok(1..)) {}
            return;
        }
    };
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    // The other side may be gone, which is its right.
    if socket.write_all(head.as_bytes()).await.is_ok() && socket.write_all(&body).await.is_ok() {
        socket.shutdown().await.ok();
    }
}

async fn read(socket: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 65_536];
    loop {
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(chunk.get(..read)?),
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes.get(..end)?.to_vec()).expect("ASCII head");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .expect("length");
        let body = bytes.get(end + 4..)?;
        if body.len() == length.parse::<usize>().expect("length") {
            return Some((head, body.to_vec()));
        }
    }
}

/// The request as the specification of chat completions has it, and nothing besides.
fn check(head: &str, body: &[u8]) -> Result<Value, String> {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    if first != "POST /v1/chat/completions HTTP/1.1" {
        return Err(format!("asked for {first}"));
    }
    let authorization = format!("authorization: Bearer {KEY}");
    for wanted in [authorization.as_str(), "content-type: application/json"] {
        if head.lines().filter(|line| *line == wanted).count() != 1 {
            return Err("a header is not as it should be".to_owned());
        }
    }
    if head.matches(KEY).count() != 1 || String::from_utf8_lossy(body).contains(KEY) {
        return Err("the key stands elsewhere".to_owned());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let keys: Vec<&str> = body
        .as_object()
        .ok_or("no object")?
        .keys()
        .map(String::as_str)
        .collect();
    let limit = if body.get("max_tokens").is_some() {
        "max_tokens"
    } else {
        "max_completion_tokens"
    };
    let mut wanted = vec!["messages", "model", "response_format", limit];
    wanted.sort_unstable();
    let mut sorted = keys;
    sorted.sort_unstable();
    if sorted != wanted {
        return Err(format!("keys {sorted:?}"));
    }
    if body[limit].as_u64().unwrap_or_default() == 0 {
        return Err("no limit".to_owned());
    }
    let messages = body["messages"].as_array().ok_or("no messages")?;
    let roles: Vec<&Value> = messages.iter().map(|message| &message["role"]).collect();
    if roles != ["system", "user"] || !messages[0]["content"].is_string() {
        return Err("other messages".to_owned());
    }
    let parts = messages[1]["content"].as_array().ok_or("no parts")?;
    let good = |part: &Value| part["type"] == "text" && part["text"].is_string();
    if parts.len() != 2 || !parts.iter().all(good) {
        return Err("other parts".to_owned());
    }
    let format = &body["response_format"];
    let schema = &format["json_schema"]["schema"];
    let named = format["json_schema"]["name"] == "draft" && format["json_schema"]["strict"] == true;
    if format["type"] != "json_schema" || !named || schema["additionalProperties"] != false {
        return Err("another form".to_owned());
    }
    let mut properties: Vec<&str> = schema["properties"]
        .as_object()
        .ok_or("no properties")?
        .keys()
        .map(String::as_str)
        .collect();
    let mut required: Vec<&str> = schema["required"]
        .as_array()
        .ok_or("nothing required")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    properties.sort_unstable();
    required.sort_unstable();
    if properties != required {
        return Err("a strict schema requires every property".to_owned());
    }
    Ok(body)
}
