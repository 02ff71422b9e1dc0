//! A thin HTTP host: flags, sign-in and routes around the engine. All rules are the engine's.

mod auth;
mod config;
mod db;
mod error;
mod extract;
mod idempotency;
mod limits;
mod paging;
mod routes;
mod seed;
mod state;
mod strict;
mod views;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use crm_core::ErrorKind;
use crm_core::engine::Engine;
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::{Semaphore, broadcast, watch};
use tracing_subscriber::EnvFilter;

use crate::auth::accounts::Accounts;
use crate::auth::limiter::Limiter;
use crate::auth::password::Passwords;
use crate::auth::tokens::Tokens;
use crate::config::{Command, Config, beside};
use crate::db::Db;
use crate::state::{App, Broadcast, Requests, Shared};

/// How long requests and deliveries under way may take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(35);

fn main() -> ExitCode {
    let config = Config::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot start: {error}"))
        .and_then(|runtime| runtime.block_on(run(config)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "crm-host: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), String> {
    let stop = signals()?;
    let (notices, _) = broadcast::channel(1_024);
    let engine = config.engine(Arc::new(Broadcast(notices.clone())))?;
    if matches!(config.command, Some(Command::Worker)) {
        work(engine, stop).await;
        return Ok(());
    }
    let tokens = Tokens::new(&config.secret()?);
    let app = App::new(Shared {
        engine: engine.clone(),
        accounts: Accounts(Db::open(&beside(&config.path()?, ".accounts"))?),
        passwords: Passwords::new()?,
        tokens,
        limiter: Limiter::default(),
        imports: Arc::new(Semaphore::new(2)),
        notices,
        stop: stop.clone(),
        requests: Requests::default(),
    });
    let demo = if config.demo {
        seed::run(&app).await?
    } else {
        None
    };
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    say(&format!("listening on http://{address}"));
    if let Some(password) = demo {
        say(&format!(
            "demo users admin@example.com, manager@example.com, viewer@example.com; password {password}"
        ));
    }
    let worker = (!config.no_worker).then(|| tokio::spawn(work(engine, stop.clone())));
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

/// Works until `stop`; waits while another worker holds the database.
async fn work(engine: Engine, mut stop: watch::Receiver<bool>) {
    let name = format!("host-{}", std::process::id());
    let worker = Worker::new(
        engine,
        WorkerOptions {
            name,
            ..WorkerOptions::default()
        },
    );
    loop {
        match worker.run(stop.clone()).await {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::warn!("another worker holds the database; waiting for it");
            }
            Err(error) => tracing::error!(code = error.kind().code(), "the worker stopped"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
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
