//! What tokens cost, as whole numbers of 10^-12 US dollars (picodollars) per token.
//!
//! Prices have the day they are valid from, and a host can override or add them; list prices change.
//! A price of one US dollar per million tokens is 1,000,000 picodollars per token, so every list
//! price is a whole number and no built-in price is ever rounded.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use crm_core::port::llm::Usage;
use serde::{Deserialize, Serialize};

use crate::config::CacheTtl;

/// Prices of one token in picodollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Uncached input.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Input written to the cache for one hour.
    pub cache_write_1h: u64,
    /// Input read from the cache.
    pub cache_read: u64,
}

impl Rates {
    /// The usual multiples of the input price: 1.25 and 2 for cache writes.
    #[must_use]
    pub const fn usual(input: u64, output: u64, cache_read: u64) -> Self {
        Self {
            input,
            output,
            cache_write_5m: input.saturating_add(input.div_ceil(4)),
            cache_write_1h: input.saturating_mul(2),
            cache_read,
        }
    }

    fn sum(&self, usage: &Usage) -> Option<u128> {
        [
            (self.input, usage.input_tokens),
            (self.output, usage.output_tokens),
            (self.cache_write_5m, usage.cache_write_5m_tokens),
            (self.cache_write_1h, usage.cache_write_1h_tokens),
            (self.cache_read, usage.cache_read_tokens),
        ]
        .into_iter()
        .try_fold(0_u128, |sum, (rate, tokens)| {
            sum.checked_add(u128::from(rate) * u128::from(tokens))
        })
    }

    /// The dearest way to take a token in.
    fn dearest_input(&self, ttl: CacheTtl) -> u64 {
        let write = match ttl {
            CacheTtl::FiveMinutes => self.cache_write_5m,
            CacheTtl::OneHour => self.cache_write_1h,
        };
        self.input.max(write).max(self.cache_read)
    }
}

/// Other rates for the whole request once the prompt is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongPrompt {
    /// Applies to prompts of more tokens than this, cached tokens counted.
    pub above_tokens: u64,
    /// The rates of every token of such a request.
    pub rates: Rates,
}

/// The price of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPrice {
    /// The rates.
    pub rates: Rates,
    /// Rates of long prompts, where they differ.
    #[serde(default)]
    pub long_prompt: Option<LongPrompt>,
}

impl ModelPrice {
    /// A price that does not depend on the length of the prompt.
    #[must_use]
    pub const fn flat(rates: Rates) -> Self {
        Self {
            rates,
            long_prompt: None,
        }
    }

    fn rates_for(&self, prompt_tokens: u64) -> &Rates {
        match &self.long_prompt {
            Some(long) if prompt_tokens > long.above_tokens => &long.rates,
            _ => &self.rates,
        }
    }

    /// The most that a call with at most so many tokens can cost: the prompt may be shorter than was
    /// counted, so both sets of rates count once the longer one can apply.
    fn worst(&self, call: &Call<'_>) -> u128 {
        let cost = |rates: &Rates| {
            let input = u128::from(rates.dearest_input(call.cache_ttl));
            input * u128::from(call.input_tokens)
                + u128::from(rates.output) * u128::from(call.max_tokens)
        };
        cost(&self.rates).max(cost(self.rates_for(call.input_tokens)))
    }
}

/// Where a model runs; one region is dearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geo {
    /// Anywhere: list price.
    Global,
    /// In the US only: 1.1 times the list price.
    Us,
}

/// What multiplies the list price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Where the model runs.
    pub geo: Geo,
    /// Whether it is a request of a batch: half the price on everything.
    pub batch: bool,
}

impl Terms {
    /// Exact for every built-in rate: each is a multiple of twenty. Never in our favour otherwise.
    fn apply(self, sum: u128) -> Option<u64> {
        let (times, parts) = match (self.geo, self.batch) {
            (Geo::Global, false) => (1, 1),
            (Geo::Global, true) => (1, 2),
            (Geo::Us, false) => (11, 10),
            (Geo::Us, true) => (11, 20),
        };
        u64::try_from(sum.checked_mul(times)?.div_ceil(parts)).ok()
    }
}

/// A call that is about to be made, for [`PriceTable::worst_cost`].
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The model.
    pub model: &'a str,
    /// The day of the call, UTC.
    pub on: NaiveDate,
    /// What multiplies the price.
    pub terms: Terms,
    /// How long the rules are cached.
    pub cache_ttl: CacheTtl,
    /// The longest the prompt can be, in tokens.
    pub input_tokens: u64,
    /// The longest the answer can be, in tokens.
    pub max_tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Dated {
    /// The first day, UTC; `None` for ever since.
    #[serde(default)]
    valid_from: Option<NaiveDate>,
    #[serde(flatten)]
    price: ModelPrice,
}

/// Prices by model id and day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTable {
    /// The day the prices were read, `YYYY-MM-DD`; for provenance.
    pub as_of: String,
    /// In the order of their days.
    models: BTreeMap<String, Vec<Dated>>,
}

impl PriceTable {
    /// A table without any model.
    #[must_use]
    pub fn empty(as_of: impl Into<String>) -> Self {
        Self {
            as_of: as_of.into(),
            models: BTreeMap::new(),
        }
    }

    /// Adds the price of `model`, or replaces all it had.
    #[must_use]
    pub fn with(mut self, model: impl Into<String>, price: ModelPrice) -> Self {
        let valid_from = None;
        let dated = vec![Dated { valid_from, price }];
        self.models.insert(model.into(), dated);
        self
    }

    /// Adds a price that `model` has from this day (UTC) on, until the next one.
    #[must_use]
    pub fn with_from(
        mut self,
        model: impl Into<String>,
        valid_from: NaiveDate,
        price: ModelPrice,
    ) -> Self {
        let valid_from = Some(valid_from);
        let all = self.models.entry(model.into()).or_default();
        all.retain(|dated| dated.valid_from != valid_from);
        all.push(Dated { valid_from, price });
        all.sort_by_key(|dated| dated.valid_from);
        self
    }

    /// The price of `model` on this day; `None` when there is none (yet).
    #[must_use]
    pub fn get(&self, model: &str, on: NaiveDate) -> Option<&ModelPrice> {
        self.models
            .get(model)?
            .iter()
            // A table that was read from a file may be in any order.
            .filter(|dated| dated.valid_from <= Some(on))
            .max_by_key(|dated| dated.valid_from)
            .map(|dated| &dated.price)
    }

    /// The exact cost in picodollars. `None` when `model` has no price on this day or the sum is no
    /// number a bill can have.
    #[must_use]
    pub fn cost(&self, model: &str, on: NaiveDate, usage: &Usage, terms: Terms) -> Option<u64> {
        let price = self.get(model, on)?;
        terms.apply(price.rates_for(usage.prompt_tokens()).sum(usage)?)
    }

    /// The most that this call can cost in picodollars, to reserve in a budget before it is made: the
    /// whole prompt at its dearest rate (every token written to the cache), the answer as long as
    /// allowed, and the dearest of the prices that are valid while it may be billed (two days).
    ///
    /// It holds when `input_tokens` is not below what the provider bills and the answering model is the
    /// one that was asked. `None` when there is no price on the day of the call.
    #[must_use]
    pub fn worst_cost(&self, call: &Call<'_>) -> Option<u64> {
        let last = call.on.checked_add_days(Days::new(2)).unwrap_or(call.on);
        let mut worst = self.get(call.model, call.on)?.worst(call);
        for dated in self.models.get(call.model)? {
            if dated.valid_from > Some(call.on) && dated.valid_from <= Some(last) {
                worst = worst.max(dated.price.worst(call));
            }
        }
        call.terms.apply(worst)
    }

    #[cfg(test)]
    fn all(&self) -> impl Iterator<Item = (&str, &ModelPrice)> {
        self.models.iter().flat_map(|(model, all)| {
            let prices = all.iter().map(|dated| &dated.price);
            prices.map(move |price| (model.as_str(), price))
        })
    }
}

#[cfg(test)]
mod tests;
