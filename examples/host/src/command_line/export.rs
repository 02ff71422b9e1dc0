//! `crm export`: contacts as a file, page by page, to standard output or to a file that is there once it is whole.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crm_core::engine::Export;
use crm_core::port::store::ContactQuery;
use serde::Serialize;
use uuid::Uuid;

use super::audience;
use super::flags::ExportFlags;
use super::output::{Done, Failure, Output, note};
use super::place::Place;
use super::progress::Progress;
use crate::assemble::beside;
use crate::error::Problem;
use crate::paging;
use crate::routes::export::Wishes;

/// What an export wrote.
#[derive(Serialize)]
struct Report {
    export_id: Uuid,
    contacts: u64,
    /// Cells with a character that the encoding has not.
    lossy_cells: u64,
    left_out: u64,
}

/// Writes the file.
pub(super) async fn run(
    place: &Place,
    flags: ExportFlags,
    output: Output,
) -> Result<Done, Failure> {
    let given = |problem: Problem| Failure::Usage(problem.to_string());
    if output.json && flags.output.is_none() {
        let text =
            "--json: the file goes to standard output; give --output FILE, or use --format jsonl";
        return Err(Failure::Usage(text.to_owned()));
    }
    let wishes = Wishes {
        format: flags.format,
        encoding: flags.encoding,
        separator: flags.separator,
        line_end: flags.line_end,
        excel: flags.excel.then_some(true),
        vcard_version: flags.vcard_version,
        custom_fields: flags.custom_fields,
        ..Wishes::default()
    };
    let options = wishes.options().map_err(given)?;
    let query = ContactQuery {
        audience: flags.audience.as_deref().map(audience::read).transpose()?,
        search: paging::search(flags.search).map_err(given)?,
        ..ContactQuery::default()
    };
    let engine = place.engine().await?;
    let session = place.session(&engine);
    let mut export = session.contacts().export(query, &options).await?;
    match flags.output {
        Some(path) => {
            let mut new = NewFile::begin(&path)?;
            copied(&mut export, |part| new.write(part)).await?;
            new.end()?;
        }
        None => copied(&mut export, |part| output.bytes(part)).await?,
    }
    let done = export.report();
    let report = Report {
        export_id: export.id(),
        contacts: done.contacts,
        lossy_cells: done.lossy_cells,
        left_out: done.left_out,
    };
    if output.json {
        output.document(&report)?;
    } else {
        note(&format!(
            "export {}: {} contacts, {} cells with characters that the encoding has not",
            report.export_id, report.contacts, report.lossy_cells
        ));
    }
    Ok(Done::Well)
}

async fn copied(
    export: &mut Export,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut progress = Progress::new(None);
    while let Some(part) = export.next().await.inspect_err(|_| progress.end())? {
        write(&part).inspect_err(|_| progress.end())?;
        progress.at(export.report().contacts);
    }
    progress.end();
    Ok(())
}

/// A file that takes its place once it is whole.
struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
    whole: bool,
}

impl NewFile {
    fn begin(path: &Path) -> Result<Self, Failure> {
        let part = beside(path, ".part");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if path.is_dir() {
            let name = path.display();
            return Err(Failure::Usage(format!("--output {name}: it is a folder")));
        }
        match options.open(&part) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                part,
                file,
                whole: false,
            }),
            Err(error) => Err(Failure::Usage(format!(
                "--output {}: it cannot be written: {}",
                path.display(),
                error.kind()
            ))),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let done = self.file.write_all(bytes);
        done.map_err(|error| self.failed(&error))
    }

    fn end(mut self) -> Result<(), Failure> {
        let done = self
            .file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.part, &self.path));
        self.whole = done.is_ok();
        done.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let (name, kind) = (self.path.display(), error.kind());
        Failure::Failed(format!("{name} cannot be written: {kind}"))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.whole {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}
