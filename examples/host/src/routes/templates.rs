//! Templates: write, list, preview.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::Action;
use crm_core::engine::PreviewFor;
use crm_core::id::{ContactId, TemplateId};
use crm_core::message::{Format, Occasion};
use crm_core::port::store::TemplateQuery;
use crm_core::template::{Template, TemplateFields};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::contacts::{ContactBody, set};
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Given, Id, Json, Query, given};
use crate::names::{FormatName, OccasionName};
use crate::paging::{self, List};
use crate::state::App;
use crate::views::{TemplatePreviewView, TemplateView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(preview))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(value_type = Option<OccasionName>)]
    occasion_type: Option<Occasion>,
    is_active: Option<bool>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

async fn view(user: &User, template: &Template) -> Result<TemplateView, Problem> {
    let used = user.templates().usage_count(template.id).await?;
    Ok(TemplateView::of(template, used))
}

/// Lists templates, newest first.
#[utoipa::path(get, path = "/api/templates", tag = "templates", params(Filter),
    responses((status = 200, body = List<TemplateView>)))]
async fn list(user: User, Query(filter): Query<Filter>) -> Answer<List<TemplateView>> {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let query = TemplateQuery {
        occasion: filter.occasion_type,
        active: filter.is_active,
        page,
        ..TemplateQuery::default()
    };
    let found = user.templates().list(query).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for template in &found.items {
        items.push(view(&user, template).await?);
    }
    Ok(axum::Json(List::new(page, found.total, found.next, items)))
}

/// A text with variables, for one language and occasion. A field that is left out of a change stays as
/// it is; `null` clears it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct TemplateBody {
    /// 1 to 200 characters. Templates of the same name are the same text in several languages.
    name: Option<String>,
    #[schema(value_type = Option<OccasionName>)]
    occasion_type: Option<Occasion>,
    /// Segment it is for; all unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    segment: Given<String>,
    /// Channel it is for; all unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    channel: Given<String>,
    /// BCP 47.
    #[schema(example = "uz")]
    language: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    subject: Given<String>,
    #[schema(example = "Dear {{name}}, happy birthday!")]
    content: Option<String>,
    #[schema(value_type = Option<FormatName>)]
    format: Option<Format>,
    /// Whether it is offered; true unless set.
    is_active: Option<bool>,
    /// Only for a change: the version it was made for; any other is refused.
    version: Option<u64>,
}

impl TemplateBody {
    /// A new template: name, occasion, language and content are needed.
    fn fields(self) -> Result<TemplateFields, Problem> {
        if self.version.is_some() {
            return Err(Problem::invalid("version", "a new template has none"));
        }
        let missing = |field: &str| Problem::invalid(field, "missing field");
        Ok(TemplateFields {
            name: self.name.ok_or_else(|| missing("name"))?,
            occasion_type: self.occasion_type.ok_or_else(|| missing("occasion_type"))?,
            segment: self.segment.flatten(),
            channel: self.channel.flatten(),
            language: self.language.ok_or_else(|| missing("language"))?,
            subject: self.subject.flatten(),
            content: self.content.ok_or_else(|| missing("content"))?,
            format: self.format.unwrap_or_default(),
            is_active: self.is_active.unwrap_or(true),
        })
    }

    fn put_into(self, fields: &mut TemplateFields) {
        set(&mut fields.name, self.name);
        set(&mut fields.occasion_type, self.occasion_type);
        set(&mut fields.segment, self.segment);
        set(&mut fields.channel, self.channel);
        set(&mut fields.language, self.language);
        set(&mut fields.subject, self.subject);
        set(&mut fields.content, self.content);
        set(&mut fields.format, self.format);
        set(&mut fields.is_active, self.is_active);
    }
}

/// Saves a new template. Unknown variables are refused.
#[utoipa::path(post, path = "/api/templates", tag = "templates", request_body = TemplateBody,
    responses((status = 201, body = TemplateView)))]
async fn create(
    user: User,
    Json(body): Json<TemplateBody>,
) -> Result<(StatusCode, axum::Json<TemplateView>), Problem> {
    user.actor().require(Action::WriteTemplates)?;
    let template = user.templates().create(body.fields()?).await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(view(&user, &template).await?),
    ))
}

/// One template.
#[utoipa::path(get, path = "/api/templates/{id}", tag = "templates", params(("id" = Uuid, Path)),
    responses((status = 200, body = TemplateView)))]
async fn get(user: User, Id(id): Id<TemplateId>) -> Answer<TemplateView> {
    let template = user.templates().get(id).await?;
    Ok(axum::Json(view(&user, &template).await?))
}

/// Changes the given fields; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/templates/{id}", tag = "templates",
    params(("id" = Uuid, Path)), request_body = TemplateBody,
    responses((status = 200, body = TemplateView)))]
async fn put(
    user: User,
    Id(id): Id<TemplateId>,
    Json(body): Json<TemplateBody>,
) -> Answer<TemplateView> {
    user.actor().require(Action::WriteTemplates)?;
    let before = user.templates().get(id).await?;
    let version = body.version.or(Some(before.version));
    let mut fields = before.fields;
    body.put_into(&mut fields);
    let template = user.templates().update(id, version, fields).await?;
    Ok(axum::Json(view(&user, &template).await?))
}

/// Removes a template; messages made from it keep their text.
#[utoipa::path(delete, path = "/api/templates/{id}", tag = "templates",
    params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete(user: User, Id(id): Id<TemplateId>) -> Result<StatusCode, Problem> {
    user.templates().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Either a contact or somebody made up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplatePreviewRequest)]
struct Preview {
    contact_id: Option<Uuid>,
    /// Fields of a contact that is not saved.
    sample: Option<ContactBody>,
    /// When it would leave, for ages; now unless set.
    at: Option<DateTime<Utc>>,
}

/// What this contact, or somebody with these fields, would get on each channel, and what is missing for it. Nothing is
/// saved.
#[utoipa::path(post, path = "/api/templates/{id}/preview", tag = "templates",
    params(("id" = Uuid, Path)), request_body = Preview,
    responses((status = 200, body = TemplatePreviewView)))]
async fn preview(
    user: User,
    Id(id): Id<TemplateId>,
    Json(body): Json<Preview>,
) -> Answer<TemplatePreviewView> {
    let sample = body.sample.map(ContactBody::fields).transpose()?;
    let whom = PreviewFor::one_of(body.contact_id.map(ContactId), sample)?;
    let seen = user.templates().preview(id, whom, body.at).await?;
    Ok(axum::Json(TemplatePreviewView::from(seen)))
}
