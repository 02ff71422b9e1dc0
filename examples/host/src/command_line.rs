//! `crm`: the engine from the command line, for people who run it. Works on the database itself, as a host does, and
//! beside one that runs.

mod approve;
mod audience;
mod export;
mod flags;
mod history;
mod import;
mod input;
mod output;
mod past;
mod place;
mod plan;
mod progress;
mod rejects;
mod table;
mod words;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use self::flags::{AudienceCommand, Command, Flags, ImportCommand, ImportFlags};
use self::output::{Done, Failure, Output, note};
use self::place::Place;

/// What is told to whoever gives no command is the help.
const HELP: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

/// What is wrong with the arguments, on one line: the first paragraph of what their reader says.
fn in_short(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let first: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let text = first.join(" ");
    text.trim_start_matches("error: ").to_owned()
}

/// Reads the arguments, does it, and says how that went.
pub(crate) fn run() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) if !error.use_stderr() || error.kind() == HELP => error.exit(),
        Err(error) => {
            note(&in_short(&error.to_string()));
            return Failure::Usage(String::new()).into();
        }
    };
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("the runtime cannot start: {error}")))
        .and_then(|runtime| runtime.block_on(command(flags)));
    match done {
        Ok(done) => done.into(),
        Err(failure) => {
            if let Some(text) = failure.text() {
                note(text);
            }
            failure.into()
        }
    }
}

async fn command(flags: Flags) -> Result<Done, Failure> {
    let place = Place::new(flags.place)?;
    let output = Output::new(place.json);
    match flags.command {
        Command::Import(flags) => imports(&place, *flags, output).await,
        Command::Export(flags) => export::run(&place, flags, output).await,
        Command::Audience(AudienceCommand::Count(flags)) => {
            audience::count(&place, flags, output).await
        }
        Command::Plan(flags) => plan::run(&place, flags, output).await,
        Command::Approve(flags) => approve::run(&place, flags, output).await,
        Command::VerifyHistory(flags) => history::verify(&place, flags, output).await,
    }
}

async fn imports(place: &Place, flags: ImportFlags, output: Output) -> Result<Done, Failure> {
    match flags.command {
        None if flags.dry_run => import::preview(place, &flags, output).await,
        None => import::run(place, &flags, output).await,
        Some(ImportCommand::Revert { id }) => past::revert(place, id, output).await,
        Some(ImportCommand::Show { id }) => past::show(place, id, output).await,
        Some(ImportCommand::Rejects { id }) => past::rejects(place, id).await,
    }
}
