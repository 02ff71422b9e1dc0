//! Taking due messages, and what the last check before delivery reads.

use std::collections::BTreeMap;

use crm_core::campaign::Campaign;
use crm_core::change::ChangeSet;
use crm_core::id::{CampaignId, MessageId};
use crm_core::message::Message;
use crm_core::port::store::{Claim, DispatchView};
use crm_core::{Error, Workspace};
use rusqlite::Connection;

use crate::fault::Outcome;
use crate::rows::micros;
use crate::{campaigns, contacts, messages, suppressions, trail};

/// The due messages. They are read beside the writer; what changes before the claim is written has
/// another version then and is not taken.
pub(crate) fn due(connection: &Connection, key: i64, claim: &Claim) -> Outcome<Vec<Message>> {
    let parked = serde_json::to_string(&claim.parked)?;
    let limit = claim.limit.clamp(1, 1_000);
    let now = micros(claim.now);
    messages::due(connection, &claim.workspace, key, now, &parked, limit)
}

/// Decides the claims of due messages. One that cannot be claimed is passed over, so that it does not
/// hold up the others; its error is told too.
pub(crate) fn decide(
    claim: &Claim,
    due: Vec<Message>,
) -> (Vec<Message>, Vec<ChangeSet>, Option<Error>) {
    let mut refused = None;
    let (mut decided, mut sets) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
    for message in due {
        match claim.decide(&message, claim.now) {
            Ok((claimed, set)) => {
                decided.push(claimed);
                sets.push(set);
            }
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    (decided, sets, refused)
}

/// The views of these messages, in the order of the ids.
pub(crate) fn views(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    ids: &[MessageId],
) -> Outcome<Vec<DispatchView>> {
    let mut views = Vec::with_capacity(ids.len());
    // Most messages of a batch belong to few campaigns.
    let mut known: BTreeMap<CampaignId, Option<Campaign>> = BTreeMap::new();
    for id in ids {
        let Some(message) = messages::one(connection, workspace, key, *id)? else {
            continue;
        };
        let Some(contact) = contacts::one(connection, workspace, key, message.contact_id)? else {
            continue;
        };
        let campaign = match message.campaign_id {
            None => None,
            Some(id) => match known.get(&id) {
                Some(campaign) => campaign.clone(),
                None => {
                    let campaign = campaigns::one(connection, workspace, key, id)?;
                    known.insert(id, campaign.clone());
                    campaign
                }
            },
        };
        views.push(DispatchView {
            approval: trail::latest_approval(connection, key, *id)?,
            contact,
            campaign,
            suppressed: suppressions::has(connection, key, &message.channel, &message.recipient)?,
            attempt: trail::attempt_of(connection, key, *id, message.epoch)?,
            message,
        });
    }
    Ok(views)
}
