//! A worker as a process of its own: this very program, started again with a job.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crm_core::engine::{BulkAction, Engine, Policy};
use crm_core::message::Status;
use crm_core::message::dispatch::RetryPolicy;
use crm_core::port::store::MessageQuery;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::crash::{CrashingStore, Point};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::scene::Scene;
use crate::sink::{Sink, ToSink};

#[path = "failpoint.rs"]
pub(crate) mod failpoint;

use failpoint::{Failpoint, signal};

/// Holds the job of a process that is to be a worker.
const JOB: &str = "CRM_TEST_WORKER";

/// What a process does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// What a worker does, until it is told to stop.
    Work,
    /// Opens the database and ends.
    Open,
    /// The host's part: approves all that waits for it in this workspace, and ends.
    Approve(String),
    /// The host's part: suppresses this address in this workspace, and ends.
    Suppress(String, String),
}

/// What a worker process works on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) schema: String,
    pub(crate) sink: PathBuf,
    pub(crate) poll_ms: u64,
    pub(crate) listen: bool,
    pub(crate) concurrency: usize,
    /// Stops itself after the first answer, before that is recorded.
    pub(crate) freezes: bool,
    pub(crate) task: Task,
    /// Where it is killed or frozen.
    pub(crate) fails: Option<Failpoint>,
    /// Messages claimed at once.
    pub(crate) batch: u32,
    pub(crate) connections: u32,
    /// How long a delivery may take. Leases last twice that and the margin.
    pub(crate) timeout_ms: u64,
    pub(crate) margin_ms: i64,
}

/// A running worker; killed when it is dropped.
pub(crate) struct Process {
    pub(crate) name: String,
    child: Child,
}

impl Process {
    pub(crate) fn start(job: &Job) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::a_worker_is_a_process", "--nocapture"])
            .env(JOB, serde_json::to_string(job).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self {
            name: job.name.clone(),
            child: child.unwrap(),
        }
    }

    /// SIGKILL: the process cannot catch it. Afterwards it is gone.
    pub(crate) fn kill(mut self) {
        let name = &self.name;
        assert_eq!(self.child.try_wait().unwrap(), None, "{name} ended");
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }

    /// Whether it was killed, which is all it may end of by itself.
    pub(crate) fn was_killed(&mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        let signals = ended.map(|status| status.signal());
        assert!(
            matches!(signals, None | Some(Some(9))),
            "{}: {ended:?}",
            self.name
        );
        signals.is_some()
    }

    /// Whether it has ended, however.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGSTOP: the process cannot catch it either.
    pub(crate) fn freeze(&self) {
        signal("STOP", self.child.id());
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        signal("CONT", self.child.id());
    }

    /// Waits until it has ended by itself, in good order.
    pub(crate) fn ends(mut self) {
        self.wait();
    }

    /// Tells the worker to stop and waits until it has, in good order.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        self.wait();
    }

    /// Who was stopped from outside just before it would have stopped itself does that once it goes on:
    /// so it is told to go on until it has ended.
    fn wait(&mut self) {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{}", self.name);
                return;
            }
            self.thaw();
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Works until its input ends: when it is told to stop, or whoever started it is gone.
fn work(job: &Job) {
    let (stop, stopped) = watch::channel(false);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.send_replace(true);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let store = Arc::new(failing(job, open(job).await));
        let reached = Arc::clone(&store);
        let channel = ToSink::new(&job.sink, job.concurrency, job.freezes)
            .within(Duration::from_millis(job.timeout_ms))
            .telling(move |step| reached.reach(step, false));
        let engine = Engine::builder(store, Arc::new(SystemClock), Arc::new(RandomIds::default()))
            .channel("email", Arc::new(channel))
            .policy(Policy {
                retry: RetryPolicy {
                    base: chrono::Duration::milliseconds(50),
                    ..RetryPolicy::default()
                },
                ..Policy::default()
            })
            .build();
        match &job.task {
            Task::Work => {
                let worker = Worker::new(engine, options(job));
                worker.run(stopped).await.unwrap();
            }
            Task::Open => {}
            Task::Approve(workspace) => approve(&engine, workspace).await,
            Task::Suppress(workspace, address) => {
                let session = engine.act_as(manager(workspace));
                let suppressions = session.suppressions();
                while !told(suppressions.add("email", address, "asked for it").await) {}
            }
        }
    });
}

fn options(job: &Job) -> WorkerOptions {
    WorkerOptions {
        name: job.name.clone(),
        batch: job.batch,
        lease: chrono::Duration::zero(),
        margin: chrono::Duration::milliseconds(job.margin_ms),
        poll: Duration::from_millis(job.poll_ms),
        ..WorkerOptions::default()
    }
}

/// The store, with the point at which this process is struck.
fn failing(job: &Job, store: PgStore) -> CrashingStore {
    let mut store = CrashingStore::over(Arc::new(store));
    if let Some(failpoint) = job.fails.clone() {
        store.point = Some(Point::parse(&failpoint.point).unwrap());
        store.strike = Box::new(move || failpoint.strike());
    }
    store
}

fn manager(workspace: &str) -> Actor {
    Actor::new(Workspace::new(workspace).unwrap(), "olga", Role::Manager)
}

/// What somebody else did meanwhile is theirs: nothing is said of how many there were.
async fn approve(engine: &Engine, workspace: &str) {
    let session = engine.act_as(manager(workspace));
    let (approvals, action) = (session.approvals(), BulkAction::Approve);
    let pending = MessageQuery {
        statuses: vec![Status::PendingApproval],
        ..MessageQuery::default()
    };
    loop {
        let seen = approvals.preview(action, pending.clone()).await.unwrap();
        let manifest = Some(seen.manifest);
        if told(
            approvals
                .bulk(action, pending.clone(), manifest, None)
                .await,
        ) {
            return;
        }
    }
}

/// Whether it was done. A host that stood still, or that waits for a row of one that stands still amid a
/// transaction, is told that the store is away, and asks again.
fn told<T>(result: crm_core::Result<T>) -> bool {
    if let Err(error) = &result {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    result.is_ok()
}

/// Opens the store; the server may be away just then.
async fn open(job: &Job) -> PgStore {
    loop {
        let options = PgOptions {
            schema: job.schema.clone(),
            connections: job.connections,
            listen: job.listen,
            // Who stands still amid a transaction is thrown out of it after this time, so that nobody waits
            // for its rows for as long as a minute.
            statement_timeout: Duration::from_secs(10),
            ..PgOptions::default()
        };
        match PgStore::connect(&job.database, options).await {
            Ok(store) => return store,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{}: {error}", job.name),
        }
    }
}

/// In a process with a job this is the worker; the other tests start it so. Without one, it sees that
/// such a process delivers and ends when it is told.
#[test]
fn a_worker_is_a_process() {
    if let Ok(job) = std::env::var(JOB) {
        return work(&serde_json::from_str(&job).unwrap());
    }
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let message = scene.approve();
    let process = Process::start(&scene.job("one", &sink));
    sink.wait_for(1);
    process.end();
    assert_eq!(sink.deliveries()[0].message_id, message.id);
    assert_eq!(scene.status(message.id), Status::Sent);
    scene.clear();
}
