//! `Idempotency-Key`: the same request twice acts once and answers the same.
//!
//! A pending row is written before the request runs, in one step with the check; the answer is kept for
//! a day, unless a person of the workspace is erased before. An answer that says "try again" is not kept. A second request that comes while the
//! first one runs waits for its answer. Keys are each user's own, and a user is of one workspace.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::auth::extract::claims;
use crate::error::Problem;
use crate::headers;
use crate::limits::KEYED;
use crate::state::App;

/// Longest answer that is kept.
const ANSWER: usize = 16 * 1024 * 1024;

/// What is known about a key.
pub(crate) enum Known {
    /// Nothing: the request runs, and the database now says so.
    New,
    Answered {
        hash: Vec<u8>,
        answer: Answer,
    },
    Pending {
        hash: Vec<u8>,
    },
}

/// An answer that is given again.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// For a request whose own answer nobody knows.
    pub(crate) fn interrupted() -> Self {
        let body = r#"{"code":"idempotency_interrupted","detail":"the host stopped during the first request with this Idempotency-Key; look at what it did, then use a new key"}"#;
        Self {
            status: 409,
            content_type: Some("application/json".to_owned()),
            body: body.into(),
        }
    }

    /// For a request whose answer may have been about somebody who was erased since.
    pub(crate) fn erased() -> Self {
        let body = r#"{"code":"idempotency_erased","detail":"the first request with this Idempotency-Key was answered; the answer is not kept any more because a person was erased; look at what it did, then use a new key"}"#;
        Self {
            status: 409,
            content_type: Some("application/json".to_owned()),
            body: body.into(),
        }
    }

    fn response(self, replayed: bool) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        let content_type = self.content_type.as_deref();
        if let Some(value) = content_type.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        if replayed {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let mutating = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let key = request.headers().get("idempotency-key").cloned();
    // Answers of sign-in hold tokens, which are never stored.
    let path = request.uri().path();
    let sign_in = matches!(path, "/api/auth/login" | "/api/auth/refresh");
    let (Some(key), true, false) = (key, mutating, sign_in) else {
        return next.run(request).await;
    };
    // Without a good token the route itself refuses.
    let Ok(claims) = claims(&app, request.headers()) else {
        return next.run(request).await;
    };
    match keyed(app, claims.sub, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(
    app: App,
    user: String,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()))
        .ok_or_else(|| Problem::invalid("Idempotency-Key", "use 1 to 255 ASCII characters"))?
        .to_owned();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, KEYED)
        .await
        .map_err(|_| Problem::too_large())?;
    let hash = hash(&parts, &body);
    match wait(&app, &user, &key, &hash).await? {
        Known::New => {}
        Known::Answered { hash: first, .. } | Known::Pending { hash: first } if first != hash => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request; use a new one",
            ));
        }
        Known::Pending { .. } => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "idempotency_in_progress",
                "the first request with this Idempotency-Key still runs; try again",
            ));
        }
        Known::Answered { answer, .. } => return Ok(answer.response(true)),
    }
    // Runs to its end even if the client goes away: the key must get its answer.
    let request = Request::from_parts(parts, Body::from(body));
    let run = tokio::spawn(headers::within(headers::request_id(), async move {
        let (parts, body) = next.run(request).await.into_parts();
        let status = parts.status.as_u16();
        let bytes = to_bytes(body, ANSWER).await.unwrap_or_default().to_vec();
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let answer = || Answer {
            status,
            content_type: content_type.clone(),
            body: bytes.clone(),
        };
        let again = status >= 500 || matches!(status, 401 | 403 | 429);
        let kept = (!again).then(answer);
        app.records.end_key(user, key, kept).await?;
        let mut response = answer().response(false);
        response.headers_mut().extend(parts.headers);
        Ok(response)
    }));
    run.await
        .map_err(|_| Problem::unavailable("the request was interrupted"))?
}

/// What makes a request the same one: method, address and body. The boundary of a form is a new one
/// each time it is sent and is left out.
fn hash(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(parts.method.as_str().as_bytes());
    part(parts.uri.to_string().as_bytes());
    let boundary = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once("boundary="))
        .map(|(_, boundary)| boundary.trim_matches('"').as_bytes())
        .filter(|boundary| !boundary.is_empty());
    let Some(boundary) = boundary else {
        part(body);
        return hasher.finalize().to_vec();
    };
    let mut rest = body;
    while let Some(at) = find(rest, boundary) {
        let (before, found) = rest.split_at(at);
        part(before);
        rest = found.split_at(boundary.len()).1;
    }
    part(rest);
    hasher.finalize().to_vec()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// What is known about the key, once the first request with it has been answered.
async fn wait(app: &App, user: &str, key: &str, hash: &[u8]) -> Result<Known, Problem> {
    let mut tries = 100;
    loop {
        let (user, key) = (user.to_owned(), key.to_owned());
        let known = app.records.begin_key(user, key, hash.to_vec()).await?;
        let running = matches!(&known, Known::Pending { hash: first } if first == hash);
        if !running || tries == 0 {
            return Ok(known);
        }
        tries -= 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
