//! An engine over a store under test, with a clock that stands still and a channel that records.

use std::sync::Arc;

use super::{FakeClock, RecordingChannel, SequentialIds};
use crate::actor::{Actor, Role, Workspace};
use crate::engine::{Engine, Session};
use crate::port::store::Store;

/// An engine, and people who act in it.
pub(super) struct Office(Engine);

impl Office {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        let ids = Arc::new(SequentialIds::starting_at(100_000));
        let clock = Arc::new(FakeClock::default());
        let engine = Engine::builder(Arc::clone(store), clock, ids)
            .channel("email", Arc::new(RecordingChannel::default()))
            .build();
        Self(engine)
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.0
    }

    pub(super) fn manager(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "olga", Role::Manager);
        self.0.act_as(actor)
    }

    pub(super) fn admin(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "ada", Role::Admin);
        self.0.act_as(actor)
    }
}
