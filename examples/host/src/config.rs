//! Settings: from flags, else from the environment, else from a file, else the default.

mod channels;
mod database;
mod file;
mod flags;
mod source;
mod subscriptions;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser as _;
use crm_core::campaign::holidays::Calendar;
use crm_core::guardrail::Rules;
use secrecy::{ExposeSecret as _, SecretString};

pub(crate) use channels::{ChannelSettings, ChannelTable};
pub(crate) use database::Database;
use file::FileSettings;
pub(crate) use flags::Command;
use flags::Flags;
pub(crate) use subscriptions::SubscriptionSettings;

/// The settings in force.
pub(crate) struct Config {
    pub(crate) database: Database,
    pub(crate) listen: SocketAddr,
    /// Where people reach this host, without a slash at the end.
    pub(crate) public_url: Option<String>,
    /// Whether offers go only to people who said yes to them.
    pub(crate) marketing_needs_opt_in: bool,
    pub(crate) demo: bool,
    /// How many drafts wait for approval in the demo, besides its usual data.
    pub(crate) demo_drafts: u32,
    pub(crate) demo_password: Option<SecretString>,
    pub(crate) outbox: PathBuf,
    /// The channels that have a provider, by name.
    pub(crate) channels: BTreeMap<String, ChannelSettings>,
    /// Who is told of state changes, by name.
    pub(crate) subscriptions: BTreeMap<String, SubscriptionSettings>,
    /// What texts are checked by.
    pub(crate) guardrails: Rules,
    /// Calendars of holidays that campaigns may name.
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) worker: bool,
    /// How long after it was due a message still leaves; the worker's own limit when unset.
    pub(crate) late_after: Option<chrono::Duration>,
    /// The largest file of an import over HTTP, in bytes.
    pub(crate) largest_import: u64,
    /// Signs access tokens; when unset, from the file beside an SQLite database.
    pub(crate) secret: Option<SecretString>,
    /// Sign links to unsubscribe, the first one; the others are still read. When unset, from the file beside
    /// an SQLite database.
    pub(crate) unsubscribe_keys: Option<Vec<SecretString>>,
    pub(crate) model_key: Option<SecretString>,
    pub(crate) model_url: Option<String>,
    pub(crate) model: Option<String>,
    /// Asked in this order when those before do not answer.
    pub(crate) fallback_models: Vec<String>,
    pub(crate) command: Option<Command>,
    /// The file that was read.
    file: Option<PathBuf>,
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Config {
    /// Reads flags, environment and file. Ends the process on `--help` and on flags that are wrong.
    pub(crate) fn load() -> Result<Self, String> {
        let flags = Flags::parse();
        let file = match &flags.config {
            Some(path) => FileSettings::read(path, &variable)?,
            None => FileSettings::default(),
        };
        resolve(flags, file, variable, std::env::vars_os())
    }

    /// The settings of the host for a program beside it, which has flags of its own: only where they are and the database.
    pub(crate) fn beside(
        config: Option<PathBuf>,
        database: Option<SecretString>,
    ) -> Result<Self, String> {
        let mut flags = Flags::try_parse_from(["crm-host"]).map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        })?;
        flags.config = config.or(flags.config);
        flags.database = database.or(flags.database);
        let file = match &flags.config {
            Some(path) => FileSettings::read(path, &variable)?,
            None => FileSettings::default(),
        };
        resolve(flags, file, variable, std::env::vars_os())
    }
}

fn resolve(
    flags: Flags,
    file: FileSettings,
    variable: impl Fn(&str) -> Option<String>,
    variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<Config, String> {
    let database = flags.database.or(file.database);
    let database = database.as_ref().map(|text| text.expose_secret());
    let database = Database::parse(database.unwrap_or("sqlite:crm.db"))?;
    let listen = match (flags.listen, file.listen) {
        (Some(address), _) => address,
        (None, Some(text)) => flags::address(&text).map_err(|why| format!("listen: {why}"))?,
        (None, None) => SocketAddr::from(([127, 0, 0, 1], 8000)),
    };
    let mut channels = file.channels;
    for (name, url) in variables {
        let (Ok(name), Ok(url)) = (name.into_string(), url.into_string()) else {
            continue;
        };
        if let Some(name) = name.strip_prefix("CRM_CHANNEL_")
            && !url.is_empty()
        {
            channels.insert(name.to_lowercase(), ChannelSettings::Line(url.into()));
        }
    }
    for (name, url) in flags.channels {
        channels.insert(name, ChannelSettings::Line(url));
    }
    if let Some(name) = channels.keys().find(|name| !flags::channel_name(name)) {
        return Err(format!(
            "channel {name:?}: use lower-case letters, digits and _ in the name"
        ));
    }
    let secret = |name: &str, file: Option<SecretString>| variable(name).map(Into::into).or(file);
    let demo_password = secret("CRM_DEMO_PASSWORD", file.demo_password);
    if demo_password
        .as_ref()
        .is_some_and(|password| !(8..=100).contains(&password.expose_secret().chars().count()))
    {
        return Err("CRM_DEMO_PASSWORD must have 8 to 100 characters".to_owned());
    }
    let demo = flags.demo.or(file.demo).unwrap_or(false);
    let demo_drafts = match flags.demo_drafts.or(file.demo_drafts) {
        None | Some(0) => 0,
        Some(1..=1_000) if !demo => {
            return Err("demo_drafts belongs to the demo data: set demo, too".to_owned());
        }
        Some(count @ 1..=1_000) => count,
        Some(_) => return Err("demo_drafts: use 0 to 1000".to_owned()),
    };
    let late_after = file.late_after.map(|seconds| match seconds {
        60..=31_536_000 => Ok(chrono::Duration::seconds(i64::from(seconds))),
        _ => Err("late_after: use 60 to 31536000 seconds, a minute to a year".to_owned()),
    });
    let public_url = flags.public_url.or(file.public_url);
    let unsubscribe_keys = match variable("CRM_UNSUBSCRIBE_KEYS") {
        Some(keys) => Some(keys.split_whitespace().map(Into::into).collect()),
        None => file.unsubscribe_keys,
    };
    Ok(Config {
        outbox: flags
            .outbox
            .or(file.outbox)
            .unwrap_or_else(|| database.outbox()),
        database,
        listen,
        public_url: public_url.as_deref().map(address_of).transpose()?,
        marketing_needs_opt_in: file.marketing_needs_opt_in.unwrap_or(false),
        demo,
        demo_drafts,
        demo_password,
        channels,
        subscriptions: file.subscriptions,
        guardrails: file.guardrails,
        calendars: file.calendars,
        worker: !flags.no_worker.or(file.no_worker).unwrap_or(false),
        late_after: late_after.transpose()?,
        largest_import: largest_import(flags.largest_import.or(file.largest_import))?,
        secret: secret("CRM_SECRET", file.secret),
        unsubscribe_keys,
        model_key: secret("ANTHROPIC_API_KEY", file.anthropic_api_key),
        model_url: variable("ANTHROPIC_BASE_URL").or(file.anthropic_base_url),
        model: variable("CRM_MODEL").or(file.model),
        fallback_models: variable("CRM_FALLBACK_MODELS")
            .map(|list| list.split_whitespace().map(str::to_owned).collect())
            .or(file.fallback_models)
            .unwrap_or_default(),
        command: flags.command,
        file: flags.config,
    })
}

/// In bytes.
fn largest_import(mebibytes: Option<u32>) -> Result<u64, String> {
    match mebibytes.unwrap_or(1024) {
        found @ 1..=1_048_576 => Ok(u64::from(found) << 20),
        _ => Err("largest_import: use 1 to 1048576 MiB, at most 1 TiB".to_owned()),
    }
}

/// The host's public address: programs of mail providers post to it, which take nothing but TLS.
fn address_of(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/%[]".contains(&b);
    if rest.is_empty() || rest.starts_with('/') || text.len() > 400 || !rest.bytes().all(sign) {
        return Err(
            "public_url must be the https address of this host, for example https://crm.salon.example"
                .to_owned(),
        );
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// What is logged at the start: everything but secrets, of which it says only where they come from.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |secret: &Option<SecretString>, otherwise: &'static str| match secret {
            Some(_) => "[redacted]",
            None => otherwise,
        };
        if let Some(file) = &self.file {
            write!(f, "config={} ", file.display())?;
        }
        write!(
            f,
            "database={} listen={} demo={} outbox={} no_worker={} secret={}",
            self.database,
            self.listen,
            self.demo,
            self.outbox.display(),
            !self.worker,
            known(
                &self.secret,
                match self.database {
                    Database::Sqlite(_) => "[beside the database]",
                    Database::Postgres(_) => "none",
                }
            ),
        )?;
        if let Some(limit) = self.late_after {
            write!(f, " late_after={}", limit.num_seconds())?;
        }
        if let Some(url) = &self.public_url {
            write!(f, " public_url={url}")?;
        }
        if self.marketing_needs_opt_in {
            f.write_str(" marketing_needs_opt_in=true")?;
        }
        for (name, settings) in &self.channels {
            write!(f, " channel.{name}={settings}")?;
        }
        if !self.subscriptions.is_empty() {
            let names: Vec<&str> = self.subscriptions.keys().map(String::as_str).collect();
            write!(f, " subscriptions={}", names.join(","))?;
        }
        write!(f, " anthropic_api_key={}", known(&self.model_key, "none"))?;
        if self.model_key.is_some() {
            write!(f, " model={}", self.model.as_deref().unwrap_or("default"))?;
        }
        Ok(())
    }
}

/// `scheme://host:port` of a provider's address: login and parameters may be secret.
fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://[redacted]@{host}"),
        None => format!("{scheme}://{authority}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn config(
        args: &[&str],
        toml: &str,
        env: &[(&str, &str)],
    ) -> Result<Config, String> {
        let args = std::iter::once("crm-host").chain(args.iter().copied());
        let flags = Flags::try_parse_from(args).map_err(|error| error.to_string())?;
        let lookup: BTreeMap<String, String> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let find = |name: &str| lookup.get(name).cloned();
        let folder = lookup.get("FOLDER").map(PathBuf::from).unwrap_or_default();
        let file = FileSettings::parse(toml, &folder, &find)?;
        let all = lookup
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        resolve(flags, file, find, all)
    }

    fn problem(args: &[&str], toml: &str, env: &[(&str, &str)]) -> String {
        match config(args, toml, env) {
            Ok(_) => panic!("accepted"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let toml = "database = 'sqlite:/a/file.db'\nlisten = '127.0.0.1:1'\nmodel = 'file'\n\
            [channels]\nemail = 'smtp://file'\nsms = 'smtp://file'\npush = 'smtp://file'\n";
        let env = [
            ("CRM_CHANNEL_EMAIL", "smtp://env"),
            ("CRM_CHANNEL_SMS", "smtp://env"),
            ("CRM_MODEL", "env"),
        ];
        let args = [
            "--database",
            "sqlite:/a/flag.db",
            "--channel",
            "email=smtp://flag",
        ];
        let found = config(&args, toml, &env).unwrap();
        assert_eq!(found.database.to_string(), "sqlite:/a/flag.db");
        assert_eq!(found.outbox, PathBuf::from("/a/outbox"));
        assert_eq!(found.listen.port(), 1);
        assert_eq!(found.model.as_deref(), Some("env"));
        let urls: Vec<_> = found
            .channels
            .iter()
            .map(|(name, settings)| format!("{name} {settings}"))
            .collect();
        assert_eq!(
            urls,
            ["email smtp://flag", "push smtp://file", "sms smtp://env"]
        );
        let secret = config(
            &[],
            "demo_password = 'from the file'",
            &[("CRM_DEMO_PASSWORD", "from outside")],
        );
        let secret = secret.unwrap().demo_password.unwrap();
        assert_eq!(secret.expose_secret(), "from outside");
        assert!(!config(&["--demo=false"], "demo = true", &[]).unwrap().demo);
        assert!(config(&[], "demo = true", &[]).unwrap().demo);
    }

    #[test]
    fn nonsense_is_refused_with_what_to_do() {
        for (problem, hint) in [
            (problem(&[], "databse = 'x'", &[]), "databse"),
            (problem(&[], "listen = 5", &[]), "listen"),
            (problem(&[], "listen = 'x'", &[]), "127.0.0.1:8000"),
            (problem(&[], "late_after = 59", &[]), "60 to 31536000"),
            (problem(&[], "largest_import = 0", &[]), "1 to 1048576"),
            (
                problem(&["--largest-import=1048577"], "", &[]),
                "1 to 1048576",
            ),
            (problem(&[], "late_after = 31536001", &[]), "60 to 31536000"),
            (problem(&[], "late_after = '3 days'", &[]), "late_after"),
            (
                problem(&[], "[channels]\nE = 'smtp://x'", &[]),
                "lower-case",
            ),
            (problem(&["--listen", "8000"], "", &[]), "127.0.0.1:8000"),
            (problem(&["--database", "crm.db"], "", &[]), "sqlite:PATH"),
            (
                problem(&["--database", "mysql://x"], "", &[]),
                "postgres://USER",
            ),
            (problem(&[], "database = 'mysql://x'", &[]), "sqlite:PATH"),
            (problem(&["--channel", "smtp://x"], "", &[]), "name=url"),
            (problem(&["--demo=perhaps"], "", &[]), "--demo"),
            (problem(&["--demo-drafts", "100"], "", &[]), "set demo, too"),
            (problem(&["--demo"], "demo_drafts = 1001", &[]), "0 to 1000"),
            (
                problem(&["--demo", "--demo-drafts", "many"], "", &[]),
                "whole number",
            ),
            (problem(&["--colour"], "", &[]), "--colour"),
            (
                problem(&[], "", &[("CRM_DEMO_PASSWORD", "short")]),
                "8 to 100",
            ),
        ] {
            assert!(problem.contains(hint), "{problem}");
        }
        let secret = problem(&[], "secret = 123456789", &[]);
        assert!(!secret.contains("123456789"), "{secret}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let found = config(
            &[
                "--channel",
                "email=smtp://anna:hunter2@mail.example:25?from=a@b.example&token=t0ken",
                "--database",
                "postgres://boris:s3same@db.example/crm?password=hunter2",
            ],
            "secret = 'very secret very secret very secret'\ndemo_password = 'let me in please'",
            &[("ANTHROPIC_API_KEY", "sk-ant-1")],
        );
        let shown = found.unwrap().to_string();
        for secret in [
            "anna",
            "hunter2",
            "t0ken",
            "boris",
            "s3same",
            "very secret",
            "let me in",
            "sk-ant",
        ] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            shown.contains("channel.email=smtp://[redacted]@mail.example:25"),
            "{shown}"
        );
        assert!(
            shown.contains("database=postgres://[redacted]@db.example/crm "),
            "{shown}"
        );
    }
}
