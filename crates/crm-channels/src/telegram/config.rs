//! Settings of the Telegram channel.

use std::fmt;

use crm_core::Result;
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::HttpOptions;
use crate::outcome::wrong;

/// Settings of one bot. `Debug` shows no secret.
#[derive(Clone)]
pub struct TelegramConfig {
    /// The bot's token, `123456:ABC-DEF...`.
    pub token: SecretString,
    /// What `setWebhook` was given as `secret_token`: 1 to 256 characters of `A-Z a-z 0-9 _ -`. Without one the
    /// channel reads no updates, since anybody could have written them.
    pub webhook_secret: Option<SecretString>,
    /// Whether Telegram may show a preview of the first link. On.
    pub link_previews: bool,
    /// Whether messages arrive without a sound. Off.
    pub silent: bool,
    /// How the Bot API is reached. `base` names a Bot API server of the host's own.
    pub http: HttpOptions,
}

impl TelegramConfig {
    /// A bot that only sends.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self {
            token,
            webhook_secret: None,
            link_previews: true,
            silent: false,
            http: HttpOptions::default(),
        }
    }

    /// The bot's public id: the digits before the token's colon.
    pub(super) fn bot_id(&self) -> &str {
        let token = self.token.expose_secret();
        token.split_once(':').map_or("", |(id, _)| id)
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) with one sentence that names the
    /// setting, never its value.
    pub fn check(&self) -> Result<()> {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let (id, key) = self
            .token
            .expose_secret()
            .split_once(':')
            .unwrap_or_default();
        let digits = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        if !digits || key.len() < 3 || !plain(key) {
            return Err(wrong(
                "the Telegram token must be digits, a colon and a key",
            ));
        }
        if let Some(secret) = &self.webhook_secret {
            let secret = secret.expose_secret();
            if !(1..=256).contains(&secret.len()) || !plain(secret) {
                return Err(wrong(
                    "the Telegram webhook secret must be 1 to 256 letters, digits, _ or -",
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TelegramConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelegramConfig")
            .field("webhook", &self.webhook_secret.is_some())
            .field("link_previews", &self.link_previews)
            .field("silent", &self.silent)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
