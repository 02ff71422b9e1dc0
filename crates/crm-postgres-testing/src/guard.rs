//! The guard: a small shell process that does everything with the server and outlives whoever started it.
//!
//! It reads orders from a pipe. The system closes the pipe when the holder ends, even by SIGKILL; then the
//! guard stops the server and removes its folders. Since orders are carried out one after the other, the
//! holder cannot die between an order to start and the start itself.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::account::Account;
use crate::binaries::Binaries;

/// The superuser of every server.
pub(crate) const SUPERUSER: &str = "crm";

/// Arguments: the programs' folder, the data, the log, the superuser, then the folders to remove.
///
/// Every order is answered with the exit code of what was done. The programs get no part of the two pipes:
/// a server that held one would keep it open.
const SCRIPT: &str = r#"
bin=$1 data=$2 log=$3 user=$4
shift 4
# Nobody may be left to hear an answer; there is work left all the same.
trap '' PIPE
server() { "$bin/pg_ctl" "$@" -D "$data"; }
stop() {
    # A server that is not there is stopped.
    if server status; then server stop -w -t 120 -m "$1"; fi
}
obey() {
    case $1 in
        init) "$bin/initdb" -D "$data" -U "$user" -E UTF8 --locale=C --no-sync \
            --auth-local=trust --auth-host=scram-sha-256 ${2:+--pwfile="$2"} ;;
        start) server start -w -t 120 -l "$log" ;;
        stop) stop "$2" ;;
        promote) server promote -w -t 120 ;;
        *) false ;;
    esac
}
while read -r order argument; do
    obey "$order" "$argument" </dev/null >>"$log" 2>&1
    echo $?
done
stop immediate </dev/null >>"$log" 2>&1
rm -rf "$@" 2>>"$log"
"#;

/// What a guard has to know.
pub(crate) struct Watch<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) account: Option<&'a Account>,
    pub(crate) data: &'a Path,
    pub(crate) log: &'a Path,
    /// Removed with everything in them when the guard ends.
    pub(crate) folders: Vec<&'a Path>,
}

/// A running guard; dropping it stops the server and removes the folders.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
    /// `None` once the guard was told to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Starts the guard, as `account` when one is given.
    pub(crate) fn start(watch: &Watch<'_>) -> Result<Self, String> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "crm-pg-guard"])
            .args([watch.binaries.folder(), watch.data, watch.log])
            .arg(SUPERUSER)
            .args(&watch.folders)
            .current_dir("/")
            // Ctrl-C in a terminal goes to a whole group; the guard has work left then.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Whoever reads the holder's output to its end need not wait for the server.
            .stderr(Stdio::null());
        without_settings(&mut command);
        if let Some(account) = watch.account {
            // With a new user the standard library also gives up root's further groups.
            command.uid(account.uid).gid(account.gid);
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("the server's guard did not start: {error}"))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.ok_or("the server's guard has no output")?;
        Ok(Self {
            child,
            orders,
            answers: BufReader::new(answers),
        })
    }

    /// Prepares the data folder; the superuser's password is the first line of `password`.
    pub(crate) fn init(&mut self, password: Option<&Path>) -> Result<(), String> {
        match password {
            Some(path) => self.order(&format!("init {}", path.display())),
            None => self.order("init"),
        }
    }

    /// Gives an order and waits until it is carried out.
    pub(crate) fn order(&mut self, order: &str) -> Result<(), String> {
        let ended = || "the server's guard has ended".to_owned();
        let orders = self.orders.as_mut().ok_or_else(ended)?;
        writeln!(orders, "{order}").map_err(|_| ended())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|_| ended())?;
        let what = order.split(' ').next().unwrap_or(order);
        match answer.trim_end() {
            "0" => Ok(()),
            "" => Err(ended()),
            code => Err(format!("PostgreSQL: `{what}` failed with code {code}")),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.orders = None;
        // It ends by itself; there is nobody to tell if it was killed.
        let _ = self.child.wait();
    }
}

/// The developer's own settings for PostgreSQL, such as PGPORT and PGDATA, are meant for other servers.
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_setting(&name) {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("PG") || name.starts_with("LC_") || name == "LANG"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_for_other_servers_are_kept_away() {
        for (name, expected) in [
            ("PGPORT", true),
            ("PGDATA", true),
            ("LANG", true),
            ("LC_ALL", true),
            ("PATH", false),
            ("CRM_PG_BIN", false),
        ] {
            assert_eq!(is_setting(OsStr::new(name)), expected, "{name}");
        }
    }
}
