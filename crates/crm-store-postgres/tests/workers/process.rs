//! A worker as a process of its own: this very program, started again with a job.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crm_core::ErrorKind;
use crm_core::engine::{Engine, Policy};
use crm_core::message::dispatch::RetryPolicy;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::scene::Scene;
use crate::sink::{Sink, ToSink};

/// Holds the job of a process that is to be a worker.
const JOB: &str = "CRM_TEST_WORKER";

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

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        let sent = Command::new("sh")
            .args([
                "-c",
                "kill -CONT \"$1\"",
                "sh",
                &self.child.id().to_string(),
            ])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Tells the worker to stop and waits until it has, in good order.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success(), "{}", self.name);
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
        let store = open(job).await;
        let channel = ToSink::new(&job.sink, job.concurrency, job.freezes);
        let engine = Engine::builder(
            Arc::new(store),
            Arc::new(SystemClock),
            Arc::new(RandomIds::default()),
        )
        .channel("email", Arc::new(channel))
        .policy(Policy {
            retry: RetryPolicy {
                base: chrono::Duration::milliseconds(50),
                ..RetryPolicy::default()
            },
            ..Policy::default()
        })
        .build();
        let options = WorkerOptions {
            name: job.name.clone(),
            lease: chrono::Duration::zero(),
            poll: Duration::from_millis(job.poll_ms),
            ..WorkerOptions::default()
        };
        Worker::new(engine, options).run(stopped).await.unwrap();
    });
}

/// Opens the store; the server may be away just then.
async fn open(job: &Job) -> PgStore {
    loop {
        let options = PgOptions {
            schema: job.schema.clone(),
            connections: 5,
            listen: job.listen,
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
    assert_eq!(scene.status(message.id), crm_core::message::Status::Sent);
    scene.clear();
}
