//! The routes. Each reads a request, calls one use case and shapes the answer.

mod analytics;
mod audiences;
pub(crate) mod audit;
mod auth;
mod batches;
mod budgets;
mod campaign_body;
mod campaigns;
mod contacts;
pub(crate) mod cost;
pub(crate) mod decisions;
mod events;
mod experiment;
pub(crate) mod export;
mod fields;
mod hold;
pub(crate) mod import;
mod merge;
mod messages;
mod ops;
mod opt_in;
mod page;
mod receipts;
mod subscriptions;
mod suppressions;
mod templates;
mod unsubscribe;
mod upsert;
mod usage;
mod voice;
#[cfg(feature = "web")]
mod web;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::error::Problem;
use crate::state::App;
use crate::{document, headers, idempotency, limits};

/// What is served besides the API: the page, for whoever opens the printed address in a browser.
#[cfg(feature = "web")]
fn page() -> Router<App> {
    Router::new().fallback(web::serve)
}

/// Without a page the printed address leads to what there is to see.
#[cfg(not(feature = "web"))]
fn page() -> Router<App> {
    let docs = async || axum::response::Redirect::to("/api/docs/");
    Router::new()
        .route("/", axum::routing::get(docs))
        .fallback(async || nothing())
}

/// For addresses that lead nowhere.
fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
}

/// What a route answers.
pub(crate) type Answer<T> = Result<axum::Json<T>, Problem>;

/// The API: its routes and what they say of themselves.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::<App>::with_openapi(document::head())
        .merge(auth::router())
        .merge(contacts::router())
        .merge(upsert::router())
        .merge(merge::router())
        .merge(fields::router())
        .merge(opt_in::router())
        .merge(export::router())
        .merge(import::router())
        .merge(messages::router())
        .merge(decisions::router())
        .merge(campaigns::router())
        .merge(audiences::router())
        .merge(cost::router())
        .merge(experiment::router())
        .merge(batches::router())
        .merge(budgets::router())
        .merge(usage::router())
        .merge(templates::router())
        .merge(analytics::router())
        .merge(audit::router())
        .merge(events::router())
        .merge(hold::router())
        .merge(receipts::router())
        .merge(subscriptions::router())
        .merge(suppressions::router())
        .merge(voice::router())
        .merge(ops::router())
}

/// The OpenAPI document.
pub(crate) fn document() -> serde_json::Value {
    document::complete(api().into_openapi())
}

pub(crate) fn router(app: App) -> Router {
    let (router, described) = api().split_for_parts();
    let swagger = SwaggerUi::new("/api/docs")
        .external_url_unchecked("/api/openapi.json", document::complete(described))
        // The public validator would be an outside host.
        .config(Config::default().validator_url("none"));
    router
        .merge(swagger)
        .merge(unsubscribe::router())
        .merge(opt_in::pages())
        .merge(page())
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route has no such method",
            )
        })
        .layer(middleware::from_fn_with_state(
            app.clone(),
            idempotency::layer,
        ))
        .layer(middleware::from_fn_with_state(app.clone(), limits::body))
        .layer(DefaultBodyLimit::max(limits::BODY))
        .layer(middleware::from_fn_with_state(app.clone(), limits::log))
        .layer(middleware::from_fn(headers::layer))
        .with_state(app)
}
