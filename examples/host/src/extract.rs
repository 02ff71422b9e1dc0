//! Reads bodies, queries and ids of requests, and answers in the one error shape when they are wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Problem;
use crate::strict::Unambiguous;

/// A JSON body. Unknown fields are refused by the types themselves.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) struct MaybeJson<T>(pub(crate) T);

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

/// The one id in the path.
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        parse(&bytes(request, state).await?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = require_json(request.headers());
        let body = bytes(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        json?;
        parse(&body).map(Self)
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::too_large()
            } else {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "malformed_body",
                    "the body cannot be read",
                )
            }
        })
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    let fine = essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 17
            && essence.to_ascii_lowercase().starts_with("application/")
            && essence.to_ascii_lowercase().ends_with("+json"));
    if fine {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the body as application/json",
        ))
    }
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice::<Unambiguous>(body).map_err(|error| described(&error))?;
    // serde would also take the fields of a struct from an array, by their position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid("body", "send one JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| described(&error))
}

/// A value that was put together from a stored row and a partial body.
pub(crate) fn typed<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| described(&error))
}

fn described(error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let detail = format!(
            "the body is not valid JSON: see line {}, column {}",
            error.line(),
            error.column()
        );
        return Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail);
    }
    let text = error.to_string();
    // serde names missing and unknown fields in backticks; other values are not repeated.
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|start| Some((start, text.strip_prefix(start)?.split('`').next()?)));
    match named {
        Some((start, field)) => {
            let message = start.split(' ').next().unwrap_or_default();
            Problem::invalid(
                field.chars().take(100).collect::<String>(),
                format!("{message} field"),
            )
        }
        None if error.line() > 0 => Problem::invalid(
            "body",
            format!(
                "a value before line {}, column {} has the wrong type or is not one of the allowed",
                error.line(),
                error.column()
            ),
        ),
        None => Problem::invalid(
            "body",
            "a value has the wrong type or is not one of the allowed",
        ),
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|query| Self(query.0))
            .map_err(|_| Problem::invalid("query", "a parameter has the wrong form"))
    }
}

impl<S: Send + Sync, T: From<Uuid>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<Uuid>::from_request_parts(parts, state)
            .await
            .map(|path| Self(T::from(path.0)))
            .map_err(|_| Problem::invalid("id", "an id is a UUID"))
    }
}
