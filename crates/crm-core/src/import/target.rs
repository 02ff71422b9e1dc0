//! What a column of a file fills.

use std::fmt;

use crate::contact::AddressKind;
use crate::contact::normalise::custom_name;
use crate::error::{Error, Result};

/// What a column fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The whole name, in any order of its parts.
    Name,
    /// The whole name, surname first: "Иванова Анна Петровна".
    NameFamilyFirst,
    /// The given name.
    GivenName,
    /// The patronymic or another name in the middle.
    MiddleName,
    /// The surname.
    FamilyName,
    /// An e-mail address. Of several columns the one with the lowest rank is the contact's; the others become custom
    /// fields.
    Email(u8),
    /// A phone number, with a rank as an e-mail address has.
    Phone(u8),
    /// A field with a text of its own: `external_id`, `segment`, `company`, ...
    Field(Field),
    /// Who ticked this does not want to be written to under addresses of this kind.
    OptOut(AddressKind),
    /// Filled when the e-mail address came back.
    Bounced,
    /// Whose row says yes here is no contact any more.
    Deleted,
    /// The label of the e-mail address or phone number in the column behind it.
    Label,
    /// A custom field.
    Custom(String),
}

/// A field of a contact that one column fills alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Field {
    ExternalId,
    Segment,
    Birthday,
    Company,
    Position,
    Language,
    Tags,
    TimeZone,
    Telegram,
    Whatsapp,
    PreferredChannels,
    /// Decisions of the person; only those that say no are taken.
    Consent,
    LastInteraction,
}

/// Each target that has a fixed name.
const NAMES: [(&str, Target); 26] = [
    ("name", Target::Name),
    ("name_family_first", Target::NameFamilyFirst),
    ("given_name", Target::GivenName),
    ("middle_name", Target::MiddleName),
    ("family_name", Target::FamilyName),
    ("email", Target::Email(0)),
    ("phone", Target::Phone(0)),
    ("external_id", Target::Field(Field::ExternalId)),
    ("segment", Target::Field(Field::Segment)),
    ("birthday", Target::Field(Field::Birthday)),
    ("company", Target::Field(Field::Company)),
    ("position", Target::Field(Field::Position)),
    ("language", Target::Field(Field::Language)),
    ("tags", Target::Field(Field::Tags)),
    ("time_zone", Target::Field(Field::TimeZone)),
    ("telegram_chat_id", Target::Field(Field::Telegram)),
    ("whatsapp", Target::Field(Field::Whatsapp)),
    (
        "preferred_channels",
        Target::Field(Field::PreferredChannels),
    ),
    ("consent", Target::Field(Field::Consent)),
    (
        "last_interaction_date",
        Target::Field(Field::LastInteraction),
    ),
    ("opt_out.email", Target::OptOut(AddressKind::Email)),
    ("opt_out.phone", Target::OptOut(AddressKind::Phone)),
    ("bounced", Target::Bounced),
    ("deleted", Target::Deleted),
    ("label", Target::Label),
    ("opt_out.telegram", Target::OptOut(AddressKind::Telegram)),
];

impl Target {
    /// The target of this name.
    ///
    /// # Errors
    /// `Invalid` for a name that is none.
    pub fn named(name: &str) -> Result<Self> {
        if let Some((_, target)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(target.clone());
        }
        match name.strip_prefix("custom_fields.") {
            Some(field) if custom_name(field) => Ok(Self::Custom(field.to_owned())),
            _ => Err(Error::field(
                "mapping",
                "a column fills a field of the contact (name, given_name, family_name, email, phone, ...), \
                    custom_fields.NAME with a NAME of a-z, 0-9 and _, or null",
            )),
        }
    }

    /// Whether it holds a part of the person's name.
    pub(super) const fn is_name(&self) -> bool {
        matches!(
            self,
            Self::Name | Self::NameFamilyFirst | Self::GivenName | Self::FamilyName
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Self::Custom(name) => return write!(f, "custom_fields.{name}"),
            Self::Email(_) => &Self::Email(0),
            Self::Phone(_) => &Self::Phone(0),
            other => other,
        };
        let name = NAMES.iter().find(|(_, target)| target == plain);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_name_that_leads_back() {
        for (name, target) in NAMES {
            assert_eq!(Target::named(name).unwrap(), target);
            assert_eq!(target.to_string(), name);
        }
        assert_eq!(Target::Phone(7).to_string(), "phone");
        let custom = Target::named("custom_fields.loyalty_card").unwrap();
        assert_eq!(custom.to_string(), "custom_fields.loyalty_card");
        for wrong in [
            "",
            "custom_fields.",
            "custom_fields.Loyalty",
            "opted_in",
            "email2",
        ] {
            assert!(Target::named(wrong).is_err(), "{wrong}");
        }
    }
}
