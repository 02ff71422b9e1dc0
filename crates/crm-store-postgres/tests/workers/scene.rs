//! A database with approved messages, seen by the test's own process.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::contact::ContactFields;
use crm_core::engine::{BulkAction, Engine, GenerateMessage, Session};
use crm_core::id::MessageId;
use crm_core::message::decide::Seen;
use crm_core::message::history::AuditEvent;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_postgres::{PgOptions, PgStore, TimeSource};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Runtime;

use crate::place::Place;
use crate::process::{Job, Task};
use crate::sink::{Sink, ToSink};

/// Whatever should happen soon has happened by then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) store: PgStore,
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) schema: String,
    /// How many messages `draft` made.
    drafted: AtomicU32,
    place: Option<Place>,
}

impl Scene {
    /// A schema of its own on the server that tests share.
    pub(crate) fn shared() -> Self {
        let place = Place::default();
        let mut scene = Self::open(Place::url(), place.options());
        scene.place = Some(place);
        scene
    }

    /// A schema on the server at `url`.
    pub(crate) fn open(url: &str, options: PgOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let schema = options.schema.clone();
        let store = runtime.block_on(PgStore::connect(
            url,
            PgOptions {
                time: TimeSource::Database,
                ..options
            },
        ));
        let store = store.unwrap();
        let engine = Engine::builder(
            Arc::new(store.clone()),
            Arc::new(SystemClock),
            Arc::new(RandomIds::default()),
        )
        // It tells what addresses the channel takes; the test's own process delivers nothing.
        .channel("email", Arc::new(ToSink::new(Path::new(""), 1, false)))
        .build();
        Self {
            runtime,
            store,
            engine,
            url: url.to_owned(),
            schema,
            drafted: AtomicU32::new(0),
            place: None,
        }
    }

    /// A worker's job here: looking often, hearing notices.
    pub(crate) fn job(&self, name: &str, sink: &Sink) -> Job {
        Job {
            name: name.to_owned(),
            database: self.url.clone(),
            schema: self.schema.clone(),
            sink: sink.path(),
            poll_ms: 100,
            listen: true,
            concurrency: 8,
            freezes: false,
            task: Task::Work,
            fails: None,
            batch: 50,
            connections: 5,
            timeout_ms: 3_000,
            margin_ms: 30_000,
        }
    }

    pub(crate) fn session(&self, workspace: &Workspace) -> Session {
        let actor = Actor::new(workspace.clone(), "olga", Role::Manager);
        self.engine.act_as(actor)
    }

    fn own(&self) -> Session {
        self.session(&Workspace::default())
    }

    /// A message to somebody new that waits for its approval.
    pub(crate) fn draft(&self) -> Message {
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
    pub(crate) fn approve(&self) -> Message {
        let (session, message) = (self.own(), self.draft());
        let approvals = session.approvals();
        let approved = approvals.approve(message.id, Seen::of(&message));
        self.runtime.block_on(approved).unwrap()
    }

    /// A campaign to so many new contacts of the workspace.
    pub(crate) fn plan(&self, workspace: &Workspace, count: usize) {
        let session = self.session(workspace);
        let mut file = String::from("name,email\n");
        for number in 0..count {
            writeln!(file, "Дилноза {number},c{number}@example.org").unwrap();
        }
        self.runtime.block_on(async {
            let report = session.contacts().import_csv(file.as_bytes()).await;
            assert_eq!(report.unwrap().created, count as u64);
            let campaign = CampaignFields {
                name: "Весна".to_owned(),
                description: None,
                occasion_type: Occasion::Holiday,
                audience: crm_core::audience::Audience::everybody(),
                schedule: Schedule::Immediate,
                channel: "email".to_owned(),
                fallback_channels: Vec::new(),
                time_zone: "Asia/Tashkent".to_owned(),
                template_id: None,
                tone: None,
                custom_context: None,
            };
            let campaigns = session.campaigns();
            let campaign = campaigns.create(campaign).await.unwrap();
            campaigns.execute(campaign.id, false).await.unwrap();
        });
    }

    /// Drafts all campaigns and approves what they wrote.
    pub(crate) fn approve_all(&self, workspaces: &[Workspace]) -> Vec<Message> {
        self.draft_all();
        self.approve_drafts(workspaces)
    }

    /// Drafts all campaigns.
    pub(crate) fn draft_all(&self) {
        // It plans and drafts; nothing is approved yet, so nothing leaves.
        let worker = Worker::new(self.engine.clone(), WorkerOptions::default());
        self.runtime.block_on(worker.run_until_idle()).unwrap();
    }

    /// Approves what the campaigns wrote; all messages of the workspaces.
    pub(crate) fn approve_drafts(&self, workspaces: &[Workspace]) -> Vec<Message> {
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
    pub(crate) fn messages(&self, workspace: &Workspace) -> Vec<Message> {
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
    pub(crate) fn open_messages(&self, workspace: &Workspace) -> i64 {
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

    pub(crate) fn message(&self, id: MessageId) -> Message {
        let session = self.own();
        self.runtime.block_on(session.messages().get(id)).unwrap()
    }

    pub(crate) fn status(&self, id: MessageId) -> Status {
        self.message(id).status
    }

    /// Waits until the message has this status.
    pub(crate) fn wait_for(&self, id: MessageId, status: Status) -> Message {
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
    pub(crate) fn resolve(&self, id: MessageId, event: Event, reason: Option<String>) {
        let session = self.own();
        let messages = session.messages();
        let resolved = self.runtime.block_on(messages.resolve(id, event, reason));
        resolved.unwrap();
    }

    pub(crate) fn attempts(&self, id: MessageId) -> Vec<Attempt> {
        let session = self.own();
        let trail = self.runtime.block_on(session.messages().trail(id));
        trail.unwrap().attempts
    }

    pub(crate) fn history(&self, id: MessageId) -> Vec<AuditEvent> {
        let session = self.own();
        let history = self.runtime.block_on(session.messages().history(id));
        let history = history.unwrap().into_iter();
        history.map(|stored| stored.event).collect()
    }

    /// Ends all leases, as time does. For when their owners are dead.
    pub(crate) fn end_leases(&self) {
        let sql = format!(
            "UPDATE \"{}\".messages SET lease_until = clock_timestamp() - interval '1 second' \
             WHERE lease_until IS NOT NULL",
            self.schema
        );
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let ended = sqlx::query(AssertSqlSafe(sql));
            ended.execute(&mut connection).await.unwrap();
        });
    }

    /// Drops the schema.
    pub(crate) fn clear(self) {
        if let Some(place) = self.place {
            self.runtime.block_on(place.clear());
        }
    }
}
