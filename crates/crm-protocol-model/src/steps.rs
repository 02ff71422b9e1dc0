//! What workers do: claim, read, begin, send, record; and what time does to them.

use crm_core::Role;
use crm_core::campaign::CampaignStatus;
use crm_core::message::lifecycle::{Event, apply};
use crm_core::message::rules::{self, AddressNow, Checks, Times, Verdict, Whose};
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
                if protocol.keyed {
                    steps.push(Step::ReadDoubt(at));
                }
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
    let event = match verdict(protocol, state) {
        Verdict::Begin => {
            state.workers[at] = Worker::Read {
                epoch,
                text: state.message.text,
                fresh: true,
                repeats: false,
            };
            return true;
        }
        Verdict::Expire(_) => Event::Expire,
        Verdict::Cancel(_) => Event::Cancel,
        Verdict::Pause | Verdict::Hold(_) => Event::Postpone,
        Verdict::Readdress | Verdict::Void | Verdict::Object => Event::Invalidate,
    };
    if by_worker(state, event) && event == Event::Invalidate {
        state.message.approval = None;
        state.proof.agreed = None;
    }
    state.workers[at] = Worker::Idle;
    true
}

/// What the last checks say now.
fn verdict(protocol: &Protocol, state: &State) -> Verdict {
    let message = &state.message;
    let rules = &protocol.rules;
    rules::verdict(&Checks {
        late: None,
        erased: false,
        open: true,
        suppressed: state.suppressed && rules.hold(Rule::BeginAsksSuppression),
        consent: true,
        campaign: Some(if state.paused && rules.hold(Rule::BeginAsksPause) {
            CampaignStatus::Paused
        } else {
            CampaignStatus::Active
        }),
        // An hour that is quiet goes the way of a paused campaign, which the model has.
        times: Times::Now,
        address: AddressNow::Same,
        approved: message.approval == Some(message.text)
            || (!rules.hold(Rule::BeginAsksDigest) && message.approval.is_some()),
        // What a guardrail objects to goes the way of a void approval, which the model has.
        sound: true,
    })
}

/// What is in doubt may be sent again: the last checks, on data read for them. Nothing is written yet.
pub(crate) fn read_doubt(protocol: &Protocol, state: &mut State, at: usize) -> bool {
    let message = &state.message;
    let (last, repeats) = (message.keyed.last, message.keyed.repeats);
    let ours = message.epoch > message.keyed.decided;
    let again = message.attempts < protocol.bounds.attempts;
    let may = rules::repeats(message.status, ours, last, repeats, protocol.keyed, again);
    if !may || verdict(protocol, state) != Verdict::Begin {
        return false;
    }
    state.workers[at] = Worker::Read {
        epoch: state.message.epoch + 1,
        text: state.message.text,
        fresh: true,
        repeats: true,
    };
    true
}

/// The commit that records the attempt: refused when anything it was decided on has changed.
pub(crate) fn begin(protocol: &Protocol, state: &mut State, at: usize) -> bool {
    let Worker::Read {
        epoch,
        text,
        fresh,
        repeats,
    } = state.workers[at]
    else {
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
    let event = if repeats { Event::Repeat } else { Event::Begin };
    if !by_worker(state, event) {
        // Nothing asks where the message stands.
        state.message.status = Status::Sending;
        state.changed();
    }
    if repeats {
        state.message.epoch += 1;
        state.message.owner = Some(at);
        state.message.live = true;
    }
    if protocol.keyed {
        state.message.keyed.repeats = repeats;
        state.message.keyed.last = None;
    }
    let decided = if repeats && !rules.hold(Rule::RepeatKeepsKey) {
        epoch
    } else {
        state.message.keyed.decided
    };
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
        decided,
    };
    true
}

/// The call. It may come long after the attempt was recorded: a process can stand still in between.
pub(crate) fn send(protocol: &Protocol, state: &mut State, at: usize, reply: Reply) -> bool {
    let (epoch, number, key) = match state.workers[at] {
        Worker::Begun {
            epoch,
            number,
            decided,
            text,
        } => (epoch, number, (decided, text)),
        // Only without the rule that the attempt comes first.
        Worker::Read { epoch, text, .. } => {
            let key = (state.message.keyed.decided, text);
            (epoch, state.message.attempts + 1, key)
        }
        _ => return false,
    };
    let taken = matches!(reply, Reply::Taken | Reply::TakenUnheard);
    // A keyed provider says yes to what it has already, and takes it once.
    if taken && (!protocol.keyed || state.proof.keys.insert(key)) {
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
    let message = &state.message;
    let whose = if epoch == message.epoch || !rules.hold(Rule::RecordAsksEpoch) {
        Whose::Latest
    } else if protocol.keyed && epoch > message.keyed.decided {
        // Somebody else has closed it meanwhile, and that was the sweep.
        Whose::Repeated
    } else {
        Whose::Other
    };
    let repeats = message.keyed.repeats && rules.hold(Rule::RepeatDoubts);
    let again = number < protocol.bounds.attempts;
    let status = match state.message.status {
        _ if !rules.hold(Rule::RecordAsksStatus) => Status::Sending,
        status => status,
    };
    match rules::answer(status, whose, outcome, repeats, again) {
        Some(event) => {
            state.proof.moved_by_stale |= epoch != state.message.epoch && whose != Whose::Repeated;
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
        ended(protocol, state, outcome);
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
    if status == Status::Sending {
        ended(protocol, state, AttemptOutcome::Unknown);
    }
    true
}

/// Closes the last attempt, if that was not done already.
fn ended(protocol: &Protocol, state: &mut State, outcome: AttemptOutcome) {
    if protocol.keyed && state.message.open {
        state.message.keyed.last = Some(outcome);
    }
    state.message.open = false;
}
