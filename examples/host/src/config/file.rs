//! The settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crm_core::campaign::holidays::Calendar;
use crm_core::guardrail::Rules;
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::channels::{self, ChannelSettings};
use super::source::Source;
use super::subscriptions::{self, SubscriptionSettings};

/// Everything a file may say. Unknown keys are errors.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileSettings {
    pub(super) database: Option<SecretString>,
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) marketing_needs_opt_in: Option<bool>,
    pub(super) demo: Option<bool>,
    pub(super) demo_drafts: Option<u32>,
    pub(super) outbox: Option<PathBuf>,
    pub(super) no_worker: Option<bool>,
    /// Mebibytes.
    pub(super) largest_import: Option<u32>,
    /// Seconds.
    pub(super) late_after: Option<u32>,
    /// Read by themselves: what one may say depends on its type.
    #[serde(skip)]
    pub(super) channels: BTreeMap<String, ChannelSettings>,
    /// What texts are checked by.
    #[serde(skip)]
    pub(super) guardrails: Rules,
    /// Calendars of holidays that campaigns may name.
    #[serde(skip)]
    pub(super) calendars: Vec<Calendar>,
    /// Read by themselves, to be told of one by one.
    #[serde(skip)]
    pub(super) subscriptions: BTreeMap<String, SubscriptionSettings>,
    pub(super) secret: Option<SecretString>,
    pub(super) unsubscribe_keys: Option<Vec<SecretString>>,
    pub(super) demo_password: Option<SecretString>,
    pub(super) anthropic_api_key: Option<SecretString>,
    pub(super) anthropic_base_url: Option<String>,
    pub(super) model: Option<String>,
    pub(super) fallback_models: Option<Vec<String>>,
}

impl FileSettings {
    pub(super) fn read(
        path: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!("the settings file {name} cannot be read: {}", error.kind())
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut settings =
            Self::parse(&text, folder, variable).map_err(|problem| format!("{name}: {problem}"))?;
        for channel in settings.channels.values_mut() {
            channel.is_from(path);
        }
        for subscription in settings.subscriptions.values_mut() {
            subscription.is_from(path);
        }
        Ok(settings)
    }

    /// `folder` is where the file lies.
    pub(super) fn parse(
        text: &str,
        folder: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let source = Source {
            text,
            folder,
            variable,
        };
        let root = DeTable::parse(text).map_err(|error| source.fault(0, "", "", &error))?;
        let span = root.span();
        let mut root = root.into_inner();
        let channels = root.remove("channels");
        let subscriptions = root.remove("subscriptions");
        let guardrails = root.remove("guardrails");
        let calendars = root.remove("calendars");
        source.fetch("", &mut root)?;
        let mut settings: Self = source.read("", Spanned::new(span, DeValue::Table(root)))?;
        if let Some(channels) = channels {
            settings.channels = channels::read(&source, channels)?;
        }
        if let Some(list) = subscriptions {
            settings.subscriptions = subscriptions::read(&source, list)?;
        }
        if let Some(table) = guardrails {
            let at = table.span().start;
            let rules: Rules = source.read("guardrails", table)?;
            rules
                .check()
                .map_err(|error| source.wrong(at, "guardrails", &error.to_string()))?;
            settings.guardrails = rules;
        }
        if let Some(list) = calendars {
            let at = list.span().start;
            let calendars: Vec<Calendar> = source.read("calendars", list)?;
            for calendar in &calendars {
                calendar
                    .validate()
                    .map_err(|error| source.wrong(at, "calendars", &error.to_string()))?;
            }
            settings.calendars = calendars;
        }
        Ok(settings)
    }
}
