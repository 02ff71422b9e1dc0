//! Writing with Claude, over the host and real HTTP: the host's program talks to a stand-in that checks every request
//! strictly, answers with usage and remembers what it was asked and what it billed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../common/claude.rs"]
mod claude;
#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
#[path = "../common/engine.rs"]
mod engine;

mod batches;
mod costs;
mod faults;
#[cfg(unix)]
mod kills;
mod start;
