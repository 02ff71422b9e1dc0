//! The list prices that are built in.
//!
//! Sources: Anthropic's pricing page (<https://docs.claude.com/en/docs/about-claude/pricing>) and the
//! model pages, read on 2026-11-22, compared with the independent tables of genai-prices 0.2.3 and
//! litellm 1.106.2. A model whose price was not found there is not here, and is refused.

use chrono::NaiveDate;

use crate::prices::{LongPrompt, ModelPrice, PriceTable, Rates};

/// The day the built-in prices were read.
pub const AS_OF: &str = "2026-11-22";

/// The list: model, input, output, cache read, in picodollars per token.
const FLAT: [(&str, u64, u64, u64); 16] = [
    // Until it became cheaper to read from the cache.
    ("claude-sonnet-5-5", 2_000_000, 10_000_000, 200_000),
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
];

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
        for (model, input, output, read) in FLAT {
            let price = ModelPrice::flat(Rates::usual(input, output, read));
            table = table.with(model, price);
        }
        let cheaper = ModelPrice::flat(Rates::usual(2_000_000, 10_000_000, 100_000));
        match NaiveDate::from_ymd_opt(2026, 10, 7) {
            Some(day) => table.with_from("claude-sonnet-5-5", day, cheaper),
            None => table,
        }
    }
}
