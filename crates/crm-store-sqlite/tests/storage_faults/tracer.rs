//! A process some of whose system calls fail.

use std::path::Path;
use std::process::Command;

use crm_store_testing::storage::{self, Fault};

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
    /// Names of system calls; one thread writes.
    pub(crate) const fn calls(self) -> &'static str {
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

/// # Panics
/// strace is missing or may not trace.
pub(crate) fn require() {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    let problem = match tried {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    storage::unusable(&problem);
}

/// Runs the sequence in `folder` with this fault, which meets the target's files alone. Whether any call
/// failed by it.
///
/// # Panics
/// The process did, or one of its threads or tasks.
pub(crate) fn run(test: &str, folder: &Path, target: Target, fault: &Fault) -> bool {
    // The kernel knows files by their real names.
    let folder = folder.canonicalize().unwrap();
    let log = folder.join("strace");
    let mut command = fault.strace(&log);
    command.args(["-f", "-qq", "--seccomp-bpf"]);
    for end in target.files() {
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
    storage::was_hit(&log)
}
