//! Random commands on memory and another store at once: the stores agree step by step, and after each
//! step the promises hold whatever people, hosts, workers and the provider do: only approved bytes leave
//! (P1), at most once unless a person says otherwise (P2), and the history proves every state (P5).
//!
//! After each step the stores are compared by its answer and by what it changed (what it added to the
//! history, every few steps); at random steps and at the end by everything they hold. Lives follow each other in one store, each in a workspace of its own
//! with the same ids: what one leaves behind must not show in the next.
//!
//! `CRM_AGREEMENT_CASES` says how many lives are tried.

mod lives;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use crm_core::Workspace;
use crm_core::memory::MemoryStore;
use crm_core::port::store::Store;
use proptest::test_runner::{Config, TestRunner};

use crate::crash::CrashingStore;
use crate::world::{Command, World};

/// How many lives follow each other in one store.
const LIVES: u32 = 40;

/// After how many steps the history is compared anew; all else is after each.
const HISTORY: usize = 4;

/// What was tried, over all threads.
#[derive(Default)]
struct Tally {
    lives: AtomicU32,
    steps: AtomicU64,
    /// Steps that wrote.
    writes: AtomicU64,
    /// Somebody found a difference: the others need not go on.
    over: AtomicBool,
}

/// The store in use, its place, and how many lives it has seen.
type Held<P> = (Arc<dyn Store>, P, u32);

/// Tries random lives on memory and on the stores that `open` makes, each of which is empty and hands its
/// place back to `close`. Between two lives `again` empties the intake and lets its places begin at 1: the
/// history speaks of them. `usual` is how many lives, unless the environment says otherwise. Several are
/// tried at once; prints how many steps were taken.
///
/// # Panics
/// A store answers otherwise than memory, or a promise is broken.
pub fn run<P>(
    usual: u32,
    open: impl AsyncFn() -> (Arc<dyn Store>, P) + Sync,
    again: impl AsyncFn(&P) + Sync,
    close: impl AsyncFn(P) + Sync,
) {
    let lives = std::env::var("CRM_AGREEMENT_CASES");
    let lives = lives.map_or(usual, |text| text.parse().unwrap());
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().min(8));
    let threads = u32::try_from(threads).unwrap();
    let (tally, start) = (Tally::default(), Instant::now());
    let found: Vec<String> = std::thread::scope(|scope| {
        let share = |number| lives / threads + u32::from(number < lives % threads);
        let (tally, open, again, close) = (&tally, &open, &again, &close);
        let started: Vec<_> = (0..threads)
            .map(|number| {
                let try_out = move || one_after_another(share(number), tally, open, again, close);
                scope.spawn(try_out)
            })
            .collect();
        let ended = started.into_iter().map(|thread| thread.join().unwrap());
        ended.filter_map(Result::err).collect()
    });
    println!(
        "{} lives, {} transitions of which {} wrote, {} differences, {} s",
        tally.lives.into_inner(),
        tally.steps.into_inner(),
        tally.writes.into_inner(),
        found.len(),
        start.elapsed().as_secs()
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Tries so many lives; the shortest one found in which the stores differ is the error.
fn one_after_another<P>(
    lives: u32,
    tally: &Tally,
    open: &impl AsyncFn() -> (Arc<dyn Store>, P),
    again: &impl AsyncFn(&P),
    close: &impl AsyncFn(P),
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: lives,
        max_shrink_iters: 400,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    });
    // One in which something failed is not used again.
    let held: Cell<Option<Held<P>>> = Cell::new(None);
    let failed = Cell::new(false);
    let result = runner.run(&lives::life(), |commands| {
        // What is found is made shorter; the other threads need not go on.
        if tally.over.load(Ordering::Relaxed) && !failed.get() {
            return Ok(());
        }
        let mine = held.take();
        let watch = Watch(tally, &failed);
        runtime.block_on(async {
            let (store, place, number) = match mine {
                Some((store, place, LIVES)) => {
                    drop(store);
                    close(place).await;
                    let (store, place) = open().await;
                    (store, place, 0)
                }
                Some(held) => {
                    again(&held.1).await;
                    held
                }
                None => {
                    let (store, place) = open().await;
                    (store, place, 0)
                }
            };
            let workspace = Workspace::new(format!("life-{number}")).unwrap();
            agree(&store, &workspace, &commands, tally).await;
            held.set(Some((store, place, number + 1)));
        });
        drop(watch);
        Ok(())
    });
    if let Some((store, place, _)) = held.take() {
        drop(store);
        runtime.block_on(close(place));
    }
    result.map_err(|error| error.to_string())
}

/// Tells the others when a life ends in a panic.
struct Watch<'a>(&'a Tally, &'a Cell<bool>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Ordering::Relaxed);
            self.1.set(true);
        }
    }
}

async fn agree(store: &Arc<dyn Store>, workspace: &Workspace, commands: &[Command], tally: &Tally) {
    // Whether a start may take the leases of others for dead is the store's to say; memory follows.
    let alone = |inner| CrashingStore {
        only: Some(workspace.clone()),
        ..CrashingStore::over(inner)
    };
    let mut reference = alone(Arc::new(MemoryStore::default()));
    reference.capabilities.exclusive_dispatcher = store.capabilities().exclusive_dispatcher;
    let mut memory = World::new(reference, workspace).await;
    let mut other = World::new(alone(store.clone()), workspace).await;
    for (number, command) in commands.iter().enumerate() {
        let history = number % HISTORY == 0 || matches!(command, Command::Compare);
        step(&mut memory, &mut other, command, history, tally).await;
        if matches!(command, Command::Compare) {
            compare(&mut memory, &mut other).await;
        }
    }
    step(&mut memory, &mut other, &Command::Work, true, tally).await;
    compare(&mut memory, &mut other).await;
    other.check_all().await;
    memory.verify().await;
    other.verify().await;
    tally.lives.fetch_add(1, Ordering::Relaxed);
}

/// One thing happens in both; they answer alike, alike is what it changed, and the promises hold.
async fn step(
    memory: &mut World,
    other: &mut World,
    command: &Command,
    history: bool,
    tally: &Tally,
) {
    let (b, a) = tokio::join!(other.step(command), memory.step(command));
    assert_eq!(a, b, "answers to {command:?} differ");
    tally.steps.fetch_add(1, Ordering::Relaxed);
    let written = memory.has_written() || other.has_written();
    tally
        .writes
        .fetch_add(u64::from(written), Ordering::Relaxed);
    if written || history {
        let (b, a) = tokio::join!(other.look(history), memory.look(history));
        assert_eq!(memory.messages, other.messages, "after {command:?}");
        assert_eq!(a, b, "after {command:?}");
        memory.check().await;
    }
}

/// All of one is all of the other, and memory keeps the promises about all of it.
async fn compare(memory: &mut World, other: &mut World) {
    let (b, a) = tokio::join!(other.everything(), memory.everything());
    assert_eq!(a, b, "everything");
    memory.check_all().await;
}
