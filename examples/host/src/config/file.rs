//! The settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

/// Everything a file may say. Unknown keys are errors.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileSettings {
    pub(super) database: Option<SecretString>,
    pub(super) listen: Option<String>,
    pub(super) demo: Option<bool>,
    pub(super) outbox: Option<PathBuf>,
    pub(super) no_worker: Option<bool>,
    pub(super) channels: BTreeMap<String, SecretString>,
    pub(super) secret: Option<SecretString>,
    pub(super) demo_password: Option<SecretString>,
    pub(super) anthropic_api_key: Option<SecretString>,
    pub(super) anthropic_base_url: Option<String>,
    pub(super) model: Option<String>,
}

impl FileSettings {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!(
                "the settings file {} cannot be read: {}",
                path.display(),
                error.kind()
            )
        })?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        serde_path_to_error::deserialize(
            toml::Deserializer::parse(text).map_err(|e| shown(text, "", &e))?,
        )
        .map_err(|error| {
            let path = error.path().to_string();
            shown(text, &path, error.inner())
        })
    }
}

/// The fault without the value, which may be a secret.
fn shown(text: &str, path: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let message = match message.find("expected ") {
        Some(at) if message.starts_with("invalid") => message.get(at..).unwrap_or(message),
        _ => message,
    };
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    let line = line.unwrap_or_default();
    match path {
        "" | "." => format!("{line}{message}"),
        path => format!("{line}{path}: {message}"),
    }
}
