//! A file that went back to an older state sends nothing: the cases of every store, and files that are
//! really put back.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, GenerateMessage};
use crm_core::hold::{Acknowledgement, HoldReason};
use crm_core::message::decide::Seen;
use crm_core::message::{Approved, AttemptOutcome, Occasion};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::clock::Clock;
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::FakeClock;
use crm_core::testing::store_suite::{self, HoldHarness};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::hold::Office;
use rusqlite::Connection;

fn open(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap())
}

fn marker(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".place");
    name.into()
}

struct Movable {
    store: Arc<SqliteStore>,
    path: PathBuf,
}

#[async_trait]
impl HoldHarness for Movable {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn lose_place(&self) {
        // As if the database had come further before.
        let marker = marker(&self.path);
        let text = fs::read_to_string(&marker).unwrap();
        let (id, number) = text.trim().split_once(' ').unwrap();
        let number: i64 = number.parse().unwrap();
        fs::write(&marker, format!("{id} {}\n", number + 1_000)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_hold() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU32::new(0);
    let report = store_suite::run_holds(|| async {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.db"));
        let store = open(&path);
        Arc::new(Movable { store, path }) as Arc<dyn HoldHarness>
    })
    .await;
    assert!(report.is_ok(), "{report}");
}

/// A file with approved messages, and a copy of it as a backup has it.
async fn backed_up(folder: &Path) -> (PathBuf, PathBuf) {
    let (path, backup) = (folder.join("crm.db"), folder.join("backup.db"));
    let store = open(&path);
    Office::over(store.clone()).approve().await;
    // The online way: the file is in use.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    (path, backup)
}

/// Puts the backup back, as its manual says: what lies beside the old file goes with it.
fn put_back(backup: &Path, path: &Path) {
    for end in ["-wal", "-shm"] {
        let mut name = OsString::from(path);
        name.push(end);
        let _ = fs::remove_file(name);
    }
    fs::copy(backup, path).unwrap();
}

async fn deliver_all(path: &Path) {
    let office = Office::over(open(path));
    office.deliver().await.unwrap();
    assert_eq!((office.delivered(), office.held().await), (3, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_backup_does_not_know_of_is_not_sent_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = backed_up(folder.path()).await;
    deliver_all(&path).await;
    put_back(&backup, &path);
    let office = Office::over(open(&path));
    office.nothing_leaves_again(HoldReason::Restored).await;
    drop(office);
    // One acknowledgement is enough, and the same backup once more needs another.
    assert_eq!(Office::over(open(&path)).held().await, None);
    put_back(&backup, &path);
    let office = Office::over(open(&path));
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_a_moment_before_is_held_too() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (
        folder.path().join("crm.db"),
        folder.path().join("backup.db"),
    );
    let office = Office::over(open(&path));
    office.approve().await;
    // Other writes move the marker once a second; what begins does so at once.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    drop(connection);
    office.deliver().await.unwrap();
    assert_eq!(office.delivered(), 3);
    drop(office);
    put_back(&backup, &path);
    let office = Office::over(open(&path));
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_between_a_claim_and_its_attempt_is_held_too() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = backed_up(folder.path()).await;
    let store = open(&path);
    // Claimed, as by a worker that is about to begin.
    let claim = crm_core::port::store::Claim {
        workspace: Workspace::default(),
        worker: "worker".to_owned(),
        limit: 10,
        now: SystemClock.now(),
        lease: chrono::Duration::minutes(2),
        parked: Vec::new(),
        ids: Arc::new(RandomIds::default()),
    };
    assert_eq!(store.claim(claim).await.unwrap().len(), 2);
    drop(store);
    let backup = folder.path().join("later.db");
    fs::copy(&path, &backup).unwrap();
    // The worker died; the next one takes all back and delivers them.
    deliver_all(&path).await;
    put_back(&backup, &path);
    let office = Office::over(open(&path));
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_without_its_marker_is_held_and_one_that_came_with_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = backed_up(folder.path()).await;
    let there = folder.path().join("there.db");
    fs::copy(&path, &there).unwrap();
    fs::copy(marker(&path), marker(&there)).unwrap();
    assert_eq!(Office::over(open(&there)).held().await, None);
    let elsewhere = folder.path().join("elsewhere.db");
    fs::copy(&path, &elsewhere).unwrap();
    let office = Office::over(open(&elsewhere));
    office.nothing_leaves_again(HoldReason::Moved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_is_kept_elsewhere_tells_of_a_whole_folder_put_back() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("crm.db");
    let open = || {
        let options = SqliteOptions {
            marker: Some(elsewhere.path().join("crm.place")),
            ..SqliteOptions::default()
        };
        Arc::new(SqliteStore::open(&path, options).unwrap())
    };
    Office::over(open()).approve().await;
    assert!(!marker(&path).exists());
    let backup = folder.path().join("backup.db");
    fs::copy(&path, &backup).unwrap();
    let office = Office::over(open());
    office.deliver().await.unwrap();
    drop(office);
    put_back(&backup, &path);
    let office = Office::over(open());
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_put_back_under_a_running_program_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = backed_up(folder.path()).await;
    let store = open(&path);
    let office = Office::over(store.clone());
    office.deliver().await.unwrap();
    assert_eq!(office.delivered(), 3);
    // Through SQLite, as `.restore` of its shell does.
    let from = Connection::open(&backup).unwrap();
    let mut to = Connection::open(&path).unwrap();
    let copying = rusqlite::backup::Backup::new(&from, &mut to).unwrap();
    copying
        .run_to_completion(100, std::time::Duration::ZERO, None)
        .unwrap();
    drop(copying);
    let office = Office::over(store);
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_in_the_place_of_an_old_one_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = backed_up(folder.path()).await;
    deliver_all(&path).await;
    fs::remove_file(&path).unwrap();
    let store = open(&path);
    let office = Office::over(store);
    assert_eq!(office.held().await, None);
    office.approve().await;
    office.deliver().await.unwrap();
    assert_eq!((office.delivered(), office.held().await), (3, None));
    drop(office);
    put_back(&backup, &path);
    let office = Office::over(open(&path));
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_cannot_be_read_or_used_lets_nothing_leave() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = backed_up(folder.path()).await;
    let store = open(&path);
    let office = Office::over(store.clone());
    fs::write(marker(&path), "nonsense").unwrap();
    assert_eq!(office.held().await, Some(HoldReason::Moved));
    fs::remove_file(marker(&path)).unwrap();
    fs::create_dir(marker(&path)).unwrap();
    let error = office.deliver().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(office.delivered(), 0);
    fs::remove_dir(marker(&path)).unwrap();
    let hold = store.hold().await.unwrap().unwrap();
    let engine = crm_store_testing::tamper::engine(store);
    let admin = engine.act_as(Actor::new(Workspace::default(), "op", Role::Admin));
    let go_on = Acknowledgement::Continue;
    let ended = admin.acknowledge_hold(&hold, go_on, "the marker was deleted by hand");
    assert_eq!(ended.await.unwrap(), 0);
    office.deliver().await.unwrap();
    assert_eq!((office.delivered(), office.held().await), (3, None));
}

/// Takes everything; while it does, the database goes back to before the attempt.
#[derive(Debug)]
struct GoesBack(PathBuf);

#[async_trait]
impl Channel for GoesBack {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities::default()
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let connection = Connection::open(&self.0).unwrap();
        connection
            .execute_batch(
                "BEGIN IMMEDIATE; DELETE FROM attempts; UPDATE crm_place SET number = number - 1;
                 UPDATE messages SET status = 'claimed', version = version - 1, attempts = 0; COMMIT",
            )
            .unwrap();
        Outcome::Accepted {
            provider_id: approved.attempt_id().to_string(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_running_worker_learns_afterwards_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let store = open(&path);
    let engine = crm_store_testing::tamper::engine(store.clone());
    let person = |role| engine.act_as(Actor::new(Workspace::default(), "ann", role));
    let ann = person(Role::Manager);
    let fields = ContactFields {
        name: "Дилноза".to_owned(),
        email: Some("a@example.org".to_owned()),
        ..ContactFields::default()
    };
    let contact = ann.contacts().create(fields).await.unwrap();
    let wanted = GenerateMessage::new(contact.id, Occasion::NewYear);
    let message = ann.messages().generate(wanted).await.unwrap();
    let seen = Seen::of(&message);
    ann.approvals().approve(message.id, seen).await.unwrap();

    let ids = Arc::new(RandomIds::default());
    let clock = Arc::new(FakeClock::default());
    let delivering = Engine::builder(store.clone(), clock, ids)
        .channel("email", Arc::new(GoesBack(path)))
        .build();
    let worker = Worker::new(delivering, WorkerOptions::default());
    let error = worker.run_until_idle().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OnHold);
    let actions = || async {
        let events = ann.messages().history(message.id).await.unwrap();
        let actions = events.into_iter().map(|event| event.event.action);
        actions.collect::<Vec<_>>()
    };
    assert_eq!(actions().await.last().unwrap(), "duplicate_detected");
    let trail = store
        .trail(&Workspace::default(), message.id)
        .await
        .unwrap();
    let [attempt] = trail.attempts.as_slice() else {
        unreachable!("{:?}", trail.attempts)
    };
    assert_eq!(attempt.outcome, Some(AttemptOutcome::Accepted));
    let hold = store.hold().await.unwrap().unwrap();
    let doubt = Acknowledgement::Doubt;
    let ended = person(Role::Admin);
    let ended = ended.acknowledge_hold(&hold, doubt, "put back").await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(actions().await.last().unwrap(), "suspected");
}
