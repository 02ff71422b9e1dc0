//! Puts the engine together from the settings.

mod channels;
mod secrets;
mod subscriptions;

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_core::consent::Rules;
use crm_core::engine::{Engine, Policy};
use crm_core::port::observer::Observer;
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use secrecy::ExposeSecret as _;

use crate::config::{Config, Database};
pub(crate) use secrets::secret;
pub(crate) use subscriptions::subscribe;

/// The directory of an SQLite database has to be there.
pub(crate) fn check(config: &Config) -> Result<(), String> {
    let Database::Sqlite(path) = &config.database else {
        return Ok(());
    };
    let directory = match path.parent() {
        Some(path) if !path.as_os_str().is_empty() => path,
        _ => Path::new("."),
    };
    if directory.is_dir() {
        Ok(())
    } else {
        Err(format!(
            "the directory {} of the database does not exist; create it, or give another --database",
            directory.display()
        ))
    }
}

/// The engine's store.
async fn open_store(database: &Database) -> Result<Arc<dyn Store>, String> {
    match database {
        Database::Sqlite(path) => {
            let file = path.display();
            // Personal data: readable by its owner only from the first moment.
            private_file(path).map_err(|error| {
                format!("the database {file} cannot be created: {}", error.kind())
            })?;
            let store = SqliteStore::open(path, SqliteOptions::default())
                .map_err(|error| format!("the database {file} cannot be opened: {error}"))?;
            Ok(Arc::new(store))
        }
        Database::Postgres(url) => {
            let store = PgStore::connect(url.expose_secret(), PgOptions::default())
                .await
                .map_err(|error| format!("the database cannot be opened: {error}"))?;
            Ok(Arc::new(store))
        }
    }
}

/// The engine.
pub(crate) async fn engine(config: &Config, observer: Arc<dyn Observer>) -> Result<Engine, String> {
    let mut builder = Engine::builder(
        open_store(&config.database).await?,
        Arc::new(SystemClock),
        Arc::new(RandomIds::default()),
    )
    .observer(observer)
    .guardrails(config.guardrails.clone())
    .calendars(config.calendars.clone())
    .policy(Policy {
        consent: Rules {
            marketing_needs_opt_in: config.marketing_needs_opt_in,
        },
        ..Policy::default()
    });
    if let Some(url) = &config.public_url {
        builder = builder.opt_in_url(format!("{url}/o/"));
    }
    let keys = secrets::token_keys(config)?;
    if let Some(keys) = keys.clone() {
        builder = builder.token_keys(keys);
    }
    for (name, channel) in channels::all(config, keys.as_ref())? {
        builder = builder.channel(name, channel);
    }
    for (name, subscriber) in subscriptions::all(config)? {
        builder = builder.subscriber(name, subscriber);
    }
    for (number, model) in models(config)?.into_iter().enumerate() {
        let model = Arc::new(model);
        if number == 0 {
            builder = builder.llm_batch(model.clone());
        }
        // The first one is the first of the list.
        builder = builder.fallback_llm(model);
    }
    Ok(builder.build())
}

/// The models, in the order they are asked in.
fn models(config: &Config) -> Result<Vec<Claude>, String> {
    let Some(key) = &config.model_key else {
        return Ok(Vec::new());
    };
    let others = config.fallback_models.iter().map(Some);
    let names = std::iter::once(config.model.as_ref()).chain(others);
    let models = names.map(|name| {
        let mut claude = ClaudeConfig::new(key.clone());
        if let Some(url) = &config.model_url {
            claude.base_url.clone_from(url);
        }
        if let Some(name) = name {
            claude.model.clone_from(name);
        }
        Claude::new(claude).map_err(|error| format!("the model: {error}"))
    });
    models.collect()
}

/// What writes drafts, for whoever starts the host.
pub(crate) fn writers(config: &Config) -> String {
    let Some(key) = &config.model_key else {
        return "templates and built-in greetings; set ANTHROPIC_API_KEY for Claude".to_owned();
    };
    let usual = || ClaudeConfig::new(key.clone()).model;
    let first = config.model.clone().unwrap_or_else(usual);
    let names: Vec<_> = std::iter::once(first)
        .chain(config.fallback_models.iter().cloned())
        .collect();
    format!("Claude ({})", names.join(", then "))
}

/// `path` with `suffix` behind its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates `path` readable by its owner only, if it is not there yet.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
