//! Channels, models, subscribers and observers written in Python.
//!
//! The package's dispatcher, in Python, knows the plugins and runs them: coroutines on an event loop,
//! plain functions on threads of their own. It returns at once; the answer comes through a [`Reply`]. The
//! GIL is only ever taken on threads that may block, so a busy interpreter holds up no other work.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use crm_bindings::{CallError, Plugins};
use pyo3::prelude::*;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

type Answer = Result<String, CallError>;

/// Where a plugin's answer goes. The first one counts.
#[pyclass(frozen, module = "crm_engine._native")]
pub(crate) struct Reply {
    sender: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Reply {
    fn give(&self, answer: Answer) {
        let sender = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sender) = sender {
            // Nobody waits any more after a timeout.
            let _ = sender.send(answer);
        }
    }
}

#[pymethods]
impl Reply {
    /// The plugin returned this (JSON).
    fn answered(&self, text: String) {
        self.give(Ok(text));
    }

    /// The plugin raised.
    fn raised(&self) {
        self.give(Err(CallError::Raised));
    }
}

/// The dispatcher.
pub(crate) struct PyPlugins {
    invoke: Arc<Py<PyAny>>,
}

impl PyPlugins {
    pub(crate) fn new(invoke: Py<PyAny>) -> Self {
        Self {
            invoke: Arc::new(invoke),
        }
    }
}

/// How a call can be cancelled.
#[derive(Default)]
enum Cancel {
    /// The plugin is not started yet.
    #[default]
    Starting,
    /// It runs; this cancels it.
    Running(Option<Py<PyAny>>),
    /// It ended.
    Ended,
    /// It was given up.
    GivenUp,
}

/// Cancels the plugin when the engine stops waiting for it.
struct Guard(Arc<Mutex<Cancel>>);

impl Guard {
    fn set(&self, next: Cancel) -> Cancel {
        swap(&self.0, next)
    }
}

fn swap(state: &Mutex<Cancel>, next: Cancel) -> Cancel {
    std::mem::replace(
        &mut *state.lock().unwrap_or_else(PoisonError::into_inner),
        next,
    )
}

impl Drop for Guard {
    fn drop(&mut self) {
        let before = self.set(Cancel::GivenUp);
        if let Cancel::Running(Some(cancel)) = before {
            let call = move || {
                let _ = Python::try_attach(|py| cancel.call0(py).is_ok());
            };
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(call)),
                Err(_) => drop(std::thread::spawn(call)),
            }
        }
    }
}

#[async_trait]
impl Plugins for PyPlugins {
    async fn call(&self, plugin: &str, request: String) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let (invoke, plugin) = (self.invoke.clone(), plugin.to_owned());
        let guard = Guard(Arc::default());
        let state = guard.0.clone();
        let started = spawn_blocking(move || start(&invoke, &plugin, &request, sender, &state));
        if !matches!(started.await, Ok(true)) {
            guard.set(Cancel::Ended);
            return Err(CallError::NotBegun);
        }
        // A reply that was dropped unanswered (a thread that died) counts as raised.
        let answer = receiver.await.unwrap_or(Err(CallError::Raised));
        guard.set(Cancel::Ended);
        answer
    }
}

/// Starts the plugin; false when not a line of it ran.
fn start(
    invoke: &Py<PyAny>,
    plugin: &str,
    request: &str,
    sender: oneshot::Sender<Answer>,
    state: &Mutex<Cancel>,
) -> bool {
    let started = Python::try_attach(|py| {
        if matches!(
            *state.lock().unwrap_or_else(PoisonError::into_inner),
            Cancel::GivenUp
        ) {
            return false;
        }
        let sender = Mutex::new(Some(sender));
        let Ok(reply) = Py::new(py, Reply { sender }) else {
            return false;
        };
        let Ok(cancel) = invoke.call1(py, (plugin, request, reply)) else {
            return false;
        };
        let cancel = (!cancel.is_none(py)).then_some(cancel);
        let again = cancel.as_ref().map(|cancel| cancel.clone_ref(py));
        // Given up while it was being started: cancel it here, the guard found nothing to cancel.
        if matches!(swap(state, Cancel::Running(cancel)), Cancel::GivenUp)
            && let Some(cancel) = again
        {
            let _ = cancel.call0(py);
        }
        true
    });
    started.unwrap_or(false)
}
