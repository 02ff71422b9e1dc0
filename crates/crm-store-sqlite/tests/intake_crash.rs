//! The process ends exactly before or exactly after a commit that settles rows of the intake. The next
//! process works off the rest: no row is lost, none is done twice, and each is settled with its effect.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crm_core::engine::{Engine, Session};
use crm_core::intake::IntakeState;
use crm_core::port::store::{ContactQuery, IntakeQuery, MessageQuery, PageRequest};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::rusqlite::Connection;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::crash::{CrashingStore, LedgerChannel, Point};

/// People; each is put in and written to twice under one key.
const PEOPLE: usize = 150;
const FOLDER: &str = "CRM_CRASH_FOLDER";
const POINT: &str = "CRM_CRASH_POINT";

fn engine(folder: &Path, point: Option<Point>) -> Engine {
    let inner = SqliteStore::open(folder.join("crm.db"), SqliteOptions::default()).unwrap();
    let store = CrashingStore {
        point,
        ..CrashingStore::over(Arc::new(inner))
    };
    let ids = Arc::new(RandomIds::default());
    Engine::builder(Arc::new(store), Arc::new(SystemClock), ids)
        .channel("email", Arc::new(LedgerChannel(folder.join("ledger"))))
        .build()
}

fn manager(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "manager", Role::Manager))
}

fn everything() -> PageRequest {
    PageRequest {
        limit: 1_000,
        ..PageRequest::default()
    }
}

/// What the host asks for, in one transaction of its own.
fn fill(folder: &Path) {
    drop(SqliteStore::open(folder.join("crm.db"), SqliteOptions::default()).unwrap());
    let mut connection = Connection::open(folder.join("crm.db")).unwrap();
    let tx = connection.transaction().unwrap();
    let put = |key: String, kind: &str, payload: String| {
        let sql = "INSERT INTO intake (key, kind, payload) VALUES (?1, ?2, ?3)";
        tx.execute(sql, (key, kind, payload)).unwrap();
    };
    for number in 0..PEOPLE {
        let id = format!("\"external_id\": \"c-{number}\"");
        let contact = format!("{{{id}, \"name\": \"Анна\", \"email\": \"a{number}@example.org\"}}");
        put(format!("p{number}"), "contact", contact);
    }
    for number in (0..PEOPLE).chain(0..PEOPLE) {
        let text = "\"occasion_type\": \"custom\", \"content\": \"Заказ готов\"";
        let submit = format!("{{\"external_id\": \"c-{number}\", {text}}}");
        put(format!("m{number}"), "submit", submit);
    }
    tx.commit().unwrap();
}

#[test]
fn ended_at_any_commit_of_the_intake_nothing_is_lost_and_nothing_repeated() {
    let me = "ended_at_any_commit_of_the_intake_nothing_is_lost_and_nothing_repeated";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(folder) = std::env::var_os(FOLDER) {
        let point = Point::parse(&std::env::var(POINT).unwrap());
        let engine = engine(Path::new(&folder), point);
        let worker = Worker::new(engine, WorkerOptions::default());
        runtime.block_on(worker.run_until_idle()).unwrap();
        return;
    }
    for nth in [1, 2, 4] {
        for before in [true, false] {
            let what = "drain".to_owned();
            let point = Point { what, before, nth };
            let folder = tempfile::tempdir().unwrap();
            fill(folder.path());
            let run = |point: Option<&Point>| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", me])
                    .env(FOLDER, folder.path())
                    .env(POINT, point.map_or_else(String::new, Point::to_string))
                    .output()
                    .unwrap()
                    .status
                    .success()
            };
            assert!(!run(Some(&point)), "never reached: {point}");
            assert!(run(None), "{point}");
            runtime.block_on(check(folder.path(), &point));
        }
    }
}

async fn check(folder: &Path, point: &Point) {
    let engine = engine(folder, None);
    let session = manager(&engine);
    let query = MessageQuery {
        page: everything(),
        ..MessageQuery::default()
    };
    let messages = session.messages().list(query).await.unwrap().items;
    assert_eq!(messages.len(), PEOPLE, "{point}");
    let query = ContactQuery {
        page: everything(),
        ..ContactQuery::default()
    };
    let people = session.contacts().list(query).await.unwrap().items;
    assert_eq!(people.len(), PEOPLE, "{point}");
    let query = IntakeQuery {
        limit: 1_000,
        oldest_first: true,
        ..IntakeQuery::default()
    };
    let rows = session.intake().list(query).await.unwrap();
    for (number, row) in rows.iter().enumerate() {
        let wanted = if number < 2 * PEOPLE {
            IntakeState::Applied
        } else {
            IntakeState::Duplicate
        };
        assert_eq!(row.state, wanted, "{point}: {}", row.key);
        let made = row.message_id;
        let there = made.is_none_or(|id| messages.iter().any(|message| message.id == id));
        assert!(there && made.is_some() == (number >= PEOPLE), "{point}");
    }
    assert_eq!(rows.len(), 3 * PEOPLE);
    assert_eq!(session.analytics().recount().await.unwrap(), []);
    assert!(session.audit().verify(None).await.unwrap().valid, "{point}");
}
