//! Processes are frozen at named points, for one to three leases, and go on. A frozen worker keeps its turn:
//! nobody delivers for it, and nothing is given up. Once it goes on, past its lease, nothing that it had begun
//! is begun a second time, and nothing leaves of what was frozen before the last look at the clock. What was
//! frozen behind that look leaves late; that gap is known, cannot be closed from outside of a socket, and its
//! deliveries are listed as uncertain or are sent. A frozen host holds up nobody.
//!
//! `CRM_FREEZES` says how many in all; twenty at a time are frozen together: sixteen workers, each of another
//! file, and four hosts of one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crm_core::message::Status;
use crm_store_testing::workers::failpoint::DELIVERY;
use crm_store_testing::workers::{proof, setting};

use crate::case::{Case, Ended, LEASE};
use crate::hosts::{self, Hosts};

/// Behind these nothing has left, and nothing may leave any more.
const BEFORE_THE_LOOK: [&str; 4] = ["before claim", "after claim", "before begin", "after begin"];
const BESIDE: [&str; 4] = ["before plan", "after plan", "before sweep", "after sweep"];

/// Figures of all batches.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    freezes: usize,
    messages: usize,
    sent: usize,
    uncertain: usize,
    /// Of those uncertain.
    arrived: usize,
    /// Messages given up for uncertain, then known never to have left.
    never_left: usize,
    /// Attempts that looked at the clock and did not call the channel.
    looked: usize,
    /// By point.
    late: BTreeMap<String, usize>,
}

impl Figures {
    /// Nothing was begun again, came twice or came late that must not; each message ended well or is in
    /// doubt.
    pub(crate) fn prove(&mut self, ended: &Ended) {
        let Ended {
            point,
            scene,
            sink,
            attempts,
            messages,
            before,
            ..
        } = ended;
        proof::no_second_attempt(attempts);
        // Nothing twice, nothing that was not approved.
        let arrived = proof::arrived_once(sink, messages, attempts);
        let before: BTreeSet<_> = before.iter().map(|row| row.id).collect();
        for delivery in sink.deliveries() {
            if before.contains(&delivery.attempt_id.0) && delivery.at > ended.thawed {
                let look = BEFORE_THE_LOOK.contains(&point.as_str());
                assert!(!look, "{point}: left late: {delivery:?}");
                *self.late.entry(point.clone()).or_default() += 1;
            }
        }
        // Recorded so, or learnt of what was given up meanwhile.
        let never_left = messages
            .iter()
            .filter(|one| looked_at(one.failure.as_ref()));
        let never_left: BTreeSet<_> = never_left.map(|message| message.id.0).collect();
        let of_before = attempts.iter().filter(|row| before.contains(&row.id));
        let looked = of_before
            .filter(|row| looked_at(row.reason.as_ref()) || never_left.contains(&row.message))
            .count();
        if point == "after begin" {
            assert_eq!(looked, 1, "nobody looked at the clock: {attempts:?}");
        }
        self.looked += looked;
        for message in messages {
            let arrived = arrived.contains_key(&message.id);
            match message.status {
                Status::Sent => {
                    self.sent += 1;
                    assert!(arrived, "{} is sent and never arrived", message.id);
                }
                Status::Uncertain => {
                    self.uncertain += 1;
                    self.arrived += usize::from(arrived);
                }
                Status::Failed => {
                    self.never_left += 1;
                    assert!(looked_at(message.failure.as_ref()), "{message:?}");
                    assert!(!arrived, "{} never left and arrived", message.id);
                }
                other => panic!("{point}: {} is {}", message.id, other.as_str()),
            }
        }
        self.messages += messages.len();
        for workspace in &ended.workspaces {
            proof::history_holds(scene, workspace);
        }
    }
}

/// Whether that is why nothing left.
fn looked_at(reason: Option<&String>) -> bool {
    reason.is_some_and(|reason| reason == "deadline_before_send")
}

/// Freezes twenty processes for so many leases.
fn batch(leases: u32, figures: &mut Figures) {
    let points = DELIVERY.into_iter().chain(BESIDE);
    let cases: Vec<_> = points.map(Case::start).collect();
    let hosts = Hosts::freeze();
    let mut cases: Vec<_> = cases.into_iter().map(Case::stand_still).collect();
    figures.freezes += cases.len() + hosts::COUNT;
    // How long they are frozen is what is tried here.
    std::thread::sleep(LEASE * leases);
    for case in &mut cases {
        case.is_left_alone();
        case.thaw();
    }
    for case in cases {
        figures.prove(&case.go_on());
    }
    figures.prove(&hosts.go_on());
}

#[test]
fn frozen_processes_begin_nothing_again_and_send_nothing_that_is_over() {
    let (mut figures, began) = (Figures::default(), Instant::now());
    let wanted = setting("CRM_FREEZES", DELIVERY.len() + BESIDE.len() + hosts::COUNT);
    let mut leases = (1..=3).cycle();
    while figures.freezes < wanted {
        batch(leases.next().unwrap(), &mut figures);
    }
    let late: usize = figures.late.values().sum();
    println!(
        "\n| | |\n|---|---|\n| freezes of 1 to 3 leases | {} |\n| taken over while frozen | 0 |\n\
         | approved messages | {} |\n| sent | {} |\n| uncertain (of these arrived) | {} ({}) |\n\
         | attempts that looked at the clock and did not leave | {} |\n\
         | messages known never to have left | {} |\n\
         | left late, behind the look at the clock | {late} {:?} |\n| begun a second time | 0 |\n\
         | delivered twice | 0 |\n| lost | 0 |\n| time | {:.1?} |",
        figures.freezes,
        figures.messages,
        figures.sent,
        figures.uncertain,
        figures.arrived,
        figures.looked,
        figures.never_left,
        figures.late,
        began.elapsed()
    );
}
