//! `type = "webhook"` and `type = "outbox"`: a service of one's own, and files.

use std::path::PathBuf;

use crm_core::contact::AddressKind;
use secrecy::SecretString;
use serde::Deserialize;

use super::http::HttpTable;
use super::{Fault, Provider, ProviderTable};
use crate::WebhookConfig;
use crate::webhook::Gone;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GoneName {
    Address,
    Endpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookTable {
    url: SecretString,
    secrets: Vec<SecretString>,
    event: Option<String>,
    address: Option<AddressKind>,
    gone: Option<GoneName>,
    #[serde(default)]
    allowed: Vec<String>,
    #[serde(default)]
    http: HttpTable,
}

impl ProviderTable for WebhookTable {
    fn provider(self) -> Result<Provider, Fault> {
        let mut config = WebhookConfig::new(self.url, self.secrets);
        config.event = self.event.unwrap_or(config.event);
        config.address = self.address.unwrap_or(config.address);
        config.gone = match self.gone {
            Some(GoneName::Endpoint) => Gone::Endpoint,
            Some(GoneName::Address) | None => Gone::Address,
        };
        config.allowed = self.allowed;
        config.http = self.http.options();
        Ok(Provider::Webhook(Box::new(config)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxTable {
    directory: Option<PathBuf>,
    address: Option<AddressKind>,
}

impl ProviderTable for OutboxTable {
    fn provider(self) -> Result<Provider, Fault> {
        Ok(Provider::Outbox {
            directory: self.directory,
            address: self.address.unwrap_or(AddressKind::Email),
        })
    }
}
