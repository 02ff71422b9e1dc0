//! Which lives are tried: how often each command comes, and lives that chance alone seldom finds.

use crm_core::Role;
use crm_core::message::lifecycle::Event;
use crm_core::port::callback::Fate;
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::testing::spend::Ending;
use proptest::prelude::*;

use crate::world::{Asked, Command, NEWEST, Spend, Step};

/// Commands of one life at most.
const LONGEST: usize = 100;

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
        1 => (0..3_usize, 0..3_usize).prop_map(|(keep, gone)| Command::Merge { keep, gone }),
        4 => Just(Command::Claim),
        4 => any::<bool>().prop_map(|taken| Command::Begin { taken }),
        3 => any::<bool>().prop_map(|again| Command::Wake { again }),
        3 => Just(Command::Compare),
    ]
}

/// What the provider says afterwards.
fn news() -> impl Strategy<Value = Command> {
    let fate = prop_oneof![
        1 => Just(Fate::Accepted),
        2 => any::<bool>().prop_map(|dead| Fate::Failed { reason: "30003".to_owned(), dead }),
        2 => Just(Fate::Delivered),
        1 => Just(Fate::Read),
    ];
    prop_oneof![
        6 => (0..8_usize, 0..4_usize, fate, any::<bool>()).prop_map(
            |(message, attempt, fate, by_provider)| Command::Hear {
                message,
                attempt,
                fate,
                by_provider,
            }
        ),
        1 => (0..4_u8, any::<bool>()).prop_map(|(address, out)| Command::Opt { address, out }),
    ]
}

/// What a host asks for by rows of the intake, and that they are worked off.
fn intake() -> impl Strategy<Value = Command> {
    let (person, key) = (|| 0..4_usize, || 0..10_u8);
    let what = prop_oneof![
        3 => (person(), 0..4_u8)
            .prop_map(|(person, address)| Asked::Contact { person, address }),
        8 => (person(), any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(person, text, draft)| Asked::Submit { person, text, draft }),
        4 => key().prop_map(|key| Asked::Cancel { key }),
        2 => (person(), any::<bool>())
            .prop_map(|(person, marketing)| Asked::Consent { person, marketing }),
        1 => Just(Asked::Nonsense),
    ];
    prop_oneof![
        4 => (key(), what).prop_map(|(key, what)| Command::Ask { key, what }),
        1 => (1..5_u32).prop_map(|limit| Command::Drain { limit }),
    ]
}

/// Budgets, and drafts that are paid for.
fn money() -> impl Strategy<Value = Command> {
    // Amounts that often meet a limit, and now and then exactly.
    let (cost, limit) = (|| 0..9_u64, || 0..60_u64);
    let ending = prop_oneof![
        6 => cost().prop_map(Ending::Draft),
        2 => cost().prop_map(Ending::Refused),
        1 => Just(Ending::NotReached),
        2 => Just(Ending::Lost),
        2 => Just(Ending::GivesUp),
    ];
    let key = prop::option::of(0..3_u8);
    let worst = prop_oneof![8 => (0..12_u64).prop_map(Some), 1 => Just(None)];
    let what = prop_oneof![
        2 => (any::<bool>(), any::<bool>(), limit())
            .prop_map(|(own, day, limit)| Spend::Limit { own, day, limit }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(own, day)| Spend::NoLimit { own, day }),
        8 => (any::<bool>(), key, worst, ending)
            .prop_map(|(own, key, worst, ending)| Spend::Draft { own, key, worst, ending }),
    ];
    what.prop_map(|what| Command::Spend { what })
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

/// An order that was paid before its message was decided about.
fn called_off() -> impl Strategy<Value = Vec<Command>> {
    (0..4_usize, 0..5_u8, any::<bool>()).prop_map(|(person, key, between)| {
        let ask = |key, what| Command::Ask { key, what };
        let submit = Asked::Submit {
            person,
            text: key,
            draft: false,
        };
        let mut life = vec![ask(key, submit)];
        if between {
            life.push(Command::Drain { limit: 4 });
            life.push(Command::Approve {
                message: NEWEST,
                role: Role::Manager,
                stale: false,
            });
        }
        life.push(ask(key + 5, Asked::Cancel { key }));
        life.push(Command::Drain { limit: 4 });
        life
    })
}

/// One life: up to 100 commands.
pub(super) fn life() -> impl Strategy<Value = Vec<Command>> {
    let one = prop_oneof![12 => decision(), 8 => circumstance(), 4 => intake(), 3 => news(), 5 => money()];
    let part = prop_oneof![
        30 => one.prop_map(|command| vec![command]),
        1 => sent_twice(),
        1 => called_off(),
    ];
    prop::collection::vec(part, 1..80).prop_map(|parts| {
        let mut life = parts.concat();
        life.truncate(LONGEST);
        life
    })
}
