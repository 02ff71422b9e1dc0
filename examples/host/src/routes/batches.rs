//! How far the batches are in which a provider drafts a campaign's messages.

use chrono::{DateTime, Utc};
use crm_core::draft_batch::{DraftBatch, DraftBatchState};
use crm_core::id::CampaignId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Id;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(batches))
}

/// A batch. What the provider calls it and which worker holds it is not told.
#[derive(Serialize, ToSchema)]
struct Batch {
    /// `batch_id` of the plan's lines in it.
    id: Uuid,
    /// `planned` (its lines are chosen), `submitting` (it is being handed over, or the answer to that was lost),
    /// `running` (the provider has it) or `closed` (each line has a message or a reason to have none).
    #[schema(value_type = String, example = "running")]
    state: DraftBatchState,
    /// How many lines it was made of; once it is handed over, how many requests.
    requests: u32,
    /// How often the provider surely did not take it.
    attempt: u32,
    /// A moment before it was handed over.
    submitted_at: Option<DateTime<Utc>>,
    /// Not looked at before.
    due_at: DateTime<Utc>,
    /// Failed calls since the last one that brought an answer.
    failures: u32,
    /// Code of the last failure, until a call brings an answer.
    last_error: Option<String>,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

impl Batch {
    fn of(batch: DraftBatch) -> Self {
        Self {
            id: batch.id.0,
            state: batch.state,
            requests: batch.requests,
            attempt: batch.attempt,
            submitted_at: batch.submitted_at,
            due_at: batch.due_at,
            failures: batch.failures,
            last_error: batch.last_error,
            created_at: batch.created_at,
            closed_at: batch.closed_at,
        }
    }
}

/// Batches of a campaign.
#[derive(Serialize, ToSchema)]
struct Batches {
    /// The oldest first, at most 1,000. Without any for a campaign that is drafted `now`.
    items: Vec<Batch>,
}

/// How far the batches are in which the provider drafts it.
#[utoipa::path(get, path = "/api/campaigns/{id}/batches", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Batches)))]
async fn batches(user: User, Id(id): Id<CampaignId>) -> Answer<Batches> {
    let found = user.campaigns().batches(id).await?;
    let items = found.into_iter().map(Batch::of).collect();
    Ok(axum::Json(Batches { items }))
}
