//! The one shape of every error answer, and how the engine's errors become HTTP statuses.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use crm_core::{Error, ErrorKind, FieldError};
use serde::Serialize;
use utoipa::ToSchema;

/// What a client is told when a request fails.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
}

/// The body of an error answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// One sentence for a person.
    detail: String,
    /// A stable code for programs.
    code: String,
    /// The refused fields, on validation only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemField>,
    /// The `x-request-id` of the answer, but not on 401 and 403; the log has it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// One refused field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemField {
    /// The field.
    field: String,
    /// Why it was refused.
    message: String,
}

impl From<FieldError> for ProblemField {
    fn from(fault: FieldError) -> Self {
        Self {
            field: fault.field,
            message: fault.message,
        }
    }
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::field(field, message).into()
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_body", detail)
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn too_many(seconds: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "too many failed attempts; wait and try again",
        );
        problem.retry_after = Some(seconds);
        problem
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is too large",
        )
    }

    pub(crate) fn unavailable(detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after = Some(5);
        problem
    }

    /// As the engine's error, but a taken e-mail is the 400 that clients of contacts expect.
    pub(crate) fn of_contact(error: Error) -> Self {
        let duplicate = error.kind() == ErrorKind::Duplicate;
        let mut problem = Self::from(error);
        if duplicate {
            problem.status = StatusCode::BAD_REQUEST;
        }
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict | ErrorKind::Duplicate | ErrorKind::OverBudget => {
                StatusCode::CONFLICT
            }
            ErrorKind::NotAllowed | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
            ErrorKind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(
                code = error.kind().code(),
                operation = error.operation(),
                "refused"
            );
        }
        Self {
            status,
            code: error.kind().code(),
            detail: error.detail().to_owned(),
            errors: error.fields().to_vec(),
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let fields = self.errors.into_iter();
        let body = ProblemBody {
            detail: self.detail,
            code: self.code.to_owned(),
            errors: fields.map(ProblemField::from).collect(),
            // Who was refused must not be able to tell one refusal from another, byte for byte; the
            // header has the id there too.
            request_id: (!matches!(
                self.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ))
            .then(crate::headers::request_id)
            .flatten(),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}
