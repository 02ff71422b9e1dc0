//! Channels from settings: the keys of each provider by name, whatever they are written in.
//!
//! A host reads TOML, a binding gets JSON; both hand values over here, so that a key has one name, one default and
//! one check. Files, environment variables and places in a text are the caller's own. No error repeats a value: it
//! may be a secret.

mod chat;
mod http;
mod layers;
mod open;
mod other;
mod sms;
mod smtp;

use std::path::PathBuf;

use crm_core::contact::AddressKind;
use serde::de::{DeserializeOwned, Deserializer};

pub use http::HttpTable;
pub use layers::Layers;
pub use open::{Around, layered};

use crate::{EskizConfig, SmtpConfig, TelegramConfig, TwilioConfig, WebhookConfig, WhatsAppConfig};

/// What `type` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `eskiz`.
    Eskiz,
    /// `outbox`.
    Outbox,
    /// `smtp`.
    Smtp,
    /// `telegram`.
    Telegram,
    /// `twilio`.
    Twilio,
    /// `webhook`.
    Webhook,
    /// `whatsapp`.
    WhatsApp,
}

impl Kind {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 7] = [
        Self::Eskiz,
        Self::Outbox,
        Self::Smtp,
        Self::Telegram,
        Self::Twilio,
        Self::Webhook,
        Self::WhatsApp,
    ];

    /// The name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eskiz => "eskiz",
            Self::Outbox => "outbox",
            Self::Smtp => "smtp",
            Self::Telegram => "telegram",
            Self::Twilio => "twilio",
            Self::Webhook => "webhook",
            Self::WhatsApp => "whatsapp",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// All names, for a sentence.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

/// A key whose value is of the right type and cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The key.
    pub key: &'static str,
    /// What it must be; never what it is.
    pub problem: &'static str,
}

impl Fault {
    const fn new(key: &'static str, problem: &'static str) -> Self {
        Self { key, problem }
    }
}

/// The settings of a provider. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Provider {
    /// Files.
    Outbox {
        /// The one of [`Around`] unless set.
        directory: Option<PathBuf>,
        /// Which of the contact's addresses stands in the files.
        address: AddressKind,
    },
    /// A mail relay.
    Smtp {
        /// The relay. Its links are those of [`Around`].
        config: Box<SmtpConfig>,
        /// Whether its mails say where to unsubscribe, once that is known.
        unsubscribe: bool,
    },
    /// Text messages and WhatsApp through Twilio.
    Twilio(Box<TwilioConfig>),
    /// Text messages through Eskiz.
    Eskiz(Box<EskizConfig>),
    /// A bot.
    Telegram(Box<TelegramConfig>),
    /// The Cloud API.
    WhatsApp(Box<WhatsAppConfig>),
    /// A service of the host's own.
    Webhook(Box<WebhookConfig>),
}

impl Provider {
    /// Reads the keys of a provider of this kind, without `type` and `name`. Unknown keys are errors.
    ///
    /// # Errors
    /// Of the deserializer, which knows the place; or the key whose value cannot be used.
    pub fn read<'de, D: Deserializer<'de>>(
        kind: Kind,
        keys: D,
    ) -> Result<Result<Self, Fault>, D::Error> {
        match kind {
            Kind::Eskiz => read::<sms::EskizTable, D>(keys),
            Kind::Outbox => read::<other::OutboxTable, D>(keys),
            Kind::Smtp => read::<smtp::SmtpTable, D>(keys),
            Kind::Telegram => read::<chat::TelegramTable, D>(keys),
            Kind::Twilio => read::<sms::TwilioTable, D>(keys),
            Kind::Webhook => read::<other::WebhookTable, D>(keys),
            Kind::WhatsApp => read::<chat::WhatsAppTable, D>(keys),
        }
    }
}

/// The keys of one kind of provider.
trait ProviderTable: DeserializeOwned {
    fn provider(self) -> Result<Provider, Fault>;
}

fn read<'de, T: ProviderTable, D: Deserializer<'de>>(
    keys: D,
) -> Result<Result<Provider, Fault>, D::Error> {
    T::deserialize(keys).map(T::provider)
}
