//! Audiences that are saved under a name, to be meant again: what people call saved segments. (A contact's `segment` is
//! another thing: one word that the contact has.)
//!
//! An expression may name one: `saved "Big clients"`. What is asked for then is looked up at that moment, so a list shows
//! the saved audience as it is now, and a campaign keeps a copy of what it was when the campaign was written. A saved
//! audience names no other one: there is nothing to follow, and no circle.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Audience;
use crate::actor::Workspace;
use crate::error::{Error, Result};
use crate::id::SavedAudienceId;
use crate::note;

/// Most saved audiences of one workspace.
pub const MOST_SAVED: usize = 500;
/// Longest name in characters.
const LONGEST_NAME: usize = 200;
/// Longest description in characters.
const LONGEST_DESCRIPTION: usize = 2_000;

/// What a person saves.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedAudienceFields {
    /// Its name, 1 to 200 characters on one line and no id; unique in the workspace, whatever the case.
    pub name: String,
    /// What it is for, at most 2,000 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Who; read from JSON it may be a [text](super::text).
    #[serde(deserialize_with = "super::read")]
    pub audience: Audience,
}

// Audiences hold values of contacts.
impl std::fmt::Debug for SavedAudienceFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SavedAudienceFields(..)")
    }
}

/// An audience that is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAudience {
    /// Tenant.
    pub workspace: Workspace,
    /// Id.
    pub id: SavedAudienceId,
    /// Grows by one with every change.
    pub version: u64,
    /// What was saved.
    #[serde(flatten)]
    pub fields: SavedAudienceFields,
    /// Actor who saved it first.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl SavedAudience {
    /// What its name is told apart by.
    #[must_use]
    pub fn name_key(&self) -> String {
        name_key(&self.fields.name)
    }
}

/// The form in which two names are the same: without case, and with single spaces.
#[must_use]
pub fn name_key(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl SavedAudienceFields {
    /// Trims name and description, and refuses what cannot be saved. An empty description is none.
    ///
    /// # Errors
    /// `Invalid`, with the field; about `audience` when it cannot be evaluated everywhere, or names a saved one.
    pub fn normal(self) -> Result<Self> {
        let name = self.name.trim().to_owned();
        let length = name.chars().count();
        if !(1..=LONGEST_NAME).contains(&length) || name.chars().any(char::is_control) {
            return Err(Error::field("name", "use 1 to 200 characters on one line"));
        }
        if Uuid::parse_str(&name).is_ok() {
            let what = "a name must not be an id, by which audiences are known, too";
            return Err(Error::field("name", what));
        }
        let description = self.description.map(|text| text.trim().to_owned());
        let description = description.filter(|text| !text.is_empty());
        note::optional("description", description.as_deref(), LONGEST_DESCRIPTION)?;
        self.audience.validate()?;
        if self.audience.names_saved() {
            let what = "a saved audience cannot name another one; write out what that one says";
            return Err(Error::field("audience", what));
        }
        Ok(Self {
            name,
            description,
            audience: self.audience,
        })
    }
}

impl Audience {
    /// Whether it names saved ones, which have to be [looked up](Self::resolved) before it can be evaluated.
    #[must_use]
    pub fn names_saved(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::names_saved),
            Self::Not(part) => part.names_saved(),
            Self::Saved(_) => true,
            _ => false,
        }
    }

    /// What a store says of an expression that names saved audiences: it knows none.
    #[must_use]
    pub fn unresolved() -> Error {
        let what = "a saved audience has to be looked up before it is asked for";
        Error::field("audience", what)
    }

    /// The expression with what the saved audiences say in place of their names and ids.
    ///
    /// # Errors
    /// `Invalid` about the field `audience` where it names one that is not among `saved`, and when the whole is then
    /// nested too deep or too long.
    pub fn resolved(self, saved: &[SavedAudience]) -> Result<Self> {
        let mut known: BTreeMap<String, &Self> = BTreeMap::new();
        for one in saved {
            known.insert(one.name_key(), &one.fields.audience);
            known.insert(one.id.to_string(), &one.fields.audience);
        }
        let resolved = self.with(&known)?;
        resolved.validate()?;
        Ok(resolved)
    }

    fn with(self, known: &BTreeMap<String, &Self>) -> Result<Self> {
        let all = |parts: Vec<Self>| -> Result<Vec<Self>> {
            parts.into_iter().map(|part| part.with(known)).collect()
        };
        Ok(match self {
            Self::And(parts) => Self::And(all(parts)?),
            Self::Or(parts) => Self::Or(all(parts)?),
            Self::Not(part) => Self::Not(Box::new(part.with(known)?)),
            Self::Saved(name) => {
                let id = Uuid::parse_str(&name).map(|id| id.to_string());
                let key = id.unwrap_or_else(|_| name_key(&name));
                let found = known.get(&key).map(|audience| (*audience).clone());
                found.ok_or_else(|| {
                    Error::field(
                        "audience",
                        "no audience is saved under a name that it holds",
                    )
                })?
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::noon;

    fn saved(number: u128, name: &str, text: &str) -> SavedAudience {
        SavedAudience {
            workspace: Workspace::default(),
            id: SavedAudienceId(Uuid::from_u128(number)),
            version: 1,
            fields: fields(name, text),
            created_by: "olga".to_owned(),
            created_at: noon(),
            updated_at: noon(),
        }
    }

    fn fields(name: &str, text: &str) -> SavedAudienceFields {
        SavedAudienceFields {
            name: name.to_owned(),
            description: Some(" \n ".to_owned()),
            audience: Audience::from_text(text).unwrap(),
        }
    }

    #[test]
    fn names_and_ids_are_looked_up_wherever_they_stand() {
        let all = [
            saved(1, "Big  Clients", "tag = big or field.sum > 5"),
            saved(2, "ВИП", "segment = VIP"),
        ];
        for (text, wanted) in [
            ("saved \"big clients\"", "tag = big or field.sum > 5"),
            ("saved вип", "segment = VIP"),
            (
                "not saved \" BIG CLIENTS \"",
                "not (tag = big or field.sum > 5)",
            ),
            (
                "tag = a and (saved ВИП or has email)",
                "tag = a and (segment = VIP or has email)",
            ),
            (
                "saved 00000000-0000-0000-0000-000000000002 and saved {00000000-0000-0000-0000-000000000001}",
                "segment = VIP and (tag = big or field.sum > 5)",
            ),
            ("segment = ВИП", "segment = ВИП"),
        ] {
            // Brackets of an id stand in quotes.
            let text = text.replace('{', "\"{").replace('}', "}\"");
            let audience = Audience::from_text(&text).unwrap();
            let resolved = audience.resolved(&all).unwrap();
            assert_eq!(resolved.to_text(), wanted, "{text}");
            assert!(!resolved.names_saved());
        }
        for text in [
            "saved nobody",
            "tag = a or not saved 00000000-0000-0000-0000-000000000003",
        ] {
            let error = Audience::from_text(text)
                .unwrap()
                .resolved(&all)
                .unwrap_err();
            assert_eq!(error.fields()[0].field, "audience");
        }
    }

    #[test]
    fn what_is_too_long_together_is_refused() {
        let long = Audience::Or(vec![Audience::everybody(); 600]);
        let mut one = saved(1, "long", "everybody");
        one.fields.audience = long;
        let twice = Audience::from_text("saved long or saved long").unwrap();
        let once = Audience::from_text("saved long").unwrap();
        assert!(once.resolved(std::slice::from_ref(&one)).is_ok());
        assert!(twice.resolved(&[one]).is_err());
    }

    #[test]
    fn what_cannot_be_saved_is_refused() {
        let good = fields(" Big clients ", "tag = big").normal().unwrap();
        assert_eq!(
            (good.name.as_str(), good.description),
            ("Big clients", None)
        );
        let long = "x".repeat(201);
        for (fields, field) in [
            (fields(" ", "everybody"), "name"),
            (fields("a\nb", "everybody"), "name"),
            (fields(&long, "everybody"), "name"),
            (
                fields("00000000-0000-0000-0000-000000000001", "everybody"),
                "name",
            ),
            (
                fields("00000000000000000000000000000001", "everybody"),
                "name",
            ),
            (fields("a", "tag = a or saved b"), "audience"),
            (
                SavedAudienceFields {
                    description: Some("x".repeat(2_001)),
                    ..fields("a", "everybody")
                },
                "description",
            ),
        ] {
            let error = fields.normal().unwrap_err();
            assert_eq!(error.fields()[0].field, field);
        }
    }
}
