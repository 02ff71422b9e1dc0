//! The routes. Each reads a request, calls one use case and shapes the answer.

mod analytics;
mod audit;
mod auth;
mod bulk;
mod campaign_body;
mod campaigns;
mod contacts;
mod events;
mod import;
mod messages;
mod ops;
mod templates;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Router, middleware};
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::error::{Problem, ProblemBody};
use crate::state::App;
use crate::{idempotency, limits};

/// What a route answers.
pub(crate) type Answer = Result<axum::Json<Value>, Problem>;

#[derive(OpenApi)]
#[openapi(
    info(title = "Outreach engine", description = "Contacts, messages, approvals and campaigns."),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        document
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

pub(crate) fn router(app: App) -> Router {
    let (router, document) = OpenApiRouter::<App>::with_openapi(Document::openapi())
        .merge(auth::router())
        .merge(contacts::router())
        .merge(import::router())
        .merge(messages::router())
        .merge(bulk::router())
        .merge(campaigns::router())
        .merge(templates::router())
        .merge(analytics::router())
        .merge(audit::router())
        .merge(events::router())
        .merge(ops::router())
        .split_for_parts();
    router
        .merge(SwaggerUi::new("/api/docs").url("/api/openapi.json", document))
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
        .with_state(app)
}
