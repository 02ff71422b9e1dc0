//! What every store is tested by beyond the conformance suite of `crm_core::testing`: random lives next to
//! the store in memory, races, changed histories, ends of the process in the middle. A store's own tests
//! call these with the store they open; nothing here knows which.
//!
//! Failures are panics: this is linked into tests alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

pub mod agreement;
pub mod crash;
pub mod crowds;
pub mod disk;
pub mod erasure;
pub mod full;
pub mod gathering;
pub mod hold;
pub mod job;
pub mod race;
pub mod races;
#[cfg(target_os = "linux")]
pub mod storage;
pub mod tamper;
#[cfg(unix)]
pub mod workers;

mod stagger;
mod world;

/// A folder for a database that is written to much by a test that is not about the disk: in memory where
/// the system has a place for that, so that nobody waits for it.
#[must_use]
pub fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
