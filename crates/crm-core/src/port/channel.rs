//! The channel port: takes an approved message to its recipient, once.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::callback::{Callback, Doubt, LookUp, News};
use super::units::Units;
use crate::contact::AddressKind;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Approved, AttemptOutcome};

/// What a channel can do. Plain data; the engine adapts to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCapabilities {
    /// Which of the contact's addresses it uses.
    pub address: AddressKind,
    /// Whether a subject is delivered.
    pub subject: bool,
    /// Whether HTML bodies are delivered.
    pub html: bool,
    /// Longest body in Unicode scalar values; `None` without a limit.
    pub max_length: Option<usize>,
    /// Whether the provider removes duplicates by the delivery's key ([`Approved::key`]), for as long as the
    /// engine may send it again: as long as messages may be late (`late_after` of the worker). Then what ends
    /// [`Outcome::Unknown`], or was cut off by a crash, is sent again by itself under the same key, as often as
    /// attempts are allowed; what is refused after that stays in doubt, for the first may have been taken. The
    /// key is worth something at one provider alone: a channel that may hand a message to another one must not
    /// claim this, nor may a name be given to another provider while messages are in doubt.
    pub idempotent: bool,
    /// Whether [`Channel::look_up`] can settle a doubt.
    #[serde(default)]
    pub look_up: bool,
    /// Whether the provider posts what came of a delivery, or who left and who wrote, and [`Channel::read`]
    /// understands it. Not every such provider tells all of it.
    #[serde(default)]
    pub receipts: bool,
    /// How long after a person's last message they may be written to; `None` at any time. With one, nothing is sent
    /// to somebody who did not write that recently ([`News::Inbound`] says when they did): a campaign takes
    /// another of its channels, and what is due outside of the window is called off (`window_closed`).
    #[serde(
        with = "optional_duration_ms",
        rename = "window_ms",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub window: Option<Duration>,
    /// How many deliveries may run at once.
    pub concurrency: usize,
    /// How much may be sent in how long; `None` without a limit. Each worker keeps to it by itself: several
    /// share a provider's limit by being given a part of it each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How long one delivery may take before the engine stops waiting and calls it unknown.
    #[serde(with = "duration_ms", rename = "timeout_ms")]
    pub timeout: Duration,
}

/// A provider's limit: so many units (see [`Channel::units`]) in so long, evenly spaced. A tenth of it may go
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Units; at least 1.
    pub units: u32,
    /// In this long.
    #[serde(with = "duration_ms", rename = "per_ms")]
    pub per: Duration,
}

impl Default for ChannelCapabilities {
    fn default() -> Self {
        Self {
            address: AddressKind::Email,
            subject: true,
            html: false,
            max_length: None,
            idempotent: false,
            look_up: false,
            receipts: false,
            window: None,
            concurrency: 16,
            rate: None,
            timeout: Duration::from_secs(30),
        }
    }
}

mod duration_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

mod optional_duration_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::duration_ms::serialize(value, s),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_millis))
    }
}

/// How far a "not now" reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryScope {
    /// This message.
    Message,
    /// Everything to this recipient on this channel: nothing else is begun for that long.
    Recipient,
    /// The whole channel.
    Channel,
}

/// How a delivery ended. `reason` is a short code (`550_5.1.1`, `connection_refused`), never the
/// provider's own text, a message or an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took responsibility.
    Accepted {
        /// The provider's id, for receipts.
        provider_id: String,
    },
    /// This address can never work: the message fails and the address is suppressed.
    Dead {
        /// Code.
        reason: String,
    },
    /// This message is refused; the address may be fine.
    Rejected {
        /// Code.
        reason: String,
    },
    /// Not taken, safe to repeat. Only when that is proven.
    RetryAfter {
        /// How far it reaches.
        scope: RetryScope,
        /// Not before this long from now.
        #[serde(with = "duration_ms", rename = "at_least_ms")]
        at_least: Duration,
        /// Code.
        reason: String,
    },
    /// Nothing of this channel can go: credentials, sender, balance. The message is put back unsent.
    Stop {
        /// Code.
        reason: String,
    },
    /// The provider may have taken it. Repeated by itself only under a key
    /// ([`idempotent`](ChannelCapabilities::idempotent)).
    Unknown {
        /// Code.
        reason: String,
    },
}

impl Outcome {
    /// The outcome as the attempt records it.
    #[must_use]
    pub const fn kind(&self) -> AttemptOutcome {
        match self {
            Self::Accepted { .. } => AttemptOutcome::Accepted,
            Self::Dead { .. } => AttemptOutcome::Dead,
            Self::Rejected { .. } => AttemptOutcome::Rejected,
            Self::RetryAfter { .. } => AttemptOutcome::RetryAfter,
            Self::Stop { .. } => AttemptOutcome::Stop,
            Self::Unknown { .. } => AttemptOutcome::Unknown,
        }
    }

    /// The reason's code, if there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Dead { reason }
            | Self::Rejected { reason }
            | Self::RetryAfter { reason, .. }
            | Self::Stop { reason }
            | Self::Unknown { reason } => Some(reason),
        }
    }
}

/// Delivers approved messages.
///
/// # What an implementer must guarantee
/// - `send` delivers exactly the bytes of `approved` (transfer encoding, date and message id may be
///   added) to exactly its recipient, or nothing.
/// - It returns [`Outcome::RetryAfter`] or [`Outcome::Stop`] only when it can prove that the provider
///   did not take the message. After a byte that could be acted on has left, a timeout, reset or
///   unreadable answer is [`Outcome::Unknown`].
/// - It does not retry and keeps no queue: retrying is the engine's job alone.
/// - It does not panic; a panic and a dropped future count as `Unknown`.
/// - Calls run concurrently, up to `capabilities().concurrency`; one slow call must not hold another.
/// - It holds no message text or address in logs or `Debug`.
/// - `read` checks the provider's signature over the bytes as they came, in constant time, before it believes
///   any of them, and answers the same for the same callback: callbacks come twice and in any order.
///
/// The suite `testing::channel_suite` checks all of this.
///
/// # Example
/// A gateway reached through a client of the host's own; `Refusal` stands for its errors.
/// ```
/// use async_trait::async_trait;
/// use crm_core::contact::AddressKind;
/// use crm_core::message::Approved;
/// use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
/// # #[derive(Debug)] struct Gateway;
/// # enum Refusal { NotConnected, UnknownNumber, Other }
/// # impl Gateway { async fn post(&self, _key: &str, _to: &str, _text: &str) -> Result<String, Refusal> { Ok("g-1".into()) } }
///
/// #[derive(Debug)]
/// struct Sms(Gateway);
///
/// #[async_trait]
/// impl Channel for Sms {
///     fn capabilities(&self) -> ChannelCapabilities {
///         ChannelCapabilities {
///             address: AddressKind::Phone,
///             subject: false,
///             max_length: Some(670),
///             ..ChannelCapabilities::default()
///         }
///     }
///
///     async fn send(&self, approved: &Approved) -> Outcome {
///         let key = approved.key().to_string();
///         match self.0.post(&key, approved.recipient(), approved.content()).await {
///             Ok(provider_id) => Outcome::Accepted { provider_id },
///             // Proven: no byte left.
///             Err(Refusal::NotConnected) => Outcome::RetryAfter {
///                 scope: RetryScope::Channel,
///                 at_least: std::time::Duration::from_secs(10),
///                 reason: "not_connected".to_owned(),
///             },
///             Err(Refusal::UnknownNumber) => Outcome::Dead { reason: "unknown_number".to_owned() },
///             // A time-out, a reset, nonsense: the gateway may have taken it.
///             Err(Refusal::Other) => Outcome::Unknown { reason: "no_answer".to_owned() },
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Channel: Send + Sync + Debug {
    /// What it can do. Constant for the life of the value.
    fn capabilities(&self) -> ChannelCapabilities;

    /// Checks at planning whether this address has the right form for the channel; no I/O.
    fn accepts_address(&self, address: &str) -> bool {
        !address.is_empty() && !address.chars().any(char::is_control)
    }

    /// What this text costs to send, in the provider's units; no I/O.
    fn units(&self, _subject: Option<&str>, _content: &str) -> Units {
        Units::MESSAGE
    }

    /// Delivers one message.
    async fn send(&self, approved: &Approved) -> Outcome;

    /// Reads what the provider posted to the host: none, one or many things. What it does not understand
    /// is left out, for providers add new kinds.
    ///
    /// # Errors
    /// `Forbidden` when the signature is missing or wrong, `Invalid` when a signed body cannot be read,
    /// `Unsupported` for a channel without [`receipts`](ChannelCapabilities::receipts), `Unavailable` when
    /// the provider has to be asked and does not answer.
    async fn read(&self, _callback: &Callback) -> Result<Vec<News>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this channel's provider sends no callbacks",
        ))
    }

    /// Answers a provider that asks once, with GET and before it posts, whether the callbacks' address is ours.
    /// `url` is the whole address that was asked for, with its query; the answer is sent back as plain text.
    ///
    /// # Errors
    /// `Forbidden` when it is not asked with our token, `Unsupported` for a channel whose provider never asks.
    fn challenge(&self, _url: &str) -> Result<String> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this channel's provider asks for no answer",
        ))
    }

    /// Asks the provider about an attempt whose outcome is unknown. Only with
    /// [`look_up`](ChannelCapabilities::look_up).
    async fn look_up(&self, _doubt: &Doubt) -> LookUp {
        LookUp::Unknown {
            reason: "no_look_up".to_owned(),
        }
    }
}
