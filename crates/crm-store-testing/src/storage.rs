//! The disk under a store fails at a chosen system call while messages are approved, an address is
//! suppressed and a worker claims, begins and records: once, or from there on.
//!
//! The calls really fail: strace makes the kernel answer with the error. What is done meanwhile is
//! [`sequence`]; what must be so afterwards, [`check`].

use std::fmt;
use std::process::Command;

pub mod check;
pub mod sequence;

/// What a failing call can be a part of; each has to be met.
pub const OPERATIONS: [&str; 5] = ["approve", "suppress", "claim", "begin", "record"];

/// How far apart the calls are that fail; `None` when nobody said so.
///
/// # Panics
/// The variable is no number.
#[must_use]
pub fn step() -> Option<usize> {
    let text = std::env::var("CRM_STORAGE_FAULT_STEP").ok()?;
    Some(text.parse().unwrap())
}

/// Which calls fail, and how. strace counts them by thread.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Names of system calls, each counted by itself.
    pub calls: &'static str,
    /// The error, as errno(3) names it.
    pub error: &'static str,
    /// The first that fails, from 1.
    pub nth: usize,
    /// Whether all later ones fail, too.
    pub sticky: bool,
}

/// As strace reads it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            calls, error, nth, ..
        } = self;
        let sticky = if self.sticky { "+" } else { "" };
        write!(f, "{calls}:error={error}:when={nth}{sticky}")
    }
}

impl Fault {
    /// strace, told to let these calls fail and to note them in `log`.
    #[must_use]
    pub fn strace(&self, log: &std::path::Path) -> Command {
        let mut command = Command::new("strace");
        command.arg("-o").arg(log).args(["-e", "signal=none"]);
        command.args(["-e", &format!("trace={}", self.calls)]);
        command.args(["-e", &format!("inject={self}")]);
        command
    }
}

/// Whether a call failed by strace, as its log says.
///
/// # Panics
/// There is no such log.
#[must_use]
pub fn was_hit(log: &std::path::Path) -> bool {
    std::fs::read_to_string(log).unwrap().contains("(INJECTED)")
}

/// Ends the test: there is no other way to have real calls fail without unsafe code.
///
/// # Panics
/// Always.
pub fn unusable(problem: &str) -> ! {
    panic!(
        "strace cannot be used: {problem}\n`cargo xtask setup` installs it as root on Debian; a container \
         has to allow tracing (docker run --cap-add SYS_PTRACE), and a user other than root may trace \
         processes of his own that run already with `sysctl kernel.yama.ptrace_scope=0` alone"
    )
}
