//! The channels of a settings file: a table for each, with one provider or a list of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crm_channels::settings::{Kind, Layers, Provider};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Source, Value};

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
    pub(crate) layers: Layers,
}

/// One of a channel's providers.
pub(crate) struct NamedProvider {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) settings: Provider,
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
    let mut layers = Layers::default();
    for name in Layers::KEYS {
        if let Some(value) = table.remove(name) {
            let key = format!("{key}.{name}");
            source.read_with(&key, value, |value| layers.set(name, value))?;
        }
    }
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
        layers,
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
    let types = || format!("say one of {}", Kind::names());
    let (at, named) = match table.remove_entry("type") {
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
    let Some(kind) = Kind::parse(&named) else {
        let problem = format!("there is no such type; {}", types());
        return Err(source.wrong(at, &format!("{key}.type"), &problem));
    };
    Ok(NamedProvider {
        name: name.unwrap_or(named),
        place: source.place(start, key),
        settings: read_as(kind, source, key, start, table)?,
    })
}

fn read_as(
    kind: Kind,
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
    let read = source
        .read_with(key, value, |keys| Provider::read(kind, keys))
        .map_err(|problem| {
            let of_keys = ["unknown field", "missing field"];
            if of_keys.iter().any(|words| problem.contains(words)) {
                problem + ELSEWHERE
            } else {
                problem
            }
        })?;
    read.map_err(|fault| {
        let at = places.get(fault.key).copied().unwrap_or(start);
        source.wrong(at, &format!("{key}.{}", fault.key), fault.problem)
    })
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
