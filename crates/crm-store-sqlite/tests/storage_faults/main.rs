//! The disk fails at each single system call while messages are approved, an address is suppressed and a
//! worker claims, begins and records: once, or from there on. Nothing panics, is lost or leaves twice, and
//! what was answered with success stays.
//!
//! The calls really fail: strace makes the kernel answer with the error, in a process of its own. Every
//! `CRM_STORAGE_FAULT_STEP`-th call is tried; all of them:
//! `CRM_STORAGE_FAULT_STEP=1 cargo test -p crm-store-sqlite --test storage_faults`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod sequence;
mod tracer;

use std::collections::BTreeMap;
use std::path::Path;

use crm_store_testing::storage::check::{self, Expected};
use crm_store_testing::storage::{self, Fault, OPERATIONS, sequence as steps};
use tracer::Target;

/// Lets the first, the next, … of these calls fail until a run has so few that none does. `me` is the name
/// of the test that calls this and nothing else; every `usual`-th call is tried unless all are asked for.
fn each(me: &str, target: Target, error: &'static str, usual: usize) {
    if sequence::run_if_child() {
        return;
    }
    tracer::require();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let template = tempfile::tempdir().unwrap();
    // Closed cleanly.
    let store = sequence::open(template.path()).unwrap();
    runtime.block_on(steps::prepare(store, template.path()));
    for sticky in [false, true] {
        let mut met: BTreeMap<String, usize> = BTreeMap::new();
        let mut nth = 1;
        loop {
            let fault = Fault {
                calls: target.calls(),
                error,
                nth,
                sticky,
            };
            let folder = crm_store_testing::quick_folder();
            copy(template.path(), folder.path());
            let hit = tracer::run(me, folder.path(), target, &fault);
            let expected = Expected {
                hit,
                sticky,
                stops: target != Target::Marker,
                doubts: steps::PLACES,
            };
            let store = sequence::open(folder.path());
            let store = store.unwrap_or_else(|error| panic!("{fault}: does not open: {error}"));
            let found = runtime.block_on(check::all(store, folder.path(), expected));
            let found = found.unwrap_or_else(|problem| panic!("{fault}: {problem}"));
            if !hit {
                break;
            }
            *met.entry(found).or_default() += 1;
            nth += storage::step().unwrap_or(usual);
        }
        let how = if sticky { "from there on" } else { "once" };
        println!("{target:?}, {error}, {how}: all before call {nth}; met first by {met:?}");
        assert!(nth > 1, "no call ever failed");
        if matches!(target, Target::Writes | Target::Flushes) {
            for operation in OPERATIONS {
                assert!(met.contains_key(operation), "never met by {operation}");
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn any_write_may_find_the_disk_full() {
    let me = "any_write_may_find_the_disk_full";
    each(me, Target::Writes, "ENOSPC", 5);
}

#[test]
fn any_write_may_fail() {
    each("any_write_may_fail", Target::Writes, "EIO", 9);
}

#[test]
fn any_flush_may_fail() {
    each("any_flush_may_fail", Target::Flushes, "EIO", 1);
}

#[test]
fn the_index_of_the_log_may_find_the_disk_full() {
    let me = "the_index_of_the_log_may_find_the_disk_full";
    each(me, Target::Index, "ENOSPC", 1);
}

#[test]
fn any_write_of_the_marker_may_fail() {
    let me = "any_write_of_the_marker_may_fail";
    each(me, Target::Marker, "EIO", 1);
}
