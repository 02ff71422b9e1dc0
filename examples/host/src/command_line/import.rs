//! `crm import FILE`: what would be done, and doing it. An import keeps its report where the host keeps those of its own,
//! so that either can look at it, go on with it and take it back.
//!
//! One that was cut off goes on from the first row: what was taken is found again and not written again, and the report
//! and the file of rejected rows come out as if nothing had happened.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crm_core::engine::Session;
use crm_core::id::ImportId;
use crm_core::import::{Detected, Options, inspect};
use crm_core::{Error, Workspace};
use tokio::sync::watch;
use uuid::Uuid;

use super::flags::ImportFlags;
use super::input::{Bounded, Input};
use super::output::{Done, Failure, Output, note, short, told};
use super::past;
use super::place::Place;
use super::progress::Progress;
use super::rejects::Rejects;
use crate::imports::{Found, ImportStatus, ImportView};
use crate::records::{NewRejects, Records};
use crate::routes::import::{KEPT, PreviewView};

/// What would become of the rows; nothing is written.
pub(super) async fn preview(
    place: &Place,
    flags: &ImportFlags,
    output: Output,
) -> Result<Done, Failure> {
    let mut input = Input::open(flags.file.as_deref())?;
    let options = flags.options();
    let found = looked(&mut input, &options)?;
    let engine = place.made().await?;
    let session = place.session(&engine);
    let contacts = session.contacts();
    let preview = contacts
        .preview_import(&mut input.file, &found, options.duplicates)
        .await?;
    let done = match preview.rejected {
        0 => Done::Well,
        _ => Done::Partly,
    };
    if output.json {
        output.document(&PreviewView::of(preview))?;
        return Ok(done);
    }
    past::file(&input.name, &Found::from(&found), output)?;
    let sure = if preview.exact { "" } else { "about " };
    output.line(&format!(
        "nothing is written: of {} rows {sure}{} would be created, {} updated, {} skipped, {} rejected",
        preview.rows, preview.created, preview.updated, preview.skipped, preview.rejected
    ))?;
    for sample in &preview.samples {
        let what = past::name(&sample.outcome);
        let changed = match sample.changed.as_slice() {
            [] => String::new(),
            changed => format!(" ({})", changed.join(", ")),
        };
        let name = short(&sample.contact.name, 60);
        output.line(&format!("  line {}: {what} {name}{changed}", sample.line))?;
    }
    for row in &preview.rejects {
        output.line(&format!("  line {}: rejected, {}", row.line, row.reason))?;
    }
    Ok(done)
}

/// What the file is.
fn looked(input: &mut Input, options: &Options) -> Result<Detected, Failure> {
    inspect(&mut input.file, options).map_err(|error| {
        let text = told(&error);
        let text = text.strip_prefix("file: ").unwrap_or(&text);
        Failure::Usage(format!("{}: {text}", input.name))
    })
}

/// Imports the file.
pub(super) async fn run(
    place: &Place,
    flags: &ImportFlags,
    output: Output,
) -> Result<Done, Failure> {
    let mut input = Input::open(flags.file.as_deref())?;
    let found = looked(&mut input, &flags.options())?;
    keep_apart(flags)?;
    let engine = place.made().await?;
    let records = place.records().await?;
    let workspace = place.workspace();
    let report = match flags.resume {
        None => new(flags, &input, &found, &records, &workspace).await?,
        Some(id) => again(id, flags, &input, &found, &records, &workspace).await?,
    };
    let mut run = Run {
        rejects: Rejects::begin(&found, flags.rejects.as_deref())?,
        session: place.session(&engine),
        stop: crate::signals().map_err(Failure::Failed)?,
        report,
        records,
        workspace,
        found,
    };
    run.report.status = ImportStatus::Running;
    run.keep().await?;
    let done = run.whole(&mut input.file).await;
    run.end(done, &input, output).await
}

/// The rejected rows must not be written over the file they are in.
fn keep_apart(flags: &ImportFlags) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    let (file, rejects) = (flags.file.as_deref(), flags.rejects.as_deref());
    let same = file.zip(rejects).is_some_and(|(file, rejects)| {
        real(file).is_some_and(|file| real(rejects).is_some_and(|rejects| rejects == file))
    });
    if same {
        let text = "--rejects: it is the file that is imported; give another one";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(())
}

/// The report of an import that begins. How many rows it has is known before the first one is written: taking it back
/// needs nothing else.
async fn new(
    flags: &ImportFlags,
    input: &Input,
    found: &Detected,
    records: &Arc<dyn Records>,
    workspace: &Workspace,
) -> Result<ImportView, Failure> {
    let digest = input.digest.clone();
    let unfinished = records.unfinished_import(workspace.clone(), digest.clone());
    if let Some(id) = unfinished.await? {
        note(&format!(
            "an import of this file has not ended; this is one more, and --resume={id} goes on with that one"
        ));
    }
    let how = flags.options().duplicates;
    Ok(ImportView::queued(Uuid::now_v7(), found, how, digest))
}

/// The report of an import that goes on.
async fn again(
    id: Option<Uuid>,
    flags: &ImportFlags,
    input: &Input,
    found: &Detected,
    records: &Arc<dyn Records>,
    workspace: &Workspace,
) -> Result<ImportView, Failure> {
    let digest = input.digest.clone();
    let id = match id {
        Some(id) => id,
        None => {
            let last = records.unfinished_import(workspace.clone(), digest.clone());
            last.await?.ok_or_else(|| {
                let text = "no import of this file was cut off; leave --resume out";
                Failure::Failed(text.to_owned())
            })?
        }
    };
    let _turn = records.import_turn(id).await?;
    let before = records.load_import(workspace.clone(), id).await?;
    let before = before.ok_or_else(|| Failure::from(Error::not_found("import")))?;
    // Whether one that is under way is, or its program was killed, cannot always be known; taking its rows at the same
    // time as it does has no effect.
    let open = before.is_under_way() || before.status == ImportStatus::Failed;
    if !open {
        return Err(Failure::Failed(format!("import {id} was not cut off")));
    }
    if before.digest != digest {
        let text = "it is another file than before";
        return Err(Failure::Usage(format!("{}: {text}", input.name)));
    }
    let how = before.duplicates();
    let same = flags.duplicates.is_none_or(|flag| how == flag.into())
        && before
            .detected
            .as_ref()
            .is_none_or(|then| past::json(then) == past::json(&Found::from(found)));
    if !same {
        let text = "give the same flags as before: --mapping, --region, --duplicates and what says how to read the file";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(ImportView::queued(id, found, how, digest))
}

/// An import under way.
struct Run {
    session: Session,
    records: Arc<dyn Records>,
    workspace: Workspace,
    found: Detected,
    report: ImportView,
    rejects: Rejects,
    stop: watch::Receiver<bool>,
}

impl Run {
    /// What could not be kept is kept with the next report.
    async fn keep(&mut self) -> Result<(), Failure> {
        let (workspace, new) = (self.workspace.clone(), self.rejects.new.clone());
        let saved = self
            .records
            .save_import(workspace, self.report.clone(), new);
        saved.await?;
        self.rejects.new = NewRejects::None;
        Ok(())
    }

    /// All rows, or those before a signal.
    async fn whole(&mut self, file: &mut Bounded) -> Result<Done, Failure> {
        let session = self.session.clone();
        let contacts = session.contacts();
        let id = ImportId(self.report.import_id);
        let mut import = contacts.import(id, file, &self.found, self.report.duplicates())?;
        let mut progress = Progress::new(Some(self.found.rows));
        let mut kept = Instant::now();
        loop {
            progress.at(self.report.done);
            let part = if *self.stop.borrow() {
                progress.end();
                return Ok(Done::Stopped);
            } else {
                import.step().await
            };
            let Some(part) = part.inspect_err(|_| progress.end())? else {
                progress.end();
                self.rejects.end()?;
                return Ok(Done::Well);
            };
            self.report.add(&part);
            self.rejects.add(&self.found, &part.rejected)?;
            if kept.elapsed() >= KEPT {
                // A failure here shows at the end. Rows that are not counted are taken again, to no effect.
                let _ = self.keep().await;
                kept = Instant::now();
            }
        }
    }

    async fn end(
        mut self,
        done: Result<Done, Failure>,
        input: &Input,
        output: Output,
    ) -> Result<Done, Failure> {
        // Taking it back goes by this number.
        self.report.rows = self.report.rows.max(self.report.done);
        let report = &mut self.report;
        let id = report.import_id;
        let how = format!(
            "`crm import FILE --resume={id}` goes on, `crm import revert {id}` takes it back"
        );
        let done = match done {
            Ok(Done::Well) => {
                report.status = ImportStatus::Completed;
                report.detail = None;
                Ok(match report.rejected {
                    0 => Done::Well,
                    _ => Done::Partly,
                })
            }
            Ok(_) => {
                report.status = ImportStatus::Failed;
                report.detail = Some(format!("it was stopped; {how}"));
                Ok(Done::Stopped)
            }
            Err(failure) => {
                report.status = ImportStatus::Failed;
                let why = failure.text().unwrap_or_default();
                report.detail = Some(format!("{why}; {how}"));
                Err(Failure::Failed(format!(
                    "{why}; {} of {} rows are done; {how}",
                    report.done, report.rows
                )))
            }
        };
        let kept = self.keep().await;
        let done = done?;
        kept.map_err(|_| {
            Failure::Failed(format!(
                "the import is done, but its report cannot be kept; {how}"
            ))
        })?;
        past::told(&input.name, &self.report, output)?;
        if !output.json {
            for (line, reason) in &self.rejects.shown {
                output.line(&format!("  line {line}: {reason}"))?;
            }
        }
        if done == Done::Stopped {
            note(&format!(
                "stopped after {} of {} rows; {how}",
                self.report.done, self.report.rows
            ));
        } else if input.has_changed() {
            note(&format!(
                "{}: it was changed while it was imported; what was added is not in, import it again",
                input.name
            ));
            return Ok(Done::Partly);
        }
        Ok(done)
    }
}
