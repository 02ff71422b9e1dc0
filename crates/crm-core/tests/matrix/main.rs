//! Every status x every command x every role, through the engine: what happens is what a table written by
//! hand says, and what is refused changes nothing.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod held;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::Duration;
use commands::{Command, Done, letter};
use common::{World, world_over};
use crm_core::engine::{NewDraft, Policy};
use crm_core::memory::MemoryStore;
use crm_core::message::history::{StoredEvent, Subject, replay};
use crm_core::message::lifecycle::{Event, TRANSITIONS};
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::port::channel::Outcome;
use crm_core::port::store::{EventQuery, MessageQuery, Trail};
use crm_core::{ErrorKind, Role, Workspace};

/// The name of the worker that holds what is claimed.
const WORKER: &str = "worker";

/// A world, and the store under it.
struct Matrix {
    world: World,
    store: Arc<MemoryStore>,
}

/// Everything that a refused command leaves alone.
#[derive(Debug, PartialEq)]
struct Snapshot {
    message: Message,
    trail: Trail,
    events: Vec<StoredEvent>,
    counters: BTreeMap<String, i64>,
}

impl Matrix {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let world = world_over(store.clone(), Policy::default());
        Self { world, store }
    }

    /// A message that is really in this status: it went there by the engine.
    async fn reach(&self, status: Status) -> Message {
        let world = &self.world;
        let manager = world.manager();
        let contact = world.contact("dilnoza@example.org").await;
        let draft = NewDraft {
            expires_at: Some(world.engine.now() + Duration::hours(2)),
            ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
        };
        let message = manager.messages().create(draft).await.unwrap();
        let id = message.id;
        let approve = async || world.approve(&message).await;
        let run = async || world.worker().run_until_idle().await.unwrap();
        match status {
            Status::Draft => {}
            Status::PendingApproval => {
                manager.messages().submit(id, None).await.unwrap();
            }
            Status::Approved => {
                approve().await;
            }
            Status::Claimed => {
                approve().await;
                commands::claim(world).await.unwrap();
            }
            Status::Sending => {
                approve().await;
                commands::claim(world).await.unwrap();
                let claimed = world.reload(&message).await;
                commands::begin(world, &claimed, Role::System)
                    .await
                    .unwrap();
            }
            Status::Sent => {
                approve().await;
                run().await;
            }
            Status::Delivered => {
                approve().await;
                run().await;
                let attempt = self.snapshot(&message).await.trail.attempts.remove(0);
                let receipt = Receipt {
                    about: About::Attempt(attempt.id),
                    fate: Fate::Delivered,
                    at: None,
                };
                let news = vec![News::Receipt(receipt)];
                let workspace = Workspace::default();
                let heard = world.engine.hear(&workspace, "email", news).await;
                assert_eq!(heard.unwrap().receipts, 1);
            }
            Status::Failed => {
                approve().await;
                let reason = "refused".to_owned();
                world.channel.push(Outcome::Rejected { reason });
                run().await;
            }
            Status::Uncertain => {
                approve().await;
                let reason = "timeout".to_owned();
                world.channel.push(Outcome::Unknown { reason });
                run().await;
            }
            Status::Rejected => {
                manager.approvals().reject(id, None, None).await.unwrap();
            }
            Status::Cancelled => {
                manager.messages().cancel(id, None).await.unwrap();
            }
            Status::Expired => {
                world.clock.advance(Duration::hours(3));
                run().await;
            }
        }
        let message = world.reload(&message).await;
        assert_eq!(message.status, status);
        message
    }

    async fn snapshot(&self, message: &Message) -> Snapshot {
        let (store, workspace) = (self.world.engine.store(), Workspace::default());
        let query = MessageQuery {
            ids: vec![message.id],
            ..MessageQuery::default()
        };
        let page = store.messages(&workspace, query).await.unwrap();
        let query = EventQuery {
            limit: 1_000,
            ..EventQuery::default()
        };
        Snapshot {
            message: page.items.into_iter().next().unwrap(),
            trail: store.trail(&workspace, message.id).await.unwrap(),
            events: store.events(&workspace, query).await.unwrap(),
            counters: store.counters(&workspace, &["message."]).await.unwrap(),
        }
    }
}

impl Snapshot {
    /// What the message's own history says, oldest first.
    fn actions(&self) -> Vec<&str> {
        let own = |stored: &&StoredEvent| {
            stored.event.subject == Subject::Message && stored.event.subject_id == self.message.id.0
        };
        let own = self.events.iter().filter(own);
        own.map(|stored| stored.event.action.as_str()).collect()
    }
}

/// One cell; the events of the lifecycle that took place.
async fn check(status: Status, command: Command, role: Role) -> Vec<Event> {
    let matrix = Matrix::new();
    let message = matrix.reach(status).await;
    matrix.ready(command, &message).await;
    let before = matrix.snapshot(&message).await;
    let result = matrix.run(command, &before.message, role).await;
    let after = matrix.snapshot(&message).await;

    let wanted = table::cell(status, command, role);
    let at = format!(
        "{} x {} x {}: `{wanted}` wanted, {result:?}",
        status.as_str(),
        command.name(),
        role.as_str()
    );
    let moved = after.actions().split_off(before.actions().len());
    match (wanted, &result) {
        ('-' | 'f' | 'c', Err(error)) => {
            assert_eq!(letter(error), wanted, "{at}");
            assert_eq!(before, after, "{at}");
        }
        ('.', Ok(Done::LeftOut)) => assert_eq!(before, after, "{at}"),
        ('=', Ok(Done::Done)) => {
            assert_eq!(moved, [""; 0], "{at}");
            assert_eq!(after.message.status, status, "{at}");
            assert_eq!(after.message.version, before.message.version, "{at}");
        }
        ('+' | '!', Ok(Done::Done)) => {
            let evidence: &[&str] = match wanted {
                '+' => &["accepted_late", "refused_late"],
                _ => &["duplicate_detected"],
            };
            assert_eq!(moved.len(), 1, "{at}");
            assert!(evidence.contains(&moved[0]), "{at}: {moved:?}");
            assert_eq!(after.message, before.message, "{at}");
        }
        ('0', Ok(Done::Done)) => {
            assert!(after.message.deleted, "{at}");
            assert!(!before.message.deleted, "{at}");
            assert_eq!(moved.len(), 1, "{at}");
        }
        (_, Ok(Done::Done)) => {
            let to = table::status(wanted);
            assert_eq!(Some(after.message.status), to, "{at}");
            assert!(!moved.is_empty(), "{at}");
            assert!(!after.message.deleted, "{at}");
        }
        _ => panic!("{at}"),
    }
    // Whatever happened, the history leads to the row.
    let own = |stored: &&StoredEvent| stored.event.subject_id == message.id.0;
    let history = after.events.iter().filter(own).map(|stored| &stored.event);
    let state = replay(history).unwrap().unwrap();
    assert_eq!(state.status, after.message.status, "{at}");
    assert_eq!(state.version, after.message.version, "{at}");
    let analytics = matrix.world.manager();
    let recount = analytics.analytics().recount().await.unwrap();
    assert_eq!(recount, [], "{at}");
    moved.into_iter().filter_map(Event::from_past).collect()
}

#[tokio::test]
async fn every_status_command_and_role_is_as_the_table_says() {
    let mut cells = 0;
    let mut transitions = BTreeSet::new();
    for status in Status::ALL {
        for command in Command::ALL {
            for role in Role::ALL {
                let events = check(status, command, role).await;
                if let Some(first) = events.first() {
                    transitions.insert((status, *first));
                }
                cells += 1;
            }
        }
    }
    println!("{cells} cells");
    assert_eq!(cells, 12 * 37 * 4);
    // No way from one status to the next is left that none of these commands goes.
    for row in TRANSITIONS {
        let gone = transitions.contains(&(row.from, row.event));
        assert!(gone, "no command goes {row:?}");
    }
}

#[test]
fn all_commands_are_listed_once() {
    let names: BTreeSet<&str> = Command::ALL.iter().map(|command| command.name()).collect();
    assert_eq!(names.len(), Command::ALL.len());
    assert_eq!(Command::ALL.len(), Command::ReceiptFailed as usize + 1);
}

/// What reads, or makes messages: no message is there before it.
const OTHERS: [&str; 13] = [
    "list",
    "get",
    "trail",
    "history",
    "deliveries",
    "create",
    "preview",
    "generate",
    "variants",
    "waiting",
    // Which action and which outcome is a command of its own here.
    "bulk",
    "resolve",
    // In a table of its own, in `held.rs`.
    "approve_despite",
];

#[test]
fn every_method_for_messages_and_decisions_is_a_command() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let mut found = BTreeSet::new();
    for file in ["messages.rs", "approvals.rs", "generate.rs"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for rest in text.split("    pub async fn ").skip(1) {
            let name = rest.split('(').next().unwrap();
            let known =
                OTHERS.contains(&name) || Command::ALL.iter().any(|command| command.name() == name);
            assert!(known, "{file}: `{name}` is not in the matrix");
            found.insert(name.to_owned());
        }
    }
    // The list above names nothing that is gone.
    assert!(OTHERS.iter().all(|name| found.contains(*name)), "{found:?}");
}

#[tokio::test]
async fn what_is_hidden_is_not_found_by_any_command_of_people() {
    for command in Command::ALL {
        if command > Command::ResolveFailed {
            continue;
        }
        for role in [Role::Manager, Role::Admin, Role::System] {
            let matrix = Matrix::new();
            let message = matrix.reach(Status::Draft).await;
            let manager = matrix.world.manager();
            manager.messages().delete(message.id).await.unwrap();
            let before = matrix.snapshot(&message).await;
            let error = matrix.run(command, &message, role).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{command:?}: {error}");
            assert_eq!(before, matrix.snapshot(&message).await);
        }
    }
}
