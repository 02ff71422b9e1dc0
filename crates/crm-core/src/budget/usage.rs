//! Usage: sums of the ledger by day, campaign, actor and model, kept with each entry.
//!
//! Each entry contributes fixed amounts to one row. A store adds the difference between what the entry
//! contributed before and after, so the rows are always the sums of the entries (`recount`).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ledger::{EntryState, LedgerEntry};
use crate::id::CampaignId;

/// The row that an entry counts in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The day it counts for.
    pub day: NaiveDate,
    /// The campaign, if it was for one.
    pub campaign_id: Option<CampaignId>,
    /// Who wanted it.
    pub actor: String,
    /// The model that answered, or was asked when none did.
    pub model: String,
}

impl UsageKey {
    /// The row of this entry.
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Self {
        Self {
            day: entry.day,
            campaign_id: entry.campaign_id,
            actor: entry.actor.clone(),
            model: entry
                .answered
                .clone()
                .unwrap_or_else(|| entry.model.clone()),
        }
    }
}

/// Sums. Money in 10^-12 US dollars, exact. (Differences of sums may be negative.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Calls that ended and may have cost something.
    pub calls: i64,
    /// What calls under way can cost at most.
    pub reserved_picodollars: i64,
    /// What ended calls cost.
    pub cost_picodollars: i64,
    /// Input tokens that were not cached.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Input tokens written to a cache for five minutes.
    pub cache_write_5m_tokens: i64,
    /// Input tokens written to a cache for one hour.
    pub cache_write_1h_tokens: i64,
    /// Input tokens read from a cache.
    pub cache_read_tokens: i64,
}

impl Amounts {
    /// What one entry contributes.
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Self {
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        match entry.state {
            EntryState::Reserved => Self {
                reserved_picodollars: signed(entry.reserved_picodollars.unwrap_or(0)),
                ..Self::default()
            },
            EntryState::Released => Self::default(),
            EntryState::Settled | EntryState::Assumed => Self {
                calls: 1,
                reserved_picodollars: 0,
                cost_picodollars: signed(entry.cost_picodollars),
                input_tokens: signed(entry.usage.input_tokens),
                output_tokens: signed(entry.usage.output_tokens),
                cache_write_5m_tokens: signed(entry.usage.cache_write_5m_tokens),
                cache_write_1h_tokens: signed(entry.usage.cache_write_1h_tokens),
                cache_read_tokens: signed(entry.usage.cache_read_tokens),
            },
        }
    }

    /// The sum of both, or with -1 the difference.
    #[must_use]
    pub fn plus(self, other: Self, sign: i64) -> Self {
        let add = |a: i64, b: i64| a.saturating_add(b.saturating_mul(sign));
        Self {
            calls: add(self.calls, other.calls),
            reserved_picodollars: add(self.reserved_picodollars, other.reserved_picodollars),
            cost_picodollars: add(self.cost_picodollars, other.cost_picodollars),
            input_tokens: add(self.input_tokens, other.input_tokens),
            output_tokens: add(self.output_tokens, other.output_tokens),
            cache_write_5m_tokens: add(self.cache_write_5m_tokens, other.cache_write_5m_tokens),
            cache_write_1h_tokens: add(self.cache_write_1h_tokens, other.cache_write_1h_tokens),
            cache_read_tokens: add(self.cache_read_tokens, other.cache_read_tokens),
        }
    }

    /// Whether it counts nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// What to add to which rows when an entry that was `before` (nothing, when it is new) is `after`.
#[must_use]
pub fn usage_changes(
    before: Option<&LedgerEntry>,
    after: &LedgerEntry,
) -> BTreeMap<UsageKey, Amounts> {
    let mut changes: BTreeMap<UsageKey, Amounts> = BTreeMap::new();
    if let Some(before) = before {
        let sum = changes.entry(UsageKey::of(before)).or_default();
        *sum = sum.plus(Amounts::of(before), -1);
    }
    let sum = changes.entry(UsageKey::of(after)).or_default();
    *sum = sum.plus(Amounts::of(after), 1);
    changes.retain(|_, amounts| !amounts.is_zero());
    changes
}

/// What usage is summed up by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageGroup {
    /// The model.
    #[default]
    Model,
    /// The campaign.
    Campaign,
    /// Who wanted it.
    Actor,
    /// The day.
    Day,
}

impl UsageGroup {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::Model, Self::Campaign, Self::Actor, Self::Day];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Campaign => "campaign",
            Self::Actor => "actor",
            Self::Day => "day",
        }
    }

    /// The group of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == name)
    }

    /// What a row is summed up under: a name, an id, or `YYYY-MM-DD`; empty for no campaign and for a model
    /// without a name.
    #[must_use]
    pub fn of(self, key: &UsageKey) -> String {
        match self {
            Self::Model => key.model.clone(),
            Self::Campaign => super::scope(key.campaign_id),
            Self::Actor => key.actor.clone(),
            Self::Day => key.day.to_string(),
        }
    }
}

/// One sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageLine {
    /// What it is the sum of; see [`UsageGroup::of`].
    pub name: String,
    /// The sums.
    #[serde(flatten)]
    pub amounts: Amounts,
}
