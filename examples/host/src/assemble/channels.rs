//! Makes the channels of the settings.

use std::path::Path;
use std::sync::Arc;

use crm_channels::smtp::UnsubscribeLinks;
use crm_channels::{Eskiz, Outbox, Smtp, SmtpConfig, Telegram, Twilio, Webhook, WhatsApp};
use crm_core::consent::token::TokenKeys;
use crm_core::contact::AddressKind;
use crm_core::layer::Failover;
use crm_core::port::channel::Channel;
use crm_core::system::SystemClock;
use secrecy::ExposeSecret as _;

use crate::config::{ChannelSettings, ChannelTable, Config, Provider};

/// Channels that are there without being set up: they write files.
const USUAL: [(&str, AddressKind); 4] = [
    ("email", AddressKind::Email),
    ("sms", AddressKind::Phone),
    ("telegram", AddressKind::Telegram),
    ("whatsapp", AddressKind::Whatsapp),
];

/// All channels by name; what is set up takes the place of the usual ones.
pub(super) fn all(
    config: &Config,
    keys: Option<&TokenKeys>,
) -> Result<Vec<(String, Arc<dyn Channel>)>, String> {
    let maker = Maker {
        outbox: &config.outbox,
        links: keys.zip(config.public_url.as_deref()).map(links),
    };
    let mut channels: Vec<(String, Arc<dyn Channel>)> = Vec::new();
    for (name, address) in USUAL {
        if !config.channels.contains_key(name) {
            channels.push((name.to_owned(), maker.outbox(&config.outbox, address)?));
        }
    }
    for (name, settings) in &config.channels {
        let channel = match settings {
            ChannelSettings::Line(line) => SmtpConfig::parse(line.expose_secret())
                .map_err(|error| error.to_string())
                .and_then(|config| maker.smtp(config, true))
                .map_err(|problem| format!("channel {name}: {problem}"))?,
            ChannelSettings::Table(table) => maker
                .table(table)
                .map_err(|problem| format!("{}: {problem}", table.place))?,
        };
        channels.push((name.clone(), channel));
    }
    Ok(channels)
}

fn links((keys, public): (&TokenKeys, &str)) -> UnsubscribeLinks {
    UnsubscribeLinks {
        base: format!("{public}/u/"),
        keys: keys.clone(),
    }
}

struct Maker<'c> {
    /// Where files go unless told otherwise.
    outbox: &'c Path,
    links: Option<UnsubscribeLinks>,
}

impl Maker<'_> {
    /// Also one provider stands behind a breaker, and names its ids: a second one may come later.
    fn table(&self, table: &ChannelTable) -> Result<Arc<dyn Channel>, String> {
        let mut providers = Vec::new();
        for (name, provider) in &table.providers {
            let made = self
                .provider(provider)
                .map_err(|problem| format!("{name}: {problem}"))?;
            providers.push((name.clone(), made));
        }
        let channel = Failover::new(providers, table.breaker, Arc::new(SystemClock))
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(channel))
    }

    fn provider(&self, provider: &Provider) -> Result<Arc<dyn Channel>, String> {
        Ok(match provider {
            Provider::Outbox { directory, address } => {
                return self.outbox(directory.as_deref().unwrap_or(self.outbox), *address);
            }
            Provider::Smtp {
                config,
                unsubscribe,
            } => return self.smtp(SmtpConfig::clone(config), *unsubscribe),
            Provider::Twilio(config) => made(Twilio::new(config.as_ref().clone()))?,
            Provider::Eskiz(config) => made(Eskiz::new(config.as_ref().clone()))?,
            Provider::Telegram(config) => made(Telegram::new(config.as_ref().clone()))?,
            Provider::WhatsApp(config) => made(WhatsApp::new(config.as_ref().clone()))?,
            Provider::Webhook(config) => made(Webhook::new(config.as_ref().clone()))?,
        })
    }

    fn smtp(&self, mut config: SmtpConfig, links: bool) -> Result<Arc<dyn Channel>, String> {
        if links {
            config.unsubscribe.clone_from(&self.links);
        }
        made(Smtp::new(config))
    }

    fn outbox(&self, directory: &Path, address: AddressKind) -> Result<Arc<dyn Channel>, String> {
        Outbox::new(directory)
            .map(|outbox| Arc::new(outbox.with_address(address)) as Arc<dyn Channel>)
            .map_err(|error| format!("the outbox {} cannot be used: {error}", directory.display()))
    }
}

fn made<C: Channel + 'static>(channel: crm_core::Result<C>) -> Result<Arc<dyn Channel>, String> {
    channel
        .map(|channel| Arc::new(channel) as Arc<dyn Channel>)
        .map_err(|error| error.to_string())
}
