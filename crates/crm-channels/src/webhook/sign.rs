//! Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use crm_core::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::outcome::wrong;
use crate::signature::{base64, from_base64, same, sha256};

/// The header of the message's id, by which a receiver removes duplicates.
pub const ID: &str = "webhook-id";
/// The header of the time of this attempt, in unix seconds.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// How far apart the clocks of sender and receiver may be.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// A shared secret. `Debug` does not show it.
#[derive(Debug)]
pub struct Secret(SecretSlice<u8>);

impl Secret {
    /// Reads `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for anything else.
    pub fn parse(text: &SecretString) -> Result<Self> {
        text.expose_secret()
            .strip_prefix("whsec_")
            .and_then(from_base64)
            .filter(|key| (24..=64).contains(&key.len()))
            .map(|key| Self(key.into()))
            .ok_or_else(|| wrong("a webhook secret is whsec_ and 24 to 64 bytes in base64"))
    }

    fn of(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let timestamp = timestamp.to_string();
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        base64(&sha256(self.0.expose_secret(), &parts))
    }
}

/// The value of [`SIGNATURE`]: one signature for each secret, so that a receiver may know the old one or the
/// new one while they change. The `id` must hold no full stop, which would let it run into the timestamp.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, at: DateTime<Utc>, body: &[u8]) -> String {
    let signed = |secret: &Secret| format!("v1,{}", secret.of(id, at.timestamp(), body));
    secrets.iter().map(signed).collect::<Vec<_>>().join(" ")
}

/// Checks what a sender says in its three headers about a body, byte for byte as it came, at the time `now`.
///
/// # Errors
/// [`ErrorKind::Forbidden`] when no signature fits one of the secrets, or the timestamp is further than
/// `tolerance` from `now`.
pub fn verify(
    secrets: &[Secret],
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<()> {
    let refused = || {
        Error::new(
            ErrorKind::Forbidden,
            "the webhook's signature does not hold",
        )
    };
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let at: i64 = timestamp.parse().map_err(|_| refused())?;
    if !digits || id.is_empty() || id.contains('.') {
        return Err(refused());
    }
    if at.abs_diff(now.timestamp()) > tolerance.as_secs() {
        return Err(refused());
    }
    let said = || {
        signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"))
    };
    // Every pair is compared, whichever fits: how long it takes tells nothing.
    let mut fits = false;
    for secret in secrets {
        let ours = secret.of(id, at, body);
        for one in said() {
            fits |= same(one.as_bytes(), ours.as_bytes());
        }
    }
    if fits { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";
    const BODY: &[u8] = br#"{"type":"message.delivered","data":{"id":"42"}}"#;
    const WORKED: &str = "v1,kT5oR5s7ueIXxMDrf5W94O4RkE8C0CcuB39wi/dPWQc=";

    fn secret(text: &str) -> Secret {
        Secret::parse(&text.into()).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_worked_example() {
        let signed = sign(&[secret(OLD)], "msg_01", at(1_767_225_600), BODY);
        assert_eq!(signed, WORKED);
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let now = at(1_767_225_600);
        let both = sign(&[secret(NEW), secret(OLD)], "msg_01", now, BODY);
        assert!(both.ends_with(&format!(" {WORKED}")));
        let check = |knows: &[Secret], said: &str| {
            verify(knows, ("msg_01", "1767225600", said), BODY, now, TOLERANCE).is_ok()
        };
        assert!(check(&[secret(OLD)], &both) && check(&[secret(NEW)], &both));
        assert!(check(&[secret(NEW), secret(OLD)], WORKED));
        assert!(check(&[secret(OLD)], &format!("v1a,xyz v2,abc {WORKED}")));
        for wrong in [
            "",
            "v1,",
            &WORKED[3..],
            &WORKED.replace("v1", "v2"),
            "v1,kT5o",
            &WORKED.to_lowercase(),
        ] {
            assert!(!check(&[secret(OLD)], wrong), "{wrong}");
        }
        assert!(!check(&[secret(NEW)], WORKED) && !check(&[], WORKED));
    }

    #[test]
    fn nothing_may_be_changed_and_no_time_may_pass() {
        let secrets = [secret(OLD)];
        let check = |id: &str, timestamp: &str, body: &[u8], now: i64| {
            verify(&secrets, (id, timestamp, WORKED), body, at(now), TOLERANCE).is_ok()
        };
        let now = 1_767_225_600;
        assert!(check("msg_01", "1767225600", BODY, now));
        assert!(check("msg_01", "1767225600", BODY, now + 300));
        assert!(check("msg_01", "1767225600", BODY, now - 300));
        assert!(!check("msg_01", "1767225600", BODY, now + 301));
        assert!(!check("msg_01", "1767225600", BODY, now - 301));
        assert!(!check("msg_02", "1767225600", BODY, now));
        assert!(!check("msg_01", "1767225601", BODY, now));
        assert!(!check("msg_01", "1767225600", b"{}", now));
        for nonsense in [
            "",
            "-1",
            "+1767225600",
            "1767225600.0",
            " 1767225600",
            "99999999999999999999",
        ] {
            assert!(!check("msg_01", nonsense, BODY, now), "{nonsense}");
        }
        // A full stop in the id would let the bytes be cut at another place.
        let joined = sign(&secrets, "a.1", at(now), BODY);
        let said = ("a.1", "1767225600", joined.as_str());
        assert!(verify(&secrets, said, BODY, at(now), TOLERANCE).is_err());
    }

    #[test]
    fn secrets_are_checked_and_hidden() {
        let key = |length| format!("whsec_{}", base64(&vec![7; length]));
        for good in [&key(24), &key(32), &key(64)] {
            assert!(Secret::parse(&good.as_str().into()).is_ok());
        }
        for bad in [&key(23), &key(65), "", "whsec_", "whsec_%%%", &key(32)[6..]] {
            let error = Secret::parse(&(*bad).into()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(bad.len() < 8 || !format!("{error:?}").contains(bad));
        }
        let shown = format!("{:?}", secret(OLD));
        assert!(!shown.contains("48") && !shown.contains("MDEy"), "{shown}");
    }
}
