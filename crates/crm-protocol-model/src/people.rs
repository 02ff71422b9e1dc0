//! What people do, and what others do to the tables.

use crm_core::Role;
use crm_core::message::Status;
use crm_core::message::lifecycle::{Event, apply};

use crate::state::{State, Step, Text};
use crate::{Protocol, Rule};

pub(crate) fn offer(protocol: &Protocol, state: &State, steps: &mut Vec<Step>) {
    let bounds = &protocol.bounds;
    steps.extend([Step::Look, Step::Approve, Step::Reject, Step::Cancel]);
    steps.extend([
        Step::ResolveSent,
        Step::GiveUp,
        Step::LeaseEnds,
        Step::Sweep,
    ]);
    if state.edits < bounds.edits {
        steps.push(Step::Edit);
    }
    if state.tampered < bounds.tampers {
        steps.push(Step::Tamper);
    }
    if !state.suppressed {
        steps.push(Step::Suppress);
    }
    if state.paused {
        steps.push(Step::Resume);
    } else if state.pauses < bounds.pauses {
        steps.push(Step::Pause);
    }
    if state.retries < bounds.retries {
        steps.push(Step::Resend);
    }
}

/// Whether it is possible.
pub(crate) fn act(protocol: &Protocol, state: &mut State, step: Step) -> bool {
    match step {
        Step::Look => {
            state.screen = Some(state.message.text);
            true
        }
        Step::Approve => approve(protocol, state),
        Step::Reject => by_person(state, Event::Reject, |state| {
            state.message.approval = None;
            state.proof.agreed = None;
        }),
        Step::Cancel => by_person(state, Event::Cancel, |_| {}),
        Step::Edit => edit(protocol, state),
        Step::Tamper => {
            // No version moves: that is what makes it tampering.
            state.message.text = Text::TAMPERED;
            state.tampered += 1;
            true
        }
        Step::Suppress => {
            state.suppressed = true;
            true
        }
        Step::Pause => {
            state.paused = true;
            state.pauses += 1;
            true
        }
        Step::Resume => {
            state.paused = false;
            true
        }
        Step::ResolveSent => by_person(state, Event::ResolveSent, |state| {
            state.proof.was_sent = true;
        }),
        Step::GiveUp => by_person(state, Event::ResolveFailed, |state| {
            state.proof.given_up = true;
        }),
        Step::Resend => {
            let event = match state.message.status {
                Status::Failed => Event::Retry,
                _ => Event::ResolveResend,
            };
            by_person(state, event, |state| state.retries += 1) && {
                if protocol.rules.hold(Rule::ResendHasNewKey) {
                    decided(protocol, state);
                }
                true
            }
        }
        _ => false,
    }
}

fn by_person(state: &mut State, event: Event, then: fn(&mut State)) -> bool {
    let Ok(status) = apply(state.message.status, event, Role::Manager) else {
        return false;
    };
    state.message.status = status;
    then(state);
    state.changed();
    true
}

/// From now on what is sent has a key of its own.
fn decided(protocol: &Protocol, state: &mut State) {
    if protocol.keyed {
        state.message.keyed.decided = state.message.epoch;
    }
}

fn approve(protocol: &Protocol, state: &mut State) -> bool {
    let Some(read) = state.screen else {
        return false;
    };
    let there = state.message.text;
    if protocol.rules.hold(Rule::ApproveWhatWasRead) && read != there {
        return false;
    }
    by_person(state, Event::Approve, |_| {}) && {
        state.message.approval = Some(there);
        state.proof.agreed = Some(read);
        decided(protocol, state);
        true
    }
}

fn edit(protocol: &Protocol, state: &mut State) -> bool {
    let before = state.message.status;
    let edited = by_person(state, Event::Edit, |state| {
        state.edits += 1;
        state.message.text = Text(1 + state.edits);
        state.proof.agreed = None;
    });
    if edited {
        if protocol.rules.hold(Rule::EditVoidsApproval) {
            state.message.approval = None;
        } else if before == Status::Approved {
            state.message.status = before;
        }
    }
    edited
}
