//! Settings of the Twilio channel.

use std::fmt;
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret as _, SecretString};

use crate::HttpOptions;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text messages (SMS) to phone numbers.
    Sms,
    /// WhatsApp messages.
    WhatsApp,
}

impl Kind {
    /// What stands before a number.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Sms => "",
            Self::WhatsApp => "whatsapp:",
        }
    }
}

/// Who a message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A number in E.164; for text messages also a short code or a registered name of at most 11
    /// characters.
    From(String),
    /// A messaging service (`MG` and 32 hexadecimal digits), which picks the number.
    Service(String),
}

impl Sender {
    /// The sender this text names: the id of a messaging service, or else a number or a name. `None` when
    /// it can be none of them.
    #[must_use]
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        if is_id(text, "MG") {
            return Some(Self::Service(text.to_owned()));
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let short = digits && (3..=8).contains(&text.len());
        let name = !digits
            && text.len() <= 11
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b" -_&.".contains(&byte));
        let known = is_number(text) || (kind == Kind::Sms && (short || name));
        known.then(|| Self::From(text.to_owned()))
    }
}

/// The secret and the id of an API key, which may be withdrawn without changing the account's token.
#[derive(Clone)]
pub struct ApiKey {
    /// `SK` and 32 hexadecimal digits.
    pub sid: String,
    /// Its secret.
    pub secret: SecretString,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// Settings of one Twilio account and sender. `Debug` shows no credentials and no number.
#[derive(Clone)]
pub struct TwilioConfig {
    /// The account: `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The account's token. Twilio signs what it posts with it, also when messages are sent with a key.
    pub auth_token: SecretString,
    /// Sends with this key in place of the token.
    pub api_key: Option<ApiKey>,
    /// What is sent.
    pub kind: Kind,
    /// The sender of messages that name none of their own.
    pub sender: Sender,
    /// Where Twilio posts receipts, as the world sees it. The attempt's id is added to its query as
    /// `attempt`, so a receipt settles a doubt. Without it no receipts come.
    pub status_callback: Option<String>,
    /// Whether nothing is sent to people who did not write within the last 24 hours; only for WhatsApp, which
    /// refuses free text then. Needs to hear of their messages: have Twilio post them to this channel's
    /// callbacks, too. Default `false`.
    pub window: bool,
    /// How long a message may wait at Twilio, in whole seconds, 1 s to 10 h; afterwards it fails. `None` for
    /// Twilio's own limit.
    pub validity: Option<Duration>,
    /// Deliveries at once, 1 to 100. Default 8.
    pub concurrency: usize,
    /// How Twilio is reached.
    pub http: HttpOptions,
}

impl TwilioConfig {
    /// Text messages of this account; everything else as described at the fields.
    #[must_use]
    pub fn new(account_sid: impl Into<String>, auth_token: SecretString, sender: Sender) -> Self {
        Self {
            account_sid: account_sid.into(),
            auth_token,
            api_key: None,
            kind: Kind::Sms,
            sender,
            status_callback: None,
            window: false,
            validity: None,
            concurrency: 8,
            http: HttpOptions::default(),
        }
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with one sentence that names the setting, never its value.
    pub fn check(&self) -> Result<()> {
        let sender = match &self.sender {
            Sender::From(from) => Sender::parse(self.kind, from) == Some(self.sender.clone()),
            Sender::Service(sid) => is_id(sid, "MG"),
        };
        let key = self.api_key.as_ref();
        let key =
            key.is_none_or(|key| is_id(&key.sid, "SK") && !key.secret.expose_secret().is_empty());
        let validity = self
            .validity
            .is_none_or(|time| time.subsec_nanos() == 0 && (1..=36_000).contains(&time.as_secs()));
        let callback = self.status_callback.as_deref().is_none_or(is_callback);
        if !is_id(&self.account_sid, "AC") {
            Err(wrong(
                "the Twilio account must be AC and 32 hexadecimal digits",
            ))
        } else if self.window && self.kind == Kind::Sms {
            Err(wrong("only WhatsApp has windows; leave window out"))
        } else if self.auth_token.expose_secret().is_empty() {
            Err(wrong("the Twilio token is empty"))
        } else if !key {
            Err(wrong(
                "the Twilio API key must be SK and 32 hexadecimal digits, with a secret",
            ))
        } else if !sender {
            Err(wrong(
                "the Twilio sender must be a number such as +14155552345, a registered name or a messaging service",
            ))
        } else if !callback {
            Err(wrong(
                "the Twilio status callback must be an http or https address without a fragment",
            ))
        } else if !validity {
            Err(wrong(
                "the Twilio validity must be whole seconds, 1 to 36000",
            ))
        } else if !(1..=100).contains(&self.concurrency) {
            Err(wrong("the Twilio concurrency must be 1 to 100"))
        } else {
            Ok(())
        }
    }

    /// The address Twilio is told to call for this attempt.
    pub(super) fn callback_for(&self, attempt: &str) -> Option<String> {
        let url = self.status_callback.as_deref()?;
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}attempt={attempt}"))
    }
}

impl fmt::Debug for TwilioConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioConfig")
            .field("kind", &self.kind)
            .field("api_key", &self.api_key.is_some())
            .field("status_callback", &self.status_callback.is_some())
            .field("validity", &self.validity)
            .field("concurrency", &self.concurrency)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// One of Twilio's ids: two letters that name the kind and 32 hexadecimal digits.
pub(super) fn is_id(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A number in E.164: a plus and at most 15 digits, the first of which is no zero.
pub(super) fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

fn is_callback(text: &str) -> bool {
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('#');
    let url = reqwest::Url::parse(text).ok().filter(|_| clean);
    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn wrong(detail: &str) -> Error {
    Error::new(ErrorKind::Configuration, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_told_apart() {
        let service = "MG00000000000000000000000000000001";
        for kind in [Kind::Sms, Kind::WhatsApp] {
            assert_eq!(
                Sender::parse(kind, service),
                Some(Sender::Service(service.to_owned()))
            );
            let number = Sender::From("+14155552345".to_owned());
            assert_eq!(Sender::parse(kind, "+14155552345"), Some(number));
            for wrong in [
                "",
                "+",
                "+0123456789",
                "a\nb",
                "Имя",
                "a long name here",
                "+1415555234567890",
            ] {
                assert_eq!(Sender::parse(kind, wrong), None, "{wrong}");
            }
        }
        for name in ["Salon", "My Salon 7", "12345"] {
            assert!(Sender::parse(Kind::Sms, name).is_some(), "{name}");
            assert!(Sender::parse(Kind::WhatsApp, name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_attempt_joins_the_query() {
        let sender = Sender::From("+14155552345".to_owned());
        let mut config = TwilioConfig::new("AC", "t".to_owned().into(), sender);
        assert_eq!(config.callback_for("a"), None);
        for (url, expected) in [
            (
                "https://crm.example.test/t",
                "https://crm.example.test/t?attempt=a",
            ),
            (
                "https://crm.example.test/t?w=1",
                "https://crm.example.test/t?w=1&attempt=a",
            ),
        ] {
            config.status_callback = Some(url.to_owned());
            assert_eq!(config.callback_for("a").as_deref(), Some(expected));
        }
    }
}
