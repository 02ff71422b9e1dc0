//! Imports of contacts: a file in, a report out, and the way back.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use crm_core::contact::import::{self, Detected};
use crm_core::engine::{ImportReport, RejectedRow, RevertReport, Session};
use crm_core::id::ImportId;
use crm_core::{Action, ErrorKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::Id;
use crate::imports::{ImportStatus, ImportView, Imports};
use crate::state::App;
use crate::{csv, limits};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(limits::IMPORT))
        .routes(routes!(status))
        .routes(routes!(rejects))
        .routes(routes!(revert))
}

/// The form of an import.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Upload {
    /// CSV in UTF-8, at most 10 MiB; the first row names the columns.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
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
            Problem::malformed("the form cannot be read")
        }
    };
    while let Some(field) = form.next_field().await.map_err(refused)? {
        if field.name() == Some("file") {
            return Ok(field.bytes().await.map_err(refused)?.to_vec());
        }
    }
    Err(Problem::invalid("file", "missing field"))
}

/// Imports a CSV file of contacts. People who are already there, by external id, e-mail or phone, are
/// skipped; a bad row is rejected and the rest goes on.
#[utoipa::path(post, path = "/api/contacts/import", tag = "contacts",
    request_body(content_type = "multipart/form-data", content = Upload),
    responses((status = 202, body = ImportView)))]
async fn import(
    user: User,
    request: Request,
) -> Result<(StatusCode, axum::Json<ImportView>), Problem> {
    user.actor().require(Action::WriteContacts)?;
    let file = file_of(request, &user.app).await?;
    // What is no such file at all is refused at once, not in the report.
    let (detected, rows) = look(&file)?;
    let report = ImportView::queued(Uuid::now_v7(), rows, &detected);
    let imports = Imports::of(&user);
    imports.save(&report, String::new()).await?;
    tokio::spawn(run(imports, user.session(), report.clone(), file));
    Ok((StatusCode::ACCEPTED, axum::Json(report)))
}

/// What the file is and how many rows it has. Both are known before the first row is written: taking the
/// import back needs nothing else.
fn look(file: &[u8]) -> Result<(Detected, u64), Problem> {
    let opened = import::read(file)?;
    Ok((opened.detected, opened.rows.count() as u64))
}

async fn run(imports: Imports, session: Session, mut report: ImportView, file: Vec<u8>) {
    let Ok(_slot) = imports.app.imports.acquire().await else {
        return;
    };
    report.status = ImportStatus::Running;
    // A failure here shows in the next one, which is logged.
    let _ = imports.save(&report, String::new()).await;
    let id = ImportId(report.import_id);
    let mut rejects = String::new();
    match session.contacts().import(id, &file).await {
        Ok(found) => {
            rejects = rejects_of(&found);
            report.done(&found);
        }
        Err(error) => {
            report.status = ImportStatus::Failed;
            report.detail = Some(format!(
                "{}; import the file again, known people are skipped, or revert this import",
                error.detail()
            ));
        }
    }
    if imports.save(&report, rejects).await.is_err() {
        tracing::error!(import = %report.import_id, "the report of an import was lost");
    }
}

/// The rejected rows as they stand in the file, with one more column that says why.
fn rejects_of(found: &ImportReport) -> String {
    let Detected {
        columns, separator, ..
    } = &found.detected;
    let mut columns = columns.clone();
    // A file of rejects that was imported again has the column already.
    let place = columns.iter().position(|name| name == import::REASON);
    let place = place.unwrap_or_else(|| {
        columns.push(import::REASON.to_owned());
        columns.len() - 1
    });
    let line = |row: &RejectedRow| {
        let mut cells = row.cells.clone();
        if cells.len() <= place {
            cells.resize(place + 1, String::new());
        }
        if let Some(cell) = cells.get_mut(place) {
            *cell = format!("line {}: {}", row.line, row.reason);
        }
        csv::line(&cells, separator)
    };
    let head = csv::line(&columns, separator);
    head + &found.rejected.iter().map(line).collect::<String>()
}

/// How an import goes.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}", tag = "contacts",
    params(("import_id" = Uuid, Path)), responses((status = 200, body = ImportView)))]
async fn status(user: User, Id(id): Id<Uuid>) -> Answer<ImportView> {
    user.actor().require(Action::Read)?;
    Ok(axum::Json(Imports::of(&user).load(id).await?.0))
}

/// The rejected rows as a CSV file: the original cells, and in one more column the line and the reason.
/// It can be mended and imported as it is.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}/rejects", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn rejects(user: User, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let (_, rows) = Imports::of(&user).load(id).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rejects.csv\"",
        ),
    ];
    Ok((headers, rows).into_response())
}

/// Takes an import back: removes the contacts it created, unless somebody edited them or wrote to them
/// since, and says what it kept. Possible once it has completed or failed.
#[utoipa::path(post, path = "/api/contacts/imports/{import_id}/revert", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, body = ImportView),
        (status = 400, description = "It still runs, or was reverted before.")))]
async fn revert(user: User, Id(id): Id<Uuid>) -> Answer<ImportView> {
    user.actor().require(Action::WriteContacts)?;
    let imports = Imports::of(&user);
    let _turn = user.app.records.import_turn(id).await?;
    let (mut report, rejects) = imports.load(id).await?;
    match report.status {
        ImportStatus::Completed | ImportStatus::Failed => {}
        ImportStatus::Reverted => return Err(not_now("it was reverted before")),
        _ => return Err(not_now("wait until the import has ended")),
    }
    let done: RevertReport = user
        .contacts()
        .revert_import(ImportId(id), report.rows)
        .await?;
    report.reverted(&done);
    imports.save(&report, rejects).await?;
    Ok(axum::Json(report))
}

fn not_now(detail: &str) -> Problem {
    crm_core::Error::new(ErrorKind::NotAllowed, detail).into()
}
