//! Settings from flags and environment, and what follows from them: paths, secret, engine.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, Subcommand};
use crm_ai_claude::{Claude, ClaudeConfig};
use crm_channels::{Outbox, Smtp, SmtpConfig};
use crm_core::contact::AddressKind;
use crm_core::engine::Engine;
use crm_core::port::observer::Observer;
use crm_core::system::{RandomIds, SystemClock};
use crm_store_sqlite::{SqliteOptions, SqliteStore};

/// A thin HTTP host around the outreach engine.
///
/// Read from the environment only: CRM_SECRET (at least 32 bytes; created beside the database when
/// unset), CRM_DEMO_PASSWORD, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, CRM_MODEL, and a channel per
/// variable CRM_CHANNEL_<NAME>.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Config {
    /// Database: sqlite:PATH.
    #[arg(
        long,
        env = "CRM_DATABASE",
        default_value = "sqlite:crm.db",
        global = true
    )]
    pub(crate) database: String,
    /// Address to listen on; port 0 picks one.
    #[arg(long, env = "CRM_LISTEN", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// Fills an empty database with demo data.
    #[arg(long, env = "CRM_DEMO", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) demo: bool,
    /// Directory of delivered messages; `outbox` beside the database unless set.
    #[arg(long, env = "CRM_OUTBOX", global = true)]
    pub(crate) outbox: Option<PathBuf>,
    /// A channel's provider, for example email=smtp://user:pass@host:587?tls=starttls&from=a@b.example;
    /// repeatable. Channels without one go to the outbox.
    #[arg(
        long = "channel",
        value_name = "NAME=URL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) channels: Vec<String>,
    /// Serves HTTP only.
    #[arg(long, env = "CRM_NO_WORKER", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_worker: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Plans, drafts and delivers without serving HTTP.
    Worker,
}

/// A variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Config {
    pub(crate) fn path(&self) -> Result<PathBuf, String> {
        match self.database.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
            Some(("postgres" | "postgresql", _)) => {
                Err("this build stores in SQLite only; use --database sqlite:PATH".to_owned())
            }
            _ => Err("--database must be sqlite:PATH".to_owned()),
        }
    }

    fn outbox_path(&self) -> Result<PathBuf, String> {
        match &self.outbox {
            Some(path) => Ok(path.clone()),
            None => Ok(self.path()?.with_file_name("outbox")),
        }
    }

    /// The signing secret: from the environment, else from the file beside the database.
    pub(crate) fn secret(&self) -> Result<Vec<u8>, String> {
        if let Some(secret) = variable("CRM_SECRET") {
            return long_enough(secret.into_bytes(), "CRM_SECRET");
        }
        let path = beside(&self.path()?, ".secret");
        let failed = |error: io::Error| format!("the secret file cannot be used: {error}");
        match std::fs::read_to_string(&path) {
            Ok(text) => long_enough(text.trim().as_bytes().to_vec(), "the secret file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = crate::auth::random_hex()
                    .map_err(|_| "the system gives no random numbers".to_owned())?;
                let mut file = private().create_new(true).open(&path).map_err(failed)?;
                file.write_all(secret.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(failed)?;
                Ok(secret.into_bytes())
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The channels that were set up: name and URL. Flags win over variables.
    fn providers(&self) -> Result<Vec<(String, String)>, String> {
        let mut all: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter_map(|(name, url)| {
                Some((name.strip_prefix("CRM_CHANNEL_")?.to_lowercase(), url))
            })
            .filter(|(_, url)| !url.is_empty())
            .collect();
        for flag in &self.channels {
            let (name, url) = flag
                .split_once('=')
                .filter(|(name, _)| {
                    !name.is_empty()
                        && name
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                })
                .ok_or("--channel must be name=url with a lower-case name")?;
            all.push((name.to_owned(), url.to_owned()));
        }
        Ok(all)
    }

    /// Puts the engine together.
    pub(crate) fn engine(&self, observer: Arc<dyn Observer>) -> Result<Engine, String> {
        // Personal data: readable by its owner only from the first moment.
        private_file(&self.path()?)
            .map_err(|error| format!("the database cannot be created: {}", error.kind()))?;
        let store = SqliteStore::open(self.path()?, SqliteOptions::default())
            .map_err(|error| format!("the database cannot be opened: {error}"))?;
        let mut builder = Engine::builder(
            Arc::new(store),
            Arc::new(SystemClock),
            Arc::new(RandomIds::default()),
        )
        .observer(observer);
        let outbox = Outbox::new(self.outbox_path()?).map_err(|error| error.to_string())?;
        let kinds = [
            ("email", AddressKind::Email),
            ("sms", AddressKind::Phone),
            ("telegram", AddressKind::Telegram),
            ("whatsapp", AddressKind::Whatsapp),
        ];
        for (name, kind) in kinds {
            builder = builder.channel(name, Arc::new(outbox.clone().with_address(kind)));
        }
        let mut real = Vec::new();
        for (name, url) in self.providers()? {
            let smtp = SmtpConfig::parse(&url)
                .and_then(Smtp::new)
                .map_err(|error| format!("channel {name}: {error}"))?;
            builder = builder.channel(&name, Arc::new(smtp));
            real.push(name);
        }
        let model = self.model()?;
        tracing::info!(
            database = %self.path()?.display(),
            outbox = %self.outbox_path()?.display(),
            smtp_channels = ?real,
            model = model.as_ref().map(|(_, name)| name.as_str()),
            demo = self.demo,
            worker = !self.no_worker,
            "configuration"
        );
        Ok(match model {
            Some((claude, _)) => builder.llm(Arc::new(claude)).build(),
            None => builder.build(),
        })
    }

    fn model(&self) -> Result<Option<(Claude, String)>, String> {
        let Some(key) = variable("ANTHROPIC_API_KEY") else {
            return Ok(None);
        };
        let mut config = ClaudeConfig::new(key.into());
        if let Some(url) = variable("ANTHROPIC_BASE_URL") {
            config.base_url = url;
        }
        if let Some(model) = variable("CRM_MODEL") {
            config.model = model;
        }
        let name = config.model.clone();
        let claude = Claude::new(config).map_err(|error| format!("the model: {error}"))?;
        Ok(Some((claude, name)))
    }
}

fn long_enough(secret: Vec<u8>, what: &str) -> Result<Vec<u8>, String> {
    if secret.len() < 32 {
        return Err(format!("{what} must hold at least 32 bytes"));
    }
    Ok(secret)
}

/// `path` with `suffix` behind its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates `path` readable by its owner only, if it is not there yet.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Config {
        Config::parse_from(std::iter::once("crm-host").chain(args.iter().copied()))
    }

    #[test]
    fn reads_the_database() {
        assert_eq!(
            config(&["--database", "sqlite:/a/b.db"]).path().unwrap(),
            Path::new("/a/b.db")
        );
        assert!(config(&["--database", "postgres://x"]).path().is_err());
        assert!(config(&["--database", "b.db"]).path().is_err());
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(long_enough(vec![1; 31], "x").is_err());
        assert!(long_enough(vec![1; 32], "x").is_ok());
    }
}
