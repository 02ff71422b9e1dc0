//! The page behind the link at the end of a message. Whoever has the link may take one consent away: no
//! login, no cookie, and nothing about anybody on the page.
//!
//! Looking changes nothing, for programs that look for viruses follow every link; the button does, and so
//! does a mail program that posts by itself (RFC 8058). What is posted does not matter: having the link does.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use crm_core::consent::Topic;
use crm_core::{Error, ErrorKind};

use super::page::{self, Language, Page, refused};
use crate::state::App;

/// Not among the described routes: these are for people.
pub(crate) fn router() -> Router<App> {
    Router::new().route("/u/{token}", get(show).post(act))
}

async fn show(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    let language = Language::wanted(&headers);
    match wish(&app, token) {
        Ok((_, topic)) => page::show(language, StatusCode::OK, Page::Unsubscribe(topic)),
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
    match app.engine.unsubscribe(&token).await {
        Ok(()) => page::show(language, StatusCode::OK, Page::Unsubscribed(topic)),
        Err(error) => refused(&app, peer, language, &error).await,
    }
}

/// The token and what it is about.
fn wish(app: &App, token: Result<Path<String>, PathRejection>) -> Result<(String, Topic), Error> {
    let Ok(Path(token)) = token else {
        return Err(Error::new(ErrorKind::Invalid, "this link is not valid"));
    };
    let wish = app.engine.unsubscription(&token)?;
    Ok((token, wish.topic))
}
