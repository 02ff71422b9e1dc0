//! Stands in for the model's API: answers every request alike and keeps what it was asked.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

pub struct Model {
    pub url: String,
    asked: Receiver<Value>,
    release: Option<Sender<()>>,
}

/// The answer of a model that did as it was told.
pub fn draft(text: &str) -> (u16, Value) {
    let text = json!({"language": "ru", "subject": "Тема", "text": text, "uses_name": true});
    let body = json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text.to_string()}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 412, "output_tokens": 64, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0},
    });
    (200, body)
}

impl Model {
    /// Answers at once.
    pub fn start(answer: (u16, Value)) -> Self {
        let mut model = Self::holding(answer);
        model.release = None;
        model
    }

    /// Answers each request once it is let go.
    pub fn holding((status, body): (u16, Value)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = channel();
        let (release, go) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some((name, value)) = line.split_once(':')
                        && name.eq_ignore_ascii_case("content-length")
                    {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut request = vec![0; length];
                if reader.read_exact(&mut request).is_err() || request.is_empty() {
                    continue;
                }
                let _ = tell.send(serde_json::from_slice(&request).unwrap());
                // Without anybody to let it go, it answers at once.
                let _ = go.recv();
                let body = body.to_string();
                let _ = stream.write_all(
                    format!(
                        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\
                         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    )
                    .as_bytes(),
                );
            }
        });
        Self {
            url,
            asked,
            release: Some(release),
        }
    }

    /// The next request, which has arrived or will soon.
    pub fn asked(&self) -> Value {
        self.asked.recv_timeout(Duration::from_secs(15)).unwrap()
    }

    /// Whether nobody has asked.
    pub fn idle(&self) -> bool {
        self.asked.try_recv().is_err()
    }

    /// Lets one request go.
    pub fn answer(&self) {
        self.release.as_ref().unwrap().send(()).unwrap();
    }

    /// The variables that make a host use it.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [
            ("ANTHROPIC_API_KEY", "test-key"),
            ("ANTHROPIC_BASE_URL", &self.url),
        ]
    }
}
