//! The scale runner: our figures beside what the machine itself can do, in one run.
//!
//! An absolute figure says more about the disk than about the engine. So each measurement times the
//! engine and a peer (raw SQL on the same tables, or a primary-key read) in turn, on the same kind of
//! file with the same durability, and reports the ratio of their medians.

pub mod approve;
pub mod deliver;
pub mod draft;
pub mod expand;
pub mod fill;
pub mod growth;
pub mod import;
pub mod mail;
pub mod measure;
pub mod memory;
pub mod multiply;
pub mod proof;
pub mod raw;
pub mod reads;
pub mod report;
pub mod scale;
pub mod search;
pub mod seed;
pub mod site;
pub mod workers;
pub mod world;

/// Whatever went wrong; a benchmark only reports it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
