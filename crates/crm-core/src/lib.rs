//! The core of the outreach engine: domain, ports and use cases, without any I/O of its own.

pub mod actor;
pub mod audience;
pub mod campaign;
pub mod change;
pub mod consent;
pub mod contact;
pub mod counter;
pub mod engine;
pub mod error;
pub mod generation;
pub mod id;
pub mod memory;
pub mod message;
pub mod port;
pub mod stamp;
#[cfg(feature = "worker")]
pub mod system;
pub mod template;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "worker")]
pub mod worker;
pub mod zone;

pub use actor::{Action, Actor, Role, Workspace};
pub use error::{Error, ErrorKind, FieldError, Result, Retry};
