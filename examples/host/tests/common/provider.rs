//! A provider over HTTP that keeps a ledger: what it took stands there before it answers. It can hold its
//! answers back, so that a test knows what is under way.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What a request delivers and what is answered to it.
pub struct Taken {
    pub to: String,
    pub text: String,
    /// Whether the provider takes it; if not it does not stand in the ledger.
    pub taken: bool,
    pub status: u16,
    pub answer: String,
}

/// Reads a request: its path, its body, and how many messages were taken before.
type Reader = fn(&str, &[u8], usize) -> Taken;

#[derive(Default)]
struct State {
    /// Recipients and texts, in the order they came.
    ledger: Vec<(String, String)>,
    /// How many are answered; those that come later wait.
    answers: usize,
}

pub struct Provider {
    pub base: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Provider {
    /// One that holds its answers back until it is told to give some.
    pub fn start(read: Reader) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&all);
                std::thread::spawn(move || serve(stream, read, &shared));
            }
        });
        Self { base, shared }
    }

    /// Lets it answer what it has taken and so many more.
    pub fn answers(&self, more: usize) {
        let mut state = self.shared.0.lock().unwrap();
        state.answers = state.ledger.len() + more;
        self.shared.1.notify_all();
    }

    /// Text by recipient. Each recipient at most once.
    pub fn ledger(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (to, text) in &self.shared.0.lock().unwrap().ledger {
            let before = found.insert(to.clone(), text.clone());
            assert_eq!(before, None, "{to} was written to twice");
        }
        found
    }

    /// Whoever is behind the answers that are held back.
    pub fn held(&self) -> Vec<String> {
        let state = self.shared.0.lock().unwrap();
        let held = state.ledger.iter().skip(state.answers);
        held.map(|(to, _)| to.clone()).collect()
    }
}

/// One connection, request by request.
fn serve(stream: TcpStream, read: Reader, shared: &(Mutex<State>, Condvar)) {
    let mut answers = stream.try_clone().unwrap();
    let mut requests = BufReader::new(stream);
    while let Some((path, body)) = request(&mut requests) {
        let (lock, changed) = shared;
        let mut state = lock.lock().unwrap();
        let taken = read(&path, &body, state.ledger.len());
        if taken.taken {
            state.ledger.push((taken.to, taken.text));
            let place = state.ledger.len();
            drop(changed.wait_while(state, |state| state.answers < place));
        } else {
            drop(state);
        }
        let (status, answer) = (taken.status, taken.answer);
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        // Whoever asked may be dead by now.
        if answers.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

/// Path and body; `None` when the connection ends.
fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((path, body))
}
