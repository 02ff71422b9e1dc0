//! What must hold in every state, and what must be reachable for that to mean something. The numbers are those
//! of the invariants in the protocol's page.

use crm_core::message::Status;
use stateright::Property;

use crate::{Protocol, State};

pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(
            "I1: only what a person agreed to leaves",
            |_, state: &State| !state.proof.unauthorised,
        ),
        Property::always(
            "I2: no duplicate but by a person's word",
            |_, state: &State| state.proof.delivered <= 1 + state.retries,
        ),
        Property::always("I3: one attempt is open at most", |_, state: &State| {
            !state.proof.two_open
        }),
        Property::always(
            "I4: what was delivered returns to the queue by a person's word alone",
            |_, state: &State| {
                let queued = matches!(
                    state.message.status,
                    Status::Approved | Status::Claimed | Status::PendingApproval
                );
                !(queued && state.proof.delivered > 0 && state.retries == 0)
            },
        ),
        Property::always(
            "I5: nothing begins after a suppression",
            |_, state: &State| !state.proof.after_suppression,
        ),
        Property::always("I6: nothing begins during a pause", |_, state: &State| {
            !state.proof.while_paused
        }),
        Property::always("I7: what was sent stays sent", |_, state: &State| {
            !state.proof.was_sent || state.message.status == Status::Sent
        }),
        Property::always(
            "I7: only a refusal or a person fails a message",
            |_, state: &State| {
                state.message.status != Status::Failed
                    || state.proof.refused
                    || state.proof.given_up
            },
        ),
        Property::always(
            "I7: what was delivered does not fail by itself",
            |_, state: &State| {
                state.message.status != Status::Failed
                    || state.proof.delivered == 0
                    || state.proof.given_up
                    || state.retries > 0
            },
        ),
        Property::always("I8: what was learnt is written down", |_, state: &State| {
            !state.proof.forgotten
        }),
        Property::always("I9: an older attempt moves nothing", |_, state: &State| {
            !state.proof.moved_by_stale
        }),
        Property::sometimes("sent", |_, state: &State| {
            state.message.status == Status::Sent && state.proof.delivered == 1
        }),
        Property::sometimes("in doubt although delivered", |_, state: &State| {
            state.message.status == Status::Uncertain && state.proof.delivered == 1
        }),
        Property::sometimes("in doubt and not delivered", |_, state: &State| {
            state.message.status == Status::Uncertain && state.proof.delivered == 0
        }),
        Property::sometimes("delivered twice by a person's word", |_, state: &State| {
            state.proof.delivered == 2
        }),
        Property::sometimes("called off by a suppression", |_, state: &State| {
            state.message.status == Status::Cancelled && state.suppressed
        }),
        Property::sometimes("tampered with and caught", |_, state: &State| {
            state.message.status == Status::PendingApproval
                && state.tampered > 0
                && state.message.epoch > 0
        }),
    ]
}
