//! What becomes of a row whose person is known already.

use serde::{Deserialize, Serialize};

use super::Person;
use crate::actor::Workspace;
use crate::contact::{Birthday, ContactFields};
use crate::id::{ContactId, ImportId};

/// What an import does with people who are there already, by external id, else by e-mail, else by phone.
///
/// A phone number alone is no proof: two people may share one. So a person is known by it only if neither the external
/// ids nor the e-mails of the two differ. Whatever is chosen, consent is only ever lowered, also of people who are
/// otherwise left alone: who says no in a file is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Leaves them as they are.
    #[default]
    Skip,
    /// Replaces what the file says; what it leaves empty stays.
    Update,
    /// Fills what is empty; what is known stays.
    Fill,
    /// Makes one more contact. External ids and e-mails stay unique: a row with one that is taken is rejected.
    Create,
}

/// A contact as it was before an import changed it: kept so that the import can be taken back. It goes when the contact
/// is erased.
#[derive(Clone, PartialEq)]
pub struct ImportUpdate {
    /// Tenant.
    pub workspace: Workspace,
    /// The import.
    pub import_id: ImportId,
    /// The contact.
    pub contact_id: ContactId,
    /// The version that the import's last change made.
    pub version: u64,
    /// What was known before its first one.
    pub before: ContactFields,
}

// The fields are personal data.
impl std::fmt::Debug for ImportUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImportUpdate({} of {})", self.contact_id, self.import_id)
    }
}

/// Whether two people may be one: neither their external ids nor their e-mails differ.
pub(crate) fn may_be_one(a: &ContactFields, b: &ContactFields) -> bool {
    let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
    !differ(&a.external_id, &b.external_id) && !differ(&a.email, &b.email)
}

/// What is known of a contact together with what a row says; consent stays as it is known.
///
/// An external id is never replaced: it is who the contact is in the host's eyes.
pub(crate) fn combined(
    known: &ContactFields,
    row: &ContactFields,
    person: &Person,
    how: Duplicates,
) -> ContactFields {
    let of = |known: &Option<String>, row: &Option<String>| match how {
        Duplicates::Update => row.clone().or_else(|| known.clone()),
        _ => known.clone().or_else(|| row.clone()),
    };
    let mut fields = known.clone();
    match how {
        Duplicates::Skip | Duplicates::Create => return fields,
        Duplicates::Update => {
            fields.name.clone_from(&row.name);
            if person.says_segment {
                fields.segment.clone_from(&row.segment);
            }
            if person.says_language {
                fields.language.clone_from(&row.language);
            }
            if !row.tags.is_empty() {
                fields.tags.clone_from(&row.tags);
            }
            if !row.preferred_channels.is_empty() {
                fields
                    .preferred_channels
                    .clone_from(&row.preferred_channels);
            }
            fields.custom_fields.extend(row.custom_fields.clone());
            fields.birthday = fuller(row.birthday, known.birthday);
            fields.last_interaction_date =
                row.last_interaction_date.or(known.last_interaction_date);
        }
        // Segment and language are never empty.
        Duplicates::Fill => {
            if fields.tags.is_empty() {
                fields.tags.clone_from(&row.tags);
            }
            if fields.preferred_channels.is_empty() {
                fields
                    .preferred_channels
                    .clone_from(&row.preferred_channels);
            }
            for (name, value) in &row.custom_fields {
                let place = fields.custom_fields.entry(name.clone());
                place.or_insert_with(|| value.clone());
            }
            fields.birthday = fuller(known.birthday, row.birthday);
            fields.last_interaction_date =
                known.last_interaction_date.or(row.last_interaction_date);
        }
    }
    fields.external_id = known
        .external_id
        .clone()
        .or_else(|| row.external_id.clone());
    fields.email = of(&known.email, &row.email);
    fields.phone = of(&known.phone, &row.phone);
    fields.telegram_chat_id = of(&known.telegram_chat_id, &row.telegram_chat_id);
    fields.whatsapp = of(&known.whatsapp, &row.whatsapp);
    fields.company = of(&known.company, &row.company);
    fields.position = of(&known.position, &row.position);
    fields.time_zone = of(&known.time_zone, &row.time_zone);
    fields
}

/// The first birthday, or the second where there is none; a year is not lost to the same day without one.
fn fuller(first: Option<Birthday>, second: Option<Birthday>) -> Option<Birthday> {
    match (first, second) {
        (Some(a), Some(b)) if a.year.is_none() && (a.month, a.day) == (b.month, b.day) => Some(b),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: &str) -> ContactFields {
        ContactFields {
            name: name.to_owned(),
            ..ContactFields::default()
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn known() -> ContactFields {
        ContactFields {
            external_id: some("1"),
            phone: some("+998901234567"),
            company: some("Chinor"),
            segment: "VIP".to_owned(),
            language: "uz".to_owned(),
            birthday: Birthday::parse("1990-05-01"),
            tags: ["gold".to_owned()].into(),
            custom_fields: [("level".to_owned(), 1.into())].into(),
            ..fields("Anna")
        }
    }

    fn row() -> ContactFields {
        ContactFields {
            external_id: some("2"),
            email: some("anna@post.example"),
            company: some("Bank"),
            birthday: Birthday::parse("--05-01"),
            tags: ["new".to_owned()].into(),
            custom_fields: [
                ("level".to_owned(), 2.into()),
                ("city".to_owned(), "T".into()),
            ]
            .into(),
            ..fields("Anna P")
        }
    }

    #[test]
    fn what_a_file_says_replaces_or_fills() {
        let person = Person::default();
        let both = ContactFields {
            email: some("anna@post.example"),
            ..known()
        };
        let updated = ContactFields {
            name: "Anna P".to_owned(),
            company: some("Bank"),
            tags: ["new".to_owned()].into(),
            custom_fields: row().custom_fields,
            ..both.clone()
        };
        let filled = ContactFields {
            custom_fields: [
                ("level".to_owned(), 1.into()),
                ("city".to_owned(), "T".into()),
            ]
            .into(),
            ..both
        };
        assert!(combined(&known(), &row(), &person, Duplicates::Update) == updated);
        assert!(combined(&known(), &row(), &person, Duplicates::Fill) == filled);
        assert!(combined(&known(), &row(), &person, Duplicates::Skip) == known());
        assert!(combined(&known(), &row(), &person, Duplicates::Create) == known());
        // Doing it again changes nothing.
        for how in [Duplicates::Update, Duplicates::Fill] {
            let once = combined(&known(), &row(), &person, how);
            assert!(combined(&once, &row(), &person, how) == once);
        }
    }

    #[test]
    fn segment_and_language_are_replaced_only_if_the_file_says_them() {
        let person = Person {
            says_segment: true,
            says_language: true,
            ..Person::default()
        };
        let said = combined(&known(), &row(), &person, Duplicates::Update);
        assert_eq!(
            (said.segment.as_str(), said.language.as_str()),
            ("regular", "ru")
        );
        let filled = combined(&known(), &row(), &person, Duplicates::Fill);
        assert_eq!(
            (filled.segment.as_str(), filled.language.as_str()),
            ("VIP", "uz")
        );
    }

    #[test]
    fn empty_cells_take_nothing_away_and_a_year_is_learnt() {
        let empty = fields("Anna");
        for how in [Duplicates::Update, Duplicates::Fill] {
            assert!(combined(&known(), &empty, &Person::default(), how) == known());
        }
        let yearless = ContactFields {
            birthday: Birthday::parse("--05-01"),
            ..known()
        };
        let dated = ContactFields {
            birthday: Birthday::parse("1990-05-01"),
            ..fields("Anna")
        };
        let filled = combined(&yearless, &dated, &Person::default(), Duplicates::Fill);
        assert!(filled.birthday == dated.birthday);
    }

    #[test]
    fn people_who_share_a_phone_may_differ() {
        let with = |external: Option<&str>, email: Option<&str>| ContactFields {
            external_id: external.map(str::to_owned),
            email: email.map(str::to_owned),
            ..fields("Anna")
        };
        assert!(may_be_one(
            &with(Some("1"), None),
            &with(None, Some("a@x.example"))
        ));
        assert!(!may_be_one(&with(Some("1"), None), &with(Some("2"), None)));
        assert!(!may_be_one(
            &with(None, Some("a@x.example")),
            &with(None, Some("b@x.example"))
        ));
    }
}
