//! Somebody with the file in hand changes sealed history.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use crm_core::port::store::Store;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::tamper::{self, Attack, COLUMNS};
use rusqlite::Connection;

fn open(file: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(file, SqliteOptions::default()).unwrap())
}

/// The position at which it has to be found; `None` when it changes nothing or nothing readable is left.
fn apply(file: &Connection, attack: &Attack) -> Option<u64> {
    use rusqlite::types::Value;
    let set = |position: u64, column: &str, value: Value| {
        let change = format!("UPDATE events SET {column} = ?1 WHERE position = ?2");
        // Some values are refused by the schema itself.
        file.execute(&change, (value, position.cast_signed())).ok()
    };
    match *attack {
        Attack::Flip {
            position,
            column,
            bit,
        } => {
            let column = COLUMNS[column];
            let read = format!("SELECT {column} FROM events WHERE position = {position}");
            let flip = |mut bytes: Vec<u8>| {
                let bit = bit % (bytes.len() * 8).max(1);
                let byte = bytes.get_mut(bit / 8)?;
                *byte ^= 1 << (bit % 8);
                Some(bytes)
            };
            let changed = match file.query_row(&read, [], |row| row.get(0)).unwrap() {
                Value::Integer(number) => Value::Integer(number ^ (1 << (bit % 62))),
                Value::Blob(bytes) => Value::Blob(flip(bytes)?),
                Value::Text(text) => Value::Text(String::from_utf8(flip(text.into_bytes())?).ok()?),
                Value::Null => Value::Integer(1),
                Value::Real(_) => panic!("no such column"),
            };
            set(position, column, changed)?;
            Some(position)
        }
        Attack::Drop { position } => {
            let gone = format!("DELETE FROM events WHERE position = {position}");
            assert_eq!(file.execute(&gone, []).unwrap(), 1);
            Some(position)
        }
        Attack::Swap { one, two } if one == two => None,
        Attack::Swap { one, two } => {
            for (from, to) in [(one, 0), (two, one), (0, two)] {
                let moved = format!("UPDATE events SET position = {to} WHERE position = {from}");
                assert_eq!(file.execute(&moved, []).unwrap(), 1);
            }
            Some(one.min(two))
        }
        Attack::Truncate { position } => {
            let gone = format!("DELETE FROM events WHERE position >= {position}");
            file.execute(&gone, []).unwrap();
            Some(position)
        }
        Attack::Forget { position, column } => {
            let column = COLUMNS[column];
            let read = format!("SELECT {column} IS NULL FROM events WHERE position = {position}");
            if file.query_row(&read, [], |row| row.get(0)).unwrap() {
                return None;
            }
            set(position, column, Value::Null)?;
            Some(position)
        }
    }
}

fn unlocked(file: &Path) -> Connection {
    let file = Connection::open(file).unwrap();
    for trigger in [
        "events_keep",
        "events_fixed",
        "events_sealed",
        "events_words",
    ] {
        file.execute_batch(&format!("DROP TRIGGER {trigger}"))
            .unwrap();
    }
    file
}

#[test]
fn every_change_of_sealed_history_is_found_at_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(tamper::history(open(&file)));
    let intact = std::fs::read(&file).unwrap();
    tamper::every_change_is_found(&runtime, |attack| {
        let copy = folder.path().join("copy.db");
        for part in ["copy.db-wal", "copy.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(part));
        }
        std::fs::write(&copy, &intact).unwrap();
        let position = apply(&unlocked(&copy), attack)?;
        Some((open(&copy), position))
    });
}

#[test]
fn a_history_that_was_cut_with_its_checkpoint_needs_one_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kept = runtime.block_on(tamper::history(open(&file)));
    unlocked(&file)
        .execute_batch(
            "DELETE FROM events WHERE position > 20;
             UPDATE checkpoints SET position = 20,
                 hash = (SELECT hash FROM events WHERE position = 20)",
        )
        .unwrap();
    runtime.block_on(tamper::cut_history_is_found_by(kept, open(&file)));
}
