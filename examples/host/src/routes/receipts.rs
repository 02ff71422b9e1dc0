//! What providers post: receipts, replies, blocks. Each channel checks its provider's signature itself, so
//! there is no login here.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use crm_core::engine::Delivery;
use crm_core::id::MessageId;
use crm_core::port::callback::{Callback, Fate};
use crm_core::receipt::KeptReceipt;
use crm_core::{ErrorKind, Workspace};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::auth::limiter::PER_ADDRESS;
use crate::error::Problem;
use crate::extract::Id;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(receive, verify))
        .routes(routes!(attempts))
}

/// For providers: what became of deliveries, and who left or came back. The signature is the channel's own
/// (Twilio, WhatsApp, Telegram, a token in the address). Success means that all of it is kept; the same again
/// changes nothing.
#[utoipa::path(post, path = "/api/receipts/{channel}", tag = "operations", security(()),
    params(("channel" = String, Path, description = "Channel name.")),
    responses((status = 200, body = String, content_type = "text/plain", description = "Kept."),
        (status = 403, description = "The signature is wrong."),
        (status = 404, description = "There is no such channel, or its provider posts nothing."),
        (status = 422, description = "It is signed and cannot be read.")))]
async fn receive(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    channel: Result<Path<String>, PathRejection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, Problem> {
    let channel = named(&app, channel)?;
    let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let callback = Callback {
        url: address(&app, &headers, &uri),
        headers: headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect(),
        body: body.to_vec(),
    };
    let workspace = Workspace::default();
    match app.engine.receive(&workspace, &channel, &callback).await {
        Ok(_) => Ok("kept\n"),
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(unknown()),
        Err(error) => {
            // Who guesses signatures is slowed down; who has one never is.
            if error.kind() == ErrorKind::Forbidden {
                let key = format!("receipts {}", peer.ip());
                app.records.attempt(&key, PER_ADDRESS).await?;
            }
            Err(error.into())
        }
    }
}

/// For providers that ask once, before they post, whether the address is ours (WhatsApp).
#[utoipa::path(get, path = "/api/receipts/{channel}", tag = "operations", security(()),
    params(("channel" = String, Path, description = "Channel name.")),
    responses((status = 200, body = String, content_type = "text/plain", description = "The provider's own word."),
        (status = 403, description = "Not asked with our token."),
        (status = 404, description = "There is no such channel, or its provider asks nothing.")))]
async fn verify(
    State(app): State<App>,
    channel: Result<Path<String>, PathRejection>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let channel = named(&app, channel)?;
    let known = app.engine.channels().get(&channel).ok_or_else(unknown)?;
    let word = match known.challenge(&address(&app, &headers, &uri)) {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Err(unknown()),
        answer => answer?,
    };
    let plain = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        // It echoes what was asked: nobody is to take it for a page.
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((plain, word).into_response())
}

/// The channel of the path, if there is one of that name.
fn named(app: &App, path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(name) = path.map_err(|_| unknown())?;
    let known = app.engine.channels().contains_key(&name);
    if known { Ok(name) } else { Err(unknown()) }
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no such channel, or its provider posts nothing",
    )
}

/// The address as the provider was told it: signatures cover it.
fn address(app: &App, headers: &HeaderMap, uri: &axum::http::Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match &app.public_url {
        Some(public) => format!("{}{path}", public.trim_end_matches('/')),
        None => {
            let host = headers.get(header::HOST);
            let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
            format!("http://{host}{path}")
        }
    }
}

/// What a provider said of an attempt.
#[derive(Serialize, ToSchema)]
struct ReceiptView {
    /// `accepted`, `failed`, `delivered` or `read`.
    fate: String,
    /// Code, of a failed one.
    reason: Option<String>,
    /// By the provider's clock, if it says so.
    at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
}

impl ReceiptView {
    fn of(kept: &KeptReceipt) -> Self {
        let reason = match &kept.receipt.fate {
            Fate::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        Self {
            fate: kept.receipt.fate.as_str().to_owned(),
            reason,
            at: kept.receipt.at,
            received_at: kept.received_at,
        }
    }
}

/// One call of a provider.
#[derive(Serialize, ToSchema)]
struct AttemptView {
    id: Uuid,
    number: u32,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    /// `accepted`, `dead`, `rejected`, `retry_after`, `stop` or `unknown`; `null` while it is awaited.
    outcome: Option<String>,
    /// The provider's id, once it is known.
    provider_id: Option<String>,
    reason: Option<String>,
    receipts: Vec<ReceiptView>,
}

impl AttemptView {
    fn of(delivery: &Delivery) -> Self {
        let attempt = &delivery.attempt;
        let outcome = attempt.outcome.map(|outcome| outcome.as_str().to_owned());
        Self {
            id: attempt.id.0,
            number: attempt.number,
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
            outcome,
            provider_id: delivery.provider_id.clone(),
            reason: attempt.reason.clone(),
            receipts: delivery.receipts.iter().map(ReceiptView::of).collect(),
        }
    }
}

/// Each call of a provider for this message, oldest first, and what the provider said of it since.
#[utoipa::path(get, path = "/api/messages/{id}/attempts", tag = "messages", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<AttemptView>)))]
async fn attempts(user: User, Id(id): Id<MessageId>) -> Answer<Vec<AttemptView>> {
    let deliveries = user.messages().deliveries(id).await?;
    Ok(axum::Json(deliveries.iter().map(AttemptView::of).collect()))
}
