//! Budgets: how much may be spent on drafts, by the workspace or by one campaign, in all or on each day.
//!
//! A call is paid for in two steps. Before it, the most that it can cost is reserved: a [`LedgerEntry`] is
//! written, in the same commit in which [`check`] finds room for it in every budget that applies. After it,
//! the entry is closed with what it did cost. So what was spent and what is reserved never exceed a budget
//! together, whoever drafts meanwhile.

mod ledger;
mod usage;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{self, CampaignId};
use crate::money::dollars;

pub use ledger::{EntryState, LedgerEntry, Outcome, closed};
pub use usage::{Amounts, UsageGroup, UsageKey, UsageLine, usage_changes};

/// The most that a budget, a reservation or a sum can be, in 10^-12 US dollars: what stores count in.
/// Something over nine million dollars.
pub const MOST: u64 = i64::MAX.unsigned_abs();

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Everything that was ever spent.
    Total,
    /// Each calendar day in the workspace's zone, by itself.
    Day,
}

impl Period {
    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Day => "day",
        }
    }

    /// The period of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Total, Self::Day]
            .into_iter()
            .find(|period| period.as_str() == name)
    }
}

/// A limit. Workspace, campaign and period are its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Tenant.
    pub workspace: Workspace,
    /// The campaign it limits; `None` for the whole workspace, its campaigns included.
    pub campaign_id: Option<CampaignId>,
    /// What it limits.
    pub period: Period,
    /// How much may be spent, in 10^-12 US dollars.
    pub limit_picodollars: u64,
    /// Grows by one with each change.
    pub version: u64,
}

impl Budget {
    /// Where that is counted which it limits on this day.
    #[must_use]
    pub fn account(&self, day: NaiveDate) -> Account {
        Account {
            campaign_id: self.campaign_id,
            day: (self.period == Period::Day).then_some(day),
        }
    }

    /// The id under which the history speaks of it.
    #[must_use]
    pub fn subject_id(&self) -> Uuid {
        let scope = scope(self.campaign_id);
        let names = [self.workspace.as_str(), &scope, self.period.as_str()];
        id::derived("crm/budget/v1", &names)
    }
}

/// The column that names a campaign, or with nothing the whole workspace.
#[must_use]
pub fn scope(campaign: Option<CampaignId>) -> String {
    campaign.map(|id| id.to_string()).unwrap_or_default()
}

/// What the column stands for; `None` for what no version writes.
#[must_use]
pub fn of_scope(scope: &str) -> Option<Option<CampaignId>> {
    if scope.is_empty() {
        return Some(None);
    }
    Uuid::parse_str(scope).ok().map(|id| Some(CampaignId(id)))
}

/// A budget and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    /// The budget.
    pub budget: Budget,
    /// What was spent of it, in all or today; what is assumed included.
    pub spent_picodollars: u64,
    /// What calls under way may cost at most.
    pub reserved_picodollars: u64,
}

impl BudgetState {
    /// What may still be reserved; 0 also when the limit was lowered below what is spent.
    #[must_use]
    pub const fn left_picodollars(&self) -> u64 {
        let used = self
            .spent_picodollars
            .saturating_add(self.reserved_picodollars);
        self.budget.limit_picodollars.saturating_sub(used)
    }
}

/// Where money is counted. Their order is the one in which a store locks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// The campaign; `None` for the whole workspace.
    pub campaign_id: Option<CampaignId>,
    /// The day; `None` for all days.
    pub day: Option<NaiveDate>,
}

impl Account {
    /// Where an entry counts, in the order in which a store locks them: the workspace's total first, so that
    /// two writers always meet there and never wait for each other crosswise.
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Vec<Self> {
        let day = Some(entry.day);
        let mut all = vec![
            Self {
                campaign_id: None,
                day: None,
            },
            Self {
                campaign_id: None,
                day,
            },
        ];
        if let Some(campaign) = entry.campaign_id {
            let campaign_id = Some(campaign);
            all.push(Self {
                campaign_id,
                day: None,
            });
            all.push(Self { campaign_id, day });
        }
        all
    }

    /// The columns `scope` and `day`; no day is an empty text.
    #[must_use]
    pub fn columns(&self) -> (String, String) {
        let day = self.day.map(|day| day.to_string()).unwrap_or_default();
        (scope(self.campaign_id), day)
    }
}

/// What an account holds, in 10^-12 US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// What closed entries cost.
    pub spent: u64,
    /// What open entries may cost at most.
    pub reserved: u64,
}

impl Totals {
    /// What one entry counts.
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Self {
        match entry.state {
            EntryState::Reserved => Self {
                spent: 0,
                reserved: entry.reserved_picodollars.unwrap_or(0),
            },
            EntryState::Settled | EntryState::Released | EntryState::Assumed => Self {
                spent: entry.cost_picodollars,
                reserved: 0,
            },
        }
    }

    /// The totals once an entry that was `before` (nothing, when it is new) is `after`.
    ///
    /// # Errors
    /// `Invalid` beyond [`MOST`]; `Corrupt` when less was counted than is taken away.
    pub fn moved(self, before: Option<&LedgerEntry>, after: &LedgerEntry) -> Result<Self> {
        let before = before.map(Self::of).unwrap_or_default();
        let after = Self::of(after);
        let moved = |total: u64, less: u64, more: u64| {
            let rest = total.checked_sub(less).ok_or_else(|| {
                Error::new(
                    ErrorKind::Corrupt,
                    "the ledger counts less than its entries; compare them",
                )
            })?;
            rest.checked_add(more)
                .filter(|sum| *sum <= MOST)
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Invalid,
                        "the ledger cannot count that much money",
                    )
                })
        };
        Ok(Self {
            spent: moved(self.spent, before.spent, after.spent)?,
            reserved: moved(self.reserved, before.reserved, after.reserved)?,
        })
    }
}

/// Whether every budget that applies has room for a new entry. `totals` are what its accounts hold without it;
/// a missing one holds nothing. To be called in the commit that writes the entry, with the accounts locked.
///
/// # Errors
/// [`OverBudget`](ErrorKind::OverBudget): the text says which budget, its limit and what is left. So it ends
/// too when a budget applies and nobody knows what the call can cost.
pub fn check(
    entry: &LedgerEntry,
    budgets: &[Budget],
    totals: &BTreeMap<Account, Totals>,
) -> Result<()> {
    for budget in budgets {
        if budget.campaign_id.is_some() && budget.campaign_id != entry.campaign_id {
            continue;
        }
        let held = totals
            .get(&budget.account(entry.day))
            .copied()
            .unwrap_or_default();
        let used = held.spent.saturating_add(held.reserved);
        let left = budget.limit_picodollars.saturating_sub(used);
        match entry.reserved_picodollars {
            Some(amount) if amount <= left => {}
            Some(_) => return Err(over(budget, entry.day, left)),
            None => {
                return Err(Error::new(
                    ErrorKind::OverBudget,
                    "a budget applies and the price of the model is not known; set its price, or \
                     remove the budget",
                ));
            }
        }
    }
    Ok(())
}

fn over(budget: &Budget, day: NaiveDate, left: u64) -> Error {
    let whose = budget.campaign_id.map_or_else(
        || "the workspace".to_owned(),
        |campaign| format!("campaign {campaign}"),
    );
    let when = match budget.period {
        Period::Total => "in all".to_owned(),
        Period::Day => format!("on {day}"),
    };
    Error::new(
        ErrorKind::OverBudget,
        format!(
            "the budget of {whose} {when} is {} US dollars and {} are left, which the call could exceed",
            dollars(i128::from(budget.limit_picodollars)),
            dollars(i128::from(left)),
        ),
    )
}

#[cfg(test)]
mod tests;
