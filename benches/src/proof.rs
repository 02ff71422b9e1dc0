//! What must be true after a run: a fast wrong answer is worth nothing.

use crm_core::engine::Session;
use crm_core::message::Status;

use crate::Outcome;

/// How many messages have `status`, by the counters.
///
/// # Errors
/// As the store.
pub async fn count(session: &Session, status: Status) -> Outcome<usize> {
    let list = session.analytics().messages_by_status().await?;
    let count = list
        .into_iter()
        .find_map(|(other, count)| (other == status).then_some(count))
        .unwrap_or_default();
    Ok(usize::try_from(count)?)
}

/// Holds that `wanted` messages have `status`.
///
/// # Errors
/// When they do not.
pub async fn counted(session: &Session, status: Status, wanted: usize) -> Outcome<()> {
    let found = count(session, status).await?;
    if found == wanted {
        return Ok(());
    }
    Err(format!("{found} messages are {}, not {wanted}", status.as_str()).into())
}

/// Holds that the counters equal the rows and that the chain verifies with `events` events at least.
///
/// # Errors
/// When they do not.
pub async fn sound(session: &Session, events: usize) -> Outcome<()> {
    let differing = session.analytics().recount().await?;
    if !differing.is_empty() {
        return Err(format!("counters differ from the rows: {differing:?}").into());
    }
    let chain = session.audit().verify(None).await?;
    if !chain.valid {
        return Err(format!("the chain is broken at {:?}", chain.first_bad).into());
    }
    if usize::try_from(chain.sealed)? < events {
        return Err(format!("{} events are sealed, not {events}", chain.sealed).into());
    }
    Ok(())
}
