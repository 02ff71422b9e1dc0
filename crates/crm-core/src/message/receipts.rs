//! What a receipt does to its message. Pure; [`rules::receipt`] is the table.

use super::decide::step;
use super::dispatch::{dead, late};
use super::lifecycle::Event;
use super::rules::{self, Heard, Whose};
use super::{Attempt, Message, Status};
use crate::change::{Change, ChangeSet};
use crate::error::Result;
use crate::port::callback::Fate;
use crate::port::channel::Outcome;
use crate::receipt::KeptReceipt;
use crate::stamp::Stamp;

/// Decides on a receipt about `attempt` of `message`: the set moves the message, if the receipt says something
/// new, and settles the receipt, both or neither. `None` while the attempt's own answer is still awaited.
///
/// What is said of an attempt nobody waits for any more is kept in the history, as a late answer is.
///
/// # Errors
/// None in practice; `NotAllowed` would mean a hole in the lifecycle table.
pub fn settle(
    message: &Message,
    attempt: &Attempt,
    kept: &KeptReceipt,
    stamp: &Stamp<'_>,
) -> Result<Option<ChangeSet>> {
    let fate = &kept.receipt.fate;
    let whose = Whose::of(message, attempt);
    let mut set = match rules::receipt(message.status, whose, attempt.repeats, fate) {
        // A deleted message takes no step; what is said of it is settled all the same.
        Heard::Wait if !message.deleted => return Ok(None),
        Heard::Steps(events) if !message.deleted => steps(message, kept, events, stamp)?,
        Heard::Evidence => late(message, attempt, &as_answer(kept), stamp),
        _ => ChangeSet::new(message.workspace.clone()),
    };
    // What was delivered once did reach that address, whatever is said afterwards.
    if matches!(fate, Fate::Failed { dead: true, .. }) && message.status != Status::Delivered {
        dead(&mut set, message, stamp);
    }
    set.push(Change::UpdateReceipt(Box::new(
        kept.settled(message.id, stamp.at),
    )));
    Ok(Some(set))
}

fn steps(
    message: &Message,
    kept: &KeptReceipt,
    events: &[Event],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet> {
    let reason = match &kept.receipt.fate {
        Fate::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let mut set = ChangeSet::new(message.workspace.clone());
    let mut message = message.clone();
    for event in events {
        let (after, step) = step(&message, *event, stamp, reason.clone(), |after| {
            after.failure.clone_from(&reason);
            if *event == Event::ConfirmSent {
                after.sent_at = Some(stamp.at);
                after.provider_id = kept
                    .provider_id()
                    .map(str::to_owned)
                    .or(after.provider_id.take());
            }
        })?;
        set.absorb(step);
        message = after;
    }
    Ok(set)
}

/// The receipt as the answer that it would have been.
fn as_answer(kept: &KeptReceipt) -> Outcome {
    match &kept.receipt.fate {
        Fate::Failed { reason, .. } => Outcome::Rejected {
            reason: reason.clone(),
        },
        Fate::Accepted | Fate::Delivered | Fate::Read => Outcome::Accepted {
            provider_id: kept.provider_id().unwrap_or("receipt").to_owned(),
        },
    }
}
