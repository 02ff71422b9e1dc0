//! What all providers over HTTP have in common, and lengths of time.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

use crate::HttpOptions;

/// Whole seconds, 1 to 86,400.
pub(super) struct Seconds(pub(super) Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            seconds @ 1..=86_400 => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(D::Error::custom("expected whole seconds, 1 to 86400")),
        }
    }
}

/// The table `http`: the keys of [`HttpOptions`], times in whole seconds (1 to 86,400).
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpTable {
    base: Option<String>,
    connect_timeout: Option<Seconds>,
    timeout: Option<Seconds>,
    extra_roots_pem: Option<String>,
}

/// An address may hold a secret.
impl fmt::Debug for HttpTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpTable")
    }
}

impl HttpTable {
    /// The options; what was left out is usual.
    #[must_use]
    pub fn options(self) -> HttpOptions {
        let usual = HttpOptions::default();
        HttpOptions {
            base: self.base,
            connect: self.connect_timeout.map_or(usual.connect, |time| time.0),
            timeout: self.timeout.map_or(usual.timeout, |time| time.0),
            extra_roots_pem: self.extra_roots_pem,
        }
    }
}
