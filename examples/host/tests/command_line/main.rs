//! The program `crm`, as people run it: over SQLite files, or, with `CRM_TEST_DATABASE=postgres`, on the test server.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/engine.rs"]
mod engine;
#[path = "../../../../crates/crm-core/tests/import_files/files.rs"]
#[allow(dead_code)]
mod files;
#[path = "../../../../crates/crm-core/tests/import_files/people.rs"]
#[allow(dead_code)]
mod people;

mod beside;
mod exports;
mod four_files;
mod history;
mod imports;
mod interrupted;
mod plans;
mod program;
mod wrong;
