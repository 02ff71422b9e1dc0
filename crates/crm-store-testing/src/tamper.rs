//! Somebody with the database in hand changes sealed history: random changes, each found at its position.

use std::cell::Cell;
use std::sync::Arc;

use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::message::Occasion;
use crm_core::message::decide::Seen;
use crm_core::message::history::Checkpoint;
use crm_core::port::store::Store;
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// An engine over the store, in a time and with numbers of its own.
#[must_use]
pub fn engine(store: Arc<dyn Store>) -> Engine {
    let (clock, ids) = (
        Arc::new(FakeClock::default()),
        Arc::new(SequentialIds::default()),
    );
    Engine::builder(store, clock, ids)
        .channel("email", Arc::new(RecordingChannel::default()))
        .build()
}

/// Somebody who may verify the history.
#[must_use]
pub fn auditor(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

/// Writes the history of eight delivered messages: 48 events. Returns the end of the chain.
///
/// # Panics
/// The store is not empty, or fails.
pub async fn history(store: Arc<dyn Store>) -> Checkpoint {
    let engine = engine(store);
    let ann = auditor(&engine);
    for number in 0..8 {
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{number}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне");
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

/// One change of the sealed history.
#[derive(Debug, Clone)]
pub enum Attack {
    /// One bit of one stored value.
    Flip {
        /// Of which event.
        position: u64,
        /// Which of [`COLUMNS`].
        column: usize,
        /// Which bit, modulo their number.
        bit: usize,
    },
    /// An event is removed.
    Drop {
        /// Which.
        position: u64,
    },
    /// Two events change places.
    Swap {
        /// The place of one.
        one: u64,
        /// The place of the other.
        two: u64,
    },
    /// The end of the history is removed.
    Truncate {
        /// The first event to go.
        position: u64,
    },
    /// One stored value becomes NULL.
    Forget {
        /// Of which event.
        position: u64,
        /// Which of [`COLUMNS`].
        column: usize,
    },
}

/// The columns of events.
pub const COLUMNS: [&str; 15] = [
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
    "reason_digest",
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

/// Tries 300 random changes. `attempt` restores the history, makes the change and returns the store and
/// the position at which the change has to be found; `None` when it changes nothing or the schema refuses
/// it.
///
/// # Panics
/// A change is not found, or elsewhere.
pub fn every_change_is_found(
    runtime: &tokio::runtime::Runtime,
    attempt: impl Fn(&Attack) -> Option<(Arc<dyn Store>, u64)>,
) {
    let mut runner = TestRunner::new(Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    });
    let found = Cell::new(0);
    let result = runner.run(&attack(), |attack| {
        let Some((store, position)) = attempt(&attack) else {
            return Ok(());
        };
        match runtime.block_on(auditor(&engine(store)).audit().verify(None)) {
            Ok(proof) => {
                prop_assert!(!proof.valid);
                prop_assert_eq!(proof.first_bad, Some(position));
            }
            // A value that no version writes is not even read.
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
        }
        found.set(found.get() + 1);
        Ok(())
    });
    result.unwrap();
    let found = found.get();
    assert!(found > 200, "{found} of 300 changed something");
}

/// A history cut together with its checkpoint looks whole by itself; the end that was `kept` elsewhere
/// shows it.
///
/// # Panics
/// It does not.
pub async fn cut_history_is_found_by(kept: Checkpoint, store: Arc<dyn Store>) {
    let engine = engine(store);
    let ann = auditor(&engine);
    let proof = ann.audit().verify(None).await.unwrap();
    assert!(proof.valid, "by itself it looks whole");
    let proof = ann.audit().verify(Some(kept)).await.unwrap();
    assert_eq!((proof.valid, proof.first_bad), (false, Some(48)));
}
