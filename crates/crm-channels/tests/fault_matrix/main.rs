//! What becomes of a message when its provider fails: each documented answer and each broken wire, through a real
//! worker over a real store, with the provider's ledger as the judge.
//!
//! What an answer means is tried beside each channel. Here it is tried what the engine makes of it: the message's
//! status, the suppression, the rest of the channel, and that nobody gets a message twice.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod end;
mod provider;
mod wire;
mod world;
