//! Four workers, and messages for them.

use std::time::{Duration, Instant};

use crm_core::Workspace;

use crate::faults::PLACES;
use crate::process::{Job, Process};
use crate::scene::{PATIENCE, Scene};
use crate::sink::Sink;

pub(crate) const WORKERS: usize = 4;

/// A delivery takes up to this many milliseconds, so that faults meet some.
const SLOWEST_MS: u64 = 25;

/// Workers over one database, and the receiving side.
pub(crate) struct Team {
    pub(crate) sink: Sink,
    workers: Vec<Process>,
}

impl Team {
    /// Nobody yet.
    pub(crate) fn empty() -> Self {
        Self {
            sink: Sink::start(SLOWEST_MS),
            workers: Vec::new(),
        }
    }

    /// Starts `worker-1` to `worker-4`.
    pub(crate) fn start(scene: &Scene) -> Self {
        let mut team = Self::empty();
        team.join(scene, 1);
        team
    }

    /// Starts four workers more, numbered from `first`.
    pub(crate) fn join(&mut self, scene: &Scene, first: usize) {
        for number in first..first + WORKERS {
            self.workers.push(Process::start(&Job {
                concurrency: PLACES,
                ..scene.job(&format!("worker-{number}"), &self.sink)
            }));
        }
    }

    /// Waits for so many deliveries more.
    pub(crate) fn deliver(&self, more: usize) {
        self.sink.wait_for(self.sink.count() + more);
    }

    /// Waits until nothing of these workspaces is on its way.
    pub(crate) fn wait_until_quiet(scene: &Scene, workspaces: &[Workspace]) {
        for workspace in workspaces {
            let begun = Instant::now();
            while scene.open_messages(workspace) > 0 {
                assert!(begun.elapsed() < PATIENCE, "something is stuck");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Tells the workers to stop and waits until they have, in good order: what is left to seal is sealed.
    pub(crate) fn end(&mut self) {
        self.workers.drain(..).for_each(Process::end);
    }

    /// SIGKILL for all.
    pub(crate) fn kill(&mut self) {
        self.workers.drain(..).for_each(Process::kill);
    }
}

/// So many workspaces, each with so many messages that wait for their approval.
pub(crate) fn drafted(scene: &Scene, workspaces: usize, messages: usize) -> Vec<Workspace> {
    let names = (0..workspaces).map(|number| format!("round-{number}"));
    let all: Vec<_> = names.map(|name| Workspace::new(name).unwrap()).collect();
    for workspace in &all {
        scene.plan(workspace, messages);
    }
    scene.draft_all();
    all
}
