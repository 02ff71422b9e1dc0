//! `smtp-sink`, which takes every message and throws it away, and `smtp-source`, which sends as fast as it
//! can and keeps no record: both of Postfix.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::process::Command;

use super::guard::{self, Guard};
use crate::Outcome;

/// Octets of a message behind its headers.
pub(super) const OCTETS: usize = 2_048;

/// Its standard output goes to the first argument; the rest is the command.
const SCRIPT: &str = r#"
out=$1; shift
"$@" >"$out" 2>&1 & sink=$!
echo 0
read -r _
kill $sink 2>/dev/null
wait
"#;

/// A running sink.
#[derive(Debug)]
pub(super) struct Sink {
    _guard: Guard,
    /// Where it listens on 127.0.0.1.
    pub(super) port: u16,
    said: PathBuf,
}

impl Sink {
    /// A sink that is ready. One that counts writes a line for each message, which costs it a little.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn start(folder: &Path, counting: bool) -> Outcome<Self> {
        let (program, port) = (guard::program("smtp-sink")?, guard::free_port()?);
        let (said, place) = (folder.join("sink"), format!("127.0.0.1:{port}"));
        let mut arguments = vec![said.as_path(), program.as_path()];
        if guard::is_root() {
            arguments.extend(["-u", "nobody"].map(Path::new));
        }
        if counting {
            arguments.push(Path::new("-c"));
        }
        // As many may wait to be let in as there may be connections.
        arguments.extend([place.as_str(), "256"].map(Path::new));
        let sink = Self {
            _guard: Guard::start(SCRIPT, &arguments)?,
            port,
            said,
        };
        match listens(port).await {
            Ok(()) => Ok(sink),
            Err(error) => Err(format!("{error}: {}", std::fs::read_to_string(&sink.said)?).into()),
        }
    }

    /// Holds that a counting sink took that many messages.
    ///
    /// # Errors
    /// When it took fewer or more.
    pub(super) async fn took(&self, count: usize) -> Outcome<()> {
        let limit = Instant::now() + Duration::from_secs(10);
        loop {
            let said = std::fs::read_to_string(&self.said)?;
            // Each line begins at the start of the one before it.
            let last = said.rsplit('\r').find_map(|line| line.split_once("mesg="));
            let taken: usize = last.map_or(Ok(0), |(_, number)| number.trim().parse())?;
            if taken == count {
                return Ok(());
            }
            if taken > count || Instant::now() > limit {
                return Err(format!("the sink took {taken} messages, not {count}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until somebody listens.
///
/// # Errors
/// When nobody does for ten seconds.
pub(super) async fn listens(port: u16) -> Outcome<()> {
    let limit = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if Instant::now() > limit {
            return Err("nobody listens for mail".into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Sends `count` messages over so many connections, each used to the end; says how long it took.
///
/// # Errors
/// When it could not send them all.
pub(super) async fn source(port: u16, sessions: usize, count: usize) -> Outcome<Duration> {
    let mut source = Command::new(guard::program("smtp-source")?);
    source
        .args(["-d", "-s", &sessions.to_string(), "-m", &count.to_string()])
        .args(["-l", &OCTETS.to_string(), "-f", super::SENDER])
        .args(["-t", "person0@example.uz", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null());
    let start = Instant::now();
    let status = source.status().await?;
    let took = start.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("smtp-source ended with {status}").into())
    }
}
