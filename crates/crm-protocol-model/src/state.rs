//! Everything that is true at one moment: the row, the workers' memories, the provider's account.

use std::collections::BTreeSet;

use crm_core::message::{AttemptOutcome, Status};

/// A text: 1 for the first, 2 after an edit, and so on; [`TAMPERED`](Self::TAMPERED) for what somebody wrote
/// into the table behind the engine's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(pub u8);

impl Text {
    /// Nobody read it, nobody agreed to it.
    pub const TAMPERED: Self = Self(99);
}

/// The row, with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Where it stands.
    pub status: Status,
    /// Claims so far.
    pub epoch: u8,
    /// Who holds it.
    pub owner: Option<usize>,
    /// Whether the lease still lasts.
    pub live: bool,
    /// The text in the table.
    pub text: Text,
    /// The text the approval in the table is about.
    pub approval: Option<Text>,
    /// Attempts begun.
    pub attempts: u8,
    /// Whether the last attempt has no answer yet.
    pub open: bool,
    /// What matters on a keyed channel alone.
    pub keyed: Keyed,
}

/// What the row holds for repeats; on a channel without keys it stays as it is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keyed {
    /// The epoch when a person last decided that it be sent: with the text it is the key.
    pub decided: u8,
    /// How the last attempt ended.
    pub last: Option<AttemptOutcome>,
    /// Whether the last attempt repeats one in doubt.
    pub repeats: bool,
}

/// What a worker is about and remembers; a crash takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Nothing.
    Idle,
    /// It holds the message under this epoch.
    Claimed {
        /// The epoch.
        epoch: u8,
    },
    /// It read the message for the last checks, which allow the attempt.
    Read {
        /// The epoch.
        epoch: u8,
        /// The text that would be sent.
        text: Text,
        /// Whether nothing has changed the message since it was read.
        fresh: bool,
        /// Whether it is in doubt, and about to be sent again.
        repeats: bool,
    },
    /// The attempt is recorded. What follows may happen at any time, for a process can stand still.
    Begun {
        /// The epoch.
        epoch: u8,
        /// The text that will be sent.
        text: Text,
        /// The number of the attempt.
        number: u8,
        /// What the key is made of besides the text.
        decided: u8,
    },
    /// The provider was called; the answer is not recorded yet.
    Answered {
        /// The epoch.
        epoch: u8,
        /// The number of the attempt.
        number: u8,
        /// The answer as the worker understands it.
        outcome: AttemptOutcome,
    },
}

/// What no engine can know, and what only a proof looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Proof {
    /// What a person read and agreed to, as long as nobody took it back.
    pub agreed: Option<Text>,
    /// How often the provider took the message; what it removed as a duplicate does not count.
    pub delivered: u8,
    /// The keys of a keyed channel's provider.
    pub keys: BTreeSet<(u8, Text)>,
    /// The provider took something that nobody had agreed to when its attempt began.
    pub unauthorised: bool,
    /// An attempt began after the address was suppressed.
    pub after_suppression: bool,
    /// An attempt began while the campaign was paused.
    pub while_paused: bool,
    /// Two attempts were open at once.
    pub two_open: bool,
    /// A provider refused, or it is proven that nothing left.
    pub refused: bool,
    /// A person gave up.
    pub given_up: bool,
    /// The message was sent at some time.
    pub was_sent: bool,
    /// An answer was learnt and not written down.
    pub forgotten: bool,
    /// The answer to an older attempt moved the message.
    pub moved_by_stale: bool,
}

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The row.
    pub message: Message,
    /// The workers.
    pub workers: [Worker; 2],
    /// Whether the address is suppressed.
    pub suppressed: bool,
    /// Whether the campaign is paused.
    pub paused: bool,
    /// The text on a person's screen.
    pub screen: Option<Text>,
    /// Edits made.
    pub edits: u8,
    /// How often somebody wrote past the engine.
    pub tampered: u8,
    /// How often the campaign was paused.
    pub pauses: u8,
    /// Crashes.
    pub crashes: u8,
    /// How often a person sent again.
    pub retries: u8,
    /// What only a proof looks at.
    pub proof: Proof,
}

impl State {
    /// A message that waits for approval.
    #[must_use]
    pub fn new() -> Self {
        Self {
            message: Message {
                status: Status::PendingApproval,
                epoch: 0,
                owner: None,
                live: false,
                text: Text(1),
                approval: None,
                attempts: 0,
                open: false,
                keyed: Keyed::default(),
            },
            workers: [Worker::Idle, Worker::Idle],
            suppressed: false,
            paused: false,
            screen: None,
            edits: 0,
            tampered: 0,
            pauses: 0,
            crashes: 0,
            retries: 0,
            proof: Proof::default(),
        }
    }

    /// A commit changed the message: who read it before notices by its version.
    pub(crate) fn changed(&mut self) {
        for worker in &mut self.workers {
            if let Worker::Read { fresh, .. } = worker {
                *fresh = false;
            }
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

/// How often things that cost nothing may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Claims.
    pub claims: u8,
    /// Crashes of workers.
    pub crashes: u8,
    /// Edits.
    pub edits: u8,
    /// Writes past the engine.
    pub tampers: u8,
    /// Pauses.
    pub pauses: u8,
    /// Times a person sends again.
    pub retries: u8,
    /// Attempts a message has before it fails.
    pub attempts: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            claims: 3,
            crashes: 2,
            edits: 2,
            tampers: 1,
            pauses: 1,
            retries: 1,
            attempts: 3,
        }
    }
}

/// What the provider does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Takes it and says so.
    Taken,
    /// Takes it, and the answer is lost.
    TakenUnheard,
    /// Is not reached, which nobody can tell from the former.
    NotTakenUnheard,
    /// Refuses it for good.
    Refused,
    /// Refuses it for now, or provably nothing left.
    NotNow,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A worker claims the message.
    Claim(usize),
    /// It reads it for the last checks.
    Read(usize),
    /// It reads what is in doubt, to send it again.
    ReadDoubt(usize),
    /// It records the attempt.
    Begin(usize),
    /// It calls the provider.
    Send(usize, Reply),
    /// It records the answer.
    Record(usize),
    /// It dies and starts anew.
    Crash(usize),
    /// The lease runs out.
    LeaseEnds,
    /// The sweep takes back what nobody holds any more.
    Sweep,
    /// A person reads the text.
    Look,
    /// A person approves.
    Approve,
    /// A person declines.
    Reject,
    /// A person changes the text.
    Edit,
    /// Somebody writes a text into the table.
    Tamper,
    /// The address is suppressed.
    Suppress,
    /// The campaign is paused.
    Pause,
    /// The campaign goes on.
    Resume,
    /// A person says of a doubt that it was sent.
    ResolveSent,
    /// A person sends again, at the risk of a duplicate.
    Resend,
    /// A person gives up on a doubt.
    GiveUp,
    /// A person calls the message off.
    Cancel,
}
