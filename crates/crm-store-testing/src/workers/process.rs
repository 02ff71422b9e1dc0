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
use crm_core::port::store::{MessageQuery, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::failpoint::{Failpoint, signal};
use super::sink::ToSink;
use super::{A_WORKER, Place};
use crate::crash::{CrashingStore, Point};

/// Holds the job of a process that is to be a worker.
const JOB: &str = "CRM_TEST_WORKER";

/// What a process does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
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
pub struct Job<P> {
    /// Its name, as leases and attempts have it.
    pub name: String,
    /// Where the database is.
    pub place: P,
    /// Where the [`Sink`](super::sink::Sink) listens.
    pub sink: PathBuf,
    /// How often it looks by itself.
    pub poll_ms: u64,
    /// Deliveries under way at once.
    pub concurrency: usize,
    /// What it does.
    pub task: Task,
    /// Where it is killed or frozen.
    pub fails: Option<Failpoint>,
    /// Messages claimed at once.
    pub batch: u32,
    /// How long a delivery may take. Leases last twice that and the margin.
    pub timeout_ms: u64,
    /// See [`WorkerOptions::margin`].
    pub margin_ms: i64,
}

/// A running worker; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    /// As its job has it.
    pub name: String,
    child: Child,
    failpoint: Option<Failpoint>,
}

impl Process {
    /// Starts this program as the worker of a job.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start<P: Place>(job: &Job<P>) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), job)
    }

    /// As [`start`](Self::start), by a command that runs what it is given: this program and its arguments.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start_within<P: Place>(mut command: Command, job: &Job<P>) -> Self {
        command.arg(std::env::current_exe().unwrap());
        Self::start_by(command, job)
    }

    fn start_by<P: Place>(mut command: Command, job: &Job<P>) -> Self {
        let child = command
            .args(["--exact", A_WORKER, "--nocapture"])
            .env(JOB, serde_json::to_string(job).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self {
            name: job.name.clone(),
            child: child.unwrap(),
            failpoint: job.fails.clone(),
        }
    }

    /// SIGKILL: the process cannot catch it. Afterwards it is gone.
    ///
    /// # Panics
    /// It had ended by itself.
    pub fn kill(mut self) {
        let name = &self.name;
        assert_eq!(self.child.try_wait().unwrap(), None, "{name} ended");
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }

    /// Whether it was killed, which is all it may end of by itself.
    ///
    /// # Panics
    /// It ended of something else.
    pub fn was_killed(&mut self) -> bool {
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
    ///
    /// # Panics
    /// The system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Which signal it ended of; `None` while it lives, and if it ended otherwise.
    ///
    /// # Panics
    /// The system does not say.
    pub fn ended_of(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap()?.signal()
    }

    /// SIGSTOP: the process cannot catch it either. On Linux, which tells, nothing of it runs afterwards.
    pub fn freeze(&self) {
        signal("STOP", self.child.id());
        while cfg!(target_os = "linux") && !self.stands_still() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether all its threads are stopped.
    fn stands_still(&self) -> bool {
        let threads = format!("/proc/{}/task", self.child.id());
        std::fs::read_dir(threads).unwrap().all(|thread| {
            // One that has ended meanwhile runs no more, either.
            let line = std::fs::read_to_string(thread.unwrap().path().join("stat"));
            line.ok().is_none_or(|line| {
                let state = line.rsplit_once(") ").unwrap().1;
                state.starts_with(['T', 'Z', 'X'])
            })
        })
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        if let Some(failpoint) = &self.failpoint {
            failpoint.release();
        }
        signal("CONT", self.child.id());
    }

    /// Waits until it has ended by itself, in good order.
    ///
    /// # Panics
    /// It ended otherwise.
    pub fn ends(mut self) {
        self.wait();
    }

    /// Tells the worker to stop and waits until it has, in good order.
    ///
    /// # Panics
    /// It ended otherwise.
    pub fn end(mut self) {
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

/// Whether this process was started with a job. Then it was done.
///
/// # Panics
/// The job went wrong.
#[must_use]
pub fn work_if_told<P: Place>() -> bool {
    let Ok(job) = std::env::var(JOB) else {
        return false;
    };
    work::<P>(&serde_json::from_str(&job).unwrap());
    true
}

/// Works until its input ends: when it is told to stop, or whoever started it is gone.
fn work<P: Place>(job: &Job<P>) {
    let (stop, stopped) = watch::channel(false);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.send_replace(true);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let store = Arc::new(failing(job, Arc::new(open(job).await)));
        let reached = Arc::clone(&store);
        let channel = ToSink::new(&job.sink, job.concurrency)
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
                if gets_its_turn(&worker, &stopped).await {
                    worker.run(stopped).await.unwrap();
                }
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

/// Waits for its turn where one worker delivers at a time. Whether it came before the worker was stopped.
async fn gets_its_turn(worker: &Worker, stopped: &watch::Receiver<bool>) -> bool {
    while !told(worker.start().await) {
        if *stopped.borrow() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

fn options<P>(job: &Job<P>) -> WorkerOptions {
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
fn failing<P>(job: &Job<P>, store: Arc<dyn Store>) -> CrashingStore {
    let mut store = CrashingStore::over(store);
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

/// Opens the store; it may be away just then.
async fn open<P: Place>(job: &Job<P>) -> P::Store {
    loop {
        match job.place.open().await {
            Ok(store) => return store,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{}: {error}", job.name),
        }
    }
}
