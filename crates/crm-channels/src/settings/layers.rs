//! What stands between the engine and a channel's providers: how long one rests, and how fast it is called.

use std::path::PathBuf;

use crm_core::layer::BreakerOptions;
use crm_core::port::channel::Rate;
use serde::Deserialize;
use serde::de::Deserializer;

use super::http::Seconds;

/// The keys of a channel that are none of its provider's.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// `rest` and `most`: how long a provider rests that takes nothing, at first and at last.
    pub breaker: BreakerOptions,
    /// `rate`: how fast the channel is called, whoever the provider is.
    pub rate: Option<Rate>,
    /// `bounces`: a Maildir that bounces arrive in.
    pub bounces: Option<PathBuf>,
}

impl Layers {
    /// The keys.
    pub const KEYS: [&str; 4] = ["rest", "most", "rate", "bounces"];

    /// Reads the value of one of [`KEYS`](Self::KEYS); another key changes nothing.
    ///
    /// # Errors
    /// Of the deserializer.
    pub fn set<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        let time = |Seconds(time)| chrono::Duration::from_std(time);
        match key {
            "rest" => {
                let usual = self.breaker.rest;
                self.breaker.rest = time(Seconds::deserialize(value)?).unwrap_or(usual);
            }
            "most" => {
                let usual = self.breaker.most;
                self.breaker.most = time(Seconds::deserialize(value)?).unwrap_or(usual);
            }
            "rate" => {
                let RateTable { units, per } = RateTable::deserialize(value)?;
                self.rate = Some(Rate { units, per: per.0 });
            }
            "bounces" => self.bounces = Some(PathBuf::deserialize(value)?),
            _ => {}
        }
        Ok(())
    }
}

/// `rate = { units = 30, per = 1 }`: units in so many seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateTable {
    units: u32,
    per: Seconds,
}
