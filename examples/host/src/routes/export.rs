//! Contacts as a file, streamed page by page, and all that is kept about one of them.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use crm_core::Action;
use crm_core::audience::Audience;
use crm_core::engine::SubjectAccess;
use crm_core::export::{Format, LineEnd, Options, VcardVersion};
use crm_core::id::ContactId;
use crm_core::port::store::ContactQuery;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::contacts::birthday_this_month;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Query};
use crate::paging;
use crate::state::App;

/// Names the export in the history: `GET /api/audit?export_id=...` tells how many contacts it held and what was lost.
const EXPORT_ID: HeaderName = HeaderName::from_static("x-export-id");

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(export_csv))
        .routes(routes!(everything))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wishes {
    /// `csv` (unless set), `jsonl` or `vcard`.
    #[param(example = "csv")]
    pub(crate) format: Option<String>,
    /// CSV alone, `utf-8` unless set: `utf-8-bom`, `utf-16le`, `utf-16be`, `windows-1251`, `windows-1252`, `ibm866`, `koi8-r`.
    pub(crate) encoding: Option<String>,
    /// CSV alone, `,` unless set: `;`, `|`, or `tab`.
    pub(crate) separator: Option<String>,
    /// CSV alone, `crlf` unless set: `lf`.
    pub(crate) line_end: Option<String>,
    /// CSV alone: as spreadsheets open it by a double click. UTF-8 with a byte order mark, `;` and CRLF, unless said.
    pub(crate) excel: Option<bool>,
    /// vCards alone, `4.0` unless set: `3.0`.
    pub(crate) vcard_version: Option<String>,
    /// Custom fields that get a column, with commas between them; all unless set. Not for `jsonl`, which holds all.
    pub(crate) custom_fields: Option<String>,
    pub(crate) segment: Option<String>,
    /// A language and its variants: `uz` also finds `uz-Cyrl`.
    pub(crate) language: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) has_birthday_this_month: Option<bool>,
    /// An audience as a text, such as `field.level = gold and not has email`; a saved one is `saved "Its name"`.
    pub(crate) audience: Option<String>,
    /// Part of name, e-mail or company in any case.
    #[param(max_length = 200)]
    pub(crate) search: Option<String>,
}

impl Wishes {
    pub(crate) fn options(&self) -> Result<Options, Problem> {
        let format = match self.format.as_deref() {
            None | Some("csv") => Format::Csv,
            Some("jsonl") => Format::JsonLines,
            Some("vcard") => Format::Vcard,
            Some(_) => return Err(Problem::invalid("format", "use csv, jsonl or vcard")),
        };
        let separator = match self.separator.as_deref() {
            None => None,
            Some("tab" | "\t") => Some('\t'),
            Some(given) => Some(one_letter(given)?),
        };
        let line_end = match self.line_end.as_deref() {
            None => None,
            Some("crlf") => Some(LineEnd::Crlf),
            Some("lf") => Some(LineEnd::Lf),
            Some(_) => return Err(Problem::invalid("line_end", "use crlf or lf")),
        };
        let vcard_version = match self.vcard_version.as_deref() {
            None => None,
            Some("3.0") => Some(VcardVersion::V3),
            Some("4.0") => Some(VcardVersion::V4),
            Some(_) => return Err(Problem::invalid("vcard_version", "use 3.0 or 4.0")),
        };
        let names = self.custom_fields.as_deref().map(|names| {
            let names = names.split(',').map(str::trim);
            names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        });
        Ok(Options {
            format,
            excel: self.excel.unwrap_or(false),
            encoding: self.encoding.clone(),
            separator,
            line_end,
            vcard_version,
            custom_fields: names,
        })
    }

    fn query(self, user: &User) -> Result<ContactQuery, Problem> {
        let mut all = Vec::new();
        all.extend(birthday_this_month(user, self.has_birthday_this_month));
        all.extend(self.segment.map(Audience::Segment));
        all.extend(self.language.map(Audience::Language));
        all.extend(self.tag.map(Audience::Tag));
        if let Some(text) = self.audience {
            all.push(Audience::from_text(&text)?);
        }
        Ok(ContactQuery {
            audience: (!all.is_empty()).then_some(Audience::And(all)),
            search: paging::search(self.search)?,
            ..ContactQuery::default()
        })
    }
}

fn one_letter(given: &str) -> Result<char, Problem> {
    let mut letters = given.chars();
    let first = letters.next().filter(|_| letters.next().is_none());
    first.ok_or_else(|| Problem::invalid("separator", "use , ; | or tab"))
}

/// Contacts as a file, oldest first: CSV in the encoding and dialect that is wanted, JSON lines or vCards, all of which an
/// import reads back. That it took place stands in the history. In CSV, what a spreadsheet would run as a formula begins
/// with an apostrophe.
#[utoipa::path(get, path = "/api/contacts/export", tag = "contacts", params(Wishes),
    responses((status = 200, content(
        (String = "text/csv"), (String = "application/jsonl"), (String = "text/vcard")))))]
async fn export(user: User, Query(wishes): Query<Wishes>) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let options = wishes.options()?;
    streamed(&user, wishes.query(&user)?, &options).await
}

/// All contacts as CSV in UTF-8; `/api/contacts/export` has more to choose from.
#[utoipa::path(get, path = "/api/contacts/export/csv", tag = "contacts",
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn export_csv(user: User) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    streamed(&user, ContactQuery::default(), &Options::default()).await
}

async fn streamed(
    user: &User,
    query: ContactQuery,
    options: &Options,
) -> Result<Response, Problem> {
    let mut export = user.session().contacts().export(query, options).await?;
    let id = export.id().to_string();
    // What goes wrong up to here is told as such; behind it the answer has begun and can only break off.
    let first = export.next().await?.unwrap_or_default();
    let first = stream::iter([Ok(Bytes::from(first))]);
    let rest = stream::try_unfold(export, |mut export| async move {
        match export.next().await {
            Ok(part) => Ok(part.map(|part| (Bytes::from(part), export))),
            Err(_) => Err(std::io::Error::other("interrupted")),
        }
    });
    let name = format!("attachment; filename=\"contacts.{}\"", options.extension());
    let headers = [
        (header::CONTENT_TYPE, options.media_type()),
        (header::CONTENT_DISPOSITION, name),
        (EXPORT_ID, id),
    ];
    Ok((headers, Body::from_stream(first.chain(rest))).into_response())
}

/// All that is kept about one person, for the person themself.
#[derive(ToSchema)]
#[schema(as = SubjectAccess)]
#[allow(dead_code)]
struct Everything {
    at: DateTime<Utc>,
    /// What is known, with consents and their evidence.
    #[schema(value_type = Object)]
    contact: Value,
    /// The contacts that were merged into it: ids, and the external ids that still lead here.
    #[schema(value_type = Vec<Object>)]
    merged: Vec<Value>,
    /// All messages, oldest first, deleted drafts too; each with its revisions, approvals, attempts, receipts and history.
    #[schema(value_type = Vec<Object>)]
    messages: Vec<Value>,
    /// When campaigns planned to write, or why not.
    #[schema(value_type = Vec<Object>)]
    plans: Vec<Value>,
    /// Addresses of theirs that nothing is sent to.
    #[schema(value_type = Vec<Object>)]
    suppressions: Vec<Value>,
    /// When they last wrote, by channel and address.
    #[schema(value_type = Vec<Object>)]
    inbound: Vec<Value>,
    /// What happened to the contact and to those that were merged into it, each oldest first.
    #[schema(value_type = Vec<Object>)]
    history: Vec<Value>,
}

/// Everything that is kept about one person, for whoever asks what that is. Of an erased one it is ids and instants.
#[utoipa::path(get, path = "/api/contacts/{id}/everything", tag = "contacts", params(("id" = Uuid, Path)),
    responses((status = 200, body = Everything)))]
async fn everything(user: User, Id(id): Id<ContactId>) -> Answer<SubjectAccess> {
    Ok(axum::Json(user.contacts().subject_access(id).await?))
}
