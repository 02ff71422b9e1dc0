//! Messages over WhatsApp (Cloud API of Meta).
//!
//! WhatsApp takes free text only within 24 hours of the person's last message, and approved templates at any
//! time. A channel does one of the two, see [`Compose`]: which one may go is known before a message is
//! approved, and an approved text is never turned into another one. A host that wants both has two channels
//! over one number. There is no idempotency key; a request without an answer stays unknown until a receipt
//! names our attempt, which WhatsApp carries through (`biz_opaque_callback_data`).

mod classify;
mod compose;
mod config;
mod events;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::contact::AddressKind;
use crm_core::message::{Approved, Format};
use crm_core::port::callback::{Callback, News};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::{Error, ErrorKind, Result};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

pub use compose::{Compose, Template};
pub use config::WhatsAppConfig;

use crate::http::{self, Http};
use crate::outcome::rejected;
use crate::signature;

/// How long after a person's last message WhatsApp takes free text to them (Meta's customer service window).
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The WhatsApp channel. Addresses are phone numbers in E.164.
///
/// Of the outcomes, two are milder than the provider's words: 131026 ("undeliverable") is `Rejected`, because
/// it hides limits as well as missing accounts and one such answer proves nothing; 130497 (a country that may
/// not be written to) is `Rejected`, because a stop would hold back everybody else's messages.
pub struct WhatsApp {
    config: WhatsAppConfig,
    http: Http,
    path: String,
}

impl fmt::Debug for WhatsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsApp")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl WhatsApp {
    /// A channel for this number. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for settings that cannot work.
    pub fn new(config: WhatsAppConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            http: Http::new("https://graph.facebook.com", &config.http)?,
            path: format!("/{}/{}/messages", config.version, config.phone_number_id),
            config,
        })
    }

    /// The request's body, or why there is none.
    fn request(&self, approved: &Approved) -> std::result::Result<Value, &'static str> {
        let sender = approved.sender();
        if !(sender.is_empty() || sender == self.config.phone_number_id) {
            return Err("sender_unknown");
        }
        let to = digits(approved.recipient()).ok_or("recipient_not_a_number")?;
        if approved.format() != Format::Text {
            return Err("html_not_supported");
        }
        let (kind, content) = self.config.compose.content(approved.content())?;
        Ok(json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "type": kind,
            kind: content,
            "biz_opaque_callback_data": approved.attempt_id().to_string(),
        }))
    }
}

/// The digits of a number in E.164: a plus and 7 to 15 digits.
fn digits(address: &str) -> Option<&str> {
    let digits = address.strip_prefix('+')?;
    let good = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then_some(digits)
}

/// The text that answers a verification with this token.
fn challenge(url: &str, verify_token: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let said = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let token = said("hub.verify_token")?;
    let ours = signature::same(token.as_bytes(), verify_token.as_bytes());
    if !ours || said("hub.mode")? != "subscribe" {
        return None;
    }
    said("hub.challenge")
}

#[async_trait]
impl Channel for WhatsApp {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: AddressKind::Whatsapp,
            subject: false,
            html: false,
            max_length: Some(self.config.compose.longest()),
            idempotent: false,
            look_up: false,
            receipts: self.config.app_secret.is_some(),
            window: self.config.keeps_window().then_some(WINDOW),
            concurrency: 16,
            rate: None,
            timeout: self
                .config
                .http
                .timeout
                .saturating_add(Duration::from_secs(2)),
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        digits(address).is_some()
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let body = match self.request(approved) {
            Ok(body) => body,
            Err(reason) => return rejected(reason),
        };
        let token = self.config.access_token.expose_secret();
        let request = self.http.post(&self.path).bearer_auth(token).json(&body);
        match http::ask(request).await {
            Ok(answer) => classify::classify(&answer, approved.attempt()),
            Err(failure) => failure.outcome(),
        }
    }

    /// Answers Meta, which asks whether the webhook's address is really ours.
    fn challenge(&self, url: &str) -> Result<String> {
        let Some(token) = &self.config.verify_token else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this WhatsApp channel has no verify token",
            ));
        };
        challenge(url, token.expose_secret())
            .ok_or_else(|| Error::new(ErrorKind::Forbidden, "not a verification with our token"))
    }

    /// Reads one POST of the webhook, with everything in it that concerns this number.
    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        let Some(secret) = &self.config.app_secret else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this WhatsApp channel has no app secret",
            ));
        };
        let body = &callback.body;
        let ours = signature::hex(&signature::sha256(
            secret.expose_secret().as_bytes(),
            &[body],
        ));
        let said = callback.header("x-hub-signature-256").unwrap_or_default();
        let said = said.strip_prefix("sha256=").unwrap_or_default();
        if !signature::same(said.to_ascii_lowercase().as_bytes(), ours.as_bytes()) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "the callback is not signed with the app's secret",
            ));
        }
        let payload = serde_json::from_slice(body)
            .map_err(|_| Error::new(ErrorKind::Invalid, "the callback is not JSON"))?;
        Ok(events::read(&payload, &self.config.phone_number_id))
    }
}
