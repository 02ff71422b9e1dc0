//! A small HTTP server of our own, which can also break off, reset and fall silent.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of the header of this name, in lower case.
    ///
    /// # Panics
    /// It comes twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let one = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} comes twice");
        one
    }

    /// Without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// An ordinary answer.
    Full(u16, Vec<(String, String)>, Vec<u8>),
    /// The same, cut off after this many bytes of the body.
    Cut(u16, Vec<u8>, usize),
    /// The connection is closed without a byte.
    Reset,
    /// Nothing, until the other side gives up.
    Silence,
    /// The same, after this time.
    Slow(Duration, Box<Answer>),
    /// The same, once there is a place, which it takes for ever.
    Held(Arc<Semaphore>, Box<Answer>),
}

impl Answer {
    /// JSON with this status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Full(status, Vec::new(), body.to_string().into_bytes())
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Full(_, headers, _) = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The whole of an answer that is well, as JSON, whether it arrives or not.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        match self {
            Self::Full(200, _, body) | Self::Cut(200, body, _) => serde_json::from_slice(body).ok(),
            Self::Slow(_, inner) | Self::Held(_, inner) => inner.body(),
            Self::Full(..) | Self::Cut(..) | Self::Reset | Self::Silence => None,
        }
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// A server on a port of this machine; ends with the runtime.
pub struct Server {
    /// Where it listens.
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that answers so.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (handler, log): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&handler), Arc::clone(&log)));
            }
        });
        Self { url, seen }
    }

    /// A server that answers with these, one after the other, and with the last one for ever.
    pub async fn script(answers: Vec<Answer>) -> Self {
        let next = Mutex::new(answers.into_iter());
        let last = Mutex::new(None);
        Self::start(move |_| {
            let answer = next.lock().expect("lock").next();
            let mut last = last.lock().expect("lock");
            if let Some(answer) = answer {
                *last = Some(answer);
            }
            last.clone().expect("an answer")
        })
        .await
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("lock").clone()
    }
}

async fn serve(mut socket: TcpStream, handler: Arc<Handler>, log: Arc<Mutex<Vec<Request>>>) {
    let Some(request) = read(&mut socket).await else {
        return;
    };
    log.lock().expect("lock").push(request.clone());
    let mut answer = handler(&request);
    loop {
        answer = match answer {
            Answer::Slow(time, inner) => {
                tokio::time::sleep(time).await;
                *inner
            }
            Answer::Held(places, inner) => {
                let Ok(place) = places.acquire().await else {
                    return;
                };
                place.forget();
                *inner
            }
            now => break give(&mut socket, now).await,
        };
    }
}

async fn give(socket: &mut TcpStream, answer: Answer) {
    match answer {
        Answer::Full(status, headers, body) => {
            let length = body.len();
            write(socket, status, &headers, length, &body).await;
        }
        Answer::Cut(status, body, at) => {
            let part = body.get(..at).expect("a part");
            write(socket, status, &[], body.len(), part).await;
        }
        Answer::Reset => {
            // Closing with unread or unsent data would do as well; zero makes it a reset.
            socket.set_zero_linger().expect("linger");
        }
        Answer::Silence => {
            // Ends when the other side closes.
            let mut rest = [0; 16];
            while matches!(socket.read(&mut rest).await, Ok(1..)) {}
        }
        Answer::Slow(..) | Answer::Held(..) => {}
    }
}

async fn write(
    socket: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    length: usize,
    body: &[u8],
) {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    let all = quiet(socket.write_all(head.as_bytes())).await
        && quiet(socket.write_all(body)).await
        && quiet(socket.shutdown()).await;
    let _ = all;
}

/// The other side may be gone, which is its right.
async fn quiet(write: impl Future<Output = std::io::Result<()>>) -> bool {
    write.await.is_ok()
}

async fn read(socket: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 65_536];
    let head = loop {
        let found = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = found {
            break end;
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(chunk.get(..read)?),
        }
    };
    let text = String::from_utf8(bytes.get(..head)?.to_vec()).expect("ASCII head");
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').expect("a header"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("length"));
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => body.extend_from_slice(chunk.get(..read)?),
        }
    }
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}
