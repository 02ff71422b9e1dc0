//! Explores the model to its end, and shows that every rule is needed.
#![allow(clippy::panic)]

use crm_protocol_model::{Bounds, Protocol, Rule, Rules};
use stateright::{Checker as _, HasDiscoveries, Model as _};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn the_promises_hold_in_every_state() {
    let protocol = Protocol {
        rules: Rules::default(),
        bounds: Bounds::default(),
        keyed: false,
    };
    let checker = protocol.checker().threads(threads()).spawn_bfs().join();
    println!(
        "{} distinct states of {}, {} steps deep",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
    assert!(
        checker.unique_state_count() >= 3_500_000,
        "the model has become smaller"
    );
}

/// Two guards stand behind what leaves: the approval that an edit takes away and the digest that is compared
/// again. Without the first alone the second holds; without both nothing does.
#[test]
fn every_rule_is_needed() {
    for rule in Rule::ALL {
        let alone = broken(&[rule]);
        if rule == Rule::EditVoidsApproval {
            assert_eq!(alone, None, "the digest should catch it");
            let both = broken(&[rule, Rule::BeginAsksDigest]);
            assert!(both.is_some(), "nobody notices that both guards are gone");
            println!("{rule:?} with its second guard: {both:?}");
        } else {
            assert!(alone.is_some(), "nobody notices that {rule:?} is gone");
            println!("{rule:?}: {alone:?}");
        }
    }
}

/// Fewer things happen than above: what is new is what follows a doubt.
const KEYED: Bounds = Bounds {
    claims: 3,
    crashes: 1,
    edits: 1,
    tampers: 0,
    pauses: 0,
    retries: 1,
    attempts: 3,
};

#[test]
fn the_promises_hold_on_a_keyed_channel() {
    let protocol = Protocol {
        rules: Rules::default(),
        bounds: KEYED,
        keyed: true,
    };
    let checker = protocol.checker().threads(threads()).spawn_bfs().join();
    println!("{} distinct states, keyed", checker.unique_state_count());
    for name in checker.discoveries().into_keys() {
        assert!(!name.starts_with('I'), "broken: {name}");
    }
    assert!(
        checker.unique_state_count() >= 500_000,
        "the model has become smaller"
    );
}

#[test]
fn every_rule_of_keys_is_needed() {
    for rule in [Rule::RepeatKeepsKey, Rule::RepeatDoubts] {
        let broken = broken_in(&[rule], KEYED, true);
        assert!(broken.is_some(), "nobody notices that {rule:?} is gone");
        println!("{rule:?}: {broken:?}");
    }
    // Without this one nothing is broken: what a person has sent again is taken for a duplicate.
    let twice = |without: &[Rule]| {
        let protocol = Protocol {
            rules: Rules::without(without),
            // Another text has another key anyway.
            bounds: Bounds { edits: 0, ..KEYED },
            keyed: true,
        };
        let checker = protocol.checker().threads(threads()).spawn_bfs().join();
        let name = "delivered twice by a person's word";
        checker.discovery(name).is_some()
    };
    assert!(twice(&[]) && !twice(&[Rule::ResendHasNewKey]));
}

/// The first promise that is found broken without these rules.
fn broken(without: &[Rule]) -> Option<&'static str> {
    broken_in(without, Bounds::default(), false)
}

fn broken_in(without: &[Rule], bounds: Bounds, keyed: bool) -> Option<&'static str> {
    let protocol = Protocol {
        rules: Rules::without(without),
        bounds,
        keyed,
    };
    let checker = protocol
        .checker()
        .threads(threads())
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let names = checker.discoveries().into_keys();
    names.into_iter().find(|name| name.starts_with('I'))
}
