//! The digest that an approval binds: SHA-256 over everything a delivery would send.
//!
//! The encoding is domain-separated and length-prefixed, so that no two different messages share one
//! byte string. The salt of the revision goes in first: after an erasure removed it, the digests kept
//! in the history say nothing about the text.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::Message;

/// A SHA-256 value, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// 32 zero bytes: the value before the first event of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut out = [0_u8; 32];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0_u8;
            for &digit in pair {
                value = value << 4 | u8::try_from((digit as char).to_digit(16)?).ok()?;
            }
            *byte = value;
        }
        Some(Self(out))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text)
            .ok_or_else(|| serde::de::Error::custom("a digest is 64 hexadecimal digits"))
    }
}

/// Builds a length-prefixed byte string for hashing.
#[derive(Debug)]
pub(crate) struct Encoder(Sha256);

impl Encoder {
    pub(crate) fn new(domain: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.bytes(domain.as_bytes());
        encoder
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.number(0),
            Some(text) => self.number(1).text(text),
        }
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    pub(crate) fn instant(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        // Microseconds: what every store keeps.
        match at {
            None => self.number(0),
            Some(at) => self.number(1).bytes(&at.timestamp_micros().to_be_bytes()),
        }
    }

    pub(crate) fn finish(&mut self) -> Digest {
        Digest(self.0.finalize_reset().into())
    }
}

/// The digest of `message` as it stands now.
#[must_use]
pub fn digest(message: &Message) -> Digest {
    let mut encoder = Encoder::new("crm/message/v1");
    encoder
        .bytes(&message.revision.salt)
        .text(message.workspace.as_str())
        .bytes(message.id.0.as_bytes())
        .number(u64::from(message.revision.number))
        .bytes(
            message
                .written_for
                .unwrap_or(message.contact_id)
                .0
                .as_bytes(),
        )
        .text(&message.channel)
        .text(&message.recipient)
        .text(&message.sender)
        .optional(message.revision.subject.as_deref())
        .text(message.revision.format.as_str())
        .text(&message.revision.content)
        // Attachments: none yet; the count keeps the encoding open for them.
        .number(0)
        .instant(message.scheduled_for)
        .instant(message.expires_at)
        .finish()
}
