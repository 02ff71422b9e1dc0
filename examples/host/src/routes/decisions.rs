//! Decisions about messages: one by one over what was seen, or many over exactly what was previewed.

use std::time::Duration;

use crm_core::engine::{self, BulkAction, Engine};
use crm_core::guardrail::Severity;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::decide::Seen;
use crm_core::message::lifecycle::{self, Event};
use crm_core::message::{Digest, GeneratedBy, Occasion, Status};
use crm_core::port::store::MessageQuery;
use crm_core::{Error, ErrorKind, Role};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::messages::show;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Json, MaybeJson, Query};
use crate::names::{GeneratedByName, OccasionName, SeverityName, StatusName};
use crate::paging;
use crate::state::App;
use crate::views::{CountedFinding, MessageView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(send))
        .routes(routes!(resolve))
        .routes(routes!(bulk_preview))
        .routes(routes!(bulk))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Submit {
    /// The version that was seen; any other is refused.
    version: Option<u64>,
}

/// Asks for a decision about a draft.
#[utoipa::path(post, path = "/api/messages/{id}/submit", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Submit>,
    responses((status = 200, body = MessageView), (status = 400, description = "It is no draft.")))]
async fn submit(
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Submit>,
) -> Answer<MessageView> {
    let message = user.messages().submit(id, body.version).await?;
    Ok(show(&user, &message))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The version that was seen.
    #[schema(required, nullable = false)]
    version: Option<u64>,
    /// The digest that was seen.
    digest: Option<String>,
    /// Why an admin approves it in spite of blocking findings; kept with the approval.
    #[schema(min_length = 1, max_length = 500)]
    override_reason: Option<String>,
    /// How long it waits before it leaves, in seconds, so that a slip can be taken back; at least what the house says.
    #[schema(maximum = 86_400)]
    undo_window_s: Option<u32>,
}

/// How long what is approved waits.
fn window(seconds: Option<u32>) -> Result<chrono::Duration, Problem> {
    match seconds.unwrap_or(0) {
        seconds @ 0..=86_400 => Ok(chrono::Duration::seconds(seconds.into())),
        _ => Err(Problem::invalid("undo_window_s", "use 0 to 86,400 seconds")),
    }
}

pub(crate) fn digest(field: &str, text: Option<&str>) -> Result<Option<Digest>, Problem> {
    text.map(|text| {
        Digest::from_hex(text)
            .ok_or_else(|| Problem::invalid(field, "give the 64 hexadecimal digits you were shown"))
    })
    .transpose()
}

/// Approves exactly the version that was seen. One with a blocking finding is refused, unless an admin says why.
#[utoipa::path(post, path = "/api/messages/{id}/approve", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Approve,
    responses((status = 200, body = MessageView),
        (status = 400, description = "It does not wait for a decision, or guardrails hold it."),
        (status = 403, description = "The role may not approve, or not override."),
        (status = 428, description = "The version is missing: nobody approves unseen.")))]
async fn approve(
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Approve>,
) -> Answer<MessageView> {
    let digest = digest("digest", body.digest.as_deref())?;
    let Some(version) = body.version else {
        // Whoever may not approve at all is told so first.
        let message = user.messages().get(id).await?;
        lifecycle::apply(message.status, Event::Approve, user.role())?;
        let detail = "give the version you saw: nobody approves unseen";
        return Err(Error::new(ErrorKind::PreconditionRequired, detail).into());
    };
    let seen = Seen { version, digest };
    let reason = body.override_reason.as_deref();
    let approvals = user.approvals().undoable_for(window(body.undo_window_s)?);
    let message = approvals.approve_despite(id, seen, reason).await?;
    Ok(show(&user, &message))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reject {
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The version that was seen; any other is refused.
    version: Option<u64>,
}

/// Declines a message.
#[utoipa::path(post, path = "/api/messages/{id}/reject", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Option<Reject>,
    responses((status = 200, body = MessageView), (status = 400, description = "It has left.")))]
async fn reject(
    user: User,
    Id(id): Id<MessageId>,
    MaybeJson(body): MaybeJson<Reject>,
) -> Answer<MessageView> {
    let message = user
        .approvals()
        .reject(id, body.version, body.reason)
        .await?;
    Ok(show(&user, &message))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Waits up to 10 seconds for the outcome.
    wait: Option<bool>,
}

/// Queues an approved message for delivery now; a failed one is tried again.
#[utoipa::path(post, path = "/api/messages/{id}/send", tag = "messages",
    params(("id" = Uuid, Path), Wait),
    responses((status = 200, body = MessageView),
        (status = 400, description = "It is not approved, or scheduled for later.")))]
async fn send(user: User, Id(id): Id<MessageId>, Query(query): Query<Wait>) -> Answer<MessageView> {
    let mut message = user.messages().send(id).await?;
    if query.wait == Some(true) {
        let mut stop = user.app.stop.clone();
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
            message = user.messages().get(id).await?;
        }
    }
    Ok(show(&user, &message))
}

/// A person's word.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It arrived.
    Sent,
    /// Send it again and accept that it may arrive twice.
    Resend,
    /// Give up.
    Failed,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resolve {
    outcome: Outcome,
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Settles a message of which nobody knows whether it left.
#[utoipa::path(post, path = "/api/messages/{id}/resolve", tag = "messages",
    params(("id" = Uuid, Path)), request_body = Resolve,
    responses((status = 200, body = MessageView), (status = 400, description = "It is not uncertain.")))]
async fn resolve(
    user: User,
    Id(id): Id<MessageId>,
    Json(body): Json<Resolve>,
) -> Answer<MessageView> {
    let event = match body.outcome {
        Outcome::Sent => Event::ResolveSent,
        Outcome::Resend => Event::ResolveResend,
        Outcome::Failed => Event::ResolveFailed,
    };
    let message = user.messages().resolve(id, event, body.reason).await?;
    Ok(show(&user, &message))
}

/// Which messages: all that match, on whatever page of a list they stand.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageFilter)]
pub(crate) struct Filter {
    #[schema(value_type = Option<StatusName>)]
    pub(crate) status: Option<Status>,
    #[schema(value_type = Option<OccasionName>)]
    pub(crate) occasion_type: Option<Occasion>,
    pub(crate) contact_id: Option<Uuid>,
    pub(crate) campaign_id: Option<Uuid>,
    #[schema(value_type = Option<GeneratedByName>)]
    pub(crate) generated_by: Option<GeneratedBy>,
    /// Part of text or subject in any case.
    #[schema(max_length = 200)]
    pub(crate) search: Option<String>,
    /// With a finding at least as grave.
    #[schema(value_type = Option<SeverityName>)]
    pub(crate) severity: Option<Severity>,
}

impl Filter {
    pub(crate) fn query(self) -> Result<MessageQuery, Problem> {
        Ok(MessageQuery {
            statuses: self.status.into_iter().collect(),
            occasion: self.occasion_type,
            contact_id: self.contact_id.map(ContactId),
            campaign_id: self.campaign_id.map(CampaignId),
            generated_by: self.generated_by,
            search: paging::search(self.search)?,
            severity: self.severity,
            ..MessageQuery::default()
        })
    }
}

/// Either `ids` or `filter`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// `approve`, `reject`, `cancel`; of uncertain ones `resolve_sent`, `resolve_resend`, `resolve_failed`.
    #[schema(value_type = String, example = "approve")]
    action: BulkAction,
    /// These messages.
    #[schema(min_items = 1, max_items = 10_000)]
    ids: Option<Vec<Uuid>>,
    /// Or all that match.
    filter: Option<Filter>,
    /// What the preview returned; required to approve and to resend.
    manifest: Option<String>,
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// How long what is approved waits before it leaves, in seconds, so that a slip can be taken back; at least what
    /// the house says.
    #[schema(maximum = 86_400)]
    undo_window_s: Option<u32>,
}

impl Bulk {
    fn selection(&mut self) -> Result<MessageQuery, Problem> {
        match (self.ids.take(), self.filter.take()) {
            (Some(ids), None) if (1..=10_000).contains(&ids.len()) => {
                let mut ids: Vec<MessageId> = ids.into_iter().map(MessageId).collect();
                ids.sort_unstable();
                ids.dedup();
                Ok(MessageQuery {
                    ids,
                    ..MessageQuery::default()
                })
            }
            (Some(_), None) => Err(Problem::invalid("ids", "give 1 to 10,000 ids")),
            (None, Some(filter)) => filter.query(),
            _ => Err(Problem::invalid("ids", "give either ids or a filter")),
        }
    }
}

/// What a decision would touch.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkPreview {
    count: u64,
    /// How many of them have blocking findings: approving refuses these.
    blocked: u64,
    /// Binds exactly these messages at exactly these versions and digests.
    manifest: String,
    /// The first 20.
    sample: Vec<MessageView>,
    /// What guardrails found in how many of them, the gravest first.
    findings: Vec<CountedFinding>,
}

/// Shows what a decision over many messages would touch: those whose status allows it.
#[utoipa::path(post, path = "/api/messages/bulk/preview", tag = "messages", request_body = Bulk,
    responses((status = 200, body = BulkPreview)))]
async fn bulk_preview(user: User, Json(mut body): Json<Bulk>) -> Answer<BulkPreview> {
    let query = body.selection()?;
    let found = user.approvals().preview(body.action, query).await?;
    Ok(axum::Json(BulkPreview::of(
        found,
        user.role(),
        &user.app.engine,
    )))
}

impl BulkPreview {
    pub(crate) fn of(found: engine::BulkPreview, role: Role, engine: &Engine) -> Self {
        let sample = found.sample.iter();
        Self {
            count: found.count,
            blocked: found.blocked,
            manifest: found.manifest.to_string(),
            sample: sample
                .map(|message| MessageView::of(message, role, engine))
                .collect(),
            findings: CountedFinding::all(found.findings),
        }
    }
}

/// What a decision did.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkResult {
    applied: u64,
    /// Changed since the preview, left alone.
    skipped: u64,
    /// Refused.
    failed: u64,
    /// What was not applied, at most 1,000.
    items: Vec<BulkItem>,
}

/// A message that was not decided about.
#[derive(Serialize, ToSchema)]
struct BulkItem {
    id: Uuid,
    /// `skipped` or `failed`.
    outcome: String,
    detail: String,
}

/// Decides about exactly what was previewed; what changed since is skipped and said.
#[utoipa::path(post, path = "/api/messages/bulk", tag = "messages", request_body = Bulk,
    responses((status = 200, body = BulkResult),
        (status = 428, description = "The manifest is missing: nobody sends unseen.")))]
async fn bulk(user: User, Json(mut body): Json<Bulk>) -> Answer<BulkResult> {
    let manifest = digest("manifest", body.manifest.as_deref())?;
    let query = body.selection()?;
    let done = user
        .approvals()
        .undoable_for(window(body.undo_window_s)?)
        .bulk(body.action, query, manifest, body.reason)
        .await?;
    Ok(axum::Json(done.into()))
}

impl From<engine::BulkResult> for BulkResult {
    fn from(done: engine::BulkResult) -> Self {
        let item = |item: engine::BulkItem| BulkItem {
            id: item.id.0,
            outcome: item.outcome,
            detail: item.detail,
        };
        Self {
            applied: done.applied,
            skipped: done.skipped,
            failed: done.failed,
            items: done.items.into_iter().map(item).collect(),
        }
    }
}
