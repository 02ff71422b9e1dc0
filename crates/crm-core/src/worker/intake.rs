//! Working off what the host put into its intake.

use super::Worker;
use crate::actor::Workspace;
use crate::error::Result;

/// Rows worked off in one round.
const PAGE: u32 = 500;

impl Worker {
    /// Works off a page of waiting rows; how many were settled.
    pub(super) async fn drain(&self, workspace: &Workspace) -> Result<u64> {
        let done = self.engine.drain_intake(workspace, PAGE).await?;
        if done.rejected > 0 {
            tracing::warn!(workspace = %workspace, rows = done.rejected,
                "rows of the intake were rejected; they say why");
        }
        Ok(done.settled())
    }
}
