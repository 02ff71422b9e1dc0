//! The identifier port: core has no randomness of its own.

use std::fmt::Debug;

use uuid::Uuid;

/// Makes identifiers and salts.
pub trait Ids: Send + Sync + Debug {
    /// A new UUID, never given before, ordered after all earlier ones of this process (version 7).
    fn next(&self) -> Uuid;

    /// 16 unpredictable bytes (in tests: reproducible ones).
    fn salt(&self) -> [u8; 16];
}
