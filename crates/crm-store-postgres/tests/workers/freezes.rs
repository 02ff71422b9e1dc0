//! Processes are frozen at named points, for one to three leases, and go on: nobody's delivery is begun a
//! second time, and none leaves that was frozen before the last look at the clock. What was frozen behind
//! that look leaves late; that gap is known, cannot be closed from outside of a socket, and its deliveries
//! are listed as uncertain or are sent.
//!
//! `CRM_FREEZES` says how many in all; twenty at a time are frozen together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crm_core::Workspace;
use crm_core::message::{Message, Status};
use crm_store_testing::workers::process::Task;
use crm_store_testing::workers::{Place as _, Row, setting};

use crate::failpoint::{Blow, DELIVERY, Failpoint};
use crate::process::{Job, Process};
use crate::proof;
use crate::scene::{PATIENCE, Scene};
use crate::sink::Sink;

const PEOPLE: usize = 200;
/// A delivery may take a second, and a lease lasts twice that and three more.
const TIMEOUT_MS: u64 = 1_000;
const MARGIN_MS: i64 = 3_000;
const LEASE: Duration = Duration::from_secs(5);
/// Behind these nothing has left, and nothing may leave any more.
const BEFORE_THE_LOOK: [&str; 4] = ["before claim", "after claim", "before begin", "after begin"];
/// What freezes beside the deliveries: expansion, approval and suppression first, the sweep last.
const BESIDE: usize = 8;

/// Figures of all batches.
#[derive(Debug, Default)]
struct Figures {
    freezes: usize,
    messages: usize,
    sent: usize,
    uncertain: usize,
    /// Of those uncertain.
    arrived: usize,
    /// Given up for uncertain, then known never to have left.
    never_left: usize,
    /// By the point of the worker.
    late: BTreeMap<String, usize>,
}

/// Twenty that are frozen together.
struct Batch {
    scene: Scene,
    sink: Sink,
    frozen: Vec<(Process, Failpoint)>,
    /// By the name of the process.
    points: BTreeMap<String, String>,
    /// Attempts that were begun before they went on.
    before: BTreeSet<uuid::Uuid>,
}

impl Batch {
    fn job(&self, name: &str, task: Task) -> Job {
        Job {
            task,
            place: self.scene.place.clone().crowded(),
            batch: 4,
            timeout_ms: TIMEOUT_MS,
            margin_ms: MARGIN_MS,
            ..self.scene.job(name, &self.sink)
        }
    }

    /// Starts a process that freezes at the first passing of `point`, with at most one delivery under way.
    fn start(&mut self, point: &str, task: Task) {
        let name = format!("frozen-{}", self.frozen.len());
        let failpoint = Failpoint::new(point, 1, Blow::Stop, &name, &self.sink);
        let process = Process::start(&Job {
            concurrency: 1,
            fails: Some(failpoint.clone()),
            ..self.job(&name, task)
        });
        self.points.insert(name, point.to_owned());
        self.frozen.push((process, failpoint));
    }

    /// Waits until all that were started stand still.
    fn stand_still(&mut self) {
        let begun = Instant::now();
        for (process, failpoint) in &mut self.frozen {
            while !failpoint.was_reached() {
                let point = &failpoint.point;
                assert!(!process.has_ended(), "ended and never reached: {point}");
                assert!(begun.elapsed() < PATIENCE, "never reached: {point}");
                std::thread::sleep(Duration::from_millis(5));
            }
            // It has said that it will; now it surely has.
            process.freeze();
        }
    }

    fn freeze(&mut self, point: &str, task: Task) {
        self.start(point, task);
        self.stand_still();
    }

    /// Waits until the sweep has given up all that the frozen ones had begun.
    fn taken_over(&self) {
        let begun = Instant::now();
        let open = |attempt: &Row| attempt.outcome.is_none() && self.point(attempt).is_some();
        while self.scene.rows().iter().any(open) {
            assert!(begun.elapsed() < PATIENCE, "nobody takes over");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Goes on with all of them. Workers end when they are told to, the others by themselves.
    fn thaw(&mut self, workspaces: &[Workspace], others: Vec<Process>) {
        let attempts = self.scene.rows();
        self.before = attempts.iter().map(|attempt| attempt.id).collect();
        for (process, _) in &self.frozen {
            process.thaw();
        }
        let begun = Instant::now();
        for workspace in workspaces {
            while self.scene.open_messages(workspace) > 0 {
                assert!(begun.elapsed() < PATIENCE, "something is stuck");
                std::thread::sleep(Duration::from_millis(50));
                // Again: one may have stopped itself only now.
                self.frozen.iter().for_each(|(process, _)| process.thaw());
            }
        }
        let frozen = self.frozen.drain(..).map(|(process, _)| process);
        frozen.chain(others).for_each(Process::end);
    }

    /// The point at which the worker of an attempt was frozen, if it was.
    fn point(&self, attempt: &Row) -> Option<&str> {
        self.points.get(&attempt.worker).map(String::as_str)
    }

    fn prove(&self, workspaces: &[Workspace], approved: &[Message], figures: &mut Figures) {
        let attempts = self.scene.rows();
        proof::no_second_attempt(&attempts);
        // Nothing twice, nothing that was not approved.
        let arrived = proof::arrived_once(&self.sink, approved, &attempts);
        let by_id: BTreeMap<_, _> = attempts.iter().map(|row| (row.id, row)).collect();
        for delivery in self.sink.deliveries() {
            let attempt = by_id[&delivery.attempt_id.0];
            let given_up = attempt.reason.as_deref() == Some("lease_expired");
            if !given_up || attempt.finished.unwrap() > delivery.at {
                continue;
            }
            // A busy machine freezes, too: other workers, and these once they have gone on.
            let frozen = self
                .point(attempt)
                .filter(|_| self.before.contains(&attempt.id));
            let point = frozen.unwrap_or("none of these");
            assert!(!BEFORE_THE_LOOK.contains(&point), "left late: {attempt:?}");
            *figures.late.entry(point.to_owned()).or_default() += 1;
        }
        let messages: Vec<_> = workspaces
            .iter()
            .flat_map(|w| self.scene.messages(w))
            .collect();
        assert_eq!(messages.len(), approved.len());
        let mut never_left = 0;
        for message in &messages {
            let arrived = arrived.contains_key(&message.id);
            match message.status {
                Status::Sent => {
                    figures.sent += 1;
                    assert!(arrived, "{} is sent and never arrived", message.id);
                }
                Status::Uncertain => {
                    figures.uncertain += 1;
                    figures.arrived += usize::from(arrived);
                }
                Status::Failed => {
                    never_left += 1;
                    let reason = message.failure.as_deref();
                    assert_eq!(reason, Some("deadline_before_send"));
                    assert!(!arrived, "{} never left and arrived", message.id);
                }
                other => panic!("{} is {}", message.id, other.as_str()),
            }
        }
        // The one that was begun, frozen and then looked at the clock.
        assert!(never_left > 0, "nobody looked at the clock");
        figures.never_left += never_left;
        figures.messages += messages.len();
        for workspace in workspaces {
            proof::history_holds(&self.scene, workspace);
        }
    }
}

/// Freezes twenty processes for so many leases.
fn batch(leases: u32, figures: &mut Figures) {
    let mut batch = Batch {
        scene: Scene::shared(),
        sink: Sink::start(5),
        frozen: Vec::new(),
        points: BTreeMap::new(),
        before: BTreeSet::new(),
    };
    let workspaces = ["salon", "clinic"].map(|name| Workspace::new(name).unwrap());
    let [pile, small] = &workspaces;
    batch.scene.plan(pile, PEOPLE);
    batch.scene.approve_all(std::slice::from_ref(pile));
    batch.scene.plan(small, 5);
    let approve = Task::Approve(small.to_string());
    let suppress = Task::Suppress(small.to_string(), "nobody@example.org".to_owned());
    batch.freeze("before plan", Task::Work);
    batch.freeze("after plan", Task::Work);
    for side in ["before", "after"] {
        batch.freeze(&format!("{side} approve"), approve.clone());
        batch.freeze(&format!("{side} suppress"), suppress.clone());
    }
    for point in DELIVERY {
        batch.start(point, Task::Work);
    }
    batch.stand_still();
    // They sweep what the first ones held.
    batch.freeze("before sweep", Task::Work);
    batch.freeze("after sweep", Task::Work);
    figures.freezes += batch.frozen.len();
    assert_eq!(batch.frozen.len(), DELIVERY.len() + BESIDE);
    let others = ["well-1", "well-2"].map(|name| Process::start(&batch.job(name, Task::Work)));
    // How long they are frozen is what is tried here.
    std::thread::sleep(LEASE * leases);
    batch.taken_over();
    batch.thaw(&workspaces, others.into());
    let approved = workspaces.iter().flat_map(|w| batch.scene.messages(w));
    let approved: Vec<_> = approved.collect();
    batch.prove(&workspaces, &approved, figures);
    batch.scene.clear();
}

#[test]
fn frozen_processes_begin_nothing_again_and_send_nothing_that_is_over() {
    let (mut figures, began) = (Figures::default(), Instant::now());
    let wanted = setting("CRM_FREEZES", DELIVERY.len() + BESIDE);
    let mut leases = (1..=3).cycle();
    while figures.freezes < wanted {
        batch(leases.next().unwrap(), &mut figures);
    }
    let late: usize = figures.late.values().sum();
    println!(
        "\n| | |\n|---|---|\n| freezes of 1 to 3 leases | {} |\n| approved messages | {} |\n\
         | sent | {} |\n| uncertain (of these arrived) | {} ({}) |\n| known never to have left | {} |\n\
         | left late, behind the look at the clock | {late} {:?} |\n| begun a second time | 0 |\n\
         | delivered twice | 0 |\n| lost | 0 |\n| time | {:.1?} |",
        figures.freezes,
        figures.messages,
        figures.sent,
        figures.uncertain,
        figures.arrived,
        figures.never_left,
        figures.late,
        began.elapsed()
    );
}
