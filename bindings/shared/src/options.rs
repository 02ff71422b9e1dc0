//! What an engine is opened with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_channels::settings::Around;
use crm_channels::smtp::{ReturnPath, UnsubscribeLinks};
use crm_core::consent::Rules;
use crm_core::consent::token::TokenKeys;
use crm_core::contact::AddressKind;
use crm_core::engine::{Engine, Policy};
use crm_core::port::channel::{ChannelCapabilities, Rate};
use crm_core::port::ids::Ids as _;
use crm_core::port::subscriber::Subscriber;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::WorkerOptions;
use crm_core::{Actor, Error, ErrorKind, Result, Role, Workspace, zone};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::channels::Maker;
use crate::database::{self, Closing, Database};
use crate::foreign::{
    ForeignChannel, ForeignLlm, ForeignSubscriber, Observing, Plugins, SubscriberOptions,
};

/// The longest window of a channel, in milliseconds.
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

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
    /// Whether the provider removes duplicates by the delivery's `key`: then what ends `unknown` is sent again
    /// by itself, under the same key. Default false.
    pub idempotent: Option<bool>,
    /// Whether doubts are settled by the plugin's `look_up`. By default whenever it has that method.
    pub look_up: Option<bool>,
    /// Whether callbacks are read by the plugin's `read`. By default whenever it has that method.
    pub receipts: Option<bool>,
    /// Milliseconds after a person's last message in which they may be written to, 1 to 31,536,000,000 (a year);
    /// `read` or `hear` has to tell of their messages (`inbound`). Default at any time.
    pub window_ms: Option<u64>,
    /// How much may be sent in how long. Default without a limit.
    pub rate: Option<RateLimit>,
    /// Deliveries at once, 1 to 1,000. Default 16.
    pub concurrency: Option<usize>,
    /// Milliseconds one delivery may take, 1 to 600,000. Default 30,000.
    pub timeout_ms: Option<u64>,
    /// Which methods it has besides `send`. Not for people: the package looks and says so.
    pub methods: Vec<Method>,
}

/// So many units (parts or messages) in so long.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Units, at least 1.
    pub units: u32,
    /// Milliseconds, 1 to 3,600,000.
    pub per_ms: u64,
}

/// A method that a channel may have besides `send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Asks the provider about a doubt.
    LookUp,
    /// Reads a callback.
    Read,
    /// Says what a text costs.
    Units,
}

impl Capabilities {
    /// Whether `method` is used: when it is there, unless that is not wanted.
    fn uses(&self, method: Method, wanted: Option<bool>, field: &str, name: &str) -> Result<bool> {
        let has = self.methods.contains(&method);
        if wanted == Some(true) && !has {
            let message = format!("the channel has no method {name}()");
            return Err(Error::field(format!("capabilities.{field}"), message));
        }
        Ok(wanted.unwrap_or(has))
    }

    fn rate(&self) -> Result<Option<Rate>> {
        match self.rate {
            None => Ok(None),
            Some(RateLimit { units, per_ms }) if units > 0 && (1..=3_600_000).contains(&per_ms) => {
                let per = Duration::from_millis(per_ms);
                Ok(Some(Rate { units, per }))
            }
            Some(_) => {
                let message = "use at least 1 unit, in 1 to 3,600,000 milliseconds";
                Err(Error::field("capabilities.rate", message))
            }
        }
    }

    pub(crate) fn check(&self) -> Result<ChannelCapabilities> {
        let base = ChannelCapabilities::default();
        let concurrency = self.concurrency.unwrap_or(base.concurrency);
        if !(1..=1_000).contains(&concurrency) {
            return Err(Error::field("capabilities.concurrency", "use 1 to 1,000"));
        }
        if self.max_length == Some(0) {
            return Err(Error::field("capabilities.max_length", "use at least 1"));
        }
        if self
            .window_ms
            .is_some_and(|window| !(1..=YEAR_MS).contains(&window))
        {
            let message = "use 1 to 31,536,000,000 milliseconds";
            return Err(Error::field("capabilities.window_ms", message));
        }
        Ok(ChannelCapabilities {
            address: self.address.unwrap_or(base.address),
            subject: self.subject.unwrap_or(base.subject),
            html: self.html.unwrap_or(base.html),
            max_length: self.max_length.or(base.max_length),
            idempotent: self.idempotent.unwrap_or(base.idempotent),
            look_up: self.uses(Method::LookUp, self.look_up, "look_up", "look_up")?,
            receipts: self.uses(Method::Read, self.receipts, "receipts", "read")?,
            window: self.window_ms.map(Duration::from_millis),
            concurrency,
            rate: self.rate()?,
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
    /// The most that one draft can cost in US dollars, as exact text. Without it no budget lets a draft through.
    pub worst_cost_usd: Option<String>,
}

impl LlmOptions {
    pub(crate) fn timeout(&self) -> Result<Duration> {
        timeout(self.timeout_ms, Duration::from_secs(60), "llm.timeout_ms")
    }

    pub(crate) fn worst_cost(&self) -> Result<Option<u64>> {
        let said = self.worst_cost_usd.as_deref();
        said.map(|text| crm_core::money::amount("llm.worst_cost_usd", text))
            .transpose()
    }
}

/// Most models to fall back to.
const MANY_MODELS: usize = 5;

pub(crate) fn timeout(given: Option<u64>, usual: Duration, field: &str) -> Result<Duration> {
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
    /// Ids of Claude models that are asked when the ones before them do not answer.
    #[serde(default)]
    fallback_models: Vec<String>,
    /// Seconds an approved message waits; 0 to 86,400.
    #[serde(default)]
    undo_window_s: u32,
    #[serde(default)]
    separate_approver: bool,
    /// Whether marketing goes only to people who said yes to it.
    #[serde(default)]
    marketing_needs_opt_in: bool,
    /// What texts are checked by.
    #[serde(default)]
    guardrails: crm_core::guardrail::Rules,
    /// Calendars of holidays that campaigns may name.
    #[serde(default)]
    calendars: Vec<crm_core::campaign::holidays::Calendar>,
    /// Where people say yes by a link, which ends with a token; with `unsubscribe_keys`.
    #[serde(default)]
    opt_in_url: Option<String>,
    /// IANA zone of the workspace's calendar.
    #[serde(default)]
    time_zone: Option<String>,
    /// Sign links to unsubscribe and to say yes, the first one; the others are still read. At least 32 bytes each.
    #[serde(default)]
    unsubscribe_keys: Vec<String>,
    /// The `https` address that a token is put behind, where people unsubscribe.
    #[serde(default)]
    unsubscribe_url: Option<String>,
    /// Channels written in the host's language, by name.
    #[serde(default)]
    channels: BTreeMap<String, Capabilities>,
    /// The other ones of the option `channels`: tables of settings, and mail relays in one line.
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    /// Given when there is a model written in the host's language.
    #[serde(default)]
    llm: Option<LlmOptions>,
    /// Subscribers written in the host's language, by name.
    #[serde(default)]
    subscribers: BTreeMap<String, SubscriberOptions>,
    /// Whether there is an observer written in the host's language.
    #[serde(default)]
    observer: bool,
    /// Seconds after it was due when a message no longer leaves; 60 to 31,536,000.
    #[serde(default)]
    late_after: Option<u32>,
}

/// What [`Options`] make.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) actor: Actor,
    pub(crate) worker: WorkerOptions,
    pub(crate) closing: Closing,
    pub(crate) delivery: Delivery,
    pub(crate) observing: Option<Observing>,
}

/// What operations need to know of the ways that messages leave by.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Where people unsubscribe, when that is known.
    pub(crate) links: Option<UnsubscribeLinks>,
    /// Where the bounces of each channel come back to.
    pub(crate) return_paths: BTreeMap<String, Vec<ReturnPath>>,
}

/// Keys and address of links to unsubscribe.
fn unsubscribing(
    keys: Vec<String>,
    base: Option<String>,
) -> Result<(Option<TokenKeys>, Option<UnsubscribeLinks>)> {
    let mut keys = keys.into_iter().map(String::into_bytes);
    let keys = match keys.next() {
        Some(current) => Some(TokenKeys::new(current, keys.collect())?),
        None => None,
    };
    let links = match (base, &keys) {
        (None, _) => None,
        (Some(base), Some(keys)) => {
            let links = UnsubscribeLinks {
                base,
                keys: keys.clone(),
            };
            links.check()?;
            Some(links)
        }
        (Some(_), None) => {
            let message = "give unsubscribe_keys, too: they sign the links";
            return Err(Error::field("unsubscribe_url", message));
        }
    };
    Ok((keys, links))
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
        self.guardrails.check()?;
        for calendar in &self.calendars {
            calendar.validate()?;
        }
        let worker = worker(self.late_after)?;
        if let Some(name) = &self.time_zone {
            policy.time_zone = zone::parse(name)?;
        }

        let (keys, links) = unsubscribing(self.unsubscribe_keys, self.unsubscribe_url)?;
        if self.opt_in_url.is_some() && keys.is_none() {
            let message = "give unsubscribe_keys, too: they sign the links";
            return Err(Error::field("opt_in_url", message));
        }
        let mut maker = Maker {
            around: Around {
                outbox: self.outbox.clone(),
                links: links.clone(),
            },
            plugins,
            return_paths: BTreeMap::new(),
        };
        let mut ways: BTreeMap<String, Arc<dyn crm_core::port::channel::Channel>> = BTreeMap::new();
        for name in self.channels.keys().chain(self.settings.keys()) {
            let fine = (1..=50).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !fine {
                let message = "name a channel with 1 to 50 ASCII letters, digits or '_'";
                return Err(Error::field("channels", message));
            }
        }
        for (name, capabilities) in &self.channels {
            let channel = ForeignChannel::new(name, capabilities, plugins.clone())?;
            ways.insert(name.clone(), Arc::new(channel));
        }
        for (name, settings) in self.settings {
            let channel = maker.channel(&name, settings)?;
            ways.insert(name, channel);
        }
        let email = [
            self.outbox.is_some(),
            self.smtp.is_some(),
            ways.contains_key("email"),
        ];
        if email.into_iter().filter(|given| *given).count() > 1 {
            let message = "give one way for channel email: outbox, smtp or one of channels";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if let Some(line) = &self.smtp {
            ways.insert("email".to_owned(), maker.line("email", line)?);
        }
        if self.outbox.is_some() {
            let outbox = maker.around.outbox(None, AddressKind::Email)?;
            ways.insert("email".to_owned(), outbox);
        }
        if self.fallback_models.len() > MANY_MODELS {
            return Err(Error::field("fallback_models", "use at most 5 models"));
        }
        if !self.fallback_models.is_empty() && self.anthropic_api_key.is_none() {
            let message = "fallback_models are Claude's: give anthropic_api_key";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let mut models: Vec<Arc<dyn crm_core::port::llm::Llm>> = Vec::new();
        let mut batches: Option<Arc<dyn crm_core::port::llm_batch::LlmBatch>> = None;
        match (self.llm, self.anthropic_api_key) {
            (Some(_), Some(_)) => {
                let message = "give either llm or anthropic_api_key, not both";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            (Some(options), None) => {
                let model = ForeignLlm::new(options.timeout()?, plugins.clone());
                models.push(Arc::new(model.worst_cost(options.worst_cost()?)));
            }
            (None, Some(key)) => {
                let others = self.fallback_models.into_iter().map(Some);
                for model in std::iter::once(self.model).chain(others) {
                    let mut config = ClaudeConfig::new(key.clone().into());
                    if let Some(model) = model {
                        config.model = model;
                    }
                    let model = Arc::new(Claude::new(config)?);
                    batches.get_or_insert_with(|| model.clone());
                    models.push(model);
                }
            }
            (None, None) => {}
        }

        let mut subscribers: Vec<(String, Arc<dyn Subscriber>)> = Vec::new();
        for (name, options) in self.subscribers {
            let subscriber = ForeignSubscriber::new(&name, &options, plugins.clone())?;
            subscribers.push((name, Arc::new(subscriber)));
        }

        // Last, so that a refused option leaves no file behind.
        let database::Opened { store, closing } = database.open(runtime)?;
        let ids = Arc::new(RandomIds::default());
        let mut builder = Engine::builder(store, Arc::new(SystemClock), ids)
            .policy(policy)
            .calendars(self.calendars)
            .guardrails(self.guardrails);
        if let Some(batches) = batches {
            builder = builder.llm_batch(batches);
        }
        for (name, channel) in ways {
            builder = builder.channel(name, channel);
        }
        for model in models {
            // The first one is the first of the list.
            builder = builder.fallback_llm(model);
        }
        for (name, subscriber) in subscribers {
            builder = builder.subscriber(name, subscriber);
        }
        let mut observing = None;
        if self.observer {
            let (observer, task) = Observing::begin(plugins.clone(), runtime);
            builder = builder.observer(observer);
            observing = Some(task);
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
            worker,
            closing,
            delivery: Delivery {
                links,
                return_paths: maker.return_paths,
            },
            observing,
        })
    }
}

/// How the engine's worker works.
fn worker(late_after: Option<u32>) -> Result<WorkerOptions> {
    let usual = WorkerOptions::default();
    let late_after = match late_after {
        None => usual.late_after,
        Some(seconds @ 60..=31_536_000) => chrono::Duration::seconds(i64::from(seconds)),
        Some(_) => {
            let message = "use 60 to 31,536,000 seconds, a minute to a year";
            return Err(Error::field("late_after", message));
        }
    };
    Ok(WorkerOptions {
        name: worker_name(),
        late_after,
        ..usual
    })
}

/// Another for each engine: several may work on one database, from any number of machines.
fn worker_name() -> String {
    format!("worker-{}", RandomIds::default().next())
}
