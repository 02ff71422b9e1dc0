//! The history: sealed events and the proof that nobody changed them.

use axum::extract::State;
use crm_core::message::history::Subject;
use crm_core::port::store::EventQuery;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::Query;
use crate::state::App;
use crate::views;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(verify))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only events of this message.
    message_id: Option<Uuid>,
    /// Only events behind this position of the chain.
    after: Option<u64>,
    /// 1 to 10,000; 1,000 unless set.
    limit: Option<u32>,
}

/// Sealed events in the order of the chain.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(Filter),
    responses((status = 200, body = Value)))]
async fn events(State(app): State<App>, user: User, Query(filter): Query<Filter>) -> Answer {
    let limit = filter.limit.unwrap_or(1_000);
    if !(1..=10_000).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 10,000"));
    }
    // Positions are stored as signed numbers.
    let after = filter.after.unwrap_or(0).min(i64::MAX.unsigned_abs());
    let query = EventQuery {
        subject: filter.message_id.map(|id| (Subject::Message, id)),
        sealed_after: Some(after),
        limit,
    };
    let found = user.session(&app).audit().events(query).await?;
    let sealed = found.iter().filter(|event| event.seal.is_some());
    let items: Vec<Value> = sealed
        .map(|event| Value::Object(views::row(event)))
        .collect();
    Ok(axum::Json(json!({"items": items})))
}

/// Checks the whole chain.
#[utoipa::path(get, path = "/api/audit/verify", tag = "audit",
    responses((status = 200, body = Value)))]
async fn verify(State(app): State<App>, user: User) -> Answer {
    let found = user.session(&app).audit().verify(None).await?;
    Ok(axum::Json(json!({
        "valid": found.valid,
        "events": found.sealed,
        "sealed": found.sealed,
        "first_bad": found.first_bad,
        "checkpoint": found.checkpoint,
    })))
}
