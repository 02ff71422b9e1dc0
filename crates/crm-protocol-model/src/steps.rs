//! What workers do: claim, read, begin, send, record; and what time does to them.

use crm_core::Role;
use crm_core::campaign::CampaignStatus;
use crm_core::message::lifecycle::{Event, apply};
use crm_core::message::rules::{self, AddressNow, Checks, Verdict};
use crm_core::message::{AttemptOutcome, Status};

use crate::state::{Reply, State, Step, Worker};
use crate::{Protocol, Rule};

pub(crate) fn offer(protocol: &Protocol, state: &State, at: usize, steps: &mut Vec<Step>) {
    let replies = [
        Reply::Taken,
        Reply::TakenUnheard,
        Reply::NotTakenUnheard,
        Reply::Refused,
        Reply::NotNow,
    ];
    let send = |steps: &mut Vec<Step>| {
        steps.extend(replies.iter().map(|reply| Step::Send(at, *reply)));
    };
    match &state.workers[at] {
        Worker::Idle => {
            if state.message.epoch < protocol.bounds.claims {
                steps.push(Step::Claim(at));
            }
            return;
        }
        Worker::Claimed { .. } => steps.push(Step::Read(at)),
        Worker::Read { .. } => {
            steps.push(Step::Begin(at));
            if !protocol.rules.hold(Rule::BeginBeforeSend) {
                send(steps);
            }
        }
        Worker::Begun { .. } => send(steps),
        Worker::Answered { .. } => steps.push(Step::Record(at)),
    }
    if state.crashes < protocol.bounds.crashes {
        steps.push(Step::Crash(at));
    }
}

fn by_worker(state: &mut State, event: Event) -> bool {
    let Ok(status) = apply(state.message.status, event, Role::System) else {
        return false;
    };
    state.message.status = status;
    if !matches!(status, Status::Claimed | Status::Sending) {
        state.message.owner = None;
        state.message.live = false;
    }
    state.changed();
    true
}

pub(crate) fn claim(_protocol: &Protocol, state: &mut State, at: usize) -> bool {
    // The queue holds no messages of paused campaigns and none to suppressed addresses.
    if state.paused || state.suppressed || !by_worker(state, Event::Claim) {
        return false;
    }
    state.message.epoch += 1;
    state.message.owner = Some(at);
    state.message.live = true;
    state.workers[at] = Worker::Claimed {
        epoch: state.message.epoch,
    };
    true
}

/// The last checks, on data read for them.
pub(crate) fn read(protocol: &Protocol, state: &mut State, at: usize) -> bool {
    let Worker::Claimed { epoch } = state.workers[at] else {
        return false;
    };
    let message = &state.message;
    let mine = message.status == Status::Claimed
        && message.owner == Some(at)
        && message.epoch == epoch
        && message.live;
    if !mine && protocol.rules.hold(Rule::BeginUnderOwnClaim) {
        state.workers[at] = Worker::Idle;
        return true;
    }
    let rules = &protocol.rules;
    let verdict = rules::verdict(&Checks {
        late: false,
        erased: false,
        suppressed: state.suppressed && rules.hold(Rule::BeginAsksSuppression),
        consent: true,
        campaign: Some(if state.paused && rules.hold(Rule::BeginAsksPause) {
            CampaignStatus::Paused
        } else {
            CampaignStatus::Active
        }),
        address: AddressNow::Same,
        approved: message.approval == Some(message.text)
            || (!rules.hold(Rule::BeginAsksDigest) && message.approval.is_some()),
    });
    let event = match verdict {
        Verdict::Begin => {
            let text = message.text;
            state.workers[at] = Worker::Read {
                epoch,
                text,
                fresh: true,
            };
            return true;
        }
        Verdict::Expire => Event::Expire,
        Verdict::Cancel(_) => Event::Cancel,
        Verdict::Pause => Event::Postpone,
        Verdict::Readdress | Verdict::Void => Event::Invalidate,
    };
    if by_worker(state, event) && event == Event::Invalidate {
        state.message.approval = None;
        state.proof.agreed = None;
    }
    state.workers[at] = Worker::Idle;
    true
}

/// The commit that records the attempt: refused when anything it was decided on has changed.
pub(crate) fn begin(protocol: &Protocol, state: &mut State, at: usize) -> bool {
    let Worker::Read { epoch, text, fresh } = state.workers[at] else {
        return false;
    };
    let rules = &protocol.rules;
    // The commit asks again what the last checks asked, in the same transaction.
    let refused = (rules.hold(Rule::BeginUnderOwnClaim) && !fresh)
        || (rules.hold(Rule::BeginAsksSuppression) && state.suppressed)
        || (rules.hold(Rule::BeginAsksPause) && state.paused);
    if refused {
        state.workers[at] = Worker::Idle;
        return true;
    }
    if !by_worker(state, Event::Begin) {
        // Nothing asks where the message stands.
        state.message.status = Status::Sending;
        state.changed();
    }
    state.message.attempts += 1;
    state.proof.two_open |= state.message.open;
    state.message.open = true;
    state.proof.after_suppression |= state.suppressed;
    state.proof.while_paused |= state.paused;
    state.proof.unauthorised |= state.proof.agreed != Some(text);
    state.workers[at] = Worker::Begun {
        epoch,
        text,
        number: state.message.attempts,
    };
    true
}

/// The call. It may come long after the attempt was recorded: a process can stand still in between.
pub(crate) fn send(state: &mut State, at: usize, reply: Reply) -> bool {
    let (epoch, number) = match state.workers[at] {
        Worker::Begun { epoch, number, .. } => (epoch, number),
        // Only without the rule that the attempt comes first.
        Worker::Read { epoch, .. } => (epoch, state.message.attempts + 1),
        _ => return false,
    };
    if matches!(reply, Reply::Taken | Reply::TakenUnheard) {
        // More than this tells nothing new.
        state.proof.delivered = (state.proof.delivered + 1).min(3);
    }
    let outcome = match reply {
        Reply::Taken => AttemptOutcome::Accepted,
        Reply::TakenUnheard | Reply::NotTakenUnheard => AttemptOutcome::Unknown,
        Reply::Refused => AttemptOutcome::Rejected,
        Reply::NotNow => AttemptOutcome::RetryAfter,
    };
    state.proof.refused |= matches!(reply, Reply::Refused | Reply::NotNow);
    state.workers[at] = Worker::Answered {
        epoch,
        number,
        outcome,
    };
    true
}

pub(crate) fn record(protocol: &Protocol, state: &mut State, at: usize) -> bool {
    let Worker::Answered {
        epoch,
        number,
        outcome,
    } = state.workers[at]
    else {
        return false;
    };
    let rules = &protocol.rules;
    state.workers[at] = Worker::Idle;
    let outcome = match outcome {
        AttemptOutcome::Unknown if !rules.hold(Rule::SilenceIsDoubt) => AttemptOutcome::Rejected,
        outcome => outcome,
    };
    let latest = epoch == state.message.epoch || !rules.hold(Rule::RecordAsksEpoch);
    let again = number < protocol.bounds.attempts;
    let status = match state.message.status {
        _ if !rules.hold(Rule::RecordAsksStatus) => Status::Sending,
        status => status,
    };
    match rules::answer(status, latest, outcome, again) {
        Some(event) => {
            state.proof.moved_by_stale |= epoch != state.message.epoch;
            state.message.status = status;
            by_worker(state, event);
            state.proof.was_sent |= state.message.status == Status::Sent;
        }
        None if outcome == AttemptOutcome::Accepted => {
            state.proof.forgotten |= !rules.hold(Rule::KeepLateAnswers);
        }
        None => {}
    }
    if epoch == state.message.epoch {
        state.message.open = false;
    }
    true
}

/// The process dies; one of the same name starts and remembers nothing.
pub(crate) fn crash(state: &mut State, at: usize) -> bool {
    state.workers[at] = Worker::Idle;
    state.crashes += 1;
    true
}

pub(crate) fn lease_ends(state: &mut State) -> bool {
    state.message.live = false;
    true
}

pub(crate) fn sweep(protocol: &Protocol, state: &mut State) -> bool {
    let status = state.message.status;
    if state.message.live || !matches!(status, Status::Claimed | Status::Sending) {
        return false;
    }
    if status == Status::Sending && !protocol.rules.hold(Rule::SweepDoubts) {
        state.message.status = Status::Approved;
        state.message.owner = None;
        state.changed();
    } else {
        by_worker(state, rules::given_up(status));
    }
    state.message.open = false;
    true
}
