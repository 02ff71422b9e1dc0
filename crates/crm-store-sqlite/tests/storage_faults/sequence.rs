//! What is done while the disk fails, and what the process that does it leaves behind: the database and a
//! list of steps, which lies where nothing fails.

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
use crm_core::message::{Approved, Format, Message, Occasion, Status};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::clock::Clock;
use crm_core::port::store::{MessageQuery, PageRequest, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Result, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::crash::CrashingStore;

/// Tells the re-executed test that its disk fails: the folder.
pub(crate) const FOLDER: &str = "CRM_STORAGE_FAULT_FOLDER";
/// People, each with a message.
pub(crate) const PEOPLE: usize = 6;
/// Deliveries under way at once.
pub(crate) const PLACES: usize = 2;
/// How often a step is tried.
const TRIES: usize = 3;
/// Failed writes in a row after which the process ends: nothing gets better.
const PATIENCE: usize = 12;
/// Nothing is ever sent to this one.
pub(crate) const SUPPRESSED: &str = "c5@example.org";

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("crm.db")
}

/// What happened, in this order; a line each.
#[derive(Debug, Clone)]
pub(crate) struct Steps(PathBuf);

impl Steps {
    pub(crate) fn of(folder: &Path) -> Self {
        Self(folder.join("steps"))
    }

    fn add(&self, line: &str) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.0).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn ended(&self, what: &str, failed: Option<ErrorKind>) {
        self.add(&format!("{what} {}", failed.map_or("ok", ErrorKind::code)));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
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

pub(crate) fn engine(store: Arc<dyn Store>, folder: &Path, ahead: chrono::Duration) -> Engine {
    let ids = Arc::new(RandomIds::default());
    Engine::builder(store, Arc::new(Ahead(ahead)), ids)
        .channel("email", Arc::new(Provider(Steps::of(folder))))
        .build()
}

pub(crate) fn ann(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

pub(crate) fn worker(engine: &Engine) -> Worker {
    let options = WorkerOptions {
        batch: 2,
        poll: Duration::from_millis(1),
        ..WorkerOptions::default()
    };
    Worker::new(engine.clone(), options)
}

/// All messages, oldest first.
pub(crate) async fn messages(session: &Session) -> Vec<Message> {
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

/// A database with a message for each of the people, closed cleanly.
pub(crate) async fn prepare(folder: &Path) {
    let store = SqliteStore::open(database(folder), SqliteOptions::default()).unwrap();
    let engine = engine(Arc::new(store), folder, chrono::Duration::zero());
    let ann = ann(&engine);
    for number in 0..PEOPLE {
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{number}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            contact_id: contact.id,
            occasion_type: Occasion::Custom,
            content: "Ждём вас в салоне".to_owned(),
            subject: None,
            channel: Some("email".to_owned()),
            format: Format::Text,
            scheduled_for: None,
            expires_at: None,
        };
        ann.messages().create(draft).await.unwrap();
    }
}

/// Approves all that still waits, each by itself, and notes which were answered with success.
pub(crate) async fn approve(session: &Session, steps: &Steps) {
    for message in messages(session).await {
        let id = message.id;
        for _ in 0..TRIES {
            let now = session.messages().get(id).await.unwrap();
            if !matches!(now.status, Status::Draft | Status::PendingApproval) {
                break;
            }
            if session
                .approvals()
                .approve(id, Seen::of(&now))
                .await
                .is_ok()
            {
                steps.add(&format!("approved {id}"));
            }
        }
    }
}

/// Suppresses the one address and notes whether that was answered with success.
pub(crate) async fn suppress(session: &Session, steps: &Steps) {
    let list = session.suppressions();
    for _ in 0..TRIES {
        if list.add("email", SUPPRESSED, "asked").await.is_ok() {
            steps.add("suppressed");
            return;
        }
    }
}

async fn work(folder: &Path) -> Result<()> {
    let steps = Steps::of(folder);
    let opened = SqliteStore::open(database(folder), SqliteOptions::default());
    steps.ended("open", opened.as_ref().err().map(crm_core::Error::kind));
    let (noted, failures) = (steps.clone(), AtomicUsize::new(0));
    let store = CrashingStore {
        told: Box::new(move |what, failed| {
            noted.ended(what, failed);
            if failed.is_none() {
                failures.store(0, Ordering::SeqCst);
            } else if failures.fetch_add(1, Ordering::SeqCst) + 1 == PATIENCE {
                // A worker waits for its store for ever.
                std::process::exit(0);
            }
        }),
        ..CrashingStore::over(Arc::new(opened?))
    };
    let engine = engine(Arc::new(store), folder, chrono::Duration::zero());
    let ann = ann(&engine);
    approve(&ann, &steps).await;
    suppress(&ann, &steps).await;
    let worker = worker(&engine);
    for _ in 0..TRIES {
        match worker.run_until_idle().await {
            Ok(()) => break,
            Err(error) => steps.ended("worker", Some(error.kind())),
        }
    }
    Ok(())
}

/// Does all of it, if this process was started to. Whether it was.
pub(crate) fn run_if_child() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // What failed is among the steps.
    let _ = runtime.block_on(work(Path::new(&folder)));
    true
}
