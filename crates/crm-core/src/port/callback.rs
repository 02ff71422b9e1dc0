//! What providers say after the call: receipts, replies, blocks. Plain data; a channel reads them from what
//! its provider posts, the engine decides what they change.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::AttemptId;

/// A request that a provider made to the host, as it arrived.
///
/// `Debug` tells its size only: it holds addresses and signatures.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Callback {
    /// The whole address the provider was told to call, with scheme, host and query: signatures cover it. A
    /// host behind a proxy takes it from its own configuration, not from the request.
    pub url: String,
    /// All headers, in any case and order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte: a signature covers these bytes and no others.
    pub body: Vec<u8>,
}

impl Callback {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Callback({} headers, {} bytes)",
            self.headers.len(),
            self.body.len()
        )
    }
}

/// Which delivery a receipt is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The provider's id, as [`Outcome::Accepted`](super::channel::Outcome::Accepted) gave it.
    ProviderId(String),
    /// Our attempt's id, which the provider carried through. Settles a doubt without knowing the
    /// provider's id.
    Attempt(AttemptId),
}

impl About {
    /// As two columns: what kind of name, and the name.
    #[must_use]
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::ProviderId(id) => ("provider_id", id.clone()),
            Self::Attempt(id) => ("attempt", id.to_string()),
        }
    }

    /// From two columns; `None` for what [`parts`](Self::parts) never gives.
    #[must_use]
    pub fn from_parts(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "provider_id" => Some(Self::ProviderId(name.to_owned())),
            "attempt" => name.parse().ok().map(|id| Self::Attempt(AttemptId(id))),
            _ => None,
        }
    }
}

/// How far a delivery came, in the order in which it can only rise; see [`Fate::outranks`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// The provider has it: queued or on its way.
    Accepted,
    /// It will not arrive.
    Failed {
        /// Code, never the provider's own text.
        reason: String,
        /// Whether the address can never work, so that nothing more is sent to it.
        dead: bool,
    },
    /// It arrived at the person's device or mailbox.
    Delivered,
    /// The person opened it.
    Read,
}

impl Fate {
    /// The name used in columns.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed { .. } => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// From columns: its name, and what a failed one has besides. `None` for another name.
    #[must_use]
    pub fn from_parts(name: &str, reason: Option<String>, dead: bool) -> Option<Self> {
        match name {
            "accepted" => Some(Self::Accepted),
            "failed" => Some(Self::Failed {
                reason: reason.unwrap_or_default(),
                dead,
            }),
            "delivered" => Some(Self::Delivered),
            "read" => Some(Self::Read),
            _ => None,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Failed { .. } => 1,
            Self::Delivered => 2,
            Self::Read => 3,
        }
    }

    /// Whether this one, coming after `known`, changes what is known. Receipts come twice and in any order;
    /// what was delivered does not become undelivered by one that was late.
    #[must_use]
    pub const fn outranks(&self, known: &Self) -> bool {
        self.rank() > known.rank()
    }
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which delivery.
    pub about: About,
    /// How far it came.
    pub fate: Fate,
    /// When, by the provider's clock, if it says so.
    pub at: Option<DateTime<Utc>>,
}

/// One thing a provider says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// How a delivery went.
    Receipt(Receipt),
    /// The person wants nothing more on this channel: a reply such as STOP, a block, an unsubscription.
    OptOut {
        /// The person's address, as contacts hold it.
        address: String,
        /// Code of how it was said: `reply`, `blocked`, `complaint`.
        reason: String,
    },
    /// The person came back: a reply such as START, an unblocking. Lifts what [`News::OptOut`] put, and
    /// nothing else.
    OptIn {
        /// The person's address, as contacts hold it.
        address: String,
    },
    /// The person wrote something else. Opens windows in which a channel allows free text, and is the reply that
    /// audiences ask for.
    Inbound {
        /// The person's address, as contacts hold it.
        address: String,
        /// When, by the provider's clock, if it says so.
        at: Option<DateTime<Utc>>,
    },
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipt(receipt) => receipt.fmt(f),
            Self::OptOut { reason, .. } => write!(f, "OptOut({reason})"),
            Self::OptIn { .. } => f.write_str("OptIn"),
            Self::Inbound { .. } => f.write_str("Inbound"),
        }
    }
}

/// An attempt of which nobody knows whether the provider took it, as a channel looks it up.
///
/// `Debug` tells the attempt only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The attempt: the key the provider was given.
    pub attempt_id: AttemptId,
    /// When it was begun. What the provider took before is another one.
    pub started_at: DateTime<Utc>,
    /// The address it went to.
    pub recipient: String,
    /// The subject that was sent.
    pub subject: Option<String>,
    /// The body that was sent.
    pub content: String,
}

impl fmt::Debug for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doubt({})", self.attempt_id)
    }
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum LookUp {
    /// The provider has it.
    Taken {
        /// The provider's id.
        provider_id: String,
    },
    /// The provider proves that it never took it. Not finding it in a list that fills late is no proof.
    NotTaken,
    /// Nothing certain.
    Unknown {
        /// Code.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_only_rise() {
        let failed = Fate::Failed {
            reason: "30003".to_owned(),
            dead: false,
        };
        let order = [Fate::Accepted, failed, Fate::Delivered, Fate::Read];
        for (at, known) in order.iter().enumerate() {
            for (after, fate) in order.iter().enumerate() {
                assert_eq!(fate.outranks(known), after > at, "{fate:?} after {known:?}");
            }
        }
    }

    #[test]
    fn headers_have_no_case_and_nothing_is_shown() {
        let callback = Callback {
            url: "https://crm.example.test/hooks".to_owned(),
            headers: vec![("X-Signature".to_owned(), "secret".to_owned())],
            body: b"+998901234567".to_vec(),
        };
        assert_eq!(callback.header("x-signature"), Some("secret"));
        assert_eq!(callback.header("x-other"), None);
        assert_eq!(format!("{callback:?}"), "Callback(1 headers, 13 bytes)");
    }
}
