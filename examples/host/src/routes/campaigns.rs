//! Campaigns: set up, run, pause, call off, look at the plan.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::Action;
use crm_core::campaign::{Campaign, CampaignStatus};
use crm_core::contact::Contact;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{Message, Occasion};
use crm_core::port::store::{CampaignQuery, ContactQuery, MessageQuery, PageRequest, PlanQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::campaign_body::CampaignBody;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Json, MaybeJson, Query};
use crate::names::{CampaignStatusName, OccasionName};
use crate::paging::{self, List};
use crate::state::App;
use crate::views::{CampaignView, PlanLine};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(execute))
        .routes(routes!(copy))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(plan))
        .routes(routes!(duplicates))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(value_type = Option<CampaignStatusName>)]
    status: Option<CampaignStatus>,
    #[param(value_type = Option<OccasionName>)]
    occasion_type: Option<Occasion>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

async fn view(user: &User, campaign: &Campaign) -> Result<CampaignView, Problem> {
    let stats = user.campaigns().stats(campaign.id).await?;
    let may_write = user.actor().require(Action::WriteCampaigns).is_ok();
    Ok(CampaignView::of(campaign, stats, may_write))
}

async fn show(user: &User, campaign: &Campaign) -> Answer<CampaignView> {
    Ok(axum::Json(view(user, campaign).await?))
}

/// Lists campaigns, newest first.
#[utoipa::path(get, path = "/api/campaigns", tag = "campaigns", params(Filter),
    responses((status = 200, body = List<CampaignView>)))]
async fn list(user: User, Query(filter): Query<Filter>) -> Answer<List<CampaignView>> {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let query = CampaignQuery {
        statuses: filter.status.into_iter().collect(),
        occasion: filter.occasion_type,
        page,
        ..CampaignQuery::default()
    };
    let found = user.campaigns().list(query).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for campaign in &found.items {
        items.push(view(&user, campaign).await?);
    }
    Ok(axum::Json(List::new(page, found.total, found.next, items)))
}

/// Saves a new campaign as a draft.
#[utoipa::path(post, path = "/api/campaigns", tag = "campaigns", request_body = CampaignBody,
    responses((status = 201, body = CampaignView),
        (status = 404, description = "There is no such template.")))]
async fn create(
    user: User,
    Json(body): Json<CampaignBody>,
) -> Result<(StatusCode, axum::Json<CampaignView>), Problem> {
    user.actor().require(Action::WriteCampaigns)?;
    let campaign = user.campaigns().create(body.create()?).await?;
    Ok((StatusCode::CREATED, show(&user, &campaign).await?))
}

/// One campaign.
#[utoipa::path(get, path = "/api/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    responses((status = 200, body = CampaignView)))]
async fn get(user: User, Id(id): Id<CampaignId>) -> Answer<CampaignView> {
    let campaign = user.campaigns().get(id).await?;
    show(&user, &campaign).await
}

/// Changes the given fields of a draft; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/campaigns/{id}", tag = "campaigns",
    params(("id" = Uuid, Path)), request_body = CampaignBody,
    responses((status = 200, body = CampaignView), (status = 400, description = "It has begun.")))]
async fn put(
    user: User,
    Id(id): Id<CampaignId>,
    Json(body): Json<CampaignBody>,
) -> Answer<CampaignView> {
    user.actor().require(Action::WriteCampaigns)?;
    let before = user.campaigns().get(id).await?;
    let version = body.version.or(Some(before.version));
    let fields = body.change(&before)?;
    let campaign = user.campaigns().update(id, version, fields).await?;
    show(&user, &campaign).await
}

/// Removes a campaign that has not begun.
#[utoipa::path(delete, path = "/api/campaigns/{id}", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 400, description = "It has begun; cancel it.")))]
async fn delete(user: User, Id(id): Id<CampaignId>) -> Result<StatusCode, Problem> {
    user.campaigns().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Execute {
    /// Plans and drafts, never sends.
    #[serde(default)]
    test_mode: bool,
}

/// A campaign that runs.
#[derive(Serialize, ToSchema)]
struct Executed {
    /// What happens next, for a person.
    message: String,
    campaign_id: Uuid,
    test_mode: bool,
    #[schema(value_type = CampaignStatusName)]
    status: CampaignStatus,
    next_run_at: Option<DateTime<Utc>>,
}

/// Runs a campaign: at once, or when its schedule says. The worker plans and drafts; the messages wait
/// for approval.
#[utoipa::path(post, path = "/api/campaigns/{id}/execute", tag = "campaigns",
    params(("id" = Uuid, Path)), request_body = Option<Execute>,
    responses((status = 202, body = Executed), (status = 400, description = "It is no draft.")))]
async fn execute(
    user: User,
    Id(id): Id<CampaignId>,
    MaybeJson(body): MaybeJson<Execute>,
) -> Result<(StatusCode, axum::Json<Executed>), Problem> {
    let campaign = user.campaigns().execute(id, body.test_mode).await?;
    let message = match (campaign.next_run_at, campaign.test_mode) {
        (Some(at), _) => format!(
            "the campaign runs for the first time at {}",
            at.to_rfc3339()
        ),
        (None, false) => "the campaign runs; its messages wait for approval".to_owned(),
        (None, true) => "the campaign is planned and drafted; nothing of it is sent".to_owned(),
    };
    let answer = Executed {
        message,
        campaign_id: campaign.id.0,
        test_mode: campaign.test_mode,
        status: campaign.status,
        next_run_at: campaign.next_run_at,
    };
    Ok((StatusCode::ACCEPTED, axum::Json(answer)))
}

/// What the copy is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Copy {
    /// 1 to 200 characters.
    name: String,
}

/// A new draft that is to do what this campaign does, or did.
#[utoipa::path(post, path = "/api/campaigns/{id}/copy", tag = "campaigns",
    params(("id" = Uuid, Path)), request_body = Copy,
    responses((status = 201, body = CampaignView)))]
async fn copy(
    user: User,
    Id(id): Id<CampaignId>,
    Json(body): Json<Copy>,
) -> Result<(StatusCode, axum::Json<CampaignView>), Problem> {
    let campaign = user.campaigns().copy(id, &body.name).await?;
    Ok((StatusCode::CREATED, show(&user, &campaign).await?))
}

/// Stops a campaign for now: nothing of it begins to leave after this answer.
#[utoipa::path(post, path = "/api/campaigns/{id}/pause", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CampaignView), (status = 400, description = "It does not run.")))]
async fn pause(user: User, Id(id): Id<CampaignId>) -> Answer<CampaignView> {
    let campaign = user.campaigns().pause(id).await?;
    show(&user, &campaign).await
}

/// Goes on with a paused campaign.
#[utoipa::path(post, path = "/api/campaigns/{id}/resume", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CampaignView), (status = 400, description = "It is not paused.")))]
async fn resume(user: User, Id(id): Id<CampaignId>) -> Answer<CampaignView> {
    let campaign = user.campaigns().resume(id).await?;
    show(&user, &campaign).await
}

/// Calls a campaign off; what has not left never will.
#[utoipa::path(post, path = "/api/campaigns/{id}/cancel", tag = "campaigns",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CampaignView), (status = 400, description = "It has ended.")))]
async fn cancel(user: User, Id(id): Id<CampaignId>) -> Answer<CampaignView> {
    let campaign = user.campaigns().cancel(id).await?;
    show(&user, &campaign).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlanFilter {
    /// Only those who get nothing (true) or only those who get something (false).
    excluded: Option<bool>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

/// Who gets what when, or why not.
#[utoipa::path(get, path = "/api/campaigns/{id}/plan", tag = "campaigns",
    params(("id" = Uuid, Path), PlanFilter), responses((status = 200, body = List<PlanLine>)))]
async fn plan(
    user: User,
    Id(id): Id<CampaignId>,
    Query(filter): Query<PlanFilter>,
) -> Answer<List<PlanLine>> {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let campaign = user.campaigns().get(id).await?;
    let query = PlanQuery {
        campaign_id: id,
        occurrence: None,
        excluded: filter.excluded,
        undrafted: false,
        batch: None,
        page,
    };
    let found = user.campaigns().plan(query).await?;
    let ids = found.items.iter().filter_map(|row| row.message_id);
    let drafted = drafted(&user, ids.collect()).await?;
    let people = people(
        &user,
        found.items.iter().map(|row| row.contact_id).collect(),
    )
    .await?;
    let free = !campaign.fields.asks_model() || !user.app.has_model;
    Ok(axum::Json(List::of(page, &found, |row| {
        let message = row.message_id.and_then(|id| drafted.get(&id));
        PlanLine::of(row, people.get(&row.contact_id), message, free)
    })))
}

/// Texts that are alike.
#[derive(Serialize, ToSchema)]
struct DuplicateGroup {
    /// Two or more, newest first.
    messages: Vec<Uuid>,
    /// Whether all are the same but for the name.
    exact: bool,
}

/// Texts that are alike.
#[derive(Serialize, ToSchema)]
struct Duplicates {
    groups: Vec<DuplicateGroup>,
}

/// Which of the campaign's drafts are alike: of what a model wrote and nobody has decided yet, the newest 2,000.
#[utoipa::path(get, path = "/api/campaigns/{id}/duplicates", tag = "campaigns",
    params(("id" = Uuid, Path)), responses((status = 200, body = Duplicates)))]
async fn duplicates(user: User, Id(id): Id<CampaignId>) -> Answer<Duplicates> {
    let groups = user.campaigns().duplicates(id).await?.into_iter();
    Ok(axum::Json(Duplicates {
        groups: groups
            .map(|group| DuplicateGroup {
                messages: group.messages.into_iter().map(|id| id.0).collect(),
                exact: group.exact,
            })
            .collect(),
    }))
}

/// The contacts of these ids that were not erased.
async fn people(user: &User, ids: Vec<ContactId>) -> Result<BTreeMap<ContactId, Contact>, Problem> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = ContactQuery {
        page: PageRequest {
            limit: u32::try_from(ids.len()).unwrap_or(u32::MAX),
            ..PageRequest::default()
        },
        ids,
        ..ContactQuery::default()
    };
    let found = user.contacts().list(query).await?;
    let people = found.items.into_iter();
    Ok(people
        .filter(|contact| !contact.erased)
        .map(|contact| (contact.id, contact))
        .collect())
}

async fn drafted(
    user: &User,
    ids: Vec<MessageId>,
) -> Result<BTreeMap<MessageId, Message>, Problem> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = MessageQuery {
        ids,
        page: PageRequest::default(),
        ..MessageQuery::default()
    };
    let found = user.messages().list(query).await?;
    Ok(found
        .items
        .into_iter()
        .map(|item| (item.id, item))
        .collect())
}
