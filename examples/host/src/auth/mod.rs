//! Who calls: accounts, tokens, and the extractor that joins both.

pub(crate) mod accounts;
pub(crate) mod cookie;
pub(crate) mod extract;
pub(crate) mod journal;
pub(crate) mod limiter;
pub(crate) mod password;
pub(crate) mod tokens;

use crate::error::Problem;

/// 32 bytes from the system's randomness, as 64 hexadecimal digits.
pub(crate) fn random_hex() -> Result<String, Problem> {
    use argon2::password_hash::try_generate_salt;
    let failed = |_| Problem::unavailable("the system gives no random numbers");
    let bytes = [
        try_generate_salt().map_err(failed)?,
        try_generate_salt().map_err(failed)?,
    ];
    Ok(hex(bytes.as_flattened()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
