//! Providers that do their worst: what each adapter makes of it, that the other channels go on, and that nobody
//! fills the memory.
//!
//! What the engine makes of an outcome is tried in `fault_matrix`; here every adapter meets every behaviour, and
//! then a good answer, which has to be its own.

#![allow(
    dead_code,
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/mod.rs"]
mod common;
mod mail;
mod memory;
#[path = "../fault_matrix/provider.rs"]
mod provider;
mod table;
mod together;
