//! The page behind the link at the end of a message. Whoever has the link may take one consent away: no
//! login, no cookie, and nothing about anybody on the page.
//!
//! Looking changes nothing, for programs that look for viruses follow every link; the button does, and so
//! does a mail program that posts by itself (RFC 8058). What is posted does not matter: having the link does.

mod page;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use crm_core::consent::Topic;
use crm_core::{Error, ErrorKind};

use crate::auth::limiter::PER_ADDRESS;
use crate::state::App;
use page::{Language, Page};

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
        Ok((_, topic)) => page::show(language, StatusCode::OK, Page::Question(topic)),
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
        Ok(()) => page::show(language, StatusCode::OK, Page::Done(topic)),
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

/// A link that is none, whatever is wrong with it, or a store that does not answer. Wrong links are counted;
/// right ones never are, because the machines of mail providers post for many people.
async fn refused(app: &App, peer: SocketAddr, language: Language, error: &Error) -> Response {
    if !matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) {
        tracing::error!(code = error.kind().code(), "nobody was unsubscribed");
        return later(language, StatusCode::SERVICE_UNAVAILABLE, "5");
    }
    let key = format!("unsubscribe {}", peer.ip());
    match app.records.attempt(&key, PER_ADDRESS).await {
        Ok(()) => page::show(language, StatusCode::NOT_FOUND, Page::Unknown),
        Err(problem) => {
            let answer = problem.into_response();
            let wait = answer.headers().get(header::RETRY_AFTER);
            let wait = wait.and_then(|value| value.to_str().ok()).unwrap_or("5");
            later(language, answer.status(), wait)
        }
    }
}

fn later(language: Language, status: StatusCode, wait: &str) -> Response {
    let mut response = page::show(language, status, Page::Later);
    if let Ok(wait) = wait.parse() {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}
