//! Templates: write, list, preview.

use axum::extract::State;
use axum::http::StatusCode;
use crm_core::Action;
use crm_core::engine::Session;
use crm_core::id::{ContactId, TemplateId};
use crm_core::port::store::TemplateQuery;
use crm_core::template::{Template, TemplateFields};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::messages::occasion;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::{Id, Json, Query, typed};
use crate::state::App;
use crate::{paging, views};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(preview))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    occasion_type: Option<String>,
    is_active: Option<bool>,
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
}

async fn view(session: &Session, template: &Template) -> Result<Value, Problem> {
    let mut map = views::row(template);
    let used = session.templates().usage_count(template.id).await?;
    map.insert("usage_count".into(), json!(used));
    Ok(Value::Object(map))
}

/// Lists templates, newest first.
#[utoipa::path(get, path = "/api/templates", tag = "templates", params(Filter),
    responses((status = 200, body = Value)))]
async fn list(State(app): State<App>, user: User, Query(filter): Query<Filter>) -> Answer {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let query = TemplateQuery {
        occasion: filter
            .occasion_type
            .map(|name| occasion(&name))
            .transpose()?,
        active: filter.is_active,
        page,
        ..TemplateQuery::default()
    };
    let session = user.session(&app);
    let found = session.templates().list(query).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for template in &found.items {
        items.push(view(&session, template).await?);
    }
    Ok(axum::Json(paging::list(page, &found, items)))
}

/// Saves a new template. Unknown variables are refused.
#[utoipa::path(post, path = "/api/templates", tag = "templates", request_body = Value,
    responses((status = 201, body = Value), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    user: User,
    Json(fields): Json<TemplateFields>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let session = user.session(&app);
    let template = session.templates().create(fields).await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(view(&session, &template).await?),
    ))
}

/// One template.
#[utoipa::path(get, path = "/api/templates/{id}", tag = "templates", params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn get(State(app): State<App>, user: User, Id(id): Id<TemplateId>) -> Answer {
    let session = user.session(&app);
    let template = session.templates().get(id).await?;
    Ok(axum::Json(view(&session, &template).await?))
}

/// Changes the given fields; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/templates/{id}", tag = "templates",
    params(("id" = Uuid, Path)), request_body = Value,
    responses((status = 200, body = Value), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
async fn put(
    State(app): State<App>,
    user: User,
    Id(id): Id<TemplateId>,
    Json(mut body): Json<Map<String, Value>>,
) -> Answer {
    let session = user.session(&app);
    session.actor().require(Action::WriteTemplates)?;
    let version: Option<u64> = typed(body.remove("version").unwrap_or_default())?;
    let before = session.templates().get(id).await?;
    let mut merged = views::row(&before.fields);
    merged.extend(body);
    let fields: TemplateFields = typed(Value::Object(merged))?;
    let version = version.or(Some(before.version));
    let template = session.templates().update(id, version, fields).await?;
    Ok(axum::Json(view(&session, &template).await?))
}

/// Removes a template; messages made from it keep their text.
#[utoipa::path(delete, path = "/api/templates/{id}", tag = "templates",
    params(("id" = Uuid, Path)), responses((status = 204), (status = 404, body = ProblemBody)))]
async fn delete(
    State(app): State<App>,
    user: User,
    Id(id): Id<TemplateId>,
) -> Result<StatusCode, Problem> {
    user.session(&app).templates().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Preview {
    contact_id: Uuid,
}

/// What this contact would get.
#[utoipa::path(post, path = "/api/templates/{id}/preview", tag = "templates",
    params(("id" = Uuid, Path)), request_body = Preview,
    responses((status = 200, body = Value), (status = 422, body = ProblemBody)))]
async fn preview(
    State(app): State<App>,
    user: User,
    Id(id): Id<TemplateId>,
    Json(body): Json<Preview>,
) -> Answer {
    let text = user
        .session(&app)
        .templates()
        .preview(id, ContactId(body.contact_id))
        .await?;
    Ok(axum::Json(json!({
        "subject": text.subject,
        "content": text.content,
        "format": text.format,
    })))
}
