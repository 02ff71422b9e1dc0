//! Channels, models, subscribers and observers written in JavaScript.

use async_trait::async_trait;
use crm_bindings::{CallError, Plugins};
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Promise};
use napi::threadsafe_function::ThreadsafeFunction;

/// Name of the plugin and its argument as JSON.
pub type Arguments = FnArgs<(String, String)>;

/// The package's dispatcher. Weak: an open engine alone does not keep a script alive.
pub type Invoke = ThreadsafeFunction<Arguments, Promise<String>, Arguments, Status, false, true>;

/// The plugins of one engine.
pub struct NodePlugins {
    invoke: Invoke,
}

impl NodePlugins {
    /// The plugins that `invoke` reaches.
    #[must_use]
    pub fn new(invoke: Invoke) -> Self {
        Self { invoke }
    }
}

#[async_trait]
impl Plugins for NodePlugins {
    async fn call(&self, plugin: &str, request: String) -> Result<String, CallError> {
        let arguments = FnArgs::from((plugin.to_owned(), request));
        // The catching call: the other one ends the process when the function throws. The dispatcher
        // itself never throws, so an error means that the script is going down: it may have begun.
        let promise = self.invoke.call_async_catch(arguments).await;
        match promise {
            Err(error) if error.status == Status::Closing => Err(CallError::NotBegun),
            Err(_) => Err(CallError::Raised),
            Ok(promise) => promise.await.map_err(|_| CallError::Raised),
        }
    }
}
