//! Random commands on memory and SQLite at once: the stores agree step by step, and the promises hold
//! whatever people do: only approved bytes leave (P1), at most once unless a person says otherwise
//! (P2), and the history proves every state (P5).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Duration;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{BulkAction, Engine, NewDraft, Session};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::history::replay;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Format, Message, Occasion, Status};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::{MessageQuery, PageRequest, Store};
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Error, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Command {
    Create {
        contact: usize,
        text: u8,
    },
    Submit {
        message: usize,
        role: Role,
    },
    Edit {
        message: usize,
        text: u8,
        role: Role,
    },
    Reschedule {
        message: usize,
        minutes: i64,
    },
    Approve {
        message: usize,
        role: Role,
        stale: bool,
    },
    Reject {
        message: usize,
        role: Role,
    },
    Cancel {
        message: usize,
    },
    Delete {
        message: usize,
        role: Role,
    },
    Send {
        message: usize,
    },
    Resolve {
        message: usize,
        event: Event,
    },
    Readdress {
        contact: usize,
        address: u8,
    },
    Suppress {
        address: u8,
    },
    ApproveAll,
    Outcome {
        outcome: Outcome,
    },
    Advance {
        minutes: i64,
    },
    Work,
    Erase {
        contact: usize,
    },
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![4 => Just(Role::Manager), 1 => Just(Role::Viewer), 1 => Just(Role::Admin)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let reason = || "scripted".to_owned();
    prop_oneof![
        Just(Outcome::Dead { reason: reason() }),
        Just(Outcome::Rejected { reason: reason() }),
        Just(Outcome::Unknown { reason: reason() }),
        Just(Outcome::Stop { reason: reason() }),
        Just(Outcome::RetryAfter {
            scope: RetryScope::Message,
            at_least: std::time::Duration::from_secs(30),
            reason: reason(),
        }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let resolution = prop_oneof![
        Just(Event::ResolveSent),
        Just(Event::ResolveResend),
        Just(Event::ResolveFailed)
    ];
    prop_oneof![
        6 => (0..3_usize, any::<u8>()).prop_map(|(contact, text)| Command::Create { contact, text }),
        2 => (0..6_usize, role()).prop_map(|(message, role)| Command::Submit { message, role }),
        3 => (0..6_usize, any::<u8>(), role())
            .prop_map(|(message, text, role)| Command::Edit { message, text, role }),
        1 => (0..6_usize, 0..90_i64)
            .prop_map(|(message, minutes)| Command::Reschedule { message, minutes }),
        8 => (0..6_usize, role(), prop::bool::weighted(0.2))
            .prop_map(|(message, role, stale)| Command::Approve { message, role, stale }),
        1 => (0..6_usize, role()).prop_map(|(message, role)| Command::Reject { message, role }),
        1 => (0..6_usize).prop_map(|message| Command::Cancel { message }),
        1 => (0..6_usize, role()).prop_map(|(message, role)| Command::Delete { message, role }),
        2 => (0..6_usize).prop_map(|message| Command::Send { message }),
        2 => (0..6_usize, resolution)
            .prop_map(|(message, event)| Command::Resolve { message, event }),
        1 => (0..3_usize, 0..4_u8)
            .prop_map(|(contact, address)| Command::Readdress { contact, address }),
        1 => (0..4_u8).prop_map(|address| Command::Suppress { address }),
        1 => Just(Command::ApproveAll),
        3 => outcome().prop_map(|outcome| Command::Outcome { outcome }),
        2 => (1..120_i64).prop_map(|minutes| Command::Advance { minutes }),
        5 => Just(Command::Work),
        1 => (0..3_usize).prop_map(|contact| Command::Erase { contact }),
    ]
}

fn address(number: u8) -> String {
    format!("person{number}@mail.example")
}

/// One engine and what it has done.
struct World {
    engine: Engine,
    channel: Arc<RecordingChannel>,
    clock: Arc<FakeClock>,
    worker: Worker,
    contacts: Vec<Contact>,
    messages: Vec<Message>,
    resends: BTreeMap<String, usize>,
}

impl World {
    async fn new(store: Arc<dyn Store>) -> Self {
        let channel = Arc::new(RecordingChannel::default());
        let clock = Arc::new(FakeClock::default());
        let engine = Engine::builder(store, clock.clone(), Arc::new(SequentialIds::default()))
            .channel("email", channel.clone())
            .build();
        let worker = Worker::new(engine.clone(), WorkerOptions::default());
        let mut world = Self {
            engine,
            channel,
            clock,
            worker,
            contacts: Vec::new(),
            messages: Vec::new(),
            resends: BTreeMap::new(),
        };
        for number in 0..3 {
            let fields = ContactFields {
                name: format!("Человек {number}"),
                email: Some(address(number)),
                ..ContactFields::default()
            };
            let contact = world
                .act(Role::Manager)
                .contacts()
                .create(fields)
                .await
                .unwrap();
            world.contacts.push(contact);
        }
        world
    }

    fn act(&self, role: Role) -> Session {
        self.engine
            .act_as(Actor::new(Workspace::default(), role.as_str(), role))
    }

    /// Does one thing; the text of the answer is what the stores must agree on.
    async fn step(&mut self, command: &Command) -> String {
        let id = |index: &usize| {
            self.messages
                .get(*index % self.messages.len().max(1))
                .map(|m| m.id)
        };
        let manager = self.act(Role::Manager);
        let show = |result: Result<Message, Error>| match result {
            Ok(message) => format!("{message:?} {:?}", message.digest),
            Err(error) => format!("{error:?}"),
        };
        match command {
            Command::Create { contact, text } => {
                let draft = NewDraft {
                    contact_id: self.contacts[*contact].id,
                    occasion_type: Occasion::Custom,
                    content: format!("Текст номер {text}"),
                    subject: None,
                    channel: Some("email".to_owned()),
                    format: Format::Text,
                    scheduled_for: None,
                    expires_at: None,
                };
                let result = manager.messages().create(draft).await;
                if let Ok(message) = &result {
                    self.messages.push(message.clone());
                }
                show(result)
            }
            Command::Outcome { outcome } => {
                self.channel.push(outcome.clone());
                String::new()
            }
            Command::Advance { minutes } => {
                self.clock.advance(Duration::minutes(*minutes));
                String::new()
            }
            Command::Work => format!("{:?}", self.worker.run_until_idle().await),
            Command::Readdress {
                contact,
                address: number,
            } => {
                let id = self.contacts[*contact].id;
                let fields = ContactFields {
                    email: Some(address(*number)),
                    ..self.contacts[*contact].fields.clone()
                };
                let result = manager.contacts().update(id, None, fields).await;
                format!("{:?}", result.map_err(|error| error.kind()))
            }
            Command::Suppress { address: number } => {
                format!(
                    "{:?}",
                    manager
                        .suppressions()
                        .add("email", &address(*number), "x")
                        .await
                )
            }
            Command::Erase { contact } => {
                let id = self.contacts[*contact].id;
                format!("{:?}", self.act(Role::Admin).contacts().erase(id).await)
            }
            Command::ApproveAll => {
                let query = MessageQuery {
                    statuses: vec![Status::PendingApproval],
                    ..MessageQuery::default()
                };
                let preview = manager
                    .approvals()
                    .preview(BulkAction::Approve, query.clone())
                    .await
                    .unwrap();
                let manifest = Some(preview.manifest);
                let result = manager
                    .approvals()
                    .bulk(BulkAction::Approve, query, manifest, None)
                    .await;
                format!("{} {result:?}", preview.count)
            }
            Command::Submit { message, role } => match id(message) {
                Some(id) => show(self.act(*role).messages().submit(id, None).await),
                None => String::new(),
            },
            Command::Edit {
                message,
                text,
                role,
            } => match id(message) {
                Some(id) => {
                    let content = Some(format!("Новый текст {text}"));
                    let edit = Edit {
                        content,
                        ..Edit::default()
                    };
                    show(self.act(*role).messages().edit(id, None, edit).await)
                }
                None => String::new(),
            },
            Command::Reschedule { message, minutes } => match id(message) {
                Some(id) => {
                    let at = self.engine.now() + Duration::minutes(*minutes);
                    let edit = Edit {
                        scheduled_for: Some(Some(at)),
                        ..Edit::default()
                    };
                    show(manager.messages().edit(id, None, edit).await)
                }
                None => String::new(),
            },
            Command::Approve {
                message,
                role,
                stale,
            } => match id(message) {
                Some(id) => {
                    let Ok(now) = manager.messages().get(id).await else {
                        return String::new();
                    };
                    let version = if *stale { now.version - 1 } else { now.version };
                    let seen = Seen {
                        version,
                        digest: Some(now.digest),
                    };
                    let result = self.act(*role).approvals().approve(id, seen).await;
                    assert!(!(*stale || *role == Role::Viewer) || result.is_err());
                    show(result)
                }
                None => String::new(),
            },
            Command::Reject { message, role } => match id(message) {
                Some(id) => show(self.act(*role).approvals().reject(id, None, None).await),
                None => String::new(),
            },
            Command::Cancel { message } => match id(message) {
                Some(id) => show(manager.messages().cancel(id, None).await),
                None => String::new(),
            },
            Command::Delete { message, role } => match id(message) {
                Some(id) => format!("{:?}", self.act(*role).messages().delete(id).await),
                None => String::new(),
            },
            Command::Send { message } => match id(message) {
                Some(id) => {
                    let before = manager.messages().get(id).await.map(|m| m.status);
                    let result = manager.messages().send(id).await;
                    if result.is_ok() && before == Ok(Status::Failed) {
                        *self.resends.entry(id.to_string()).or_default() += 1;
                    }
                    show(result)
                }
                None => String::new(),
            },
            Command::Resolve { message, event } => match id(message) {
                Some(id) => {
                    let result = manager.messages().resolve(id, *event, None).await;
                    if result.is_ok() && *event == Event::ResolveResend {
                        *self.resends.entry(id.to_string()).or_default() += 1;
                    }
                    show(result)
                }
                None => String::new(),
            },
        }
    }

    async fn snapshot(&self) -> String {
        let query = MessageQuery {
            page: PageRequest {
                limit: 1_000,
                count: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let store = self.engine.store();
        let workspace = Workspace::default();
        let page = store.messages(&workspace, query).await.unwrap();
        let mut text = serde_json::to_string(&page.items).unwrap();
        for message in &self.messages {
            let trail = store.trail(&workspace, message.id).await.unwrap();
            text += &format!("{:?} {:?}", trail.approvals, trail.attempts);
        }
        text += &format!("{:?}", store.counters(&workspace, "").await.unwrap());
        text
    }

    /// The promises, whatever happened before.
    async fn check(&self) {
        let workspace = Workspace::default();
        let store = self.engine.store();
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for delivered in self.channel.delivered() {
            *calls.entry(delivered.message_id().to_string()).or_default() += 1;
            let trail = store
                .trail(&workspace, delivered.message_id())
                .await
                .unwrap();
            let digest = delivered.digest();
            assert!(
                trail.approvals.iter().any(|a| a.digest == digest),
                "P1: not approved"
            );
        }
        for (id, count) in calls {
            let allowed = 1 + self.resends.get(&id).copied().unwrap_or(0);
            assert!(count <= allowed, "P2: {id} delivered {count} times");
        }
        let viewer = self.act(Role::Viewer);
        let proof = viewer.audit().verify(None).await.unwrap();
        assert!(proof.valid, "P5: {proof:?}");
        assert_eq!(viewer.analytics().recount().await.unwrap(), []);
        for message in &self.messages {
            let Ok(history) = viewer.messages().history(message.id).await else {
                continue;
            };
            let row = viewer.messages().get(message.id).await.unwrap();
            let replayed = replay(history.iter().map(|stored| &stored.event)).unwrap();
            let replayed = replayed.unwrap();
            assert_eq!(
                (replayed.status, replayed.version, replayed.revision),
                (row.status, row.version, row.revision.number),
                "P5: the row is not its history"
            );
            assert_eq!(replayed.digest, row.digest, "P5: digest");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn memory_and_sqlite_agree_and_the_promises_hold(
        commands in prop::collection::vec(command(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let sqlite =
                SqliteStore::open(folder.path().join("crm.db"), SqliteOptions::default()).unwrap();
            let mut memory = World::new(Arc::new(MemoryStore::default())).await;
            let mut sqlite = World::new(Arc::new(sqlite)).await;
            for command in &commands {
                let (a, b) = (memory.step(command).await, sqlite.step(command).await);
                assert_eq!(a, b, "answers to {command:?} differ");
                assert_eq!(memory.snapshot().await, sqlite.snapshot().await, "after {command:?}");
            }
            for world in [&memory, &sqlite] {
                world.worker.run_until_idle().await.unwrap();
                world.check().await;
            }
        });
    }
}
