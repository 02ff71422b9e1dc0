//! Password hashing with argon2id, a few at a time so that logins cannot take all memory.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::error::Problem;

pub(crate) struct Passwords {
    slots: Semaphore,
    /// Verified when the account does not exist, so that the work is the same.
    dummy: String,
}

fn busy() -> Problem {
    Problem::unavailable("passwords cannot be checked now; try again")
}

fn hash(password: &str) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| busy())
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, String> {
        let dummy = hash("nobody has this password")
            .map_err(|_| "passwords cannot be hashed on this machine".to_owned())?;
        Ok(Self {
            slots: Semaphore::new(4),
            dummy,
        })
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        let _slot = self.slots.acquire().await.map_err(|_| busy())?;
        tokio::task::spawn_blocking(move || hash(&password))
            .await
            .map_err(|_| busy())?
    }

    /// Whether the password is the stored one. Without a stored one it takes as long and says no.
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Problem> {
        let _slot = self.slots.acquire().await.map_err(|_| busy())?;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let same = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&stored).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        });
        Ok(same.await.map_err(|_| busy())? && known)
    }
}
