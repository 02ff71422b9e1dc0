//! Ending a hold: what is in doubt is listed as uncertain, then deliveries go on.

use uuid::Uuid;

use super::{Engine, Session, notices};
use crate::actor::{Action, Actor, Workspace};
use crate::change::ChangeSet;
use crate::error::{Error, ErrorKind, Result};
use crate::hold::{Acknowledgement, Hold};
use crate::message::history::Subject;
use crate::message::lifecycle::Event;
use crate::message::{Message, Status, decide};
use crate::port::store::{MessageQuery, PageRequest};
use crate::stamp::Stamp;

/// How many messages are put in doubt by one commit.
const PAGE: u32 = 500;

impl Engine {
    /// Why nothing is sent now, in any workspace; `None` when all is well. See [`hold`](crate::hold).
    ///
    /// # Errors
    /// As the store.
    pub async fn hold(&self) -> Result<Option<Hold>> {
        self.store().hold().await
    }
}

impl Session {
    /// As [`Engine::hold`], for whoever may end it: places are told in words of the store.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; as the store.
    pub async fn hold(&self) -> Result<Option<Hold>> {
        self.require(Action::AcknowledgeHold)?;
        self.store().hold().await
    }

    /// Ends the hold `seen`, in all workspaces: the actor is an operator of the host. With
    /// [`Acknowledgement::Doubt`] whatever is approved or claimed and due by now becomes `uncertain`
    /// first, page by page; returns how many messages that were.
    ///
    /// The hold ends with the last step. When the program is killed before, it stands: call again, and
    /// the rest is done.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; `Invalid` for an empty `reason` or one of more than 300
    /// characters; `Conflict` when the store is not on hold, or on another one by now: look again.
    pub async fn acknowledge_hold(
        &self,
        seen: &Hold,
        how: Acknowledgement,
        reason: &str,
    ) -> Result<u64> {
        self.require(Action::AcknowledgeHold)?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 300 {
            return Err(Error::field("reason", "use 1 to 300 characters"));
        }
        if self.store().hold().await?.as_ref() != Some(seen) {
            return Err(Hold::another());
        }
        let mut workspaces = self.store().workspaces().await?;
        if !workspaces.contains(self.workspace()) {
            workspaces.push(self.workspace().clone());
        }
        let mut suspected = 0;
        if how == Acknowledgement::Doubt {
            for workspace in &workspaces {
                suspected += self.suspect(workspace, seen).await?;
            }
        }
        let (how, what) = (how.as_str(), seen.reason.as_str());
        let mut sets = Vec::with_capacity(workspaces.len());
        for workspace in workspaces {
            let actor = self.in_workspace(&workspace);
            let stamp = self.stamp_of(&actor);
            let mut event = stamp.event(Subject::Dispatch, Uuid::nil(), 1, "hold_acknowledged");
            event.reason = Some(format!("{what}, {how}: {reason}"));
            let mut set = ChangeSet::new(workspace);
            set.event(event);
            sets.push(set);
        }
        let told: Vec<_> = sets.iter().flat_map(notices).collect();
        self.store().lift_hold(seen, sets).await?;
        self.engine.inner.observer.notice(&told);
        Ok(suspected)
    }

    /// Puts everything of a workspace in doubt that may have been sent since the state the store went
    /// back to. While it is on hold nothing new is claimed, so this ends.
    async fn suspect(&self, workspace: &Workspace, seen: &Hold) -> Result<u64> {
        let actor = self.in_workspace(workspace);
        let due = self.store().now(self.engine.now()).await?;
        let mut suspected = 0;
        loop {
            let mut missed = false;
            let mut after = None;
            loop {
                let query = MessageQuery {
                    statuses: vec![Status::Approved, Status::Claimed],
                    page: PageRequest {
                        limit: PAGE,
                        after,
                        oldest_first: true,
                        ..PageRequest::default()
                    },
                    ..MessageQuery::default()
                };
                let page = self.store().messages(workspace, query).await?;
                let stamp = self.stamp_of(&actor);
                let mut sets = Vec::with_capacity(page.items.len());
                let doubtful = |row: &&Message| !row.test_mode && row.not_before <= due;
                for message in page.items.iter().filter(doubtful) {
                    let reason = Some(seen.reason.as_str().to_owned());
                    sets.push(decide::close(message, Event::Suspect, reason, &stamp)?.1);
                }
                for result in self.engine.commit(sets).await? {
                    match result {
                        Ok(()) => suspected += 1,
                        // Somebody was faster: its lease ended, or a person called it off.
                        Err(error) if error.kind() == ErrorKind::Conflict => missed = true,
                        Err(error) => return Err(error),
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if !missed {
                return Ok(suspected);
            }
        }
    }

    /// The actor, at work in another workspace.
    fn in_workspace(&self, workspace: &Workspace) -> Actor {
        Actor {
            workspace: workspace.clone(),
            ..self.actor.clone()
        }
    }

    fn stamp_of<'a>(&'a self, actor: &'a Actor) -> Stamp<'a> {
        Stamp {
            actor,
            ..self.stamp()
        }
    }
}
