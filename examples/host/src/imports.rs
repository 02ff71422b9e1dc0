//! Reports of imports, each in its user's workspace.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_core::Workspace;
use crm_core::engine::{ImportReport, LostValue, RevertReport};
use crm_core::import::{self, Detected, Format, LineEnd, Order, Warning};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::extract::User;
use crate::error::Problem;
use crate::records::NewRejects;
use crate::state::App;

/// Why an import did not end.
pub(crate) const INTERRUPTED: &str =
    "the host stopped during the import; send the file again with `resume`, or revert it";

/// Most cells that say nothing usable in a report.
const MOST_LOST: usize = 1_000;

/// How an import goes.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Import)]
pub(crate) struct ImportView {
    pub(crate) import_id: Uuid,
    pub(crate) status: ImportStatus,
    /// Rows below the header.
    pub(crate) rows: u64,
    /// How many of them were dealt with: the sum of the four below.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) done: u64,
    pub(crate) created: u64,
    /// Rows of people who were already there and whose contact says now what it should.
    pub(crate) updated: u64,
    /// Rows of people who were already there and were left alone.
    pub(crate) skipped: u64,
    /// Rows that could not be taken; see `rejects`.
    pub(crate) rejected: u64,
    /// What becomes of people who are already there.
    #[serde(default)]
    #[schema(required = true)]
    duplicates: Duplicates,
    /// SHA-256 of the file, in hexadecimal digits.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) digest: String,
    pub(crate) detected: Option<Found>,
    /// Cells of rows that were taken that say nothing usable, at most 1,000.
    lost: Vec<LostCell>,
    /// Why it failed, and what to do.
    pub(crate) detail: Option<String>,
    /// What taking it back did.
    pub(crate) revert: Option<Reverted>,
}

/// An import in a list: how it went, without what was found in the file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportLine {
    import_id: Uuid,
    /// When it began.
    started_at: Option<DateTime<Utc>>,
    status: ImportStatus,
    /// Rows below the header.
    rows: u64,
    /// How many of them were dealt with: the sum of the four below.
    done: u64,
    created: u64,
    updated: u64,
    skipped: u64,
    rejected: u64,
    /// Why it failed, and what to do.
    detail: Option<String>,
}

impl From<ImportView> for ImportLine {
    fn from(report: ImportView) -> Self {
        // The id begins with that instant.
        let (seconds, nanos) = report
            .import_id
            .get_timestamp()
            .map_or((0, 0), |instant| instant.to_unix());
        let started_at = i64::try_from(seconds).ok().filter(|at| *at > 0);
        Self {
            import_id: report.import_id,
            started_at: started_at.and_then(|at| DateTime::from_timestamp(at, nanos)),
            status: report.status,
            rows: report.rows,
            done: report.done,
            created: report.created,
            updated: report.updated,
            skipped: report.skipped,
            rejected: report.rejected,
            detail: report.detail,
        }
    }
}

/// Imports, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportList {
    items: Vec<ImportLine>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Where an import stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportStatus {
    Queued,
    Running,
    Completed,
    Failed,
    Reverted,
}

/// What was found out about the file.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Detected)]
pub(crate) struct Found {
    pub(crate) format: FileFormat,
    /// `utf-8`, `utf-8-bom`, `utf-16le`, `windows-1251`, `ibm866`, ...
    pub(crate) encoding: String,
    /// How sure that is.
    #[schema(minimum = 0, maximum = 1)]
    encoding_confidence: f64,
    /// What stands between the cells; empty where there are none.
    pub(crate) separator: String,
    line_end: FileLineEnd,
    /// The sheet of a workbook; empty otherwise.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) sheet: String,
    /// The country of phone numbers without a country code.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) region: String,
    /// Which program wrote it: `google`, `google_old`, `hubspot`, `salesforce`, `outlook`, `bitrix24`, `amocrm`; `plain`: columns
    /// found by their names; `vcard`, `json_lines`.
    pub(crate) profile: String,
    /// Share of the columns whose meaning is known, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    confidence: f64,
    /// The field each column fills; null for one left out.
    pub(crate) mapping: BTreeMap<String, Option<String>>,
    /// What comes first in the dates of each column that holds some.
    dates: BTreeMap<String, DateOrder>,
    /// What a person should look at.
    pub(crate) warnings: Vec<FileWarning>,
}

/// What kind of file it is.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileFormat {
    Csv,
    Vcard,
    JsonLines,
    Xlsx,
}

/// What becomes of people who are already there, by external id, e-mail or phone. `skip`: nothing. `update`: what the file
/// says replaces what is known. `fill`: what the file says fills what is empty. `create`: one more contact.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportDuplicates)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Duplicates {
    #[default]
    Skip,
    Update,
    Fill,
    Create,
}

impl From<import::Duplicates> for Duplicates {
    fn from(how: import::Duplicates) -> Self {
        match how {
            import::Duplicates::Skip => Self::Skip,
            import::Duplicates::Update => Self::Update,
            import::Duplicates::Fill => Self::Fill,
            import::Duplicates::Create => Self::Create,
        }
    }
}

impl From<Duplicates> for import::Duplicates {
    fn from(how: Duplicates) -> Self {
        match how {
            Duplicates::Skip => Self::Skip,
            Duplicates::Update => Self::Update,
            Duplicates::Fill => Self::Fill,
            Duplicates::Create => Self::Create,
        }
    }
}

/// What ends the lines.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FileLineEnd {
    Lf,
    Crlf,
    Cr,
    Mixed,
}

/// What comes first in dates that can be read in two ways, such as `03/04/1985`.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DateOrder {
    DayFirst,
    MonthFirst,
}

/// Something a person should look at.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct FileWarning {
    /// `one_column`, `ambiguous_dates`, `doubtful_encoding` or `more_sheets`.
    pub(crate) code: String,
    pub(crate) column: Option<String>,
}

/// A cell that says nothing usable, in a row that was taken without it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct LostCell {
    line: u64,
    column: String,
    reason: String,
}

impl From<&Detected> for Found {
    fn from(found: &Detected) -> Self {
        let order = |order: &Order| match order {
            Order::DayFirst => DateOrder::DayFirst,
            Order::MonthFirst => DateOrder::MonthFirst,
        };
        let warning = |warning: &Warning| FileWarning {
            code: warning.code.clone(),
            column: warning.column.clone(),
        };
        Self {
            format: match found.format {
                Format::Csv => FileFormat::Csv,
                Format::Vcard => FileFormat::Vcard,
                Format::JsonLines => FileFormat::JsonLines,
                Format::Xlsx => FileFormat::Xlsx,
            },
            encoding: found.encoding.clone(),
            encoding_confidence: found.encoding_confidence,
            separator: found.separator.clone(),
            line_end: match found.line_end {
                LineEnd::Lf => FileLineEnd::Lf,
                LineEnd::Crlf => FileLineEnd::Crlf,
                LineEnd::Cr => FileLineEnd::Cr,
                LineEnd::Mixed => FileLineEnd::Mixed,
            },
            sheet: found.sheet.clone(),
            region: found.region.to_string(),
            profile: found.profile.clone(),
            confidence: found.confidence,
            mapping: found.mapping.clone(),
            dates: found
                .dates
                .iter()
                .map(|(name, by)| (name.clone(), order(by)))
                .collect(),
            warnings: found.warnings.iter().map(warning).collect(),
        }
    }
}

impl From<&LostValue> for LostCell {
    fn from(lost: &LostValue) -> Self {
        Self {
            line: lost.line,
            column: lost.column.clone(),
            reason: lost.reason.clone(),
        }
    }
}

/// What taking an import back did.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reverted {
    /// Contacts that were removed.
    pub(crate) removed: u64,
    /// Contacts that say again what they said before.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) restored: u64,
    /// Contacts that stay.
    pub(crate) kept: u64,
    /// Which ones stay and why, at most 1,000.
    pub(crate) items: Vec<Kept>,
}

/// A contact that stays.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Kept {
    pub(crate) contact_id: Uuid,
    /// `edited`, `has_messages`, or `taken`: another contact has its e-mail or external id by now.
    pub(crate) reason: String,
}

impl ImportView {
    pub(crate) fn queued(
        import_id: Uuid,
        detected: &Detected,
        duplicates: import::Duplicates,
        digest: String,
    ) -> Self {
        Self {
            import_id,
            status: ImportStatus::Queued,
            rows: detected.rows,
            done: 0,
            created: 0,
            updated: 0,
            skipped: 0,
            rejected: 0,
            duplicates: duplicates.into(),
            digest,
            detected: Some(detected.into()),
            lost: Vec::new(),
            detail: None,
            revert: None,
        }
    }

    /// Counts what a further part of the file did.
    pub(crate) fn add(&mut self, part: &ImportReport) {
        self.done += part.rows;
        self.created += part.created;
        self.updated += part.updated;
        self.skipped += part.skipped;
        self.rejected += part.rejected.len() as u64;
        let room = MOST_LOST.saturating_sub(self.lost.len());
        let lost = part.lost.iter().map(LostCell::from);
        self.lost.extend(lost.take(room));
    }

    /// What becomes of people who are already there.
    pub(crate) fn duplicates(&self) -> import::Duplicates {
        self.duplicates.into()
    }

    /// The encoding of the file.
    pub(crate) fn encoding(&self) -> &str {
        self.detected
            .as_ref()
            .map_or("utf-8", |found| &found.encoding)
    }

    /// Whether somebody has to be at it.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.status, ImportStatus::Queued | ImportStatus::Running)
    }

    /// Its host has stopped.
    pub(crate) fn interrupt(&mut self) {
        self.status = ImportStatus::Failed;
        self.detail = Some(INTERRUPTED.to_owned());
    }

    pub(crate) fn reverted(&mut self, done: &RevertReport) {
        self.status = ImportStatus::Reverted;
        let items = done.items.iter();
        self.revert = Some(Reverted {
            removed: done.removed,
            restored: done.restored,
            kept: done.kept,
            items: items
                .map(|kept| Kept {
                    contact_id: kept.id.0,
                    reason: kept.reason.clone(),
                })
                .collect(),
        });
    }
}

pub(crate) fn unwritable() -> Problem {
    Problem::unavailable("the report cannot be written")
}

pub(crate) fn unreadable() -> Problem {
    Problem::unavailable("the report cannot be read")
}

/// The imports of one workspace.
#[derive(Clone)]
pub(crate) struct Imports {
    pub(crate) app: App,
    workspace: Workspace,
}

impl Imports {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            app: user.app.clone(),
            workspace: user.actor().workspace.clone(),
        }
    }

    pub(crate) async fn save(
        &self,
        report: &ImportView,
        rejects: NewRejects,
    ) -> Result<(), Problem> {
        let records = &self.app.records;
        records
            .save_import(self.workspace.clone(), report.clone(), rejects)
            .await
    }

    pub(crate) async fn load(&self, id: Uuid) -> Result<ImportView, Problem> {
        let records = &self.app.records;
        let found = records.load_import(self.workspace.clone(), id).await?;
        Ok(found.ok_or_else(|| crm_core::Error::not_found("import"))?)
    }

    /// A piece of the file of rejected rows; none behind the last one.
    pub(crate) async fn rejects(&self, id: Uuid, piece: u32) -> Result<Option<String>, Problem> {
        let records = &self.app.records;
        let workspace = self.workspace.clone();
        records.import_rejects(workspace, id, piece).await
    }

    /// Those that began before `before`, newest first.
    pub(crate) async fn list(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<ImportList, Problem> {
        let records = &self.app.records;
        let ids = records
            .list_imports(self.workspace.clone(), before, limit + 1)
            .await?;
        let shown = ids.len().min(limit as usize);
        let mut items = Vec::with_capacity(shown);
        for id in ids.iter().take(shown) {
            // One after the other, as one is looked at: what a stopped host left is told as such.
            items.push(ImportLine::from(self.load(*id).await?));
        }
        let more = ids.len() > shown;
        let last = items.last().map(|line| line.import_id);
        Ok(ImportList {
            items,
            next_cursor: last.filter(|_| more),
        })
    }
}
