//! The core of the outreach engine: domain, ports and use cases, without any I/O of its own.

pub mod actor;
pub mod audience;
pub mod campaign;
pub mod change;
pub mod consent;
pub mod contact;
pub mod counter;
pub mod error;
pub mod id;
pub mod message;
pub mod port;
pub mod template;
pub mod zone;

pub use actor::{Action, Actor, Role, Workspace};
pub use error::{Error, ErrorKind, FieldError, Result, Retry};
