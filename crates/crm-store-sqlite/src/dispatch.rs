//! Taking due messages, and what the last check before delivery reads.

use std::collections::BTreeMap;

use crm_core::campaign::Campaign;
use crm_core::id::{CampaignId, MessageId};
use crm_core::message::Message;
use crm_core::port::store::{Claim, DispatchView};
use crm_core::{Result, Workspace};
use rusqlite::Connection;

use crate::apply::apply;
use crate::fault::{Fault, Outcome};
use crate::query::workspace;
use crate::rows::micros;
use crate::writer::Batch;
use crate::{campaigns, contacts, messages, suppressions, trail};

/// Takes due messages. One that cannot be claimed is passed over, so that it does not hold up the
/// others; its error is told when nothing else was there.
pub(crate) fn claim(batch: &mut Batch<'_>, claim: &Claim) -> Result<Vec<Message>> {
    let due = due(batch.connection, claim)?;
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
    let mut taken = Vec::with_capacity(decided.len());
    for (claimed, result) in decided.into_iter().zip(apply(batch, &sets)) {
        match result {
            Ok(()) => taken.push(claimed),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    match refused {
        Some(error) if taken.is_empty() => Err(error),
        _ => Ok(taken),
    }
}

fn due(connection: &Connection, claim: &Claim) -> Result<Vec<Message>, Fault> {
    let Some(key) = workspace(connection, claim.workspace.as_str())? else {
        return Ok(Vec::new());
    };
    let parked = serde_json::to_string(&claim.parked)?;
    let limit = claim.limit.clamp(1, 1_000);
    messages::due(
        connection,
        &claim.workspace,
        key,
        micros(claim.now),
        &parked,
        limit,
    )
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
