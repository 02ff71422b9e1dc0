//! The server itself.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::account::{self, Account};
use crate::binaries::Binaries;
use crate::folder;
use crate::guard::{Guard, SUPERUSER, Watch};
use crate::options::{Mode, ServerOptions, configuration, setting};
use crate::{files, url};

/// The socket's number where no port is open: it only names a file in the server's own folder.
const NUMBER: u16 = 5432;

/// How often another free port is tried when somebody took the first one meanwhile.
const PORTS: usize = 3;

/// Lines of the log that come with a failure.
const TAIL: usize = 40;

/// A running PostgreSQL server of this process alone; dropping it stops it and removes all its files.
///
/// It is reached over a Unix socket in a folder that only its owner may enter, without a password, as the
/// superuser `crm`; it is UTF-8 with the collation `C`, in the time zone UTC. All methods may be called from
/// several threads; starting and stopping take turns. A process that is killed leaves no server behind.
pub struct Server {
    /// Dropped first: it stops the server.
    guard: Mutex<Guard>,
    /// Socket and log.
    home: Folder,
    data: Folder,
    port: u16,
    password: Option<String>,
    binaries: Binaries,
    account: Option<Account>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("socket", &self.socket())
            .field("data", &self.data.0)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

/// A folder that is removed in the end, should the guard have been killed.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Usually gone already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new(parent: &Path, account: Option<&Account>) -> Result<Self, String> {
        let folder = Self(folder::private(parent)?);
        folder.give(&folder.0, account)?;
        Ok(folder)
    }

    /// Makes `path` the property of whoever runs the server.
    fn give(&self, path: &Path, account: Option<&Account>) -> Result<(), String> {
        account.map_or(Ok(()), |account| {
            std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
                .map_err(|error| shown(path, &error))
        })
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Server {
    /// Makes a new server and waits until it answers. It takes a second or so, most of it for `initdb`.
    ///
    /// Root cannot run PostgreSQL: then it runs as the user `postgres`, else as `nobody`.
    ///
    /// # Errors
    ///
    /// PostgreSQL was not found ([`Binaries::find`]), a folder cannot be made or reached by the user who
    /// runs the server, or it did not start: then with the end of its log.
    pub fn start(options: ServerOptions) -> Result<Self, String> {
        Self::start_with(&Binaries::find()?, options)
    }

    /// As [`Self::start`], with these programs.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_with(binaries: &Binaries, options: ServerOptions) -> Result<Self, String> {
        let mut server = Self::empty(binaries.clone(), &options)?;
        server.init()?;
        server.configure(&configuration(&options, &server.home.0)?)?;
        server.first_start(options.tcp)?;
        Ok(server)
    }

    /// Folders and a guard, no data.
    fn empty(binaries: Binaries, options: &ServerOptions) -> Result<Self, String> {
        let account = account_for(&binaries)?;
        let user = account.as_ref();
        let parent = folder::for_sockets(|parent| user.is_none() || account::open_to_all(parent))?;
        let home = Folder::new(&parent, user)?;
        let data = match &options.root {
            Some(root) => Folder::new(&absolute(root)?, user)?,
            None => Folder::new(&home.0, user)?,
        };
        let guard = Guard::start(&Watch {
            binaries: &binaries,
            account: user,
            data: &data.0,
            log: &home.log(),
            folders: vec![&data.0, &home.0],
        })?;
        Ok(Self {
            guard: Mutex::new(guard),
            home,
            data,
            port: NUMBER,
            password: password(options)?,
            binaries,
            account,
        })
    }

    /// Another server with this one's data, not started yet: a backup, to be restored with
    /// [`Self::start_again`], or a standby once it was told to [`Self::follow`].
    ///
    /// This server is stopped, or the caller has called `pg_backup_start` and keeps that connection open;
    /// `end` is called when the files are copied, calls `pg_backup_stop` and answers with the label's
    /// text, or with nothing for a stopped server. What the server writes to its log of changes until
    /// then has to be kept: set `wal_keep_size`.
    ///
    /// # Errors
    ///
    /// What `end` says, a file that cannot be copied, or `options` that want TCP: a copy is reached over
    /// its socket alone.
    pub fn copy(
        &self,
        options: ServerOptions,
        end: impl FnOnce() -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        if options.tcp {
            return Err("a copy of a server is reached over its socket alone".to_owned());
        }
        let copy = Self::empty(self.binaries.clone(), &options)?;
        let (from, to) = (&self.data.0, &copy.data.0);
        files::copy(from, to)?;
        if let Some(label) = end()? {
            let path = to.join("backup_label");
            fs::write(&path, label).map_err(|error| shown(&path, &error))?;
        }
        files::copy_changes(from, to)?;
        copy.configure(&configuration(&options, &copy.home.0)?)?;
        copy.configure(&setting("port", &copy.port.to_string())?)?;
        let give = |path: &Path| copy.home.give(path, copy.account.as_ref());
        files::each(to, &give)?;
        Ok(copy)
    }

    /// Makes this server, a stopped copy, a standby of `primary`, which knows it as `name`, from its next
    /// start until it is promoted.
    ///
    /// # Errors
    ///
    /// The files that say so cannot be written.
    pub fn follow(&self, primary: &Self, name: &str) -> Result<(), String> {
        let way = url::words(SUPERUSER, &primary.home.0, primary.port, name);
        // Where ALTER SYSTEM writes too, so that it wins over what was copied.
        self.append("postgresql.auto.conf", &setting("primary_conninfo", &way)?)?;
        self.mark("standby.signal")
    }

    /// An empty file that the server looks for.
    fn mark(&self, file: &str) -> Result<(), String> {
        self.append(file, "")?;
        self.home
            .give(&self.data.0.join(file), self.account.as_ref())
    }

    /// Makes this server, a stopped copy, recover at its next start as from an archive that holds nothing
    /// more: from then on it is a server of its own, on a new timeline. Without this it recovers as after a
    /// crash and stays on the timeline it had.
    ///
    /// # Errors
    ///
    /// The files that say so cannot be written.
    pub fn recover(&self) -> Result<(), String> {
        self.configure(&setting("restore_command", "false")?)?;
        self.mark("recovery.signal")
    }

    /// Makes a running standby a server of its own, on a new timeline, and waits until it takes writes.
    ///
    /// # Errors
    ///
    /// It is no standby, or did not finish within two minutes.
    pub fn promote(&self) -> Result<(), String> {
        self.with_log(|guard| guard.order("promote"))
    }

    fn init(&mut self) -> Result<(), String> {
        let Some(password) = &self.password else {
            return self.with_log(|guard| guard.init(None));
        };
        let path = self.home.0.join("password");
        let write = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            writeln!(file, "{password}")
        };
        write().map_err(|error| shown(&path, &error))?;
        self.home.give(&path, self.account.as_ref())?;
        let done = self.with_log(|guard| guard.init(Some(&path)));
        fs::remove_file(&path).map_err(|error| shown(&path, &error))?;
        done
    }

    fn configure(&self, lines: &str) -> Result<(), String> {
        self.append("postgresql.conf", lines)
    }

    fn append(&self, file: &str, lines: &str) -> Result<(), String> {
        let path = self.data.0.join(file);
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|error| shown(&path, &error))
    }

    fn first_start(&mut self, tcp: bool) -> Result<(), String> {
        if !tcp {
            self.configure(&setting("port", &self.port.to_string())?)?;
            return self.start_again();
        }
        let mut done = Ok(());
        for _ in 0..PORTS {
            self.port = free_port()?;
            self.configure(&setting("port", &self.port.to_string())?)?;
            done = self.start_again();
            if done.is_ok() {
                break;
            }
        }
        done
    }

    /// The URL of `database` over the socket, as sqlx and libpq read it. It holds for the server's life,
    /// restarts included. `postgres` is the maintenance database, which is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url::socket(SUPERUSER, &self.home.0, self.port, database)
    }

    /// The URL of `database` over TCP, with the password; `None` unless [`ServerOptions::tcp`] was set.
    #[must_use]
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        let password = self.password.as_ref()?;
        Some(url::tcp(SUPERUSER, password, self.port, database))
    }

    /// The socket's path.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.home.0.join(format!(".s.PGSQL.{}", self.port))
    }

    /// The port on 127.0.0.1; `None` unless [`ServerOptions::tcp`] was set.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.password.as_ref().map(|_| self.port)
    }

    /// The folder of the data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data.0
    }

    /// The number of the server's first process; `None` while it is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data.0.join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// Stops the server and waits until it has ended; does nothing when it is stopped.
    ///
    /// # Errors
    ///
    /// It did not end within two minutes.
    pub fn stop(&self, mode: Mode) -> Result<(), String> {
        self.with_log(|guard| guard.order(&format!("stop {}", mode.word())))
    }

    /// Starts a stopped server, with the same data, socket and port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It runs already, or did not start (its port may have been taken meanwhile).
    pub fn start_again(&self) -> Result<(), String> {
        self.with_log(|guard| guard.order("start"))
    }

    /// [`Self::stop`], then [`Self::start_again`], and nobody else's order in between.
    ///
    /// # Errors
    ///
    /// As both.
    pub fn restart(&self, mode: Mode) -> Result<(), String> {
        self.with_log(|guard| {
            guard.order(&format!("stop {}", mode.word()))?;
            guard.order("start")
        })
    }

    /// The last lines of the log, for the message of a failed test.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.home.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL)..);
        tail.unwrap_or_default().join("\n")
    }

    fn with_log(&self, run: impl FnOnce(&mut Guard) -> Result<(), String>) -> Result<(), String> {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        run(&mut guard).map_err(|problem| format!("{problem}; its log ends:\n{}", self.log_tail()))
    }
}

/// Whom to run as: `None` for the user of this process.
fn account_for(binaries: &Binaries) -> Result<Option<Account>, String> {
    // What this process makes belongs to its user: the way to ask the standard library who that is.
    let trial = Folder(folder::private(&std::env::temp_dir())?);
    if !account::owned_by_root(&trial.0)? {
        return Ok(None);
    }
    let account = account::unprivileged()?;
    if account::open_to_all(binaries.folder()) {
        return Ok(Some(account));
    }
    Err(format!(
        "root cannot run PostgreSQL, and the user `{}` may not enter {}: install PostgreSQL where every \
         user can run it, or run the tests as another user",
        account.name,
        binaries.folder().display()
    ))
}

fn password(options: &ServerOptions) -> Result<Option<String>, String> {
    match &options.password {
        _ if !options.tcp => Ok(None),
        None => Ok(Some(folder::secret() + &folder::secret())),
        Some(given) if given.is_empty() || given.contains(['\n', '\r', '\0']) => {
            Err("the server's password has to be one line".to_owned())
        }
        Some(given) => Ok(Some(given.clone())),
    }
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on 127.0.0.1: {error}"))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| shown(path, &error))
}

pub(crate) fn shown(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
