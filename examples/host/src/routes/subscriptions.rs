//! For operators: how those fare that are told of state changes, and enabling one again.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::engine::Subscribed;
use crm_core::subscription::SubscriptionState;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(enable))
}

/// Who is told of state changes, and how far.
#[derive(Serialize, ToSchema)]
struct SubscriptionView {
    name: String,
    /// `active`, `failing` (called again at `due_at`) or `disabled` (not called until it is enabled).
    #[schema(value_type = String, example = "active")]
    state: SubscriptionState,
    /// Place in the chain (`/api/audit`) of the last event that was taken.
    position: u64,
    /// Sealed events behind it.
    lag: u64,
    /// Failed calls since the last one that was taken.
    failures: u32,
    failing_since: Option<DateTime<Utc>>,
    /// Code of the last failure, until a call is taken.
    last_error: Option<String>,
    /// Not called before.
    due_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    /// Whether this host's settings have it. Otherwise nobody is told, and its place is kept.
    set_up: bool,
}

impl From<Subscribed> for SubscriptionView {
    fn from(one: Subscribed) -> Self {
        Self {
            name: one.name,
            state: one.state,
            position: one.position,
            lag: one.lag,
            failures: one.failures,
            failing_since: one.failing_since,
            last_error: one.last_error,
            due_at: one.due_at,
            disabled_at: one.disabled_at,
            created_at: one.created_at,
            set_up: one.set_up,
        }
    }
}

/// All subscriptions.
#[derive(Serialize, ToSchema)]
struct SubscriptionList {
    items: Vec<SubscriptionView>,
}

/// Who is told of state changes, by name.
#[utoipa::path(get, path = "/api/subscriptions", tag = "operations",
    responses((status = 200, body = SubscriptionList)))]
async fn list(user: User) -> Answer<SubscriptionList> {
    let all = user.subscriptions().list().await?;
    let items = all.into_iter().map(SubscriptionView::from).collect();
    Ok(axum::Json(SubscriptionList { items }))
}

/// Has one that is disabled, or that waits after a failure, called again at once. It goes on where it was.
#[utoipa::path(post, path = "/api/subscriptions/{name}/enable", tag = "operations",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 204)))]
async fn enable(
    user: User,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    // No name is longer or holds what cannot be decoded.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    user.subscriptions().enable(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
