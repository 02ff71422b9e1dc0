//! Opening, refusing and reopening database files.

use std::path::Path;
use std::time::Duration;

use crm_core::port::store::Store;
use crm_core::{ErrorKind, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

fn open(path: &Path) -> crm_core::Result<SqliteStore> {
    SqliteStore::open(
        path,
        SqliteOptions {
            busy_timeout: Duration::from_millis(50),
            ..SqliteOptions::default()
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_made_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let store = open(&path).unwrap();
    assert!(store.workspaces().await.unwrap().is_empty());
    let capabilities = store.capabilities();
    assert!(capabilities.durable && capabilities.exclusive_dispatcher);
    assert_eq!(capabilities.name, "sqlite");
    drop(store);

    let database = Connection::open(&path).unwrap();
    let mode: String = database
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    database
        .execute("INSERT INTO workspaces (name) VALUES ('north')", [])
        .unwrap();
    database
        .execute(
            "INSERT INTO counters (workspace, name, value) VALUES (1, 'contact.total', 7)",
            [],
        )
        .unwrap();
    drop(database);

    let north = Workspace::new("north").unwrap();
    let store = open(&path).unwrap();
    assert_eq!(store.workspaces().await.unwrap(), vec![north.clone()]);
    let counters = store.counters(&north, &["contact."]).await.unwrap();
    assert_eq!(counters.get("contact.total"), Some(&7));
    assert!(
        store
            .counters(&north, &["message."])
            .await
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_newer_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    drop(open(&path).unwrap());
    let database = Connection::open(&path).unwrap();
    database
        .execute(
            "INSERT INTO crm_migrations (id, name, applied_at) VALUES (9000, '9000_later', 0)",
            [],
        )
        .unwrap();
    drop(database);
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.detail().contains("9000"), "{error}");
    assert!(error.detail().contains("newer program"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are my notes, not a database\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.detail().contains("not an SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_missing_folder_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("nowhere").join("crm.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.detail().contains("folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_held_by_another_writer_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let store = open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.seal(&Workspace::default(), 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.seal(&Workspace::default(), 10).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_dispatcher_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let first = open(&path).unwrap();
    let second = open(&path).unwrap();
    first.become_dispatcher().await.unwrap();
    first.become_dispatcher().await.unwrap();
    let error = second.become_dispatcher().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(first);
    second.become_dispatcher().await.unwrap();
}

#[test]
fn history_and_approvals_cannot_be_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    drop(open(&path).unwrap());
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "INSERT INTO workspaces (key, name) VALUES (1, 'default');
             INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, version)
             VALUES (1, x'01', 0, 'ann', 'manager', 'contact', x'02', 'created', 1);
             INSERT INTO approvals (workspace, message, revision, digest, approver, role, decided_at)
             VALUES (1, x'03', 1, x'04', 'ann', 'manager', 0);",
        )
        .unwrap();
    let refused = |sql: &str| assert!(database.execute(sql, []).is_err(), "allowed: {sql}");
    refused("UPDATE events SET actor = 'bob'");
    refused("DELETE FROM events");
    refused("UPDATE approvals SET approver = 'bob'");
    refused("DELETE FROM approvals");
    let seal = "UPDATE events SET position = 1, prev_hash = x'05', hash = x'06'";
    assert_eq!(database.execute(seal, []).unwrap(), 1);
    refused(seal);
}
