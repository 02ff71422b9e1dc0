//! For operators: liveness, readiness, metrics.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use crm_core::engine::Subscribed;
use crm_core::subscription::SubscriptionState;
use crm_core::{Actor, Role, Workspace};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::hold::Reason;
use crate::error::Problem;
use crate::state::{App, WorkerState};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// The process runs and answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, body = Health)))]
async fn healthz() -> axum::Json<Health> {
    axum::Json(Health { status: "ok" })
}

#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready`, `held` (it answers and sends nothing, see `hold`) or `not_ready`.
    status: &'static str,
    /// `writable`, `read_only` (it answers and cannot be written) or `unavailable`.
    database: &'static str,
    worker: WorkerState,
    /// What writes drafts: `model`, or `templates` (and built-in greetings) while no model is set up.
    drafts: &'static str,
    /// Why nothing is sent until an admin acknowledges it (`POST /api/hold/acknowledge`); `null` when all
    /// is well.
    hold: Option<Reason>,
}

/// Whether the databases can be written, the worker lives and messages may leave; 503 when not.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
async fn readyz(State(app): State<App>) -> (StatusCode, axum::Json<Readiness>) {
    let workspace = Workspace::default();
    let reads = app.engine.store().checkpoint(&workspace).await.is_ok();
    // Sealing is due anyway and goes through the one writer of the engine's database.
    let writes = reads
        && app.engine.store().seal(&workspace, 1).await.is_ok()
        && app.records.probe().await.is_ok();
    let worker = app.worker.get();
    let hold = app.engine.hold().await;
    let works = writes && worker != WorkerState::Failed && hold.is_ok();
    let hold = hold.ok().flatten().map(|hold| Reason::of(hold.reason));
    let ready = works && hold.is_none();
    let answer = Readiness {
        status: match (works, ready) {
            (_, true) => "ready",
            (true, false) => "held",
            (false, false) => "not_ready",
        },
        database: match (reads, writes) {
            (_, true) => "writable",
            (true, false) => "read_only",
            (false, false) => "unavailable",
        },
        worker,
        drafts: if app.has_model { "model" } else { "templates" },
        hold,
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(answer))
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, content_type = "text/plain", body = String)))]
async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let reader = Actor::new(Workspace::default(), "metrics", Role::Viewer);
    let session = app.engine.act_as(reader);
    let by_status = session.analytics().messages_by_status().await?;
    let sealed = session.audit().checkpoint().await?.position;
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: Vec<(String, u64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let answers = app.requests.read().into_iter();
    metric(
        "crm_http_responses_total",
        "counter",
        "Answers by class of status.",
        answers
            .map(|(class, count)| (format!("{{class=\"{class}\"}}"), count))
            .collect(),
    );
    metric(
        "crm_messages",
        "gauge",
        "Messages by status.",
        by_status
            .into_iter()
            .map(|(status, count)| {
                let labels = format!("{{status=\"{}\"}}", status.as_str());
                (labels, u64::try_from(count).unwrap_or(0))
            })
            .collect(),
    );
    let none = String::new;
    metric(
        "crm_audit_sealed_total",
        "counter",
        "Events in the sealed chain.",
        vec![(none(), sealed)],
    );
    let held = u64::from(app.engine.hold().await?.is_some());
    metric(
        "crm_on_hold",
        "gauge",
        "Whether nothing is sent until an admin acknowledges a return to an older state.",
        vec![(none(), held)],
    );
    let running = u64::from(app.worker.get() == WorkerState::Running);
    metric(
        "crm_worker_running",
        "gauge",
        "Whether this process's worker plans, drafts and delivers.",
        vec![(none(), running)],
    );
    let ours = Actor::new(Workspace::default(), "metrics", Role::Admin);
    let subscribed = app.engine.act_as(ours).subscriptions().list().await?;
    let each = |value: fn(&Subscribed) -> u64| {
        let name = |one: &Subscribed| format!("{{name=\"{}\"}}", one.name);
        let samples = subscribed.iter().map(|one| (name(one), value(one)));
        samples.collect::<Vec<_>>()
    };
    metric(
        "crm_subscription_lag",
        "gauge",
        "Sealed events that a subscriber was not told of yet.",
        each(|one| one.lag),
    );
    metric(
        "crm_subscription_failures",
        "gauge",
        "Failed calls of a subscriber since the last one that was taken.",
        each(|one| u64::from(one.failures)),
    );
    metric(
        "crm_subscription_disabled",
        "gauge",
        "Whether a subscriber is called no more until an admin enables it.",
        each(|one| u64::from(one.state == SubscriptionState::Disabled)),
    );
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    ))
}
