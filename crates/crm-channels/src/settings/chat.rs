//! `type = "telegram"` and `type = "whatsapp"`: the Bot API and the Cloud API.

use secrecy::SecretString;
use serde::Deserialize;

use super::http::HttpTable;
use super::{Fault, Provider, ProviderTable};
use crate::whatsapp::{Compose, Template};
use crate::{TelegramConfig, WhatsAppConfig};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TelegramTable {
    token: SecretString,
    webhook_secret: Option<SecretString>,
    link_previews: Option<bool>,
    silent: Option<bool>,
    #[serde(default)]
    http: HttpTable,
}

impl ProviderTable for TelegramTable {
    fn provider(self) -> Result<Provider, Fault> {
        let mut config = TelegramConfig::new(self.token);
        config.webhook_secret = self.webhook_secret;
        config.link_previews = self.link_previews.unwrap_or(config.link_previews);
        config.silent = self.silent.unwrap_or(config.silent);
        config.http = self.http.options();
        Ok(Provider::Telegram(Box::new(config)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateTable {
    name: String,
    language: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhatsAppTable {
    phone_number_id: String,
    access_token: SecretString,
    app_secret: Option<SecretString>,
    verify_token: Option<SecretString>,
    preview_links: Option<bool>,
    template: Option<TemplateTable>,
    window: Option<bool>,
    version: Option<String>,
    #[serde(default)]
    http: HttpTable,
}

impl ProviderTable for WhatsAppTable {
    fn provider(self) -> Result<Provider, Fault> {
        let compose = match (self.template, self.preview_links) {
            (None, preview) => Compose::FreeText {
                preview_links: preview.unwrap_or(false),
            },
            (Some(template), None) => Compose::Template(Template {
                name: template.name,
                language: template.language,
                body: template.body,
            }),
            (Some(_), Some(_)) => {
                return Err(Fault::new(
                    "preview_links",
                    "a template has no previews; leave it out",
                ));
            }
        };
        let mut config = WhatsAppConfig::new(self.phone_number_id, self.access_token, compose);
        config.app_secret = self.app_secret;
        config.verify_token = self.verify_token;
        config.window = self.window;
        config.version = self.version.unwrap_or(config.version);
        config.http = self.http.options();
        Ok(Provider::WhatsApp(Box::new(config)))
    }
}
