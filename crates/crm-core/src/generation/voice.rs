//! The house's own words: who it is, how it writes, what it never says, and texts it likes.
//!
//! One voice for each workspace, kept in the store and edited by admins while everything runs. It stands in the
//! part of the prompt that is the same for every contact, so a provider can cache it; that is also why nothing
//! of a contact can be in it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Workspace;
use crate::error::{Error, Result};
use crate::id;
use crate::message::Occasion;
use crate::note::{bounded, written};

/// Most characters of `about` and of `style`.
const LONG: usize = 1_000;
/// Most characters of a signature, a subject and a line of `do_not`.
const SHORT: usize = 200;
/// Most lines of `do_not`.
const MANY_LINES: usize = 30;
/// Most examples.
const MANY_EXAMPLES: usize = 12;
/// Most characters of an example.
const EXAMPLE: usize = 2_000;

/// A text that the house likes. Written by the house for this purpose: names in it are invented.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The occasion it was written for.
    pub occasion: Occasion,
    /// Its language, BCP 47.
    pub language: String,
    /// Subject; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text; at most 2,000 characters.
    pub content: String,
}

impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Example({}, {})", self.occasion.as_str(), self.language)
    }
}

/// What an admin sets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoiceFields {
    /// Who the house is and what it does; at most 1,000 characters.
    pub about: String,
    /// How it writes; at most 1,000 characters.
    pub style: String,
    /// What a text must not do or say: at most 30 lines of 200 characters.
    pub do_not: Vec<String>,
    /// How texts are signed; at most 200 characters.
    pub signature: Option<String>,
    /// Texts it likes; at most 12.
    pub examples: Vec<Example>,
}

impl fmt::Debug for VoiceFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoiceFields(..)")
    }
}

impl VoiceFields {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what is too long, has signs that are not text, or names no language.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn validate(&self) -> Result<()> {
        bounded("about", &self.about, LONG)?;
        bounded("style", &self.style, LONG)?;
        if let Some(signature) = &self.signature {
            written("signature", signature, SHORT)?;
        }
        if self.do_not.len() > MANY_LINES {
            return Err(Error::field("do_not", "use at most 30 lines"));
        }
        for line in &self.do_not {
            written("do_not", line, SHORT)?;
        }
        if self.examples.len() > MANY_EXAMPLES {
            return Err(Error::field("examples", "use at most 12 examples"));
        }
        for example in &self.examples {
            if !is_language(&example.language) {
                let wrong = "give each example the language it is in, as in ru, uz or uz-Cyrl";
                return Err(Error::field("examples", wrong));
            }
            if let Some(subject) = &example.subject {
                written("examples", subject, SHORT)?;
            }
            written("examples", &example.content, EXAMPLE)?;
        }
        Ok(())
    }
}

/// Whether it looks like a tag of BCP 47.
pub(super) fn is_language(tag: &str) -> bool {
    (2..=35).contains(&tag.len())
        && tag
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric()))
}

/// The voice of a workspace as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// Tenant.
    pub workspace: Workspace,
    /// Grows by one with every change; 0 while none was set.
    pub version: u64,
    /// What was set.
    #[serde(flatten)]
    pub fields: VoiceFields,
    /// Actor who set it; empty while none was set.
    pub updated_by: String,
    /// When; the beginning of time while none was set.
    pub updated_at: DateTime<Utc>,
}

impl Voice {
    /// No voice of its own.
    #[must_use]
    pub fn none(workspace: Workspace) -> Self {
        Self {
            workspace,
            version: 0,
            fields: VoiceFields::default(),
            updated_by: String::new(),
            updated_at: DateTime::UNIX_EPOCH,
        }
    }
}

/// The id that the history knows the voice of a workspace by.
#[must_use]
pub(crate) fn subject_id(workspace: &Workspace) -> Uuid {
    id::derived("crm/voice/v1", &[workspace.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(language: &str, content: &str) -> Example {
        Example {
            occasion: Occasion::Birthday,
            language: language.to_owned(),
            subject: None,
            content: content.to_owned(),
        }
    }

    #[test]
    fn a_voice_is_bounded_and_is_text() {
        let good = VoiceFields {
            about: "Вектор, склад и доставка.\nС 2009 года.".to_owned(),
            do_not: vec!["обещать скидки".to_owned()],
            signature: Some("Команда «Вектора»".to_owned()),
            examples: vec![example("uz-Cyrl", "Анна, табриклаймиз!")],
            ..VoiceFields::default()
        };
        assert_eq!(good.validate(), Ok(()));
        let bad = |change: fn(&mut VoiceFields)| {
            let mut fields = good.clone();
            change(&mut fields);
            fields.validate().is_err()
        };
        assert!(bad(|fields| fields.about = "x".repeat(1_001)));
        assert!(bad(|fields| fields.style = "bell \u{7}".to_owned()));
        assert!(bad(|fields| fields.do_not = vec!["x".to_owned(); 31]));
        assert!(bad(|fields| fields.do_not = vec![" ".to_owned()]));
        assert!(bad(|fields| fields.signature = Some("x".repeat(201))));
        assert!(bad(
            |fields| fields.examples = vec![example("russian language", "x")]
        ));
        assert!(bad(|fields| fields.examples = vec![example("ru", "")]));
        assert!(bad(
            |fields| fields.examples = vec![example("ru", &"x".repeat(2_001))]
        ));
        assert!(bad(|fields| fields.examples = vec![example("ru", "x"); 13]));
    }
}
