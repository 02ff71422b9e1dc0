//! A throw-away PostgreSQL server for tests: started in a private folder, gone with the process that
//! started it, however that process ends.
//!
//! [`shared`] is what most tests want: the server named by `DATABASE_URL`, or one of this process. A test
//! that restarts its server, fills its disk or needs `fsync` starts a [`Server`] of its own; a second one can
//! be its copy, its backup or its standby. Statements are the caller's work: this crate uses the standard library alone and hands out URLs.
//!
//! ```
//! # #[cfg(unix)] {
//! use crm_postgres_testing::{Server, ServerOptions};
//!
//! # fn main() -> Result<(), String> {
//! let server = Server::start(ServerOptions { fsync: false, ..ServerOptions::default() })?;
//! assert!(server.url("postgres").starts_with("postgres://crm@localhost:5432/postgres?host="));
//! # Ok(()) }
//! # main().unwrap();
//! # }
//! ```

mod binaries;
mod shared;

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod url;

pub use binaries::{Binaries, MINIMUM};
#[cfg(unix)]
pub use options::{Mode, ServerOptions};
#[cfg(unix)]
pub use server::Server;
pub use shared::shared;
