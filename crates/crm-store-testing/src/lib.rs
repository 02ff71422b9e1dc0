//! What every store is tested by beyond the conformance suite of `crm_core::testing`: random lives next to
//! the store in memory, races, changed histories, ends of the process in the middle. A store's own tests
//! call these with the store they open; nothing here knows which.
//!
//! Failures are panics: this is linked into tests alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

pub mod agreement;
pub mod crash;
pub mod crowds;
pub mod hold;
pub mod job;
pub mod race;
pub mod races;
pub mod tamper;

mod world;
