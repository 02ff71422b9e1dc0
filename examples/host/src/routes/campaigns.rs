//! Campaigns: set up, run, pause, call off, look at the plan.

use axum::extract::State;
use axum::http::StatusCode;
use crm_core::Action;
use crm_core::campaign::{Campaign, CampaignStatus};
use crm_core::engine::Session;
use crm_core::id::CampaignId;
use crm_core::port::store::{CampaignQuery, PlanQuery};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::campaign_body::CampaignBody;
use super::messages::occasion;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::{Id, Json, MaybeJson, Query, typed};
use crate::state::App;
use crate::{paging, views};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(execute))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(plan))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    status: Option<String>,
    occasion_type: Option<String>,
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
}

async fn view(session: &Session, campaign: &Campaign) -> Result<Value, Problem> {
    let stats = session.campaigns().stats(campaign.id).await?;
    Ok(views::campaign(campaign, stats))
}

async fn show(session: &Session, campaign: &Campaign) -> Answer {
    Ok(axum::Json(view(session, campaign).await?))
}

/// Lists campaigns, newest first.
#[utoipa::path(get, path = "/api/campaigns", tag = "campaigns", params(Filter),
    responses((status = 200, body = Value)))]
async fn list(State(app): State<App>, user: User, Query(filter): Query<Filter>) -> Answer {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let status = filter.status.map(|name| {
        CampaignStatus::parse(&name)
            .ok_or_else(|| Problem::invalid("status", "there is no such status"))
    });
    let query = CampaignQuery {
        statuses: status.transpose()?.into_iter().collect(),
        occasion: filter
            .occasion_type
            .map(|name| occasion(&name))
            .transpose()?,
        page,
        ..CampaignQuery::default()
    };
    let session = user.session(&app);
    let found = session.campaigns().list(query).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for campaign in &found.items {
        items.push(view(&session, campaign).await?);
    }
    Ok(axum::Json(paging::list(page, &found, items)))
}

/// Saves a new campaign as a draft.
#[utoipa::path(post, path = "/api/campaigns", tag = "campaigns", request_body = CampaignBody,
    responses((status = 201, body = Value), (status = 422, body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    user: User,
    Json(body): Json<CampaignBody>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let session = user.session(&app);
    let campaign = session.campaigns().create(body.fields()?).await?;
    Ok((StatusCode::CREATED, show(&session, &campaign).await?))
}

/// One campaign.
#[utoipa::path(get, path = "/api/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn get(State(app): State<App>, user: User, Id(id): Id<CampaignId>) -> Answer {
    let session = user.session(&app);
    let campaign = session.campaigns().get(id).await?;
    show(&session, &campaign).await
}

/// Changes the given fields of a draft; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/campaigns/{id}", tag = "campaigns",
    params(("id" = Uuid, Path)), request_body = Value,
    responses((status = 200, body = Value), (status = 400, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
async fn put(
    State(app): State<App>,
    user: User,
    Id(id): Id<CampaignId>,
    Json(mut body): Json<Map<String, Value>>,
) -> Answer {
    let session = user.session(&app);
    session.actor().require(Action::WriteCampaigns)?;
    let version: Option<u64> = typed(body.remove("version").unwrap_or_default())?;
    let before = session.campaigns().get(id).await?;
    let mut merged = views::row(&CampaignBody::of(&before));
    merged.extend(body);
    let merged: CampaignBody = typed(Value::Object(merged))?;
    let version = version.or(Some(before.version));
    let campaign = session
        .campaigns()
        .update(id, version, merged.fields()?)
        .await?;
    show(&session, &campaign).await
}

/// Removes a campaign that has not begun.
#[utoipa::path(delete, path = "/api/campaigns/{id}", tag = "campaigns",
    params(("id" = Uuid, Path)), responses((status = 204), (status = 400, body = ProblemBody)))]
async fn delete(
    State(app): State<App>,
    user: User,
    Id(id): Id<CampaignId>,
) -> Result<StatusCode, Problem> {
    user.session(&app).campaigns().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Execute {
    /// Plans and drafts, never sends.
    #[serde(default)]
    test_mode: bool,
}

/// Runs a campaign: at once, or when its schedule says.
#[utoipa::path(post, path = "/api/campaigns/{id}/execute", tag = "campaigns",
    params(("id" = Uuid, Path)), request_body = Option<Execute>,
    responses((status = 202, body = Value), (status = 400, body = ProblemBody)))]
async fn execute(
    State(app): State<App>,
    user: User,
    Id(id): Id<CampaignId>,
    MaybeJson(body): MaybeJson<Execute>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let session = user.session(&app);
    let campaign = session.campaigns().execute(id, body.test_mode).await?;
    let answer = json!({
        "message": "the campaign runs; its messages wait for approval",
        "campaign_id": campaign.id,
        "test_mode": campaign.test_mode,
        "status": campaign.status,
        "next_run_at": campaign.next_run_at,
    });
    Ok((StatusCode::ACCEPTED, axum::Json(answer)))
}

/// Stops a campaign for now.
#[utoipa::path(post, path = "/api/campaigns/{id}/pause", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn pause(State(app): State<App>, user: User, Id(id): Id<CampaignId>) -> Answer {
    let session = user.session(&app);
    let campaign = session.campaigns().pause(id).await?;
    show(&session, &campaign).await
}

/// Goes on with a paused campaign.
#[utoipa::path(post, path = "/api/campaigns/{id}/resume", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn resume(State(app): State<App>, user: User, Id(id): Id<CampaignId>) -> Answer {
    let session = user.session(&app);
    let campaign = session.campaigns().resume(id).await?;
    show(&session, &campaign).await
}

/// Calls a campaign off.
#[utoipa::path(post, path = "/api/campaigns/{id}/cancel", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn cancel(State(app): State<App>, user: User, Id(id): Id<CampaignId>) -> Answer {
    let session = user.session(&app);
    let campaign = session.campaigns().cancel(id).await?;
    show(&session, &campaign).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PlanFilter {
    /// Only those who get nothing (true) or only those who get something (false).
    excluded: Option<bool>,
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
}

/// Who gets what when, or why not.
#[utoipa::path(get, path = "/api/campaigns/{id}/plan", tag = "campaigns",
    params(("id" = Uuid, Path), PlanFilter),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn plan(
    State(app): State<App>,
    user: User,
    Id(id): Id<CampaignId>,
    Query(filter): Query<PlanFilter>,
) -> Answer {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let query = PlanQuery {
        campaign_id: id,
        occurrence: None,
        excluded: filter.excluded,
        undrafted: false,
        page,
    };
    let found = user.session(&app).campaigns().plan(query).await?;
    let items = found.items.iter().map(|line| {
        let mut map = views::row(line);
        let reason = map.insert("excluded".into(), json!(line.excluded.is_some()));
        map.insert("reason".into(), reason.unwrap_or_default());
        map.insert("variant".into(), Value::Null);
        map.insert("estimated_cost".into(), Value::Null);
        Value::Object(map)
    });
    let items = items.collect();
    Ok(axum::Json(paging::list(page, &found, items)))
}
