//! What tokens cost, as whole numbers of 10^-12 US dollars (picodollars) per token.
//!
//! The table is dated and can be overridden; list prices change. Sources: Anthropic's pricing page
//! (<https://docs.claude.com/en/docs/about-claude/pricing>) and the model pages, read on 2026-11-22,
//! compared with the independent tables of genai-prices 0.2.3 and litellm 1.106.2.
//!
//! A price of one US dollar per million tokens is 1,000,000 picodollars per token, so every list
//! price is a whole number and no cost is ever rounded.

use std::collections::BTreeMap;

use crm_core::port::llm::Usage;
use serde::{Deserialize, Serialize};

/// The day the built-in prices were read.
pub const AS_OF: &str = "2026-11-22";

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
    const fn usual(input: u64, output: u64, cache_read: u64) -> Self {
        Self {
            input,
            output,
            cache_write_5m: input + input / 4,
            cache_write_1h: input * 2,
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
}

/// Where the model ran; one region is dearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Geo {
    /// List price.
    Global,
    /// 1.1 times the list price.
    Us,
}

/// Prices by model id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTable {
    /// The day the prices were read, `YYYY-MM-DD`; for provenance.
    pub as_of: String,
    models: BTreeMap<String, ModelPrice>,
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

    /// Adds or replaces the price of `model`.
    #[must_use]
    pub fn with(mut self, model: impl Into<String>, price: ModelPrice) -> Self {
        self.models.insert(model.into(), price);
        self
    }

    /// The price of `model`.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<&ModelPrice> {
        self.models.get(model)
    }

    /// The exact cost in picodollars. `None` when `model` has no price or the sum is no number a
    /// bill can have.
    pub(crate) fn cost(&self, model: &str, usage: &Usage, geo: Geo) -> Option<u64> {
        let sum = self
            .get(model)?
            .rates_for(usage.prompt_tokens())
            .sum(usage)?;
        let sum = match geo {
            Geo::Global => sum,
            // Exact for every built-in rate: each is a multiple of ten. Never in our favour otherwise.
            Geo::Us => sum.checked_mul(11)?.div_ceil(10),
        };
        u64::try_from(sum).ok()
    }
}

impl Default for PriceTable {
    fn default() -> Self {
        let haiku_5_5 = ModelPrice {
            rates: Rates::usual(100_000, 500_000, 10_000),
            long_prompt: Some(LongPrompt {
                above_tokens: 100_000,
                rates: Rates::usual(500_000, 2_500_000, 50_000),
            }),
        };
        let mut table = Self::empty(AS_OF).with("claude-haiku-5-5", haiku_5_5);
        // Model, input, output, cache read.
        for (model, input, output, read) in [
            ("claude-sonnet-5-5", 2_000_000, 10_000_000, 100_000),
            ("claude-opus-5-5", 4_000_000, 20_000_000, 200_000),
            ("claude-fable-5-2", 8_000_000, 40_000_000, 200_000),
            ("claude-fable-5-1", 10_000_000, 50_000_000, 250_000),
            ("claude-sonnet-5", 2_000_000, 10_000_000, 200_000),
            ("claude-opus-5", 5_000_000, 25_000_000, 500_000),
            ("claude-opus-4-8", 5_000_000, 25_000_000, 500_000),
            ("claude-opus-4-7", 5_000_000, 25_000_000, 500_000),
            ("claude-opus-4-6", 5_000_000, 25_000_000, 500_000),
            ("claude-opus-4-5", 5_000_000, 25_000_000, 500_000),
            ("claude-opus-4-5-20251101", 5_000_000, 25_000_000, 500_000),
            ("claude-sonnet-4-6", 3_000_000, 15_000_000, 300_000),
            ("claude-sonnet-4-5", 3_000_000, 15_000_000, 300_000),
            ("claude-sonnet-4-5-20250929", 3_000_000, 15_000_000, 300_000),
            ("claude-haiku-4-5", 1_000_000, 5_000_000, 100_000),
            ("claude-haiku-4-5-20251001", 1_000_000, 5_000_000, 100_000),
        ] {
            let price = ModelPrice::flat(Rates::usual(input, output, read));
            table = table.with(model, price);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        }
    }

    #[test]
    fn one_greeting_costs_what_the_price_list_says() {
        let table = PriceTable::default();
        let cost = |u| table.cost("claude-haiku-5-5", &u, Geo::Global);
        assert_eq!(cost(usage(412, 64)), Some(73_200_000));
        assert_eq!(cost(usage(0, 0)), Some(0));
    }

    #[test]
    fn a_long_prompt_moves_every_token_to_the_higher_rates() {
        let table = PriceTable::default();
        let cost = |u| table.cost("claude-haiku-5-5", &u, Geo::Global);
        assert_eq!(cost(usage(100_000, 1)), Some(10_000_500_000));
        assert_eq!(cost(usage(100_001, 1)), Some(50_003_000_000));
        let mut cached = usage(1, 0);
        cached.cache_read_tokens = 100_000;
        assert_eq!(cost(cached), Some(500_000 + 5_000_000_000));
    }

    #[test]
    fn the_us_region_costs_eleven_tenths_exactly() {
        let table = PriceTable::default();
        for (model, price) in &table.models {
            let all = Usage {
                input_tokens: 3,
                output_tokens: 5,
                cache_write_5m_tokens: 7,
                cache_write_1h_tokens: 11,
                cache_read_tokens: 13,
            };
            let global = table.cost(model, &all, Geo::Global).expect("priced");
            let us = table.cost(model, &all, Geo::Us).expect("priced");
            assert_eq!(us * 10, global * 11, "{model}");
            assert_eq!(price.rates.input % 40, 0, "{model}: cache writes are whole");
        }
    }

    #[test]
    fn nothing_is_free_by_mistake() {
        let table = PriceTable::default();
        assert_eq!(
            table.cost("claude-haiku-9", &usage(1, 1), Geo::Global),
            None
        );
        let absurd = usage(u64::MAX, u64::MAX);
        assert_eq!(table.cost("claude-opus-5", &absurd, Geo::Global), None);
    }

    #[test]
    fn an_operator_can_override_a_price() {
        let rates = Rates::usual(8, 16, 1);
        let table = PriceTable::default().with("claude-haiku-5-5", ModelPrice::flat(rates));
        let cost = table.cost("claude-haiku-5-5", &usage(2, 3), Geo::Global);
        assert_eq!(cost, Some(64));
        assert_eq!(
            PriceTable::empty("2026-01-01").get("claude-haiku-5-5"),
            None
        );
    }
}
