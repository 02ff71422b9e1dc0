//! What is done while the disk fails, and what is left of it: a list of steps, which lies where nothing
//! fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::message::decide::Seen;
use crm_core::message::{Approved, Message, Occasion, Status};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::clock::Clock;
use crm_core::port::store::{MessageQuery, PageRequest, Store, SuppressionQuery};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Error, ErrorKind, Role, Workspace};

use crate::crash::{CrashingStore, Point};

/// People, each with a message.
pub const PEOPLE: usize = 6;
/// Deliveries under way at once.
pub const PLACES: usize = 2;
/// Failures in a row after which it is enough.
const ENOUGH: usize = 12;
/// Nothing is ever sent to this one.
pub const SUPPRESSED: &str = "c5@example.org";

/// What happened, in this order; a line each.
#[derive(Debug, Clone)]
pub struct Steps(PathBuf);

impl Steps {
    /// Those that are kept in `folder`.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("steps"))
    }

    /// Notes another one.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn add(&self, line: &str) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.0).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Notes how an operation ended.
    pub fn ended(&self, what: &str, failed: Option<ErrorKind>) {
        self.add(&format!("{what} {}", failed.map_or("ok", ErrorKind::code)));
    }

    /// Notes that somebody was told that this was not done, and whether that was certain.
    fn refused(&self, what: &str, error: &Error) {
        let certain = !error.detail().contains("nothing is known");
        let how = if certain { "certain" } else { "unknown" };
        self.add(&format!("refused {what} {how}"));
    }

    /// All of them.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// What happens when the sequence comes to a chosen commit.
pub type Strike = Box<dyn Fn() + Send + Sync>;

/// How somebody goes on who meets failures.
pub struct Persistence {
    /// How often each step is tried.
    pub tries: usize,
    /// How long to wait in between.
    pub pause: Duration,
    failures: AtomicUsize,
    enough: Strike,
}

impl std::fmt::Debug for Persistence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Persistence({} tries)", self.tries)
    }
}

impl Persistence {
    /// `enough` is called at the twelfth failure in a row: nothing gets better by itself.
    pub fn new(tries: usize, pause: Duration, enough: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            tries,
            pause,
            failures: AtomicUsize::new(0),
            enough: Box::new(enough),
        }
    }

    fn heard(&self, failed: bool) {
        if !failed {
            self.failures.store(0, Ordering::SeqCst);
        } else if self.failures.fetch_add(1, Ordering::SeqCst) + 1 == ENOUGH {
            (self.enough)();
        }
    }
}

/// A provider that takes everything and notes it.
#[derive(Debug)]
struct Provider(Steps);

#[async_trait]
impl Channel for Provider {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            concurrency: PLACES,
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        self.0.add(&format!("send {}", approved.message_id()));
        Outcome::Accepted {
            provider_id: approved.attempt_id().to_string(),
        }
    }
}

/// The system's clock, put forward.
#[derive(Debug)]
struct Ahead(chrono::Duration);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
}

/// An engine whose provider notes in `folder` what leaves.
pub fn engine(store: Arc<dyn Store>, folder: &Path, ahead: chrono::Duration) -> Engine {
    let ids = Arc::new(RandomIds::default());
    Engine::builder(store, Arc::new(Ahead(ahead)), ids)
        .channel("email", Arc::new(Provider(Steps::of(folder))))
        .build()
}

/// Who decides everything.
#[must_use]
pub fn ann(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

/// A worker that claims few at once, so that it claims more than once.
#[must_use]
pub fn worker(engine: &Engine) -> Worker {
    let options = WorkerOptions {
        batch: 2,
        poll: Duration::from_millis(1),
        ..WorkerOptions::default()
    };
    Worker::new(engine.clone(), options)
}

/// All messages, oldest first.
///
/// # Panics
/// They cannot be read.
pub async fn messages(session: &Session) -> Vec<Message> {
    let query = MessageQuery {
        page: PageRequest {
            limit: 100,
            oldest_first: true,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    session.messages().list(query).await.unwrap().items
}

/// Writes a message for each of the people.
///
/// # Panics
/// The store does not take it.
pub async fn prepare(store: Arc<dyn Store>, folder: &Path) {
    let engine = engine(store, folder, chrono::Duration::zero());
    let ann = ann(&engine);
    for number in 0..PEOPLE {
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{number}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            channel: Some("email".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
        };
        ann.messages().create(draft).await.unwrap();
    }
}

/// Approves all that still waits, each by itself, and notes which were answered with success.
///
/// # Panics
/// As [`messages`].
pub async fn approve(session: &Session, steps: &Steps, persistence: &Persistence) {
    for message in messages(session).await {
        let id = message.id;
        for _ in 0..persistence.tries {
            match session.messages().get(id).await {
                Ok(now) if matches!(now.status, Status::Draft | Status::PendingApproval) => {
                    let seen = Seen::of(&now);
                    steps.add(&format!("asked {id}"));
                    match session.approvals().approve(id, seen).await {
                        Ok(_) => {
                            steps.add(&format!("approved {id}"));
                            break;
                        }
                        Err(error) => {
                            steps.refused(&id.to_string(), &error);
                            persistence.heard(true);
                        }
                    }
                }
                // By a call that failed and did it all the same, or by this one before.
                Ok(_) => break,
                Err(_) => persistence.heard(true),
            }
            tokio::time::sleep(persistence.pause).await;
        }
    }
}

/// Suppresses the one address and notes whether that was answered with success.
pub async fn suppress(session: &Session, steps: &Steps, persistence: &Persistence) {
    let list = session.suppressions();
    for _ in 0..persistence.tries {
        match list.list(SuppressionQuery::default()).await {
            Ok(there) if there.items.is_empty() => {
                steps.add("asked suppression");
                match list.add("email", SUPPRESSED, "asked").await {
                    Ok(_) => {
                        steps.add("suppressed");
                        return;
                    }
                    Err(error) => {
                        steps.refused("suppression", &error);
                        persistence.heard(true);
                    }
                }
            }
            Ok(_) => return,
            Err(_) => persistence.heard(true),
        }
        tokio::time::sleep(persistence.pause).await;
    }
}

/// All of it. `strike` is called before the first commit of the kind that it is given with.
///
/// # Panics
/// As [`messages`].
pub async fn work(
    store: Arc<dyn Store>,
    folder: &Path,
    persistence: Arc<Persistence>,
    strike: Option<(&str, Strike)>,
) {
    let steps = Steps::of(folder);
    let (noted, heard) = (steps.clone(), persistence.clone());
    let mut store = CrashingStore {
        told: Box::new(move |what, failed| {
            noted.ended(what, failed);
            // These count when whoever asked has the answer: a process that ends then leaves what it said.
            if failed.is_none() || !matches!(what, "approve" | "suppress") {
                heard.heard(failed.is_some());
            }
        }),
        ..CrashingStore::over(store)
    };
    if let Some((what, strike)) = strike {
        store.point = Some(Point {
            what: what.to_owned(),
            before: true,
            nth: 1,
        });
        store.strike = strike;
    }
    let engine = engine(Arc::new(store), folder, chrono::Duration::zero());
    let ann = ann(&engine);
    approve(&ann, &steps, &persistence).await;
    suppress(&ann, &steps, &persistence).await;
    let worker = worker(&engine);
    for _ in 0..persistence.tries {
        match worker.run_until_idle().await {
            Ok(()) => break,
            Err(error) => {
                steps.ended("worker", Some(error.kind()));
                persistence.heard(true);
            }
        }
        tokio::time::sleep(persistence.pause).await;
    }
}
