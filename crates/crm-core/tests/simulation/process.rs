//! A worker's process: it can be killed between any two steps, stand still for a while, be told to stop, and
//! comes back under another name and with another idea of the time.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use crm_core::engine::Engine;
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

/// Until when a process stands still.
type Gate = Arc<Mutex<Option<Instant>>>;

/// Takes no step while its gate is closed, whatever happens meanwhile.
struct Freezing<F> {
    inner: Pin<Box<F>>,
    gate: Gate,
    thaw: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Future for Freezing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let until = *self.gate.lock().unwrap();
        if let Some(until) = until {
            if Instant::now() < until {
                let thaw = self.thaw.insert(Box::pin(sleep_until(until)));
                if thaw.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            *self.gate.lock().unwrap() = None;
            self.thaw = None;
        }
        self.inner.as_mut().poll(context)
    }
}

/// How the workers of a life are set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) batch: u32,
    pub(crate) poll: Duration,
    pub(crate) margin: chrono::Duration,
}

pub(crate) struct Process {
    place: usize,
    generation: usize,
    running: JoinHandle<()>,
    gate: Gate,
    stop: watch::Sender<bool>,
}

impl Process {
    pub(crate) fn start(place: usize, generation: usize, engine: &Engine, setup: &Setup) -> Self {
        let (stop, stopped) = watch::channel(false);
        let gate = Gate::default();
        let options = WorkerOptions {
            name: name(place, generation),
            batch: setup.batch,
            plan_page: setup.batch,
            drafts: 16,
            lease: chrono::Duration::zero(),
            late_after: chrono::Duration::days(3),
            margin: setup.margin,
            poll: setup.poll,
            grace: Duration::from_secs(3),
        };
        let worker = Worker::new(engine.clone(), options);
        let again = setup.poll;
        let work = async move {
            // A store that is away at the start: whoever supervises it starts it again.
            while worker.run(stopped.clone()).await.is_err() && !*stopped.borrow() {
                tokio::time::sleep(again).await;
            }
        };
        let running = tokio::spawn(Freezing {
            inner: Box::pin(work),
            gate: gate.clone(),
            thaw: None,
        });
        Self {
            place,
            generation,
            running,
            gate,
            stop,
        }
    }

    /// Ends it where it stands; another one takes its place. Whether it had not panicked before.
    pub(crate) async fn kill(
        &mut self,
        engine: &Engine,
        setup: &Setup,
        killed: &mut BTreeSet<String>,
    ) -> bool {
        killed.insert(name(self.place, self.generation));
        self.running.abort();
        // What it held is gone when this returns.
        let ended = (&mut self.running).await;
        *self = Self::start(self.place, self.generation + 1, engine, setup);
        !ended.is_err_and(|error| error.is_panic())
    }

    /// Lets it end in order; another one takes its place at once, or `alone` when it has ended.
    pub(crate) async fn replace(
        &mut self,
        engine: &Engine,
        setup: &Setup,
        alone: bool,
    ) -> JoinHandle<()> {
        self.stop.send_replace(true);
        // One that never ends is found at the end.
        for _ in 0..100 {
            if !alone || self.running.is_finished() {
                break;
            }
            tokio::time::sleep(setup.poll).await;
        }
        let next = Self::start(self.place, self.generation + 1, engine, setup);
        std::mem::replace(self, next).running
    }

    pub(crate) fn freeze(&self, time: Duration) {
        *self.gate.lock().unwrap() = Some(Instant::now() + time);
    }

    /// Lets it end in order; done when it has.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.stop.send_replace(true);
        self.running
    }
}

fn name(place: usize, generation: usize) -> String {
    format!("worker-{place}-{generation}")
}
