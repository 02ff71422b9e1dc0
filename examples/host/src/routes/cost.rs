//! What a campaign costs. Amounts are exact decimal numbers of US dollars.

use crm_core::engine::{CampaignCost, CostBasis};
use crm_core::id::CampaignId;
use crm_core::money::dollars;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Id;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(cost))
}

/// What a campaign costs: before it runs an estimate, while it runs what was spent and what is to come, after it
/// what was spent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cost {
    /// Messages drafted so far, in all runs.
    drafted: u64,
    /// Messages still to be drafted; before a run the audience, of which some may be left out.
    to_draft: u64,
    /// What its calls cost so far, failed ones included.
    #[schema(example = "0.0127")]
    pub(crate) spent_usd: String,
    /// What calls under way can cost at most.
    #[schema(example = "0.00")]
    reserved_usd: String,
    /// What one draft usually costs; null when nobody knows.
    #[schema(example = "0.0008")]
    typical_usd: Option<String>,
    /// Where that is taken from: `campaign` (its own drafts), `workspace` (the last thirty days), `bound` (the most
    /// that one can cost), `no_model` or `unknown`.
    #[schema(value_type = String, example = "campaign")]
    basis: CostBasis,
    /// What it will have cost in the end.
    pub(crate) expected_total_usd: Option<String>,
    /// What it will have cost in the end if each draft costs the most that one can.
    pub(crate) at_most_usd: Option<String>,
}

impl Cost {
    pub(crate) fn of(cost: &CampaignCost) -> Self {
        let usd = |pico: u64| dollars(pico.into());
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

/// What a campaign costs: before it runs, while it runs and after.
#[utoipa::path(get, path = "/api/campaigns/{id}/cost", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Cost)))]
async fn cost(user: User, Id(id): Id<CampaignId>) -> Answer<Cost> {
    let cost = user.campaigns().cost(id).await?;
    Ok(axum::Json(Cost::of(&cost)))
}
