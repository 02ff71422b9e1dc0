//! Flags, and the variables that stand in for them.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use secrecy::SecretString;

/// What `--help` says below the flags.
const MORE: &str = "\
Read from the environment or the file, so that no process list shows them:
  CRM_DATABASE         as --database, when the address holds a password
  CRM_MIGRATE_TO       as migrate-store --to, when the address holds a password
  CRM_SECRET           signs access tokens, at least 32 bytes, the same for all hosts of a database;
                       created beside an SQLite database when unset
  CRM_UNSUBSCRIBE_KEYS sign the links to unsubscribe, at least 32 bytes each, divided by spaces: the first one
                       signs, the others are still read; created beside an SQLite database when unset
  CRM_DEMO_PASSWORD    password of the three demo users, 8 to 100 characters; random when unset
  CRM_CHANNEL_<NAME>   as --channel <name>=...
  ANTHROPIC_API_KEY    drafts come from Claude; without it from templates and built-in greetings
  ANTHROPIC_BASE_URL   another address of the model's API
  CRM_MODEL            another model
  CRM_FALLBACK_MODELS  models asked when those before them do not answer, divided by spaces
  RUST_LOG             what is logged to standard error: error, warn, info (unless set), debug

The file is TOML. Its keys are those of the flags with _ for -, and secret, unsubscribe_keys, demo_password,
anthropic_api_key, anthropic_base_url, model, fallback_models, marketing_needs_opt_in (offers only to people who said yes to them;
else to all who did not say no). Each channel is a table with one provider or several: e-mail, text
messages, Telegram, WhatsApp, webhooks. A secret may stand elsewhere: KEY_env names a variable, KEY_file a
file. All of it, with every provider: examples/host/crm-host.example.toml.
  database = \"sqlite:/var/lib/crm/crm.db\"    # or \"postgres://crm:password@db.example/crm\"
  listen = \"127.0.0.1:8000\"
  public_url = \"https://crm.salon.example\"
  [channels.telegram]
  type = \"telegram\"
  token_env = \"TELEGRAM_TOKEN\"

Flags win over the environment, the environment over the file.";

/// A thin HTTP host around the outreach engine.
#[derive(Parser)]
#[command(name = "crm-host", version, after_help = MORE)]
pub(super) struct Flags {
    /// Settings file (TOML).
    #[arg(long, env = "CRM_CONFIG", value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Database: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE [default: sqlite:crm.db].
    #[arg(
        long,
        env = "CRM_DATABASE",
        value_name = "URL",
        global = true,
        hide_env_values = true,
        value_parser = secret
    )]
    pub(super) database: Option<SecretString>,
    /// Address to listen on; port 0 picks one [default: 127.0.0.1:8000].
    #[arg(long, env = "CRM_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,
    /// Where people reach this host, https://...; mails then say where to unsubscribe, and people can be asked to opt in.
    #[arg(long, env = "CRM_PUBLIC_URL", value_name = "URL", global = true)]
    pub(super) public_url: Option<String>,
    /// Fills an empty database with demo data.
    #[arg(long, env = "CRM_DEMO", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = yes)]
    pub(super) demo: Option<bool>,
    /// With --demo: so many drafts more that wait for approval, 0 to 1000, to try the inbox with [default: 0].
    #[arg(long, env = "CRM_DEMO_DRAFTS", value_name = "COUNT", value_parser = count)]
    pub(super) demo_drafts: Option<u32>,
    /// Directory of delivered messages [default: outbox/ beside an SQLite database, else here].
    #[arg(long, env = "CRM_OUTBOX", value_name = "DIRECTORY", global = true)]
    pub(super) outbox: Option<PathBuf>,
    /// A channel's mail relay, for example
    /// email=smtp://user:password@host:587?tls=starttls&from=a@b.example (tls: none, starttls, implicit);
    /// repeatable. Other providers are set up in the file. Channels without a provider go to the outbox.
    #[arg(long = "channel", value_name = "NAME=URL", global = true, value_parser = channel)]
    pub(super) channels: Vec<(String, SecretString)>,
    /// Serves HTTP only.
    #[arg(long, env = "CRM_NO_WORKER", value_name = "BOOL", num_args = 0..=1,
        require_equals = true, default_missing_value = "true", value_parser = yes)]
    pub(super) no_worker: Option<bool>,
    /// The largest file of contacts that is taken over HTTP, in MiB [default: 1024].
    #[arg(long, env = "CRM_LARGEST_IMPORT", value_name = "MIB")]
    pub(super) largest_import: Option<u32>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Plans, drafts and delivers without serving HTTP.
    Worker,
    /// Prints the OpenAPI document of this version, for those who make clients from it.
    Openapi,
    /// Moves everything from an SQLite database into an empty PostgreSQL one. Stop all hosts first; run it
    /// again if it was cut off.
    MigrateStore {
        /// Where everything is: sqlite:PATH. It is only read.
        #[arg(long, value_name = "URL", value_parser = secret)]
        from: SecretString,
        /// Where it goes: postgres://USER:PASSWORD@HOST/DATABASE.
        #[arg(long, env = "CRM_MIGRATE_TO", value_name = "URL", hide_env_values = true,
            value_parser = secret)]
        to: SecretString,
    },
}

/// Never fails: what is wrong with it is told without its value, which clap would repeat.
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .ok_or_else(|| "use ADDRESS:PORT, for example 127.0.0.1:8000".to_owned())
}

/// An empty variable is one that is not set.
fn yes(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("use true or false".to_owned()),
    }
}

/// As [`yes`]: an empty variable is one that is not set.
fn count(text: &str) -> Result<u32, String> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| "use a whole number, for example 100".to_owned())
}

pub(super) fn channel_name(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fine)
}

fn channel(text: &str) -> Result<(String, SecretString), String> {
    text.split_once('=')
        .filter(|(name, _)| channel_name(name))
        .map(|(name, url)| (name.to_owned(), url.into()))
        .ok_or_else(|| "use name=url with a lower-case name".to_owned())
}
