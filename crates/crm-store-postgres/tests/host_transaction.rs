//! The host's own transaction is enough: what it writes by plain SQL into the intake, and what
//! `commit_in` writes for it, is there when it commits and never was when it rolls back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/place.rs"]
mod place;

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::change::ChangeSet;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Drained, Engine, NewDraft, Session};
use crm_core::intake::{IntakeRow, IntakeState};
use crm_core::message::decide::Seen;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::{ContactQuery, IntakeQuery, MessageQuery, Store as _};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::RecordingChannel;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use crm_store_postgres::{PgOptions, PgStore};
use place::Place;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A store, an engine over it, and the host's own connection to the same database.
struct Host {
    place: Place,
    options: PgOptions,
    store: Arc<PgStore>,
    engine: Engine,
    channel: Arc<RecordingChannel>,
    connection: PgConnection,
}

const PERSON: &str = r#"{"external_id": "c-1", "name": "Анна", "email": "anna@example.org"}"#;
const TEXT: &str = r#"{"external_id": "c-1", "occasion_type": "custom", "content": "Заказ готов"}"#;

async fn open(options: &PgOptions) -> (Arc<PgStore>, Engine, Arc<RecordingChannel>) {
    let store = PgStore::connect(Place::url(), options.clone());
    let store = Arc::new(store.await.unwrap());
    let channel = Arc::new(RecordingChannel::default());
    let ids = Arc::new(RandomIds::default());
    let engine = Engine::builder(store.clone(), Arc::new(SystemClock), ids)
        .channel("email", channel.clone())
        .build();
    (store, engine, channel)
}

async fn host() -> Host {
    let place = Place::default();
    let options = place.options();
    let (store, engine, channel) = open(&options).await;
    let mut connection = PgConnection::connect(Place::url()).await.unwrap();
    let table = format!("CREATE TABLE \"{}\".orders (note text)", options.schema);
    sqlx::raw_sql(AssertSqlSafe(table))
        .execute(&mut connection)
        .await
        .unwrap();
    Host {
        place,
        options,
        store,
        engine,
        channel,
        connection,
    }
}

fn session(engine: &Engine, role: Role) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "olga", role))
}

fn named(name: &str) -> ContactFields {
    ContactFields {
        name: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        ..ContactFields::default()
    }
}

/// What a host writes in its own words, over the connection or transaction it has.
async fn put(
    connection: &mut PgConnection,
    schema: &str,
    row: [&str; 4],
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO \"{schema}\".intake (workspace, key, kind, payload) VALUES ($1, $2, $3, $4::jsonb)"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in row {
        query = query.bind(value.to_owned());
    }
    query.execute(connection).await.map(drop)
}

async fn order(connection: &mut PgConnection, schema: &str) {
    let sql = format!("INSERT INTO \"{schema}\".orders VALUES ('paid')");
    let done = sqlx::query(AssertSqlSafe(sql)).execute(connection).await;
    done.unwrap();
}

impl Host {
    async fn put(&mut self, key: &str, kind: &str, payload: &str) {
        let row = ["default", key, kind, payload];
        put(&mut self.connection, &self.options.schema, row)
            .await
            .unwrap();
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
        let viewer = session(&self.engine, Role::Viewer);
        let found = viewer.messages().list(MessageQuery::default()).await;
        found.unwrap().items
    }

    async fn contacts(&self) -> Vec<Contact> {
        let viewer = session(&self.engine, Role::Viewer);
        let found = viewer.contacts().list(ContactQuery::default()).await;
        found.unwrap().items
    }

    async fn orders(&mut self) -> i64 {
        let sql = format!("SELECT count(*) FROM \"{}\".orders", self.options.schema);
        let count = sqlx::query_scalar(AssertSqlSafe(sql));
        count.fetch_one(&mut self.connection).await.unwrap()
    }

    /// Counters and history are as if the engine had written all by itself.
    async fn check(&self) {
        while self.store.seal(&Workspace::default(), 1_000).await.unwrap() > 0 {}
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

    /// The change set of somebody new.
    async fn somebody(&self, name: &str) -> Vec<ChangeSet> {
        let (engine, deferred) = self.engine.deferred();
        let created = session(&engine, Role::Manager)
            .contacts()
            .create(named(name))
            .await;
        created.unwrap();
        deferred.take()
    }

    async fn end(self) {
        self.store.close().await;
        self.place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_transaction_that_rolls_back_never_were() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    for commit in [false, true] {
        let mut tx = host.connection.begin().await.unwrap();
        order(&mut tx, &schema).await;
        for row in [
            ["default", "person", "contact", PERSON],
            ["default", "order 1", "submit", TEXT],
        ] {
            put(&mut tx, &schema, row).await.unwrap();
        }
        let seen = host.engine.drain_intake(&Workspace::default(), 10).await;
        assert_eq!(seen.unwrap(), Drained::default(), "before the commit");
        if commit {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
            assert_eq!(host.rows().await, []);
            assert_eq!(host.engine.store().workspaces().await.unwrap(), []);
        }
    }
    let worker = Worker::new(host.engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    assert_eq!(host.orders().await, 1);
    let messages = host.messages().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].status, Status::PendingApproval);
    assert_eq!(host.channel.delivered().len(), 0);
    // The host can read what became of it where it wrote it.
    let sql = format!("SELECT state, message FROM \"{schema}\".intake WHERE key = 'order 1'");
    let (state, message): (String, uuid::Uuid) = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_one(&mut host.connection)
        .await
        .unwrap();
    assert_eq!((state.as_str(), message), ("applied", messages[0].id.0));
    host.check().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_never_fails_the_hosts_transaction() {
    let mut host = host().await;
    host.put("person", "contact", PERSON).await;
    for _ in 0..3 {
        host.put("order 1", "submit", TEXT).await;
        host.drain().await;
    }
    host.put("order 1", "submit", TEXT).await;
    host.put("order 1", "submit", TEXT).await;
    assert_eq!(host.drain().await.duplicates, 2);
    assert_eq!(host.messages().await.len(), 1);
    let states: Vec<_> = host.rows().await.iter().map(|row| row.state).collect();
    assert_eq!(states[..2], [IntakeState::Applied; 2]);
    assert_eq!(states[2..], [IntakeState::Duplicate; 4]);
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_could_never_be_found_or_read_is_refused_at_once() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    let long = "x".repeat(201);
    for (workspace, key, payload) in [
        ("", "k", PERSON),
        ("two words", "k", PERSON),
        ("кириллица", "k", PERSON),
        ("default", "", PERSON),
        ("default", &long, PERSON),
        ("default", "k", "{name: Анна}"),
        (
            "default",
            "k",
            r#"{"external_id": "c-1", "name": "\ud800"}"#,
        ),
        (
            "default",
            "k",
            r#"{"external_id": "c-1", "name": "\u0000"}"#,
        ),
    ] {
        let row = [workspace, key, "contact", payload];
        let refused = put(&mut host.connection, &schema, row).await;
        assert!(refused.is_err(), "{workspace} {key} {payload}");
    }
    let row = ["salon-2_A", "k", "contact", PERSON];
    put(&mut host.connection, &schema, row).await.unwrap();
    let other = Workspace::new("salon-2_A").unwrap();
    let done = host.engine.drain_intake(&other, 10).await.unwrap();
    assert_eq!(done.applied, 1);
    assert_eq!(host.contacts().await, []);
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_program_can_use_is_rejected_like_the_rest() {
    let mut host = host().await;
    let deep = format!(
        r#"{{"external_id": "c-1", "custom_fields": {{"n": {}{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let huge = r#"{"external_id": "c-1", "custom_fields": {"n": 1e999}}"#;
    for (key, kind, payload) in [
        ("1", "contact", huge),
        ("2", "contact", deep.as_str()),
        ("3", "contact", "null"),
        ("4", "contact", "[]"),
        ("5", "greet", "{}"),
        ("6", "contact", PERSON),
    ] {
        host.put(key, kind, payload).await;
    }
    let done = host.drain().await;
    let rows = host.rows().await;
    assert_eq!((done.applied, done.rejected), (1, 5), "{rows:?}");
    assert!(rows[..5].iter().all(|row| row.reason.is_some()));
    let reason = rows[4].reason.as_deref();
    assert_eq!(reason, Some("kind: use submit, contact, cancel or consent"));
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn change_sets_are_written_by_the_host_or_never_were() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
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

        let mut tx = host.connection.begin().await.unwrap();
        order(&mut tx, &schema).await;
        host.store.commit_in(&mut tx, &sets).await.unwrap();
        if commit {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
            assert_eq!(host.messages().await, std::slice::from_ref(&message));
            assert_eq!((host.contacts().await.len(), host.orders().await), (1, 0));
            host.check().await;
        }
    }
    assert_eq!((host.contacts().await.len(), host.orders().await), (2, 1));
    let worker = Worker::new(host.engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    assert_eq!(host.channel.delivered()[0].content(), "Заказ принят");
    assert_eq!(host.messages().await[0].status, Status::Sent);
    host.check().await;
    host.end().await;
}

/// The workspace itself is made in the host's transaction: it must not be taken for known afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_rolls_back_can_be_made_again() {
    let mut host = host().await;
    let sets = host.somebody("anna").await;
    let mut tx = host.connection.begin().await.unwrap();
    host.store.commit_in(&mut tx, &sets).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(host.contacts().await, []);
    let manager = session(&host.engine, Role::Manager);
    manager.contacts().create(named("boris")).await.unwrap();
    assert_eq!(host.contacts().await.len(), 1);
    host.check().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_set_leaves_the_hosts_own_writes_alone() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    let message = host.draft().await;
    let (engine, deferred) = host.engine.deferred();
    let manager = session(&engine, Role::Manager);
    manager.contacts().create(named("boris")).await.unwrap();
    manager.messages().submit(message.id, None).await.unwrap();
    // Somebody is faster.
    let other = session(&host.engine, Role::Manager);
    other.messages().submit(message.id, None).await.unwrap();
    let fresh = host.somebody("clara").await;

    let mut tx = host.connection.begin().await.unwrap();
    order(&mut tx, &schema).await;
    let refused = host.store.commit_in(&mut tx, &deferred.take()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(refused.operation(), Some("commit_in"));
    // The host goes on with what it has, or tries again on fresh data.
    host.store.commit_in(&mut tx, &fresh).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(host.orders().await, 1);
    let contacts = host.contacts().await;
    let mut names: Vec<&str> = contacts.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["anna", "clara"]);
    host.check().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_writes_of_one_transaction_continue_one_chain() {
    let mut host = host().await;
    for round in 0..3 {
        let manager = session(&host.engine, Role::Manager);
        let created = manager.contacts().create(named(&format!("z{round}"))).await;
        created.unwrap();
        let parts = [
            host.somebody(&format!("x{round}")).await,
            host.somebody(&format!("y{round}")).await,
            Vec::new(),
        ];
        let mut tx = host.connection.begin().await.unwrap();
        for sets in &parts {
            host.store.commit_in(&mut tx, sets).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    assert_eq!(host.contacts().await.len(), 9);
    host.check().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_reads_the_past_is_refused_and_stays_usable() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    let sets = host.somebody("boris").await;
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        let begin = format!("BEGIN ISOLATION LEVEL {isolation}");
        let begun = host.connection.begin_with(AssertSqlSafe(begin)).await;
        let mut tx = begun.unwrap();
        order(&mut tx, &schema).await;
        let error = host.store.commit_in(&mut tx, &sets).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        tx.commit().await.unwrap();
    }
    assert_eq!((host.contacts().await.len(), host.orders().await), (0, 2));
    host.end().await;
}

/// A call that is given up half way leaves nothing of itself in the host's transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_leaves_the_transaction_as_it_was() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    // The message is held by somebody else, so that the call has to wait after it wrote the contact.
    let message = host.draft().await;
    let (engine, deferred) = host.engine.deferred();
    let manager = session(&engine, Role::Manager);
    manager.contacts().create(named("boris")).await.unwrap();
    manager.messages().submit(message.id, None).await.unwrap();
    let sets = deferred.take();
    let mut holder = PgConnection::connect(Place::url()).await.unwrap();
    let mut holding = holder.begin().await.unwrap();
    let lock = format!("SELECT 1 FROM \"{schema}\".messages FOR UPDATE");
    let lock = sqlx::query(AssertSqlSafe(lock));
    lock.execute(&mut *holding).await.unwrap();

    let mut tx = host.connection.begin().await.unwrap();
    order(&mut tx, &schema).await;
    let patience = std::time::Duration::from_millis(300);
    let given_up = tokio::time::timeout(patience, host.store.commit_in(&mut tx, &sets)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    holding.rollback().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((host.contacts().await.len(), host.orders().await), (1, 1));
    assert_eq!(host.messages().await, [message]);
    host.check().await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_engines_that_work_off_one_intake_do_each_row_once() {
    let mut host = host().await;
    let schema = host.options.schema.clone();
    let mut tx = host.connection.begin().await.unwrap();
    for person in 0..40 {
        let (own, contact) = (format!("c-{person}"), format!("a{person}@example.org"));
        let contact = PERSON
            .replace("c-1", &own)
            .replace("anna@example.org", &contact);
        let text = TEXT.replace("c-1", &own);
        let cancel = format!(r#"{{"key": "b{person}"}}"#);
        for (key, kind, payload) in [
            ("p", "contact", &contact),
            ("a", "submit", &text),
            ("b", "submit", &text),
            ("a", "submit", &text),
            ("x", "cancel", &cancel),
        ] {
            let key = format!("{key}{person}");
            let row = ["default", &key, kind, payload];
            put(&mut tx, &schema, row).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    let (second_store, second, _) = open(&host.options).await;
    let drain = |engine: Engine| {
        tokio::spawn(async move {
            let mut sum = 0;
            loop {
                let home = Workspace::default();
                sum += engine.drain_intake(&home, 37).await.unwrap().settled();
                let waiting = IntakeQuery {
                    state: Some(IntakeState::Waiting),
                    limit: 1,
                    ..IntakeQuery::default()
                };
                let waiting = engine.store().intake(&home, waiting).await;
                if waiting.unwrap().is_empty() {
                    return sum;
                }
            }
        })
    };
    let (one, two) = (drain(host.engine.clone()), drain(second));
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 200);
    let sql = format!("SELECT state, count(*) FROM \"{schema}\".intake GROUP BY state");
    let states: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(&mut host.connection)
        .await
        .unwrap();
    let states: BTreeMap<String, i64> = states.into_iter().collect();
    assert_eq!(
        states,
        [("applied".to_owned(), 160), ("duplicate".to_owned(), 40)].into()
    );
    let messages = host.messages().await;
    assert_eq!(messages.len(), 80);
    let cancelled = messages.iter().filter(|m| m.status == Status::Cancelled);
    assert_eq!(cancelled.count(), 40);
    host.check().await;
    second_store.close().await;
    host.end().await;
}
