//! What the bindings for other languages share, once.
//!
//! A binding is thin: it opens a [`Handle`], hands operations to it as a name and JSON, and turns the
//! JSON that comes back into its language's values and errors. Channels, models and subscribers written in
//! that language come in through [`Plugins`]. Every rule is the engine's; nothing here decides anything.

mod audiences;
mod budgets;
mod bulk;
mod campaigns;
mod channels;
mod database;
mod exports;
mod failure;
mod fields;
mod foreign;
mod handle;
mod input;
mod news;
mod operations;
mod options;
mod query;
mod receipts;
mod subscriptions;
#[cfg(feature = "testing")]
pub mod testing;
mod unsubscribe;
pub mod view;

pub use failure::Failure;
pub use foreign::{
    CallError, Calls, ForeignChannel, ForeignLlm, ForeignSubscriber, Plugins, SubscriberOptions,
};
pub use handle::{Handle, envelope};
pub use operations::OPERATIONS;
pub use options::{Capabilities, LlmOptions, Method, RateLimit};
