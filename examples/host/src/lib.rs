//! Two programs around the engine, which has all the rules: `crm-host`, a thin HTTP host (flags, sign-in and routes), and
//! `crm`, the command line. They share their settings and how a database is opened.

mod assemble;
mod auth;
mod bounces;
mod command_line;
mod config;
mod csv;
mod document;
mod error;
mod extract;
mod headers;
mod idempotency;
mod imports;
mod limits;
mod migrate;
mod names;
mod paging;
mod records;
mod routes;
#[cfg(test)]
#[path = "../tests/common/scratch.rs"]
mod scratch;
mod seed;
mod state;
mod strict;
mod uploads;
mod views;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crm_core::ErrorKind;
use crm_core::engine::Engine;
use crm_core::port::broadcast::Broadcast;
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::{Semaphore, watch};
use tracing_subscriber::EnvFilter;

use crate::auth::password::Passwords;
use crate::auth::tokens::Tokens;
use crate::config::{Command, Config};
use crate::state::{App, Requests, Shared, WorkerCell, WorkerState};

/// How long requests and deliveries under way may take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(35);

/// Runs `crm-host` with the arguments and the environment of the process: serves, works, or does what a subcommand says.
#[must_use]
pub fn serve() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log on a full disk: telling of it on standard error would panic in whoever logs.
        .log_internal_errors(false)
        .init();
    let done = Config::load().and_then(|config| {
        if matches!(config.command, Some(Command::Openapi)) {
            say(&routes::document().to_string());
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("the runtime cannot start: {error}"))?;
        if let Some(Command::MigrateStore { from, to }) = &config.command {
            return runtime.block_on(migrate::run(from, to));
        }
        tracing::info!(settings = %config, "configuration");
        runtime.block_on(run(config))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "crm-host: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `crm` with the arguments and the environment of the process. Exit codes: 0 done, 1 something was refused or is
/// broken, 2 what was given cannot be used, 130 stopped by a signal.
#[must_use]
pub fn command_line() -> ExitCode {
    command_line::run()
}

async fn run(config: Config) -> Result<(), String> {
    let stop = signals()?;
    let notices = Broadcast::new(1_024);
    assemble::check(&config)?;
    let engine = assemble::engine(&config, Arc::new(notices.clone())).await?;
    assemble::subscribe(&config, &engine).await?;
    let state = WorkerCell::new();
    if matches!(config.command, Some(Command::Worker)) {
        bounces::start(&config, &engine, &stop);
        work(engine, worker_options(&config), state, stop).await;
        return Ok(());
    }
    let secret = assemble::secret(&config)?;
    let app = App::new(Shared {
        engine: engine.clone(),
        records: records::open(&config.database).await?,
        passwords: Passwords::new()?,
        tokens: Tokens::new(&secret),
        largest_import: config.largest_import,
        imports: Semaphore::new(2),
        worker: state.clone(),
        has_model: config.model_key.is_some(),
        public_url: config.public_url.clone(),
        notices,
        stop: stop.clone(),
        requests: Requests::default(),
    });
    let demo = if config.demo {
        Some(seed::run(&app, config.demo_password.clone(), config.demo_drafts).await?)
    } else {
        None
    };
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "; another program uses the port: stop it, or give another one with --listen"
                }
                _ => "",
            };
            format!("cannot listen on {}: {error}{hint}", config.listen)
        })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    say(&format!("listening on http://{address}"));
    if demo.is_none() {
        say(&format!("drafts come from {}", assemble::writers(&config)));
    }
    if let Some(demo) = demo {
        say(&demo.told(address, &config));
    } else if app.records.users().await.is_ok_and(|users| users == 0) {
        say(&format!(
            "there are no users yet: the first one registered at http://{address}/api/docs becomes admin"
        ));
    }
    let worker = config.worker.then(|| {
        state.set(WorkerState::Standby);
        bounces::start(&config, &engine, &stop);
        let options = worker_options(&config);
        tokio::spawn(work(engine, options, state, stop.clone()))
    });
    let service = routes::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let mut drained = stop.clone();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stopped(stop));
    tokio::select! {
        served = async { serving.await } => served.map_err(|error| error.to_string())?,
        () = async {
            let _ = drained.wait_for(|stop| *stop).await;
            tokio::time::sleep(GRACE).await;
        } => tracing::warn!("some requests did not end in time"),
    }
    if let Some(worker) = worker
        && tokio::time::timeout(GRACE, worker).await.is_err()
    {
        tracing::warn!("the worker did not end in time");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Says that the worker failed unless it ended as it should, a panic included.
struct Watched(WorkerCell);

impl Drop for Watched {
    fn drop(&mut self) {
        if self.0.get() != WorkerState::Off {
            self.0.set(WorkerState::Failed);
        }
    }
}

fn worker_options(config: &Config) -> WorkerOptions {
    // On many machines a process's number alone tells nobody apart.
    let (chance, ..) = uuid::Uuid::new_v4().as_fields();
    let usual = WorkerOptions::default();
    WorkerOptions {
        name: format!("host-{}-{chance:08x}", std::process::id()),
        late_after: config.late_after.unwrap_or(usual.late_after),
        ..usual
    }
}

/// Works until `stop`; waits while another worker holds the database.
async fn work(
    engine: Engine,
    options: WorkerOptions,
    state: WorkerCell,
    mut stop: watch::Receiver<bool>,
) {
    let state = Watched(state);
    let worker = Worker::new(engine.clone(), options);
    loop {
        // Holding the dispatcher is the first thing the worker does; asking for it here tells standby
        // from running.
        let held = engine.store().become_dispatcher().await;
        let ended = match held {
            Ok(()) => {
                state.0.set(WorkerState::Running);
                worker.run(stop.clone()).await
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                state.0.set(WorkerState::Standby);
                tracing::warn!("another worker holds the database; waiting for it");
            }
            Err(error) => {
                state.0.set(WorkerState::Failed);
                tracing::error!(
                    code = error.kind().code(),
                    "the worker stopped; it starts again"
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    state.0.set(WorkerState::Off);
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Becomes true with the first signal; the second one ends the process.
fn signals() -> Result<watch::Receiver<bool>, String> {
    let (sender, receiver) = watch::channel(false);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: std::io::Error| format!("signals cannot be handled: {error}");
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
        tokio::spawn(async move {
            for last in [false, true] {
                tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
                if last {
                    std::process::exit(130);
                }
                tracing::info!("stopping; a second signal stops at once");
                let _ = sender.send(true);
            }
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        for last in [false, true] {
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            if last {
                std::process::exit(130);
            }
            let _ = sender.send(true);
        }
    });
    Ok(receiver)
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
