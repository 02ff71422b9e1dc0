//! `crm-bench`: see the README beside it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use crm_benches::report::Report;
use crm_benches::scale::Scale;
use crm_benches::site::Site;
use crm_benches::{
    Outcome, approve, deliver, draft, expand, fill, growth, import, mail, reads, search, workers,
};

/// Measures the engine on a database against what that database itself does on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// Which database; a PostgreSQL server is started for the run.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Kind,
    /// Print which statements take the server's time (PostgreSQL).
    #[arg(long)]
    statements: bool,
    /// How much data.
    #[arg(long, value_enum, default_value = "100k")]
    scale: Scale,
    /// Only these (T1, T2, T3, T4, T5, T6, T7, T8, T9, T11, T13, T17), separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Alternating runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Connections to Postfix, of ours and of the peer (T4), separated by commas; 1 to 100.
    #[arg(long, value_delimiter = ',', default_value = "20")]
    sessions: Vec<usize>,
    /// Write the figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// A folder for the databases, on the disk to be measured; a temporary one otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
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
    let site = match options.store {
        Kind::Sqlite => Site::Sqlite(folder.to_owned()),
        Kind::Postgres => Site::postgres(folder, options.statements)?,
    };
    let mut figures = Vec::new();
    // First, for what others leave in memory counts as well.
    if wanted("T3") {
        figures.extend(mail::into_sink(&site, folder, scale.mails(), runs).await?);
    }
    if wanted("T4") {
        let sessions = &options.sessions;
        figures.extend(mail::into_postfix(&site, folder, sessions, scale.mails(), runs).await?);
    }
    if wanted("T1") {
        figures.push(expand::measure(&site, scale.rows(), runs).await?);
    }
    if wanted("T2") {
        figures.push(deliver::measure(&site, scale.deliveries(), runs).await?);
    }
    if wanted("T5")
        && let Site::Postgres(server, _) = &site
    {
        figures.push(workers::measure(&site, server, scale.deliveries(), runs).await?);
    }
    if wanted("T6") {
        figures.push(approve::measure(&site, scale.approvals(), runs).await?);
    }
    if wanted("T9") {
        figures.extend(import::measure(&site, folder, scale.rows(), runs).await?);
    }
    if wanted("T11") {
        figures.push(draft::measure(&site, scale.drafts(), draft::TAKES).await?);
    }
    if wanted("T13") {
        figures.extend(search::measure(&site, scale.rows()).await?);
    }
    if ["T7", "T8", "T17"].into_iter().any(wanted) {
        let count = scale.rows();
        let filled = fill::fill(&site, reads::NAME, count).await?;
        site.settle(reads::NAME).await?;
        let calls = [wanted("T7"), wanted("T8")];
        figures.extend(reads::measure(&site, &filled, count, runs, calls).await?);
        if wanted("T17") && count > fill::WRITTEN {
            let small = fill::fill(&site, "small", fill::WRITTEN).await?;
            site.settle("small").await?;
            if let Site::Postgres(server, _) = &site {
                growth::prepare(&server.url(reads::NAME), &filled, runs).await?;
            }
            figures.extend(growth::measure(&filled, &small, count, runs).await?);
        }
    }
    let report = Report {
        store: site.name(),
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
