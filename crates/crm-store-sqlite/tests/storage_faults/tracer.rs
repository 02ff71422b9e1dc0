//! A process some of whose system calls fail.

use std::fmt;
use std::path::Path;
use std::process::Command;

use super::sequence;

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Writes to the database and its log.
    Writes,
    /// What brings these and the marker to the disk.
    Flushes,
    /// Writes to the index of the log, which grows when the database is opened and with the log.
    Index,
    /// Writes to the marker beside the database, which says how far it has come.
    Marker,
}

impl Target {
    /// Names of system calls, each counted by itself.
    const fn calls(self) -> &'static str {
        match self {
            Self::Writes => "pwrite64",
            Self::Flushes => "fsync,fdatasync",
            Self::Index => "pwrite64,ftruncate",
            Self::Marker => "write,ftruncate",
        }
    }

    /// What the names of the files end in.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Writes => &["", "-wal"],
            Self::Flushes => &["", "-wal", ".place"],
            Self::Index => &["-shm"],
            Self::Marker => &[".place"],
        }
    }
}

/// Which calls fail, and how. They are counted by thread, and one thread writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) target: Target,
    /// The error, as errno(3) names it.
    pub(crate) error: &'static str,
    /// The first that fails, from 1.
    pub(crate) nth: usize,
    /// Whether all later ones fail, too.
    pub(crate) sticky: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sticky = if self.sticky { "+" } else { "" };
        write!(
            f,
            "{}:error={}:when={}{sticky}",
            self.target.calls(),
            self.error,
            self.nth
        )
    }
}

/// # Panics
/// strace is missing or may not trace. There is no other way to have real calls fail without unsafe code.
pub(crate) fn require() {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    let problem = match tried {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "strace cannot be used: {problem}\n`cargo xtask setup` installs it as root on Debian; a container \
         has to allow tracing (docker run --cap-add SYS_PTRACE)"
    );
}

/// Runs the sequence in `folder` with this fault. Whether any call failed by it.
///
/// # Panics
/// The process did, or one of its threads or tasks.
pub(crate) fn run(test: &str, folder: &Path, fault: &Fault) -> bool {
    // The kernel knows files by their real names.
    let folder = folder.canonicalize().unwrap();
    let log = folder.join("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "--seccomp-bpf", "-o"]).arg(&log);
    command.args(["-e", &format!("trace={}", fault.target.calls())]);
    command.args(["-e", &format!("inject={fault}")]);
    for end in fault.target.files() {
        let mut name = sequence::database(&folder).into_os_string();
        name.push(end);
        command.arg("-P").arg(name);
    }
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(sequence::FOLDER, &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("panicked at"),
        "{fault}: {}\n{said}",
        output.status
    );
    std::fs::read_to_string(log).unwrap().contains("(INJECTED)")
}
