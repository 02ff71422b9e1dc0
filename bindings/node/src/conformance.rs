//! The core's conformance suites, for adapters written in JavaScript (feature `testing` alone).

use std::sync::Arc;

use crm_bindings::{Failure, envelope};
use napi::bindgen_prelude::PromiseRaw;
use napi::{Env, Result};
use napi_derive::napi;
use tokio::sync::oneshot;

use crate::plugins::{Invoke, NodePlugins};

/// Runs a suite; resolves to the envelope of its cases.
#[napi(catch_unwind)]
pub fn conformance(env: &Env, wanted: String, invoke: Invoke) -> Result<PromiseRaw<'_, String>> {
    let (sender, receiver) = oneshot::channel();
    let plugins = Arc::new(NodePlugins::new(invoke));
    let run = move || {
        let cases = crm_bindings::testing::conformance(&wanted, plugins);
        drop(sender.send(envelope(cases)));
    };
    drop(std::thread::spawn(run));
    env.spawn_future(async move {
        let failed = || envelope::<()>(Err(Failure::internal()));
        Ok(receiver.await.unwrap_or_else(|_| failed()))
    })
}
