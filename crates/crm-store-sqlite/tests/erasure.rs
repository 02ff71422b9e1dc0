//! An erased person is nowhere in the file: in no row, and in no byte of it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::erasure::{Life, MARK};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Every value of every row.
fn rows(file: &Path) -> Vec<u8> {
    let database = Connection::open(file).unwrap();
    let mut tables = database
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'contacts_search'",
        )
        .unwrap();
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert!(names.len() > 20);
    let mut dump = Vec::new();
    for name in names {
        let mut statement = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let count = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            dump.extend(format!("\n{name}").bytes());
            for column in 0..count {
                dump.push(b' ');
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => dump.extend(bytes),
                    ValueRef::Integer(number) => dump.extend(number.to_string().bytes()),
                    ValueRef::Null | ValueRef::Real(_) => {}
                }
            }
        }
    }
    dump
}

/// The file and its log, once that is folded back.
fn bytes(file: &Path) -> Vec<u8> {
    let database = Connection::open(file).unwrap();
    let busy: i64 = database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
    let log = file.with_extension("db-wal");
    let log = std::fs::read(log).unwrap_or_default();
    [std::fs::read(file).unwrap(), log].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_row_and_no_byte_and_is_not_written_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db");
    let store = Arc::new(SqliteStore::open(&file, SqliteOptions::default()).unwrap());
    let life = Life::begin(store.clone()).await;
    let before = String::from_utf8_lossy(&rows(&file)).matches(MARK).count();
    assert!(before > 60, "written in {before} places");
    life.erase().await;
    Life::is_gone_from(&rows(&file), "a row");
    Life::is_gone_from(&bytes(&file), "the file");
    life.is_whole().await;
    Life::is_gone_from(&rows(&file), "a row");
    life.comes_back().await;
    life.is_whole().await;
}
