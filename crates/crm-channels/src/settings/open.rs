//! From settings to channels.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_core::contact::AddressKind;
use crm_core::layer::{Failover, Paced};
use crm_core::port::channel::Channel;
use crm_core::port::clock::Clock;
use crm_core::{Error, ErrorKind, Result};

use super::{Layers, Provider};
use crate::smtp::UnsubscribeLinks;
use crate::{Eskiz, Outbox, Smtp, SmtpConfig, Telegram, Twilio, Webhook, WhatsApp};

/// What all providers of a host have in common.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Where files go unless told otherwise.
    pub outbox: Option<PathBuf>,
    /// Where people unsubscribe.
    pub links: Option<UnsubscribeLinks>,
}

impl Around {
    /// The provider, ready to deliver.
    ///
    /// # Errors
    /// As its adapter: `Configuration`, without any value; the outbox names its folder.
    pub fn provider(&self, provider: &Provider) -> Result<Arc<dyn Channel>> {
        match provider {
            Provider::Outbox { directory, address } => self.outbox(directory.as_deref(), *address),
            Provider::Smtp {
                config,
                unsubscribe,
            } => self.smtp(SmtpConfig::clone(config), *unsubscribe),
            Provider::Twilio(config) => made(Twilio::new(config.as_ref().clone())),
            Provider::Eskiz(config) => made(Eskiz::new(config.as_ref().clone())),
            Provider::Telegram(config) => made(Telegram::new(config.as_ref().clone())),
            Provider::WhatsApp(config) => made(WhatsApp::new(config.as_ref().clone())),
            Provider::Webhook(config) => made(Webhook::new(config.as_ref().clone())),
        }
    }

    /// A mail relay; with `unsubscribe` its mails say where to, if that is known.
    ///
    /// # Errors
    /// `Configuration`.
    pub fn smtp(&self, mut config: SmtpConfig, unsubscribe: bool) -> Result<Arc<dyn Channel>> {
        if unsubscribe {
            config.unsubscribe.clone_from(&self.links);
        }
        made(Smtp::new(config))
    }

    /// Files in this folder, or where they go unless told otherwise.
    ///
    /// # Errors
    /// `Configuration` without a folder; as [`Outbox::new`].
    pub fn outbox(
        &self,
        directory: Option<&Path>,
        address: AddressKind,
    ) -> Result<Arc<dyn Channel>> {
        let wrong = |detail: String| Error::new(ErrorKind::Configuration, detail);
        let directory = directory.or(self.outbox.as_deref());
        let directory = directory.ok_or_else(|| wrong("an outbox needs a directory".to_owned()))?;
        let outbox = Outbox::new(directory).map_err(|error| {
            let shown = directory.display();
            wrong(format!("the outbox {shown} cannot be used: {error}"))
        })?;
        Ok(Arc::new(outbox.with_address(address)))
    }
}

/// A channel over its providers, the preferred one first, each with its name. Also one provider stands behind a
/// breaker, and names its ids: a second one may come later.
///
/// # Errors
/// `Configuration`, as [`Failover::new`] and [`Paced::new`].
pub fn layered(
    providers: Vec<(String, Arc<dyn Channel>)>,
    layers: &Layers,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Channel>> {
    let channel = Failover::new(providers, layers.breaker, clock)?;
    match layers.rate {
        Some(rate) => made(Paced::new(Arc::new(channel), rate)),
        None => Ok(Arc::new(channel)),
    }
}

fn made<C: Channel + 'static>(channel: Result<C>) -> Result<Arc<dyn Channel>> {
    Ok(Arc::new(channel?))
}
