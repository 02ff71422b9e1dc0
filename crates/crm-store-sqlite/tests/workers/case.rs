//! One file whose worker is frozen at a point, and another worker that waits for its turn.

use std::slice;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crm_core::Workspace;
use crm_core::message::{Message, Status};
use crm_core::port::clock::Clock as _;
use crm_core::system::SystemClock;
use crm_store_testing::workers::Row;
use crm_store_testing::workers::failpoint::{Blow, Failpoint};
use crm_store_testing::workers::scene::PATIENCE;
use crm_store_testing::workers::sink::Sink;

use crate::file::Scene;
use crate::process::{Job, Process};

/// Messages of a campaign, more than the batch that is claimed at once.
const PEOPLE: usize = 6;
const BATCH: u32 = 4;
/// A delivery may take a second, and a lease lasts twice that and one more.
const TIMEOUT_MS: u64 = 1_000;
const MARGIN_MS: i64 = 1_000;
pub(crate) const LEASE: Duration = Duration::from_secs(3);

pub(crate) struct Case {
    /// Where the worker is frozen.
    pub(crate) point: String,
    pub(crate) scene: Scene,
    pub(crate) sink: Sink,
    /// What the campaign is in.
    salon: Workspace,
    frozen: Process,
    failpoint: Failpoint,
}

/// A worker with short leases and one delivery under way at a time: that is all that may be frozen.
pub(crate) fn job(scene: &Scene, name: &str, sink: &Sink) -> Job {
    Job {
        batch: BATCH,
        concurrency: 1,
        timeout_ms: TIMEOUT_MS,
        margin_ms: MARGIN_MS,
        ..scene.job(name, sink)
    }
}

/// Starts a process that is struck at the first passing of `point`.
pub(crate) fn struck(job: Job, point: &str, blow: Blow, sink: &Sink) -> (Process, Failpoint) {
    let failpoint = Failpoint::new(point, 1, blow, &job.name, sink);
    let fails = Some(failpoint.clone());
    (Process::start(&Job { fails, ..job }), failpoint)
}

/// Waits until a process stands still at its point.
pub(crate) fn stand_still(process: &mut Process, failpoint: &Failpoint) {
    let point = &failpoint.point;
    wait(point, || {
        assert!(
            failpoint.was_reached() || !process.has_ended(),
            "ended and never reached: {point}"
        );
        failpoint.was_reached()
    });
    // It has said that it will; now it surely has.
    process.freeze();
}

pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not yet: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Case {
    /// Starts a worker that will be frozen at `point`.
    pub(crate) fn start(point: &str) -> Self {
        let (scene, sink) = (Scene::shared(), Sink::start(5));
        let salon = Workspace::new("salon").unwrap();
        scene.plan(&salon, PEOPLE);
        if !point.ends_with("plan") {
            scene.approve_all(slice::from_ref(&salon));
        }
        if point.ends_with("sweep") {
            // There has to be something to take back.
            let dead = job(&scene, "dead", &sink);
            let (mut dead, _) = struck(dead, "after body", Blow::Kill, &sink);
            wait(point, || dead.was_killed());
        }
        let frozen = job(&scene, "frozen", &sink);
        let (frozen, failpoint) = struck(frozen, point, Blow::Stop, &sink);
        Self {
            point: point.to_owned(),
            scene,
            sink,
            salon,
            frozen,
            failpoint,
        }
    }

    /// Waits until it stands still; then the next one begins to wait for its turn.
    pub(crate) fn stand_still(mut self) -> Still {
        stand_still(&mut self.frozen, &self.failpoint);
        Still {
            before: self.scene.rows(),
            messages: self.scene.messages(&self.salon),
            next: Process::start(&job(&self.scene, "next", &self.sink)),
            thawed: DateTime::<Utc>::MAX_UTC,
            case: self,
        }
    }
}

/// A case that stands still.
pub(crate) struct Still {
    pub(crate) case: Case,
    /// The attempts that the frozen one left standing.
    pub(crate) before: Vec<Row>,
    messages: Vec<Message>,
    next: Process,
    /// When it went on.
    pub(crate) thawed: DateTime<Utc>,
}

impl Still {
    /// Nobody took over what the frozen one holds, however long its leases are over.
    pub(crate) fn is_left_alone(&self) {
        let Case {
            scene,
            salon,
            point,
            ..
        } = &self.case;
        assert_eq!(scene.rows(), self.before, "{point}");
        assert_eq!(scene.messages(salon), self.messages, "{point}");
    }

    pub(crate) fn thaw(&mut self) {
        self.thawed = SystemClock.now();
        self.case.frozen.thaw();
    }

    /// It delivers the rest and ends; what is approved then is the next one's. All messages, when both ended.
    pub(crate) fn go_on(self) -> Ended {
        let Case {
            point,
            scene,
            sink,
            salon,
            frozen,
            ..
        } = self.case;
        if point.ends_with("plan") {
            wait("a plan", || {
                frozen.thaw();
                let messages = scene.messages(&salon).into_iter();
                let drafted = messages.filter(|one| one.status == Status::PendingApproval);
                drafted.count() == PEOPLE
            });
            scene.approve_drafts(slice::from_ref(&salon));
        }
        wait("a quiet file", || {
            // Again: it may have stopped itself only now.
            frozen.thaw();
            scene.open_messages(&salon) == 0
        });
        frozen.end();
        let last = scene.approve();
        let own = Workspace::default();
        wait("the next one", || scene.open_messages(&own) == 0);
        self.next.end();
        let attempts = scene.rows();
        let lasts = attempts.iter().rfind(|row| row.message == last.id.0);
        assert_eq!(lasts.unwrap().worker, "next", "{point}");
        Ended {
            messages: [&salon, &own]
                .into_iter()
                .flat_map(|workspace| scene.messages(workspace))
                .collect(),
            workspaces: [salon, own],
            attempts,
            before: self.before,
            thawed: self.thawed,
            point,
            scene,
            sink,
        }
    }
}

/// A case in which nothing happens any more.
pub(crate) struct Ended {
    pub(crate) point: String,
    pub(crate) scene: Scene,
    pub(crate) sink: Sink,
    pub(crate) workspaces: [Workspace; 2],
    pub(crate) messages: Vec<Message>,
    pub(crate) attempts: Vec<Row>,
    /// The attempts that the frozen one left standing, as they were.
    pub(crate) before: Vec<Row>,
    pub(crate) thawed: DateTime<Utc>,
}
