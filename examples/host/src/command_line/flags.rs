//! What can be said on the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crm_core::import::{self, Order};
use secrecy::SecretString;
use uuid::Uuid;

/// What `--help` says below the flags.
const MORE: &str = "\
Settings are those of crm-host, from its environment (CRM_DATABASE, CRM_CONFIG, ...) and its file: `crm-host --help`.
A database address that holds a password belongs there, where no process list shows it.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 something was refused, rejected or
is broken; 2 what was given cannot be used, and nothing was done; 130 stopped by a signal.

  crm import contacts.csv --dry-run
  crm import contacts.csv --rejects rejects.csv
  crm audience count 'segment = VIP and birthday within 7d'
  crm export --audience 'tag = gold' --excel --output gold.csv
  crm approve --campaign 0190a1b2-... --yes
  crm verify-history";

/// The outreach engine from the command line: works on the database itself, without a host.
#[derive(Parser)]
#[command(name = "crm", version, after_help = MORE, max_term_width = 120)]
pub(super) struct Flags {
    #[command(flatten)]
    pub(super) place: PlaceFlags,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where and as whom.
#[derive(Args)]
pub(super) struct PlaceFlags {
    /// Settings file of crm-host (TOML).
    #[arg(long, env = "CRM_CONFIG", value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Database: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE [default: sqlite:crm.db].
    #[arg(long, env = "CRM_DATABASE", value_name = "URL", global = true, hide_env_values = true,
        value_parser = secret)]
    pub(super) database: Option<SecretString>,
    /// Workspace [default: default; verify-history: all].
    #[arg(long, env = "CRM_WORKSPACE", value_name = "NAME", global = true)]
    pub(super) workspace: Option<String>,
    /// Who does it, as the history will tell; 1 to 100 characters [default: crm:USER].
    #[arg(long, env = "CRM_ACTOR", value_name = "NAME", global = true)]
    pub(super) actor: Option<String>,
    /// Prints JSON with the field names of the HTTP API.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Never fails: what is wrong with it is told without its value, which clap would repeat.
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Imports a file of contacts: CSV in any encoding and dialect, a workbook of Excel, vCards or JSON lines.
    Import(Box<ImportFlags>),
    /// Writes contacts as a file that an import reads back.
    Export(ExportFlags),
    /// Looks at an audience.
    #[command(subcommand)]
    Audience(AudienceCommand),
    /// Shows the plan of a campaign: who gets what when, who does not and why, and what it costs.
    Plan(PlanFlags),
    /// Shows which messages would be approved and, with --yes, approves them.
    Approve(ApproveFlags),
    /// Checks that nobody changed the history; exit code 1 when somebody did.
    VerifyHistory(HistoryFlags),
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ImportFlags {
    #[command(subcommand)]
    pub(super) command: Option<ImportCommand>,
    /// The file; - or nothing for standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Says what would be done with each kind of row; nothing is written.
    #[arg(long, conflicts_with_all = ["resume", "rejects"])]
    pub(super) dry_run: bool,
    /// What becomes of people who are already there, by external id, e-mail or phone [default: skip].
    #[arg(long, value_name = "HOW")]
    pub(super) duplicates: Option<DuplicatesFlag>,
    /// What a column fills, for example --mapping 'Кто=name'; nothing behind = leaves it out. Repeatable.
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = column)]
    pub(super) mapping: Vec<(String, Option<String>)>,
    /// The country of phone numbers without a country code, two letters of ISO 3166-1 [default: UZ].
    #[arg(long, value_name = "COUNTRY")]
    pub(super) region: Option<String>,
    /// Any label of the WHATWG's Encoding Standard, for example windows-1251 [default: found out].
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<String>,
    /// What stands between cells: , ; | or tab [default: found out].
    #[arg(long, value_name = "SIGN", value_parser = separator)]
    pub(super) separator: Option<char>,
    /// The sheet of a workbook [default: the first one].
    #[arg(long, value_name = "NAME")]
    pub(super) sheet: Option<String>,
    /// What comes first in dates that can be read in two ways [default: found out].
    #[arg(long, value_name = "ORDER")]
    pub(super) dates: Option<DatesFlag>,
    /// Writes the rejected rows to this file, with the reason; it can be mended and imported.
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,
    /// Goes on with an import of this very file that was cut off: the one with this id, or the last one.
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true)]
    pub(super) resume: Option<Option<Uuid>>,
}

#[derive(Subcommand)]
pub(super) enum ImportCommand {
    /// Takes an import back: removes the contacts it made and gives those it changed back what they said.
    Revert {
        /// The import.
        id: Uuid,
    },
    /// Shows the report of an import.
    Show {
        /// The import.
        id: Uuid,
    },
    /// Writes the rejected rows of an import to standard output, in the encoding of its file.
    Rejects {
        /// The import.
        id: Uuid,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum DuplicatesFlag {
    /// Leaves them as they are.
    Skip,
    /// What the file says replaces what is known.
    Update,
    /// What the file says fills what is empty.
    Fill,
    /// Makes one more contact.
    Create,
}

impl From<DuplicatesFlag> for import::Duplicates {
    fn from(flag: DuplicatesFlag) -> Self {
        match flag {
            DuplicatesFlag::Skip => Self::Skip,
            DuplicatesFlag::Update => Self::Update,
            DuplicatesFlag::Fill => Self::Fill,
            DuplicatesFlag::Create => Self::Create,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum DatesFlag {
    /// 31/12/2026.
    DayFirst,
    /// 12/31/2026.
    MonthFirst,
}

impl From<DatesFlag> for Order {
    fn from(flag: DatesFlag) -> Self {
        match flag {
            DatesFlag::DayFirst => Self::DayFirst,
            DatesFlag::MonthFirst => Self::MonthFirst,
        }
    }
}

impl ImportFlags {
    /// What is known of the file.
    pub(super) fn options(&self) -> import::Options {
        import::Options {
            encoding: self.encoding.clone(),
            separator: self.separator,
            sheet: self.sheet.clone(),
            region: self.region.clone(),
            dates: self.dates.map(Into::into),
            mapping: self.mapping.iter().cloned().collect::<BTreeMap<_, _>>(),
            duplicates: self.duplicates.map(Into::into).unwrap_or_default(),
        }
    }
}

#[derive(Args)]
pub(super) struct ExportFlags {
    /// csv, jsonl or vcard [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// CSV that a double click opens in a spreadsheet: UTF-8 with a mark, ; and CRLF.
    #[arg(long)]
    pub(super) excel: bool,
    /// CSV: utf-8, utf-8-bom, utf-16le, utf-16be, windows-1251, windows-1252, ibm866, koi8-r [default: utf-8].
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<String>,
    /// CSV: , ; | or tab [default: ,].
    #[arg(long, value_name = "SIGN")]
    pub(super) separator: Option<String>,
    /// CSV: crlf or lf [default: crlf].
    #[arg(long, value_name = "END")]
    pub(super) line_end: Option<String>,
    /// vCards: 4.0 or 3.0 [default: 4.0].
    #[arg(long, value_name = "VERSION")]
    pub(super) vcard_version: Option<String>,
    /// Custom fields that get a column, with commas between them [default: all].
    #[arg(long, value_name = "NAMES")]
    pub(super) custom_fields: Option<String>,
    /// Only contacts of this audience, as text or JSON [default: everybody].
    #[arg(long, value_name = "EXPR")]
    pub(super) audience: Option<String>,
    /// Only contacts with this text in name, e-mail or company, at most 200 characters.
    #[arg(long, value_name = "TEXT")]
    pub(super) search: Option<String>,
    /// Writes to this file, readable by its owner alone; it is there once it is whole [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum AudienceCommand {
    /// Counts the contacts of an audience.
    Count(AudienceFlags),
}

#[derive(Args)]
pub(super) struct AudienceFlags {
    /// The audience, as text (docs/audiences.md) or JSON; everybody for all.
    #[arg(value_name = "EXPR")]
    pub(super) expression: String,
    /// Shows so many of them, too, newest first; 0 to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) sample: u32,
}

#[derive(Args)]
pub(super) struct PlanFlags {
    /// The campaign: its id, or its name where only one has it.
    pub(super) campaign: String,
    /// How many lines are shown; 0 to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) lines: u32,
    /// Shows only lines of those who get nothing (true), or only of those who get something (false).
    #[arg(long, value_name = "BOOL")]
    pub(super) excluded: Option<bool>,
}

#[derive(Args)]
pub(super) struct ApproveFlags {
    /// These messages, at most 10000.
    #[arg(value_name = "ID", conflicts_with = "filter")]
    pub(super) ids: Vec<Uuid>,
    #[command(flatten)]
    pub(super) filter: ApproveFilter,
    /// All that can be approved, in the whole workspace.
    #[arg(long, conflicts_with_all = ["ids", "filter"])]
    pub(super) all: bool,
    /// Approves them. Without it they are only shown.
    #[arg(long)]
    pub(super) yes: bool,
    /// Approves only exactly what was shown: the manifest that was printed then.
    #[arg(long, value_name = "HEX", requires = "yes")]
    pub(super) manifest: Option<String>,
}

/// Or all that match.
#[derive(Args)]
#[group(id = "filter", multiple = true)]
pub(super) struct ApproveFilter {
    /// Of this campaign, by its id.
    #[arg(long, value_name = "ID")]
    pub(super) campaign: Option<Uuid>,
    /// To this contact, by its id.
    #[arg(long, value_name = "ID")]
    pub(super) contact: Option<Uuid>,
    /// draft or pending_approval.
    #[arg(long, value_name = "STATUS", value_parser = named::<crm_core::message::Status>)]
    pub(super) status: Option<crm_core::message::Status>,
    /// birthday, holiday, custom, ...
    #[arg(long, value_name = "OCCASION", value_parser = named::<crm_core::message::Occasion>)]
    pub(super) occasion: Option<crm_core::message::Occasion>,
    /// ai or manual.
    #[arg(long, value_name = "WRITER", value_parser = named::<crm_core::message::GeneratedBy>)]
    pub(super) generated_by: Option<crm_core::message::GeneratedBy>,
    /// With this text in subject or content, at most 200 characters.
    #[arg(long, value_name = "TEXT")]
    pub(super) search: Option<String>,
    /// With a finding at least as grave: notice, warning or blocking.
    #[arg(long, value_name = "SEVERITY", value_parser = named::<crm_core::guardrail::Severity>)]
    pub(super) severity: Option<crm_core::guardrail::Severity>,
}

#[derive(Args)]
pub(super) struct HistoryFlags {
    /// A checkpoint that was kept elsewhere, POSITION:HASH as this command prints it; with --workspace.
    #[arg(long, value_name = "CHECKPOINT")]
    pub(super) checkpoint: Option<String>,
}

/// One of the engine's names, which are those of its JSON.
fn named<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| {
        let text = error.to_string();
        let known = text.split_once("expected ").map_or("", |(_, known)| known);
        match known {
            "" => "there is no such name".to_owned(),
            known => format!("use {}", known.replace('`', "")),
        }
    })
}

/// A column and what it fills. Names of columns may hold `=`, names of fields do not.
fn column(text: &str) -> Result<(String, Option<String>), String> {
    let (column, field) = text
        .rsplit_once('=')
        .filter(|(column, _)| !column.is_empty())
        .ok_or("use COLUMN=FIELD, or COLUMN= to leave it out")?;
    Ok((
        column.to_owned(),
        Some(field.trim().to_owned()).filter(|field| !field.is_empty()),
    ))
}

fn separator(text: &str) -> Result<char, String> {
    match text {
        "tab" | "\\t" => Ok('\t'),
        _ => char::from_str(text).map_err(|_| "use , ; | or tab".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn read(args: &[&str]) -> Result<Flags, String> {
        let args = std::iter::once("crm").chain(args.iter().copied());
        Flags::try_parse_from(args).map_err(|error| error.to_string())
    }

    fn import(args: &[&str]) -> Box<ImportFlags> {
        match read(args).map(|flags| flags.command) {
            Ok(Command::Import(flags)) => flags,
            Ok(_) => panic!("another command"),
            Err(problem) => panic!("{problem}"),
        }
    }

    #[test]
    fn the_flags_fit_each_other() {
        Flags::command().debug_assert();
    }

    #[test]
    fn columns_are_mapped_left_out_and_resumed() {
        let flags = import(&[
            "import",
            "a.csv",
            "--mapping",
            "a=b=name",
            "--mapping",
            "Note=",
            "--separator",
            "tab",
            "--resume",
        ]);
        let options = flags.options();
        assert_eq!(options.mapping["a=b"].as_deref(), Some("name"));
        assert_eq!(options.mapping["Note"], None);
        assert_eq!(options.separator, Some('\t'));
        assert_eq!(flags.resume, Some(None));
        let id = "01932b00-0000-7000-8000-000000000001";
        let flags = import(&["import", &format!("--resume={id}"), "a.csv"]);
        assert_eq!(flags.resume, Some(id.parse().ok()));
        assert!(import(&["import"]).file.is_none());
        assert!(matches!(
            import(&["import", "revert", id]).command,
            Some(ImportCommand::Revert { .. })
        ));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let id = "01932b00-0000-7000-8000-000000000001";
        for (args, hint) in [
            (&["import", "a", "--dry-run", "--resume"][..], "--resume"),
            (&["import", "a", "--mapping", "x"], "COLUMN=FIELD"),
            (&["import", "a", "--separator", "ab"], "tab"),
            (&["import", "a", "--duplicates", "merge"], "skip"),
            (&["approve", id, "--campaign", id], "--campaign"),
            (&["approve", "--all", "--campaign", id], "--campaign"),
            (&["approve", id, "--manifest", "00"], "--yes"),
            (&["approve", "--severity", "grave"], "blocking"),
            (
                &["audience", "count", "everybody", "--sample", "1001"],
                "1000",
            ),
            (&["plan"], "CAMPAIGN"),
            (&["nonsense"], "nonsense"),
        ] {
            let problem = read(args).err().unwrap_or_default();
            assert!(problem.contains(hint), "{args:?}: {problem}");
        }
    }
}
