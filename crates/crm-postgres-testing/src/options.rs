//! How a server is started and stopped, and what that means for its settings.

use std::fmt;
use std::path::{Path, PathBuf};

/// How a server is started.
#[derive(Clone)]
pub struct ServerOptions {
    /// Whether a commit is on the disk when it is answered. Off is much faster and loses nothing when the
    /// server alone dies; tests of crashes leave it on. Default: true.
    pub fsync: bool,
    /// Further settings of `postgresql.conf`, name and value, such as `("max_connections", "20")`. A later
    /// one wins over an earlier one and over what this crate sets.
    pub settings: Vec<(String, String)>,
    /// Whether it listens on a free port of 127.0.0.1 too, for proxies and drivers that need it. A password
    /// is always asked for there: other users of the machine can reach it. Default: false.
    pub tcp: bool,
    /// The password over TCP, one line; a random one when none is given.
    pub password: Option<String>,
    /// The folder below which the data lie, for instance a small disk that is to be filled up; the folder
    /// for temporary files when none is given. Socket and log always lie in the latter.
    pub root: Option<PathBuf>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            fsync: true,
            settings: Vec::new(),
            tcp: false,
            password: None,
            root: None,
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("fsync", &self.fsync)
            .field("settings", &self.settings)
            .field("tcp", &self.tcp)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Transactions are rolled back, connections closed, everything is written.
    Fast,
    /// As in a crash: processes end at once, and the next start recovers.
    Immediate,
}

impl Mode {
    /// As pg_ctl calls it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// The lines to add to `postgresql.conf`.
///
/// # Errors
///
/// A setting whose name is no name, or a value with a line break or NUL.
pub(crate) fn configuration(options: &ServerOptions, socket: &Path) -> Result<String, String> {
    let mut settings: Vec<(&str, String)> = vec![
        ("unix_socket_directories", socket.display().to_string()),
        ("listen_addresses", listen(options.tcp).to_owned()),
        // Many tests at a time, each with a pool.
        ("max_connections", "200".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    if !options.fsync {
        settings.push(("fsync", "off".to_owned()));
        // Pages torn by a power cut are no matter; commits lost with the server would be, so
        // synchronous_commit stays on.
        settings.push(("full_page_writes", "off".to_owned()));
    }
    let own = options.settings.iter();
    settings.extend(own.map(|(name, value)| (name.as_str(), value.clone())));
    let mut text = String::from("\n");
    for (name, value) in settings {
        text += &setting(name, &value)?;
    }
    Ok(text)
}

const fn listen(tcp: bool) -> &'static str {
    if tcp { "127.0.0.1" } else { "" }
}

/// One line of `postgresql.conf`.
pub(crate) fn setting(name: &str, value: &str) -> Result<String, String> {
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(named) {
        return Err(format!("{name:?} is no name of a setting"));
    }
    if value.contains(['\n', '\r', '\0']) {
        return Err(format!("the setting {name} has a value of several lines"));
    }
    let value = value.replace('\\', "\\\\").replace('\'', "''");
    Ok(format!("{name} = '{value}'\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_settings_come_last_and_are_quoted() {
        let options = ServerOptions {
            settings: vec![("search_path".into(), r"it's\here".into())],
            ..ServerOptions::default()
        };
        let text = configuration(&options, Path::new("/s")).unwrap();
        assert!(text.contains("unix_socket_directories = '/s'\nlisten_addresses = ''\n"));
        assert!(text.ends_with("search_path = 'it''s\\\\here'\n"), "{text}");
        assert!(!text.contains("fsync") && !text.contains("127.0.0.1"));
    }

    #[test]
    fn fsync_and_tcp_are_settings() {
        let options = ServerOptions {
            fsync: false,
            tcp: true,
            ..ServerOptions::default()
        };
        let text = configuration(&options, Path::new("/s")).unwrap();
        assert!(text.contains("\nfsync = 'off'\n") && text.contains("'127.0.0.1'"));
    }

    #[test]
    fn a_setting_cannot_bring_another_one() {
        for (name, value) in [("", "1"), ("a = 1\nb", "1"), ("a'", "1"), ("a", "1\nb = 2")] {
            assert!(setting(name, value).is_err(), "{name:?} {value:?}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let options = ServerOptions {
            password: Some("tell-nobody".into()),
            ..ServerOptions::default()
        };
        assert!(!format!("{options:?}").contains("tell-nobody"));
    }
}
