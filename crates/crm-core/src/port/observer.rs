//! The observer port: tells the host what was committed, for live screens and metrics.
//!
//! It is told of what this process commits, at once, and what it misses does not come again. For a program that
//! has to hear of everything there is the [subscriber](super::subscriber).

use std::fmt::Debug;

use serde::Serialize;
use uuid::Uuid;

use crate::actor::Workspace;
use crate::message::history::Subject;
use crate::message::lifecycle::Status;

/// Something that was committed. Holds ids and codes only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Tenant.
    pub workspace: Workspace,
    /// Kind of row.
    pub subject: Subject,
    /// Id of the row.
    pub id: Uuid,
    /// What happened.
    pub action: String,
    /// Status after, for a message.
    pub status: Option<Status>,
    /// Version after.
    pub version: u64,
}

/// Is told after each commit, in no particular order between commits. Must return quickly and must not
/// panic; a lost notice loses nothing, since the store has everything.
pub trait Observer: Send + Sync + Debug {
    /// Takes the notices of one commit.
    fn notice(&self, notices: &[Notice]);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notice(&self, _notices: &[Notice]) {}
}
