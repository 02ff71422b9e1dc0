//! The disk under the server fails at a single system call while messages are approved, an address is
//! suppressed and a worker claims, begins and records: once, or until somebody repairs it. PostgreSQL ends
//! all its processes when its log of changes cannot be written or flushed, and a commit whose flush failed
//! is there when it has recovered. Nothing panics here, is lost, leaves twice or is in doubt, what was
//! answered with success stays, what was called undone is, and the worker goes on by itself.
//!
//! The calls really fail: strace is attached to the processes of the server. The first calls of each
//! operation are tried; every call from the first to the last:
//! `CRM_STORAGE_FAULT_STEP=1 cargo test -p crm-store-postgres --test storage_faults`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;
mod tracer;

use std::collections::BTreeMap;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use crm_store_testing::storage::{self, Fault, OPERATIONS};
use scene::Scene;
use tracer::Target;

/// Panics in tasks, which the runtime catches.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static COUNTS: Once = Once::new();
    COUNTS.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |what| {
            if std::thread::current().name() == Some(TASKS) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(what);
        }));
    });
}

/// The threads on which tasks run.
const TASKS: &str = "crm-storage-faults";

/// What is tried of one kind of failure.
struct Trial {
    scene: Scene,
    target: Target,
    error: &'static str,
    sticky: bool,
    /// What noticed a failure first, and how often.
    met: BTreeMap<String, usize>,
}

impl Trial {
    /// One life in which the `nth` call fails. Whether there are so many.
    async fn at(&mut self, nth: usize, at: Option<&str>) -> bool {
        let fault = Fault {
            calls: self.target.calls(),
            error: self.error,
            nth,
            sticky: self.sticky,
        };
        let lived = self.scene.live(self.target, fault, at).await;
        let (hit, noticed) =
            lived.unwrap_or_else(|problem| panic!("{fault} from {at:?} on: {problem}"));
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "{fault} from {at:?} on");
        if hit {
            *self.met.entry(noticed).or_default() += 1;
        }
        hit
    }

    /// Each `step`-th call.
    async fn all(&mut self, step: usize, at: Option<&str>) -> usize {
        let mut nth = 1;
        while self.at(nth, at).await {
            nth += step;
        }
        nth
    }

    /// The first call from an operation on that the operation notices.
    async fn of(&mut self, operation: &str) {
        let mut nth = 1;
        while !self.met.contains_key(operation) {
            assert!(
                self.at(nth, Some(operation)).await,
                "never met by {operation}"
            );
            nth += 1;
        }
    }
}

/// `sticky`: whether it is tried for good, too.
fn each(target: Target, error: &'static str, sticky: bool) {
    count_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(TASKS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut trial = Trial {
            scene: Scene::open(),
            target,
            error,
            sticky: false,
            met: BTreeMap::new(),
        };
        for sticky in [Some(false), sticky.then_some(true)].into_iter().flatten() {
            trial.sticky = sticky;
            trial.met.clear();
            match (storage::step(), target) {
                (Some(step), Target::Writes | Target::Flushes) => {
                    trial.all(step, None).await;
                }
                (step, Target::Checkpoint) => {
                    trial.all(step.unwrap_or(20), Some("begin")).await;
                }
                (None, _) => {}
            }
            if target != Target::Checkpoint {
                for operation in OPERATIONS {
                    trial.of(operation).await;
                }
            }
            let tried: usize = trial.met.values().sum();
            assert!(tried > 0, "no call ever failed");
            let how = if sticky { "until repaired" } else { "once" };
            let met = &trial.met;
            println!("{target:?}, {error}, {how}: {tried} calls; met first by {met:?}");
        }
    });
}

#[test]
fn any_write_may_find_the_disk_full() {
    each(Target::Writes, "ENOSPC", true);
}

#[test]
fn any_write_may_fail() {
    each(Target::Writes, "EIO", storage::step().is_some());
}

#[test]
fn any_write_may_find_the_disk_made_read_only() {
    each(Target::Writes, "EROFS", storage::step().is_some());
}

#[test]
fn any_write_may_meet_a_quota() {
    each(Target::Writes, "EDQUOT", storage::step().is_some());
}

#[test]
fn any_flush_may_fail() {
    each(Target::Flushes, "EIO", true);
}

#[test]
fn any_flush_of_a_checkpoint_may_fail() {
    each(Target::Checkpoint, "EIO", true);
}
