//! What an engine is opened with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_channels::{Outbox, Smtp, SmtpConfig};
use crm_core::consent::Rules;
use crm_core::consent::token::TokenKeys;
use crm_core::contact::AddressKind;
use crm_core::engine::{Engine, Policy};
use crm_core::port::channel::ChannelCapabilities;
use crm_core::port::ids::Ids as _;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::WorkerOptions;
use crm_core::{Actor, Error, ErrorKind, Result, Role, Workspace, zone};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::database::{self, Closing, Database};
use crate::foreign::{ForeignChannel, ForeignLlm, Plugins};

/// Who works, in which workspace.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Who {
    /// The host's own id of the user.
    pub(crate) actor: String,
    /// `viewer`, `manager` or `admin`.
    pub(crate) role: String,
    /// Tenant.
    #[serde(default)]
    pub(crate) workspace: Option<String>,
}

impl Who {
    pub(crate) fn actor(self) -> Result<Actor> {
        let role = [Role::Viewer, Role::Manager, Role::Admin]
            .into_iter()
            .find(|role| role.as_str() == self.role)
            .ok_or_else(|| Error::field("role", "use viewer, manager or admin"))?;
        let fine = (1..=200).contains(&self.actor.chars().count())
            && !self.actor.chars().any(char::is_control);
        if !fine {
            return Err(Error::field("actor", "use 1 to 200 characters on one line"));
        }
        let workspace = self.workspace.map(Workspace::new).transpose()?;
        Ok(Actor::new(workspace.unwrap_or_default(), self.actor, role))
    }
}

/// What a channel that is written in the host's language can do. What is not given has the default of
/// [`ChannelCapabilities`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Which of the contact's addresses it uses: `email` (default), `phone`, `telegram`, `whatsapp`,
    /// `external_id`.
    pub address: Option<AddressKind>,
    /// Whether it delivers a subject. Default true.
    pub subject: Option<bool>,
    /// Whether it delivers HTML. Default false.
    pub html: Option<bool>,
    /// Longest body in Unicode scalar values, at least 1.
    pub max_length: Option<usize>,
    /// Whether the provider removes duplicates by `attempt_id`. Default false.
    pub idempotent: Option<bool>,
    /// Deliveries at once, 1 to 1,000. Default 16.
    pub concurrency: Option<usize>,
    /// Milliseconds one delivery may take, 1 to 600,000. Default 30,000.
    pub timeout_ms: Option<u64>,
}

impl Capabilities {
    pub(crate) fn check(&self) -> Result<ChannelCapabilities> {
        let base = ChannelCapabilities::default();
        let concurrency = self.concurrency.unwrap_or(base.concurrency);
        if !(1..=1_000).contains(&concurrency) {
            return Err(Error::field("capabilities.concurrency", "use 1 to 1,000"));
        }
        if self.max_length == Some(0) {
            return Err(Error::field("capabilities.max_length", "use at least 1"));
        }
        Ok(ChannelCapabilities {
            address: self.address.unwrap_or(base.address),
            subject: self.subject.unwrap_or(base.subject),
            html: self.html.unwrap_or(base.html),
            max_length: self.max_length.or(base.max_length),
            idempotent: self.idempotent.unwrap_or(base.idempotent),
            look_up: base.look_up,
            receipts: base.receipts,
            concurrency,
            rate: base.rate,
            timeout: timeout(self.timeout_ms, base.timeout, "capabilities.timeout_ms")?,
        })
    }
}

/// How a model that is written in the host's language is called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmOptions {
    /// Milliseconds one draft may take, 1 to 600,000. Default 60,000.
    pub timeout_ms: Option<u64>,
}

impl LlmOptions {
    pub(crate) fn timeout(&self) -> Result<Duration> {
        timeout(self.timeout_ms, Duration::from_secs(60), "llm.timeout_ms")
    }
}

fn timeout(given: Option<u64>, usual: Duration, field: &str) -> Result<Duration> {
    match given {
        None => Ok(usual),
        Some(ms @ 1..=600_000) => Ok(Duration::from_millis(ms)),
        Some(_) => Err(Error::field(field, "use 1 to 600,000 milliseconds")),
    }
}

/// Everything an engine is opened with. No `Debug`: it may hold a key and a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// The database file, or the address of PostgreSQL.
    path: String,
    #[serde(default)]
    schema: Option<String>,
    #[serde(default)]
    connections: Option<u32>,
    actor: String,
    role: String,
    #[serde(default)]
    workspace: Option<String>,
    /// Folder for messages of channel `email` as files.
    #[serde(default)]
    outbox: Option<PathBuf>,
    /// `smtp://user:password@host:587?tls=starttls&from=a@b.example` for channel `email`.
    #[serde(default)]
    smtp: Option<String>,
    #[serde(default)]
    anthropic_api_key: Option<String>,
    /// Id of the Claude model.
    #[serde(default)]
    model: Option<String>,
    /// Seconds an approved message waits; 0 to 86,400.
    #[serde(default)]
    undo_window_s: u32,
    #[serde(default)]
    separate_approver: bool,
    /// Whether marketing goes only to people who said yes to it.
    #[serde(default)]
    marketing_needs_opt_in: bool,
    /// Where people say yes by a link, which ends with a token; with `link_key`.
    #[serde(default)]
    opt_in_url: Option<String>,
    /// Signs the tokens of links, at least 32 bytes.
    #[serde(default)]
    link_key: Option<String>,
    /// IANA zone of the workspace's calendar.
    #[serde(default)]
    time_zone: Option<String>,
    /// Channels written in the host's language, by name.
    #[serde(default)]
    channels: BTreeMap<String, Capabilities>,
    /// Given when there is a model written in the host's language.
    #[serde(default)]
    llm: Option<LlmOptions>,
}

/// What [`Options`] make.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) actor: Actor,
    pub(crate) worker: WorkerOptions,
    pub(crate) closing: Closing,
}

impl Options {
    /// Opens it; `runtime` is the engine's own.
    pub(crate) fn open(self, plugins: &Arc<dyn Plugins>, runtime: &Runtime) -> Result<Opened> {
        // Adapters may want a runtime around them while they are made.
        let _entered = runtime.enter();
        let who = Who {
            actor: self.actor,
            role: self.role,
            workspace: self.workspace,
        };
        let actor = who.actor()?;
        let database = Database {
            path: self.path,
            schema: self.schema,
            connections: self.connections,
        };
        database.check()?;
        let mut policy = Policy {
            separate_approver: self.separate_approver,
            consent: Rules {
                marketing_needs_opt_in: self.marketing_needs_opt_in,
            },
            ..Policy::default()
        };
        if self.undo_window_s > 86_400 {
            return Err(Error::field("undo_window_s", "use 0 to 86,400 seconds"));
        }
        policy.undo_window = chrono::Duration::seconds(i64::from(self.undo_window_s));
        if let Some(name) = &self.time_zone {
            policy.time_zone = zone::parse(name)?;
        }

        let mut ways: BTreeMap<String, Arc<dyn crm_core::port::channel::Channel>> = BTreeMap::new();
        for (name, capabilities) in &self.channels {
            let fine = (1..=50).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !fine {
                let message = "name a channel with 1 to 50 ASCII letters, digits or '_'";
                return Err(Error::field("channels", message));
            }
            let channel = ForeignChannel::new(name, capabilities.check()?, plugins.clone());
            ways.insert(name.clone(), Arc::new(channel));
        }
        if [
            self.outbox.is_some(),
            self.smtp.is_some(),
            ways.contains_key("email"),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
            > 1
        {
            let message = "give one way for channel email: outbox, smtp or one of channels";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if let Some(folder) = self.outbox {
            ways.insert("email".to_owned(), Arc::new(Outbox::new(folder)?));
        }
        if let Some(url) = &self.smtp {
            let smtp = Smtp::new(SmtpConfig::parse(url)?)?;
            ways.insert("email".to_owned(), Arc::new(smtp));
        }
        let llm: Option<Arc<dyn crm_core::port::llm::Llm>> =
            match (self.llm, self.anthropic_api_key) {
                (Some(_), Some(_)) => {
                    let message = "give either llm or anthropic_api_key, not both";
                    return Err(Error::new(ErrorKind::Configuration, message));
                }
                (Some(options), None) => Some(Arc::new(ForeignLlm::new(
                    options.timeout()?,
                    plugins.clone(),
                ))),
                (None, Some(key)) => {
                    let mut config = ClaudeConfig::new(key.into());
                    if let Some(model) = self.model {
                        config.model = model;
                    }
                    Some(Arc::new(Claude::new(config)?))
                }
                (None, None) => None,
            };

        let keys = match self.link_key {
            Some(key) => Some(TokenKeys::new(key.into_bytes(), Vec::new())?),
            None if self.opt_in_url.is_some() => {
                return Err(Error::field("link_key", "links need a key to sign them"));
            }
            None => None,
        };

        // Last, so that a refused option leaves no file behind.
        let database::Opened { store, closing } = database.open(runtime)?;
        let ids = Arc::new(RandomIds::default());
        let mut builder = Engine::builder(store, Arc::new(SystemClock), ids).policy(policy);
        for (name, channel) in ways {
            builder = builder.channel(name, channel);
        }
        if let Some(llm) = llm {
            builder = builder.llm(llm);
        }
        if let Some(keys) = keys {
            builder = builder.token_keys(keys);
        }
        if let Some(url) = self.opt_in_url {
            builder = builder.opt_in_url(url);
        }
        Ok(Opened {
            engine: builder.build(),
            actor,
            worker: WorkerOptions {
                name: worker_name(),
                ..WorkerOptions::default()
            },
            closing,
        })
    }
}

/// Another for each engine: several may work on one database, from any number of machines.
fn worker_name() -> String {
    format!("worker-{}", RandomIds::default().next())
}
