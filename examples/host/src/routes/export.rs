//! All contacts as CSV, streamed page by page.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use crm_core::Action;
use crm_core::contact::Contact;
use crm_core::engine::Session;
use crm_core::port::store::{ContactQuery, PageRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::extract::User;
use crate::csv;
use crate::error::Problem;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
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

fn cells(contact: &Contact) -> [String; 14] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let tags: Vec<&str> = contact.tags.iter().map(String::as_str).collect();
    [
        contact.id.to_string(),
        text(&contact.external_id),
        contact.name.clone(),
        text(&contact.email),
        text(&contact.phone),
        contact.segment.clone(),
        contact
            .birthday
            .map(|day| day.to_string())
            .unwrap_or_default(),
        text(&contact.company),
        text(&contact.position),
        contact.language.clone(),
        text(&contact.time_zone),
        text(&contact.telegram_chat_id),
        text(&contact.whatsapp),
        tags.join(";"),
    ]
}

/// All contacts as CSV. Cells that a spreadsheet would run as a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/contacts/export/csv", tag = "contacts",
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn export(user: User) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let session = user.session();
    let first = chunk(&session, None).await?;
    let start = (
        session,
        Some((csv::line(&COLUMNS, ",") + &first.0, first.1)),
    );
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
    let query = ContactQuery {
        page,
        ..ContactQuery::default()
    };
    let found = session.contacts().list(query).await?;
    let text = found
        .items
        .iter()
        .map(|contact| csv::line(&cells(contact), ","))
        .collect();
    Ok((text, found.next))
}
