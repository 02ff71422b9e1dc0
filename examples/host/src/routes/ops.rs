//! For operators: liveness, readiness, metrics.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use crm_core::{Actor, Role, Workspace};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::error::{Problem, ProblemBody};
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, body = serde_json::Value)))]
async fn healthz() -> Answer {
    Ok(axum::Json(json!({"status": "ok"})))
}

/// The databases answer.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = serde_json::Value), (status = 503, body = ProblemBody)))]
async fn readyz(State(app): State<App>) -> Answer {
    app.engine.store().checkpoint(&Workspace::default()).await?;
    app.accounts.count().await?;
    Ok(axum::Json(json!({"status": "ready"})))
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, content_type = "text/plain", body = String)))]
async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let reader = Actor::new(Workspace::default(), "metrics", Role::Viewer);
    let by_status = app
        .engine
        .act_as(reader)
        .analytics()
        .messages_by_status()
        .await?;
    let mut text = String::from(
        "# HELP crm_http_responses_total Answers by class of status.\n\
         # TYPE crm_http_responses_total counter\n",
    );
    for (class, count) in app.requests.read() {
        let _ = writeln!(
            text,
            "crm_http_responses_total{{class=\"{class}\"}} {count}"
        );
    }
    text.push_str("# HELP crm_messages Messages by status.\n# TYPE crm_messages gauge\n");
    for (status, count) in by_status {
        let _ = writeln!(
            text,
            "crm_messages{{status=\"{}\"}} {count}",
            status.as_str()
        );
    }
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    ))
}
