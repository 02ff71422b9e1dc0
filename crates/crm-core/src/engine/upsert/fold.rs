//! What rows of a host mean for the contacts there are, one after the other, each against what the rows before it make of
//! them. Each contact is then written once, however many rows are about it.

use std::collections::{HashMap, HashSet};

use super::outcome::{UpsertOutcome, Upserted};
use crate::contact::definition::Definitions;
use crate::contact::{Contact, ContactFields, ContactPatch, PatchMode, changed_fields};
use crate::error::Error;
use crate::id::ContactId;
use crate::port::store::ContactKeys;

/// A row that has the id of a contact.
pub(super) struct Row {
    /// Its place among the rows of the call.
    pub(super) place: usize,
    /// The host's id of the contact.
    pub(super) key: String,
    /// What is said of it.
    pub(super) patch: ContactPatch,
    /// How often it was decided on.
    pub(super) tries: usize,
}

/// One contact and what becomes of it.
pub(super) struct Planned {
    pub(super) id: ContactId,
    /// As it is stored; nothing for a new one.
    pub(super) before: Option<Contact>,
    pub(super) fields: ContactFields,
    /// The rows about it, by their number among those given, and what becomes of each.
    pub(super) rows: Vec<(usize, UpsertOutcome)>,
}

impl Planned {
    /// Whether anything is to be written.
    pub(super) fn is_new(&self) -> bool {
        let before = self.before.as_ref();
        before.is_none_or(|before| before.fields != self.fields)
    }
}

/// What becomes of the first rows.
pub(super) struct Folded {
    /// Contacts, in the order in which the rows first name them.
    pub(super) contacts: Vec<Planned>,
    /// Rows that are refused, by their number among those given.
    pub(super) refused: Vec<(usize, UpsertOutcome)>,
    /// How many rows this is about. Behind them stands one that needs an e-mail which a row before it gives up: that has
    /// to be written first.
    pub(super) rows: usize,
}

/// The keys by which the contacts are found that the rows are about, and those who have an e-mail of theirs.
pub(super) fn keys(rows: &[Row]) -> ContactKeys {
    let ids: HashSet<&String> = rows.iter().map(|row| &row.key).collect();
    let emails: HashSet<String> = rows.iter().filter_map(|row| row.patch.email()).collect();
    ContactKeys {
        external_ids: ids.into_iter().cloned().collect(),
        emails: emails.into_iter().collect(),
        ..ContactKeys::default()
    }
}

/// What becomes of the contacts, of whom those with any of the [`keys`] are `known`.
pub(super) fn fold(
    rows: &[Row],
    known: Vec<Contact>,
    (mode, definitions): (PatchMode, &Definitions),
    new_id: impl Fn() -> ContactId,
) -> Folded {
    let mut people = People::of(known);
    let mut refused = Vec::new();
    let mut count = rows.len();
    for (number, row) in rows.iter().enumerate() {
        match people.take(number, row, (mode, definitions), &new_id) {
            Ok(true) => {}
            Ok(false) => {
                count = number;
                break;
            }
            Err(error) => {
                let id = people.find(&row.key).map(|one| one.id);
                refused.push((number, UpsertOutcome::refused(id, &error)));
            }
        }
    }
    let mut contacts = people.all;
    contacts.retain(|one| !one.rows.is_empty());
    contacts.sort_by_key(|one| one.rows.first().map(|(number, _)| *number));
    Folded {
        contacts,
        refused,
        rows: count,
    }
}

/// Contacts, by what only one may have.
#[derive(Default)]
struct People {
    all: Vec<Planned>,
    by_key: HashMap<String, usize>,
    by_email: HashMap<String, usize>,
    /// E-mails that the rows so far gave up.
    given_up: HashSet<String>,
}

impl People {
    fn of(known: Vec<Contact>) -> Self {
        let mut people = Self::default();
        // Who was merged into somebody is reached under the old key, too.
        let (merged, known): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|one| one.merged_into.is_some());
        for contact in known {
            people.add(Planned {
                id: contact.id,
                fields: contact.fields.clone(),
                before: Some(contact),
                rows: Vec::new(),
            });
        }
        for contact in merged {
            let kept = people
                .all
                .iter()
                .position(|one| Some(one.id) == contact.merged_into);
            if let (Some(kept), Some(key)) = (kept, contact.fields.external_id) {
                people.by_key.insert(key, kept);
            }
        }
        people
    }

    fn add(&mut self, one: Planned) {
        let place = self.all.len();
        if let Some(key) = &one.fields.external_id {
            self.by_key.insert(key.clone(), place);
        }
        if let Some(email) = &one.fields.email {
            self.by_email.insert(email.clone(), place);
        }
        self.all.push(one);
    }

    fn find(&self, key: &str) -> Option<&Planned> {
        self.all.get(*self.by_key.get(key)?)
    }

    /// Takes one row; `false` when it has to wait for the rows before it to be written.
    fn take(
        &mut self,
        number: usize,
        row: &Row,
        (mode, definitions): (PatchMode, &Definitions),
        new_id: impl Fn() -> ContactId,
    ) -> Result<bool, Error> {
        let at = self.by_key.get(&row.key).copied();
        let stored = at.and_then(|at| self.all.get(at)).map(|one| &one.fields);
        let mut fields = row.patch.over(stored, mode, definitions)?;
        if let Some(stored) = stored {
            fields.external_id.clone_from(&stored.external_id);
        }
        let had = stored.and_then(|stored| stored.email.clone());
        if let Some(email) = fields
            .email
            .as_ref()
            .filter(|email| had.as_ref() != Some(email))
        {
            if self
                .by_email
                .get(email)
                .is_some_and(|owner| Some(*owner) != at)
            {
                return Err(Error::taken("email"));
            }
            if self.given_up.contains(email) {
                return Ok(false);
            }
        }
        let Some((at, one)) = at.and_then(|at| Some((at, self.all.get_mut(at)?))) else {
            let id = new_id();
            self.add(Planned {
                id,
                before: None,
                fields,
                rows: vec![(
                    number,
                    UpsertOutcome::taken(Upserted::Created, id, Vec::new()),
                )],
            });
            return Ok(true);
        };
        let changed = changed_fields(&one.fields, &fields);
        let outcome = match changed.is_empty() {
            true => Upserted::Unchanged,
            false => Upserted::Updated,
        };
        let outcome = UpsertOutcome::taken(outcome, one.id, changed);
        one.rows.push((number, outcome));
        one.fields = fields;
        if one.fields.email != had {
            if let Some(email) = had {
                self.by_email.remove(&email);
                self.given_up.insert(email);
            }
            if let Some(email) = &one.fields.email {
                self.by_email.insert(email.clone(), at);
            }
        }
        Ok(true)
    }
}
