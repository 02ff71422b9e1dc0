//! An engine over memory with one channel, its worker and the people behind it.

use std::sync::Arc;

use chrono::Duration;
use crm_channels::HttpOptions;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::Seen;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, AttemptOutcome, Message, Occasion};
use crm_core::port::store::SuppressionQuery;
use crm_core::testing::{FakeClock, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};

use crate::provider::Kind;

pub(crate) struct World {
    kind: Kind,
    engine: Engine,
    worker: Worker,
    clock: Arc<FakeClock>,
}

impl World {
    pub(crate) fn new(kind: Kind, http: HttpOptions) -> Self {
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let engine = Engine::builder(Arc::new(MemoryStore::default()), clock.clone(), ids)
            .channel(kind.name, (kind.make)(http))
            .build();
        Self {
            kind,
            worker: Worker::new(engine.clone(), WorkerOptions::default()),
            engine,
            clock,
        }
    }

    fn manager(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "manager", Role::Manager);
        self.engine.act_as(actor)
    }

    pub(crate) async fn contact(&self, number: u64) -> Contact {
        let mut fields = ContactFields {
            name: "Дилноза Каримова".to_owned(),
            ..ContactFields::default()
        };
        (self.kind.address)(number, &mut fields);
        self.manager().contacts().create(fields).await.unwrap()
    }

    /// A message to the contact that may leave.
    pub(crate) async fn approved(&self, contact: &Contact) -> Message {
        let draft = NewDraft {
            channel: Some(self.kind.name.to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, "Салом, Дилноза!")
        };
        let manager = self.manager();
        let message = manager.messages().create(draft).await.unwrap();
        let seen = Seen {
            version: message.version,
            digest: Some(message.digest),
        };
        manager.approvals().approve(message.id, seen).await.unwrap()
    }

    /// Lets the worker do all that is to be done now.
    pub(crate) async fn work(&self) {
        self.worker.run_until_idle().await.unwrap();
    }

    /// The same, so much later.
    pub(crate) async fn work_after(&self, time: std::time::Duration) {
        self.clock.advance(Duration::from_std(time).unwrap());
        self.work().await;
    }

    pub(crate) async fn now(&self, message: &Message) -> Message {
        self.manager().messages().get(message.id).await.unwrap()
    }

    /// How the message's attempts ended.
    pub(crate) async fn attempts(&self, message: &Message) -> Vec<Option<AttemptOutcome>> {
        let trail = self.manager().messages().trail(message.id).await.unwrap();
        let outcome = |attempt: &Attempt| attempt.outcome;
        trail.attempts.iter().map(outcome).collect()
    }

    /// Why the message's address gets nothing any more, if so.
    pub(crate) async fn suppressed(&self, message: &Message) -> Option<String> {
        let query = SuppressionQuery {
            channel: Some(self.kind.name.to_owned()),
            addresses: vec![message.recipient.clone()],
            ..SuppressionQuery::default()
        };
        let found = self.manager().suppressions().list(query).await.unwrap();
        found.items.into_iter().next().map(|one| one.reason)
    }

    /// A person says that a doubtful message shall go again.
    pub(crate) async fn resend(&self, message: &Message) {
        let reason = Some("they did not get it".to_owned());
        let manager = self.manager();
        let messages = manager.messages();
        let resent = messages.resolve(message.id, Event::ResolveResend, reason);
        resent.await.unwrap();
    }

    /// The history verifies to its end.
    pub(crate) async fn verify(&self) {
        let chain = self.manager().audit().verify(None).await.unwrap();
        assert!(chain.valid);
    }
}
