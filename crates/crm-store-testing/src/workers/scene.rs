//! A database with approved messages, seen by the test's own process.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crm_core::campaign::CampaignFields;
use crm_core::contact::ContactFields;
use crm_core::engine::{BulkAction, Engine, GenerateMessage, Session};
use crm_core::id::MessageId;
use crm_core::message::decide::Seen;
use crm_core::message::history::AuditEvent;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::process::{Job, Task};
use super::sink::{Sink, ToSink};
use super::{PLACES, Place, Row};

/// Whatever should happen soon has happened by then.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// See the module's text.
#[derive(Debug)]
pub struct Scene<P: Place> {
    /// What the test's own calls run on.
    pub runtime: Runtime,
    /// The test's own.
    pub store: Arc<P::Store>,
    /// Over that store.
    pub engine: Engine,
    /// Where the database is.
    pub place: P,
    /// How many messages `draft` made.
    drafted: AtomicU32,
    /// Last: what is in it is closed before it goes.
    _folder: Option<TempDir>,
}

/// One that delivers nothing: its channel only tells what addresses it takes.
fn engine(store: Arc<dyn Store>) -> Engine {
    Engine::builder(store, Arc::new(SystemClock), Arc::new(RandomIds::default()))
        .channel("email", Arc::new(ToSink::new(Path::new(""), 1)))
        .build()
}

impl<P: Place> Scene<P> {
    /// A database nobody else uses.
    #[must_use]
    pub fn shared() -> Self {
        let (place, folder) = P::fresh();
        Self {
            _folder: folder,
            ..Self::open(place)
        }
    }

    /// The database of a place.
    ///
    /// # Panics
    /// There is no runtime.
    #[must_use]
    pub fn open(place: P) -> Self {
        let runtime = Runtime::new().unwrap();
        let store = Arc::new(runtime.block_on(place.look()));
        let engine = engine(store.clone());
        Self {
            runtime,
            store,
            engine,
            place,
            drafted: AtomicU32::new(0),
            _folder: None,
        }
    }

    /// Whether one worker delivers at a time.
    #[must_use]
    pub fn has_one_dispatcher(&self) -> bool {
        self.store.capabilities().exclusive_dispatcher
    }

    /// A worker's job here: looking often.
    #[must_use]
    pub fn job(&self, name: &str, sink: &Sink) -> Job<P> {
        Job {
            name: name.to_owned(),
            place: self.place.clone(),
            sink: sink.path(),
            poll_ms: 100,
            concurrency: PLACES,
            task: Task::Work,
            fails: None,
            batch: 50,
            timeout_ms: 3_000,
            margin_ms: 30_000,
        }
    }

    /// A manager of the workspace.
    ///
    /// # Panics
    /// Never.
    pub fn session(&self, workspace: &Workspace) -> Session {
        let actor = Actor::new(workspace.clone(), "olga", Role::Manager);
        self.engine.act_as(actor)
    }

    fn own(&self) -> Session {
        self.session(&Workspace::default())
    }

    /// A message to somebody new that waits for its approval.
    pub fn draft(&self) -> Message {
        let session = self.own();
        let number = self.drafted.fetch_add(1, Ordering::Relaxed);
        self.runtime.block_on(async {
            let contact = ContactFields {
                name: "Дилноза".to_owned(),
                email: Some(format!("c{number}@example.org")),
                ..ContactFields::default()
            };
            let contact = session.contacts().create(contact).await.unwrap();
            let wanted = GenerateMessage::new(contact.id, Occasion::Birthday);
            session.messages().generate(wanted).await.unwrap()
        })
    }

    /// One approved message to somebody new.
    pub fn approve(&self) -> Message {
        let (session, message) = (self.own(), self.draft());
        let approvals = session.approvals();
        let approved = approvals.approve(message.id, Seen::of(&message));
        self.runtime.block_on(approved).unwrap()
    }

    /// A campaign to so many new contacts of the workspace.
    pub fn plan(&self, workspace: &Workspace, count: usize) {
        let session = self.session(workspace);
        let mut file = String::from("name,email\n");
        for number in 0..count {
            writeln!(file, "Дилноза {number},c{number}@example.org").unwrap();
        }
        self.runtime.block_on(async {
            let report = session
                .contacts()
                .import_file(file.as_bytes(), &crm_core::import::Options::default())
                .await;
            assert_eq!(report.unwrap().created, count as u64);
            let campaign = CampaignFields {
                ..CampaignFields::new("Весна", Occasion::Holiday)
            };
            let campaigns = session.campaigns();
            let campaign = campaigns.create(campaign).await.unwrap();
            campaigns.execute(campaign.id, false).await.unwrap();
        });
    }

    /// Drafts all campaigns and approves what they wrote.
    pub fn approve_all(&self, workspaces: &[Workspace]) -> Vec<Message> {
        self.draft_all();
        self.approve_drafts(workspaces)
    }

    /// Drafts all campaigns.
    pub fn draft_all(&self) {
        // It plans and drafts; nothing is approved yet, so nothing leaves. Its store is closed at the end,
        // for it may be one that lets nobody else deliver while it is there.
        let store = self.runtime.block_on(self.place.look());
        let worker = Worker::new(engine(Arc::new(store)), WorkerOptions::default());
        self.runtime.block_on(worker.run_until_idle()).unwrap();
    }

    /// Approves what the campaigns wrote; all messages of the workspaces.
    pub fn approve_drafts(&self, workspaces: &[Workspace]) -> Vec<Message> {
        let mut all = Vec::new();
        for workspace in workspaces {
            let session = self.session(workspace);
            let approvals = session.approvals();
            let (action, pending) = (
                BulkAction::Approve,
                MessageQuery {
                    statuses: vec![Status::PendingApproval],
                    ..MessageQuery::default()
                },
            );
            self.runtime.block_on(async {
                let seen = approvals.preview(action, pending.clone()).await.unwrap();
                let manifest = Some(seen.manifest);
                let done = approvals.bulk(action, pending, manifest, None).await;
                assert_eq!(done.unwrap().applied, seen.count);
            });
            all.extend(self.messages(workspace));
        }
        all
    }

    /// All messages of the workspace.
    pub fn messages(&self, workspace: &Workspace) -> Vec<Message> {
        let session = self.session(workspace);
        let mut all = Vec::new();
        let mut page = PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        };
        loop {
            let query = MessageQuery {
                page,
                ..MessageQuery::default()
            };
            let found = self.runtime.block_on(session.messages().list(query));
            let mut found = found.unwrap();
            all.append(&mut found.items);
            page.after = found.next;
            if page.after.is_none() {
                return all;
            }
        }
    }

    /// How many messages of the workspace are on their way, by the counters.
    pub fn open_messages(&self, workspace: &Workspace) -> i64 {
        const OPEN: [Status; 3] = [Status::Approved, Status::Claimed, Status::Sending];
        let session = self.session(workspace);
        let counts = self
            .runtime
            .block_on(session.analytics().messages_by_status());
        let counts = counts.unwrap().into_iter();
        counts
            .filter(|(status, _)| OPEN.contains(status))
            .map(|(_, count)| count)
            .sum()
    }

    /// The message as it is now, of the workspace that has no other name.
    pub fn message(&self, id: MessageId) -> Message {
        let session = self.own();
        self.runtime.block_on(session.messages().get(id)).unwrap()
    }

    /// Its status.
    pub fn status(&self, id: MessageId) -> Status {
        self.message(id).status
    }

    /// Waits until the message has this status.
    pub fn wait_for(&self, id: MessageId, status: Status) -> Message {
        let begun = Instant::now();
        loop {
            let message = self.message(id);
            if message.status == status {
                return message;
            }
            assert!(begun.elapsed() < PATIENCE, "still {:?}", message.status);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A person's word on an uncertain message.
    pub fn resolve(&self, id: MessageId, event: Event, reason: Option<String>) {
        let session = self.own();
        let messages = session.messages();
        let resolved = self.runtime.block_on(messages.resolve(id, event, reason));
        resolved.unwrap();
    }

    /// Its attempts.
    pub fn attempts(&self, id: MessageId) -> Vec<Attempt> {
        let session = self.own();
        let trail = self.runtime.block_on(session.messages().trail(id));
        trail.unwrap().attempts
    }

    /// Its history, from its beginning.
    pub fn history(&self, id: MessageId) -> Vec<AuditEvent> {
        let session = self.own();
        let history = self.runtime.block_on(session.messages().history(id));
        let history = history.unwrap().into_iter();
        history.map(|stored| stored.event).collect()
    }

    /// Ends all leases, as time does. For when their owners are dead.
    pub fn end_leases(&self) {
        self.runtime.block_on(self.place.end_leases());
    }

    /// All rows of the table of attempts.
    pub fn rows(&self) -> Vec<Row> {
        self.runtime.block_on(self.place.attempts())
    }

    /// Removes the database.
    pub fn clear(self) {
        self.runtime.block_on(self.place.clear());
    }
}
