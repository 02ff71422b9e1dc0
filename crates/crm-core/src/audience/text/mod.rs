//! Audiences as text, for people: written by hand, read back the same.
//!
//! ```
//! use crm_core::audience::Audience;
//!
//! let wanted = Audience::from_text(
//!     r#"segment = VIP and tag in (gold, "big client") and birthday within 7d and not language = uz"#,
//! )?;
//! assert_eq!(
//!     serde_json::to_value(&wanted).unwrap(),
//!     serde_json::json!({"and": [
//!         {"segment": "VIP"},
//!         {"or": [{"tag": "gold"}, {"tag": "big client"}]},
//!         {"birthday_within": 7},
//!         {"not": {"language": "uz"}},
//!     ]}),
//! );
//! assert_eq!(
//!     wanted.to_text(),
//!     r#"segment = VIP and tag in (gold, "big client") and birthday within 7d and language != uz"#,
//! );
//! assert_eq!(Audience::from_text(&wanted.to_text())?, wanted);
//! let error = Audience::from_text("segmnt = VIP").unwrap_err();
//! assert!(error.detail().contains("did you mean segment?"));
//! # Ok::<(), crm_core::Error>(())
//! ```
//!
//! # Grammar
//! ```text
//! audience  = any
//! any       = all { "or" all }
//! all       = part { "and" part }
//! part      = "not" part | "(" any ")" | condition
//!           | "all of" "(" [ any { "," any } ] ")"        all of them hold
//!           | "any of" "(" [ any { "," any } ] ")"        one of them holds
//!           | "everybody" | "nobody"
//! condition = ( "segment" | "tag" | "language" | "contact" | field ) is
//!           | field ( "<" | "<=" | ">" | ">=" ) value
//!           | "birthday within" days
//!           | "birthday in month" number                  1 to 12
//!           | "last interaction before" ( days | date )
//!           | "consent" channel topic ( "=" | "!=" ) status
//!           | "has" ( name | field )
//!           | "in campaign" id
//!           | "saved" value                                 a name or an id
//!           | "message" state [ "in campaign" id ] [ "within" days ]
//! is        = ( "=" | "!=" ) value
//!           | [ "not" ] "in" "(" value { "," value } ")"
//! field     = "field." ( word | quoted )
//! days      = "7d" | "7 days"
//! topic     = "relationship" | "marketing"
//! status    = "opted_in" | "opted_out" | "none"
//! state     = "sent" | "delivered" | "failed"
//! value     = word | quoted
//! ```
//! - `and` binds closer than `or`, `not` closer than both. Words of the grammar may be written in any case; `tag`,
//!   segment and field names and their values are taken as they are.
//! - A word is made of letters and digits of any script and of `_ - . : + @`. Everything else, and the words `and`,
//!   `or`, `not` and `in` as values, is quoted: `"big client"`. In quotes `\"` is a quote and `\\` a backslash.
//! - The value of a field is a number when it is written like one in JSON (`5`, `-1.5`, `1e9`), `true` or `false`
//!   when it is that word, and else a text. In quotes it is always a text: `field.code = "007"`, `field.level = "5"`.
//! - Line breaks are spaces. What is longer than about a million characters, nested deeper than 32 or has more than
//!   1,000 parts is refused.

mod conditions;
mod lexer;
mod literal;
mod parser;
mod words;
mod writer;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use super::Audience;
use super::evaluate::{LONGEST, NODES};
use crate::error::{Error, Result};

/// Longest text in characters: the most that the largest audience needs, a name and a value of which every character
/// has a backslash.
const LONGEST_AUDIENCE: usize = NODES * (4 * LONGEST + 64);

impl Audience {
    /// Reads the text form; see [`text`](self) for the grammar. What is read is
    /// [valid](Audience::validate).
    ///
    /// # Errors
    /// `Invalid` about the field `audience`, with the character (from 1) where it stopped being understood, what kind
    /// of thing was found there and what was expected. Texts of the audience are not repeated.
    pub fn from_text(text: &str) -> Result<Self> {
        let end = text.char_indices().nth(LONGEST_AUDIENCE);
        if end.is_some() {
            return Err(Error::field("audience", "it is too long"));
        }
        let audience = parser::parse(text)?;
        audience.validate()?;
        Ok(audience)
    }

    /// Writes the text form. [`from_text`](Self::from_text) reads the same audience from it, provided that it is
    /// [valid](Audience::validate).
    #[must_use]
    pub fn to_text(&self) -> String {
        writer::write(self)
    }
}
