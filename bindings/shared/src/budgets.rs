//! Operations about money: budgets, what was spent, what campaigns cost. Amounts are dollars as exact text.

use chrono::{DateTime, NaiveDate, Utc};
use crm_core::budget::{BudgetState, EntryState, LedgerEntry, Period, UsageGroup, UsageLine};
use crm_core::engine::{CampaignCost, CostBasis, SetBudget};
use crm_core::id::{CampaignId, LedgerId};
use crm_core::money::{amount, dollars};
use crm_core::port::store::{LedgerQuery, PageRequest, UsageQuery};
use crm_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::show;
use crate::view::List;

fn usd(picodollars: u64) -> String {
    dollars(picodollars.into())
}

/// A limit on what drafts cost, and how much of it is used.
#[derive(Debug, Serialize)]
pub(crate) struct Budget {
    /// The campaign it limits; `None` for the whole workspace.
    pub(crate) campaign_id: Option<CampaignId>,
    /// `total` or `day`.
    pub(crate) period: Period,
    /// The limit.
    pub(crate) limit_usd: String,
    /// In all, or today.
    pub(crate) spent_usd: String,
    /// What calls under way can cost at most.
    pub(crate) reserved_usd: String,
    /// What may still be reserved.
    pub(crate) left_usd: String,
    /// Grows with every change.
    pub(crate) version: u64,
}

impl Budget {
    fn of(state: &BudgetState) -> Self {
        Self {
            campaign_id: state.budget.campaign_id,
            period: state.budget.period,
            limit_usd: usd(state.budget.limit_picodollars),
            spent_usd: usd(state.spent_picodollars),
            reserved_usd: usd(state.reserved_picodollars),
            left_usd: usd(state.left_picodollars()),
            version: state.budget.version,
        }
    }
}

/// A sum of usage.
#[derive(Debug, Serialize)]
pub(crate) struct UsageSum {
    /// The model, the campaign's id (empty for none), the actor or the day.
    pub(crate) name: String,
    /// Calls that ended and may have cost something.
    pub(crate) calls: i64,
    /// What they cost.
    pub(crate) cost_usd: String,
    /// What calls under way can cost at most.
    pub(crate) reserved_usd: String,
    /// Input tokens that were not cached.
    pub(crate) input_tokens: i64,
    /// Output tokens.
    pub(crate) output_tokens: i64,
    /// Written to a cache for five minutes.
    pub(crate) cache_write_5m_tokens: i64,
    /// Written to a cache for one hour.
    pub(crate) cache_write_1h_tokens: i64,
    /// Read from a cache.
    pub(crate) cache_read_tokens: i64,
}

impl UsageSum {
    fn of(line: &UsageLine) -> Self {
        let sums = &line.amounts;
        Self {
            name: line.name.clone(),
            calls: sums.calls,
            cost_usd: dollars(sums.cost_picodollars.into()),
            reserved_usd: dollars(sums.reserved_picodollars.into()),
            input_tokens: sums.input_tokens,
            output_tokens: sums.output_tokens,
            cache_write_5m_tokens: sums.cache_write_5m_tokens,
            cache_write_1h_tokens: sums.cache_write_1h_tokens,
            cache_read_tokens: sums.cache_read_tokens,
        }
    }
}

/// One call of a model.
#[derive(Debug, Serialize)]
pub(crate) struct UsageCall {
    /// Id.
    pub(crate) id: LedgerId,
    /// When it was reserved.
    pub(crate) at: DateTime<Utc>,
    /// The day it counts for.
    pub(crate) day: NaiveDate,
    /// Who wanted it.
    pub(crate) actor: String,
    /// The campaign it was for.
    pub(crate) campaign_id: Option<CampaignId>,
    /// The model that was asked.
    pub(crate) model: String,
    /// The model that answered.
    pub(crate) answered: Option<String>,
    /// `reserved`, `settled`, `released` or `assumed`.
    pub(crate) state: EntryState,
    /// The most it could cost; `None` when the price was not known.
    pub(crate) reserved_usd: Option<String>,
    /// What it cost.
    pub(crate) cost_usd: String,
    /// Input tokens that were not cached.
    pub(crate) input_tokens: u64,
    /// Output tokens.
    pub(crate) output_tokens: u64,
    /// Written to a cache for five minutes.
    pub(crate) cache_write_5m_tokens: u64,
    /// Written to a cache for one hour.
    pub(crate) cache_write_1h_tokens: u64,
    /// Read from a cache.
    pub(crate) cache_read_tokens: u64,
    /// Whether it is a request of a batch.
    pub(crate) batch: bool,
    /// The provider's request id.
    pub(crate) request_id: Option<String>,
    /// Code, when there was no draft.
    pub(crate) failure: Option<String>,
    /// When it ended.
    pub(crate) closed_at: Option<DateTime<Utc>>,
}

impl UsageCall {
    fn of(entry: LedgerEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            day: entry.day,
            actor: entry.actor,
            campaign_id: entry.campaign_id,
            model: entry.model,
            answered: entry.answered,
            state: entry.state,
            reserved_usd: entry.reserved_picodollars.map(usd),
            cost_usd: usd(entry.cost_picodollars),
            input_tokens: entry.usage.input_tokens,
            output_tokens: entry.usage.output_tokens,
            cache_write_5m_tokens: entry.usage.cache_write_5m_tokens,
            cache_write_1h_tokens: entry.usage.cache_write_1h_tokens,
            cache_read_tokens: entry.usage.cache_read_tokens,
            batch: entry.batch,
            request_id: entry.request_id,
            failure: entry.failure,
            closed_at: entry.closed_at,
        }
    }
}

/// What a campaign costs: before it runs, while it runs and after.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    /// Messages drafted so far.
    pub(crate) drafted: u64,
    /// Messages still to be drafted.
    pub(crate) to_draft: u64,
    /// What its calls cost so far.
    pub(crate) spent_usd: String,
    /// What calls under way can cost at most.
    pub(crate) reserved_usd: String,
    /// What one draft usually costs; `None` when nobody knows.
    pub(crate) typical_usd: Option<String>,
    /// `campaign`, `workspace`, `bound`, `no_model` or `unknown`.
    pub(crate) basis: CostBasis,
    /// What it will have cost in the end.
    pub(crate) expected_total_usd: Option<String>,
    /// The same if each draft costs the most that one can.
    pub(crate) at_most_usd: Option<String>,
}

impl Cost {
    fn of(cost: &CampaignCost) -> Self {
        Self {
            drafted: cost.drafted,
            to_draft: cost.to_draft,
            spent_usd: usd(cost.spent_picodollars),
            reserved_usd: usd(cost.reserved_picodollars),
            typical_usd: cost.typical_picodollars.map(usd),
            basis: cost.basis,
            expected_total_usd: cost.expected_total_picodollars.map(usd),
            at_most_usd: cost.at_most_picodollars.map(usd),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<u32>,
    skip: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimit {
    campaign_id: Option<CampaignId>,
    period: Period,
    limit_usd: String,
    version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    campaign_id: Option<CampaignId>,
    period: Period,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sums {
    group: Option<UsageGroup>,
    from_day: Option<NaiveDate>,
    to_day: Option<NaiveDate>,
    campaign_id: Option<CampaignId>,
    actor: Option<String>,
    model: Option<String>,
    limit: Option<u32>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    state: Option<EntryState>,
    from_day: Option<NaiveDate>,
    to_day: Option<NaiveDate>,
    campaign_id: Option<CampaignId>,
    actor: Option<String>,
    limit: Option<u32>,
    skip: Option<u32>,
    after: Option<Uuid>,
    oldest_first: Option<bool>,
    count: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Campaign {
    id: CampaignId,
}

fn limit(given: Option<u32>) -> Result<u32> {
    match given.unwrap_or(100) {
        fine @ 1..=1_000 => Ok(fine),
        _ => Err(Error::field("limit", "use 1 to 1,000")),
    }
}

/// Refuses days the wrong way round by the names they have here.
fn days(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<()> {
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Error::field(
            "from_day",
            "use a day that is not behind to_day",
        ));
    }
    Ok(())
}

/// Runs one of them.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    let session = call.session()?;
    match operation {
        "set_budget" => {
            let wanted: NewLimit = read(input)?;
            let wanted = SetBudget {
                campaign_id: wanted.campaign_id,
                period: wanted.period,
                limit_picodollars: amount("limit_usd", &wanted.limit_usd)?,
                version: wanted.version,
            };
            show(&Budget::of(&session.budgets().set(wanted).await?))
        }
        "remove_budget" => {
            let Which {
                campaign_id,
                period,
            } = read(input)?;
            session.budgets().remove(campaign_id, period).await?;
            Ok(Value::Null)
        }
        "usage" => {
            let sums: Sums = read(input)?;
            days(sums.from_day, sums.to_day)?;
            let query = UsageQuery {
                group: sums.group.unwrap_or_default(),
                from: sums.from_day,
                to: sums.to_day,
                campaign: sums.campaign_id.map(Some),
                actor: sums.actor,
                model: sums.model,
                after: sums.after,
                limit: limit(sums.limit)?,
            };
            let found = session.usage().sums(query).await?;
            show(&found.iter().map(UsageSum::of).collect::<Vec<_>>())
        }
        "usage_calls" => {
            let calls: Calls = read(input)?;
            days(calls.from_day, calls.to_day)?;
            let query = LedgerQuery {
                state: calls.state,
                campaign_id: calls.campaign_id,
                actor: calls.actor,
                from: calls.from_day,
                to: calls.to_day,
                page: PageRequest {
                    limit: limit(calls.limit)?,
                    skip: calls.skip.unwrap_or(0),
                    after: calls.after,
                    oldest_first: calls.oldest_first.unwrap_or(false),
                    count: calls.count.unwrap_or(false),
                },
                ..LedgerQuery::default()
            };
            let found = session.usage().entries(query).await?;
            show(&List::of(found, UsageCall::of))
        }
        "campaign_cost" => {
            let Campaign { id } = read(input)?;
            show(&Cost::of(&session.campaigns().cost(id).await?))
        }
        "campaign_experiment" => {
            let Campaign { id } = read(input)?;
            show(&session.campaigns().experiment(id).await?)
        }
        _ => {
            let part: Part = read(input)?;
            let (limit, skip) = (limit(part.limit)?, part.skip.unwrap_or(0));
            let found = session.budgets().list(limit, skip).await?;
            show(&found.iter().map(Budget::of).collect::<Vec<_>>())
        }
    }
}
