//! What may be said of a person who was erased: what happened and when, in nobody's words.
//!
//! The store has emptied contact and texts. The history cannot be emptied, so the reasons of people stand in it, and
//! providers' ids and reasons may hold an address; none of that is given out.

use super::SubjectAccess;
use crate::message::history::StoredEvent;

pub(super) fn redact(found: &mut SubjectAccess) {
    // Nothing leads to these any more: the person has no address.
    found.suppressions.clear();
    found.inbound.clear();
    silence(&mut found.history);
    for one in &mut found.messages {
        one.message.failure = None;
        one.message.provider_id = None;
        one.message.recipient.clear();
        one.message.metadata.context = None;
        one.message.findings.clear();
        for approval in &mut one.approvals {
            approval.override_reason = None;
        }
        for attempt in &mut one.attempts {
            attempt.provider_id = None;
            attempt.reason = None;
        }
        one.receipts.clear();
        silence(&mut one.history);
    }
}

fn silence(history: &mut [StoredEvent]) {
    for stored in history {
        stored.event.reason = None;
    }
}
