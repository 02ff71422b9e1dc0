//! Limits of request bodies, and the log line of each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use crate::error::Problem;
use crate::headers;
use crate::state::App;

/// Longest body of an ordinary request.
pub(crate) const BODY: usize = 1024 * 1024;
/// Longest body of a request with an idempotency key, which is compared as a whole with what comes under the key again.
pub(crate) const KEYED: usize = 10 * 1024 * 1024 + FORM;
/// What a form has around its file at most.
const FORM: usize = 64 * 1024;
/// How much of a refused body is read, so that the client gets to see the answer.
const DRAIN: usize = 64 * 1024 * 1024;

fn limit_of(app: &App, path: &str) -> u64 {
    if path.starts_with("/api/contacts/import") {
        app.largest_import.saturating_add(FORM as u64)
    } else {
        BODY as u64
    }
}

/// Refuses a body that says that it is too large. One that does not say is stopped while it is read.
pub(crate) async fn body(State(app): State<App>, request: Request, next: Next) -> Response {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if length.is_none_or(|length| length <= limit_of(&app, request.uri().path())) {
        return next.run(request).await;
    }
    let mut seen = 0_usize;
    let mut stream = request.into_body().into_data_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        seen = seen.saturating_add(chunk.len());
        if seen > DRAIN {
            break;
        }
    }
    Problem::too_large().into_response()
}

/// Counts and logs: the route's pattern, never the path or the query, which may hold personal data.
pub(crate) async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.requests.count(status);
    tracing::info!(
        %method,
        request_id = headers::request_id(),
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        status,
        ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
