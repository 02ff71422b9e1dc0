//! The page: files that were embedded when the host was built, and its addresses, which are the page's own.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::nothing;
use crate::auth::hex;
use crate::headers::Policy;

/// What `cargo xtask web` built.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Files;

/// Scripts and styles are files of the binary; none stands in the page, and no script makes one of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Names below this hold a hash of what is in them: such a file never changes.
const HASHED: &str = "assets/";

/// A file by its name, or the page for an address of its own. What looks like an address of the API or of a file
/// and is none is not found.
pub(super) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || path.starts_with("api/") {
        return nothing().into_response();
    }
    if let Some(file) = Files::get(path) {
        return answer(path, &file, request.headers());
    }
    let is_page = !path.starts_with(HASHED) && wants_html(request.headers());
    match Files::get("index.html").filter(|_| is_page) {
        Some(index) => answer("index.html", &index, request.headers()),
        None => nothing().into_response(),
    }
}

/// Whether a browser is to show the answer.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn answer(name: &str, file: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    let known = asked.get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.clone().into_response()
    };
    response.extensions_mut().insert(Policy(POLICY));
    let headers = response.headers_mut();
    let text = ["text/", "application/json"];
    let kind = file.metadata.mimetype();
    let kind = if text.iter().any(|start| kind.starts_with(start)) {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    };
    if let (Ok(kind), Ok(tag)) = (HeaderValue::from_str(&kind), HeaderValue::from_str(&tag)) {
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::ETAG, tag);
    }
    let keep = if name.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    for (name, value) in [
        (header::CACHE_CONTROL, keep),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
