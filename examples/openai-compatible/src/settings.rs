//! What an operator sets, and the checks it has to pass before a key may travel.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crm_core::port::llm::Usage;
use crm_core::{Error, ErrorKind, Result};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// What a model's tokens cost, in 10^-12 US dollars per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// A token of the prompt.
    pub input: u64,
    /// A token of the prompt that the provider had in its cache.
    pub cached_input: u64,
    /// A token of the answer, reasoning included.
    pub output: u64,
}

impl Price {
    /// What this use costs; `None` when no number can hold it.
    pub(crate) fn cost(&self, usage: &Usage) -> Option<u64> {
        let input = self.input.checked_mul(usage.input_tokens)?;
        let cached = self.cached_input.checked_mul(usage.cache_read_tokens)?;
        let output = self.output.checked_mul(usage.output_tokens)?;
        input.checked_add(cached)?.checked_add(output)
    }
}

/// The name of the field that bounds the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limit {
    /// `max_completion_tokens`, which counts reasoning, too.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`, of older servers.
    MaxTokens,
}

/// Settings of [`OpenAiCompatible`](crate::OpenAiCompatible).
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What `/chat/completions` stands behind, such as `https://api.openai.com/v1`; https, or plain http to this
    /// machine.
    pub base_url: String,
    /// The model that writes.
    pub model: String,
    /// The key, sent as a bearer token.
    pub api_key: SecretString,
    /// What tokens cost, by model. Empty at first: a price that nobody gave is not known.
    pub prices: BTreeMap<String, Price>,
    /// How the answer is bounded.
    pub limit: Limit,
    /// Longest wait for a whole answer.
    pub timeout: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
}

impl Settings {
    /// These, with a minute for an answer and without a price.
    #[must_use]
    pub fn new(base_url: &str, model: &str, api_key: SecretString) -> Self {
        Self {
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            api_key,
            prices: BTreeMap::new(),
            limit: Limit::default(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// The price of the model that answered. A dated snapshot has the price of the model that was asked for.
    pub(crate) fn price(&self, answered: &str) -> Option<Price> {
        let asked = answered == self.model || is_snapshot(answered, &self.model);
        let own = self.prices.get(answered);
        let price = own.or_else(|| self.prices.get(&self.model).filter(|_| asked));
        price.copied()
    }
}

/// Whether it is the model with a date behind: `-2026-01-31`.
fn is_snapshot(answered: &str, model: &str) -> bool {
    let date = answered
        .strip_prefix(model)
        .and_then(|rest| rest.strip_prefix('-'));
    date.is_some_and(|date| {
        date.len() == 10
            && date.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    })
}

// Neither the key nor the address, which could hold a password until it is checked.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Settings that passed all checks.
pub(crate) struct Checked {
    pub(crate) url: Url,
    /// Never shows in `Debug`.
    pub(crate) authorization: HeaderValue,
    /// Whether the address is plain http, which is allowed to this machine only.
    pub(crate) plain_http: bool,
}

/// Checks the settings; the errors name the field and never its value.
pub(crate) fn check(settings: &Settings) -> Result<Checked> {
    if settings.model.trim().is_empty() {
        return Err(wrong("model", "give the id of a model"));
    }
    if settings.timeout.is_zero() || settings.connect_timeout.is_zero() {
        return Err(wrong("timeout", "must be longer than zero"));
    }
    let key = settings.api_key.expose_secret();
    if key.trim().is_empty() {
        return Err(wrong("api_key", "is empty"));
    }
    let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))
        .map_err(|_| wrong("api_key", "holds characters a key cannot have"))?;
    authorization.set_sensitive(true);
    let mut url = Url::parse(&settings.base_url)
        .map_err(|_| wrong("base_url", "must be an address such as https://host/v1"))?;
    let alone = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !alone {
        let text = "must not hold a user name, password, query or fragment";
        return Err(wrong("base_url", text));
    }
    let plain_http = match url.scheme() {
        "https" => false,
        "http" if is_loopback(&url) => true,
        _ => {
            let text = "must be https; plain http is allowed to this machine only";
            return Err(wrong("base_url", text));
        }
    };
    let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(Checked {
        url,
        authorization,
        plain_http,
    })
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn wrong(field: &str, message: &str) -> Error {
    let text = format!("setting {field} of the model: {message}");
    Error::new(ErrorKind::Configuration, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_date_makes_a_snapshot() {
        assert!(is_snapshot("m-1-2026-01-31", "m-1"));
        for other in [
            "m-1",
            "m-1-mini",
            "m-12026-01-31",
            "m-1-2026-01-3x",
            "n-1-2026-01-31",
        ] {
            assert!(!is_snapshot(other, "m-1"), "{other}");
        }
    }

    #[test]
    fn a_key_goes_nowhere_else() {
        let with = |url: &str, key: &str| {
            check(&Settings::new(url, "m", key.to_owned().into())).map(|it| it.url.to_string())
        };
        let good = with("https://api.example/v1/", "k").expect("good");
        assert_eq!(good, "https://api.example/v1/chat/completions");
        for url in [
            "http://127.0.0.1:9",
            "http://[::1]:9",
            "http://localhost:9/x",
        ] {
            assert!(with(url, "k").is_ok(), "{url}");
        }
        for url in [
            "http://api.example/v1",
            "http://127.0.0.1.api.example",
            "https://user:pw@api.example",
            "https://api.example/?key=1",
            "ftp://api.example",
            "api.example",
        ] {
            let error = with(url, "k").expect_err(url);
            assert!(!error.detail().contains("api.example"), "{error}");
        }
        for key in ["", " ", "a\nb"] {
            assert!(with("https://api.example", key).is_err());
        }
    }
}
