//! Servers of other programs, which end with this process, however it ends.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Outcome;

/// A shell that starts something, says how that went, and ends it when its input is closed: by dropping
/// this, or by the system once this process is gone.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
}

impl Guard {
    /// Runs `script`, whose first line of output is the exit code of what it started.
    ///
    /// # Errors
    /// When that is not 0.
    pub(super) fn start(script: &str, arguments: &[&Path]) -> Outcome<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).args(arguments);
        // Not of our process group: who breaks off a run in a terminal must not end the shell as well.
        shell.process_group(0);
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut guard = Self { shell };
        let mut said = String::new();
        if let Some(output) = guard.shell.stdout.take() {
            BufReader::new(output).read_line(&mut said)?;
        }
        if said.trim() == "0" {
            Ok(guard)
        } else {
            Err(format!("a server did not start ({})", said.trim()).into())
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Its end is all that matters.
        let _ = self.shell.wait();
    }
}

/// Where a program of Postfix is; an administrator's folders are not on everybody's search path.
///
/// # Errors
/// What to install when it is nowhere.
pub(super) fn program(name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            format!(
                "T3 and T4 need Postfix's {name}; on Debian and Ubuntu `cargo xtask setup` (as root) or \
                 `apt-get install --no-install-recommends postfix` with \"No configuration\""
            )
            .into()
        })
}

/// The number of an account.
///
/// # Errors
/// When this machine has none of that name.
pub(super) fn account(name: &str) -> Outcome<u32> {
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    accounts
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            fields.nth(1)?.parse().ok()
        })
        .ok_or_else(|| format!("this machine has no account {name}").into())
}

/// Whether this process is root's.
#[must_use]
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // Who a process is, is whose its folder in /proc is.
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// A port nobody listens on.
///
/// # Errors
/// As the system.
pub(super) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
