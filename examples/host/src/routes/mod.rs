//! The routes. Each reads a request, calls one use case and shapes the answer.

mod analytics;
mod audit;
mod auth;
mod batches;
mod budgets;
mod campaign_body;
mod campaigns;
mod contacts;
mod cost;
mod decisions;
mod events;
mod export;
mod hold;
mod import;
mod messages;
mod ops;
mod opt_in;
mod page;
mod receipts;
mod subscriptions;
mod templates;
mod unsubscribe;
mod usage;
mod voice;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::error::Problem;
use crate::state::App;
use crate::{document, headers, idempotency, limits};

/// What a route answers.
pub(crate) type Answer<T> = Result<axum::Json<T>, Problem>;

pub(crate) fn router(app: App) -> Router {
    let (router, described) = OpenApiRouter::<App>::with_openapi(document::head())
        .merge(auth::router())
        .merge(contacts::router())
        .merge(opt_in::router())
        .merge(export::router())
        .merge(import::router())
        .merge(messages::router())
        .merge(decisions::router())
        .merge(campaigns::router())
        .merge(cost::router())
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
        .merge(voice::router())
        .merge(ops::router())
        .split_for_parts();
    let swagger = SwaggerUi::new("/api/docs")
        .external_url_unchecked("/api/openapi.json", document::complete(described))
        // The public validator would be an outside host.
        .config(Config::default().validator_url("none"));
    router
        .merge(swagger)
        .merge(unsubscribe::router())
        .merge(opt_in::pages())
        // Whoever opens the printed address in a browser finds something.
        .route("/", axum::routing::get(async || Redirect::to("/api/docs/")))
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
        })
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
        .layer(middleware::from_fn(limits::body))
        .layer(DefaultBodyLimit::max(limits::BODY))
        .layer(middleware::from_fn_with_state(app.clone(), limits::log))
        .layer(middleware::from_fn(headers::layer))
        .with_state(app)
}
