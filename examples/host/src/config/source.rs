//! A settings file on its way to settings: where things stand in it, and values that are kept elsewhere.

use std::borrow::Cow;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_path_to_error::Track;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

/// Keys whose value may be kept elsewhere: `KEY_env` names a variable that holds it, `KEY_file` a file.
const KEPT: &[&str] = &[
    "access_token",
    "anthropic_api_key",
    "api_key_secret",
    "app_secret",
    "auth_token",
    "callback_token",
    "database",
    "demo_password",
    "extra_roots_pem",
    "password",
    "private_key",
    "secret",
    "token",
    "url",
    "verify_token",
    "webhook_secret",
];
/// The same for lists, whose values are divided by spaces or line breaks where they are kept.
const KEPT_LISTS: &[&str] = &["secrets", "unsubscribe_keys"];

/// A value and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A deserializer of a value, with its place.
pub(super) type Tracked<'a, 'b, 't> =
    serde_path_to_error::Deserializer<'a, 'b, ValueDeserializer<'t>>;

/// The text of a file, and what its values may refer to.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// Where the file lies: names of files are meant from there.
    pub(super) folder: &'t Path,
    pub(super) variable: &'t dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    /// Line and key.
    pub(super) fn place(&self, at: usize, key: &str) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        match key {
            "" | "." => format!("line {line}"),
            key => format!("line {line}: {key}"),
        }
    }

    /// What is wrong with the key at this place. The value itself is never told: it may be a secret.
    pub(super) fn wrong(&self, at: usize, key: &str, problem: &str) -> String {
        format!("{}: {problem}", self.place(at, key))
    }

    /// The same for what a parser found. `within` is the key of what it read, and `at` its place, unless the
    /// parser knows better.
    pub(super) fn fault(
        &self,
        at: usize,
        within: &str,
        path: &str,
        error: &toml::de::Error,
    ) -> String {
        let message = error.message();
        let message = match message.find("expected ") {
            Some(at)
                if message.starts_with("invalid") || message.starts_with("unknown variant") =>
            {
                message.get(at..).unwrap_or(message)
            }
            _ => message,
        };
        let key = match (within, path) {
            (within, "" | ".") => within.to_owned(),
            ("", path) => path.to_owned(),
            (within, path) if path.starts_with('[') => format!("{within}{path}"),
            (within, path) => format!("{within}.{path}"),
        };
        let at = error.span().map_or(at, |span| span.start);
        self.wrong(at, &key, message)
    }

    /// Reads the settings of the table with this key.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        key: &str,
        value: Value<'_>,
    ) -> Result<T, String> {
        self.read_with(key, value, |value| T::deserialize(value))
    }

    /// The same by a function, which gets a deserializer that keeps track of the place.
    pub(super) fn read_with<'t, T>(
        &self,
        key: &str,
        value: Value<'t>,
        read: impl FnOnce(Tracked<'_, '_, 't>) -> Result<T, toml::de::Error>,
    ) -> Result<T, String> {
        let at = value.span().start;
        let mut track = Track::new();
        let value = ValueDeserializer::from(value);
        read(Tracked::new(value, &mut track))
            .map_err(|error| self.fault(at, key, &track.path().to_string(), &error))
    }

    /// Puts what is kept elsewhere into the table and those within it.
    pub(super) fn fetch_all(&self, within: &str, table: &mut DeTable<'_>) -> Result<(), String> {
        self.fetch(within, table)?;
        for (key, value) in table.iter_mut() {
            let within = format!("{within}.{}", key.get_ref());
            match value.get_mut() {
                DeValue::Table(inner) => self.fetch_all(&within, inner)?,
                DeValue::Array(values) => {
                    for value in values.iter_mut() {
                        if let DeValue::Table(inner) = value.get_mut() {
                            self.fetch_all(&within, inner)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts what is kept elsewhere into the table itself.
    pub(super) fn fetch(&self, within: &str, table: &mut DeTable<'_>) -> Result<(), String> {
        let elsewhere: Vec<String> = table
            .keys()
            .map(|key| key.get_ref().to_string())
            .filter(|key| kept(key).is_some())
            .collect();
        for name in elsewhere {
            let (Some((stem, place)), Some((key, value))) =
                (kept(&name), table.remove_entry(name.as_str()))
            else {
                continue;
            };
            let wrong = |problem: &str| {
                let key = if within.is_empty() {
                    name.clone()
                } else {
                    format!("{within}.{name}")
                };
                self.wrong(value.span().start, &key, problem)
            };
            if table.contains_key(stem) {
                return Err(wrong(&format!(
                    "give only one of {stem}, {stem}_env and {stem}_file"
                )));
            }
            let DeValue::String(named) = value.get_ref() else {
                return Err(wrong("expected a string"));
            };
            let text = match place {
                Place::Variable => (self.variable)(named)
                    .ok_or_else(|| wrong("the variable that it names is not set"))?,
                Place::File => {
                    std::fs::read_to_string(self.folder.join(&**named)).map_err(|error| {
                        let kind = error.kind();
                        wrong(&format!("the file that it names cannot be read: {kind}"))
                    })?
                }
            };
            let text = text.trim();
            if text.is_empty() {
                return Err(wrong("what it names is empty"));
            }
            let string = |text: &str| DeValue::String(Cow::Owned(text.to_owned()));
            let span = value.span();
            let value = if KEPT_LISTS.contains(&stem) {
                let all = text
                    .split_whitespace()
                    .map(|text| Spanned::new(span.clone(), string(text)));
                DeValue::Array(DeArray::from_iter(all))
            } else {
                string(text)
            };
            let key = Spanned::new(key.span(), Cow::Owned(stem.to_owned()));
            table.insert(key, Spanned::new(span, value));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Place {
    Variable,
    File,
}

/// The key that `name` is another form of.
fn kept(name: &str) -> Option<(&str, Place)> {
    let (stem, place) = match name.strip_suffix("_env") {
        Some(stem) => (stem, Place::Variable),
        None => (name.strip_suffix("_file")?, Place::File),
    };
    let known = KEPT.contains(&stem) || KEPT_LISTS.contains(&stem);
    known.then_some((stem, place))
}
