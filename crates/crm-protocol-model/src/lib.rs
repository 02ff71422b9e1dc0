//! The delivery protocol as a model: one message, two workers, people, and everything that can go wrong
//! between them, in every order. [stateright](https://www.stateright.rs) explores it to its end.
//!
//! What decides here is what decides in the engine: the table of statuses
//! ([`lifecycle`](crm_core::message::lifecycle)), the last checks, the answers and the sweep
//! ([`rules`](crm_core::message::rules)). The model adds what a proof needs and the engine cannot have: the
//! provider's own account of what it took, and what people really agreed to.
//!
//! [`Rules`] can be taken away one at a time. The test does that, and each loss must be noticed.

#![allow(
    clippy::indexing_slicing,
    reason = "workers are numbered 0 and 1, and nothing that is shipped uses this crate"
)]

mod people;
mod properties;
mod rules;
mod state;
mod steps;

pub use rules::{Rule, Rules};
pub use state::{Bounds, Keyed, Message, Proof, State, Step, Text, Worker};

use stateright::{Model, Property};

/// The model: the rules it obeys and how much may happen.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// What it obeys.
    pub rules: Rules,
    /// How often things that cost nothing may happen.
    pub bounds: Bounds,
    /// Whether the provider removes duplicates by their key.
    pub keyed: bool,
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        people::offer(self, state, steps);
        for worker in 0..state.workers.len() {
            steps::offer(self, state, worker, steps);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        let happened = match step {
            Step::Claim(worker) => steps::claim(self, &mut next, worker),
            Step::Read(worker) => steps::read(self, &mut next, worker),
            Step::ReadDoubt(worker) => steps::read_doubt(self, &mut next, worker),
            Step::Begin(worker) => steps::begin(self, &mut next, worker),
            Step::Send(worker, reply) => steps::send(self, &mut next, worker, reply),
            Step::Record(worker) => steps::record(self, &mut next, worker),
            Step::Crash(worker) => steps::crash(&mut next, worker),
            Step::LeaseEnds => steps::lease_ends(&mut next),
            Step::Sweep => steps::sweep(self, &mut next),
            other => people::act(self, &mut next, other),
        };
        // A step that changes nothing leads nowhere new.
        (happened && next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
