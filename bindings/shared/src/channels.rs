//! Channels from settings, under the keys of the settings file of the host in `examples/host`.
//!
//! What only a host has is missing here: a value that is kept elsewhere (`KEY_env`, `KEY_file`) is fetched by the
//! script itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_channels::SmtpConfig;
use crm_channels::settings::{Around, Kind, Layers, Provider, layered};
use crm_channels::smtp::ReturnPath;
use crm_core::port::channel::Channel;
use crm_core::system::SystemClock;
use crm_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use crate::foreign::{ForeignChannel, Plugins};
use crate::input::{read_value, read_with};
use crate::options::Capabilities;

/// What `type` says of a provider written in the host's language. The packages put it there; nobody else may.
const PLUGIN: &str = "plugin";

/// Makes channels.
pub(crate) struct Maker<'a> {
    pub(crate) around: Around,
    pub(crate) plugins: &'a Arc<dyn Plugins>,
    /// Where the bounces of each channel come back to.
    pub(crate) return_paths: BTreeMap<String, Vec<ReturnPath>>,
}

impl Maker<'_> {
    /// The channel of this name from a table or from a mail relay in one line.
    pub(crate) fn channel(&mut self, name: &str, settings: Value) -> Result<Arc<dyn Channel>> {
        let place = format!("channels.{name}");
        match settings {
            Value::String(line) => self.line(name, &line).map_err(|error| at(&place, &error)),
            Value::Object(table) => self.table(name, &place, table),
            _ => {
                let message =
                    "give a channel of your own, settings, or an address such as smtp://...";
                Err(Error::field(place, message))
            }
        }
    }

    /// A mail relay in one line.
    pub(crate) fn line(&mut self, name: &str, line: &str) -> Result<Arc<dyn Channel>> {
        let config = SmtpConfig::parse(line)?;
        self.note(name, &config);
        self.around.smtp(config, true)
    }

    fn table(
        &mut self,
        name: &str,
        place: &str,
        mut table: Map<String, Value>,
    ) -> Result<Arc<dyn Channel>> {
        let mut layers = Layers::default();
        for key in Layers::KEYS {
            if let Some(value) = table.remove(key) {
                let field = format!("{place}.{key}");
                read_with(&field, value, |value| layers.set(key, value))?;
            }
        }
        if layers.bounces.is_some() {
            let message = "read the mails of the folder and give each to hear_bounce";
            return Err(Error::field(format!("{place}.bounces"), message));
        }
        let mut providers = Vec::new();
        match table.remove("providers") {
            None => providers.push(self.provider(name, place, None, table)?),
            Some(list) => {
                if let Some(other) = table.keys().next() {
                    let message = "beside providers there may be rest, most and rate alone";
                    return Err(Error::field(format!("{place}.{}", short(other)), message));
                }
                let expected = "give a list of settings, the preferred provider first";
                let place = format!("{place}.providers");
                let Value::Array(list) = list else {
                    return Err(Error::field(place, expected));
                };
                for (index, provider) in list.into_iter().enumerate() {
                    let place = format!("{place}[{index}]");
                    let Value::Object(table) = provider else {
                        return Err(Error::field(place, expected));
                    };
                    providers.push(self.provider(name, &place, Some(index), table)?);
                }
            }
        }
        layered(providers, &layers, Arc::new(SystemClock)).map_err(|error| at(place, &error))
    }

    /// One provider and its name: that of its type, unless it has one of its own.
    fn provider(
        &mut self,
        channel: &str,
        place: &str,
        index: Option<usize>,
        mut table: Map<String, Value>,
    ) -> Result<(String, Arc<dyn Channel>)> {
        let mut take = |key: &str| -> Result<Option<String>> {
            let value = table.remove(key);
            value
                .map(|value| read_value(&format!("{place}.{key}"), value))
                .transpose()
        };
        let (name, kind) = (take("name")?, take("type")?);
        let types = format!("say one of {}", Kind::names());
        let Some(kind) = kind else {
            return Err(Error::field(format!("{place}.type"), types));
        };
        if let (PLUGIN, Some(index)) = (kind.as_str(), index) {
            let capabilities: Capabilities = read_value(place, Value::Object(table))?;
            let key = format!("{channel}.{index}");
            let made = ForeignChannel::new(&key, &capabilities, self.plugins.clone())?;
            return Ok((name.unwrap_or(kind), Arc::new(made)));
        }
        let Some(known) = Kind::parse(&kind) else {
            let message = format!("there is no such type; {types}");
            return Err(Error::field(format!("{place}.type"), message));
        };
        let read = read_with(place, Value::Object(table), |keys| {
            Provider::read(known, keys)
        })?;
        let provider =
            read.map_err(|fault| Error::field(format!("{place}.{}", fault.key), fault.problem))?;
        if let Provider::Smtp { config, .. } = &provider {
            self.note(channel, config);
        }
        let made = self.around.provider(&provider);
        let made = made.map_err(|error| at(place, &error))?;
        Ok((name.unwrap_or(kind), made))
    }

    fn note(&mut self, channel: &str, config: &SmtpConfig) {
        let paths = self.return_paths.entry(channel.to_owned()).or_default();
        paths.extend(config.return_path.clone());
    }
}

/// What an adapter refused, with the channel it is about.
fn at(place: &str, error: &Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("{place}: {error}"))
}

fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
