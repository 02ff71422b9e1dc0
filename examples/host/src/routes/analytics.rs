//! Figures.

use axum::extract::State;
use crm_core::port::store::PageRequest;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::error::ProblemBody;
use crate::extract::Query;
use crate::state::App;
use crate::views;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(dashboard))
        .routes(routes!(by_status))
        .routes(routes!(by_occasion))
        .routes(routes!(ai_usage))
        .routes(routes!(campaigns))
        .routes(routes!(by_segment))
        .routes(routes!(timeline))
}

/// The first look.
#[utoipa::path(get, path = "/api/analytics/dashboard", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn dashboard(State(app): State<App>, user: User) -> Answer {
    let figures = user.session(&app).analytics().dashboard().await?;
    Ok(axum::Json(Value::Object(views::row(&figures))))
}

/// Messages by status.
#[utoipa::path(get, path = "/api/analytics/messages-by-status", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn by_status(State(app): State<App>, user: User) -> Answer {
    let found = user.session(&app).analytics().messages_by_status().await?;
    let data = found
        .into_iter()
        .map(|(status, count)| json!({"status": status, "count": count}));
    Ok(axum::Json(json!({"data": data.collect::<Vec<_>>()})))
}

/// Messages by occasion.
#[utoipa::path(get, path = "/api/analytics/messages-by-occasion", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn by_occasion(State(app): State<App>, user: User) -> Answer {
    let found = user
        .session(&app)
        .analytics()
        .messages_by_occasion()
        .await?;
    let data = found
        .into_iter()
        .map(|(occasion, count)| json!({"occasion_type": occasion, "count": count}));
    Ok(axum::Json(json!({"data": data.collect::<Vec<_>>()})))
}

/// What drafting cost. Amounts are exact decimal strings in US dollars.
#[utoipa::path(get, path = "/api/analytics/ai-usage-stats", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn ai_usage(State(app): State<App>, user: User) -> Answer {
    let usage = user.session(&app).analytics().ai_usage().await?;
    let cost = u64::try_from(usage.total_cost_picodollars).unwrap_or(0);
    let messages = u64::try_from(usage.ai_generated).unwrap_or(0).max(1);
    let tokens = u64::try_from(usage.total_tokens_used).unwrap_or(0);
    Ok(axum::Json(json!({
        "ai_generated": usage.ai_generated,
        "manual": usage.manual,
        "total_tokens_used": tokens,
        "total_cost_usd": views::dollars(cost),
        "avg_tokens_per_message": tokens / messages,
        "avg_cost_per_message": views::dollars(cost / messages),
    })))
}

/// How the last 100 campaigns go.
#[utoipa::path(get, path = "/api/analytics/campaign-performance", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn campaigns(State(app): State<App>, user: User) -> Answer {
    let found = user
        .session(&app)
        .analytics()
        .campaign_performance(PageRequest::default())
        .await?;
    let data = found.iter().map(|line| {
        json!({
            "id": line.campaign.id,
            "name": line.campaign.fields.name,
            "status": line.campaign.status,
            "occasion_type": line.campaign.fields.occasion_type,
            "generated_count": line.stats.generated_count,
            "sent_count": line.stats.sent_count,
            "failed_count": line.stats.failed_count,
            "created_at": line.campaign.created_at,
        })
    });
    Ok(axum::Json(json!({"data": data.collect::<Vec<_>>()})))
}

/// Contacts by segment.
#[utoipa::path(get, path = "/api/analytics/contacts-by-segment", tag = "analytics",
    responses((status = 200, body = Value)))]
async fn by_segment(State(app): State<App>, user: User) -> Answer {
    let found = user.session(&app).analytics().contacts_by_segment().await?;
    let data = found
        .into_iter()
        .map(|(segment, count)| json!({"segment": segment, "count": count}));
    Ok(axum::Json(json!({"data": data.collect::<Vec<_>>()})))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// 1 to 366; 30 unless set.
    days: Option<u32>,
    /// IANA zone of the days.
    time_zone: Option<String>,
}

/// Messages created per day.
#[utoipa::path(get, path = "/api/analytics/messages-timeline", tag = "analytics", params(Span),
    responses((status = 200, body = Value), (status = 422, body = ProblemBody)))]
async fn timeline(State(app): State<App>, user: User, Query(span): Query<Span>) -> Answer {
    let zone = span
        .time_zone
        .as_deref()
        .map(crm_core::zone::parse)
        .transpose()?;
    let days = span.days.unwrap_or(30);
    let found = user
        .session(&app)
        .analytics()
        .messages_timeline(days, zone)
        .await?;
    let data = found
        .into_iter()
        .map(|(date, count)| json!({"date": date, "count": count}));
    Ok(axum::Json(
        json!({"data": data.collect::<Vec<_>>(), "days": days}),
    ))
}
