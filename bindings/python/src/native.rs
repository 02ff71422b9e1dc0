//! The engine handle as Python holds it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crm_bindings::{Failure, Handle, envelope};
use pyo3::prelude::*;

use crate::plugins::PyPlugins;

/// How often a waiting call looks for signals such as Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(50);

/// An open engine. Every answer is an envelope: `{"ok": ..}` or `{"error": ..}` as text.
#[pyclass(frozen, module = "crm_engine._native")]
pub(crate) struct Native {
    handle: Handle,
}

/// The result of opening: the engine, or nothing and the envelope of the error.
type Opened = (Option<Native>, String);

fn opened(result: Result<Handle, Failure>) -> Opened {
    match result {
        Ok(handle) => (Some(Native { handle }), envelope(Ok(()))),
        Err(failure) => (None, envelope::<()>(Err(failure))),
    }
}

/// Runs an entry; a panic becomes the envelope of `internal`.
fn guarded(work: impl FnOnce() -> String) -> String {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| internal())
}

fn internal() -> String {
    envelope::<()>(Err(Failure::internal()))
}

#[pymethods]
impl Native {
    /// Opens an engine. `invoke(plugin, request, reply)` starts a plugin's method and returns a function
    /// that cancels it, or `None`.
    #[staticmethod]
    fn open(py: Python<'_>, options: &str, invoke: Py<PyAny>) -> Opened {
        let plugins = Arc::new(PyPlugins::new(invoke));
        py.detach(|| opened(Handle::open(options, plugins)))
    }

    /// The same engine for another actor.
    fn act_as(&self, who: &str) -> Opened {
        opened(self.handle.act_as(who))
    }

    /// Starts an operation; `done(envelope)` is called on another thread.
    fn start(&self, operation: &str, input: &str, file: Option<&[u8]>, done: Py<PyAny>) {
        let file = file.map(<[u8]>::to_vec);
        let done = move |text: String| {
            // Nobody listens any more when Python is going down or the event loop was closed.
            let _ = Python::try_attach(|py| done.call1(py, (text,)).is_ok());
        };
        let start = AssertUnwindSafe(|| self.handle.start(operation, input, file, done));
        // A panic here drops `done`; the caller's future then never ends, but nothing here panics.
        let _ = catch_unwind(start);
    }

    /// Runs an operation to its end and releases the GIL meanwhile. Ctrl-C stops a working operation
    /// gracefully first; the second one returns at once.
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        input: &str,
        file: Option<&[u8]>,
    ) -> PyResult<String> {
        let (sender, mut receiver) = mpsc::channel();
        let file = file.map(<[u8]>::to_vec);
        let done = move |text| drop(sender.send(text));
        self.handle.start(operation, input, file, done);
        let working = matches!(operation, "run_worker" | "run_until_idle");
        let mut interrupted: Option<PyErr> = None;
        loop {
            let (back, got) = py.detach(move || {
                let got = receiver.recv_timeout(SIGNALS);
                (receiver, got)
            });
            receiver = back;
            match (got, interrupted.take()) {
                (Ok(_), Some(error)) => return Err(error),
                (Ok(text), None) => return Ok(text),
                (Err(RecvTimeoutError::Disconnected), _) => return Ok(internal()),
                (Err(RecvTimeoutError::Timeout), before) => {
                    let signal = py.check_signals().err();
                    if before.is_none() && signal.is_some() && working {
                        // Cannot fail: a forked child got its answer at the start.
                        let _ = self.handle.stop_worker();
                        interrupted = signal;
                    } else if let Some(error) = signal {
                        return Err(error);
                    } else {
                        interrupted = before;
                    }
                }
            }
        }
    }

    /// Lets the running worker finish what is under way and stop.
    fn stop_worker(&self) -> String {
        guarded(|| envelope(self.handle.stop_worker()))
    }

    /// Closes and waits for at most `seconds`; for the end of the interpreter.
    fn close_at_exit(&self, py: Python<'_>, seconds: f64) {
        let (sender, receiver) = mpsc::channel();
        let done = move |text: String| drop(sender.send(text));
        self.handle.start("close", "{}", None, done);
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let until = Instant::now() + wait;
        py.detach(move || {
            let _ = receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
        });
    }
}
