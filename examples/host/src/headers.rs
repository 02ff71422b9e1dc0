//! What every answer carries: a request id, and headers that keep browsers from doing harm.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing is loaded, run or framed: an API has no page.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// The API's own page: its scripts and styles come from the binary alone; Swagger UI sets styles inline
/// and draws with data: images.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// The pages for people who follow a link: one style, by its hash, and one form, which posts to the page itself.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; style-src 'sha256-s7mQmS/Q/ynJtvY3JXBzDuuB30YglOb7Fjww/qMmDf8='";

/// What the page may load, where it is not what the path stands for.
#[derive(Clone, Copy)]
pub(crate) struct Policy(pub(crate) &'static str);

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered.
pub(crate) fn request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs `work`, also in a task of its own, as part of the request `id`.
pub(crate) async fn within<T>(id: Option<String>, work: impl Future<Output = T>) -> T {
    match id {
        Some(id) => CURRENT.scope(id, work).await,
        None => work.await,
    }
}

/// A caller's own id is kept when it can do no harm in a log.
fn id_of(request: &Request) -> String {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()))
        .filter(|id| {
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        })
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let id = id_of(&request);
    let path = request.uri().path();
    let docs = path.starts_with("/api/docs");
    let page = path.starts_with("/u/") || path.starts_with("/o/");
    let policy = match (docs, page) {
        (true, _) => DOCS_POLICY,
        (_, true) => PAGE_POLICY,
        _ => API_POLICY,
    };
    let mut response = CURRENT.scope(id.clone(), next.run(request)).await;
    let policy = match response.extensions().get::<Policy>() {
        Some(Policy(own)) => own,
        None => policy,
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if page {
        let never = HeaderValue::from_static("noindex, nofollow");
        headers.insert(HeaderName::from_static("x-robots-tag"), never);
    }
    // Answers hold personal data and tokens; the page itself may be kept.
    if !docs {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
