//! Taking due messages, and what the last check before delivery reads.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_core::change::ChangeSet;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::Message;
use crm_core::port::store::{Claim, DispatchView};
use crm_core::{Error, Result};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::query::Db;
use crate::require::hash;
use crate::rows::signed;
use crate::{campaigns, contacts, messages, suppressions, trail};

/// What marks the locks of claims among all advisory locks of the database ("crmc").
const CLASS: i32 = 0x6372_6d63;

/// Whether nobody else takes due messages of the workspace now; then nobody will until this transaction
/// ends.
///
/// Passing over rows that are locked does not pass over those that were claimed since our statement began:
/// PostgreSQL locks their new versions, finds that they are not due any more, and keeps the lock until our
/// transaction ends. Whoever claimed them would wait for us to begin.
pub(crate) async fn alone(db: &mut Db<'_>) -> Outcome<bool> {
    let lock = hash(&[db.names.schema(), &db.key.to_string()]).cast_signed();
    Ok(
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, $2)")
            .bind(CLASS)
            .bind(lock)
            .fetch_one(&mut *db.connection)
            .await?,
    )
}

/// Decides the claims of due messages. One that cannot be claimed is passed over, so that it does not
/// hold up the others; its error is told too.
pub(crate) fn decide(
    claim: &Claim,
    due: &[Message],
    now: DateTime<Utc>,
) -> (Vec<Message>, Vec<ChangeSet>, Option<Error>) {
    let mut refused = None;
    let (mut decided, mut sets) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
    for message in due {
        match claim.decide(message, now) {
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

/// The claimed messages among those decided; an error only when there is none.
pub(crate) fn taken(
    decided: Vec<Message>,
    results: Vec<Result<()>>,
    mut refused: Option<Error>,
) -> Result<Vec<Message>> {
    let mut taken = Vec::with_capacity(decided.len());
    for (message, result) in decided.into_iter().zip(results) {
        match result {
            Ok(()) => taken.push(message),
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

/// The views of these messages, in the order of the ids.
pub(crate) async fn views(db: &mut Db<'_>, ids: &[MessageId]) -> Outcome<Vec<DispatchView>> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let found = messages::many(db, &wanted).await?;
    let unique = |mut ids: Vec<Uuid>| {
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let people = unique(found.iter().map(|row| row.contact_id.0).collect());
    let people: Vec<ContactId> = people.into_iter().map(ContactId).collect();
    let of = unique(
        found
            .iter()
            .filter_map(|row| row.campaign_id.map(|id| id.0))
            .collect(),
    );
    let of: Vec<CampaignId> = of.into_iter().map(CampaignId).collect();
    let people: BTreeMap<_, _> = contacts::many(db, &people)
        .await?
        .into_iter()
        .map(|contact| (contact.id, contact))
        .collect();
    let of: BTreeMap<_, _> = campaigns::many(db, &of)
        .await?
        .into_iter()
        .map(|campaign| (campaign.id, campaign))
        .collect();
    let approvals = trail::latest_approvals(db, &wanted).await?;
    let keys: Vec<Uuid> = found.iter().map(|row| row.id.0).collect();
    let epochs: Vec<i64> = found.iter().map(|row| signed(row.epoch)).collect();
    let attempts = trail::attempts_of(db, &keys, &epochs).await?;
    let addresses: Vec<(&str, &str)> = found
        .iter()
        .map(|row| (row.channel.as_str(), row.recipient.as_str()))
        .collect();
    let suppressed = suppressions::suppressed(db, &addresses).await?;
    let messages: BTreeMap<_, _> = found
        .iter()
        .zip(suppressed)
        .map(|(message, suppressed)| (message.id, (message, suppressed)))
        .collect();
    let view = |id: &MessageId| {
        let (message, suppressed) = messages.get(id)?;
        Some(DispatchView {
            approval: approvals.get(id).cloned(),
            contact: people.get(&message.contact_id)?.clone(),
            campaign: message.campaign_id.and_then(|id| of.get(&id).cloned()),
            suppressed: *suppressed,
            attempt: attempts.get(id).cloned(),
            message: (*message).clone(),
        })
    };
    Ok(ids.iter().filter_map(view).collect())
}
