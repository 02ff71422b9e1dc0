//! One open engine: its runtime, its one worker, its way to close.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crm_core::engine::{Engine, Session};
use crm_core::worker::Worker;
use crm_core::{Actor, Error, ErrorKind};
use futures_util::FutureExt as _;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, RwLockReadGuard, watch};

use crate::database::Closing;
use crate::exports::Exports;
use crate::failure::Failure;
use crate::foreign::{Observing, Plugins};
use crate::options::{Delivery, Opened, Options, Who};
use crate::{input, operations};

/// An engine as one actor uses it. Cheap to clone; the engine is closed by the operation `close`, at the
/// latest when the last handle is gone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    actor: Actor,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle(..)")
    }
}

/// The parts that exist while the engine is open.
pub(crate) struct Open {
    pub(crate) engine: Engine,
    pub(crate) worker: Worker,
    pub(crate) delivery: Delivery,
    pub(crate) exports: Exports,
    observing: Option<Observing>,
    closing: Closing,
}

struct Shared {
    /// The process that opened it. In a forked child its threads do not exist.
    process: u32,
    /// Never `None` before drop.
    runtime: Option<Runtime>,
    /// Operations hold it for reading; closing takes it for writing and so waits for them.
    open: Option<Arc<RwLock<Option<Open>>>>,
    closing: AtomicBool,
    /// Stops the running worker, when there is one.
    stop: Mutex<Option<watch::Sender<bool>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let (runtime, open) = (self.runtime.take(), self.open.take());
        if self.process == std::process::id() {
            drop(open);
            if let Some(runtime) = runtime {
                runtime.shutdown_background();
            }
        } else {
            // Closing would wait for threads that this process never had.
            std::mem::forget((runtime, open));
        }
    }
}

/// What one operation works with.
pub(crate) struct Call<'a> {
    open: RwLockReadGuard<'a, Option<Open>>,
    actor: Actor,
    /// Says when a working operation has to stop; `None` for all others.
    pub(crate) stop: Option<watch::Receiver<bool>>,
}

impl Call<'_> {
    pub(crate) fn open(&self) -> Result<&Open, Failure> {
        self.open.as_ref().ok_or_else(Failure::closed)
    }

    pub(crate) fn session(&self) -> Result<Session, Failure> {
        Ok(self.open()?.engine.act_as(self.actor.clone()))
    }

    pub(crate) const fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Gives the worker's place back, whatever ends it.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&self.0.stop) = None;
    }
}

impl Handle {
    /// Opens the engine that `options` (JSON) describe.
    ///
    /// # Errors
    /// `invalid`, `configuration`; `unavailable` and `corrupt` as the store; `internal`.
    pub fn open(options: &str, plugins: Arc<dyn Plugins>) -> Result<Self, Failure> {
        guarded(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("crm-engine")
                .enable_all()
                .build()
                .map_err(|error| {
                    let detail = format!("no threads can be started ({})", error.kind());
                    Error::new(ErrorKind::Unavailable, detail)
                })?;
            let options: Options = input::read(options)?;
            let Opened {
                engine,
                actor,
                worker,
                closing,
                delivery,
                observing,
            } = options.open(&plugins, &runtime)?;
            let open = Open {
                worker: Worker::new(engine.clone(), worker),
                engine,
                delivery,
                exports: Exports::default(),
                observing,
                closing,
            };
            Ok(Self {
                shared: Arc::new(Shared {
                    process: std::process::id(),
                    runtime: Some(runtime),
                    open: Some(Arc::new(RwLock::new(Some(open)))),
                    closing: AtomicBool::new(false),
                    stop: Mutex::new(None),
                }),
                actor,
            })
        })
    }

    /// The same engine for another actor (`{"actor": .., "role": .., "workspace": ..}`).
    ///
    /// # Errors
    /// `invalid`, `forked`, `closed`.
    pub fn act_as(&self, who: &str) -> Result<Self, Failure> {
        guarded(|| {
            self.usable()?;
            let mut who: Who = input::read(who)?;
            let here = || self.actor.workspace.as_str().to_owned();
            who.workspace.get_or_insert_with(here);
            Ok(Self {
                shared: self.shared.clone(),
                actor: who.actor()?,
            })
        })
    }

    /// Starts an operation; `done` gets its [`envelope`] on a thread that may block.
    ///
    /// `file` is the one argument that is no JSON: the bytes of an import.
    pub fn start(
        &self,
        operation: &str,
        input: &str,
        file: Option<Vec<u8>>,
        done: impl FnOnce(String) + Send + 'static,
    ) {
        if let Err(failure) = self.usable() {
            return done(envelope::<Value>(Err(failure)));
        }
        let Some(runtime) = &self.shared.runtime else {
            return done(envelope::<Value>(Err(Failure::closed())));
        };
        let place = match operation {
            // Here and not in the task, so that a stop right after the start is not lost.
            "run_worker" | "run_until_idle" => match self.take_place() {
                Ok(place) => Some(place),
                Err(failure) => return done(envelope::<Value>(Err(failure))),
            },
            _ => None,
        };
        let (handle, operation, input) = (self.clone(), operation.to_owned(), input.to_owned());
        runtime.spawn(async move {
            let run = AssertUnwindSafe(handle.perform(&operation, &input, file, place));
            let result = run
                .catch_unwind()
                .await
                .unwrap_or_else(|panic: Box<dyn Any + Send>| {
                    drop(panic);
                    Err(Failure::internal())
                });
            let text = envelope(result);
            // Before `done`: nobody should hear of the end while this task keeps the engine.
            drop(handle);
            tokio::task::spawn_blocking(move || done(text));
        });
    }

    /// Lets the running worker finish what is under way and then stop. Does nothing without one.
    ///
    /// # Errors
    /// `forked`.
    pub fn stop_worker(&self) -> Result<(), Failure> {
        if self.shared.process != std::process::id() {
            return Err(Failure::forked());
        }
        if let Some(stop) = &*lock(&self.shared.stop) {
            stop.send_replace(true);
        }
        Ok(())
    }

    fn usable(&self) -> Result<(), Failure> {
        if self.shared.process != std::process::id() {
            Err(Failure::forked())
        } else {
            Ok(())
        }
    }

    fn take_place(&self) -> Result<(Place, watch::Receiver<bool>), Failure> {
        let mut stop = lock(&self.shared.stop);
        if stop.is_some() {
            // Two workers would take each other's deliveries for those of a dead one.
            let message = "the worker of this engine is already running";
            return Err(Error::new(ErrorKind::NotAllowed, message).into());
        }
        let (sender, receiver) = watch::channel(false);
        *stop = Some(sender);
        Ok((Place(self.shared.clone()), receiver))
    }

    async fn perform(
        &self,
        operation: &str,
        input: &str,
        file: Option<Vec<u8>>,
        place: Option<(Place, watch::Receiver<bool>)>,
    ) -> Result<Value, Failure> {
        let Some(open) = &self.shared.open else {
            return Err(Failure::closed());
        };
        if operation == "close" {
            self.shared.closing.store(true, Ordering::SeqCst);
            self.stop_worker()?;
            let mut taken = open.write().await.take();
            let observing = taken.as_mut().and_then(|open| open.observing.take());
            if let Some(open) = &taken {
                open.closing.close().await;
            }
            // The store waits for its writer and closes the file.
            tokio::task::spawn_blocking(move || drop(taken))
                .await
                .map_err(|_| Failure::internal())?;
            if let Some(observing) = observing {
                observing.end().await;
            }
            return Ok(Value::Null);
        }
        if self.shared.closing.load(Ordering::SeqCst) {
            return Err(Failure::closed());
        }
        // Not waiting: a plugin that calls the engine while it closes must not wait for itself.
        let Ok(open) = open.try_read() else {
            return Err(Failure::closed());
        };
        let (place, stop) = place.map_or((None, None), |(place, stop)| (Some(place), Some(stop)));
        let call = Call {
            open,
            actor: self.actor.clone(),
            stop,
        };
        let result = operations::perform(&call, operation, input, file).await;
        drop(place);
        result
    }
}

/// What crosses into the other language: `{"ok": value}` or `{"error": failure}`.
pub fn envelope<T: Serialize>(result: Result<T, Failure>) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Envelope<T> {
        Ok(T),
        Error(Failure),
    }
    let envelope = match result {
        Ok(value) => Envelope::Ok(value),
        Err(failure) => Envelope::Error(failure),
    };
    serde_json::to_string(&envelope).unwrap_or_else(|_| {
        r#"{"error":{"code":"internal","message":"the answer is no JSON","retryable":false,"fields":[]}}"#
            .to_owned()
    })
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Failure::internal()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Everything behind these locks is written in one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
