//! The SQL that the README shows does what the README says.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::engine::Engine;
use crm_core::intake::IntakeState;
use crm_core::message::Status;
use crm_core::port::store::{IntakeQuery, MessageQuery};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::RecordingChannel;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::rusqlite::Connection;
use crm_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_the_readme_are_worked_off() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("## In your own transaction").nth(1).unwrap();
    let sql = section.split("```sql\n").nth(1).unwrap();
    let sql = sql.split("```").next().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let store = Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let ids = Arc::new(RandomIds::default());
    let engine = Engine::builder(store, Arc::new(SystemClock), ids)
        .channel("email", Arc::new(RecordingChannel::default()))
        .build();
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let worker = Worker::new(engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();

    let session = engine.act_as(Actor::new(Workspace::default(), "anna", Role::Manager));
    let rows = session.intake().list(IntakeQuery::default()).await.unwrap();
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [IntakeState::Applied; 3], "{rows:?}");
    let messages = session.messages().list(MessageQuery::default()).await;
    let message = messages.unwrap().items.remove(0);
    assert_eq!(message.revision.content, "Your order is ready.");
    assert_eq!(message.status, Status::PendingApproval);
    let contact = session.contacts().get(message.contact_id).await.unwrap();
    assert_eq!(contact.consent.len(), 1);
}
