//! What a text costs to send, in the units its provider counts in.

use serde::{Deserialize, Serialize};

/// What a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole messages, however long.
    Message,
    /// Parts of a text message (SMS).
    Part,
}

/// How a text message is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038).
    #[serde(rename = "gsm-7")]
    Gsm7,
    /// Sixteen bits a character; one character outside GSM-7 turns the whole text into it.
    #[serde(rename = "ucs-2")]
    Ucs2,
}

/// The estimate for one text, made before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// How many; at least 1.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
    /// The encoding, where the provider's count depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The first character that rules the cheaper encoding out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_by: Option<char>,
}

impl Units {
    /// One message, whatever its text.
    pub const MESSAGE: Self = Self {
        count: 1,
        unit: Unit::Message,
        encoding: None,
        forced_by: None,
    };
}
