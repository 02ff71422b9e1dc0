//! A commit of begun attempts that nobody answered: the attempts may be there, and nothing of them left.
//!
//! They do not leave even when they are found. What one server shows may not have reached the standby
//! that replaces it; there the message would be claimed and not begun, and leave a second time. But that
//! nothing left is certain. It is recorded, by attempt, and the message waits for its next attempt instead
//! of for somebody to settle a doubt that is none.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::error::{ErrorKind, Result};
use crate::message::{Attempt, dispatch};
use crate::port::channel::{Outcome, RetryScope};

impl Worker {
    /// Records of each attempt that is there that it never left. One that is not there leaves its message
    /// claimed: the lease gives it back. While the store does not answer it is asked again, `until` the
    /// leases near their end; then the sweep calls uncertain what was begun.
    pub(super) async fn never_left(
        &self,
        attempts: Vec<(Workspace, Attempt)>,
        until: Option<Instant>,
    ) -> Result<()> {
        let mut by_workspace: BTreeMap<Workspace, Vec<Attempt>> = BTreeMap::new();
        for (workspace, attempt) in attempts {
            by_workspace.entry(workspace).or_default().push(attempt);
        }
        for (workspace, attempts) in by_workspace {
            loop {
                match self.record_unsent(&workspace, &attempts).await {
                    Err(error)
                        if error.kind() == ErrorKind::Unavailable
                            && until.is_some_and(|until| Instant::now() < until) =>
                    {
                        tokio::time::sleep(self.options.poll).await;
                    }
                    done => break done?,
                }
            }
        }
        Ok(())
    }

    async fn record_unsent(&self, workspace: &Workspace, attempts: &[Attempt]) -> Result<()> {
        let ids: Vec<_> = attempts.iter().map(|attempt| attempt.message_id).collect();
        let views = self.engine.store().dispatch(workspace, &ids).await?;
        let outcome = Outcome::RetryAfter {
            // Nothing of this message was tried: its attempts are not used up by a store that does not answer.
            scope: RetryScope::Channel,
            at_least: Duration::ZERO,
            reason: "begin_unanswered".to_owned(),
        };
        let policy = self.engine.policy().retry;
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::with_capacity(views.len());
        for view in views {
            let ours = |open: &Attempt| attempts.iter().any(|attempt| attempt.id == open.id);
            let open = view.attempt.filter(|open| open.finished_at.is_none());
            if let Some(open) = open.filter(ours) {
                sets.push(dispatch::record(&view.message, &open, &outcome, policy, &stamp)?.1);
            }
        }
        // A conflict: the sweep was faster.
        self.commit(sets).await.map(|_| ())
    }
}
