//! Random commands on memory and another store at once: the stores agree step by step, and after each
//! step the promises hold whatever people, workers and the provider do: only approved bytes leave (P1),
//! at most once unless a person says otherwise (P2), and the history proves every state (P5).
//!
//! `CRM_AGREEMENT_CASES` says how many lives are tried.

use std::sync::Arc;

use crm_core::Role;
use crm_core::memory::MemoryStore;
use crm_core::message::lifecycle::Event;
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::Store;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::crash::CrashingStore;
use crate::world::{Command, NEWEST, Step, World};

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![4 => Just(Role::Manager), 1 => Just(Role::Viewer), 1 => Just(Role::Admin)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let reason = || "scripted".to_owned();
    prop_oneof![
        Just(Outcome::Dead { reason: reason() }),
        Just(Outcome::Rejected { reason: reason() }),
        Just(Outcome::Unknown { reason: reason() }),
        Just(Outcome::Stop { reason: reason() }),
        Just(Outcome::RetryAfter {
            scope: RetryScope::Message,
            at_least: std::time::Duration::from_secs(30),
            reason: reason(),
        }),
    ]
}

/// What people do to messages.
fn decision() -> impl Strategy<Value = Command> {
    let message = || 0..8_usize;
    let resolution = prop_oneof![
        1 => Just(Event::ResolveSent),
        3 => Just(Event::ResolveResend),
        1 => Just(Event::ResolveFailed)
    ];
    prop_oneof![
        6 => (0..3_usize, any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(contact, text, expires)| Command::Create { contact, text, expires }),
        2 => (message(), role()).prop_map(|(message, role)| Command::Submit { message, role }),
        3 => (message(), any::<u8>(), role())
            .prop_map(|(message, text, role)| Command::Edit { message, text, role }),
        1 => (message(), 0..90_i64)
            .prop_map(|(message, minutes)| Command::Reschedule { message, minutes }),
        8 => (message(), role(), prop::bool::weighted(0.2))
            .prop_map(|(message, role, stale)| Command::Approve { message, role, stale }),
        2 => message().prop_map(|message| Command::TwoApprovers { message }),
        1 => (message(), role()).prop_map(|(message, role)| Command::Reject { message, role }),
        1 => message().prop_map(|message| Command::Cancel { message }),
        1 => (message(), role()).prop_map(|(message, role)| Command::Delete { message, role }),
        2 => message().prop_map(|message| Command::Send { message }),
        3 => (message(), resolution)
            .prop_map(|(message, event)| Command::Resolve { message, event }),
        2 => Just(Command::ApproveAll),
    ]
}

/// What happens around them.
fn circumstance() -> impl Strategy<Value = Command> {
    let step = prop_oneof![
        4 => Just(Step::Execute),
        2 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => Just(Step::Cancel)
    ];
    prop_oneof![
        1 => (0..3_usize, 0..4_u8)
            .prop_map(|(contact, address)| Command::Readdress { contact, address }),
        1 => (0..3_usize, any::<bool>())
            .prop_map(|(contact, yes)| Command::Consent { contact, yes }),
        1 => (0..4_u8).prop_map(|address| Command::Suppress { address }),
        1 => (0..4_u8).prop_map(|address| Command::Lift { address }),
        3 => step.prop_map(|step| Command::Campaign { step }),
        3 => outcome().prop_map(|outcome| Command::Outcome { outcome }),
        3 => (1..120_i64).prop_map(|minutes| Command::Advance { minutes }),
        5 => Just(Command::Work),
        1 => Just(Command::Restart),
        1 => (0..3_usize).prop_map(|contact| Command::Erase { contact }),
        4 => Just(Command::Claim),
        4 => any::<bool>().prop_map(|taken| Command::Begin { taken }),
        3 => any::<bool>().prop_map(|again| Command::Wake { again }),
    ]
}

/// A life that chance alone seldom finds: sent twice because a person said so, while the first worker
/// is still frozen.
fn sent_twice() -> impl Strategy<Value = Vec<Command>> {
    (0..3_usize, any::<u8>(), any::<[bool; 4]>()).prop_map(|(contact, text, [a, b, c, d])| {
        vec![
            Command::Create {
                contact,
                text,
                expires: false,
            },
            Command::Approve {
                message: NEWEST,
                role: Role::Manager,
                stale: false,
            },
            Command::Claim,
            Command::Begin { taken: a },
            Command::Advance { minutes: 5 },
            if b { Command::Work } else { Command::Restart },
            Command::Resolve {
                message: 0,
                event: Event::ResolveResend,
            },
            Command::Claim,
            Command::Begin { taken: c },
            Command::Wake { again: d },
        ]
    })
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let one = prop_oneof![3 => decision(), 2 => circumstance()];
    let part = prop_oneof![20 => one.prop_map(|command| vec![command]), 1 => sent_twice()];
    prop::collection::vec(part, 1..80).prop_map(|parts| parts.concat())
}

/// Tries random lives on memory and on the stores that `open` makes, each of which is empty and hands its
/// place back to `close`. `usual` is how many, unless the environment says otherwise.
///
/// # Panics
/// A store answers otherwise than memory, or a promise is broken.
pub fn run<P>(usual: u32, open: impl AsyncFn() -> (Arc<dyn Store>, P), close: impl AsyncFn(P)) {
    let cases = std::env::var("CRM_AGREEMENT_CASES");
    let mut runner = TestRunner::new(Config {
        cases: cases.map_or(usual, |text| text.parse().unwrap()),
        max_shrink_iters: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let result = runner.run(&commands(), |commands| {
        runtime.block_on(async {
            let (store, place) = open().await;
            agree(store, &commands).await;
            close(place).await;
        });
        Ok(())
    });
    result.unwrap();
}

async fn agree(store: Arc<dyn Store>, commands: &[Command]) {
    // Whether a start may take the leases of others for dead is the store's to say; memory follows.
    let mut reference = CrashingStore::over(Arc::new(MemoryStore::default()));
    reference.capabilities.exclusive_dispatcher = store.capabilities().exclusive_dispatcher;
    let mut memory = World::new(Arc::new(reference)).await;
    let mut other = World::new(store).await;
    for command in commands {
        let (a, b) = (memory.step(command).await, other.step(command).await);
        assert_eq!(a, b, "answers to {command:?} differ");
        assert_eq!(
            memory.snapshot().await,
            other.snapshot().await,
            "after {command:?}"
        );
        memory.check().await;
    }
    for world in [&mut memory, &mut other] {
        world.step(&Command::Work).await;
        world.check().await;
        world.verify().await;
    }
}
