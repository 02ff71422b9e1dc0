//! What the rows of a part of a file mean for the contacts there are: who each one is, and what that contact says then.
//!
//! The rows are looked at in order, each against what the rows before it make of the contacts. So a person who stands in
//! a file twice is one contact, and each contact is written once.

use std::collections::{BTreeSet, HashMap};

use super::report::RowOutcome;
use crate::consent::{self, Consent};
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, ErrorKind};
use crate::id::ContactId;
use crate::import::{Duplicates, Person, combined, may_be_one};
use crate::port::store::ContactKeys;

/// A row that can be taken.
pub(super) struct Taken {
    /// The id that it gives to a contact of its own.
    pub(super) id: ContactId,
    pub(super) person: Person,
    /// What it says, normalised.
    pub(super) fields: ContactFields,
    /// What the person does not want, in words of the channels there are.
    pub(super) opt_outs: Vec<Consent>,
}

/// One contact and what becomes of it.
pub(super) struct Planned {
    pub(super) id: ContactId,
    /// As it is stored; nothing for a new one.
    pub(super) before: Option<Contact>,
    pub(super) fields: ContactFields,
    /// E-mail addresses that mail came back from.
    pub(super) bounced: BTreeSet<String>,
    /// The rows that are about it, by their place among those given, and what becomes of each.
    pub(super) rows: Vec<(usize, RowOutcome)>,
}

impl Planned {
    /// Whether anything is to be written.
    pub(super) fn is_new(&self) -> bool {
        let before = self.before.as_ref();
        !self.bounced.is_empty() || before.is_none_or(|before| before.fields != self.fields)
    }
}

/// What becomes of a part of a file.
#[derive(Default)]
pub(super) struct Part {
    /// Contacts, in the order in which the rows first name them.
    pub(super) contacts: Vec<Planned>,
    /// The places of rows that cannot be taken, and why.
    pub(super) refused: Vec<(usize, Error)>,
}

/// The keys by which the people of the rows may be known. The ids are those that the rows give to contacts of their own:
/// an import that was cut off has made them already.
pub(super) fn keys(rows: &[Taken]) -> ContactKeys {
    let mut keys = ContactKeys {
        ids: rows.iter().map(|row| row.id).collect(),
        ..ContactKeys::default()
    };
    for fields in rows.iter().map(|row| &row.fields) {
        keys.external_ids.extend(fields.external_id.clone());
        keys.emails.extend(fields.email.clone());
        keys.phones.extend(fields.phone.clone());
    }
    keys
}

/// What becomes of the contacts, of whom those that the rows may be about are `known`.
pub(super) fn plan(rows: &[Taken], known: Vec<Contact>, how: Duplicates) -> Part {
    let mut people = People::default();
    // Who was merged into somebody is no more than an id; that is still met under the external id.
    let merged = known
        .iter()
        .filter_map(|one| Some((one.external_id.clone()?, one.merged_into?)));
    let merged: Vec<_> = merged.collect();
    for contact in known {
        people.add(Planned {
            id: contact.id,
            fields: contact.fields.clone(),
            before: Some(contact),
            bounced: BTreeSet::new(),
            rows: Vec::new(),
        });
    }
    for (external_id, kept) in merged {
        if let Some(place) = people.by_id.get(&kept) {
            people.by_external_id.insert(external_id, *place);
        }
    }
    for (place, row) in rows.iter().enumerate() {
        people.take(place, row, how);
    }
    let mut contacts = people.all;
    contacts.retain(|planned| !planned.rows.is_empty());
    contacts.sort_by_key(|planned| planned.rows.first().copied());
    Part {
        contacts,
        refused: people.refused,
    }
}

/// Why a row cannot be taken whose external id or e-mail somebody else has.
pub(super) fn taken() -> Error {
    Error::new(
        ErrorKind::Duplicate,
        "another contact has this external id or e-mail",
    )
}

/// Contacts, by what they are known by.
#[derive(Default)]
struct People {
    all: Vec<Planned>,
    by_id: HashMap<ContactId, usize>,
    by_external_id: HashMap<String, usize>,
    by_email: HashMap<String, usize>,
    by_phone: HashMap<String, Vec<usize>>,
    refused: Vec<(usize, Error)>,
}

impl People {
    fn add(&mut self, planned: Planned) {
        self.by_id.insert(planned.id, self.all.len());
        self.index(self.all.len(), &planned.fields);
        self.all.push(planned);
    }

    fn index(&mut self, place: usize, fields: &ContactFields) {
        if let Some(id) = &fields.external_id {
            self.by_external_id.entry(id.clone()).or_insert(place);
        }
        if let Some(email) = &fields.email {
            self.by_email.entry(email.clone()).or_insert(place);
        }
        if let Some(phone) = &fields.phone {
            let places = self.by_phone.entry(phone.clone()).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    fn take(&mut self, place: usize, row: &Taken, how: Duplicates) {
        let id = row.id;
        // Made by this very row, before the import was cut off.
        if let Some(&known) = self.by_id.get(&id) {
            if let Some(planned) = self.all.get_mut(known) {
                planned.rows.push((place, RowOutcome::Created));
            }
            return;
        }
        let known = (how != Duplicates::Create)
            .then(|| self.find(&row.fields))
            .flatten();
        let mut fields = match known.and_then(|at| self.all.get(at)) {
            Some(known) => {
                let mut fields = combined(&known.fields, &row.fields, &row.person, how);
                fields.consent = consent::lower(&fields.consent, &row.fields.consent);
                fields
            }
            // A file cannot say that somebody agreed.
            None => ContactFields {
                consent: consent::lower(&[], &row.fields.consent),
                ..row.fields.clone()
            },
        };
        fields.consent = consent::lower(&fields.consent, &row.opt_outs);
        if self.is_taken(known, &fields) {
            self.refused.push((place, taken()));
            return;
        }
        let bounced = row.fields.email.clone().filter(|_| row.person.bounced);
        let Some((at, planned)) = known.and_then(|at| self.all.get_mut(at).map(|one| (at, one)))
        else {
            self.add(Planned {
                id,
                before: None,
                fields,
                bounced: bounced.into_iter().collect(),
                rows: vec![(place, RowOutcome::Created)],
            });
            return;
        };
        let outcome = if how == Duplicates::Skip {
            RowOutcome::Skipped
        } else {
            RowOutcome::Updated
        };
        planned.rows.push((place, outcome));
        planned.fields = fields.clone();
        planned.bounced.extend(bounced);
        self.index(at, &fields);
    }

    /// Whether somebody else has a key that only one may have.
    fn is_taken(&self, known: Option<usize>, fields: &ContactFields) -> bool {
        let external = fields
            .external_id
            .as_ref()
            .and_then(|id| self.by_external_id.get(id));
        let email = fields
            .email
            .as_ref()
            .and_then(|email| self.by_email.get(email));
        let others = [external, email].into_iter().flatten();
        others.into_iter().any(|owner| Some(*owner) != known)
    }

    /// Who the row is about, if that is known.
    fn find(&self, row: &ContactFields) -> Option<usize> {
        let external = row
            .external_id
            .as_ref()
            .and_then(|id| self.by_external_id.get(id));
        let email = || {
            row.email
                .as_ref()
                .and_then(|email| self.by_email.get(email))
        };
        if let Some(known) = external.or_else(email) {
            return Some(*known);
        }
        let sharing = self.by_phone.get(row.phone.as_ref()?)?;
        let fits = |place: &&usize| {
            let known = self.all.get(**place);
            known.is_some_and(|known| may_be_one(&known.fields, row))
        };
        sharing.iter().find(fits).copied()
    }
}
