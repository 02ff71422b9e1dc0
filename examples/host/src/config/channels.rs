//! The channels of a settings file: a table for each, with one provider or a list of them.

mod chat;
pub(in crate::config) mod http;
mod other;
mod sms;
mod smtp;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crm_channels::{
    EskizConfig, SmtpConfig, TelegramConfig, TwilioConfig, WebhookConfig, WhatsAppConfig,
};
use crm_core::contact::AddressKind;
use crm_core::layer::BreakerOptions;
use crm_core::port::channel::Rate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Source, Value};
use http::Seconds;

/// The types of providers, as `type` names them.
pub(super) const TYPES: [&str; 7] = [
    "eskiz", "outbox", "smtp", "telegram", "twilio", "webhook", "whatsapp",
];
/// What is said where a key is unknown or missing.
pub(super) const ELSEWHERE: &str = " (a secret KEY may also be given as KEY_env or KEY_file)";

/// How a channel is set up.
pub(crate) enum ChannelSettings {
    /// A mail relay in one line, from a flag, a variable or the file.
    Line(SecretString),
    /// A table of the file.
    Table(ChannelTable),
}

/// A channel's providers, the preferred one first. A `place` is a file, a line and a key, for what is found to be
/// wrong later.
pub(crate) struct ChannelTable {
    pub(crate) place: String,
    pub(crate) providers: Vec<NamedProvider>,
    pub(crate) breaker: BreakerOptions,
    /// How fast it is called, whoever the provider is.
    pub(crate) rate: Option<Rate>,
    /// A Maildir that bounces arrive in.
    pub(crate) bounces: Option<PathBuf>,
}

/// One of a channel's providers.
pub(crate) struct NamedProvider {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) settings: Provider,
}

/// The settings of a provider, by its type.
pub(crate) enum Provider {
    Outbox {
        /// The host's own outbox unless set.
        directory: Option<PathBuf>,
        address: AddressKind,
    },
    Smtp {
        config: Box<SmtpConfig>,
        /// Whether its mails say where to unsubscribe, once the host's public address is known.
        unsubscribe: bool,
    },
    Twilio(Box<TwilioConfig>),
    Eskiz(Box<EskizConfig>),
    Telegram(Box<TelegramConfig>),
    WhatsApp(Box<WhatsAppConfig>),
    Webhook(Box<WebhookConfig>),
}

impl ChannelSettings {
    /// Says which file it was found in.
    pub(super) fn is_from(&mut self, path: &Path) {
        if let Self::Table(table) = self {
            let providers = table.providers.iter_mut();
            let places = providers.map(|provider| &mut provider.place);
            for place in places.chain([&mut table.place]) {
                *place = format!("{}: {place}", path.display());
            }
        }
    }
}

/// Without anything secret: host and port of a relay, names of providers.
impl fmt::Display for ChannelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(url) => f.write_str(&super::without_login(url.expose_secret())),
            Self::Table(table) => {
                let names = table
                    .providers
                    .iter()
                    .map(|provider| provider.name.as_str());
                f.write_str(&names.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// All channels of the file.
pub(super) fn read(
    source: &Source<'_>,
    channels: Value<'_>,
) -> Result<BTreeMap<String, ChannelSettings>, String> {
    let start = channels.span().start;
    let DeValue::Table(channels) = channels.into_inner() else {
        return Err(source.wrong(start, "channels", "expected a table"));
    };
    let mut found = BTreeMap::new();
    for (name, value) in channels {
        let key = format!("channels.{}", name.get_ref());
        let start = name.span().start;
        if !super::flags::channel_name(name.get_ref()) {
            let problem = "use lower-case letters, digits and _ in the name";
            return Err(source.wrong(start, &key, problem));
        }
        let settings = match value.get_ref() {
            DeValue::String(line) => ChannelSettings::Line(line.as_ref().into()),
            DeValue::Table(_) => ChannelSettings::Table(channel(source, &key, start, value)?),
            _ => {
                let problem = "expected a table, or an address such as smtp://...";
                return Err(source.wrong(value.span().start, &key, problem));
            }
        };
        found.insert(name.into_inner().into_owned(), settings);
    }
    Ok(found)
}

/// `start` is where the channel's name stands.
fn channel(
    source: &Source<'_>,
    key: &str,
    start: usize,
    value: Value<'_>,
) -> Result<ChannelTable, String> {
    let mut table = table_of(source, key, value)?;
    source.fetch_all(key, &mut table)?;
    let breaker = breaker(source, key, &mut table)?;
    let rate = take::<RateTable>(source, key, &mut table, "rate")?.map(RateTable::rate);
    let bounces = take(source, key, &mut table, "bounces")?;
    let providers = match table.remove("providers") {
        None => vec![provider(source, key, start, table)?],
        Some(list) => {
            if let Some(other) = table.keys().next() {
                let key = format!("{key}.{}", other.get_ref());
                let problem = "beside providers there may be rest, most, rate and bounces alone";
                return Err(source.wrong(other.span().start, &key, problem));
            }
            list_of(source, &format!("{key}.providers"), list)?
        }
    };
    Ok(ChannelTable {
        place: source.place(start, key),
        providers,
        breaker,
        rate,
        bounces,
    })
}

fn list_of(source: &Source<'_>, key: &str, list: Value<'_>) -> Result<Vec<NamedProvider>, String> {
    let start = list.span().start;
    let expected = "expected tables, the preferred provider first";
    let DeValue::Array(list) = list.into_inner() else {
        return Err(source.wrong(start, key, expected));
    };
    if list.is_empty() {
        return Err(source.wrong(start, key, expected));
    }
    let mut providers = Vec::new();
    for (at, value) in list.into_iter().enumerate() {
        let key = format!("{key}[{at}]");
        let start = value.span().start;
        let table = table_of(source, &key, value)?;
        providers.push(provider(source, &key, start, table)?);
    }
    Ok(providers)
}

/// Name and settings of one provider; without a name of its own it has that of its type.
fn provider(
    source: &Source<'_>,
    key: &str,
    start: usize,
    mut table: DeTable<'_>,
) -> Result<NamedProvider, String> {
    let name: Option<String> = take(source, key, &mut table, "name")?;
    let types = || format!("say one of {}", TYPES.join(", "));
    let (at, kind) = match table.remove_entry("type") {
        Some((_, value)) => {
            let at = value.span().start;
            let kind = source.read::<String>(&format!("{key}.type"), value)?;
            (at, kind)
        }
        None => {
            return Err(source.wrong(
                start,
                &format!("{key}.type"),
                &format!("missing; {}", types()),
            ));
        }
    };
    let settings = match kind.as_str() {
        "eskiz" => read_as::<sms::EskizTable>(source, key, start, table),
        "outbox" => read_as::<other::OutboxTable>(source, key, start, table),
        "smtp" => read_as::<smtp::SmtpTable>(source, key, start, table),
        "telegram" => read_as::<chat::TelegramTable>(source, key, start, table),
        "twilio" => read_as::<sms::TwilioTable>(source, key, start, table),
        "webhook" => read_as::<other::WebhookTable>(source, key, start, table),
        "whatsapp" => read_as::<chat::WhatsAppTable>(source, key, start, table),
        _ => {
            let problem = format!("there is no such type; {}", types());
            return Err(source.wrong(at, &format!("{key}.type"), &problem));
        }
    }?;
    Ok(NamedProvider {
        name: name.unwrap_or(kind),
        place: source.place(start, key),
        settings,
    })
}

/// The keys of one type of provider.
trait ProviderTable: DeserializeOwned {
    /// The settings, or the key that is wrong and why.
    fn provider(self) -> Result<Provider, (&'static str, &'static str)>;
}

fn read_as<T: ProviderTable>(
    source: &Source<'_>,
    key: &str,
    start: usize,
    table: DeTable<'_>,
) -> Result<Provider, String> {
    let places: BTreeMap<String, usize> = table
        .keys()
        .map(|name| (name.get_ref().to_string(), name.span().start))
        .collect();
    // Of what is missing only the table tells where it should stand.
    let value = Spanned::new(start..start, DeValue::Table(table));
    let read: T = source.read(key, value).map_err(|problem| {
        let of_keys = ["unknown field", "missing field"];
        if of_keys.iter().any(|words| problem.contains(words)) {
            problem + ELSEWHERE
        } else {
            problem
        }
    })?;
    read.provider().map_err(|(field, problem)| {
        let at = places.get(field).copied().unwrap_or(start);
        source.wrong(at, &format!("{key}.{field}"), problem)
    })
}

/// `rate = { units = 30, per = 1 }`: units in so many seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateTable {
    units: u32,
    per: Seconds,
}

impl RateTable {
    fn rate(self) -> Rate {
        let Seconds(per) = self.per;
        Rate {
            units: self.units,
            per,
        }
    }
}

/// How long a provider rests that takes nothing: `rest` at first and `most` at last.
fn breaker(
    source: &Source<'_>,
    key: &str,
    table: &mut DeTable<'_>,
) -> Result<BreakerOptions, String> {
    let mut options = BreakerOptions::default();
    if let Some(Seconds(rest)) = take(source, key, table, "rest")? {
        options.rest = chrono::Duration::from_std(rest).unwrap_or(options.rest);
    }
    if let Some(Seconds(most)) = take(source, key, table, "most")? {
        options.most = chrono::Duration::from_std(most).unwrap_or(options.most);
    }
    Ok(options)
}

/// Takes one value out of a table that is read by itself.
fn take<T: DeserializeOwned>(
    source: &Source<'_>,
    within: &str,
    table: &mut DeTable<'_>,
    key: &str,
) -> Result<Option<T>, String> {
    let value = table.remove(key);
    value
        .map(|value| source.read(&format!("{within}.{key}"), value))
        .transpose()
}

fn table_of<'t>(source: &Source<'_>, key: &str, value: Value<'t>) -> Result<DeTable<'t>, String> {
    let start = value.span().start;
    match value.into_inner() {
        DeValue::Table(table) => Ok(table),
        _ => Err(source.wrong(start, key, "expected a table")),
    }
}

#[cfg(test)]
mod tests;
