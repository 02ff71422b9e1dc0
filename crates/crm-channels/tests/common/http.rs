//! An HTTP provider that does what a test tells it, one act for each request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the provider does with a request that it has read whole.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers with this status, these header lines and this body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Closes the connection without a word.
    Close,
    /// Resets it.
    Reset,
    /// Says nothing any more.
    Hang,
    /// Promises a longer body than it sends, then closes.
    Half(u16, Vec<u8>),
    /// Sends a body of so many bytes.
    Flood(usize),
    /// Sends the answer to the end one byte at a time, with this pause between two.
    Drip(Duration, u16, Vec<u8>),
    /// Waits for so long, then answers with this status and this body.
    Late(Duration, u16, Vec<u8>),
    /// Sends a body without end and without a length, with this status.
    Endless(u16),
    /// Sends header lines without end.
    EndlessHead,
}

/// An answer with a JSON body.
pub fn json(status: u16, body: &str) -> Act {
    let header = ("content-type", "application/json".to_owned());
    Act::Answer(status, vec![header], body.as_bytes().to_vec())
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What an emulated provider does with a request.
pub type Rule = Box<dyn FnMut(&Request) -> Act + Send>;

type Answers = Arc<dyn Fn(&Request) -> Act + Send + Sync>;

/// A running provider.
#[derive(Debug)]
pub struct Provider {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Provider {
    /// One act for each request. Without acts left it closes connections.
    pub async fn start(acts: Vec<Act>) -> Self {
        let acts = Mutex::new(VecDeque::from(acts));
        Self::answering(move |_| acts.lock().unwrap().pop_front().unwrap_or(Act::Close)).await
    }

    /// As [`answering`](Self::answering), by a rule that remembers.
    pub async fn emulate(rule: Rule) -> Self {
        let rule = Mutex::new(rule);
        Self::answering(move |request| rule.lock().unwrap()(request)).await
    }

    /// Does what `answers` says, which sees the request.
    pub async fn answering(answers: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let (seen, answers): (_, Answers) = (Arc::clone(&requests), Arc::new(answers));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&answers)));
            }
        });
        Self {
            address,
            requests,
            listening: Mutex::new(Some(listening)),
        }
    }

    /// Listens no more.
    pub async fn stop(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(listening) = listening {
            listening.abort();
            listening.await.unwrap_err();
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came in, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Request>>>, answers: Answers) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        seen.lock().unwrap().push(request.clone());
        let act = answers(&request);
        let head = |status: u16, length: usize| {
            format!("HTTP/1.1 {status} status\r\ncontent-length: {length}\r\n")
        };
        match act {
            Act::Answer(status, headers, body) => {
                let mut answer = head(status, body.len());
                for (name, value) in headers {
                    answer.push_str(&format!("{name}: {value}\r\n"));
                }
                answer.push_str("\r\n");
                let mut answer = answer.into_bytes();
                answer.extend(body);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            Act::Close => return,
            Act::Reset => {
                // With a linger of zero, closing sends RST.
                stream.set_zero_linger().unwrap();
                return;
            }
            Act::Hang => return std::future::pending().await,
            Act::Half(status, body) => {
                let mut answer = format!("{}\r\n", head(status, body.len() + 100)).into_bytes();
                answer.extend(body);
                stream.write_all(&answer).await.unwrap();
                return;
            }
            Act::Flood(length) => {
                let start = format!("{}\r\n", head(200, length));
                if stream.write_all(start.as_bytes()).await.is_err() {
                    return;
                }
                let chunk = vec![b'x'; 64 * 1024];
                let mut left = length;
                while left > 0 {
                    let now = left.min(chunk.len());
                    if stream.write_all(&chunk[..now]).await.is_err() {
                        return;
                    }
                    left -= now;
                }
            }
            Act::Late(pause, status, body) => {
                tokio::time::sleep(pause).await;
                let mut answer = format!("{}\r\n", head(status, body.len())).into_bytes();
                answer.extend(body);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            Act::Endless(status) => {
                let start =
                    format!("HTTP/1.1 {status} status\r\ntransfer-encoding: chunked\r\n\r\n");
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
                return without_end(&mut stream, &start, &chunk).await;
            }
            Act::EndlessHead => {
                let line = format!("x-more: {}\r\n", "x".repeat(1_000));
                return without_end(&mut stream, "HTTP/1.1 200 status\r\n", &line).await;
            }
            Act::Drip(pause, status, body) => {
                let mut answer = format!("{}\r\n", head(status, body.len())).into_bytes();
                answer.extend(body);
                for byte in answer {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

async fn without_end(stream: &mut TcpStream, start: &str, more: &str) {
    let mut sent = stream.write_all(start.as_bytes()).await;
    while sent.is_ok() {
        sent = stream.write_all(more.as_bytes()).await;
    }
}

/// The next request of a connection; bodies have a length.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|part| part == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let mut request = Request {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        ..Request::default()
    };
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        request
            .headers
            .push((name.to_owned(), value.trim().to_owned()));
    }
    let length: usize = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    request.body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some(request)
}
