//! Messages to Telegram chats through a bot (Bot API, `sendMessage`).
//!
//! The Bot API has no idempotency key and no look-up: a request without an answer stays unknown. It tells
//! nothing about delivery or reading either; what it posts is who left, who came back and who wrote. The
//! token is a part of every address, so no address of a request is ever shown.

mod classify;
mod config;
mod text;
mod update;

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

pub use config::TelegramConfig;

use crate::http::{self, Http};
use crate::outcome::rejected;
use crate::signature;

/// The longest text, in Unicode scalar values. Those outside the basic plane count twice.
const LONGEST: usize = 4096;
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// The Telegram channel. Addresses are chat ids, or public names (`@example`) of channels and groups.
///
/// # What becomes of an answer
/// - A group that became a supergroup (`migrate_to_chat_id`) is `Rejected` with `chat_migrated`: its new id is
///   another address than the approved one, so nothing may go there before somebody approves it, and waiting
///   mends nothing. It is not `Dead` either, for the chat lives and its people did not object. The host learns
///   the new id from the group's own service message.
/// - Every 429 holds the whole channel, because nothing in it tells one chat's limit from the bot's, and
///   sending during the wait makes it longer.
///
/// # HTML
/// A body in HTML may hold what the Bot API knows (`b`, `i`, `u`, `s`, `a`, `code`, `pre`, `blockquote`,
/// `tg-spoiler`); a message with other markup is refused by Telegram as a whole.
pub struct Telegram {
    config: TelegramConfig,
    http: Http,
    path: String,
}

impl fmt::Debug for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telegram")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Telegram {
    /// A channel for this bot. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for settings that cannot work.
    pub fn new(config: TelegramConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            http: Http::new("https://api.telegram.org", &config.http)?,
            path: format!("/bot{}/sendMessage", config.token.expose_secret()),
            config,
        })
    }

    /// The request's body, or why there is none.
    fn request(&self, approved: &Approved) -> std::result::Result<Value, &'static str> {
        let sender = approved.sender();
        if !(sender.is_empty() || sender == self.config.bot_id()) {
            return Err("sender_unknown");
        }
        let chat = chat(approved.recipient()).ok_or("recipient_not_a_chat")?;
        let html = approved.format() == Format::Html;
        match text::length(approved.content(), html) {
            0 => return Err("text_empty"),
            1..=LONGEST => {}
            _ => return Err("text_too_long"),
        }
        let mut body = json!({ "chat_id": chat, "text": approved.content() });
        if let Some(fields) = body.as_object_mut() {
            if html {
                fields.insert("parse_mode".to_owned(), json!("HTML"));
            }
            if !self.config.link_previews {
                let off = json!({ "is_disabled": true });
                fields.insert("link_preview_options".to_owned(), off);
            }
            if self.config.silent {
                fields.insert("disable_notification".to_owned(), json!(true));
            }
        }
        Ok(body)
    }
}

/// `chat_id` as the Bot API takes it: a number or a public name.
fn chat(address: &str) -> Option<Value> {
    if let Some(name) = address.strip_prefix('@') {
        let named = (4..=32).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        return named.then(|| json!(address));
    }
    let id = address.parse::<i64>().ok()?;
    // One spelling for one chat: no plus, no leading zeros.
    (id != 0 && id.to_string() == address).then(|| json!(id))
}

#[async_trait]
impl Channel for Telegram {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: AddressKind::Telegram,
            subject: false,
            html: true,
            max_length: Some(LONGEST),
            idempotent: false,
            look_up: false,
            receipts: self.config.webhook_secret.is_some(),
            // The Bot API takes about 30 messages a second; more at once only meet its limit.
            concurrency: 8,
            window: None,
            rate: None,
            timeout: self
                .config
                .http
                .timeout
                .saturating_add(Duration::from_secs(2)),
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        chat(address).is_some()
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let body = match self.request(approved) {
            Ok(body) => body,
            Err(reason) => return rejected(reason),
        };
        match http::ask(self.http.post(&self.path).json(&body)).await {
            Ok(answer) => classify::classify(&answer),
            Err(failure) => failure.outcome(),
        }
    }

    /// Reads one update. Telegram repeats an update until it is answered with 2xx; the same one reads the same.
    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        let Some(secret) = &self.config.webhook_secret else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this Telegram channel has no webhook secret",
            ));
        };
        let said = callback.header(SECRET_HEADER).unwrap_or_default();
        if !signature::same(said.as_bytes(), secret.expose_secret().as_bytes()) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "the update does not carry the webhook's secret",
            ));
        }
        let update = serde_json::from_slice(&callback.body)
            .map_err(|_| Error::new(ErrorKind::Invalid, "the update is not JSON"))?;
        Ok(update::read(&update))
    }
}
