//! A Postfix of its own: other folders, another port, one Maildir for everybody. The machine's own Postfix, if
//! there is one, is not touched.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::guard::{self, Guard};
use super::sink;
use crate::Outcome;

/// Arguments: `postfix`, the folder of its settings, where its words go.
const SCRIPT: &str = r#"
"$1" -c "$2" start </dev/null >>"$3" 2>&1
echo $?
read -r _
"$1" -c "$2" stop </dev/null >>"$3" 2>&1
"#;

/// What takes mail, keeps it in the queue and delivers it, as Postfix comes but for `chroot`.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
";

/// A running Postfix.
#[derive(Debug)]
pub(super) struct Postfix {
    _guard: Guard,
    /// Where it listens on 127.0.0.1.
    pub(super) port: u16,
    boxes: PathBuf,
}

impl Postfix {
    /// One that is ready, with everything in `folder`.
    ///
    /// # Errors
    /// When it does not start; only root can start it.
    pub(super) async fn start(folder: &Path) -> Outcome<Self> {
        let program = guard::program("postfix")?;
        if !guard::is_root() {
            return Err("T4 needs root: Postfix starts and delivers as root".into());
        }
        let port = guard::free_port()?;
        // Accounts without rights have to get in.
        open_to_all(folder)?;
        let folder = folder.join("postfix");
        let boxes = folder.join("boxes");
        let settings = folder.join("settings");
        for (name, owner) in [
            ("", "root"),
            ("settings", "root"),
            ("log", "root"),
            ("queue", "root"),
            ("data", "postfix"),
            ("boxes", "nobody"),
        ] {
            let place = folder.join(name);
            std::fs::create_dir_all(&place)?;
            open_to_all(&place)?;
            chown(&place, Some(guard::account(owner)?), None)?;
        }
        std::fs::write(settings.join("main.cf"), main_cf(&folder)?)?;
        let services = format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}");
        std::fs::write(settings.join("master.cf"), services)?;
        let words = folder.join("log/words");
        let guard = Guard::start(SCRIPT, &[&program, &settings, &words]);
        let guard = guard.map_err(|error| told(&*error, &folder))?;
        sink::listens(port)
            .await
            .map_err(|error| told(&*error, &folder))?;
        Ok(Self {
            _guard: guard,
            port,
            boxes,
        })
    }

    fn arrivals(&self) -> PathBuf {
        self.boxes.join("all/new")
    }

    /// Waits until that many messages have been delivered and none is left on the way.
    ///
    /// # Errors
    /// When none is delivered for a minute, or more than that many are.
    pub(super) async fn settled(&self, count: usize) -> Outcome<()> {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let delivered = std::fs::read_dir(self.arrivals()).map_or(0, Iterator::count);
            if delivered == count {
                return Ok(());
            }
            if delivered > before {
                (before, since) = (delivered, Instant::now());
            }
            if delivered > count || since.elapsed() > Duration::from_secs(60) {
                return Err(format!("{delivered} messages are in the Maildir, not {count}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Holds that each of these messages (by its `Message-ID`, without brackets) lies in the Maildir once, and
    /// nothing else does.
    ///
    /// # Errors
    /// When one is missing, twice there or strange.
    pub(super) fn holds(&self, mut wanted: BTreeSet<String>) -> Outcome<()> {
        for mail in std::fs::read_dir(self.arrivals())? {
            let id = message_id(&mail?.path())?;
            if !wanted.remove(&id) {
                return Err(format!("{id} was delivered and is strange, or twice there").into());
            }
        }
        match wanted.len() {
            0 => Ok(()),
            missing => Err(format!("{missing} messages were not delivered").into()),
        }
    }

    /// Throws away what was delivered.
    ///
    /// # Errors
    /// As the file system.
    pub(super) fn empty(&self) -> Outcome<()> {
        match std::fs::remove_dir_all(self.boxes.join("all")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The `Message-ID` among the headers of a file.
fn message_id(path: &Path) -> Outcome<String> {
    for line in BufReader::new(std::fs::File::open(path)?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("message-id")
        {
            return Ok(value.trim().trim_matches(['<', '>']).to_owned());
        }
    }
    Err(format!("{} has no Message-ID", path.display()).into())
}

fn open_to_all(folder: &Path) -> Outcome<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn main_cf(folder: &Path) -> Outcome<String> {
    let default = |name: &str| -> Outcome<String> {
        let asked = Command::new(guard::program("postconf")?)
            .args(["-d", "-h", name])
            .output()?;
        Ok(String::from_utf8(asked.stdout)?.trim().to_owned())
    };
    let (daemons, nobody) = (default("daemon_directory")?, guard::account("nobody")?);
    let folder = folder.display();
    Ok(format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
maillog_file = {folder}/log/mail
maillog_file_prefixes = {folder}/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example
mydestination =
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = example.uz
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_minimum_uid = 1
"
    ))
}

/// With what Postfix said.
fn told(error: &dyn std::error::Error, folder: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    format!("{error}:\n{}{}", read("log/words"), read("log/mail"))
}
