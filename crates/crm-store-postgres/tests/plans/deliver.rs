//! The commits of a message's life, each over a page of messages: written, approved, claimed, begun,
//! recorded; and a subscriber is told of it. The engine and its worker make them, at a time when nothing else is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::DateTime;
use crm_core::engine::NewDraft;
use crm_core::engine::{BulkAction, Engine};
use crm_core::message::Occasion;
use crm_core::port::store::{MessageQuery, Store};
use crm_core::port::subscriber::{StateChange, Subscriber, Told as Answer};
use crm_core::subscription::Start;
use crm_core::system::RandomIds;
use crm_core::testing::{FakeClock, RecordingChannel};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use uuid::Uuid;

use crate::calls::{PAGE, Told};

/// Events that the filling leaves unsealed are read and written once.
const FILLED: u64 = 4 * PAGE;

/// Counts what it is told.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

#[async_trait]
impl Subscriber for Counting {
    async fn deliver(&self, changes: &[StateChange]) -> Answer {
        self.0.fetch_add(changes.len() as u64, Ordering::SeqCst);
        Answer::Taken
    }
}

/// A life of so many messages at once.
pub(crate) async fn all(store: &Arc<dyn Store>, workspace: &Workspace, count: u64, told: Told<'_>) {
    let clock = Arc::new(FakeClock::default());
    clock.set(DateTime::from_timestamp(1_000_000_000, 0).unwrap());
    let channel = Arc::new(RecordingChannel::default());
    let subscriber = Arc::new(Counting::default());
    // A new one each time: what fills the tables leaves gaps in the chain.
    let name = format!("s{}", Uuid::now_v7());
    let engine = Engine::builder(store.clone(), clock, Arc::new(RandomIds::default()))
        .channel("email", channel.clone())
        .subscriber(&name, subscriber.clone())
        .build();
    while store.seal(workspace, 1_000).await.unwrap() > 0 {}
    told("waiting events sealed", FILLED);
    engine
        .subscribe(workspace, &name, Start::Now)
        .await
        .unwrap();
    told("subscription begun", PAGE);
    let session = engine.act_as(Actor::new(workspace.clone(), "boss", Role::Admin));
    let fields = crm_core::contact::ContactFields {
        name: "Olim".to_owned(),
        email: Some(format!("{}@mail.example", Uuid::now_v7())),
        ..Default::default()
    };
    let contact = session.contacts().create(fields).await.unwrap();
    told("contact created", PAGE);
    let mut ids = Vec::new();
    for _ in 0..count {
        let draft = NewDraft {
            subject: Some("Subject".to_owned()),
            channel: Some("email".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Holiday, "Text")
        };
        let message = session.messages().create(draft).await.unwrap();
        session.messages().submit(message.id, None).await.unwrap();
        ids.push(message.id);
    }
    told("messages created", PAGE);
    let query = || MessageQuery {
        ids: ids.clone(),
        ..MessageQuery::default()
    };
    let approvals = session.approvals();
    let preview = approvals
        .preview(BulkAction::Approve, query())
        .await
        .unwrap();
    let manifest = Some(preview.manifest);
    let done = approvals
        .bulk(BulkAction::Approve, query(), manifest, None)
        .await
        .unwrap();
    assert_eq!(done.applied, count);
    told("messages approved", PAGE);
    let worker = Worker::new(engine.clone(), WorkerOptions::default());
    worker.run_until_idle().await.unwrap();
    told(
        "rounds of a worker: claim, begin, record, sweep, seal, tell",
        PAGE,
    );
    assert_eq!(channel.delivered().len() as u64, count);
    let told_of = subscriber.0.load(Ordering::SeqCst);
    assert!(told_of > 4 * count, "{told_of}");
}
