//! What is kept of imports: their reports, their rejected rows, and the way back.

use crm_core::Error;
use crm_core::id::ImportId;
use crm_core::import::encoding::Encoding;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::output::{Done, Failure, Output};
use super::place::Place;
use crate::imports::{Found, ImportStatus, ImportView};
use crate::records::NewRejects;

/// A value as JSON; plain data, so this cannot fail.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The name that one of a few choices has in JSON.
pub(super) fn name(value: &impl Serialize) -> String {
    json(value).as_str().unwrap_or_default().to_owned()
}

/// What a file was found to be.
pub(super) fn file(name_of: &str, found: &Found, output: Output) -> Result<(), Failure> {
    let separator = match found.separator.as_str() {
        "" => String::new(),
        "\t" => ", separator tab".to_owned(),
        sign => format!(", separator {sign}"),
    };
    let sheet = match found.sheet.as_str() {
        "" => String::new(),
        sheet => format!(", sheet {sheet}"),
    };
    output.line(&format!(
        "{name_of}: {}, {}{separator}{sheet}; read as {}, phone numbers as of {}",
        name(&found.format),
        found.encoding,
        found.profile,
        found.region
    ))?;
    for (column, field) in &found.mapping {
        match field {
            Some(field) => output.line(&format!("  {column} -> {field}"))?,
            None => output.line(&format!("  {column} is left out"))?,
        }
    }
    for warning in &found.warnings {
        let column = warning.column.as_deref();
        let column = column.map_or(String::new(), |column| format!(" ({column})"));
        output.line(&format!("  look at: {}{column}", warning.code))?;
    }
    Ok(())
}

/// The report of an import.
pub(super) fn told(name_of: &str, report: &ImportView, output: Output) -> Result<(), Failure> {
    if output.json {
        return output.document(report);
    }
    if let Some(found) = &report.detected {
        file(name_of, found, output)?;
    }
    output.line(&format!(
        "import {}: {}, {} of {} rows: {} created, {} updated, {} skipped, {} rejected",
        report.import_id,
        name(&report.status),
        report.done,
        report.rows,
        report.created,
        report.updated,
        report.skipped,
        report.rejected
    ))?;
    if let Some(detail) = &report.detail {
        output.line(&format!("  {detail}"))?;
    }
    if let Some(revert) = &report.revert {
        output.line(&format!(
            "  taken back: {} removed, {} restored, {} kept",
            revert.removed, revert.restored, revert.kept
        ))?;
        for kept in &revert.items {
            output.line(&format!("  {} stays: {}", kept.contact_id, kept.reason))?;
        }
    }
    Ok(())
}

/// Shows a report.
pub(super) async fn show(place: &Place, id: Uuid, output: Output) -> Result<Done, Failure> {
    place.exists()?;
    let report = load(place, id).await?;
    told("the file", &report, output)?;
    Ok(Done::Well)
}

async fn load(place: &Place, id: Uuid) -> Result<ImportView, Failure> {
    let records = place.records().await?;
    let found = records.load_import(place.workspace(), id).await?;
    found.ok_or_else(|| Error::not_found("import").into())
}

/// Writes the rejected rows that are kept.
pub(super) async fn rejects(place: &Place, id: Uuid) -> Result<Done, Failure> {
    place.exists()?;
    let encoding = Encoding::named(load(place, id).await?.encoding())?;
    let output = Output::new(false);
    output.bytes(encoding.mark())?;
    let records = place.records().await?;
    for piece in 0.. {
        let rows = records.import_rejects(place.workspace(), id, piece).await?;
        let Some(rows) = rows else {
            break;
        };
        // The rows came out of the encoding and the reasons are in ASCII.
        output.bytes(&encoding.encode(&rows).0)?;
    }
    Ok(Done::Well)
}

/// Takes an import back.
pub(super) async fn revert(place: &Place, id: Uuid, output: Output) -> Result<Done, Failure> {
    let engine = place.engine().await?;
    let records = place.records().await?;
    let workspace = place.workspace();
    let _turn = records.import_turn(id).await?;
    let found = records.load_import(workspace.clone(), id).await?;
    let mut report = found.ok_or_else(|| Failure::from(Error::not_found("import")))?;
    match report.status {
        ImportStatus::Completed | ImportStatus::Failed => {}
        ImportStatus::Reverted => {
            return Err(Failure::Failed(format!("import {id} was reverted before")));
        }
        ImportStatus::Queued | ImportStatus::Running => {
            return Err(Failure::Failed(format!(
                "import {id} has not ended; wait for it, or, if its program was killed, go on with \
                 `crm import FILE --resume={id}` first"
            )));
        }
    }
    let session = place.session(&engine);
    let done = session
        .contacts()
        .revert_import(ImportId(id), report.rows)
        .await?;
    report.reverted(&done);
    let saved = records.save_import(workspace, report.clone(), NewRejects::None);
    saved.await?;
    told("the file", &report, output)?;
    Ok(match done.kept {
        0 => Done::Well,
        _ => Done::Partly,
    })
}
