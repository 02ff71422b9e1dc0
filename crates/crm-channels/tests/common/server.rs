//! An SMTP server that does what a test tells it, one script per connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the server does when its turn comes.
#[derive(Debug, Clone)]
pub enum Act {
    /// Says this line (CRLF is added).
    Say(String),
    /// Closes the connection.
    Close,
    /// Says nothing any more.
    Hang,
    /// Waits, then says this line.
    Slow(Duration, String),
}

pub fn say(line: &str) -> Act {
    Act::Say(line.to_owned())
}

/// Deviations from a friendly server, by the first word of a command; `"."` is the final dot, `""` the
/// greeting. Each entry is used once.
pub type Script = Vec<(&'static str, Act)>;

#[derive(Default)]
struct Seen {
    scripts: VecDeque<Script>,
    commands: Vec<Vec<String>>,
    messages: Vec<Vec<u8>>,
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// How the server protects its connections.
#[derive(Clone)]
pub enum Protection {
    None,
    StartTls(TlsAcceptor),
    Implicit(TlsAcceptor),
}

impl Server {
    pub async fn start(scripts: Vec<Script>) -> Self {
        Self::start_with(scripts, Protection::None, "250-server\r\n250 SIZE 0").await
    }

    pub async fn start_with(
        scripts: Vec<Script>,
        protection: Protection,
        hello: &'static str,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            scripts: scripts.into(),
            ..Seen::default()
        }));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, protection) = (Arc::clone(&shared), protection.clone());
                tokio::spawn(async move {
                    let (script, number) = {
                        let mut seen = shared.lock().unwrap();
                        seen.commands.push(Vec::new());
                        (
                            seen.scripts.pop_front().unwrap_or_default(),
                            seen.commands.len() - 1,
                        )
                    };
                    let mut talk = Talk {
                        script,
                        number,
                        seen: shared,
                        hello,
                    };
                    talk.run(stream, protection).await;
                });
            }
        });
        Self { address, seen }
    }

    /// The commands of every connection so far.
    pub fn commands(&self) -> Vec<Vec<String>> {
        self.seen.lock().unwrap().commands.clone()
    }

    /// The messages accepted so far, dots undone.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().messages.clone()
    }
}

struct Talk {
    script: Script,
    number: usize,
    seen: Arc<Mutex<Seen>>,
    hello: &'static str,
}

/// Why a dialogue paused.
enum End {
    Closed,
    StartTls,
}

impl Talk {
    async fn run(&mut self, stream: TcpStream, protection: Protection) {
        match protection {
            Protection::None => {
                let mut io = BufReader::new(stream);
                if self.answer(&mut io, "", "220 ready").await {
                    self.dialogue(&mut io).await;
                }
            }
            Protection::Implicit(acceptor) => {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut io = BufReader::new(stream);
                if self.answer(&mut io, "", "220 ready").await {
                    self.dialogue(&mut io).await;
                }
            }
            Protection::StartTls(acceptor) => {
                let mut io = BufReader::new(stream);
                if !self.answer(&mut io, "", "220 ready").await {
                    return;
                }
                if matches!(self.dialogue(&mut io).await, End::StartTls) {
                    let Ok(stream) = acceptor.accept(io.into_inner()).await else {
                        return;
                    };
                    self.dialogue(&mut BufReader::new(stream)).await;
                }
            }
        }
    }

    async fn dialogue<S: AsyncRead + AsyncWrite + Unpin>(&mut self, io: &mut BufReader<S>) -> End {
        loop {
            let mut line = String::new();
            if !matches!(io.read_line(&mut line).await, Ok(1..)) {
                return End::Closed;
            }
            let line = line.trim_end().to_owned();
            self.seen.lock().unwrap().commands[self.number].push(line.clone());
            let word = line.split(' ').next().unwrap_or_default().to_owned();
            let usual = match word.as_str() {
                "EHLO" => self.hello,
                "STARTTLS" => "220 go",
                "AUTH" if line.starts_with("AUTH LOGIN") => "334 VXNlcm5hbWU6",
                "AUTH" => "235 in",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            let deviates = self.script.iter().any(|(at, _)| *at == word);
            if !self.answer(io, &word, usual).await {
                return End::Closed;
            }
            match word.as_str() {
                "STARTTLS" if !deviates => return End::StartTls,
                "AUTH" if usual.starts_with("334") && !deviates => {
                    for usual in ["334 UGFzc3dvcmQ6", "235 in"] {
                        let mut line = String::new();
                        let _ = io.read_line(&mut line).await;
                        let line = line.trim_end().to_owned();
                        self.seen.lock().unwrap().commands[self.number].push(line);
                        if !self.answer(io, "LOGIN", usual).await {
                            return End::Closed;
                        }
                    }
                }
                "DATA" if !deviates && !self.content(io).await => return End::Closed,
                _ => {}
            }
        }
    }

    async fn content<S: AsyncRead + AsyncWrite + Unpin>(&mut self, io: &mut BufReader<S>) -> bool {
        let mut content = Vec::new();
        loop {
            let mut line = Vec::new();
            if !matches!(io.read_until(b'\n', &mut line).await, Ok(1..)) {
                return false;
            }
            if line == b".\r\n" {
                break;
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.seen.lock().unwrap().messages.push(content);
        self.answer(io, ".", "250 ok").await
    }

    /// Does what the script says here, or answers as usual. False when the dialogue is over.
    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut BufReader<S>,
        word: &str,
        usual: &str,
    ) -> bool {
        let place = self.script.iter().position(|(at, _)| *at == word);
        let line = match place.map(|place| self.script.remove(place).1) {
            None => usual.to_owned(),
            Some(Act::Say(line)) => line,
            Some(Act::Close) => return false,
            Some(Act::Hang) => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                return false;
            }
            Some(Act::Slow(wait, line)) => {
                tokio::time::sleep(wait).await;
                line
            }
        };
        io.get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .is_ok()
    }
}
