//! Channels, models, subscribers and observers written in the host's language.
//!
//! Whatever such code does (raises, hangs, answers nonsense, calls the engine again), the port's
//! contract holds: a channel's outcome is unknown once its code may have begun, a model's failure is a
//! failure with a code, and a subscriber is told again until it says that it has taken it.

mod after;
mod channel;
mod llm;
mod observer;
mod subscriber;

use async_trait::async_trait;

pub use channel::ForeignChannel;
pub use llm::ForeignLlm;
pub(crate) use observer::Observing;
pub use subscriber::{Calls, ForeignSubscriber, SubscriberOptions};

/// Why a plugin gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// Its code did not begin: provably nothing happened.
    NotBegun,
    /// Its code began and raised.
    Raised,
}

/// The code of the host's language, reached by name with JSON.
///
/// # What an implementer must guarantee
/// - `NotBegun` only when not a single line of the plugin ran.
/// - Dropping the future cancels the call as far as the language can.
/// - Calls run concurrently; a slow one holds no other and blocks no thread of the runtime.
/// - No panic leaves it.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Calls `plugin` and returns its JSON answer: a channel's name, `NAME/METHOD` for another method of it
    /// than `send`, `llm`, `subscriber:NAME`, `observer:notice` or `observer:lagged`.
    async fn call(&self, plugin: &str, request: String) -> Result<String, CallError>;
}

/// A reason goes into the history for good: only a short code may, never a provider's own text.
pub(crate) fn code(reason: Option<String>) -> String {
    let fine = |reason: &String| {
        (1..=64).contains(&reason.len())
            && reason
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
    };
    match reason {
        Some(reason) if fine(&reason) => reason,
        Some(_) => "reason_is_no_code".to_owned(),
        None => "no_reason".to_owned(),
    }
}
