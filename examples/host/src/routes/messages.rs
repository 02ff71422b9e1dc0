//! Messages: write, draft, list, look back. Deciding about them has its own file.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::contact::Contact;
use crm_core::engine::{GenerateMessage, NewDraft};
use crm_core::generation::Tone;
use crm_core::guardrail::Severity;
use crm_core::id::{CampaignId, ContactId, MessageId, TemplateId};
use crm_core::message::decide::Edit;
use crm_core::message::{Format, GeneratedBy, Message, Occasion, Status};
use crm_core::port::store::{ContactQuery, MessageQuery};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Given, Id, Json, MaybeJson, Query, given};
use crate::names::{FormatName, GeneratedByName, OccasionName, SeverityName, StatusName, ToneName};
use crate::paging::{self, List};
use crate::state::App;
use crate::views::{self, Draft, HistoryLine, MessageView, VariantView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(generate))
        .routes(routes!(variants))
        .routes(routes!(preview))
        .routes(routes!(get, patch, delete))
        .routes(routes!(regenerate))
        .routes(routes!(history))
}

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Newest,
    Risk,
}

/// Which messages.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(value_type = Option<StatusName>)]
    status: Option<Status>,
    #[param(value_type = Option<OccasionName>)]
    occasion_type: Option<Occasion>,
    contact_id: Option<Uuid>,
    campaign_id: Option<Uuid>,
    #[param(value_type = Option<GeneratedByName>)]
    generated_by: Option<GeneratedBy>,
    /// Part of text or subject in any case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// With a finding at least as grave.
    #[param(value_type = Option<SeverityName>)]
    severity: Option<Severity>,
    /// `newest` (usual), or `risk`: the gravest findings first, and the newest of each.
    #[param(value_type = Option<String>)]
    order: Option<Order>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

impl Filter {
    fn query(self) -> Result<MessageQuery, Problem> {
        Ok(MessageQuery {
            statuses: self.status.into_iter().collect(),
            occasion: self.occasion_type,
            contact_id: self.contact_id.map(ContactId),
            campaign_id: self.campaign_id.map(CampaignId),
            generated_by: self.generated_by,
            search: paging::search(self.search)?,
            severity: self.severity,
            gravest_first: self.order == Some(Order::Risk),
            page: paging::request(self.skip, self.limit, self.cursor)?,
            ..MessageQuery::default()
        })
    }
}

fn check_content(content: &str) -> Result<(), Problem> {
    if (10..=2_000).contains(&content.chars().count()) {
        Ok(())
    } else {
        Err(Problem::invalid("content", "use 10 to 2,000 characters"))
    }
}

/// The message as this user sees it.
pub(super) fn show(user: &User, message: &Message) -> axum::Json<MessageView> {
    axum::Json(MessageView::of(message, user.role(), &user.app.engine))
}

/// The people whom messages of a page are for.
async fn recipients(
    user: &User,
    messages: &[Message],
) -> Result<HashMap<ContactId, Contact>, Problem> {
    let ids: HashSet<ContactId> = messages.iter().map(|message| message.contact_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = ContactQuery {
        page: paging::request(None, Some(100), None)?,
        ids: ids.into_iter().collect(),
        ..ContactQuery::default()
    };
    let found = user.contacts().list(query).await?.items.into_iter();
    Ok(found.map(|contact| (contact.id, contact)).collect())
}

type Created = Result<(StatusCode, axum::Json<MessageView>), Problem>;

/// Lists messages, newest first or by risk.
#[utoipa::path(get, path = "/api/messages", tag = "messages", params(Filter),
    responses((status = 200, body = List<MessageView>)))]
async fn list(user: User, Query(filter): Query<Filter>) -> Answer<List<MessageView>> {
    let query = filter.query()?;
    let page = query.page;
    let found = user.messages().list(query).await?;
    let people = recipients(&user, &found.items).await?;
    Ok(axum::Json(List::of(page, &found, |item| {
        let contact = people.get(&item.contact_id);
        MessageView::of(item, user.role(), &user.app.engine).to(contact)
    })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage)]
struct Create {
    contact_id: Uuid,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    #[schema(min_length = 10, max_length = 2000)]
    content: String,
    #[schema(max_length = 200)]
    subject: Option<String>,
    /// Channel name; the contact's preferred one unless set.
    channel: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<FormatName>)]
    format: Format,
    scheduled_for: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl Create {
    fn draft(self) -> Result<NewDraft, Problem> {
        check_content(&self.content)?;
        Ok(NewDraft {
            contact_id: ContactId(self.contact_id),
            occasion_type: self.occasion_type,
            content: self.content,
            subject: self.subject,
            channel: self.channel,
            format: self.format,
            scheduled_for: self.scheduled_for,
            expires_at: self.expires_at,
        })
    }
}

/// Saves a text somebody wrote, as a draft.
#[utoipa::path(post, path = "/api/messages", tag = "messages", request_body = Create,
    responses((status = 201, body = MessageView), (status = 404)))]
async fn create(user: User, Json(body): Json<Create>) -> Created {
    let message = user.messages().create(body.draft()?).await?;
    Ok((StatusCode::CREATED, show(&user, &message)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Generate {
    contact_id: Uuid,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    /// What it is about.
    #[schema(max_length = 500)]
    custom_context: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<ToneName>)]
    tone: Tone,
    /// Channel name; the contact's preferred one unless set.
    channel: Option<String>,
}

impl Generate {
    fn wanted(self) -> GenerateMessage {
        GenerateMessage {
            contact_id: ContactId(self.contact_id),
            occasion_type: self.occasion_type,
            custom_context: self.custom_context,
            tone: self.tone,
            channel: self.channel,
        }
    }
}

/// Drafts a text and asks for approval; without a model a fallback text stands in and says so.
#[utoipa::path(post, path = "/api/messages/generate", tag = "messages", request_body = Generate,
    responses((status = 201, body = MessageView), (status = 404)))]
async fn generate(user: User, Json(body): Json<Generate>) -> Created {
    let message = user.messages().generate(body.wanted()).await?;
    Ok((StatusCode::CREATED, show(&user, &message)))
}

/// How many texts of what is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GenerateVariants {
    /// 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    count: u32,
    wanted: Generate,
}

/// Drafts texts side by side, to choose from: the same text is there once. Nothing is saved; what is chosen is saved
/// with `POST /api/messages`.
#[utoipa::path(post, path = "/api/messages/variants", tag = "messages", request_body = GenerateVariants,
    responses((status = 200, body = Vec<VariantView>), (status = 404)))]
async fn variants(user: User, Json(body): Json<GenerateVariants>) -> Answer<Vec<VariantView>> {
    let occasion = body.wanted.occasion_type;
    let texts = user
        .messages()
        .variants(body.wanted.wanted(), body.count)
        .await?;
    let texts = texts.into_iter();
    let texts = texts.map(|text| VariantView::of(text, occasion));
    Ok(axum::Json(texts.collect()))
}

/// A text of one's own in `content`, or a template in `template_id`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessagePreviewRequest)]
struct Preview {
    contact_id: Uuid,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    #[schema(min_length = 10, max_length = 2000)]
    content: Option<String>,
    template_id: Option<Uuid>,
    #[schema(max_length = 200)]
    subject: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<FormatName>)]
    format: Format,
    scheduled_for: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

/// What a message would be: who gets which bytes over which channel. Nothing is saved, and everything
/// that would be refused on saving is refused here.
#[utoipa::path(post, path = "/api/messages/preview", tag = "messages", request_body = Preview,
    responses((status = 200, body = Draft), (status = 404)))]
async fn preview(user: User, Json(body): Json<Preview>) -> Answer<Draft> {
    let (content, subject, format) = match (body.content, body.template_id) {
        (Some(content), None) => (content, body.subject, body.format),
        (None, Some(template)) => {
            let contact = ContactId(body.contact_id);
            let text = user
                .templates()
                .render(TemplateId(template), contact)
                .await?;
            (text.content, body.subject.or(text.subject), text.format)
        }
        _ => {
            return Err(Problem::invalid(
                "content",
                "give either content or template_id",
            ));
        }
    };
    let template = body.template_id;
    let body = Create {
        contact_id: body.contact_id,
        occasion_type: body.occasion_type,
        content,
        subject,
        channel: body.channel,
        format,
        scheduled_for: body.scheduled_for,
        expires_at: body.expires_at,
    };
    let message = user.messages().preview(body.draft()?).await?;
    Ok(axum::Json(Draft::of(&message, template, &user.app.engine)))
}

/// One message.
#[utoipa::path(get, path = "/api/messages/{id}", tag = "messages", params(("id" = Uuid, Path)),
    responses((status = 200, body = MessageView)))]
async fn get(user: User, Id(id): Id<MessageId>) -> Answer<MessageView> {
    Ok(show(&user, &user.messages().get(id).await?))
}

/// A field that is left out stays as it is; `null` clears subject or schedule.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessagePatch)]
struct Patch {
    #[schema(min_length = 10, max_length = 2000)]
    content: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    subject: Given<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    scheduled_for: Given<DateTime<Utc>>,
    /// The version the change was made for; any other is refused.
    version: Option<u64>,
}

/// Changes text or schedule; an approval that was given is void.
#[utoipa::path(patch, path = "/api/messages/{id}", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Patch,
    responses((status = 200, body = MessageView),
        (status = 400, description = "It is on its way or has left.")))]
async fn patch(user: User, Id(id): Id<MessageId>, Json(body): Json<Patch>) -> Answer<MessageView> {
    if let Some(content) = &body.content {
        check_content(content)?;
    }
    let edit = Edit {
        content: body.content,
        subject: body.subject,
        scheduled_for: body.scheduled_for,
        source: None,
    };
    let message = user.messages().edit(id, body.version, edit).await?;
    Ok(show(&user, &message))
}

/// Hides a message that never left. Its history stays.
#[utoipa::path(delete, path = "/api/messages/{id}", tag = "messages",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 400, description = "It may have left.")))]
async fn delete(user: User, Id(id): Id<MessageId>) -> Result<StatusCode, Problem> {
    user.messages().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Regenerate {
    /// What is to be different.
    #[schema(max_length = 500)]
    instruction: Option<String>,
}

/// Drafts the text anew; an approval that was given is void.
#[utoipa::path(post, path = "/api/messages/{id}/regenerate", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Regenerate>,
    responses((status = 200, body = MessageView),
        (status = 400, description = "It is on its way or has left.")))]
async fn regenerate(
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Regenerate>,
) -> Answer<MessageView> {
    let wanted = body.instruction.as_deref();
    let message = user.messages().regenerate(id, wanted).await?;
    Ok(show(&user, &message))
}

/// What happened to a message, newest first.
#[utoipa::path(get, path = "/api/messages/{id}/history", tag = "messages",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<HistoryLine>)))]
async fn history(user: User, Id(id): Id<MessageId>) -> Answer<Vec<HistoryLine>> {
    let events = user.messages().history(id).await?;
    let trail = user.messages().trail(id).await?;
    Ok(axum::Json(views::history(&events, &trail.revisions)))
}
