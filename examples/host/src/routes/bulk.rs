//! Decisions about many messages: a preview, then exactly what was previewed.

use axum::extract::State;
use crm_core::engine::BulkAction;
use crm_core::id::MessageId;
use crm_core::message::Digest;
use crm_core::port::store::MessageQuery;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::messages::Filter;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::Json;
use crate::state::App;
use crate::views;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(apply))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// `approve`, `reject` or `cancel`.
    #[schema(value_type = String)]
    action: BulkAction,
    /// These messages, at most 10,000.
    ids: Option<Vec<Uuid>>,
    /// Or those that match.
    filter: Option<Filter>,
    /// What the preview returned; required to approve.
    manifest: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

fn selection(ids: Option<Vec<Uuid>>, filter: Option<Filter>) -> Result<MessageQuery, Problem> {
    match (ids, filter) {
        (Some(ids), None) if (1..=10_000).contains(&ids.len()) => {
            let mut ids: Vec<MessageId> = ids.into_iter().map(MessageId).collect();
            ids.sort_unstable();
            ids.dedup();
            Ok(MessageQuery {
                ids,
                ..MessageQuery::default()
            })
        }
        (Some(_), None) => Err(Problem::invalid("ids", "give 1 to 10,000 ids")),
        (None, Some(filter)) => filter.query(),
        _ => Err(Problem::invalid("ids", "give either ids or a filter")),
    }
}

/// What a bulk decision would touch.
#[utoipa::path(post, path = "/api/messages/bulk/preview", tag = "messages", request_body = Bulk,
    responses((status = 200, body = Value), (status = 403, body = ProblemBody)))]
async fn preview(State(app): State<App>, user: User, Json(body): Json<Bulk>) -> Answer {
    let query = selection(body.ids, body.filter)?;
    let found = user
        .session(&app)
        .approvals()
        .preview(body.action, query)
        .await?;
    let sample = found
        .sample
        .iter()
        .map(|message| views::message(message, user.0.role));
    Ok(axum::Json(json!({
        "count": found.count,
        "manifest": found.manifest,
        "sample": sample.collect::<Vec<Value>>(),
        "findings": [],
    })))
}

/// Decides about exactly what was previewed.
#[utoipa::path(post, path = "/api/messages/bulk", tag = "messages", request_body = Bulk,
    responses((status = 200, body = Value), (status = 409, body = ProblemBody),
        (status = 428, body = ProblemBody)))]
async fn apply(State(app): State<App>, user: User, Json(body): Json<Bulk>) -> Answer {
    let manifest =
        match body.manifest.as_deref() {
            None => None,
            Some(text) => Some(Digest::from_hex(text).ok_or_else(|| {
                Problem::invalid("manifest", "a manifest is 64 hexadecimal digits")
            })?),
        };
    let query = selection(body.ids, body.filter)?;
    let session = user.session(&app);
    let done = session
        .approvals()
        .bulk(body.action, query, manifest, body.reason)
        .await?;
    Ok(axum::Json(Value::Object(views::row(&done))))
}
