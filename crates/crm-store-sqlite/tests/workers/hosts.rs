//! Four processes of a host that are frozen over one file while they approve and suppress.

use chrono::{DateTime, Utc};
use crm_core::Workspace;
use crm_store_testing::workers::failpoint::Blow;
use crm_store_testing::workers::process::Task;
use crm_store_testing::workers::sink::Sink;

use crate::case::{Ended, job, stand_still, struck, wait};
use crate::file::Scene;
use crate::process::{Job, Process};

/// How many there are.
pub(crate) const COUNT: usize = 4;
/// What is approved already, and what the hosts approve.
const PEOPLE: [usize; 2] = [20, 5];

pub(crate) struct Hosts {
    scene: Scene,
    sink: Sink,
    workspaces: [Workspace; 2],
    frozen: Vec<Process>,
    worker: Process,
}

impl Hosts {
    /// They stand still, and a worker goes on with what there is.
    pub(crate) fn freeze() -> Self {
        let (scene, sink) = (Scene::shared(), Sink::start(5));
        let workspaces = ["salon", "clinic"].map(|name| Workspace::new(name).unwrap());
        let [salon, clinic] = &workspaces;
        scene.plan(salon, PEOPLE[0]);
        scene.plan(clinic, PEOPLE[1]);
        scene.draft_all();
        scene.approve_drafts(std::slice::from_ref(salon));
        let approve = Task::Approve(clinic.to_string());
        let suppress = Task::Suppress(clinic.to_string(), "nobody@example.org".to_owned());
        let mut frozen = Vec::new();
        for side in ["before", "after"] {
            for (what, task) in [("approve", &approve), ("suppress", &suppress)] {
                let job = Job {
                    task: task.clone(),
                    ..job(&scene, &format!("{side}-{what}"), &sink)
                };
                let point = format!("{side} {what}");
                let (mut host, failpoint) = struck(job, &point, Blow::Stop, &sink);
                stand_still(&mut host, &failpoint);
                frozen.push(host);
            }
        }
        Self {
            worker: Process::start(&job(&scene, "worker", &sink)),
            scene,
            sink,
            workspaces,
            frozen,
        }
    }

    /// All was delivered while they stood still; they go on and end, and nothing is approved twice.
    pub(crate) fn go_on(self) -> Ended {
        let open = |workspace| self.scene.open_messages(workspace) == 0;
        wait("a file with frozen hosts", || {
            self.workspaces.iter().all(open)
        });
        self.frozen.into_iter().for_each(Process::ends);
        self.worker.end();
        let scene = self.scene;
        let messages = self.workspaces.iter().flat_map(|w| scene.messages(w));
        let messages: Vec<_> = messages.collect();
        assert_eq!(messages.len(), PEOPLE.into_iter().sum::<usize>());
        for message in &messages {
            let session = scene.session(&message.workspace);
            let trail = session.messages();
            let trail = scene.runtime.block_on(trail.trail(message.id));
            assert_eq!(trail.unwrap().approvals.len(), 1);
        }
        Ended {
            point: "host".to_owned(),
            attempts: scene.rows(),
            scene,
            sink: self.sink,
            workspaces: self.workspaces,
            messages,
            // Nothing of theirs leaves.
            before: Vec::new(),
            thawed: DateTime::<Utc>::MAX_UTC,
        }
    }
}
