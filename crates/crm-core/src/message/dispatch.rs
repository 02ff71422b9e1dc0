//! The decisions of delivery: claim, begin, record, sweep. Pure; the worker does what they say.

use chrono::{DateTime, Utc};

use super::Message;
use crate::change::ChangeSet;
use crate::error::Result;
use crate::port::store::Claim;

/// See [`Claim::decide`].
///
/// # Errors
/// `NotAllowed` when the message is not approved.
pub fn claim(message: &Message, claim: &Claim, now: DateTime<Utc>) -> Result<(Message, ChangeSet)> {
    let _ = (message, claim, now);
    Err(crate::Error::not_found("message"))
}
