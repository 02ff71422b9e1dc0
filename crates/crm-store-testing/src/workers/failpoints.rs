//! Processes end at named points: a campaign is expanded, approved, delivered and swept by processes of
//! which twenty die on the way, each at another point. No message is lost, none arrives twice, and
//! whatever nobody can know is listed as uncertain.
//!
//! Where one worker delivers at a time, the others wait for its end. Each takes back at its start what the one
//! before held, so that one more dies for the sweep.
//!
//! `CRM_FAILPOINT_ROUNDS` says how often, each time in a database of its own.

use std::time::{Duration, Instant};

use crm_core::Workspace;
use crm_core::message::{Message, Status};
use crm_core::port::store::SuppressionQuery;

use super::failpoint::{Blow, DELIVERY, Failpoint};
use super::process::{Job, Process, Task};
use super::proof::{self, Figures};
use super::scene::{PATIENCE, Scene};
use super::sink::Sink;
use super::{Dice, Place, seconds_now, setting};

/// Processes at work at once while deliveries go on.
const WORKERS: usize = 4;
/// To whom nothing may be sent from amid a round on.
const SUPPRESSED: &str = "c7@example.org";

/// One campaign.
struct Round<P: Place> {
    scene: Scene<P>,
    sink: Sink,
    workspace: Workspace,
    people: usize,
    started: usize,
    killed: Vec<String>,
}

impl<P: Place> Round<P> {
    fn new(people: usize) -> Self {
        Self {
            people,
            scene: Scene::shared(),
            sink: Sink::start(5),
            workspace: Workspace::default(),
            started: 0,
            killed: Vec::new(),
        }
    }

    fn job(&mut self, task: Task) -> Job<P> {
        self.started += 1;
        Job {
            task,
            // So that the dead hold little.
            batch: 4,
            ..self
                .scene
                .job(&format!("process-{}", self.started), &self.sink)
        }
    }

    /// A process that dies when it passes `point` for the `nth` time.
    fn victim(&mut self, point: &str, nth: usize, task: Task) -> Victim {
        let mut job = self.job(task);
        let failpoint = Failpoint::new(point, nth, Blow::Kill, &job.name, &self.sink);
        job.fails = Some(failpoint.clone());
        Victim {
            process: Process::start(&job),
            failpoint,
        }
    }

    /// It is dead, and died there.
    fn bury(&mut self, victim: Victim) {
        let point = &victim.failpoint.point;
        assert!(
            victim.failpoint.was_reached(),
            "{point}: killed, but not there"
        );
        self.killed.push(victim.process.name.clone());
    }

    /// A process that has nobody beside it dies at the first passing of `point`.
    fn alone(&mut self, point: &str, task: Task) {
        let mut victim = self.victim(point, 1, task);
        let begun = Instant::now();
        while !victim.process.was_killed() {
            assert!(begun.elapsed() < PATIENCE, "never reached: {point}");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.bury(victim);
    }

    /// A process does it wholly.
    fn undisturbed(&mut self, task: Task) {
        Process::start(&self.job(task)).ends();
    }

    fn count(&self, status: Status) -> usize {
        let messages = self.scene.messages(&self.workspace).into_iter();
        messages.filter(|message| message.status == status).count()
    }

    fn is_suppressed(&self) -> bool {
        let session = self.scene.session(&self.workspace);
        let query = SuppressionQuery {
            channel: Some("email".to_owned()),
            addresses: vec![SUPPRESSED.to_owned()],
            limit: 10,
            skip: 0,
        };
        let suppressions = session.suppressions();
        let found = self.scene.runtime.block_on(suppressions.list(query));
        !found.unwrap().items.is_empty()
    }

    fn expand(&mut self) {
        self.scene.plan(&self.workspace, self.people);
        self.alone("before plan", Task::Work);
        assert_eq!(self.scene.messages(&self.workspace).len(), 0);
        self.alone("after plan", Task::Work);
        assert_eq!(self.count(Status::PendingApproval), self.people);
    }

    fn approve(&mut self) -> Vec<Message> {
        let task = Task::Approve(self.workspace.to_string());
        self.alone("before approve", task.clone());
        assert_eq!(self.count(Status::Approved), 0);
        self.alone("after approve", task.clone());
        assert!(self.count(Status::Approved) > 0);
        self.undisturbed(task);
        assert_eq!(self.count(Status::Approved), self.people);
        self.scene.messages(&self.workspace)
    }

    fn suppress(&mut self) {
        let task = Task::Suppress(self.workspace.to_string(), SUPPRESSED.to_owned());
        self.alone("before suppress", task.clone());
        assert!(!self.is_suppressed());
        self.alone("after suppress", task.clone());
        assert!(self.is_suppressed());
        self.undisturbed(task);
    }

    /// Whoever dies is followed by the next, so that four are at work until all points were met.
    fn deliver(&mut self, dice: &mut Dice) {
        let mut left = DELIVERY.to_vec();
        let (mut alive, begun) = (Vec::<Victim>::new(), Instant::now());
        loop {
            while alive.len() < WORKERS && !left.is_empty() {
                let point = left.swap_remove(dice.upto(left.len() - 1));
                alive.push(self.victim(point, 1 + dice.upto(2), Task::Work));
            }
            if alive.is_empty() {
                return;
            }
            let mut victims = alive.iter_mut();
            match victims.position(|victim| victim.process.was_killed()) {
                Some(dead) => {
                    let victim = alive.swap_remove(dead);
                    self.bury(victim);
                }
                None => {
                    let points: Vec<_> = alive.iter().map(|v| &v.failpoint.point).collect();
                    assert!(begun.elapsed() < PATIENCE, "never reached: {points:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    /// Nobody is alive: their leases need not be waited for.
    fn sweep(&mut self) {
        if self.scene.has_one_dispatcher() {
            self.alone("after body", Task::Work);
        }
        self.scene.end_leases();
        let doubts = self.count(Status::Uncertain);
        self.alone("before sweep", Task::Work);
        assert_eq!(self.count(Status::Uncertain), doubts);
        self.scene.end_leases();
        self.alone("after sweep", Task::Work);
        assert!(self.count(Status::Uncertain) > doubts);
        self.scene.end_leases();
    }

    /// Four that nothing happens to do the rest.
    fn finish(&mut self) {
        let workers = (0..WORKERS).map(|_| self.job(Task::Work));
        let workers: Vec<_> = workers.collect();
        let workers: Vec<_> = workers.iter().map(Process::start).collect();
        let begun = Instant::now();
        while self.scene.open_messages(&self.workspace) > 0 {
            assert!(begun.elapsed() < PATIENCE, "something is stuck");
            std::thread::sleep(Duration::from_millis(50));
        }
        workers.into_iter().for_each(Process::end);
    }

    fn run(mut self, dice: &mut Dice) -> (usize, Figures) {
        self.expand();
        let mut approved = self.approve();
        self.suppress();
        self.deliver(dice);
        self.sweep();
        self.finish();
        let suppressed = |message: &Message| message.recipient == SUPPRESSED;
        let cancelled = approved.iter().position(suppressed).unwrap();
        let cancelled = [approved.swap_remove(cancelled).id];
        let figures = proof::all_but(
            &cancelled,
            &self.scene,
            &[self.workspace],
            &approved,
            &self.sink,
            &self.killed,
            0,
        );
        self.scene.clear();
        (self.killed.len(), figures)
    }
}

struct Victim {
    process: Process,
    failpoint: Failpoint,
}

/// Runs all rounds, each with a campaign to so many people. The dead hold some of the messages until their
/// leases are over.
///
/// # Panics
/// Something was lost, repeated or got stuck, or a point was never reached.
pub fn run<P: Place>(people: usize) {
    let seed = setting("CRM_FAULT_SEED", seconds_now());
    let rounds = setting("CRM_FAILPOINT_ROUNDS", 1);
    // Captured unless the test fails.
    println!("CRM_FAULT_SEED={seed} CRM_FAILPOINT_ROUNDS={rounds}");
    let (mut dice, began) = (Dice::new(seed), Instant::now());
    let (mut kills, mut total) = (0, Figures::default());
    for _ in 0..rounds {
        let (killed, figures) = Round::<P>::new(people).run(&mut dice);
        kills += killed;
        total += figures;
    }
    println!(
        "\n| | |\n|---|---|\n| processes killed at a named point | {kills} |\n\
         | approved messages | {} |\n{total}| time | {:.1?} |",
        rounds * people,
        began.elapsed()
    );
}
