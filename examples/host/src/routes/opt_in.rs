//! Double opt-in: the question is a message that waits for approval, and the page behind its link takes the answer. As
//! with the page to unsubscribe, looking changes nothing and the button does.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use crm_core::consent::Topic;
use crm_core::consent::opt_in::OptInWish;
use crm_core::id::ContactId;
use crm_core::{Action, Error, ErrorKind};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::messages;
use super::page::{self, Language, Page, refused};
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Json};
use crate::state::App;
use crate::views::MessageView;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request))
}

/// Not among the described routes: this one is for people.
pub(crate) fn pages() -> Router<App> {
    Router::new().route("/o/{token}", get(show).post(act))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptInRequest)]
struct Request {
    /// Channel name: the person is asked there whether they want to be written to there; `email` unless set.
    channel: Option<String>,
    /// `relationship` or `marketing`; `marketing` unless set.
    #[schema(value_type = Option<String>, example = "marketing")]
    topic: Option<Topic>,
    /// Where it is documented that the person wants to be asked, without personal data; needed after they said no.
    #[schema(max_length = 200)]
    evidence: Option<String>,
}

/// Drafts a message with a link by which the person says yes, and asks for its approval. Until they follow the link
/// nothing of their consent changes.
#[utoipa::path(post, path = "/api/contacts/{id}/opt-in-request", tag = "contacts",
    params(("id" = Uuid, Path)), request_body = Request,
    responses((status = 201, body = MessageView),
        (status = 400, description = "The person said no to more than this, nothing is sent to their address, or no \
            public address is set up for links.")))]
async fn request(
    user: User,
    Id(id): Id<ContactId>,
    Json(body): Json<Request>,
) -> Result<(StatusCode, axum::Json<MessageView>), Problem> {
    user.actor().require(Action::WriteMessages)?;
    let wish = OptInWish {
        channel: body.channel.unwrap_or_else(|| "email".to_owned()),
        topic: body.topic.unwrap_or(Topic::Marketing),
        evidence: body.evidence,
    };
    let message = user.contacts().request_opt_in(id, wish).await?;
    Ok((StatusCode::CREATED, messages::show(&user, &message)))
}

async fn show(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    let language = Language::wanted(&headers);
    match wish(&app, token) {
        Ok((_, topic)) => page::show(language, StatusCode::OK, Page::OptIn(topic)),
        Err(error) => refused(&app, peer, language, &error).await,
    }
}

async fn act(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
    // Read, so that the connection can go on, and left alone.
    _body: Result<Bytes, BytesRejection>,
) -> Response {
    let language = Language::wanted(&headers);
    let (token, topic) = match wish(&app, token) {
        Ok(known) => known,
        Err(error) => return refused(&app, peer, language, &error).await,
    };
    match app.engine.confirm_opt_in(&token).await {
        Ok(()) => page::show(language, StatusCode::OK, Page::OptedIn(topic)),
        Err(error) => refused(&app, peer, language, &error).await,
    }
}

/// The token and what it is about.
fn wish(app: &App, token: Result<Path<String>, PathRejection>) -> Result<(String, Topic), Error> {
    let Ok(Path(token)) = token else {
        return Err(Error::new(ErrorKind::Invalid, "this link is not valid"));
    };
    let wish = app.engine.opt_in(&token)?;
    Ok((token, wish.topic))
}
