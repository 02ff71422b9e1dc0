//! Reads bodies, queries and ids of requests, and answers in the one error shape when they are wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::error::Problem;
use crate::strict::Unambiguous;

/// A JSON body. Unknown fields are refused by the types themselves.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that is a list.
pub(crate) struct JsonList<T>(pub(crate) Vec<T>);

/// A JSON body that may be left out.
pub(crate) struct MaybeJson<T>(pub(crate) T);

/// The query string. Unknown parameters are refused by the types themselves.
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

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonList<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let body = bytes(request, state).await?;
        let Unambiguous = read(&body)?;
        if body.trim_ascii_start().first() != Some(&b'[') {
            return Err(Problem::invalid("body", "send one JSON array"));
        }
        read(&body).map(Self)
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
                Problem::malformed("the body cannot be read")
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
        .trim()
        .to_ascii_lowercase();
    let fine = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
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
    let Unambiguous = read(body)?;
    // serde would also take the fields of a struct from an array, by their position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid("body", "send one JSON object"));
    }
    read(body)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            wrong("body", &path, &inner.to_string())
        } else {
            not_json(&inner)
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::malformed(format!(
        "the body is not valid JSON: see line {}, column {}",
        error.line(),
        error.column()
    ))
}

/// What serde says about a value, without the value itself.
fn wrong(whole: &str, path: &str, text: &str) -> Problem {
    // The reader appends the place, which the path says better.
    let text = text.rsplit_once(" at line ").map_or(text, |(text, _)| text);
    for kind in ["missing", "unknown", "duplicate"] {
        let named = text.strip_prefix(kind).and_then(|rest| {
            rest.strip_prefix(" field `")
                .and_then(|rest| rest.split('`').next())
        });
        if let Some(field) = named {
            let field: String = field.chars().take(100).collect();
            // The path of an unknown field already ends with it.
            let parent = path.strip_suffix(&field).unwrap_or(path);
            let parent = parent.trim_end_matches('.');
            let full = if parent.is_empty() {
                field
            } else {
                format!("{parent}.{field}")
            };
            return Problem::invalid(full, format!("{kind} field"));
        }
    }
    let message = match text.find("expected ") {
        None if text.contains("UUID") => "use a UUID".to_owned(),
        None if is_about_time(text) => {
            "use a date such as 2026-03-01, or a time such as 2026-03-01T09:00:00Z".to_owned()
        }
        None if text.contains("true or false") => "use true or false".to_owned(),
        None if text.contains("digit") || text.contains("number too") => {
            "use a whole number of 0 or more".to_owned()
        }
        Some(at) => text.get(at..).unwrap_or_default().replace('`', ""),
        None => text.replace('`', ""),
    };
    let message: String = message.chars().take(300).collect();
    let field = if path.is_empty() || path == "." {
        whole
    } else {
        path
    };
    Problem::invalid(field.chars().take(100).collect::<String>(), message)
}

/// What is said of texts that are to be dates or instants and are none.
fn is_about_time(text: &str) -> bool {
    [
        "premature end of input",
        "input is out of range",
        "input contains invalid characters",
        "input is not enough for unique date and time",
        "no possible date and time with matching fields",
        "trailing input",
    ]
    .contains(&text)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let path = error.path().to_string();
                wrong("query", &path, &error.into_inner().to_string())
            })
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

/// A field of a partial body: absent, `null` or a value.
pub(crate) type Given<T> = Option<Option<T>>;

/// Tells a field that is absent from one that is null.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Given<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        name: String,
        inner: Option<Inner>,
        role: Option<crm_core::Role>,
        day: Option<chrono::NaiveDate>,
        at: Option<chrono::DateTime<chrono::Utc>>,
    }

    fn said(body: &str) -> String {
        parse::<Body>(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn faults_name_the_field_and_never_the_value() {
        for (body, text) in [
            (r#"{}"#, "name: missing field"),
            (r#"{"name":"a","x":1}"#, "x: unknown field"),
            (r#"{"name":"a","name":"b"}"#, "name: duplicate field"),
            (r#"{"name":77}"#, "name: expected a string"),
            (r#"{"name":"a","inner":{}}"#, "inner.count: missing field"),
            (r#"{"name":"a","inner":{"y":1}}"#, "inner.y: unknown field"),
            (
                r#"{"name":"a","inner":{"count":-1}}"#,
                "inner.count: expected u32",
            ),
            (r#"[]"#, "body: send one JSON object"),
        ] {
            assert_eq!(said(body), text, "{body}");
        }
        for (field, odd) in [
            ("day", "2026-02-30"),
            ("day", ""),
            ("day", "secret"),
            ("day", "2026-03-01x"),
        ]
        .into_iter()
        .chain([("at", "2026-03-01"), ("at", "secret"), ("at", "")])
        {
            let text = said(&format!(r#"{{"name":"a","{field}":"{odd}"}}"#));
            assert!(
                text.starts_with(&format!("{field}: use a date such as")),
                "{odd}: {text}"
            );
        }
        let role = said(r#"{"name":"a","role":"secret"}"#);
        assert!(
            role.starts_with("role: expected one of viewer, manager"),
            "{role}"
        );
        assert!(said(r#"{"name":"a"} x"#).contains("not valid JSON"));
    }
}
