//! Figures. All come from counters, whatever the number of messages.

use chrono::{DateTime, NaiveDate, Utc};
use crm_core::campaign::CampaignStatus;
use crm_core::message::{Occasion, Status};
use crm_core::money::dollars;
use crm_core::port::store::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Query;
use crate::names::{CampaignStatusName, OccasionName, StatusName};
use crate::state::App;

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

/// Rows of a chart.
#[derive(Serialize, ToSchema)]
struct Data<T> {
    data: Vec<T>,
}

fn data<R, T>(rows: Vec<R>, view: impl FnMut(R) -> T) -> Answer<Data<T>> {
    let data = rows.into_iter().map(view).collect();
    Ok(axum::Json(Data { data }))
}

/// The first look.
#[derive(Serialize, ToSchema)]
struct Dashboard {
    total_contacts: i64,
    total_messages: i64,
    pending_approval: i64,
    /// Approved and not yet with the provider.
    approved: i64,
    /// Delivered ones included.
    sent: i64,
    active_campaigns: i64,
    /// Created since the first of the month, in the workspace's zone.
    messages_this_month: i64,
    generated_at: DateTime<Utc>,
}

/// The first look.
#[utoipa::path(get, path = "/api/analytics/dashboard", tag = "analytics",
    responses((status = 200, body = Dashboard)))]
async fn dashboard(user: User) -> Answer<Dashboard> {
    let figures = user.analytics().dashboard().await?;
    Ok(axum::Json(Dashboard {
        total_contacts: figures.total_contacts,
        total_messages: figures.total_messages,
        pending_approval: figures.pending_approval,
        approved: figures.approved,
        sent: figures.sent,
        active_campaigns: figures.active_campaigns,
        messages_this_month: figures.messages_this_month,
        generated_at: figures.generated_at,
    }))
}

#[derive(Serialize, ToSchema)]
struct StatusCount {
    #[schema(value_type = StatusName)]
    status: Status,
    count: i64,
}

/// Messages by status; every status is named.
#[utoipa::path(get, path = "/api/analytics/messages-by-status", tag = "analytics",
    responses((status = 200, body = Data<StatusCount>)))]
async fn by_status(user: User) -> Answer<Data<StatusCount>> {
    let found = user.analytics().messages_by_status().await?;
    data(found, |(status, count)| StatusCount { status, count })
}

#[derive(Serialize, ToSchema)]
struct OccasionCount {
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    count: i64,
}

/// Messages by occasion; every occasion is named.
#[utoipa::path(get, path = "/api/analytics/messages-by-occasion", tag = "analytics",
    responses((status = 200, body = Data<OccasionCount>)))]
async fn by_occasion(user: User) -> Answer<Data<OccasionCount>> {
    let found = user.analytics().messages_by_occasion().await?;
    data(found, |(occasion_type, count)| OccasionCount {
        occasion_type,
        count,
    })
}

/// What drafting cost, over all messages. Amounts are exact decimal numbers of US dollars.
#[derive(Serialize, ToSchema)]
struct AiUsage {
    ai_generated: i64,
    manual: i64,
    total_tokens_used: u64,
    #[schema(example = "1.25")]
    total_cost_usd: String,
    /// Rounded down.
    avg_tokens_per_message: u64,
    avg_cost_per_message: String,
}

/// What drafting cost, over all messages.
#[utoipa::path(get, path = "/api/analytics/ai-usage-stats", tag = "analytics",
    responses((status = 200, body = AiUsage)))]
async fn ai_usage(user: User) -> Answer<AiUsage> {
    let usage = user.analytics().ai_usage().await?;
    let cost = u64::try_from(usage.total_cost_picodollars).unwrap_or(0);
    let messages = u64::try_from(usage.ai_generated).unwrap_or(0).max(1);
    let tokens = u64::try_from(usage.total_tokens_used).unwrap_or(0);
    Ok(axum::Json(AiUsage {
        ai_generated: usage.ai_generated,
        manual: usage.manual,
        total_tokens_used: tokens,
        total_cost_usd: dollars(cost.into()),
        avg_tokens_per_message: tokens / messages,
        avg_cost_per_message: dollars((cost / messages).into()),
    }))
}

#[derive(Serialize, ToSchema)]
struct Performance {
    id: Uuid,
    name: String,
    #[schema(value_type = CampaignStatusName)]
    status: CampaignStatus,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    generated_count: i64,
    sent_count: i64,
    failed_count: i64,
    created_at: DateTime<Utc>,
}

/// How the last 100 campaigns go, newest first.
#[utoipa::path(get, path = "/api/analytics/campaign-performance", tag = "analytics",
    responses((status = 200, body = Data<Performance>)))]
async fn campaigns(user: User) -> Answer<Data<Performance>> {
    let page = PageRequest::default();
    let found = user.analytics().campaign_performance(page).await?;
    data(found, |line| Performance {
        id: line.campaign.id.0,
        name: line.campaign.fields.name,
        status: line.campaign.status,
        occasion_type: line.campaign.fields.occasion_type,
        generated_count: line.stats.generated_count,
        sent_count: line.stats.sent_count,
        failed_count: line.stats.failed_count,
        created_at: line.campaign.created_at,
    })
}

#[derive(Serialize, ToSchema)]
struct SegmentCount {
    segment: String,
    count: i64,
}

/// Contacts by segment, most first.
#[utoipa::path(get, path = "/api/analytics/contacts-by-segment", tag = "analytics",
    responses((status = 200, body = Data<SegmentCount>)))]
async fn by_segment(user: User) -> Answer<Data<SegmentCount>> {
    let found = user.analytics().contacts_by_segment().await?;
    data(found, |(segment, count)| SegmentCount { segment, count })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Span {
    /// How many days back, today included.
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: Option<u32>,
    /// IANA zone of the days; the workspace's own unless set.
    #[param(example = "Asia/Tashkent")]
    time_zone: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Timeline {
    data: Vec<DayCount>,
    days: u32,
}

#[derive(Serialize, ToSchema)]
struct DayCount {
    date: NaiveDate,
    count: i64,
}

/// Messages created per day, oldest first; days without any are named too.
#[utoipa::path(get, path = "/api/analytics/messages-timeline", tag = "analytics", params(Span),
    responses((status = 200, body = Timeline)))]
async fn timeline(user: User, Query(span): Query<Span>) -> Answer<Timeline> {
    let zone = span
        .time_zone
        .as_deref()
        .map(crm_core::zone::parse)
        .transpose()?;
    let days = span.days.unwrap_or(30);
    let found = user.analytics().messages_timeline(days, zone).await?;
    let data = found
        .into_iter()
        .map(|(date, count)| DayCount { date, count })
        .collect();
    Ok(axum::Json(Timeline { data, days }))
}
