//! What signs: access tokens, and links to unsubscribe. Given, or made once and kept beside the database.

use std::io::{self, Write as _};
use std::path::Path;

use crm_core::consent::token::TokenKeys;
use secrecy::ExposeSecret as _;

use super::{beside, private};
use crate::config::{Config, Database};

/// The signing secret: from the settings, else from the file beside an SQLite database. All hosts of a
/// PostgreSQL database need the same one, so there it has to be given; a demonstration, which is one host,
/// makes do with one of its own.
pub(crate) fn secret(config: &Config) -> Result<Vec<u8>, String> {
    if let Some(secret) = &config.secret {
        return long_enough(secret.expose_secret().as_bytes().to_vec(), "CRM_SECRET");
    }
    match &config.database {
        Database::Sqlite(path) => {
            let path = beside(path, ".secret");
            let text = kept(&path, "the secret file")?;
            let name = format!("the secret file {}", path.display());
            long_enough(text.trim().as_bytes().to_vec(), &name)
        }
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

/// What the file holds; the first time, something new, which its owner alone can read.
fn kept(path: &Path, what: &str) -> Result<String, String> {
    let failed = |error: io::Error| {
        let (name, kind) = (path.display(), error.kind());
        format!("{what} {name} cannot be used: {kind}")
    };
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let new = random_secret()?;
    match private().create_new(true).open(path) {
        Ok(mut file) => file
            .write_all(&new)
            .and_then(|()| file.sync_all())
            .map_err(failed)?,
        // Another host was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    std::fs::read_to_string(path).map_err(failed)
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

/// The keys of links to unsubscribe, by the same rule; but hosts of a PostgreSQL database that no link leads
/// to need none. The file has one key a line, the one that signs first.
pub(super) fn token_keys(config: &Config) -> Result<Option<TokenKeys>, String> {
    let name = "unsubscribe_keys (CRM_UNSUBSCRIBE_KEYS)";
    let lines = |text: &str| -> Vec<Vec<u8>> {
        text.split_whitespace()
            .map(|key| key.as_bytes().to_vec())
            .collect()
    };
    let keys = match (&config.unsubscribe_keys, &config.database) {
        (Some(keys), _) => keys
            .iter()
            .map(|key| key.expose_secret().as_bytes().to_vec())
            .collect(),
        (None, Database::Sqlite(path)) => {
            lines(&kept(&beside(path, ".unsubscribe"), "the file of keys")?)
        }
        (None, Database::Postgres(_)) if config.public_url.is_none() => return Ok(None),
        (None, Database::Postgres(_)) if config.demo => vec![random_secret()?],
        (None, Database::Postgres(_)) => {
            return Err(format!(
                "give {name}, at least 32 bytes, the same to all hosts of this database; make one with: \
                 head -c 32 /dev/urandom | base64"
            ));
        }
    };
    let mut keys = keys.into_iter().map(|key| long_enough(key, name));
    let current = keys
        .next()
        .unwrap_or_else(|| Err(format!("{name} must hold a key")))?;
    let older = keys.collect::<Result<Vec<_>, _>>()?;
    TokenKeys::new(current, older)
        .map(Some)
        .map_err(|error| format!("{name}: {error}"))
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
