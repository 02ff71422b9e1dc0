//! One request to a provider over HTTP, and how far it came.
//!
//! A client of its own for each channel: no redirects (a secret would travel along), nothing sent twice, a
//! bounded answer. Classify by stage first: as long as the connection is not open nothing has left; from
//! then on only a complete answer settles the matter.

use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::{Error, ErrorKind, Result};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect};

/// Largest answer that is read. Those of providers have a few kilobytes.
const MAX_BODY: usize = 256 * 1024;
/// A longer wait than this is not believed (a provider that answers 10^9 seconds is broken).
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);
/// A parked connection that is older may have been closed by the other side, and a request that meets its
/// end is in doubt.
const MAX_IDLE: Duration = Duration::from_secs(20);
const USER_AGENT: &str = concat!("crm-channels/", env!("CARGO_PKG_VERSION"));

/// How a channel reaches its provider over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Another server than the provider's own, for gateways and tests: scheme, host and port, without a path.
    /// Plain `http` is taken for the own machine only.
    pub base: Option<String>,
    /// For name look-up, TCP and TLS. Default 5 s.
    pub connect: Duration,
    /// For the whole request, with its answer. When it runs out after the connection stood, the outcome is
    /// unknown. Default 30 s.
    pub timeout: Duration,
    /// More trusted certificate authorities, PEM. The public ones of the Mozilla program are always trusted.
    pub extra_roots_pem: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            base: None,
            connect: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            extra_roots_pem: None,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("base", &self.base.is_some())
            .field("connect", &self.connect)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A complete answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// How long the provider asks to wait, when it says so in a way that can be believed.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, if it is.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// `http_503`.
    pub(crate) fn reason(&self) -> String {
        format!("http_{}", self.status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// How a request ended without a complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: nothing left.
    NotConnected,
    /// The other side could not prove who it is: nothing left, and nothing ever may.
    NotTrusted,
    /// The request could not be built: nothing left.
    NotBuilt,
    /// The address is none that this channel may call: nothing left.
    NotPermitted,
    /// It may have been taken.
    Lost(&'static str),
}

/// Why a resolver gives no address, when it has one that must not be called.
#[derive(Debug)]
pub(crate) struct NotPermitted;

impl fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is not permitted")
    }
}

impl std::error::Error for NotPermitted {}

impl Failure {
    /// What it means for a message.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::NotConnected => Outcome::RetryAfter {
                scope: RetryScope::Channel,
                at_least: Duration::from_secs(60),
                reason: "not_connected".to_owned(),
            },
            Self::NotTrusted => Outcome::Stop {
                reason: "certificate_not_trusted".to_owned(),
            },
            Self::NotBuilt => Outcome::Rejected {
                reason: "not_sendable".to_owned(),
            },
            Self::NotPermitted => Outcome::Stop {
                reason: "address_not_permitted".to_owned(),
            },
            Self::Lost(reason) => Outcome::Unknown {
                reason: reason.to_owned(),
            },
        }
    }
}

/// The client of one channel.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: String,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// A client for the provider at `base` (`https://api.example.com`), or at the options' one.
    ///
    /// # Errors
    /// `Configuration` for options that cannot work.
    pub(crate) fn new(base: &str, options: &HttpOptions) -> Result<Self> {
        let base = options.base.as_deref().unwrap_or(base);
        let url = reqwest::Url::parse(base).map_err(|_| wrong("the address of the provider"))?;
        let plain = url.scheme() == "http";
        let own = match url.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback()),
            None => false,
        };
        let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if !bare || !(url.scheme() == "https" || (plain && own)) {
            return Err(wrong("the address of the provider"));
        }
        let mut builder = builder(options, plain)?;
        if plain {
            // A proxy would see secrets in the clear.
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build().map_err(|_| wrong("the HTTP client"))?,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// A request to a path of the provider, which begins with `/`.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    /// As [`post`](Self::post), to read.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// As [`post`](Self::post), to change in place.
    pub(crate) fn patch(&self, path: &str) -> RequestBuilder {
        self.client.patch(format!("{}{path}", self.base))
    }
}

/// A client that repeats and follows nothing; `plain` for one that may speak without TLS.
///
/// # Errors
/// `Configuration` for options that cannot work.
pub(crate) fn builder(options: &HttpOptions, plain: bool) -> Result<ClientBuilder> {
    if options.connect.is_zero() || options.timeout.is_zero() {
        return Err(wrong("a time limit"));
    }
    Ok(Client::builder()
        .tls_backend_preconfigured(tls(options)?)
        .redirect(redirect::Policy::none())
        // One call is one request, also at the protocol level.
        .retry(reqwest::retry::never())
        .user_agent(USER_AGENT)
        .connect_timeout(options.connect)
        .timeout(options.timeout)
        .pool_idle_timeout(MAX_IDLE)
        .tcp_nodelay(true)
        .https_only(!plain))
}

/// Sends it and reads the whole answer.
pub(crate) async fn ask(request: RequestBuilder) -> std::result::Result<Answer, Failure> {
    let answer = request.send().await.map_err(|error| failure(&error))?;
    let status = answer.status().as_u16();
    let retry_after = answer
        .headers()
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| wait(value.to_str().ok()?, now()));
    Ok(Answer {
        status,
        retry_after,
        body: read_capped(answer).await?,
    })
}

/// The wall clock, which alone can be compared with the date of an answer.
pub(crate) fn now() -> DateTime<Utc> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

async fn read_capped(mut answer: Response) -> std::result::Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failure(&error))? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(Failure::Lost("answer_too_long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::NotBuilt;
    }
    if error.is_connect() {
        return if is_certificate(error) {
            Failure::NotTrusted
        } else if causes(error).any(<dyn std::error::Error>::is::<NotPermitted>) {
            Failure::NotPermitted
        } else {
            Failure::NotConnected
        };
    }
    Failure::Lost(if error.is_timeout() {
        "timeout"
    } else {
        "connection_lost"
    })
}

/// Whether the chain of causes ends at a certificate that does not hold.
fn is_certificate(error: &reqwest::Error) -> bool {
    let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    tls.is_some_and(crate::tls::is_untrusted)
}

/// The error and what caused it, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let outermost: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(outermost), |cause| {
        match cause.downcast_ref::<std::io::Error>() {
            // An I/O error names its content's cause as its own, and so hides the content: here the TLS error,
            // two I/O errors deep.
            Some(io) => io
                .get_ref()
                .map(|inner| inner as &(dyn std::error::Error + 'static)),
            None => cause.source(),
        }
    })
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds or a date. What is no such thing, or lies further ahead
/// than a day, is not believed; a date that has passed is no wait.
fn wait(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(value).ok()?.to_utc() - now)
            .to_std()
            .unwrap_or_default(),
    };
    Some(wait.min(MAX_WAIT))
}

fn tls(options: &HttpOptions) -> Result<rustls::ClientConfig> {
    let mut tls = crate::tls::client(options.extra_roots_pem.as_deref())?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn wrong(what: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("{what} cannot be used for this channel"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_and_bounded() {
        let now = DateTime::parse_from_rfc3339("2026-11-27T10:00:00Z")
            .unwrap()
            .to_utc();
        let seconds = |value: &str| wait(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("3600"), Some(3600));
        assert_eq!(seconds(" 7 "), Some(7));
        assert_eq!(seconds("1000000000"), Some(86_400));
        assert_eq!(seconds("Fri, 27 Nov 2026 10:02:00 GMT"), Some(120));
        assert_eq!(seconds("Fri, 27 Nov 2026 09:00:00 GMT"), Some(0));
        for nonsense in ["-1", "soon", "", "1.5", "99999999999999999999"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn addresses_of_providers_are_checked() {
        let with = |base: &str| {
            let options = HttpOptions {
                base: Some(base.to_owned()),
                ..HttpOptions::default()
            };
            Http::new("https://api.example.com", &options).is_ok()
        };
        for good in [
            "https://sms.example.test",
            "https://sms.example.test:8443/",
            "http://127.0.0.1:4010",
            "http://[::1]:4010",
            "http://localhost:1",
        ] {
            assert!(with(good), "{good}");
        }
        for bad in [
            "http://sms.example.test",
            "https://sms.example.test/path",
            "https://user:pw@sms.example.test",
            "https://sms.example.test/?q",
            "ftp://127.0.0.1",
            "sms.example.test",
            "",
        ] {
            assert!(!with(bad), "{bad}");
        }
    }
}
