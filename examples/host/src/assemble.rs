//! Puts the engine together from the settings.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_ai_claude::{Claude, ClaudeConfig};
use crm_channels::{Outbox, Smtp, SmtpConfig};
use crm_core::contact::AddressKind;
use crm_core::engine::Engine;
use crm_core::port::observer::Observer;
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use secrecy::ExposeSecret as _;

use crate::config::{Config, Database};

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

/// The signing secret: from the settings, else from the file beside an SQLite database. All hosts of a
/// PostgreSQL database need the same one, so there it has to be given; a demonstration, which is one host,
/// makes do with one of its own.
pub(crate) fn secret(config: &Config) -> Result<Vec<u8>, String> {
    if let Some(secret) = &config.secret {
        return long_enough(secret.expose_secret().as_bytes().to_vec(), "CRM_SECRET");
    }
    match &config.database {
        Database::Sqlite(path) => kept_secret(&beside(path, ".secret")),
        Database::Postgres(_) if config.demo => random_secret(),
        Database::Postgres(_) => Err(
            "give CRM_SECRET, at least 32 bytes, the same to all hosts of this database; make one \
             with: head -c 32 /dev/urandom | base64"
                .to_owned(),
        ),
    }
}

fn random_secret() -> Result<Vec<u8>, String> {
    crate::auth::random_hex()
        .map(String::into_bytes)
        .map_err(|_| "the system gives no random numbers".to_owned())
}

/// The file's secret; the first time, a new one that it keeps.
fn kept_secret(path: &Path) -> Result<Vec<u8>, String> {
    let name = format!("the secret file {}", path.display());
    let failed = |error: io::Error| format!("{name} cannot be used: {}", error.kind());
    match std::fs::read_to_string(path) {
        Ok(text) => long_enough(text.trim().as_bytes().to_vec(), &name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = random_secret()?;
            let mut file = private().create_new(true).open(path).map_err(failed)?;
            file.write_all(&secret)
                .and_then(|()| file.sync_all())
                .map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}

fn long_enough(secret: Vec<u8>, what: &str) -> Result<Vec<u8>, String> {
    if secret.len() < 32 {
        return Err(format!(
            "{what} must hold at least 32 bytes; make one with: head -c 32 /dev/urandom | base64"
        ));
    }
    // A long row of one character is as easily guessed as a short one.
    if secret.iter().all(|byte| Some(byte) == secret.first()) {
        return Err(format!("{what} repeats one character; make a random one"));
    }
    Ok(secret)
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
    .observer(observer);
    let outbox = Outbox::new(config.outbox.clone()).map_err(|error| {
        format!(
            "the outbox {} cannot be used: {error}",
            config.outbox.display()
        )
    })?;
    let kinds = [
        ("email", AddressKind::Email),
        ("sms", AddressKind::Phone),
        ("telegram", AddressKind::Telegram),
        ("whatsapp", AddressKind::Whatsapp),
    ];
    for (name, kind) in kinds {
        builder = builder.channel(name, Arc::new(outbox.clone().with_address(kind)));
    }
    for (name, url) in &config.channels {
        let smtp = SmtpConfig::parse(url.expose_secret())
            .and_then(Smtp::new)
            .map_err(|error| format!("channel {name}: {error}"))?;
        builder = builder.channel(name, Arc::new(smtp));
    }
    if let Some(model) = model(config)? {
        builder = builder.llm(Arc::new(model));
    }
    Ok(builder.build())
}

fn model(config: &Config) -> Result<Option<Claude>, String> {
    let Some(key) = config.model_key.clone() else {
        return Ok(None);
    };
    let mut claude = ClaudeConfig::new(key);
    if let Some(url) = &config.model_url {
        claude.base_url.clone_from(url);
    }
    if let Some(model) = &config.model {
        claude.model.clone_from(model);
    }
    Claude::new(claude)
        .map(Some)
        .map_err(|error| format!("the model: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_secret_is_refused() {
        assert!(long_enough(b"0123456789012345678901234567890".to_vec(), "x").is_err());
        assert!(long_enough(vec![b'a'; 64], "x").is_err());
        assert!(long_enough(b"01234567890123456789012345678901".to_vec(), "x").is_ok());
    }
}
