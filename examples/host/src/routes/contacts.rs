//! Contacts: list, write, erase, export.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Datelike;
use crm_core::Action;
use crm_core::audience::Audience;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::Session;
use crm_core::id::ContactId;
use crm_core::port::store::{ContactQuery, PageRequest};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::{Id, Json, Query, typed};
use crate::state::App;
use crate::{paging, views};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(export))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    segment: Option<String>,
    language: Option<String>,
    tag: Option<String>,
    has_birthday_this_month: Option<bool>,
    /// Part of name, e-mail or company in any case.
    search: Option<String>,
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
}

fn view(contact: &Contact) -> Value {
    Value::Object(views::row(contact))
}

/// Lists contacts, newest first.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts", params(Filter),
    responses((status = 200, body = Value)))]
async fn list(State(app): State<App>, user: User, Query(filter): Query<Filter>) -> Answer {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let mut all = Vec::new();
    all.extend(filter.segment.map(Audience::Segment));
    all.extend(filter.language.map(Audience::Language));
    all.extend(filter.tag.map(Audience::Tag));
    if let Some(wanted) = filter.has_birthday_this_month {
        let month = Audience::BirthdayMonth(app.engine.today().month());
        all.push(if wanted {
            month
        } else {
            Audience::Not(Box::new(month))
        });
    }
    let query = ContactQuery {
        audience: (!all.is_empty()).then_some(Audience::And(all)),
        search: filter.search.filter(|text| !text.is_empty()),
        page,
        ..ContactQuery::default()
    };
    let found = user.session(&app).contacts().list(query).await?;
    let items = found.items.iter().map(view).collect();
    Ok(axum::Json(paging::list(page, &found, items)))
}

/// Saves a new contact.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", request_body = Value,
    responses((status = 201, body = Value), (status = 400, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    user: User,
    Json(fields): Json<ContactFields>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let contact = user.session(&app).contacts().create(fields).await;
    let contact = contact.map_err(Problem::of_contact)?;
    Ok((StatusCode::CREATED, axum::Json(view(&contact))))
}

/// One contact.
#[utoipa::path(get, path = "/api/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn get(State(app): State<App>, user: User, Id(id): Id<ContactId>) -> Answer {
    Ok(axum::Json(view(
        &user.session(&app).contacts().get(id).await?,
    )))
}

/// Changes the given fields; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    request_body = Value,
    responses((status = 200, body = Value), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
async fn put(
    State(app): State<App>,
    user: User,
    Id(id): Id<ContactId>,
    Json(mut body): Json<Map<String, Value>>,
) -> Answer {
    let session = user.session(&app);
    session.actor().require(Action::WriteContacts)?;
    let version: Option<u64> = typed(body.remove("version").unwrap_or_default())?;
    let before = session.contacts().get(id).await?;
    let mut fields = views::row(&before.fields);
    fields.extend(body);
    let fields: ContactFields = typed(Value::Object(fields))?;
    // What was merged is only right for the version it was merged with.
    let contact = session
        .contacts()
        .update(id, version.or(Some(before.version)), fields)
        .await;
    Ok(axum::Json(view(&contact.map_err(Problem::of_contact)?)))
}

/// Erases the person.
#[utoipa::path(delete, path = "/api/contacts/{id}", tag = "contacts",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 403, body = ProblemBody)))]
async fn delete(
    State(app): State<App>,
    user: User,
    Id(id): Id<ContactId>,
) -> Result<StatusCode, Problem> {
    user.session(&app).contacts().erase(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Columns of the export.
const COLUMNS: [&str; 14] = [
    "id",
    "external_id",
    "name",
    "email",
    "phone",
    "segment",
    "birthday",
    "company",
    "position",
    "language",
    "time_zone",
    "telegram_chat_id",
    "whatsapp",
    "tags",
];

/// All contacts as CSV. Cells that a spreadsheet would run as a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/contacts/export/csv", tag = "contacts",
    responses((status = 200, content_type = "text/csv", body = String),
        (status = 403, body = ProblemBody)))]
async fn export(State(app): State<App>, user: User) -> Result<Response, Problem> {
    let session = user.session(&app);
    session.actor().require(Action::Export)?;
    let first = chunk(&session, None).await?;
    let head = format!("{}\r\n", COLUMNS.join(","));
    let start = (session, Some((head + &first.0, first.1)));
    let stream = futures_util::stream::unfold(start, |(session, part)| async move {
        let (text, next) = part?;
        let following = match next {
            None => None,
            Some(after) => match chunk(&session, Some(after)).await {
                Ok(part) => Some(part),
                Err(_) => {
                    return Some((Err(std::io::Error::other("interrupted")), (session, None)));
                }
            },
        };
        Some((Ok(Bytes::from(text)), (session, following)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"contacts.csv\"",
        ),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

async fn chunk(session: &Session, after: Option<Uuid>) -> Result<(String, Option<Uuid>), Problem> {
    let page = PageRequest {
        limit: 1_000,
        after,
        oldest_first: true,
        ..PageRequest::default()
    };
    let found = session
        .contacts()
        .list(ContactQuery {
            page,
            ..ContactQuery::default()
        })
        .await?;
    let mut text = String::new();
    for contact in &found.items {
        let row = views::row(contact);
        for (index, column) in COLUMNS.into_iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            match row.get(column) {
                Some(Value::String(cell)) => text.push_str(&super::import::cell(cell)),
                Some(Value::Array(tags)) => {
                    let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
                    text.push_str(&super::import::cell(&tags.join(";")));
                }
                _ => {}
            }
        }
        text.push_str("\r\n");
    }
    Ok((text, found.next))
}
