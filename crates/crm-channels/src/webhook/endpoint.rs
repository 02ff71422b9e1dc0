//! One receiver: where it is, what it shares with us, and one signed request to it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_core::Result;
use crm_core::port::clock::Clock;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};

use super::guard::Guard;
use super::sign::{self, Secret};
use crate::http::{self, Answer, Failure, HttpOptions};
use crate::outcome::wrong;

/// A receiver. `Debug` shows nothing of it.
pub(super) struct Endpoint {
    url: reqwest::Url,
    secrets: Vec<Secret>,
    client: reqwest::Client,
    clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

/// What is given of a receiver.
pub(super) struct Given<'a> {
    pub(super) url: &'a SecretString,
    pub(super) secrets: &'a [SecretString],
    pub(super) allowed: &'a [String],
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) http: &'a HttpOptions,
}

impl Endpoint {
    /// Checks everything that can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) with one sentence that names the
    /// setting, never its value.
    pub(super) fn new(given: Given<'_>) -> Result<Self> {
        if given.secrets.is_empty() {
            return Err(wrong("a webhook needs a secret to sign with"));
        }
        if given.http.base.is_some() {
            return Err(wrong(
                "the webhook's url is its whole address; leave base empty",
            ));
        }
        let url = parsed(given.url)?;
        let plain = url.scheme() == "http";
        let guard = Guard::new(given.allowed, !plain)?;
        // A client does not resolve what is an address already, so it is checked here.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok_and(|ip| !guard.permits(ip)) {
            return Err(wrong("the webhook's address is private and not allowed"));
        }
        let secrets: Result<Vec<Secret>> = given.secrets.iter().map(Secret::parse).collect();
        let client = http::builder(given.http, plain)?
            .no_proxy()
            .dns_resolver(Arc::new(guard))
            .build()
            .map_err(|_| wrong("the HTTP client cannot be made for this webhook"))?;
        Ok(Self {
            url,
            secrets: secrets?,
            client,
            clock: given.clock,
        })
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        match &self.clock {
            Some(clock) => clock.now(),
            None => http::now(),
        }
    }

    /// Posts a body under this id, signed at this time.
    pub(super) async fn post(
        &self,
        id: &str,
        now: DateTime<Utc>,
        body: Vec<u8>,
    ) -> std::result::Result<Answer, Failure> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(sign::ID, id)
            .header(sign::TIMESTAMP, now.timestamp())
            .header(sign::SIGNATURE, sign::sign(&self.secrets, id, now, &body))
            .body(body);
        http::ask(request).await
    }
}

/// The receiver's address, if it is one.
fn parsed(url: &SecretString) -> Result<reqwest::Url> {
    reqwest::Url::parse(url.expose_secret())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .filter(|url| url.fragment().is_none())
        .ok_or_else(|| {
            wrong("the webhook's url must be https://host/path without a user or a fragment")
        })
}
