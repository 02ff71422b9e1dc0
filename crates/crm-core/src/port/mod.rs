//! Ports: what the engine needs from outside. Adapters implement them; conformance suites under
//! feature `testing` say whether they do it right.

#[cfg(feature = "worker")]
pub mod broadcast;
pub mod callback;
pub mod channel;
pub mod clock;
pub mod ids;
pub mod llm;
pub mod llm_batch;
pub mod observer;
pub mod schema;
pub mod store;
pub mod subscriber;
pub mod transfer;
pub mod units;
