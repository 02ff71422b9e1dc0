//! Settings of the SMTP channel.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crm_core::consent::token::TokenKeys;
use crm_core::{Error, ErrorKind, Result};
use secrecy::SecretString;

use super::dkim::Dkim;
use super::mailbox::Mailbox;
use super::return_path::ReturnPath;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all. For relays on the same machine.
    None,
    /// Clear text first, then `STARTTLS` (RFC 3207), which is required: a server that does not offer it
    /// stops the channel.
    StartTls,
    /// TLS from the first byte (RFC 8314 section 3.3), the better choice where offered.
    Implicit,
}

impl Tls {
    /// The usual port: 25, 587 or 465.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Implicit => 465,
        }
    }
}

/// How long to wait for the server. All must be above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the whole way to a ready connection: lookup, TCP, TLS, greeting, EHLO and AUTH. Default 15 s.
    pub connect: Duration,
    /// For each command, and for handing over the content before its final dot. Default 20 s.
    pub command: Duration,
    /// For the reply to the final dot. When it runs out the outcome is unknown, so it should be
    /// generous; RFC 5321 section 4.5.3.2.6 asks for 10 minutes. Default 120 s.
    pub data: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            command: Duration::from_secs(20),
            data: Duration::from_secs(120),
        }
    }
}

/// Where people unsubscribe, for the headers that mail programs make a button of (RFC 2369, RFC 8058).
#[derive(Debug, Clone)]
pub struct UnsubscribeLinks {
    /// An `https` address that the token is put behind, for example `https://crm.example.com/u/`. A `GET` of
    /// it shows a page, a `POST` unsubscribes, without a login, a cookie or a redirect.
    pub base: String,
    /// The keys tokens are signed with; the engine's own
    /// ([`token_keys`](crm_core::engine::EngineBuilder::token_keys)).
    pub keys: TokenKeys,
}

impl UnsubscribeLinks {
    /// Checks that a token can be put behind the address and into a header.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`].
    pub fn check(&self) -> Result<()> {
        let rest = self.base.strip_prefix("https://").unwrap_or_default();
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?=&%@+[]".contains(&byte);
        if rest.is_empty() || rest.starts_with('/') || rest.len() > 500 || !rest.bytes().all(sign) {
            return Err(wrong(
                "the address to unsubscribe at must be an https address of at most 500 letters, digits and \
                 signs",
            ));
        }
        Ok(())
    }
}

/// Settings of one SMTP relay. `Debug` shows no credentials and no address.
#[derive(Clone)]
pub struct SmtpConfig {
    /// Host name or IP address; the certificate must be valid for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Protection of the connection.
    pub tls: Tls,
    /// User name for AUTH PLAIN or LOGIN; `None` to send without authentication.
    pub user: Option<String>,
    /// Its password; needed exactly when there is a user.
    pub password: Option<SecretString>,
    /// The From mailbox of messages that name no sender of their own.
    pub from: Mailbox,
    /// The name given in EHLO; `None` for the domain of `from`.
    pub hello: Option<String>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Connections open at once, 1 to 100; also how many deliveries run at once without
    /// [`concurrency`](Self::concurrency). Default 4.
    pub max_connections: usize,
    /// Attempts open at once, from `max_connections` to 1,000; `None` for as many as connections. With more, the
    /// connections are kept busy while the store commits, and commits are larger: many times faster into a
    /// relay that answers at once. A crash leaves as many uncertain, and one that gets no connection within
    /// `timeouts.connect` is tried again later.
    pub concurrency: Option<usize>,
    /// More trusted certificate authorities, PEM, for relays of a private CA. The public ones of the
    /// Mozilla program are always trusted.
    pub extra_roots_pem: Option<String>,
    /// Puts `List-Unsubscribe` and `List-Unsubscribe-Post` into every message, as large providers demand of
    /// bulk mail. The relay that signs with DKIM must sign both.
    pub unsubscribe: Option<UnsubscribeLinks>,
    /// Where bounces go, with a token for each attempt; `None` for the address of `from`, and then a bounce is
    /// recognised only by what the server that bounces repeats of the message.
    pub return_path: Option<ReturnPath>,
    /// Gives a message in plain text an HTML form as well, made from the text by a closed rule: paragraphs,
    /// line breaks, and links that can be clicked. The text itself goes with it unchanged. Off by default.
    pub html_alternative: bool,
    /// Signs every message, for relays that do not. The headers for unsubscribing are signed, too.
    pub dkim: Option<Dkim>,
    /// Allows a password in clear text to another machine. Off unless a network is trusted fully.
    pub allow_insecure_auth: bool,
}

impl SmtpConfig {
    /// A relay on its usual port, without authentication.
    #[must_use]
    pub fn new(host: impl Into<String>, tls: Tls, from: Mailbox) -> Self {
        Self {
            host: host.into(),
            port: tls.default_port(),
            tls,
            user: None,
            password: None,
            from,
            hello: None,
            timeouts: Timeouts::default(),
            max_connections: 4,
            concurrency: None,
            extra_roots_pem: None,
            unsubscribe: None,
            return_path: None,
            html_alternative: false,
            dkim: None,
            allow_insecure_auth: false,
        }
    }

    /// The name given in EHLO.
    #[must_use]
    pub fn hello_name(&self) -> &str {
        self.hello.as_deref().unwrap_or_else(|| self.from.domain())
    }

    /// Attempts open at once.
    #[must_use]
    pub fn attempts_at_once(&self) -> usize {
        self.concurrency.unwrap_or(self.max_connections)
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with one sentence that names the setting, never its value.
    pub fn check(&self) -> Result<()> {
        let name = |text: &str| {
            !text.is_empty()
                && text.len() <= 255
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
        };
        let zero = Duration::ZERO;
        let times = [
            self.timeouts.connect,
            self.timeouts.command,
            self.timeouts.data,
        ];
        if !name(&self.host) || self.host.starts_with('-') {
            Err(wrong("the SMTP host must be a host name or an IP address"))
        } else if self.port == 0 {
            Err(wrong("the SMTP port must be 1 to 65535"))
        } else if !name(self.hello_name()) {
            Err(wrong("the SMTP hello name must be a host name"))
        } else if times.contains(&zero) {
            Err(wrong("the SMTP timeouts must be above zero"))
        } else if !(1..=100).contains(&self.max_connections) {
            Err(wrong("SMTP max_connections must be 1 to 100"))
        } else if !(self.max_connections..=1_000).contains(&self.attempts_at_once()) {
            Err(wrong("SMTP concurrency must be max_connections to 1000"))
        } else if let Some(Err(error)) = self.unsubscribe.as_ref().map(UnsubscribeLinks::check) {
            Err(error)
        } else if self.user.is_some() != self.password.is_some() {
            Err(wrong("SMTP user and password must be given together"))
        } else if self.user.as_deref().is_some_and(crate::has_control) {
            Err(wrong("the SMTP user holds a control character"))
        } else if self.user.is_some() && self.clear_text_abroad() {
            Err(wrong(
                "an SMTP password would go in clear text to another machine; use tls=starttls or \
                 tls=implicit, or set allow_insecure_auth=true on a trusted network",
            ))
        } else {
            Ok(())
        }
    }

    /// Whether credentials would leave this machine unprotected, as far as the host's name tells.
    fn clear_text_abroad(&self) -> bool {
        let local = self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        self.tls == Tls::None && !self.allow_insecure_auth && !local
    }
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("auth", &self.user.is_some())
            .field("timeouts", &self.timeouts)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

pub(super) fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, detail)
}
