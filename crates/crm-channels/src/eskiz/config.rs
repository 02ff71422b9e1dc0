//! Settings of the Eskiz channel.

use std::fmt;

use crm_core::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret as _, SecretString};

use crate::HttpOptions;

/// Where Eskiz posts receipts. They carry no signature, so the address holds a secret.
#[derive(Clone)]
pub struct CallbackAddress {
    /// As the world sees it, without the secret.
    pub url: String,
    /// At least 20 letters, digits, `-` and `_`, chosen by chance; added to the query as `token`. The host
    /// hands the address on with the query as it came in, and the channel compares.
    pub token: SecretString,
}

impl fmt::Debug for CallbackAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackAddress")
    }
}

/// Settings of one Eskiz account. `Debug` shows no credentials.
#[derive(Clone)]
pub struct EskizConfig {
    /// The account's e-mail address.
    pub email: String,
    /// Its password.
    pub password: SecretString,
    /// The sender of messages that name none of their own: `4546` or an approved nickname.
    pub from: String,
    /// Where receipts are posted; without it none come.
    pub callback: Option<CallbackAddress>,
    /// Deliveries at once, 1 to 100. Default 8.
    pub concurrency: usize,
    /// How Eskiz is reached.
    pub http: HttpOptions,
}

impl EskizConfig {
    /// Messages of this account from the common sender; everything else as described at the fields.
    #[must_use]
    pub fn new(email: impl Into<String>, password: SecretString) -> Self {
        Self {
            email: email.into(),
            password,
            from: "4546".to_owned(),
            callback: None,
            concurrency: 8,
            http: HttpOptions::default(),
        }
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with one sentence that names the setting, never its value.
    pub fn check(&self) -> Result<()> {
        let callback = self.callback.as_ref();
        if self.email.is_empty() || self.password.expose_secret().is_empty() {
            Err(wrong("the Eskiz e-mail address or password is empty"))
        } else if !is_sender(&self.from) {
            Err(wrong(
                "the Eskiz sender must be 4546 or an approved nickname of at most 20 characters",
            ))
        } else if !callback.is_none_or(|callback| is_address(&callback.url)) {
            Err(wrong(
                "the Eskiz callback must be an http or https address without a fragment",
            ))
        } else if !callback.is_none_or(|callback| is_token(callback.token.expose_secret())) {
            Err(wrong(
                "the Eskiz callback token must be at least 20 letters, digits, - and _",
            ))
        } else if !(1..=100).contains(&self.concurrency) {
            Err(wrong("the Eskiz concurrency must be 1 to 100"))
        } else {
            Ok(())
        }
    }

    /// The address Eskiz is told to call.
    pub(super) fn callback_url(&self) -> Option<String> {
        let callback = self.callback.as_ref()?;
        let joint = if callback.url.contains('?') { '&' } else { '?' };
        let token = callback.token.expose_secret();
        Some(format!("{}{joint}token={token}", callback.url))
    }
}

impl fmt::Debug for EskizConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EskizConfig")
            .field("callback", &self.callback.is_some())
            .field("concurrency", &self.concurrency)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// Whether this can name a sender. Which names are approved Eskiz alone knows.
pub(super) fn is_sender(text: &str) -> bool {
    (1..=20).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A number of Uzbekistan in E.164: this is the gateway's country, and its interface for others is another.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix("+998").unwrap_or_default();
    digits.len() == 9 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_token(text: &str) -> bool {
    text.len() >= 20
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_address(text: &str) -> bool {
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('#');
    let url = reqwest::Url::parse(text).ok().filter(|_| clean);
    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn wrong(detail: &str) -> Error {
    Error::new(ErrorKind::Configuration, detail)
}
