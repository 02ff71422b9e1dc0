//! Imports of contacts: a file in, a report out.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use crm_core::Action;
use crm_core::engine::{ImportReport, Session};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::{Problem, ProblemBody};
use crate::extract::Id;
use crate::limits;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(limits::IMPORT))
        .routes(routes!(status))
        .routes(routes!(rejects))
}

/// One CSV cell, quoted where needed; what a spreadsheet would run as a formula begins with an
/// apostrophe. A plain phone number is left as it is.
pub(crate) fn cell(text: &str) -> String {
    let digits = text
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !digits;
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r', ';']) || formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

async fn file_of(request: Request, app: &App) -> Result<Vec<u8>, Problem> {
    let mut form = Multipart::from_request(request, app).await.map_err(|_| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the file as multipart/form-data",
        )
    })?;
    let refused = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::too_large()
        } else {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_body",
                "the form cannot be read",
            )
        }
    };
    while let Some(field) = form.next_field().await.map_err(refused)? {
        if field.name() == Some("file") {
            return Ok(field.bytes().await.map_err(refused)?.to_vec());
        }
    }
    Err(Problem::invalid("file", "missing field"))
}

/// Imports a CSV file of contacts.
#[utoipa::path(post, path = "/api/contacts/import", tag = "contacts",
    request_body(content_type = "multipart/form-data", content = String),
    responses((status = 202, body = Value), (status = 413, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
async fn import(
    State(app): State<App>,
    user: User,
    request: Request,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let session = user.session(&app);
    session.actor().require(Action::WriteContacts)?;
    let file = file_of(request, &app).await?;
    // What is no such file at all is refused at once, not in the report.
    drop(crm_core::contact::import::read(&file)?);
    let id = Uuid::now_v7();
    let answer = report(id, "queued", &ImportReport::default(), None);
    save(&app, id, &answer, String::new()).await?;
    tokio::spawn(run(app, session, id, file));
    Ok((StatusCode::ACCEPTED, axum::Json(answer)))
}

async fn run(app: App, session: Session, id: Uuid, file: Vec<u8>) {
    let Ok(_slot) = app.imports.acquire().await else {
        return;
    };
    let running = report(id, "running", &ImportReport::default(), None);
    let _ = save(&app, id, &running, String::new()).await;
    let done = session.contacts().import_csv(&file).await;
    let (answer, rejects) = match &done {
        Ok(found) => {
            let lines = found.rejected.iter();
            let rejects = lines.map(|row| format!("{},{}\r\n", row.line, cell(&row.reason)));
            (report(id, "completed", found, None), rejects.collect())
        }
        Err(error) => (
            report(id, "failed", &ImportReport::default(), Some(error.detail())),
            String::new(),
        ),
    };
    if save(&app, id, &answer, rejects).await.is_err() {
        tracing::error!(import = %id, "the report of an import was lost");
    }
}

fn report(id: Uuid, status: &str, found: &ImportReport, detail: Option<&str>) -> Value {
    json!({
        "import_id": id,
        "status": status,
        "rows": found.rows,
        "created": found.created,
        "updated": 0,
        "skipped": found.skipped,
        "rejected": found.rejected.len(),
        "detected": null,
        "detail": detail,
    })
}

async fn save(app: &App, id: Uuid, report: &Value, rejects: String) -> Result<(), Problem> {
    let report = report.to_string();
    app.accounts
        .0
        .call(move |connection| {
            connection.execute(
                "INSERT INTO imports VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET report = ?2, rejects = ?3",
                params![id.to_string(), report, rejects],
            )
        })
        .await
        .map(drop)
}

async fn load(app: &App, user: &User, id: Uuid) -> Result<(String, String), Problem> {
    user.session(app).actor().require(Action::Read)?;
    app.accounts
        .0
        .call(move |connection| {
            connection
                .query_row(
                    "SELECT report, rejects FROM imports WHERE id = ?1",
                    [id.to_string()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
        })
        .await?
        .ok_or_else(|| crm_core::Error::not_found("import").into())
}

/// How an import goes.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, body = Value), (status = 404, body = ProblemBody)))]
async fn status(State(app): State<App>, user: User, Id(id): Id<Uuid>) -> Answer {
    let (report, _) = load(&app, &user, id).await?;
    Ok(axum::Json(crate::extract::parse(report.as_bytes())?))
}

/// The rows that could not be taken: line and reason.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}/rejects", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, content_type = "text/csv", body = String),
        (status = 404, body = ProblemBody)))]
async fn rejects(
    State(app): State<App>,
    user: User,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let (_, rows) = load(&app, &user, id).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rejects.csv\"",
        ),
    ];
    Ok((headers, format!("line,reason\r\n{rows}")).into_response())
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_neutralised() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(cell("+998901234567"), "+998901234567");
        assert_eq!(cell("+1+cmd"), "\"'+1+cmd\"");
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
        assert_eq!(cell("Анна"), "Анна");
    }
}
