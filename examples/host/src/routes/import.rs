//! Imports of contacts: a file in, a report out, and the way back.

use std::collections::BTreeMap;
use std::io::Cursor;

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use crm_core::engine::{ImportReport, RejectedRow, RevertReport, Session};
use crm_core::id::ImportId;
use crm_core::import::encoding::Encoding;
use crm_core::import::{self, Detected, Options};
use crm_core::{Action, ErrorKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::Id;
use crate::imports::{DateOrder, ImportStatus, ImportView, Imports};
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
    /// CSV in any encoding and dialect, vCards or JSON lines, at most 10 MiB. The first row of a CSV file names the columns.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What is known of the file; the rest is found out.
    options: Option<UploadOptions>,
}

/// What is known of a file of contacts beforehand.
#[derive(ToSchema)]
#[schema(as = ImportOptions)]
#[allow(dead_code)]
struct UploadOptions {
    /// `utf-8`, `windows-1251`, `cp866`, ...: any label of the WHATWG's Encoding Standard.
    encoding: Option<String>,
    /// `,` `;` `|` or a tab.
    separator: Option<String>,
    /// For columns of dates whose values do not say it.
    dates: Option<DateOrder>,
    /// What columns fill, by their names: `name`, `email`, `custom_fields.level`, ...; null leaves one out.
    mapping: Option<BTreeMap<String, Option<String>>>,
}

async fn form_of(request: Request, app: &App) -> Result<(Vec<u8>, Options), Problem> {
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
    let (mut file, mut options) = (None, Options::default());
    while let Some(field) = form.next_field().await.map_err(refused)? {
        match field.name() {
            Some("file") => file = Some(field.bytes().await.map_err(refused)?.to_vec()),
            Some("options") => {
                let text = field.bytes().await.map_err(refused)?;
                // A list would do for a struct, too.
                let given = serde_json::from_slice::<serde_json::Map<_, _>>(&text);
                let read = given.and_then(|given| serde_json::from_value(given.into()));
                options = read.map_err(|_| {
                    let what = "a JSON object of encoding, separator, dates and mapping, none of which has to be there";
                    Problem::invalid("options", what)
                })?;
            }
            _ => {}
        }
    }
    let file = file.ok_or_else(|| Problem::invalid("file", "missing field"))?;
    Ok((file, options))
}

/// Imports a file of contacts. What it is, and what its columns mean, is found out and told; `options` say it better.
/// People who are already there, by external id, e-mail or phone, are skipped; a bad row is rejected and the rest goes on.
#[utoipa::path(post, path = "/api/contacts/import", tag = "contacts",
    request_body(content_type = "multipart/form-data", content = Upload),
    responses((status = 202, body = ImportView)))]
async fn import(
    user: User,
    request: Request,
) -> Result<(StatusCode, axum::Json<ImportView>), Problem> {
    user.actor().require(Action::WriteContacts)?;
    let (file, options) = form_of(request, &user.app).await?;
    // What is no such file at all is refused at once, not in the report. How many rows it has is known before the first
    // one is written: taking the import back needs nothing else.
    let looked = tokio::task::spawn_blocking(move || {
        let found = import::inspect(&mut Cursor::new(&file), &options)?;
        Ok::<_, crm_core::Error>((file, found))
    });
    let (file, found) = looked
        .await
        .map_err(|_| Problem::unavailable("the file could not be looked at"))??;
    let report = ImportView::queued(Uuid::now_v7(), &found);
    let imports = Imports::of(&user);
    imports.save(&report, String::new()).await?;
    tokio::spawn(run(imports, user.session(), report.clone(), file, found));
    Ok((StatusCode::ACCEPTED, axum::Json(report)))
}

async fn run(
    imports: Imports,
    session: Session,
    mut report: ImportView,
    file: Vec<u8>,
    found: Detected,
) {
    let Ok(_slot) = imports.app.imports.acquire().await else {
        return;
    };
    report.status = ImportStatus::Running;
    // A failure here shows in the next one, which is logged.
    let _ = imports.save(&report, String::new()).await;
    let id = ImportId(report.import_id);
    let mut rejects = String::new();
    match session.contacts().import(id, &file, &found).await {
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
    // Records of files that are no tables are told as one.
    let separator = if separator.is_empty() { "," } else { separator };
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
/// It is in the encoding of the file, and can be mended and imported as it is.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}/rejects", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn rejects(user: User, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let (report, rows) = Imports::of(&user).load(id).await?;
    let encoding = Encoding::named(report.encoding())?;
    // The rows came out of the encoding and the reasons are in ASCII.
    let (rows, _) = encoding.encode(&rows);
    let file = [encoding.mark(), &rows].concat();
    let kind = format!("text/csv; charset={}", encoding.label());
    let name = "attachment; filename=\"rejects.csv\"".to_owned();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, file).into_response())
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
