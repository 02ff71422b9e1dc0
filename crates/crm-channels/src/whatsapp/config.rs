//! Settings of the WhatsApp channel.

use std::fmt;

use crm_core::Result;
use secrecy::{ExposeSecret as _, SecretString};

use super::compose::Compose;
use crate::http::HttpOptions;
use crate::outcome::wrong;

/// Settings of one number. `Debug` shows no secret.
#[derive(Clone)]
pub struct WhatsAppConfig {
    /// Meta's id of the number that sends; digits, not the number itself.
    pub phone_number_id: String,
    /// The access token of a system user.
    pub access_token: SecretString,
    /// The app's secret, which signs callbacks. Without it the channel reads none.
    pub app_secret: Option<SecretString>,
    /// What the app's webhook was given as its verify token. Without it the channel answers no verification.
    pub verify_token: Option<SecretString>,
    /// What is sent.
    pub compose: Compose,
    /// Whether nothing is sent to people who did not write within the last 24 hours, when free text is sent: Meta
    /// would refuse it. `None`: when there is an [`app_secret`](Self::app_secret), so that their messages are
    /// heard of here. A host that hears of them by itself
    /// ([`Engine::hear`](crm_core::engine::Engine::hear)) says `true`. A template goes at any time.
    pub window: Option<bool>,
    /// The version of the Graph API, `v23.0`.
    pub version: String,
    /// How the API is reached.
    pub http: HttpOptions,
}

impl WhatsAppConfig {
    /// A number that only sends.
    #[must_use]
    pub fn new(
        phone_number_id: impl Into<String>,
        access_token: SecretString,
        compose: Compose,
    ) -> Self {
        Self {
            phone_number_id: phone_number_id.into(),
            access_token,
            app_secret: None,
            verify_token: None,
            compose,
            window: None,
            version: "v23.0".to_owned(),
            http: HttpOptions::default(),
        }
    }

    /// Whether people have to have written lately.
    pub(super) fn keeps_window(&self) -> bool {
        let free_text = matches!(self.compose, Compose::FreeText { .. });
        free_text && self.window.unwrap_or(self.app_secret.is_some())
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) with one sentence that names the
    /// setting, never its value.
    pub fn check(&self) -> Result<()> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let empty = |secret: Option<&SecretString>| {
            secret.is_some_and(|secret| secret.expose_secret().is_empty())
        };
        let (major, minor) = self
            .version
            .strip_prefix('v')
            .and_then(|version| version.split_once('.'))
            .unwrap_or_default();
        if !digits(&self.phone_number_id) {
            Err(wrong("the WhatsApp phone number id must be digits"))
        } else if !visible(self.access_token.expose_secret()) {
            Err(wrong("the WhatsApp access token must be one visible word"))
        } else if !digits(major) || !digits(minor) {
            Err(wrong("the WhatsApp version must be as v23.0"))
        } else if empty(self.app_secret.as_ref()) {
            Err(wrong("the WhatsApp app secret must not be empty"))
        } else if self.window == Some(true) && !self.keeps_window() {
            Err(wrong(
                "a WhatsApp template goes at any time; leave window out",
            ))
        } else if empty(self.verify_token.as_ref()) {
            Err(wrong("the WhatsApp verify token must not be empty"))
        } else {
            self.compose.check()
        }
    }
}

impl fmt::Debug for WhatsAppConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsAppConfig")
            .field("phone_number_id", &self.phone_number_id)
            .field("callbacks", &self.app_secret.is_some())
            .field("compose", &self.compose)
            .field("window", &self.window)
            .field("version", &self.version)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
