//! How the variants of a campaign fare.

use crm_core::campaign::experiment::{Report, Verdict};
use crm_core::engine::{Experiment, VariantStats};
use crm_core::id::CampaignId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Id;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(experiment))
}

/// What a campaign's variants show so far; it may be looked at as often as one likes. Without variants everything is
/// empty.
#[derive(Serialize, ToSchema)]
#[schema(as = Experiment)]
struct ExperimentView {
    /// Each variant, in the campaign's order.
    variants: Vec<VariantResult>,
    /// How many of a thousand contacts get nothing.
    holdout_permille: u16,
    /// Which texts people had to edit: fewer are better. Null with fewer than two variants.
    edited: Option<Comparison>,
    /// Which texts people rejected: fewer are better. Null with fewer than two variants.
    rejected: Option<Comparison>,
}

/// The figures of one variant.
#[derive(Serialize, ToSchema)]
struct VariantResult {
    name: String,
    /// Messages drafted.
    generated_count: u64,
    /// Those that people approved or rejected.
    decided_count: u64,
    /// Of the decided ones, those that were approved with another text than the first.
    edited_count: u64,
    rejected_count: u64,
    /// Sent or delivered.
    sent_count: u64,
    failed_count: u64,
}

/// The variants against each other.
#[derive(Serialize, ToSchema)]
#[schema(as = VariantComparison)]
struct Comparison {
    /// Each variant, in the campaign's order.
    rates: Vec<Rate>,
    /// Each variant but the first, against the first.
    differences: Vec<Difference>,
    /// The one that is better, once that is certain: then the experiment may be stopped.
    winner: Option<String>,
}

/// How often it happened to a variant's texts. Rates are parts of one.
#[derive(Serialize, ToSchema)]
#[schema(as = VariantRate)]
struct Rate {
    variant: String,
    /// Null while nothing of it was decided.
    rate: Option<f64>,
    /// The true rate is from here ...
    low: f64,
    /// ... to here, at all looks together in 95 of 100 experiments.
    high: f64,
}

/// A variant's rate less that of the first one.
#[derive(Serialize, ToSchema)]
#[schema(as = VariantDifference)]
struct Difference {
    variant: String,
    difference: Option<f64>,
    /// The true difference is from here ...
    low: f64,
    /// ... to here, at all looks together in 95 of 100 experiments.
    high: f64,
    /// How likely such a difference, at any of the looks, is by chance alone: at most 0.05 is an alarm.
    p_value: f64,
}

impl ExperimentView {
    fn of(found: &Experiment) -> Self {
        let names: Vec<&str> = found.variants.iter().map(|it| it.name.as_str()).collect();
        let comparison = |report: &Report| Comparison::of(report, &names);
        Self {
            variants: found.variants.iter().map(VariantResult::of).collect(),
            holdout_permille: found.holdout_permille,
            edited: found.edited.as_ref().map(comparison),
            rejected: found.rejected.as_ref().map(comparison),
        }
    }
}

impl VariantResult {
    fn of(stats: &VariantStats) -> Self {
        Self {
            name: stats.name.clone(),
            generated_count: stats.generated_count,
            decided_count: stats.decided_count,
            edited_count: stats.edited_count,
            rejected_count: stats.rejected_count,
            sent_count: stats.sent_count,
            failed_count: stats.failed_count,
        }
    }
}

impl Comparison {
    fn of(report: &Report, names: &[&str]) -> Self {
        let name = |index: usize| names.get(index).copied().unwrap_or_default().to_owned();
        let rates = report.arms.iter().enumerate().map(|(index, arm)| Rate {
            variant: name(index),
            rate: arm.rate,
            low: arm.interval.low,
            high: arm.interval.high,
        });
        let differences = report.comparisons.iter().map(|it| Difference {
            variant: name(it.arm),
            difference: it.difference,
            low: it.interval.low,
            high: it.interval.high,
            p_value: it.p_value,
        });
        Self {
            rates: rates.collect(),
            differences: differences.collect(),
            winner: match report.verdict {
                Verdict::GoOn => None,
                Verdict::SuggestStop { winner } => Some(name(winner)),
            },
        }
    }
}

/// How the campaign's variants fare with the people who review them.
#[utoipa::path(get, path = "/api/campaigns/{id}/experiment", tag = "campaigns",
    params(("id" = Uuid, Path)), responses((status = 200, body = ExperimentView)))]
async fn experiment(user: User, Id(id): Id<CampaignId>) -> Answer<ExperimentView> {
    let found = user.campaigns().experiment(id).await?;
    Ok(axum::Json(ExperimentView::of(&found)))
}
