//! What a real server can do to an open store: the error says whose fault it is and what to do, nothing
//! is written by half, and the same store goes on once the cause is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "errors/disk.rs"]
mod disk;
#[path = "common/place.rs"]
mod place;

use std::sync::Arc;
use std::time::Duration;

use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Engine, Session};
use crm_core::port::store::{ContactQuery, PageRequest, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::{Actor, Error, ErrorKind, Result, Role, Workspace};
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use place::Place;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Ann, who works on `store`.
fn ann(store: &PgStore) -> Session {
    let ids = Arc::new(RandomIds::default());
    Engine::builder(Arc::new(store.clone()), Arc::new(SystemClock), ids)
        .build()
        .act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

async fn create(store: &PgStore, name: &str) -> Result<Contact> {
    let fields = ContactFields {
        name: name.to_owned(),
        ..ContactFields::default()
    };
    ann(store).contacts().create(fields).await
}

/// The names that are stored, in the order of letters.
async fn names(store: &PgStore) -> Vec<String> {
    let page = ann(store).contacts().list(ContactQuery::default()).await;
    let mut names: Vec<String> = page
        .unwrap()
        .items
        .into_iter()
        .map(|c| c.name.clone())
        .collect();
    names.sort();
    names
}

/// How many are stored.
async fn count(store: &PgStore) -> u64 {
    let query = ContactQuery {
        page: PageRequest {
            count: true,
            ..PageRequest::default()
        },
        ..ContactQuery::default()
    };
    let page = ann(store).contacts().list(query).await.unwrap();
    page.total.unwrap()
}

/// The error; it is of this kind and its text says `what`.
#[track_caller]
fn told<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, what: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(what), "{error}");
    error
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn quick() -> ServerOptions {
    ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_in_use_is_told_after_a_while_and_serves_again() {
    let place = Place::default();
    let options = PgOptions {
        connections: 1,
        listen: false,
        acquire_timeout: Duration::from_millis(300),
        lock_timeout: Duration::from_secs(20),
        ..place.options()
    };
    let store = PgStore::connect(Place::url(), options.clone())
        .await
        .unwrap();
    create(&store, "before").await.unwrap();
    // Somebody holds what the next write needs, so that write holds the only connection.
    let mut other = PgConnection::connect(Place::url()).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let lock = format!("LOCK TABLE \"{}\".contacts", options.schema);
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut *held)
        .await
        .unwrap();
    let writer = store.clone();
    let waiting = tokio::spawn(async move { create(&writer, "waited").await });
    // Until it has the connection and waits.
    loop {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE NOT l.granted AND n.nspname = $1)",
        )
        .bind(&options.schema)
        .fetch_one(&mut *held)
        .await
        .unwrap();
        if waits {
            break;
        }
        tokio::task::yield_now().await;
    }
    let workspace = Workspace::default();
    let read = store.contacts(&workspace, ContactQuery::default()).await;
    told(read, ErrorKind::Unavailable, "in use");
    let write = store.seal(&workspace, 1).await;
    told(write, ErrorKind::Unavailable, "in use");
    held.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(names(&store).await, ["before", "waited"]);
    store.close().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_more_connections_is_told() {
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let server = Server::start(ServerOptions {
        settings: vec![
            setting("max_connections", "6"),
            setting("superuser_reserved_connections", "0"),
            setting("max_wal_senders", "0"),
        ],
        ..quick()
    })
    .unwrap();
    let url = server.url("postgres");
    let options = PgOptions {
        listen: false,
        acquire_timeout: Duration::from_secs(2),
        ..PgOptions::default()
    };
    let store = PgStore::connect(&url, options.clone()).await.unwrap();
    create(&store, "before").await.unwrap();
    let mut others = Vec::new();
    while let Ok(connection) = PgConnection::connect(&url).await {
        others.push(connection);
    }
    assert!(others.len() >= 4, "{}", others.len());
    let refused = PgStore::connect(&url, options).await;
    told(refused, ErrorKind::Unavailable, "no more connections");
    // What it has goes on.
    create(&store, "meanwhile").await.unwrap();
    for other in others {
        other.close().await.unwrap();
    }
    assert_eq!(names(&store).await, ["before", "meanwhile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_becomes_read_only_is_read_on_and_written_afterwards() {
    let server = Server::start(quick()).unwrap();
    let url = server.url("postgres");
    let options = PgOptions {
        connections: 1,
        listen: false,
        ..PgOptions::default()
    };
    let store = PgStore::connect(&url, options).await.unwrap();
    create(&store, "before").await.unwrap();
    let only = async |only: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {only}");
        // The server re-reads its settings for connections that are there.
        for sql in [&*set, "SELECT pg_reload_conf()"] {
            run(&url, sql).await;
        }
    };
    only("on").await;
    // A connection hears of it before one of its next statements.
    let mut created = 1;
    let refused = loop {
        match create(&store, "created").await {
            Ok(_) => created += 1,
            Err(error) => break error,
        }
    };
    told(
        Err::<(), _>(refused),
        ErrorKind::Unavailable,
        "only allows reading",
    );
    assert_eq!(count(&store).await, created);
    only("off").await;
    while let Err(error) = create(&store, "after").await {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(count(&store).await, created + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_refused_and_taken_once_it_leads() {
    let server = Server::start(quick()).unwrap();
    let url = server.url("postgres");
    let options = PgOptions::default();
    let store = PgStore::connect(&url, options.clone()).await.unwrap();
    create(&store, "before").await.unwrap();
    server.stop(Mode::Fast).unwrap();
    std::fs::write(server.data().join("standby.signal"), "").unwrap();
    server.start_again().unwrap();
    let refused = PgStore::connect(&url, options.clone()).await;
    told(refused, ErrorKind::Unavailable, "primary");
    // One that was open reads and writes nothing.
    assert_eq!(names(&store).await, ["before"]);
    let refused = create(&store, "refused").await;
    told(refused, ErrorKind::Unavailable, "only allows reading");
    run(&url, "SELECT pg_promote(true)").await;
    PgStore::connect(&url, options).await.unwrap().close().await;
    create(&store, "after").await.unwrap();
    assert_eq!(names(&store).await, ["after", "before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_is_told_where_a_new_connection_is_needed() {
    let server = Server::start(ServerOptions {
        tcp: true,
        password: Some("first-one".to_owned()),
        ..quick()
    })
    .unwrap();
    let url = server.tcp_url("postgres").unwrap();
    let options = PgOptions {
        listen: false,
        ..PgOptions::default()
    };
    let store = PgStore::connect(&url, options).await.unwrap();
    create(&store, "before").await.unwrap();
    let direct = server.url("postgres");
    run(&direct, "ALTER ROLE crm PASSWORD 'second-one'").await;
    // A connection that is there goes on, once it is back among those that wait to be used.
    let goes_on = async {
        while create(&store, "meanwhile").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, goes_on).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
        WHERE application_name = 'crm'";
    run(&direct, end).await;
    let refused = create(&store, "refused").await;
    let error = told(refused, ErrorKind::Configuration, "password");
    assert!(!error.to_string().contains("-one"), "{error}");
    run(&direct, "ALTER ROLE crm PASSWORD 'first-one'").await;
    create(&store, "after").await.unwrap();
    assert_eq!(names(&store).await, ["after", "before", "meanwhile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_is_never_stored_and_never_found() {
    let place = Place::default();
    let store = place.store().await;
    create(&store, "before").await.unwrap();
    told(create(&store, "a\0b").await, ErrorKind::Invalid, "name");
    for text in ["\0", "before \0after", "\0@\0"] {
        let query = ContactQuery {
            search: Some(text.to_owned()),
            ..ContactQuery::default()
        };
        let page = store.contacts(&Workspace::default(), query).await.unwrap();
        assert_eq!(page.items, [], "{text:?}");
    }
    assert_eq!(names(&store).await, ["before"]);
    store.close().await;
    place.clear().await;
}

/// How many events were sealed.
async fn seal(store: &PgStore) -> u32 {
    store.seal(&Workspace::default(), 1_000).await.unwrap()
}
