//! Signatures that tell receivers which domain answers for a message (DKIM, RFC 6376), for relays that do not
//! sign themselves. The cryptography is that of TLS (ring); canonicalisation is `relaxed/simple`: servers
//! on the way fold headers anew, and the body is base64, which none of them touches.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crm_core::Result;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::config::wrong;

/// Signed where they are there, and once more, so that none can be added to a signed message.
const SEALED: [&str; 7] = [
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
];
/// Signed where they are there. RFC 8058 section 4 asks for the last two.
const SIGNED: [&str; 5] = [
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// The key that a domain signs with. The public part stands in DNS, as a `TXT` record of
/// `SELECTOR._domainkey.DOMAIN`; for DMARC the domain is that of `From` or one above it. `Debug` shows no key.
#[derive(Clone)]
pub struct Dkim {
    domain: String,
    selector: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Rsa(Arc<RsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

impl Dkim {
    /// A key from PEM: RSA of 2048 to 4096 bits (PKCS #1 or #8), which every receiver understands, or
    /// Ed25519 (PKCS #8, RFC 8463), which few do.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) for another key, and for a domain or
    /// selector that is no name in DNS. The text repeats none of them.
    pub fn new(domain: &str, selector: &str, key_pem: &str) -> Result<Self> {
        let name = |text: &str| {
            text.len() <= 253
                && text.split('.').all(|label| {
                    (1..=63).contains(&label.len())
                        && label
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                })
        };
        if !name(domain) || !name(selector) {
            return Err(wrong("the DKIM domain and selector must be names in DNS"));
        }
        Ok(Self {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            key: Key::parse(key_pem).ok_or_else(|| {
                wrong("the DKIM key must be a PEM of RSA with 2048 to 4096 bits, or of Ed25519")
            })?,
        })
    }

    /// The header that signs `message` (headers and body with CRLF line ends, dots not doubled), with its
    /// line end, to be put before it; `None` when the key does not sign.
    pub(super) fn sign(&self, message: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let (header, body) = split(message)?;
        let fields = fields(header)?;
        let mut signed = Vec::new();
        let mut names = Vec::new();
        for name in SEALED.into_iter().chain(SIGNED) {
            // Of several fields with one name the last counts first (RFC 6376 section 5.4.2).
            for field in fields.iter().rev().filter(|field| field.name == name) {
                names.push(name);
                signed.extend_from_slice(field.relaxed().as_bytes());
                signed.extend_from_slice(b"\r\n");
            }
            if SEALED.contains(&name) {
                names.push(name);
            }
        }
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let unsigned = format!(
            "v=1; a={}; c=relaxed/simple; d={};\r\n s={}; t={seconds};\r\n h={};\r\n bh={};\r\n b=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            names.join(":\r\n  "),
            STANDARD.encode(digest(&SHA256, &simple(body))),
        );
        let own = Field {
            name: "dkim-signature".to_owned(),
            value: &unsigned,
        };
        signed.extend_from_slice(own.relaxed().as_bytes());
        let signature = STANDARD.encode(self.key.sign(&signed)?);
        let mut out = format!("DKIM-Signature: {unsigned}");
        for (place, sign) in signature.chars().enumerate() {
            if place > 0 && place % 72 == 0 {
                out.push_str("\r\n  ");
            }
            out.push(sign);
        }
        out.push_str("\r\n");
        Some(out.into_bytes())
    }
}

impl Key {
    fn parse(pem: &str) -> Option<Self> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let rsa = match &der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(),
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
            _ => None,
        };
        if let Some(rsa) = rsa {
            return Some(Self::Rsa(Arc::new(rsa)));
        }
        let PrivateKeyDer::Pkcs8(key) = &der else {
            return None;
        };
        // OpenSSL writes the form without the public key.
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).ok()?;
        Some(Self::Ed25519(Arc::new(key)))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature)
                    .ok()?;
                Some(signature)
            }
            // The hash is signed, not the data (RFC 8463 section 3).
            Self::Ed25519(key) => {
                let hash = digest(&SHA256, data);
                Some(key.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }
}

/// A header field; the value with its folding and without its last line end.
struct Field<'a> {
    name: String,
    value: &'a str,
}

impl Field<'_> {
    /// Canonical form without a line end (RFC 6376 section 3.4.2).
    fn relaxed(&self) -> String {
        let spaces = [' ', '\t', '\r', '\n'];
        let words: Vec<&str> = self
            .value
            .split(spaces)
            .filter(|word| !word.is_empty())
            .collect();
        format!("{}:{}", self.name, words.join(" "))
    }
}

/// Headers and body, without the empty line between them.
fn split(message: &[u8]) -> Option<(&str, &[u8])> {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    let header = std::str::from_utf8(message.get(..at)?).ok()?;
    Some((header, message.get(at + 4..)?))
}

fn fields(header: &str) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let folded = |at: &usize| {
            rest.get(at + 2..)
                .is_some_and(|next| next.starts_with([' ', '\t']))
        };
        let end = rest
            .match_indices("\r\n")
            .map(|(at, _)| at)
            .find(|at| !folded(at))
            .unwrap_or(rest.len());
        let (name, value) = rest.get(..end)?.split_once(':')?;
        found.push(Field {
            name: name.trim_end().to_ascii_lowercase(),
            value,
        });
        rest = rest.get(end + 2..).unwrap_or_default();
    }
    Some(found)
}

/// The body with exactly one line end after its last line that is not empty (RFC 6376 section 3.4.3).
fn simple(body: &[u8]) -> Vec<u8> {
    let mut rest = body;
    while let Some(shorter) = rest.strip_suffix(b"\r\n") {
        rest = shorter;
    }
    let mut out = rest.to_vec();
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_relaxed() {
        let fields = fields("A: X\r\nB  : Y\t\r\n\tZ  \r\nc:").unwrap();
        let relaxed: Vec<String> = fields.iter().map(Field::relaxed).collect();
        // The example of RFC 6376 section 3.4.5, and a field without a value.
        assert_eq!(relaxed, ["a:X", "b:Y Z", "c:"]);
    }

    #[test]
    fn bodies_end_once() {
        for (body, canonical) in [
            (&b" C \r\nD \t E\r\n\r\n\r\n"[..], &b" C \r\nD \t E\r\n"[..]),
            (b"a", b"a\r\n"),
            (b"", b"\r\n"),
            (b"\r\n\r\n", b"\r\n"),
            (b"a\n", b"a\n\r\n"),
        ] {
            assert_eq!(simple(body), canonical);
        }
    }

    #[test]
    fn settings_that_cannot_sign_are_refused() {
        let key = include_str!("../../tests/data/dkim_ed25519.pem");
        assert!(Dkim::new("salon.example", "s1._x", key).is_ok());
        for (domain, selector, pem) in [
            ("salon.example;", "s1", key),
            ("salon.example\r\n", "s1", key),
            ("salon..example", "s1", key),
            ("", "s1", key),
            ("salon.example", "", key),
            ("salon.example", "s 1", key),
            ("salon.example", "s1", ""),
            ("salon.example", "s1", "nonsense"),
            (
                "salon.example",
                "s1",
                include_str!("../../tests/data/ca.pem"),
            ),
            (
                "salon.example",
                "s1",
                include_str!("../../tests/data/server.key"),
            ),
        ] {
            let error = Dkim::new(domain, selector, pem).unwrap_err();
            assert!(!error.to_string().contains("salon"), "{error}");
        }
        let dkim = Dkim::new("salon.example", "s1", key).unwrap();
        let shown = format!("{dkim:?}");
        assert!(
            shown.contains("salon.example") && !shown.contains("Ed25519"),
            "{shown}"
        );
        assert_eq!(dkim.sign(b"no header end", SystemTime::now()), None);
    }
}
