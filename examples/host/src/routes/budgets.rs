//! Budgets: how much may be spent on drafts. Amounts are exact decimal numbers of US dollars.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use crm_core::Action;
use crm_core::budget::{BudgetState, Period};
use crm_core::engine::SetBudget;
use crm_core::id::CampaignId;
use crm_core::money::{amount, dollars};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Json, Query};
use crate::names::PeriodName;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, set))
        .routes(routes!(remove))
}

/// A budget and how much of it is used.
#[derive(Serialize, ToSchema)]
struct Budget {
    /// The campaign it limits; null for the whole workspace, its campaigns included.
    campaign_id: Option<Uuid>,
    #[schema(value_type = PeriodName)]
    period: Period,
    #[schema(example = "25.00")]
    limit_usd: String,
    /// In all, or today; calls whose cost is assumed included.
    #[schema(example = "3.0127")]
    spent_usd: String,
    /// What calls under way can cost at most.
    #[schema(example = "0.0312")]
    reserved_usd: String,
    #[schema(example = "21.9561")]
    left_usd: String,
    version: u64,
}

impl Budget {
    fn of(state: &BudgetState) -> Self {
        let usd = |pico: u64| dollars(pico.into());
        let budget = &state.budget;
        Self {
            campaign_id: budget.campaign_id.map(|id| id.0),
            period: budget.period,
            limit_usd: usd(budget.limit_picodollars),
            spent_usd: usd(state.spent_picodollars),
            reserved_usd: usd(state.reserved_picodollars),
            left_usd: usd(state.left_picodollars()),
            version: budget.version,
        }
    }
}

/// Budgets; as long as `limit` of them come, there may be more behind them.
#[derive(Serialize, ToSchema)]
struct BudgetList {
    items: Vec<Budget>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Only those that limit this campaign's drafts: the workspace's own and this campaign's, on one page.
    campaign_id: Option<Uuid>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// Lists budgets, the workspace's own first.
#[utoipa::path(get, path = "/api/budgets", tag = "budgets", params(Part),
    responses((status = 200, body = BudgetList),
        (status = 404, description = "There is no such campaign.")))]
async fn list(user: User, Query(part): Query<Part>) -> Answer<BudgetList> {
    let page = crate::paging::request(part.skip, part.limit, None)?;
    let found = match part.campaign_id.map(CampaignId) {
        None => user.budgets().list(page.limit, page.skip).await?,
        Some(campaign) => {
            user.campaigns().get(campaign).await?;
            let mut all = user.budgets().of(None).await?;
            all.extend(user.budgets().of(Some(campaign)).await?);
            all
        }
    };
    let items = found.iter().map(Budget::of).collect();
    Ok(axum::Json(BudgetList { items }))
}

/// A budget as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetBody {
    /// The campaign it limits; null for the whole workspace.
    #[serde(default)]
    campaign_id: Option<Uuid>,
    #[schema(value_type = PeriodName)]
    period: Period,
    /// Up to twelve decimals, at most 9223372. `0` lets nothing through that costs anything.
    #[schema(example = "25.00")]
    limit_usd: String,
    /// The version that was seen; null to set it whatever it is.
    #[serde(default)]
    version: Option<u64>,
}

/// Sets a budget. What was spent before counts; calls under way end as they would.
#[utoipa::path(put, path = "/api/budgets", tag = "budgets", request_body = BudgetBody,
    responses((status = 200, body = Budget)))]
async fn set(user: User, Json(body): Json<BudgetBody>) -> Answer<Budget> {
    user.actor().require(Action::WriteBudgets)?;
    let wanted = SetBudget {
        campaign_id: body.campaign_id.map(CampaignId),
        period: body.period,
        limit_picodollars: amount("limit_usd", &body.limit_usd)?,
        version: body.version,
    };
    let state = user.budgets().set(wanted).await?;
    Ok(axum::Json(Budget::of(&state)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// The campaign it limits; without one it is the workspace's.
    campaign_id: Option<Uuid>,
}

/// Removes a budget: nothing limits what it did.
#[utoipa::path(delete, path = "/api/budgets/{period}", tag = "budgets",
    params(("period" = PeriodName, Path, description = "What it limits."), Whose),
    responses((status = 204)))]
async fn remove(
    user: User,
    period: Result<Path<String>, PathRejection>,
    Query(whose): Query<Whose>,
) -> Result<StatusCode, Problem> {
    user.actor().require(Action::WriteBudgets)?;
    let name = period.map(|Path(name)| name).unwrap_or_default();
    let Some(period) = Period::parse(&name) else {
        return Err(Problem::invalid("period", "use total or day"));
    };
    let campaign = whose.campaign_id.map(CampaignId);
    user.budgets().remove(campaign, period).await?;
    Ok(StatusCode::NO_CONTENT)
}
