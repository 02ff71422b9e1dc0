//! The host's own transaction is enough: what it writes by plain SQL into the intake, and what
//! `commit_in` writes for it, is there when it commits and never was when it rolls back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Drained, Engine, NewDraft, Session};
use crm_core::intake::{IntakeRow, IntakeState};
use crm_core::message::decide::Seen;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::clock::Clock;
use crm_core::port::store::{ContactQuery, IntakeQuery, MessageQuery};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::RecordingChannel;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Error, ErrorKind, Role, Workspace};
use crm_store_sqlite::rusqlite::{Connection, TransactionBehavior};
use crm_store_sqlite::{SqliteOptions, SqliteStore};

/// A store, an engine over it, and the host's own connection to the same file.
struct Host {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    engine: Engine,
    channel: Arc<RecordingChannel>,
    connection: Connection,
}

fn open(path: &Path) -> (Arc<SqliteStore>, Engine, Arc<RecordingChannel>) {
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    let channel = Arc::new(RecordingChannel::default());
    let ids = Arc::new(RandomIds::default());
    let engine = Engine::builder(store.clone(), Arc::new(SystemClock), ids)
        .channel("email", channel.clone())
        .build();
    (store, engine, channel)
}

fn host() -> Host {
    let folder = tempfile::tempdir().unwrap();
    let (store, engine, channel) = open(&folder.path().join("crm.db"));
    let connection = Connection::open(folder.path().join("crm.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)")
        .unwrap();
    Host {
        folder,
        store,
        engine,
        channel,
        connection,
    }
}

fn session(engine: &Engine, role: Role) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "olga", role))
}

/// What a host writes in its own words.
const PUT: &str = "INSERT INTO intake (key, kind, payload) VALUES (?1, ?2, ?3)";
const PERSON: &str = r#"{"external_id": "c-1", "name": "Анна", "email": "anna@example.org"}"#;
const TEXT: &str = r#"{"external_id": "c-1", "occasion_type": "custom", "content": "Заказ готов"}"#;

impl Host {
    fn path(&self) -> PathBuf {
        self.folder.path().join("crm.db")
    }

    fn put(&self, key: &str, kind: &str, payload: &str) {
        self.connection.execute(PUT, (key, kind, payload)).unwrap();
    }

    async fn drain(&self) -> Drained {
        let done = self.engine.drain_intake(&Workspace::default(), 1_000).await;
        done.unwrap()
    }

    /// All rows in order.
    async fn rows(&self) -> Vec<IntakeRow> {
        let query = IntakeQuery {
            oldest_first: true,
            ..IntakeQuery::default()
        };
        let admin = session(&self.engine, Role::Admin);
        admin.intake().list(query).await.unwrap()
    }

    async fn messages(&self) -> Vec<Message> {
        let query = MessageQuery::default();
        let found = session(&self.engine, Role::Viewer)
            .messages()
            .list(query)
            .await;
        found.unwrap().items
    }

    async fn contacts(&self) -> Vec<Contact> {
        let query = ContactQuery::default();
        let found = session(&self.engine, Role::Viewer)
            .contacts()
            .list(query)
            .await;
        found.unwrap().items
    }

    fn orders(&self) -> i64 {
        self.connection
            .query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
            .unwrap()
    }

    /// Counters and history are as if the engine had written all by itself.
    async fn check(&self) {
        let admin = session(&self.engine, Role::Admin);
        assert_eq!(admin.analytics().recount().await.unwrap(), []);
        let chain = admin.audit().verify(None).await.unwrap();
        assert!(chain.valid, "{chain:?}");
        let events = admin.audit().events(Default::default()).await.unwrap();
        assert!(events.iter().all(|event| event.seal.is_some()));
    }

    /// A person and a draft, written by the engine.
    async fn draft(&self) -> Message {
        let manager = session(&self.engine, Role::Manager);
        let contact = manager.contacts().create(named("anna")).await.unwrap();
        let draft = NewDraft::new(contact.id, Occasion::Custom, "Заказ принят");
        manager.messages().create(draft).await.unwrap()
    }
}

fn named(name: &str) -> ContactFields {
    ContactFields {
        name: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        ..ContactFields::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_transaction_that_rolls_back_never_were() {
    let mut host = host();
    let before = SystemClock.now();
    for commit in [false, true] {
        let tx = host.connection.transaction().unwrap();
        tx.execute("INSERT INTO orders (note) VALUES ('ready')", [])
            .unwrap();
        tx.execute(PUT, ("person", "contact", PERSON)).unwrap();
        tx.execute(PUT, ("order 1", "submit", TEXT)).unwrap();
        assert_eq!(
            host.engine
                .drain_intake(&Workspace::default(), 10)
                .await
                .unwrap(),
            Drained::default(),
            "nobody sees it before the commit"
        );
        if commit {
            tx.commit().unwrap();
        } else {
            tx.rollback().unwrap();
            assert_eq!(host.rows().await, []);
            assert_eq!(host.engine.store().workspaces().await.unwrap(), []);
        }
    }
    let worker = Worker::new(host.engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    assert_eq!(host.orders(), 1);
    let messages = host.messages().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].status, Status::PendingApproval);
    assert_eq!(host.channel.delivered().len(), 0);
    let rows = host.rows().await;
    let second = chrono::Duration::seconds(1);
    assert!(
        rows[1].created_at > before - second && rows[1].created_at < SystemClock.now() + second
    );
    // The host can read what became of it where it wrote it.
    let (state, message): (String, uuid::Uuid) = host
        .connection
        .query_row(
            "SELECT state, message FROM intake WHERE key = 'order 1'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((state.as_str(), message), ("applied", messages[0].id.0));
    host.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_never_fails_the_hosts_transaction() {
    let host = host();
    host.put("person", "contact", PERSON);
    for _ in 0..3 {
        host.put("order 1", "submit", TEXT);
        host.drain().await;
    }
    host.put("order 1", "submit", TEXT);
    host.put("order 1", "submit", TEXT);
    assert_eq!(host.drain().await.duplicates, 2);
    assert_eq!(host.messages().await.len(), 1);
    let states: Vec<_> = host.rows().await.iter().map(|row| row.state).collect();
    assert_eq!(states[..2], [IntakeState::Applied; 2]);
    assert_eq!(states[2..], [IntakeState::Duplicate; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_could_never_be_found_is_refused_at_once() {
    let host = host();
    let into = "INSERT INTO intake (workspace, key, kind, payload) VALUES (?1, ?2, 'contact', ?3)";
    let long = "x".repeat(201);
    for (workspace, key, payload) in [
        ("", "k", PERSON),
        ("two words", "k", PERSON),
        ("кириллица", "k", PERSON),
        ("default", "", PERSON),
        ("default", &long, PERSON),
        ("default", "k", "{name: Анна}"),
    ] {
        let refused = host.connection.execute(into, (workspace, key, payload));
        assert!(refused.is_err(), "{workspace} {key} {payload}");
    }
    host.connection
        .execute(into, ("salon-2_A", "k", PERSON))
        .unwrap();
    let other = Workspace::new("salon-2_A").unwrap();
    assert_eq!(
        host.engine.drain_intake(&other, 10).await.unwrap().applied,
        1
    );
    assert_eq!(host.contacts().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_program_can_read_is_rejected_like_the_rest() {
    let host = host();
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (key, kind, payload) in [
        (
            "1",
            "contact",
            r#"{"external_id": "c-1", "custom_fields": {"n": 1e999}}"#,
        ),
        (
            "2",
            "contact",
            r#"{"external_id": "c-1", "name": "\ud800"}"#,
        ),
        ("3", "contact", deep.as_str()),
        ("4", "contact", "null"),
        ("5", "greet", "{}"),
        ("6", "contact", PERSON),
    ] {
        host.put(key, kind, payload);
    }
    let done = host.drain().await;
    assert_eq!((done.applied, done.rejected), (1, 5));
    for row in &host.rows().await[..4] {
        assert_eq!(
            row.reason.as_deref(),
            Some("payload: give a JSON object"),
            "{}",
            row.key
        );
    }
    let reason = host.rows().await[4].reason.clone();
    assert_eq!(
        reason.as_deref(),
        Some("kind: use submit, contact, cancel or consent")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn change_sets_are_written_by_the_host_or_never_were() {
    let mut host = host();
    let message = host.draft().await;
    for commit in [false, true] {
        let (engine, deferred) = host.engine.deferred();
        let manager = session(&engine, Role::Manager);
        manager.contacts().create(named("boris")).await.unwrap();
        let approved = manager
            .approvals()
            .approve(message.id, Seen::of(&message))
            .await;
        approved.unwrap();
        let sets = deferred.take();

        let tx = host
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        tx.execute("INSERT INTO orders (note) VALUES ('paid')", [])
            .unwrap();
        host.store.commit_in(&tx, &sets).unwrap();
        if commit {
            tx.commit().unwrap();
        } else {
            tx.rollback().unwrap();
            assert_eq!(host.messages().await, std::slice::from_ref(&message));
            assert_eq!((host.contacts().await.len(), host.orders()), (1, 0));
            host.check().await;
        }
    }
    assert_eq!((host.contacts().await.len(), host.orders()), (2, 1));
    host.check().await;
    let worker = Worker::new(host.engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    assert_eq!(host.channel.delivered()[0].content(), "Заказ принят");
    assert_eq!(host.messages().await[0].status, Status::Sent);
    host.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_set_leaves_the_hosts_own_writes_alone() {
    let mut host = host();
    let message = host.draft().await;
    let (engine, deferred) = host.engine.deferred();
    let manager = session(&engine, Role::Manager);
    manager.contacts().create(named("boris")).await.unwrap();
    manager.messages().submit(message.id, None).await.unwrap();
    // Somebody is faster.
    let other = session(&host.engine, Role::Manager);
    other.messages().submit(message.id, None).await.unwrap();

    let tx = host
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    tx.execute("INSERT INTO orders (note) VALUES ('first')", [])
        .unwrap();
    let refused = host.store.commit_in(&tx, &deferred.take()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(refused.operation(), Some("commit_in"));
    // The host goes on with what it has, or tries again on fresh data.
    manager.contacts().create(named("clara")).await.unwrap();
    host.store.commit_in(&tx, &deferred.take()).unwrap();
    tx.commit().unwrap();
    assert_eq!(host.orders(), 1);
    let mut names: Vec<String> = host
        .contacts()
        .await
        .iter()
        .map(|c| c.name.clone())
        .collect();
    names.sort();
    assert_eq!(names, ["anna", "clara"]);
    host.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_writes_of_one_transaction_continue_one_chain() {
    let mut host = host();
    for round in 0..3 {
        host.draft_of(round).await;
        let tx = host
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        for part in ["x", "y"] {
            let (engine, deferred) = host.engine.deferred();
            let name = format!("{part}{round}");
            let created = session(&engine, Role::Manager)
                .contacts()
                .create(named(&name))
                .await;
            created.unwrap();
            host.store.commit_in(&tx, &deferred.take()).unwrap();
        }
        host.store.commit_in(&tx, &[]).unwrap();
        tx.commit().unwrap();
    }
    assert_eq!(host.contacts().await.len(), 9);
    host.check().await;
}

impl Host {
    async fn draft_of(&self, round: usize) {
        let manager = session(&self.engine, Role::Manager);
        let created = manager.contacts().create(named(&format!("z{round}"))).await;
        created.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_will_not_do_is_refused() {
    let mut host = host();
    let (engine, deferred) = host.engine.deferred();
    let manager = session(&engine, Role::Manager);
    manager.contacts().create(named("boris")).await.unwrap();
    let sets = deferred.take();
    let refusal =
        |connection: &Connection| -> Error { host.store.commit_in(connection, &sets).unwrap_err() };

    let error = refusal(&host.connection);
    assert_eq!(error.kind(), ErrorKind::NotAllowed, "{error}");

    let mut memory = Connection::open_in_memory().unwrap();
    let other_file = host.folder.path().join("other.db");
    drop(SqliteStore::open(&other_file, SqliteOptions::default()).unwrap());
    let mut other = Connection::open(other_file).unwrap();
    for connection in [&mut memory, &mut other] {
        let error = refusal(&connection.transaction().unwrap());
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.detail().contains("another file"), "{error}");
    }

    host.connection
        .execute_batch("PRAGMA synchronous = NORMAL")
        .unwrap();
    let store = Arc::clone(&host.store);
    let tx = host.connection.transaction().unwrap();
    let error = store.commit_in(&tx, &sets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.detail().contains("synchronous"), "{error}");
    drop(tx);

    // By another name it is the same file.
    host.connection
        .execute_batch("PRAGMA synchronous = FULL")
        .unwrap();
    let link = host.folder.path().join("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(host.path(), &link).unwrap();
    #[cfg(not(unix))]
    let link = host.path();
    let mut linked = Connection::open(link).unwrap();
    let tx = linked.transaction().unwrap();
    store.commit_in(&tx, &sets).unwrap();
    tx.commit().unwrap();
    assert_eq!(host.contacts().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_through_the_host_is_gone_from_the_file() {
    let mut host = host();
    let secret = "Секретное поздравление, которого нигде больше нет";
    let person = r#"{"external_id": "c-1", "name": "Анна Тайная", "email": "anna@example.org"}"#;
    let text =
        serde_json::json!({"external_id": "c-1", "occasion_type": "custom", "content": secret});
    host.put("person", "contact", person);
    host.put("text", "submit", &text.to_string());
    assert_eq!(host.drain().await.applied, 2);
    host.connection
        .execute_batch("PRAGMA secure_delete = OFF")
        .unwrap();
    let (engine, deferred) = host.engine.deferred();
    let contact = host.contacts().await.remove(0);
    session(&engine, Role::Admin)
        .contacts()
        .erase(contact.id)
        .await
        .unwrap();
    let tx = host.connection.transaction().unwrap();
    host.store.commit_in(&tx, &deferred.take()).unwrap();
    tx.commit().unwrap();
    let usual: i64 = host
        .connection
        .query_row("PRAGMA secure_delete", [], |row| row.get(0))
        .unwrap();
    assert_eq!(usual, 0, "as the host had it");
    host.check().await;
    assert_eq!(host.messages().await[0].status, Status::Cancelled);
    host.connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let file = std::fs::read(host.path()).unwrap();
    for gone in [secret, "Анна Тайная"] {
        let found = file
            .windows(gone.len())
            .any(|window| window == gone.as_bytes());
        assert!(!found, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_engines_that_work_off_one_intake_do_each_row_once() {
    let mut host = host();
    let tx = host.connection.transaction().unwrap();
    for person in 0..40 {
        let contact = format!(
            r#"{{"external_id": "c-{person}", "name": "Анна", "email": "a{person}@example.org"}}"#
        );
        tx.execute(PUT, (format!("p{person}"), "contact", contact))
            .unwrap();
        let text = TEXT.replace("c-1", &format!("c-{person}"));
        for key in ["a", "b", "a"] {
            tx.execute(PUT, (format!("{key}{person}"), "submit", &text))
                .unwrap();
        }
        let cancel = format!(r#"{{"key": "b{person}"}}"#);
        tx.execute(PUT, (format!("x{person}"), "cancel", cancel))
            .unwrap();
    }
    tx.commit().unwrap();
    let (_store, second, _) = open(&host.path());
    let drain = |engine: Engine| {
        tokio::spawn(async move {
            let mut sum = 0;
            loop {
                let done = engine
                    .drain_intake(&Workspace::default(), 37)
                    .await
                    .unwrap();
                sum += done.settled();
                let waiting = IntakeQuery {
                    state: Some(IntakeState::Waiting),
                    limit: 1,
                    ..IntakeQuery::default()
                };
                let store = engine.store();
                if store
                    .intake(&Workspace::default(), waiting)
                    .await
                    .unwrap()
                    .is_empty()
                {
                    return sum;
                }
            }
        })
    };
    let (one, two) = (drain(host.engine.clone()), drain(second));
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 200);
    let mut states = std::collections::BTreeMap::new();
    let sql = "SELECT state, count(*) FROM intake GROUP BY state";
    let mut statement = host.connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for row in rows.unwrap() {
        let (state, count): (String, i64) = row.unwrap();
        states.insert(state, count);
    }
    assert_eq!(
        states,
        [("applied".to_owned(), 160), ("duplicate".to_owned(), 40)].into()
    );
    let messages = host.messages().await;
    assert_eq!(messages.len(), 80);
    let cancelled = messages.iter().filter(|m| m.status == Status::Cancelled);
    assert_eq!(cancelled.count(), 40);
    host.check().await;
}

/// The one who writes our SQL for us needs no more than the standard tools of SQLite.
#[test]
fn a_row_needs_a_key_a_kind_and_a_payload() {
    let host = host();
    let row: (String, String, Option<String>) = host
        .connection
        .query_row(
            "INSERT INTO intake (key, kind, payload) VALUES ('k', 'contact', '{}') \
             RETURNING workspace, state, reason",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(row, ("default".to_owned(), "waiting".to_owned(), None));
}
