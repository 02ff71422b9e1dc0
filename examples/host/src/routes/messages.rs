//! Messages: write, draft, decide, send, look back.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::engine::{GenerateMessage, NewDraft};
use crm_core::generation::Tone;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::lifecycle::{self, Event};
use crm_core::message::{Digest, Format, GeneratedBy, Message, Occasion, Status};
use crm_core::port::store::MessageQuery;
use crm_core::{Error, ErrorKind};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::{Id, Json, MaybeJson, Query};
use crate::state::App;
use crate::{paging, views};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(generate))
        .routes(routes!(get, patch, delete))
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(send))
        .routes(routes!(regenerate))
        .routes(routes!(resolve))
        .routes(routes!(history))
}

/// Which messages; also the `filter` of a bulk decision.
#[derive(Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    status: Option<String>,
    occasion_type: Option<String>,
    contact_id: Option<Uuid>,
    campaign_id: Option<Uuid>,
    generated_by: Option<String>,
    /// Part of text or subject in any case.
    search: Option<String>,
    skip: Option<u32>,
    limit: Option<u32>,
    cursor: Option<Uuid>,
}

impl Filter {
    pub(super) fn query(self) -> Result<MessageQuery, Problem> {
        let page = paging::request(self.skip, self.limit, self.cursor)?;
        let status = self.status.map(|name| {
            Status::parse(&name)
                .ok_or_else(|| Problem::invalid("status", "there is no such status"))
        });
        let generated_by = self.generated_by.map(|name| {
            GeneratedBy::parse(&name)
                .ok_or_else(|| Problem::invalid("generated_by", "use AI or manual"))
        });
        Ok(MessageQuery {
            statuses: status.transpose()?.into_iter().collect(),
            occasion: self.occasion_type.map(|name| occasion(&name)).transpose()?,
            contact_id: self.contact_id.map(ContactId),
            campaign_id: self.campaign_id.map(CampaignId),
            generated_by: generated_by.transpose()?,
            search: self.search.filter(|text| !text.is_empty()),
            page,
            ..MessageQuery::default()
        })
    }
}

pub(super) fn occasion(name: &str) -> Result<Occasion, Problem> {
    Occasion::parse(name).ok_or_else(|| {
        Problem::invalid(
            "occasion_type",
            "use birthday, new_year, holiday, promotion or custom",
        )
    })
}

/// Tells a field that is absent from one that is null.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

fn check_content(content: &str) -> Result<(), Problem> {
    if (10..=2_000).contains(&content.chars().count()) {
        Ok(())
    } else {
        Err(Problem::invalid("content", "use 10 to 2,000 characters"))
    }
}

fn show(user: &User, message: &Message) -> Answer {
    Ok(axum::Json(views::message(message, user.0.role)))
}

/// Lists messages, newest first.
#[utoipa::path(get, path = "/api/messages", tag = "messages", params(Filter),
    responses((status = 200, body = Value)))]
async fn list(State(app): State<App>, user: User, Query(filter): Query<Filter>) -> Answer {
    let query = filter.query()?;
    let page = query.page;
    let found = user.session(&app).messages().list(query).await?;
    let items = found
        .items
        .iter()
        .map(|item| views::message(item, user.0.role))
        .collect();
    Ok(axum::Json(paging::list(page, &found, items)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    contact_id: Uuid,
    #[schema(value_type = String)]
    occasion_type: Occasion,
    /// 10 to 2,000 characters.
    content: String,
    subject: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    format: Format,
    scheduled_for: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

/// Saves a text somebody wrote, as a draft.
#[utoipa::path(post, path = "/api/messages", tag = "messages", request_body = Create,
    responses((status = 201, body = Value), (status = 422, body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    user: User,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    check_content(&body.content)?;
    let draft = NewDraft {
        contact_id: ContactId(body.contact_id),
        occasion_type: body.occasion_type,
        content: body.content,
        subject: body.subject,
        channel: body.channel,
        format: body.format,
        scheduled_for: body.scheduled_for,
        expires_at: body.expires_at,
    };
    let message = user.session(&app).messages().create(draft).await?;
    Ok((StatusCode::CREATED, show(&user, &message)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Generate {
    contact_id: Uuid,
    #[schema(value_type = String)]
    occasion_type: Occasion,
    /// At most 500 characters.
    custom_context: Option<String>,
    /// `professional_friendly`, `formal`, `casual` or `warm`.
    tone: Option<String>,
    channel: Option<String>,
}

/// Drafts a text and asks for approval; without a model a fallback text stands in.
#[utoipa::path(post, path = "/api/messages/generate", tag = "messages", request_body = Generate,
    responses((status = 201, body = Value), (status = 404, body = ProblemBody)))]
async fn generate(
    State(app): State<App>,
    user: User,
    Json(body): Json<Generate>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let tone = match body.tone.as_deref() {
        None => Tone::default(),
        Some(name) => Tone::parse(name).ok_or_else(|| {
            Problem::invalid("tone", "use professional_friendly, formal, casual or warm")
        })?,
    };
    let wanted = GenerateMessage {
        contact_id: ContactId(body.contact_id),
        occasion_type: body.occasion_type,
        custom_context: body.custom_context,
        tone,
        channel: body.channel,
    };
    let message = user.session(&app).messages().generate(wanted).await?;
    Ok((StatusCode::CREATED, show(&user, &message)?))
}

/// One message.
#[utoipa::path(get, path = "/api/messages/{id}", tag = "messages", params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn get(State(app): State<App>, user: User, Id(id): Id<MessageId>) -> Answer {
    show(&user, &user.session(&app).messages().get(id).await?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Patch {
    content: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    subject: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    scheduled_for: Option<Option<DateTime<Utc>>>,
    version: Option<u64>,
}

/// Changes text or schedule; an approval that was given is void.
#[utoipa::path(patch, path = "/api/messages/{id}", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Patch,
    responses((status = 200, body = Value), (status = 400, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
async fn patch(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    Json(body): Json<Patch>,
) -> Answer {
    if let Some(content) = &body.content {
        check_content(content)?;
    }
    let edit = Edit {
        content: body.content,
        subject: body.subject,
        scheduled_for: body.scheduled_for,
        source: None,
    };
    show(
        &user,
        &user
            .session(&app)
            .messages()
            .edit(id, body.version, edit)
            .await?,
    )
}

/// Hides a message that never left.
#[utoipa::path(delete, path = "/api/messages/{id}", tag = "messages",
    params(("id" = Uuid, Path)), responses((status = 204), (status = 400, body = ProblemBody)))]
async fn delete(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
) -> Result<StatusCode, Problem> {
    user.session(&app).messages().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// The version that was seen; required to approve.
    version: Option<u64>,
    /// The digest that was seen.
    digest: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

/// Asks for a decision about a draft.
#[utoipa::path(post, path = "/api/messages/{id}/submit", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Decision>,
    responses((status = 200, body = Value), (status = 409, body = ProblemBody)))]
async fn submit(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Decision>,
) -> Answer {
    show(
        &user,
        &user
            .session(&app)
            .messages()
            .submit(id, body.version)
            .await?,
    )
}

/// Approves exactly the version that was seen.
#[utoipa::path(post, path = "/api/messages/{id}/approve", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Decision,
    responses((status = 200, body = Value), (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 428, body = ProblemBody)))]
async fn approve(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Decision>,
) -> Answer {
    let session = user.session(&app);
    let digest = match body.digest.as_deref() {
        None => None,
        Some(text) => Some(
            Digest::from_hex(text)
                .ok_or_else(|| Problem::invalid("digest", "a digest is 64 hexadecimal digits"))?,
        ),
    };
    let Some(version) = body.version else {
        // Whoever may not approve at all is told so first.
        let message = session.messages().get(id).await?;
        lifecycle::apply(message.status, Event::Approve, user.0.role)?;
        let detail = "give the version you saw: nobody approves unseen";
        return Err(Error::new(ErrorKind::PreconditionRequired, detail).into());
    };
    show(
        &user,
        &session
            .approvals()
            .approve(id, Seen { version, digest })
            .await?,
    )
}

/// Declines a message.
#[utoipa::path(post, path = "/api/messages/{id}/reject", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Decision>,
    responses((status = 200, body = Value), (status = 400, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
async fn reject(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Decision>,
) -> Answer {
    let session = user.session(&app);
    show(
        &user,
        &session
            .approvals()
            .reject(id, body.version, body.reason)
            .await?,
    )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Waits up to 10 seconds for the outcome.
    wait: Option<bool>,
}

/// Queues an approved message for delivery now; a failed one is tried again.
#[utoipa::path(post, path = "/api/messages/{id}/send", tag = "messages",
    params(("id" = Uuid, Path), Wait),
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn send(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    Query(query): Query<Wait>,
) -> Answer {
    let session = user.session(&app);
    let mut message = session.messages().send(id).await?;
    if query.wait == Some(true) {
        let mut stop = app.stop.clone();
        for _ in 0..100 {
            let open = matches!(
                message.status,
                Status::Approved | Status::Claimed | Status::Sending
            );
            if !open || *stop.borrow() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            message = session.messages().get(id).await?;
        }
    }
    show(&user, &message)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Regenerate {
    /// At most 500 characters.
    instruction: Option<String>,
}

/// Drafts the text anew; an approval that was given is void.
#[utoipa::path(post, path = "/api/messages/{id}/regenerate", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Regenerate>,
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn regenerate(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Regenerate>,
) -> Answer {
    let session = user.session(&app);
    show(
        &user,
        &session
            .messages()
            .regenerate(id, body.instruction.as_deref())
            .await?,
    )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resolve {
    /// `sent`, `resend` or `failed`.
    outcome: String,
    reason: Option<String>,
}

/// A person's word on a message of which nobody knows whether it left.
#[utoipa::path(post, path = "/api/messages/{id}/resolve", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Resolve,
    responses((status = 200, body = Value), (status = 400, body = ProblemBody)))]
async fn resolve(
    State(app): State<App>,
    user: User,
    Id(id): Id<MessageId>,
    Json(body): Json<Resolve>,
) -> Answer {
    let event = match body.outcome.as_str() {
        "sent" => Event::ResolveSent,
        "resend" => Event::ResolveResend,
        "failed" => Event::ResolveFailed,
        _ => return Err(Problem::invalid("outcome", "use sent, resend or failed")),
    };
    show(
        &user,
        &user
            .session(&app)
            .messages()
            .resolve(id, event, body.reason)
            .await?,
    )
}

/// What happened to a message, newest first.
#[utoipa::path(get, path = "/api/messages/{id}/history", tag = "messages",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn history(State(app): State<App>, user: User, Id(id): Id<MessageId>) -> Answer {
    let session = user.session(&app);
    let events = session.messages().history(id).await?;
    let trail = session.messages().trail(id).await?;
    Ok(axum::Json(Value::Array(views::history(
        &events,
        &trail.revisions,
    ))))
}
