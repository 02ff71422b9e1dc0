//! Settings of the webhook channel.

use std::fmt;
use std::sync::Arc;

use crm_core::Result;
use crm_core::contact::AddressKind;
use crm_core::port::clock::Clock;
use secrecy::SecretString;

use crate::http::HttpOptions;
use crate::outcome::wrong;

/// What a receiver means by 410 Gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gone {
    /// The recipient named in the body is gone: `Dead`, and nothing more is sent to that address.
    #[default]
    Address,
    /// The receiver itself was closed for good, as Standard Webhooks has it: `Stop`. For receivers that know
    /// nothing of recipients; with [`Gone::Address`] they would have one person after another suppressed.
    Endpoint,
}

/// Settings of one receiver. `Debug` shows neither its address, which may hold a key, nor a secret.
#[derive(Clone)]
pub struct WebhookConfig {
    /// Where to post, with path and query. Plain `http` is taken for allowed networks only.
    pub url: SecretString,
    /// Shared secrets, `whsec_...`; the receiver needs to know one. Two while they change.
    pub secrets: Vec<SecretString>,
    /// The `type` in the body. Default `message.send`.
    pub event: String,
    /// Which of the contact's addresses the receiver works with. Default: the host's own id.
    pub address: AddressKind,
    /// What the receiver means by 410.
    pub gone: Gone,
    /// Networks and addresses (`10.1.0.0/16`, `127.0.0.1`, `fd00::/8`) that may be called though they are
    /// private. None by default. Do not let a tenant choose them.
    pub allowed: Vec<String>,
    /// The clock of the timestamps; the system's when there is none.
    pub clock: Option<Arc<dyn Clock>>,
    /// Limits and trust. Its `base` must be empty. Proxies of the environment are not used: they would
    /// resolve the name again.
    pub http: HttpOptions,
}

impl WebhookConfig {
    /// A receiver on the public internet.
    #[must_use]
    pub fn new(url: SecretString, secrets: Vec<SecretString>) -> Self {
        Self {
            url,
            secrets,
            event: "message.send".to_owned(),
            address: AddressKind::ExternalId,
            gone: Gone::default(),
            allowed: Vec::new(),
            clock: None,
            http: HttpOptions::default(),
        }
    }

    /// Checks what is not the receiver's.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) with one sentence that names the
    /// setting, never its value.
    pub(super) fn check(&self) -> Result<()> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.event.is_empty() || self.event.len() > 128 || !self.event.chars().all(word) {
            Err(wrong(
                "the webhook's event is 1 to 128 letters, digits, full stops, _ or -",
            ))
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("secrets", &self.secrets.len())
            .field("event", &self.event)
            .field("address", &self.address)
            .field("gone", &self.gone)
            .field("allowed", &self.allowed.len())
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
