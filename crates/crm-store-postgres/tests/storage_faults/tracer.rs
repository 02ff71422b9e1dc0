//! Processes of a server some of whose system calls fail.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crm_store_testing::storage::{self, Fault};

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// What the process of our connection writes: the log of changes, and new pages of tables.
    Writes,
    /// What brings the log of changes to the disk.
    Flushes,
    /// What a checkpoint brings to the disk, while our connection's writes and flushes go well.
    Checkpoint,
}

impl Target {
    /// Names of system calls.
    pub(crate) const fn calls(self) -> &'static str {
        match self {
            Self::Writes => "pwrite64,pwritev,pwritev2",
            Self::Flushes | Self::Checkpoint => "fsync,fdatasync",
        }
    }
}

/// strace, attached to a process that runs.
#[derive(Debug)]
struct Tracer {
    child: Child,
    log: PathBuf,
}

impl Tracer {
    /// `also`: those that it starts from now on, too.
    fn attach(pid: u32, also: bool, fault: &Fault, log: PathBuf) -> Self {
        let mut command = fault.strace(&log);
        command.args(also.then_some("-f"));
        command
            .args(["-p", &pid.to_string()])
            .stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|error| storage::unusable(&error.to_string()));
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if !line.contains("attached") {
            said.read_to_string(&mut line).unwrap();
            storage::unusable(&line);
        }
        // Nobody reads the rest, and it must not wait for that.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, log }
    }

    /// Ends it; the processes go on. Whether any call failed.
    fn detach(mut self) -> bool {
        // It may have ended with what it traced.
        let kill = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).output();
        self.child.wait().unwrap();
        storage::was_hit(&self.log)
    }
}

/// A disk that fails.
#[derive(Debug)]
pub(crate) struct Broken {
    one: Tracer,
    others: Option<Tracer>,
}

impl Broken {
    /// The chosen call of the process `one` fails. For good: then each such call of all processes that the
    /// server of `postmaster` starts from now on, of those that are to recover it, too.
    pub(crate) fn disk(one: u32, postmaster: u32, fault: &Fault, folder: &Path) -> Self {
        let all = Fault { nth: 1, ..*fault };
        // Attached first: once the one has failed, there are others.
        let others = fault
            .sticky
            .then(|| Tracer::attach(postmaster, true, &all, folder.join("strace-others")));
        Self {
            one: Tracer::attach(one, false, fault, folder.join("strace")),
            others,
        }
    }

    /// It is sound again. Whether the chosen call was reached.
    pub(crate) fn repair(self) -> bool {
        if let Some(others) = self.others {
            others.detach();
        }
        self.one.detach()
    }
}
