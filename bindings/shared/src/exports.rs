//! Exports of contacts, part by part: each call gives the next part of the file, so that neither side holds all of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crm_core::audience::Audience;
use crm_core::engine::Export;
use crm_core::export::{ExportReport, Format, LineEnd, Options, VcardVersion};
use crm_core::port::store::ContactQuery;
use crm_core::{Actor, Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::{read, search};
use crate::operations::show;

/// Most exports that wait for somebody to ask for their next part; the oldest gives way.
const MOST: usize = 100;

/// The exports that were begun and not read to their end.
#[derive(Default)]
pub(crate) struct Exports(Mutex<BTreeMap<Uuid, (Actor, Export)>>);

impl Exports {
    fn put(&self, actor: Actor, export: Export) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(export.id(), (actor, export));
        // Ids grow with time.
        while open.len() > MOST {
            open.pop_first();
        }
    }

    /// Takes one out. While its next part is made it is nobody's: two callers cannot both get it.
    fn take(&self, actor: &Actor, id: Uuid) -> Option<Export> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).filter(|(owner, _)| owner == actor)?;
        open.remove(&id).map(|(_, export)| export)
    }
}

/// The fields of [`Options`], whom the file holds, and which export goes on.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    format: Format,
    excel: bool,
    encoding: Option<String>,
    separator: Option<char>,
    line_end: Option<LineEnd>,
    vcard_version: Option<VcardVersion>,
    custom_fields: Option<Vec<String>>,
    audience: Option<Audience>,
    search: Option<String>,
    export_id: Option<Uuid>,
}

/// One part of a file.
#[derive(Serialize)]
struct Part {
    export_id: Uuid,
    /// In base64; nothing behind the end.
    part: Option<String>,
    report: ExportReport,
}

/// Begins an export, or goes on with the one that `export_id` names.
pub(crate) async fn perform(call: &Call<'_>, input: &str) -> Result<Value, Failure> {
    let wanted: Wanted = read(input)?;
    let exports = &call.open()?.exports;
    let mut export = match wanted.export_id {
        Some(id) => {
            let found = exports.take(call.actor(), id);
            found.ok_or_else(|| {
                let what =
                    "this export does not go on: it ended, or gave way to others; begin it again";
                Error::new(ErrorKind::NotFound, what)
            })?
        }
        None => begin(call, wanted).await?,
    };
    let next = export.next().await;
    let (export_id, report) = (export.id(), export.report());
    if !matches!(next, Ok(None)) {
        exports.put(call.actor().clone(), export);
    }
    let part = next?.map(|part| BASE64_STANDARD.encode(part));
    show(&Part {
        export_id,
        part,
        report,
    })
}

async fn begin(call: &Call<'_>, wanted: Wanted) -> Result<Export, Failure> {
    if let Some(audience) = &wanted.audience {
        audience.validate()?;
    }
    let query = ContactQuery {
        audience: wanted.audience,
        search: search("search", wanted.search)?,
        ..ContactQuery::default()
    };
    let options = Options {
        format: wanted.format,
        excel: wanted.excel,
        encoding: wanted.encoding,
        separator: wanted.separator,
        line_end: wanted.line_end,
        vcard_version: wanted.vcard_version,
        custom_fields: wanted.custom_fields,
    };
    Ok(call.session()?.contacts().export(query, &options).await?)
}
