//! `crm-bench`: see the README beside it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use crm_benches::report::Report;
use crm_benches::scale::Scale;
use crm_benches::{Outcome, approve, deliver, expand, reads};

/// Measures the engine on SQLite against what SQLite itself does on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// How much data.
    #[arg(long, value_enum, default_value = "100k")]
    scale: Scale,
    /// Only these (T1, T2, T6, T7, T8), separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Alternating runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Write the figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// A folder for the databases, on the disk to be measured; a temporary one otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

async fn run(options: Options) -> Outcome<()> {
    let temporary = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let wanted = |id: &str| {
        options.only.is_empty()
            || options
                .only
                .iter()
                .any(|only| only.eq_ignore_ascii_case(id))
    };
    let (folder, scale, runs) = (temporary.path(), options.scale, options.runs);
    let mut figures = Vec::new();
    if wanted("T1") {
        figures.push(expand::measure(folder, scale.rows(), runs).await?);
    }
    if wanted("T2") {
        figures.push(deliver::measure(folder, scale.deliveries(), runs).await?);
    }
    if wanted("T6") {
        figures.push(approve::measure(folder, scale.approvals(), runs).await?);
    }
    if wanted("T7") || wanted("T8") {
        let wanted = [wanted("T7"), wanted("T8")];
        figures.extend(reads::measure(folder, scale.rows(), runs, wanted).await?);
    }
    let report = Report {
        scale: format!("{scale:?}"),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        figures,
    };
    println!("{}", report.table());
    if let Some(path) = options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crm-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
