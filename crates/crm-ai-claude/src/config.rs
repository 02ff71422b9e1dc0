//! What an operator sets, and the checks it has to pass before a key may travel.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crm_core::{Error, ErrorKind, Result};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::models::{Effort, ModelTable};
use crate::prices::{Geo, PriceTable};

/// Address of Anthropic's API.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";
/// The model for bulk drafts: the cheapest one that takes a schema.
pub const DEFAULT_MODEL: &str = "claude-haiku-5-5";
/// Value of the `anthropic-version` header.
pub const DEFAULT_VERSION: &str = "2023-06-01";
/// Longest wait for a whole answer.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest wait for a batch to be taken, and for all its results.
pub const DEFAULT_BATCH_TIMEOUT: Duration = Duration::from_secs(600);

/// The way out to the network. A base address on this machine is always reached directly.
#[derive(Clone, Default)]
pub enum Egress {
    /// As the variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// Straight, whatever the environment says.
    Direct,
    /// Through this proxy (`http://` or `https://`, a user name and a password in it if it needs them). It sees
    /// where requests go and not what is in them.
    Proxy(SecretString),
}

/// How long the provider keeps the cached rules.
///
/// Writing costs 1.25 times the input price for five minutes and 2 times for one hour
/// (<https://docs.claude.com/en/docs/build-with-claude/prompt-caching>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheTtl {
    /// Five minutes: a burst of drafts.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// One hour: drafts spread over a job.
    #[default]
    #[serde(rename = "1h")]
    OneHour,
}

const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
const SHORTEST_USER_KEY: usize = 16;

/// Settings of [`crate::Claude`].
#[derive(Clone)]
#[non_exhaustive]
pub struct ClaudeConfig {
    /// The API key, sent as `x-api-key`.
    pub api_key: SecretString,
    /// Where the API is; https, or plain http to this machine. May have a path, for a gateway.
    pub base_url: String,
    /// The model that writes.
    pub model: String,
    /// Value of the `anthropic-version` header.
    pub version: String,
    /// Longest wait for a whole answer.
    pub timeout: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// How long the rules stay in the provider's cache.
    pub cache_ttl: CacheTtl,
    /// What tokens cost.
    pub prices: PriceTable,
    /// What models understand.
    pub models: ModelTable,
    /// How hard the model tries, where it can be told.
    pub effort: Effort,
    /// Where the model runs; `None` leaves it to the account's workspace, and a cost that is bounded before
    /// the call is then that of the dearest place.
    pub inference_geo: Option<Geo>,
    /// Key of the hash under which a request names the person it is about, so that the provider can tell abuse
    /// by one from all others. Without it nothing is named.
    pub user_key: Option<SecretString>,
    /// Longest wait for a batch to be taken, and for all its results to be read. A submission that had no answer
    /// counts as on its way for so long.
    pub batch_timeout: Duration,
    /// The way out to the network.
    pub egress: Egress,
}

impl ClaudeConfig {
    /// The defaults with this key.
    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: DEFAULT_BASE_URL.to_owned(),
            model: DEFAULT_MODEL.to_owned(),
            version: DEFAULT_VERSION.to_owned(),
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: Duration::from_secs(5),
            cache_ttl: CacheTtl::default(),
            prices: PriceTable::default(),
            models: ModelTable::default(),
            effort: Effort::default(),
            inference_geo: None,
            user_key: None,
            batch_timeout: DEFAULT_BATCH_TIMEOUT,
            egress: Egress::default(),
        }
    }
}

// Neither the key nor the address, which could hold a password until it is checked.
impl fmt::Debug for ClaudeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaudeConfig")
            .field("model", &self.model)
            .field("version", &self.version)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Settings that passed all checks.
pub(crate) struct Checked {
    /// The address that all paths stand behind.
    pub(crate) base: Url,
    /// The key as a header that never shows in `Debug`.
    pub(crate) key: HeaderValue,
    /// The version as a header.
    pub(crate) version: HeaderValue,
    /// Whether the address is plain http, which is allowed to this machine only.
    pub(crate) plain_http: bool,
}

/// Checks the settings; the errors name the field and never its value.
pub(crate) fn check(config: &ClaudeConfig) -> Result<Checked> {
    if config.model.trim().is_empty() {
        return Err(wrong("model", "give the id of a model"));
    }
    let waits = [config.timeout, config.connect_timeout, config.batch_timeout];
    if waits.iter().any(Duration::is_zero) {
        return Err(wrong("timeout", "must be longer than zero"));
    }
    if waits.iter().any(|wait| *wait > LONGEST_WAIT) {
        return Err(wrong("timeout", "must be at most a day"));
    }
    let short = |key: &SecretString| key.expose_secret().len() < SHORTEST_USER_KEY;
    if config.user_key.as_ref().is_some_and(short) {
        return Err(wrong("user_key", "use at least 16 bytes"));
    }
    if let Egress::Proxy(url) = &config.egress {
        check_proxy(url.expose_secret())?;
    }
    if config.inference_geo.is_some() && !config.models.get(&config.model).inference_geo {
        return Err(wrong("inference_geo", "the model does not know it"));
    }
    let mut key = HeaderValue::from_str(config.api_key.expose_secret())
        .map_err(|_| wrong("api_key", "holds characters a key cannot have"))?;
    if key.as_bytes().iter().all(u8::is_ascii_whitespace) {
        return Err(wrong("api_key", "is empty"));
    }
    key.set_sensitive(true);
    let version = HeaderValue::from_str(&config.version)
        .ok()
        .filter(|v| !v.is_empty())
        .ok_or_else(|| wrong("version", "must be a date such as 2023-06-01"))?;
    let (base, plain_http) = base(&config.base_url)?;
    Ok(Checked {
        base,
        key,
        version,
        plain_http,
    })
}

/// A proxy by its address; the text of an error never shows it.
fn check_proxy(proxy: &str) -> Result<()> {
    let url = Url::parse(proxy).ok();
    let fits = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if fits {
        Ok(())
    } else {
        Err(wrong("egress", "give the proxy as http:// or https://"))
    }
}

fn base(base_url: &str) -> Result<(Url, bool)> {
    let url = Url::parse(base_url)
        .map_err(|_| wrong("base_url", "must be an address such as https://host"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("base_url", "must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("base_url", "must not hold a query or fragment"));
    }
    let plain_http = match url.scheme() {
        "https" => false,
        "http" if is_loopback(&url) => true,
        _ => {
            return Err(wrong(
                "base_url",
                "must be https; plain http is allowed to this machine only",
            ));
        }
    };
    Ok((url, plain_http))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn wrong(field: &str, message: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("Claude setting {field}: {message}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> Result<String> {
        base(url).map(|(url, _)| url.to_string())
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "https://api.anthropic.com",
            "http://127.0.0.1:9/",
            "http://[::1]:9",
            "http://localhost:9",
        ] {
            assert!(with_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.anthropic.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://user:secret@host",
            "https://host/?key=1",
            "https://host/#x",
            "host",
            "",
        ] {
            let error = with_url(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:?}").contains("secret"));
        }
    }

    #[test]
    fn a_gateway_path_is_kept() {
        let url = with_url("https://gateway.example/anthropic/").expect("accepted");
        assert_eq!(url, "https://gateway.example/anthropic/");
    }

    #[test]
    fn unusable_settings_are_refused() {
        let good = || ClaudeConfig::new("k".to_owned().into());
        assert!(check(&good()).is_ok());
        for key in ["", " ", "canary\n"] {
            let error = check(&ClaudeConfig::new(key.to_owned().into())).err();
            assert!(!format!("{:?}", error.expect("refused")).contains("canary"));
        }
        type Spoil = fn(&mut ClaudeConfig);
        let spoilt: [Spoil; 9] = [
            |config| config.model = " ".to_owned(),
            |config| config.version = String::new(),
            |config| config.timeout = Duration::ZERO,
            |config| config.batch_timeout = Duration::ZERO,
            |config| config.connect_timeout = Duration::MAX,
            |config| config.user_key = Some("canary".to_owned().into()),
            |config| config.egress = Egress::Proxy("socks5://u:canary@h".to_owned().into()),
            |config| config.egress = Egress::Proxy("canary".to_owned().into()),
            |config| {
                config.model = "claude-haiku-4-5".to_owned();
                config.inference_geo = Some(Geo::Us);
            },
        ];
        for (number, spoil) in spoilt.iter().enumerate() {
            let mut config = good();
            spoil(&mut config);
            let error = check(&config).err().unwrap_or_else(|| panic!("{number}"));
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
