//! An engine over memory with a recording channel, and people who act in it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Engine, NewDraft, Policy, Session};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::Seen;
use crm_core::message::{Message, Occasion};
use crm_core::port::store::Store;
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};

pub struct World {
    pub engine: Engine,
    pub channel: Arc<RecordingChannel>,
    pub clock: Arc<FakeClock>,
}

pub fn world() -> World {
    world_over(Arc::new(MemoryStore::default()), Policy::default())
}

pub fn world_over(store: Arc<dyn Store>, policy: Policy) -> World {
    let channel = Arc::new(RecordingChannel::default());
    let clock = Arc::new(FakeClock::default());
    let engine = Engine::builder(store, clock.clone(), Arc::new(SequentialIds::default()))
        .channel("email", channel.clone())
        .policy(policy)
        .build();
    World {
        engine,
        channel,
        clock,
    }
}

impl World {
    pub fn act(&self, id: &str, role: Role) -> Session {
        self.engine
            .act_as(Actor::new(Workspace::default(), id, role))
    }

    pub fn manager(&self) -> Session {
        self.act("manager", Role::Manager)
    }

    pub fn admin(&self) -> Session {
        self.act("admin", Role::Admin)
    }

    pub fn viewer(&self) -> Session {
        self.act("viewer", Role::Viewer)
    }

    pub fn worker(&self) -> Worker {
        Worker::new(self.engine.clone(), WorkerOptions::default())
    }

    pub async fn contact(&self, email: &str) -> Contact {
        let fields = ContactFields {
            name: "Дилноза Каримова".to_owned(),
            email: Some(email.to_owned()),
            ..ContactFields::default()
        };
        self.manager().contacts().create(fields).await.unwrap()
    }

    pub async fn draft(&self, contact: &Contact, content: &str) -> Message {
        let draft = NewDraft {
            subject: Some("Тема".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, content)
        };
        self.manager().messages().create(draft).await.unwrap()
    }

    pub async fn approve(&self, message: &Message) -> Message {
        self.manager()
            .approvals()
            .approve(message.id, seen(message))
            .await
            .unwrap()
    }

    pub async fn reload(&self, message: &Message) -> Message {
        self.manager().messages().get(message.id).await.unwrap()
    }
}

pub fn seen(message: &Message) -> Seen {
    Seen {
        version: message.version,
        digest: Some(message.digest),
    }
}
