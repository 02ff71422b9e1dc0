//! An engine over a store under test, with a clock that stands still and a channel that records.

use std::sync::Arc;

use super::{FakeClock, RecordingChannel, SequentialIds};
use crate::actor::{Actor, Role, Workspace};
use crate::engine::{Engine, Session};
use crate::port::store::Store;

/// An engine, and what it stands on.
pub(super) struct Office {
    engine: Engine,
    /// What shows the time.
    pub(super) clock: Arc<FakeClock>,
    /// The channel `email`.
    pub(super) channel: Arc<RecordingChannel>,
}

impl Office {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        let (clock, channel) = (
            Arc::new(FakeClock::default()),
            Arc::new(RecordingChannel::default()),
        );
        let ids = Arc::new(SequentialIds::starting_at(100_000));
        let engine = Engine::builder(Arc::clone(store), clock.clone(), ids)
            .channel("email", channel.clone())
            .build();
        Self {
            engine,
            clock,
            channel,
        }
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn manager(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "olga", Role::Manager);
        self.engine.act_as(actor)
    }

    pub(super) fn admin(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "ada", Role::Admin);
        self.engine.act_as(actor)
    }
}
