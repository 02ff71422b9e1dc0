//! What people, hosts, workers and the provider do.

use crm_core::Role;
use crm_core::message::lifecycle::Event;
use crm_core::port::callback::Fate;
use crm_core::port::channel::Outcome;

/// One of them.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Create {
        contact: usize,
        text: u8,
        expires: bool,
    },
    Submit {
        message: usize,
        role: Role,
    },
    Edit {
        message: usize,
        text: u8,
        role: Role,
    },
    Reschedule {
        message: usize,
        minutes: i64,
    },
    Approve {
        message: usize,
        role: Role,
        stale: bool,
    },
    /// Two people click on the same page; the second is told who was faster.
    TwoApprovers {
        message: usize,
    },
    Reject {
        message: usize,
        role: Role,
    },
    Cancel {
        message: usize,
    },
    Delete {
        message: usize,
        role: Role,
    },
    Send {
        message: usize,
    },
    Resolve {
        message: usize,
        event: Event,
    },
    Readdress {
        contact: usize,
        address: u8,
    },
    Consent {
        contact: usize,
        yes: bool,
    },
    Suppress {
        address: u8,
    },
    Lift {
        address: u8,
    },
    ApproveAll,
    Campaign {
        step: Step,
    },
    Outcome {
        outcome: Outcome,
    },
    Advance {
        minutes: i64,
    },
    Work,
    /// A new dispatcher starts: whoever was the last one is dead.
    Restart,
    Erase {
        contact: usize,
    },
    /// Two of the people are one.
    Merge {
        keep: usize,
        gone: usize,
    },
    /// A second worker takes one message and then says nothing.
    Claim,
    /// It wakes up, begins what it took, and freezes again; the provider may have it.
    Begin {
        taken: bool,
    },
    /// It wakes up once more, with the provider's answer. `again`: and tells it twice.
    Wake {
        again: bool,
    },
    /// A host asks for something by a row of the intake. Few keys: some come twice.
    Ask {
        key: u8,
        what: Asked,
    },
    /// Some rows of the intake are worked off, and others stay.
    Drain {
        limit: u32,
    },
    /// The provider says how one of the message's attempts went.
    Hear {
        message: usize,
        attempt: usize,
        fate: Fate,
        /// Under its own id for it, if it gave one.
        by_provider: bool,
    },
    /// The person says STOP, or START.
    Opt {
        address: u8,
        out: bool,
    },
    /// Something about money.
    Spend {
        what: super::Spend,
    },
    /// Nothing happens, and everything is compared: not only what changed last.
    Compare,
}

/// What a host asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Contact {
        person: usize,
        address: u8,
    },
    Submit {
        person: usize,
        text: u8,
        draft: bool,
    },
    Cancel {
        key: u8,
    },
    Consent {
        person: usize,
        marketing: bool,
    },
    /// Something that has not the form it should.
    Nonsense,
}

/// Stands for the newest message.
pub(crate) const NEWEST: usize = usize::MAX;

/// What is done to the campaign.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Execute,
    Pause,
    Resume,
    Cancel,
}
