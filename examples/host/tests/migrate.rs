//! `crm-host migrate-store`: everything arrives as it was, whatever ends it in the middle, and nothing is
//! called moved that was not verified.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
#[path = "common/engine.rs"]
mod engine;
#[path = "migrate/everything.rs"]
mod everything;

use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use common::place::{Place, Tables, wait};
use common::scratch::Scratch;
use common::{Host, sample_contacts};
use crm_core::contact::ContactFields;
use crm_core::port::schema::TABLES;
use crm_core::port::store::Store;
use crm_core::port::transfer::Batch;
use crm_core::subscription::Start;
use crm_core::{Actor, Role, Workspace};
use crm_store_postgres::{Arrival, PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use serde_json::{Value, json};
use sqlx::Connection as _;

use everything::Everything;

/// Rows of the host's intake: one that makes a contact, one that is said twice, one that cannot be done.
const INTAKE: &str = r#"
INSERT INTO intake (key, kind, payload) VALUES
  ('p-1', 'contact', '{"external_id": "17", "name": "Oʻtkir Ғуломов", "email": "otkir@mail.example"}'),
  ('m-1', 'submit', '{"external_id": "17", "occasion_type": "custom", "content": "Буюртмангиз тайёр — oʻzbek",
    "metadata": {"model": "m", "tone": "илиқ ў \" \\"}}'),
  ('m-1', 'submit', '{"external_id": "17", "occasion_type": "custom", "content": "again"}'),
  ('m-2', 'submit', '{"external_id": "nobody", "occasion_type": "custom", "content": "x"}')"#;

/// What an import changed, what a field is, budgets and calls of a model, with a value in each column.
const MONEY: &str = "
INSERT INTO import_updates SELECT key, x'01900000000070008000000000000003', x'01900000000070008000000000000004', 2,
  '{}' FROM workspaces WHERE name = 'default';
INSERT INTO saved_audiences SELECT key, x'01900000000070008000000000000005', 2, 'Большие', 'большие', 'Кто тратит',
  '{\"custom_field\":{\"name\":\"sum\",\"at_least\":1e16}}', 'olga', 1773144000123456, 1773144000123457
  FROM workspaces WHERE name = 'default';
INSERT INTO field_definitions SELECT key, 'level', 2, '{\"label\": \"Уровень\", \"type\": \"choice\", \"options\": [\"gold\"]}',
  'olga', 1773144000123456, 1773144000123457 FROM workspaces WHERE name = 'default';
INSERT INTO budgets SELECT key, '', 'total', 3, 9007199254740993 FROM workspaces WHERE name = 'default';
INSERT INTO budgets SELECT key, '01900000-0000-7000-8000-000000000007', 'day', 1, 5
  FROM workspaces WHERE name = 'default';
INSERT INTO ledger SELECT key, x'01900000000070008000000000000001', 1773144000123456, '2026-03-10', 'olga',
  x'01900000000070008000000000000007', 'claude', 'line/1', 1, 9007199254740993, 'settled', 9007199254740992, 1, 2,
  3, 4, 5, 1, 'haiku', 'req_1', 'refused', 1773144000123457, 1773144000123458
  FROM workspaces WHERE name = 'default';
INSERT INTO ledger SELECT key, x'01900000000070008000000000000002', 1773144000123456, '2026-03-10', 'olga', NULL,
  '', NULL, 1, NULL, 'reserved', 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 1773144000123457, NULL
  FROM workspaces WHERE name = 'default';
INSERT INTO spent SELECT key, '', '', 9007199254740992, 7 FROM workspaces WHERE name = 'default';
INSERT INTO usage SELECT key, '2026-03-10', '', 'olga', 'haiku', 1, 7, 9007199254740992, 1, 2, 3, 4, 5
  FROM workspaces WHERE name = 'default';";

/// What waits, also for somebody whose rows nobody has looked at.
const WAITING: &str = r#"
INSERT INTO intake (workspace, key, kind, payload) VALUES
  ('default', 'p-2', 'contact', '{"external_id": "18", "name": "Ждёт", "custom_fields": {"f": 1e17}}'),
  ('elsewhere', 'p-2', 'contact', '{"external_id": "18", "name": "Waits"}')"#;

/// An event that has no place yet, as a store that seals later leaves it.
const UNSEALED: &str = "INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, \
    version) SELECT workspace, randomblob(16), at + 1, actor, role, subject, subject_id, 'seen', version \
    FROM events ORDER BY seq DESC LIMIT 1";

/// A stopped host's files, with something of everything.
fn filled() -> Place {
    let host = Host::start_in(Place::sqlite(), &["--demo"]);
    let admin = host.login("admin@example.com", "demo-password")["access_token"].clone();
    let admin = admin.as_str().unwrap();
    let import = host.upload(admin, &sample_contacts()).expect(202);
    let import = format!(
        "/api/contacts/imports/{}",
        import["import_id"].as_str().unwrap()
    );
    host.until(admin, &import, |report| report["status"] == "completed");
    let body = json!({"name": "Anna", "email": "anna@salon.example"});
    let keyed = host.keyed(admin, "POST", "/api/contacts", &body, Some("one key"));
    keyed.expect(201);
    let file = host.directory.file(Tables::Engine);
    file.busy_timeout(std::time::Duration::from_secs(5))
        .unwrap();
    file.execute_batch(INTAKE).unwrap();
    let waiting = "SELECT count(*) FROM intake WHERE state = 'waiting'";
    while file
        .query_row(waiting, [], |row| row.get::<_, i64>(0))
        .unwrap()
        > 0
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (status, place) = host.stop();
    assert!(status.success());
    engine::run(&place, async |engine, _| {
        let admin = Actor::new(Workspace::default(), "admin", Role::Admin);
        let session = engine.act_as(admin);
        let gone = ContactFields {
            name: "Забытый".to_owned(),
            email: Some("gone@mail.example".to_owned()),
            custom_fields: serde_json::from_value(json!({"a": 1.5, "b": null, "c": "Ў"})).unwrap(),
            ..ContactFields::default()
        };
        let gone = session.contacts().create(gone).await.unwrap();
        session.contacts().erase(gone.id).await.unwrap();
        let kept = ContactFields {
            name: "Gʻayrat".to_owned(),
            phone: Some("+998901234567".to_owned()),
            custom_fields: serde_json::from_value(json!({"big": 1e16, "n": 3, "s": "Ё"})).unwrap(),
            ..ContactFields::default()
        };
        session.contacts().create(kept).await.unwrap();
        let suppressions = session.suppressions();
        let added = suppressions.add("email", "no@mail.example", "сказал нет");
        added.await.unwrap();
        let own = Workspace::default();
        engine.subscribe(&own, "crm", Start::Now).await.unwrap();
    });
    // With a value in each column.
    let failing = "UPDATE subscriptions SET failures = 2, failing_since = due_at + 1, last_error = 'http_500', \
        disabled_at = due_at + 2, lease_owner = 'w', lease_until = due_at + 3";
    assert_eq!(file.execute(failing, []).unwrap(), 1);
    file.execute_batch(MONEY).unwrap();
    file.execute_batch(WAITING).unwrap();
    file.execute_batch(UNSEALED).unwrap();
    place
}

fn command(place: &Place, to: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-host"));
    let from = format!("sqlite:{}", place.path().join("crm.db").display());
    command.args(["migrate-store", "--from", &from]);
    command.env("CRM_MIGRATE_TO", to);
    command
}

fn moved(place: &Place, to: &str) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(place, to).output().unwrap();
    let text = [stdout, stderr].concat();
    (status.success(), String::from_utf8(text).unwrap())
}

/// What both stores answer is the same.
fn assert_same(place: &Place, to: &str) {
    wait(async {
        let file = place.path().join("crm.db");
        let here: Arc<dyn Store> =
            Arc::new(SqliteStore::open(file, SqliteOptions::default()).unwrap());
        let there: Arc<dyn Store> =
            Arc::new(PgStore::connect(to, PgOptions::default()).await.unwrap());
        let here = Everything::of(&*here).await;
        here.assert_full();
        here.assert_same(&Everything::of(&*there).await);
    });
}

async fn lock_events(to: &str) -> sqlx::PgConnection {
    drop(PgStore::connect(to, PgOptions::default()).await.unwrap());
    let mut connection = sqlx::PgConnection::connect(to).await.unwrap();
    let lock = "BEGIN; LOCK TABLE crm.events IN SHARE ROW EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
    connection
}

#[test]
fn everything_arrives_and_people_sign_in_there() {
    let place = filled();
    let target = wait(Scratch::new());
    let before = std::fs::read(place.path().join("crm.db")).unwrap();
    let (done, said) = moved(&place, &target.url);
    assert!(done, "{said}");
    assert!(said.contains("all is moved and verified"), "{said}");
    assert!(std::fs::read(place.path().join("crm.db")).unwrap() == before);
    assert_same(&place, &target.url);

    let (done, said) = moved(&place, &target.url);
    assert!(!done && said.contains("already"), "{said}");

    let accounts = place.file(Tables::Host);
    let import: String = accounts
        .query_row("SELECT id FROM imports", [], |row| row.get(0))
        .unwrap();
    let secret = place.secret();
    let mut there = Place::sqlite();
    there.postgres = Some(target);
    let variables = [("CRM_SECRET", secret.as_str())];
    let host = Host::start_with(there, &[], &variables);
    let admin = host.login("admin@example.com", "demo-password")["access_token"].clone();
    let admin = admin.as_str().unwrap();
    let report = host
        .get(admin, &format!("/api/contacts/imports/{import}"))
        .expect(200);
    assert_eq!(report["rows"], 210);
    let body = json!({"name": "Anna", "email": "anna@salon.example"});
    let again = host.keyed(admin, "POST", "/api/contacts", &body, Some("one key"));
    again.expect(201);
    // New rows get numbers behind the moved ones, and what waited is done.
    host.until(admin, "/api/audit/verify", |chain| chain["valid"] == true);
    let found = |name: &str| format!("/api/contacts?search={name}");
    host.until(admin, &found("%D0%96%D0%B4%D1%91%D1%82"), |page: &Value| {
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 1)
    });
}

#[test]
fn killed_in_the_middle_it_goes_on_and_nobody_works_there_meanwhile() {
    let place = filled();
    let target = wait(Scratch::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Everything before the events gets through, and they cannot.
    let mut lock = runtime.block_on(lock_events(&target.url));
    let mut child = command(&place, &target.url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let waits = "SELECT '', count(*) FROM pg_locks WHERE NOT granted";
    while runtime.block_on(target.counts(waits))[0].1 == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    runtime.block_on(async {
        sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    });

    let there = |table: &str| {
        let sql = format!("SELECT '', count(*) FROM crm.{table}");
        runtime.block_on(target.counts(&sql))[0].1
    };
    assert!(there("messages") > 0);
    assert_eq!(there("events"), 0);
    let refused = runtime.block_on(PgStore::connect(&target.url, PgOptions::default()));
    let refused = refused.expect_err("a half moved database was opened");
    assert_eq!(refused.kind(), crm_core::ErrorKind::Configuration);
    assert!(refused.detail().contains("half moved"), "{refused}");

    let (done, said) = moved(&place, &target.url);
    assert!(done, "{said}");
    assert!(said.contains("there already; going on"), "{said}");
    assert_same(&place, &target.url);
}

/// Half of the rows of every table, as a move that ended between two batches leaves them.
async fn move_half(place: &Place, to: &str) {
    let store = SqliteStore::open(place.path().join("crm.db"), SqliteOptions::default()).unwrap();
    let departure = store.depart().unwrap();
    let state = departure.state().unwrap();
    let arriving = Arrival::begin(to, PgOptions::default(), &state);
    let mut arrival = arriving.await.unwrap();
    for table in 0..TABLES.len() {
        let mut half = None;
        let mut take = |mut batch: Batch| {
            batch.rows.truncate(batch.rows.len() / 2);
            half = Some(batch);
            false
        };
        departure.read(table, 0, &mut take).unwrap();
        if let Some(half) = half {
            arrival.write(&half).await.unwrap();
        }
    }
}

#[test]
fn cut_off_between_the_rows_of_a_table_it_goes_on_behind_them() {
    let place = filled();
    let target = wait(Scratch::new());
    wait(move_half(&place, &target.url));
    let (done, said) = moved(&place, &target.url);
    assert!(done, "{said}");
    assert!(said.contains("there already; going on"), "{said}");
    assert_same(&place, &target.url);
}

#[test]
fn a_source_that_changed_since_and_another_one_are_refused() {
    let place = filled();
    let target = wait(Scratch::new());
    let mut lock = wait(lock_events(&target.url));
    let cut = wait(async {
        // The lock is held while the move runs into it, and the server breaks the move off.
        let mut child = command(&place, &target.url);
        let child = child
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        loop {
            let end = "SELECT '', count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_locks \
                WHERE NOT granted AND database = (SELECT oid FROM pg_database \
                WHERE datname = current_database())) AS ended";
            if target.counts(end).await[0].1 > 0 {
                break;
            }
        }
        child.wait_with_output().unwrap()
    });
    assert!(!cut.status.success());
    let said = String::from_utf8(cut.stderr).unwrap();
    assert!(said.contains("run the same command again"), "{said}");
    wait(async { sqlx::raw_sql("ROLLBACK").execute(&mut lock).await }).ok();
    drop(lock);
    engine::run(&place, async |_, session| {
        let more = ContactFields {
            name: "Later".to_owned(),
            ..ContactFields::default()
        };
        session.contacts().create(more).await.unwrap();
    });
    let (done, said) = moved(&place, &target.url);
    assert!(!done && said.contains("was changed since"), "{said}");
}

#[test]
fn a_changed_history_is_told_and_never_called_moved() {
    let place = filled();
    let target = wait(Scratch::new());
    place.unlock_events();
    let tamper = "UPDATE {}events SET reason = 'nobody saw it' WHERE position = 7";
    assert_eq!(place.change(Tables::Engine, tamper), Ok(1));
    let (done, said) = moved(&place, &target.url);
    assert!(!done, "{said}");
    assert!(said.contains("does not verify at position 7"), "{said}");
    let refused = wait(PgStore::connect(&target.url, PgOptions::default()));
    assert!(refused.is_err());
}

#[test]
fn wrong_places_are_refused_and_no_password_is_said() {
    let place = Place::sqlite();
    let file = place.path().join("crm.db");
    let (done, said) = moved(&place, "postgres://anna:hunter2@127.0.0.1:1/crm");
    assert!(!done && said.contains("there is no database"), "{said}");
    assert!(!file.exists());

    let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
    wait(store.become_dispatcher()).unwrap();
    let (done, said) = moved(&place, "postgres://anna:hunter2@127.0.0.1:1/crm");
    assert!(!done && said.contains("another process delivers"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    drop(store);

    let (done, said) = moved(&place, "postgres://anna:hunter2@127.0.0.1:1/crm");
    assert!(!done && said.contains("cannot be reached"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let (done, said) = moved(&place, "mysql://anna:hunter2@127.0.0.1:1/crm");
    assert!(!done && said.contains("--from sqlite:PATH"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let target = wait(Scratch::new());
    let mut other = Place::sqlite();
    other.postgres = Some(target);
    engine::run(&other, async |_, session| {
        let own = ContactFields {
            name: "Own".to_owned(),
            ..ContactFields::default()
        };
        session.contacts().create(own).await.unwrap();
    });
    let url = other.postgres.as_ref().unwrap().url.clone();
    let (done, said) = moved(&place, &url);
    assert!(!done && said.contains("holds data already"), "{said}");
    // And is as usable as before.
    engine::run(&other, async |_, session| {
        let all = session.contacts().list(Default::default()).await.unwrap();
        assert_eq!(all.items.len(), 1);
    });
}
