//! A stand-in for the Anthropic API: an HTTP server that checks every request strictly, answers as the model and
//! Message Batches do or as a test says, and remembers what it was asked and what that would have cost.
//!
//! Shared by the tests of the adapter and of the host. It knows neither: what it checks and answers is written down
//! here once more. Failures are panics: this is linked into tests alone.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod job;
pub mod provider;
pub mod rules;
pub mod server;
pub mod wire;
