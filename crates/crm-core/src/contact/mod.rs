//! People: who they are, where they can be reached, and how a message addresses them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actor::Workspace;
use crate::consent::Consent;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;

pub mod definition;
pub(crate) mod merge;
pub mod normalise;
mod patch;
pub mod search;
mod zone;

pub use zone::KnownZone;

pub(crate) use patch::overlay;
pub use patch::{ContactPatch, PatchMode};

/// A birthday; the year may be unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Birthday {
    /// Year, when known.
    pub year: Option<i32>,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31, and real in that month (29 February needs a leap year or an unknown one).
    pub day: u32,
}

impl Birthday {
    /// Reads `YYYY-MM-DD` or, without a year, `--MM-DD` (RFC 6350).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, rest) = match text.strip_prefix("--") {
            Some(rest) => (None, rest),
            None => {
                let (year, rest) = text.split_once('-')?;
                if year.len() != 4 {
                    return None;
                }
                (Some(year.parse::<i32>().ok()?), rest)
            }
        };
        let (month, day) = rest.split_once('-')?;
        if month.len() != 2 || day.len() != 2 {
            return None;
        }
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A leap year stands in for an unknown one.
        chrono::NaiveDate::from_ymd_opt(year.unwrap_or(2000), month, day)?;
        Some(Self { year, month, day })
    }
}

impl fmt::Display for Birthday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}-{:02}-{:02}", self.month, self.day),
            None => write!(f, "--{:02}-{:02}", self.month, self.day),
        }
    }
}

impl fmt::Debug for Birthday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Birthday(..)")
    }
}

impl Serialize for Birthday {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Birthday {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("a birthday is YYYY-MM-DD or --MM-DD"))
    }
}

/// What a host knows about a person. Used to create and, field by field, to change a contact.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactFields {
    /// The host's own id; unique in the workspace.
    pub external_id: Option<String>,
    /// Full name, 1 to 200 characters.
    pub name: String,
    /// E-mail; unique in the workspace regardless of case.
    pub email: Option<String>,
    /// Phone in E.164 (`+998901234567`).
    pub phone: Option<String>,
    /// Telegram chat id.
    pub telegram_chat_id: Option<String>,
    /// WhatsApp number in E.164.
    pub whatsapp: Option<String>,
    /// Segment; free text.
    pub segment: String,
    /// Birthday.
    pub birthday: Option<Birthday>,
    /// Company.
    pub company: Option<String>,
    /// Position.
    pub position: Option<String>,
    /// Language, BCP 47: `ru`, `en`, `uz`, `uz-Cyrl`, ...
    pub language: String,
    /// IANA time zone. Where it is not known, [`zone`](Self::zone) may guess one.
    pub time_zone: Option<String>,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// The workspace's own fields.
    pub custom_fields: BTreeMap<String, Value>,
    /// Channels in order of preference.
    pub preferred_channels: Vec<String>,
    /// Consent decisions.
    pub consent: Vec<Consent>,
    /// When the host last dealt with the person.
    pub last_interaction_date: Option<DateTime<Utc>>,
}

impl Default for ContactFields {
    fn default() -> Self {
        Self {
            external_id: None,
            name: String::new(),
            email: None,
            phone: None,
            telegram_chat_id: None,
            whatsapp: None,
            segment: "regular".to_owned(),
            birthday: None,
            company: None,
            position: None,
            language: "ru".to_owned(),
            time_zone: None,
            tags: BTreeSet::new(),
            custom_fields: BTreeMap::new(),
            preferred_channels: Vec::new(),
            consent: Vec::new(),
            last_interaction_date: None,
        }
    }
}

impl fmt::Debug for ContactFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactFields(..)")
    }
}

/// A person of a workspace.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Tenant.
    pub workspace: Workspace,
    /// Id.
    pub id: ContactId,
    /// Grows by one with every change.
    pub version: u64,
    /// What is known.
    #[serde(flatten)]
    pub fields: ContactFields,
    /// Whether the personal data was erased; such a contact is only an id. So is one that was merged into another.
    pub erased: bool,
    /// The contact that this one was merged into: they were one person. What was known of it and all its messages are
    /// there, and whoever looks for its external id, which it keeps, finds that one.
    #[serde(default)]
    pub merged_into: Option<ContactId>,
    /// Actor who created it.
    pub created_by: String,
    /// Creation.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl std::ops::Deref for Contact {
    type Target = ContactFields;

    fn deref(&self) -> &ContactFields {
        &self.fields
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contact({} v{})", self.id, self.version)
    }
}

impl Contact {
    /// Refuses one that is only an id.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an erased one, [`NotAllowed`](ErrorKind::NotAllowed), which names the other
    /// one, for one that was merged.
    pub(crate) fn living(&self) -> Result<()> {
        match self.merged_into {
            Some(kept) => Err(Error::new(
                ErrorKind::NotAllowed,
                format!("contact {} was merged into {kept}: use that one", self.id),
            )),
            None if self.erased => Err(Error::not_found("contact")),
            None => Ok(()),
        }
    }

    /// What stays of a contact whose messages and fields are now those of `kept`: an id, and the external id by which it
    /// is still known, unless `kept` has taken that.
    pub(crate) fn merged(&self, kept: &Self, at: DateTime<Utc>) -> Self {
        let external_id = self.fields.external_id.clone();
        Self {
            fields: ContactFields {
                external_id: external_id.filter(|id| kept.fields.external_id.as_ref() != Some(id)),
                name: "merged".to_owned(),
                ..ContactFields::default()
            },
            merged_into: Some(kept.id),
            ..self.erased(at)
        }
    }

    /// The same contact without anything that says who it was.
    pub(crate) fn erased(&self, at: DateTime<Utc>) -> Self {
        Self {
            fields: ContactFields {
                name: "erased".to_owned(),
                ..ContactFields::default()
            },
            erased: true,
            version: self.version + 1,
            updated_at: at,
            ..self.clone()
        }
    }
}

impl ContactFields {
    /// The address a channel of `kind` reaches this person at.
    #[must_use]
    pub fn address(&self, kind: AddressKind) -> Option<&str> {
        match kind {
            AddressKind::Email => self.email.as_deref(),
            AddressKind::Phone => self.phone.as_deref(),
            AddressKind::Telegram => self.telegram_chat_id.as_deref(),
            AddressKind::Whatsapp => self.whatsapp.as_deref().or(self.phone.as_deref()),
            AddressKind::ExternalId => self.external_id.as_deref(),
        }
    }
}

/// Most custom fields that [`changed_fields`] names one by one.
const NAMED: usize = 30;

/// The names of the fields that differ, in the order of the type: `email`, `custom_fields.level`. Where more than 30 custom
/// fields do, they are named together: `custom_fields`.
pub(crate) fn changed_fields(before: &ContactFields, after: &ContactFields) -> Vec<String> {
    let same = [
        ("external_id", before.external_id == after.external_id),
        ("name", before.name == after.name),
        ("email", before.email == after.email),
        ("phone", before.phone == after.phone),
        (
            "telegram_chat_id",
            before.telegram_chat_id == after.telegram_chat_id,
        ),
        ("whatsapp", before.whatsapp == after.whatsapp),
        ("segment", before.segment == after.segment),
        ("birthday", before.birthday == after.birthday),
        ("company", before.company == after.company),
        ("position", before.position == after.position),
        ("language", before.language == after.language),
        ("time_zone", before.time_zone == after.time_zone),
        ("tags", before.tags == after.tags),
        (
            "preferred_channels",
            before.preferred_channels == after.preferred_channels,
        ),
        ("consent", before.consent == after.consent),
        (
            "last_interaction_date",
            before.last_interaction_date == after.last_interaction_date,
        ),
    ];
    let differ = same.into_iter().filter(|(_, same)| !same);
    let mut names: Vec<String> = differ.map(|(name, _)| name.to_owned()).collect();
    let (old, new) = (&before.custom_fields, &after.custom_fields);
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let custom = all
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    let custom: Vec<String> = custom.map(|name| format!("custom_fields.{name}")).collect();
    if custom.len() > NAMED {
        names.push("custom_fields".to_owned());
    } else {
        names.extend(custom);
    }
    names
}

/// Which of a contact's addresses a channel uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// E-mail address.
    Email,
    /// Phone number, E.164.
    Phone,
    /// Telegram chat id.
    Telegram,
    /// WhatsApp number, else the phone number.
    Whatsapp,
    /// The host's own id, for channels the host writes.
    ExternalId,
}

impl AddressKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Email,
        Self::Phone,
        Self::Telegram,
        Self::Whatsapp,
        Self::ExternalId,
    ];
}
