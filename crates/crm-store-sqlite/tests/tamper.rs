//! Somebody with the file in hand changes sealed history: 300 random changes, each found at its
//! position; and what only a checkpoint kept elsewhere can show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::message::decide::Seen;
use crm_core::message::history::Checkpoint;
use crm_core::message::{Format, Occasion};
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;

fn session(file: &Path) -> (Engine, Session) {
    let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    let (clock, ids) = (
        Arc::new(FakeClock::default()),
        Arc::new(SequentialIds::default()),
    );
    let engine = Engine::builder(Arc::new(store), clock, ids)
        .channel("email", Arc::new(RecordingChannel::default()))
        .build();
    let manager = Actor::new(Workspace::default(), "ann", Role::Manager);
    let session = engine.act_as(manager);
    (engine, session)
}

/// A file with the history of eight delivered messages. Returns how many events are sealed.
async fn history(file: &Path) -> Checkpoint {
    let (engine, ann) = session(file);
    for number in 0..8 {
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{number}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            contact_id: contact.id,
            occasion_type: Occasion::Custom,
            content: "Ждём вас в салоне".to_owned(),
            subject: None,
            channel: None,
            format: Format::Text,
            scheduled_for: None,
            expires_at: None,
        };
        let message = ann.messages().create(draft).await.unwrap();
        let seen = Seen::of(&message);
        ann.approvals().approve(message.id, seen).await.unwrap();
    }
    let worker = Worker::new(engine, WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    let proof = ann.audit().verify(None).await.unwrap();
    assert!(proof.valid && proof.sealed == 48, "{proof:?}");
    proof.checkpoint
}

#[derive(Debug, Clone)]
enum Attack {
    /// One bit of one stored value.
    Flip {
        position: u64,
        column: usize,
        bit: usize,
    },
    Drop {
        position: u64,
    },
    Swap {
        one: u64,
        two: u64,
    },
    Truncate {
        position: u64,
    },
    Forget {
        position: u64,
        column: usize,
    },
}

const COLUMNS: [&str; 14] = [
    "id",
    "at",
    "actor",
    "role",
    "subject",
    "subject_id",
    "action",
    "status",
    "version",
    "revision",
    "digest",
    "reason",
    "prev_hash",
    "hash",
];

fn attack() -> impl Strategy<Value = Attack> {
    let position = || 1..49_u64;
    let column = || 0..COLUMNS.len();
    prop_oneof![
        6 => (position(), column(), any::<usize>())
            .prop_map(|(position, column, bit)| Attack::Flip { position, column, bit }),
        1 => position().prop_map(|position| Attack::Drop { position }),
        1 => (position(), position()).prop_map(|(one, two)| Attack::Swap { one, two }),
        1 => position().prop_map(|position| Attack::Truncate { position }),
        1 => (position(), column())
            .prop_map(|(position, column)| Attack::Forget { position, column }),
    ]
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
    for trigger in ["events_keep", "events_fixed", "events_sealed"] {
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
    runtime.block_on(history(&file));
    let intact = std::fs::read(&file).unwrap();
    let mut found = 0;
    let mut runner = TestRunner::new(Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    });
    let found_all = std::cell::Cell::new(0);
    let result = runner.run(&attack(), |attack| {
        let copy = folder.path().join("copy.db");
        for part in ["copy.db-wal", "copy.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(part));
        }
        std::fs::write(&copy, &intact).unwrap();
        let connection = unlocked(&copy);
        let Some(position) = apply(&connection, &attack) else {
            return Ok(());
        };
        drop(connection);
        let (_, ann) = session(&copy);
        match runtime.block_on(ann.audit().verify(None)) {
            Ok(proof) => {
                prop_assert!(!proof.valid);
                prop_assert_eq!(proof.first_bad, Some(position));
            }
            // A value that no version writes is not even read.
            Err(error) => prop_assert_eq!(error.kind(), crm_core::ErrorKind::Corrupt),
        }
        found_all.set(found_all.get() + 1);
        Ok(())
    });
    result.unwrap();
    found += found_all.get();
    assert!(found > 200, "{found} of 300 changed something");
}

#[test]
fn a_history_that_was_cut_with_its_checkpoint_needs_one_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kept = runtime.block_on(history(&file));
    let connection = unlocked(&file);
    connection
        .execute_batch(
            "DELETE FROM events WHERE position > 20;
             UPDATE checkpoints SET position = 20,
                 hash = (SELECT hash FROM events WHERE position = 20)",
        )
        .unwrap();
    drop(connection);
    let (_, ann) = session(&file);
    let proof = runtime.block_on(ann.audit().verify(None)).unwrap();
    assert!(proof.valid, "by itself it looks whole");
    let proof = runtime.block_on(ann.audit().verify(Some(kept))).unwrap();
    assert_eq!((proof.valid, proof.first_bad), (false, Some(48)));
}
