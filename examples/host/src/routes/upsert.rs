//! Contacts as the CRM knows them, many at a time.

use crm_core::contact::{ContactPatch, PatchMode};
use crm_core::engine::{UpsertOptions, UpsertOutcome, Upserted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::contacts::ContactBody;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemField};
use crate::extract::{JsonList, Query};
use crate::names::{PatchModeName, UpsertedName};
use crate::state::App;

/// Most rows of one call.
const MOST: usize = 1_000;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upsert))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// What becomes of fields that a row does not name: with `merge` (unless said) they stay, with `replace` they are
    /// cleared.
    #[param(value_type = Option<PatchModeName>)]
    #[serde(default)]
    mode: PatchMode,
}

/// What became of one row.
#[derive(Serialize, ToSchema)]
#[schema(as = UpsertOutcome)]
struct OutcomeView {
    #[schema(value_type = UpsertedName)]
    outcome: Upserted,
    /// The contact that the row is about; none for a refused row of nobody who is there.
    id: Option<Uuid>,
    /// The names of the fields that changed, as `email` or `custom_fields.level`.
    changed: Vec<String>,
    /// Why it was refused, for programs: `invalid`, `duplicate`, `conflict`, ...
    code: Option<String>,
    /// The same for people.
    reason: Option<String>,
    /// The fields that are refused.
    errors: Vec<ProblemField>,
}

impl From<UpsertOutcome> for OutcomeView {
    fn from(row: UpsertOutcome) -> Self {
        Self {
            outcome: row.outcome,
            id: row.id.map(|id| id.0),
            changed: row.changed,
            code: row.code,
            reason: row.reason,
            errors: row.errors.into_iter().map(ProblemField::from).collect(),
        }
    }
}

/// Makes the contacts with these external ids say what the rows say; who is not there yet is created.
///
/// At most 1,000 rows, each with an `external_id` and without a `version`. The answer has one outcome for each row, in
/// order: a row that cannot be taken is refused, and the others go on.
#[utoipa::path(post, path = "/api/contacts/upsert", tag = "contacts", params(How),
    request_body = Vec<ContactBody>, responses((status = 200, body = Vec<OutcomeView>)))]
async fn upsert(
    user: User,
    Query(How { mode }): Query<How>,
    JsonList(rows): JsonList<Value>,
) -> Answer<Vec<OutcomeView>> {
    if rows.len() > MOST {
        return Err(Problem::invalid("body", "send at most 1,000 rows"));
    }
    let rows = rows.into_iter().map(ContactPatch::from).collect();
    let done = user.contacts().upsert(rows, UpsertOptions { mode }).await?;
    Ok(axum::Json(
        done.into_iter().map(OutcomeView::from).collect(),
    ))
}
