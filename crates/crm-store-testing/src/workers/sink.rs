//! The receiving side: takes deliveries in the test's own process, which nobody kills, and remembers
//! each before it answers. And the channel that leads there.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use crm_core::id::{AttemptId, MessageId};
use crm_core::message::{Approved, Digest};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use crm_core::port::clock::Clock as _;
use crm_core::system::SystemClock;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

/// How long one delivery may take, unless said otherwise. Leases are twice that and half a minute.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Whatever should happen soon has happened by then.
const PATIENCE: Duration = Duration::from_secs(180);

/// What arrived: the channel sends all of `Approved`.
#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    /// What was delivered.
    pub message_id: MessageId,
    /// Through which attempt.
    pub attempt_id: AttemptId,
    /// Of what was approved.
    pub digest: Digest,
    /// To whom.
    pub recipient: String,
    /// The text.
    pub content: String,
    /// When the last of it arrived.
    #[serde(skip)]
    pub at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Taken {
    deliveries: Mutex<Vec<Delivery>>,
    more: Condvar,
}

/// Listens until the test's process ends.
#[derive(Debug)]
pub struct Sink {
    folder: TempDir,
    taken: Arc<Taken>,
}

impl Sink {
    /// A sink that answers so long after it took a delivery, at most: the first at once, the next a
    /// millisecond later, and so on.
    pub fn start(slowest_ms: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let taken = Arc::new(Taken::default());
        let sink = Self { folder, taken };
        let listener = UnixListener::bind(sink.path()).unwrap();
        let taken = Arc::clone(&sink.taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || take(stream, &taken, slowest_ms));
            }
        });
        sink
    }

    /// Where it listens.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("sink")
    }

    /// All it took, in that order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.taken.deliveries.lock().unwrap().clone()
    }

    /// How many that is.
    pub fn count(&self) -> usize {
        self.taken.deliveries.lock().unwrap().len()
    }

    /// Waits until so many deliveries were taken in all, for at most `patience`. Returns whether they
    /// were.
    pub fn reaches(&self, count: usize, patience: Duration) -> bool {
        let taken = self.taken.deliveries.lock().unwrap();
        let waited = self
            .taken
            .more
            .wait_timeout_while(taken, patience, |taken| taken.len() < count);
        !waited.unwrap().1.timed_out()
    }

    /// As [`reaches`](Self::reaches), which has to come.
    pub fn wait_for(&self, count: usize) {
        assert!(
            self.reaches(count, PATIENCE),
            "{} of {count} deliveries came",
            self.count()
        );
    }
}

/// One delivery. What breaks off amid the line was never taken.
fn take(stream: UnixStream, taken: &Taken, slowest_ms: u64) {
    let mut line = String::new();
    let mut reader = BufReader::new(&stream);
    if reader.read_line(&mut line).is_err() || !line.ends_with('\n') {
        return;
    }
    let number = {
        let mut delivery: Delivery = serde_json::from_str(&line).unwrap();
        let mut deliveries = taken.deliveries.lock().unwrap();
        delivery.at = SystemClock.now();
        deliveries.push(delivery);
        taken.more.notify_all();
        deliveries.len() as u64
    };
    // A provider takes its time, and that is when workers die.
    std::thread::sleep(Duration::from_millis(number % (slowest_ms + 1)));
    // Nobody may be there any more.
    let _ = (&stream).write_all(format!("sink-{number}\n").as_bytes());
}

/// The channel to a sink, without idempotency: whoever sends twice is found out.
pub struct ToSink {
    path: PathBuf,
    concurrency: usize,
    timeout: Duration,
    /// Hears what was just done: `connect`, `half`, `body`, `answer`.
    told: Box<dyn Fn(&str) + Send + Sync>,
}

impl ToSink {
    /// To the sink that listens at `path`.
    pub fn new(path: &Path, concurrency: usize) -> Self {
        Self {
            path: path.to_owned(),
            concurrency,
            timeout: TIMEOUT,
            told: Box::new(|_| ()),
        }
    }

    /// How long a delivery may take.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Who hears what was just done.
    #[must_use]
    pub fn telling(self, told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let told = Box::new(told);
        Self { told, ..self }
    }
}

impl fmt::Debug for ToSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToSink({:?})", self.path)
    }
}

#[async_trait::async_trait]
impl Channel for ToSink {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            concurrency: self.concurrency,
            timeout: self.timeout,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let Ok(mut stream) = tokio::net::UnixStream::connect(&self.path).await else {
            return Outcome::RetryAfter {
                scope: RetryScope::Message,
                at_least: Duration::ZERO,
                reason: "not_connected".to_owned(),
            };
        };
        (self.told)("connect");
        let line = serde_json::to_string(approved).unwrap() + "\n";
        let (half, rest) = line.as_bytes().split_at(line.len() / 2);
        let mut answer = String::new();
        let exchange = async {
            stream.write_all(half).await?;
            (self.told)("half");
            stream.write_all(rest).await?;
            (self.told)("body");
            let mut reader = tokio::io::BufReader::new(&mut stream);
            reader.read_line(&mut answer).await
        };
        if exchange.await.is_err() || !answer.ends_with('\n') {
            return Outcome::Unknown {
                reason: "no_answer".to_owned(),
            };
        }
        (self.told)("answer");
        Outcome::Accepted {
            provider_id: answer.trim().to_owned(),
        }
    }
}
