//! The history: sealed events and the proof that nobody changed them.

use chrono::{DateTime, Utc};
use crm_core::Role;
use crm_core::engine::Verification;
use crm_core::message::Status;
use crm_core::message::history::{StoredEvent, Subject};
use crm_core::port::store::EventQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::Query;
use crate::names::StatusName;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(checkpoint))
        .routes(routes!(verify))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only events of this message.
    message_id: Option<Uuid>,
    /// Only events of this contact; not together with `message_id`.
    contact_id: Option<Uuid>,
    /// Only events of this export of contacts; not together with the two above.
    export_id: Option<Uuid>,
    /// Only events behind this position of the chain.
    after: Option<u64>,
    #[param(minimum = 1, maximum = 10_000, default = 1000)]
    limit: Option<u32>,
}

/// A sealed event: everything its hash is made of, and the hash.
#[derive(Serialize, ToSchema)]
struct SealedEvent {
    id: Uuid,
    workspace: String,
    at: DateTime<Utc>,
    actor: String,
    /// What the actor was allowed to be then.
    #[schema(value_type = String)]
    role: Role,
    /// `contact`, `template`, `message`, `campaign`, `suppression`, `intake`, `dispatch`,
    /// `subscription`, `voice`, `budget`, `export`, `field_definition` or
    /// `saved_audience`.
    #[schema(value_type = String, example = "message")]
    subject: Subject,
    subject_id: Uuid,
    action: String,
    #[schema(value_type = Option<StatusName>)]
    status: Option<Status>,
    version: u64,
    revision: Option<u32>,
    digest: Option<String>,
    reason: Option<String>,
    /// 1, 2, 3, ... without gaps.
    position: u64,
    prev_hash: String,
    hash: String,
}

fn sealed(stored: StoredEvent) -> Option<SealedEvent> {
    let (event, seal) = (stored.event, stored.seal?);
    Some(SealedEvent {
        id: event.id.0,
        workspace: event.workspace.as_str().to_owned(),
        at: event.at,
        actor: event.actor,
        role: event.role,
        subject: event.subject,
        subject_id: event.subject_id,
        action: event.action,
        status: event.status,
        version: event.version,
        revision: event.revision,
        digest: event.digest.map(|digest| digest.to_string()),
        reason: event.reason,
        position: seal.position,
        prev_hash: seal.prev_hash.to_string(),
        hash: seal.hash.to_string(),
    })
}

/// Part of the chain.
#[derive(Serialize, ToSchema)]
struct Chain {
    items: Vec<SealedEvent>,
}

/// Sealed events in the order of the chain.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(Filter),
    responses((status = 200, body = Chain)))]
async fn events(user: User, Query(filter): Query<Filter>) -> Answer<Chain> {
    let limit = filter.limit.unwrap_or(1_000);
    if !(1..=10_000).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 10,000"));
    }
    let subjects = [
        ("message_id", Subject::Message, filter.message_id),
        ("contact_id", Subject::Contact, filter.contact_id),
        ("export_id", Subject::Export, filter.export_id),
    ];
    let mut asked = subjects
        .into_iter()
        .filter_map(|(field, subject, id)| Some((field, (subject, id?))));
    let subject = asked.next().map(|(_, subject)| subject);
    if let Some((field, _)) = asked.next() {
        let what = "use one of message_id, contact_id and export_id";
        return Err(Problem::invalid(field, what));
    }
    // Positions are stored as signed numbers.
    let after = filter.after.unwrap_or(0).min(i64::MAX.unsigned_abs());
    let query = EventQuery {
        subject,
        sealed_after: Some(after),
        limit,
    };
    let found = user.audit().events(query).await?;
    Ok(axum::Json(Chain {
        items: found.into_iter().filter_map(sealed).collect(),
    }))
}

/// What checking the chain found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verified {
    valid: bool,
    /// Events checked.
    events: u64,
    /// Events sealed; those of the last second may still wait for it.
    sealed: u64,
    /// Position of the first fault.
    first_bad: Option<u64>,
    /// The end of the chain: keep copies of it elsewhere.
    checkpoint: Checkpoint,
}

impl Verified {
    pub(crate) fn of(found: &Verification) -> Self {
        Self {
            valid: found.valid,
            events: found.sealed,
            sealed: found.sealed,
            first_bad: found.first_bad,
            checkpoint: Checkpoint {
                position: found.checkpoint.position,
                hash: found.checkpoint.hash.to_string(),
            },
        }
    }
}

/// The end of the chain.
#[derive(Serialize, ToSchema)]
struct Checkpoint {
    position: u64,
    hash: String,
}

/// Where the chain ends now: what to begin with for the newest events.
#[utoipa::path(get, path = "/api/audit/checkpoint", tag = "audit",
    responses((status = 200, body = Checkpoint)))]
async fn checkpoint(user: User) -> Answer<Checkpoint> {
    let found = user.audit().checkpoint().await?;
    Ok(axum::Json(Checkpoint {
        position: found.position,
        hash: found.hash.to_string(),
    }))
}

/// Checks the whole chain.
#[utoipa::path(get, path = "/api/audit/verify", tag = "audit",
    responses((status = 200, body = Verified)))]
async fn verify(user: User) -> Answer<Verified> {
    let found = user.audit().verify(None).await?;
    Ok(axum::Json(Verified::of(&found)))
}
