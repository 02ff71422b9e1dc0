//! Calls off what a cancelled campaign had written and not sent.
//!
//! Cancelling a campaign is one commit, whatever its size; nothing of it is planned, drafted or sent
//! after that. Its open messages follow here, page by page, so that none waits for ever.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use uuid::Uuid;

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::campaign::CampaignStatus;
use crate::error::Result;
use crate::id::CampaignId;
use crate::message::lifecycle::Event;
use crate::message::{Status, decide};
use crate::port::store::{CampaignQuery, MessageQuery, PageRequest};

/// What can still be called off. A message that is claimed is stopped by the check before delivery.
const OPEN: [Status; 3] = [Status::Draft, Status::PendingApproval, Status::Approved];

/// How far a cancelled campaign's messages were called off. Kept in memory: after a restart a campaign
/// that still has open messages is walked once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recall {
    /// Everything up to this message.
    Behind(Uuid),
    /// All of them.
    Done,
}

impl Worker {
    /// Cancels one page of open messages of each cancelled campaign. Returns how many messages it has
    /// gone through.
    pub(super) async fn recall(&self, workspace: &Workspace) -> Result<u64> {
        let mut seen = 0;
        let mut after = None;
        loop {
            let query = CampaignQuery {
                statuses: vec![CampaignStatus::Cancelled],
                page: PageRequest {
                    limit: 1_000,
                    after,
                    ..PageRequest::default()
                },
                ..CampaignQuery::default()
            };
            let page = self.engine.store().campaigns(workspace, query).await?;
            for campaign in &page.items {
                seen += self.recall_page(workspace, campaign.id).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(seen);
            }
        }
    }

    async fn recall_page(&self, workspace: &Workspace, campaign: CampaignId) -> Result<u64> {
        let behind = match self.recalled().get(&campaign) {
            Some(Recall::Done) => return Ok(0),
            Some(Recall::Behind(id)) => Some(*id),
            None => None,
        };
        let query = MessageQuery {
            statuses: OPEN.to_vec(),
            campaign_id: Some(campaign),
            page: PageRequest {
                limit: 500,
                after: behind,
                oldest_first: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let open = self.engine.store().messages(workspace, query).await?;
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut sets = Vec::with_capacity(open.items.len());
        for message in &open.items {
            let reason = Some("campaign_cancelled".to_owned());
            sets.push(decide::close(message, Event::Cancel, reason, &stamp)?.1);
        }
        let count = sets.len() as u64;
        // A message that somebody changed at the same instant is met again in the next round.
        if self.commit(sets).await? == count {
            let state = open.next.map_or(Recall::Done, Recall::Behind);
            self.recalled().insert(campaign, state);
        }
        Ok(open.items.len() as u64)
    }

    fn recalled(&self) -> MutexGuard<'_, BTreeMap<CampaignId, Recall>> {
        // A poisoned lock still holds a usable map: it is written in one call.
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
