//! Fakes for tests without time, network or randomness, and the conformance suites that say whether an
//! adapter keeps its port's contract.
//!
//! An adapter's test calls [`store_suite::run_all`], [`channel_suite::run_all`],
//! [`llm_suite::run_all`] or [`llm_batch_suite::run_all`] and asserts that the [`Report`] is all right.

pub mod channel;
pub mod channel_suite;
pub mod clock;
pub mod fixtures;
pub mod ids;
pub mod llm;
pub mod llm_batch;
pub mod llm_batch_suite;
pub mod llm_suite;
pub mod observer;
pub mod spend;
pub mod store_suite;

mod office;
mod report;
mod suite;

pub use channel::RecordingChannel;
pub use clock::FakeClock;
pub use ids::SequentialIds;
pub use llm::ScriptedLlm;
pub use llm_batch::MemoryBatches;
pub use observer::RecordingObserver;
pub use report::{CaseResult, Ending, Report};
pub use suite::Case;
