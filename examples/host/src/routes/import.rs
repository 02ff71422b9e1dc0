//! Imports of contacts: a file in, a report out, and the way back.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use crm_core::contact::ContactFields;
use crm_core::contact::definition::FieldType;
use crm_core::engine::{
    ImportPreview, ImportSample, RejectedRow, RevertReport, RowOutcome, Session, TypedColumn,
};
use crm_core::id::ImportId;
use crm_core::import::encoding::Encoding;
use crm_core::import::{self, Detected, Options};
use crm_core::{Action, ErrorKind};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Query};
use crate::imports::{
    DateOrder, Duplicates, Found, ImportList, ImportStatus, ImportView, Imports, LostCell,
};
use crate::names::FieldTypeName;
use crate::records::NewRejects;
use crate::state::App;
use crate::uploads::{self, UploadedFile};
use crate::{csv, limits, paging};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .routes(routes!(preview))
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(list_imports))
        .routes(routes!(status))
        .routes(routes!(rejects))
        .routes(routes!(revert))
}

/// The form of an import.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Upload {
    /// CSV in any encoding and dialect, a workbook of Excel (.xlsx), vCards or JSON lines; at most 1 GiB unless the host is
    /// told otherwise, and with an `Idempotency-Key` at most 10 MiB. The first row of a table names the columns.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What is known of the file; the rest is found out.
    options: Option<UploadOptions>,
    /// The import to go on with, which its host left unfinished: the file has to be the same.
    resume: Option<Uuid>,
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
    /// The sheet of a workbook; the first one unless said.
    sheet: Option<String>,
    /// The country that phone numbers without a country code are of, as two letters (ISO 3166-1). `UZ` unless said.
    #[schema(example = "KZ")]
    region: Option<String>,
    /// For columns of dates whose values do not say it.
    dates: Option<DateOrder>,
    /// What columns fill, by their names: `name`, `email`, `custom_fields.level`, ...; null leaves one out.
    mapping: Option<BTreeMap<String, Option<String>>>,
    /// What becomes of people who are already there. `skip` unless said.
    duplicates: Option<Duplicates>,
}

/// A form that was read.
struct Form {
    upload: UploadedFile,
    options: Options,
    resume: Option<Uuid>,
}

async fn form_of(request: Request, app: &App) -> Result<Form, Problem> {
    let mut form = Multipart::from_request(request, app).await.map_err(|_| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the file as multipart/form-data",
        )
    })?;
    let (mut upload, mut options, mut resume) = (None, Options::default(), None);
    while let Some(field) = form.next_field().await.map_err(uploads::refused)? {
        match field.name() {
            Some("file") => upload = Some(UploadedFile::receive(field, app.largest_import).await?),
            Some("options") => {
                let text = uploads::small(field, limits::BODY).await?;
                // A list would do for a struct, too.
                let given = serde_json::from_slice::<serde_json::Map<_, _>>(&text);
                let read = given.and_then(|given| serde_json::from_value(given.into()));
                options = read.map_err(|_| {
                    let what = "a JSON object of encoding, separator, sheet, region, dates, mapping and duplicates, none \
                        of which has to be there";
                    Problem::invalid("options", what)
                })?;
            }
            Some("resume") => {
                let text = uploads::small(field, limits::BODY).await?;
                let id = std::str::from_utf8(&text).ok();
                let id = id.and_then(|id| id.trim().parse().ok());
                resume = Some(id.ok_or_else(|| Problem::invalid("resume", "the id of an import"))?);
            }
            _ => {}
        }
    }
    let upload = upload.ok_or_else(|| Problem::invalid("file", "missing field"))?;
    Ok(Form {
        upload,
        options,
        resume,
    })
}

/// A file and what was found out about it. What is no such file at all is refused at once, not in a report.
async fn looked(
    user: &User,
    mut file: File,
    options: Options,
) -> Result<(File, Detected), Problem> {
    let definitions = user.fields().definitions().await?;
    let looked = tokio::task::spawn_blocking(move || {
        let found = import::inspect_for(&mut file, &options, &definitions)?;
        Ok::<_, crm_core::Error>((file, found))
    });
    let looked = looked.await;
    Ok(looked.map_err(|_| Problem::unavailable("the file could not be looked at"))??)
}

/// Imports a file of contacts. What it is, and what its columns mean, is found out and told; `options` say it better.
/// People who are already there, by external id, e-mail or phone, are skipped unless `duplicates` says otherwise; a bad row
/// is rejected and the rest goes on. An import whose host stopped goes on with `resume` and the same file.
#[utoipa::path(post, path = "/api/contacts/import", tag = "contacts",
    request_body(content_type = "multipart/form-data", content = Upload),
    responses((status = 202, body = ImportView)))]
async fn import(
    user: User,
    request: Request,
) -> Result<(StatusCode, axum::Json<ImportView>), Problem> {
    user.actor().require(Action::WriteContacts)?;
    let form = form_of(request, &user.app).await?;
    let how = form.options.duplicates;
    let UploadedFile { file, digest } = form.upload;
    let (file, found) = looked(&user, file, form.options).await?;
    let imports = Imports::of(&user);
    let (report, rejects) = match form.resume {
        // How many rows it has is known before the first one is written: taking the import back needs nothing else.
        None => (
            ImportView::queued(Uuid::now_v7(), &found, how, digest),
            NewRejects::First(head_of(&found)),
        ),
        Some(id) => {
            let _turn = user.app.records.import_turn(id).await?;
            let mut report = imports.load(id).await?;
            match report.status {
                ImportStatus::Failed if report.digest == digest => {}
                ImportStatus::Failed => {
                    return Err(Problem::invalid("file", "it is another file than before"));
                }
                _ => return Err(not_now("only an import that failed goes on")),
            }
            report.status = ImportStatus::Queued;
            report.detail = None;
            (report, NewRejects::None)
        }
    };
    imports.save(&report, rejects).await?;
    let run = run(imports, user.session(), report.clone(), file, found);
    tokio::spawn(run);
    Ok((StatusCode::ACCEPTED, axum::Json(report)))
}

/// How often the report of an import is kept while it runs.
pub(crate) const KEPT: Duration = Duration::from_secs(1);

async fn run(
    imports: Imports,
    session: Session,
    mut report: ImportView,
    file: File,
    found: Detected,
) {
    let Ok(_slot) = imports.app.imports.acquire().await else {
        return;
    };
    report.status = ImportStatus::Running;
    // A failure here shows in the next one, which is logged.
    let _ = imports.save(&report, NewRejects::None).await;
    // Rows that were rejected and are not kept yet.
    let mut rejects = String::new();
    match steps(&imports, &session, &mut report, &mut rejects, file, &found).await {
        Ok(()) => report.status = ImportStatus::Completed,
        Err(error) => {
            report.status = ImportStatus::Failed;
            report.detail = Some(format!(
                "{}; send the file again with `resume`, or revert this import",
                error.detail()
            ));
        }
    }
    if imports
        .save(&report, NewRejects::More(rejects))
        .await
        .is_err()
    {
        tracing::error!(import = %report.import_id, "the report of an import was lost");
    }
}

/// Imports part by part, and keeps how far it is.
async fn steps(
    imports: &Imports,
    session: &Session,
    report: &mut ImportView,
    rejects: &mut String,
    file: File,
    found: &Detected,
) -> crm_core::Result<()> {
    let contacts = session.contacts();
    let id = ImportId(report.import_id);
    let mut import = contacts.import(id, file, found, report.duplicates())?;
    import.skip(report.done)?;
    let mut kept = Instant::now();
    while let Some(part) = import.step().await? {
        report.add(&part);
        *rejects += &rejects_of(found, &part.rejected);
        if kept.elapsed() >= KEPT {
            // A failure here shows at the end, which is logged. Rows that are not counted are taken again, to no effect.
            let more = NewRejects::More(rejects.clone());
            if imports.save(report, more).await.is_ok() {
                rejects.clear();
            }
            kept = Instant::now();
        }
    }
    Ok(())
}

/// What an import would do.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportPreview)]
pub(crate) struct PreviewView {
    detected: Found,
    /// Rows below the header: the sum of the four below.
    rows: u64,
    created: u64,
    updated: u64,
    skipped: u64,
    rejected: u64,
    /// Whether the counts are exact: in very large files people who stand there twice may be counted as new.
    exact: bool,
    /// The first ten rows of each kind that would be taken.
    samples: Vec<Sample>,
    /// The first ten rows that could not be taken.
    rejects: Vec<Reject>,
    /// Cells of rows that would be taken that say nothing usable, at most 1,000.
    lost: Vec<LostCell>,
    /// The columns that fill custom fields with a type, and what in them could not be taken.
    fields: Vec<TypedColumnView>,
}

/// A column that fills a custom field with a type.
#[derive(Serialize, ToSchema)]
#[schema(as = TypedColumn)]
struct TypedColumnView {
    column: String,
    /// The name of the custom field.
    field: String,
    /// What people call it; null where that is its name.
    label: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    kind: FieldType,
    /// For a choice the texts it is between.
    options: Vec<String>,
    /// Rows that could not be taken because of what stands here.
    refused: u64,
    /// What stands in the first of them: at most five different values, cut after 100 characters.
    samples: Vec<String>,
}

impl From<TypedColumn> for TypedColumnView {
    fn from(column: TypedColumn) -> Self {
        Self {
            column: column.column,
            field: column.field,
            label: column.label,
            kind: column.kind,
            options: column.options,
            refused: column.refused,
            samples: column.samples,
        }
    }
}

/// What would become of one row.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportSample)]
struct Sample {
    line: u64,
    /// `created`, `updated` or `skipped`.
    outcome: &'static str,
    /// The contact as it would be.
    #[schema(value_type = Object)]
    contact: ContactFields,
    /// The names of the fields that would change; empty for a new contact.
    changed: Vec<String>,
}

/// A row that could not be taken.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedRow)]
struct Reject {
    line: u64,
    /// As they stand in the file.
    cells: Vec<String>,
    reason: String,
}

/// What an import of this file would do now: how many contacts it would make and change, with samples. Nothing is written.
#[utoipa::path(post, path = "/api/contacts/import/preview", tag = "contacts",
    request_body(content_type = "multipart/form-data", content = Upload),
    responses((status = 200, body = PreviewView)))]
async fn preview(user: User, request: Request) -> Answer<PreviewView> {
    user.actor().require(Action::WriteContacts)?;
    let form = form_of(request, &user.app).await?;
    let how = form.options.duplicates;
    let (file, found) = looked(&user, form.upload.file, form.options).await?;
    let session = user.session();
    let contacts = session.contacts();
    let preview = contacts.preview_import(file, &found, how).await?;
    Ok(axum::Json(PreviewView::of(preview)))
}

impl PreviewView {
    pub(crate) fn of(preview: ImportPreview) -> Self {
        let sample = |sample: ImportSample| Sample {
            line: sample.line,
            outcome: match sample.outcome {
                RowOutcome::Created => "created",
                RowOutcome::Updated => "updated",
                RowOutcome::Skipped => "skipped",
            },
            contact: sample.contact,
            changed: sample.changed,
        };
        let reject = |row: RejectedRow| Reject {
            line: row.line,
            cells: row.cells,
            reason: row.reason,
        };
        Self {
            detected: (&preview.detected).into(),
            rows: preview.rows,
            created: preview.created,
            updated: preview.updated,
            skipped: preview.skipped,
            rejected: preview.rejected,
            exact: preview.exact,
            samples: preview.samples.into_iter().map(sample).collect(),
            rejects: preview.rejects.into_iter().map(reject).collect(),
            lost: preview.lost.iter().map(LostCell::from).collect(),
            fields: preview.fields.into_iter().map(Into::into).collect(),
        }
    }
}

/// The names of the columns of the file of rejected rows, the place of the one that says why, and the separator.
fn columns_of(found: &Detected) -> (Vec<String>, usize, &str) {
    // Records of files that are no tables are told as one.
    let separator = match found.separator.as_str() {
        "" => ",",
        separator => separator,
    };
    let mut columns = found.columns.clone();
    // A file of rejects that was imported again has the column already.
    let place = columns.iter().position(|name| name == import::REASON);
    let place = place.unwrap_or_else(|| {
        columns.push(import::REASON.to_owned());
        columns.len() - 1
    });
    (columns, place, separator)
}

/// The first line of that file.
pub(crate) fn head_of(found: &Detected) -> String {
    let (columns, _, separator) = columns_of(found);
    csv::line(&columns, separator)
}

/// The rejected rows as they stand in the file, with one more column that says why.
pub(crate) fn rejects_of(found: &Detected, rows: &[RejectedRow]) -> String {
    let (_, place, separator) = columns_of(found);
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
    rows.iter().map(line).collect()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Past {
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// Lists imports, newest first.
#[utoipa::path(get, path = "/api/contacts/imports", tag = "contacts", params(Past),
    responses((status = 200, body = ImportList)))]
async fn list_imports(user: User, Query(past): Query<Past>) -> Answer<ImportList> {
    user.actor().require(Action::Read)?;
    let page = paging::request(None, past.limit, past.cursor)?;
    let found = Imports::of(&user).list(page.after, page.limit).await?;
    Ok(axum::Json(found))
}

/// How an import goes.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}", tag = "contacts",
    params(("import_id" = Uuid, Path)), responses((status = 200, body = ImportView)))]
async fn status(user: User, Id(id): Id<Uuid>) -> Answer<ImportView> {
    user.actor().require(Action::Read)?;
    Ok(axum::Json(Imports::of(&user).load(id).await?))
}

/// The rejected rows as a CSV file: the original cells, and in one more column the line and the reason.
/// It is in the encoding of the file, and can be mended and imported as it is. Empty once somebody of the workspace was
/// erased: the rows may be theirs.
#[utoipa::path(get, path = "/api/contacts/imports/{import_id}/rejects", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn rejects(user: User, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let imports = Imports::of(&user);
    let encoding = Encoding::named(imports.load(id).await?.encoding())?;
    let mark = Ok(Bytes::from_static(encoding.mark()));
    let pieces = stream::try_unfold(0_u32, move |piece| {
        let imports = imports.clone();
        async move {
            let rows = imports.rejects(id, piece).await;
            let rows = rows.map_err(|_| std::io::Error::other("the rows cannot be read"))?;
            // The rows came out of the encoding and the reasons are in ASCII.
            let rows = rows.map(|rows| Bytes::from(encoding.encode(&rows).0));
            Ok::<_, std::io::Error>(rows.map(|rows| (rows, piece + 1)))
        }
    });
    let file = Body::from_stream(stream::iter([mark]).chain(pieces));
    let kind = format!("text/csv; charset={}", encoding.label());
    let name = "attachment; filename=\"rejects.csv\"".to_owned();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, file).into_response())
}

/// Takes an import back: removes the contacts it created, unless somebody edited them or wrote to them since, gives those
/// it changed back what they said before, unless somebody edited them since, and says what it kept. Possible once it has completed or failed.
#[utoipa::path(post, path = "/api/contacts/imports/{import_id}/revert", tag = "contacts",
    params(("import_id" = Uuid, Path)),
    responses((status = 200, body = ImportView),
        (status = 400, description = "It still runs, or was reverted before.")))]
async fn revert(user: User, Id(id): Id<Uuid>) -> Answer<ImportView> {
    user.actor().require(Action::WriteContacts)?;
    let imports = Imports::of(&user);
    let _turn = user.app.records.import_turn(id).await?;
    let mut report = imports.load(id).await?;
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
    imports.save(&report, NewRejects::None).await?;
    Ok(axum::Json(report))
}

fn not_now(detail: &str) -> Problem {
    crm_core::Error::new(ErrorKind::NotAllowed, detail).into()
}
