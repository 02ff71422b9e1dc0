//! The engine handle as JavaScript holds it.

use std::sync::Arc;

use crm_bindings::{Failure, Handle, OPERATIONS, envelope};
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;
use tokio::sync::oneshot;

use crate::plugins::{Invoke, NodePlugins};

/// An open engine, or the envelope of why there is none. Every answer is an envelope:
/// `{"ok": ..}` or `{"error": ..}` as text.
#[napi]
pub struct Native {
    opened: std::result::Result<Handle, Failure>,
}

#[napi]
impl Native {
    /// Whether it opened.
    #[napi(catch_unwind)]
    pub fn opened(&self) -> String {
        envelope(self.opened.as_ref().map(|_| ()).map_err(Clone::clone))
    }

    /// The same engine for another actor.
    #[napi(catch_unwind)]
    pub fn act_as(&self, who: String) -> Native {
        let opened = self.opened.clone().and_then(|handle| handle.act_as(&who));
        Native { opened }
    }

    /// Starts an operation; resolves to its envelope.
    #[napi(catch_unwind)]
    pub fn start<'env>(
        &self,
        env: &'env Env,
        operation: String,
        input: String,
        file: Option<Uint8Array>,
    ) -> Result<PromiseRaw<'env, String>> {
        let (sender, receiver) = oneshot::channel();
        // Copied now: the script may go on and change the bytes.
        let file = file.map(|bytes| bytes.to_vec());
        let done = move |text| drop(sender.send(text));
        match &self.opened {
            Ok(handle) => handle.start(&operation, &input, file, done),
            Err(failure) => done(envelope::<()>(Err(failure.clone()))),
        }
        env.spawn_future(async move { Ok(receiver.await.unwrap_or_else(|_| internal())) })
    }

    /// Lets the running worker finish what is under way and stop.
    #[napi(catch_unwind)]
    pub fn stop_worker(&self) -> String {
        let handle = self.opened.clone();
        envelope(handle.and_then(|handle| handle.stop_worker()))
    }
}

/// Opens an engine. `invoke(plugin, request)` runs a plugin's method and resolves to its answer.
#[napi(catch_unwind)]
pub fn open(env: &Env, options: String, invoke: Invoke) -> Result<PromiseRaw<'_, Native>> {
    let (sender, receiver) = oneshot::channel();
    let plugins = Arc::new(NodePlugins::new(invoke));
    // Opening touches the disk: not on the script's own thread.
    let open = move || drop(sender.send(Handle::open(&options, plugins)));
    let started = std::thread::Builder::new().spawn(open);
    env.spawn_future(async move {
        let failed = || Err(Failure::internal());
        let opened = match started {
            Ok(_) => receiver.await.unwrap_or_else(|_| failed()),
            Err(_) => failed(),
        };
        Ok(Native { opened })
    })
}

/// The operations, for the test that compares the surfaces.
#[napi(catch_unwind)]
pub fn operations() -> Vec<String> {
    OPERATIONS.iter().map(|name| (*name).to_owned()).collect()
}

fn internal() -> String {
    envelope::<()>(Err(Failure::internal()))
}
