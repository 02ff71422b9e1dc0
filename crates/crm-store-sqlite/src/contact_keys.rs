//! The contacts that have any of many keys.
//!
//! Keys are looked up in their order. Where none of them is there, the index says which is the next that is, and all keys
//! before that one need no look of their own: of a thousand new people beside each other, one look finds that none is known.

use std::collections::BTreeMap;

use crm_core::Workspace;
use crm_core::contact::Contact;
use crm_core::id::ContactId;
use crm_core::port::store::{ContactKeys, SHARED_PHONE};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::contacts::{COLUMNS, read};
use crate::fault::Outcome;

/// A column with an index of its own over it and the workspace.
struct Key {
    column: &'static str,
    index: &'static str,
    /// How many contacts with one value are given.
    limit: u32,
}

const ID: Key = Key {
    column: "id",
    index: "contacts_id",
    limit: 1,
};
const EXTERNAL_ID: Key = Key {
    column: "external_id",
    index: "contacts_external_id",
    limit: 1,
};
const EMAIL: Key = Key {
    column: "email_key",
    index: "contacts_email",
    limit: 1,
};
const PHONE: Key = Key {
    column: "phone",
    index: "contacts_phone",
    limit: SHARED_PHONE,
};

/// The contacts that have any of these keys.
pub(crate) fn find(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    keys: &ContactKeys,
) -> Outcome<Vec<Contact>> {
    let mut look = Look {
        connection,
        workspace,
        key,
        found: BTreeMap::new(),
    };
    let emails = keys.emails.iter().map(|text| text.to_lowercase());
    look.up(&ID, keys.ids.iter().map(|id| id.0).collect())?;
    look.up(&EXTERNAL_ID, keys.external_ids.clone())?;
    look.up(&EMAIL, emails.collect())?;
    look.up(&PHONE, keys.phones.clone())?;
    Ok(look.found.into_values().collect())
}

struct Look<'a> {
    connection: &'a Connection,
    workspace: &'a Workspace,
    key: i64,
    found: BTreeMap<ContactId, Contact>,
}

impl Look<'_> {
    /// Both sides have one order: that of the bytes.
    fn up<T: Ord + FromSql + ToSql>(&mut self, by: &Key, mut values: Vec<T>) -> Outcome<()> {
        values.sort_unstable();
        values.dedup();
        let (column, index, limit) = (by.column, by.index, by.limit);
        // Named, for figures of a table that was small when they were taken lead the planner elsewhere.
        let from =
            format!("FROM contacts c INDEXED BY {index} WHERE c.workspace = ?1 AND c.{column}");
        let mut first = self.connection.prepare_cached(&format!(
            "SELECT c.{column} {from} >= ?2 ORDER BY c.{column} LIMIT 1"
        ))?;
        let mut those = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} {from} = ?2 ORDER BY c.id LIMIT {limit}"
        ))?;
        // The first key there is that is not before the value looked up last.
        let mut next: Option<T> = None;
        for value in values {
            if next.as_ref().is_none_or(|next| *next < value) {
                let found = first.query_row((self.key, &value), |row| row.get(0));
                next = found.optional()?;
            }
            match &next {
                None => break,
                Some(next) if *next == value => {
                    let rows =
                        those.query_map((self.key, &value), |row| read(self.workspace, row))?;
                    for contact in rows {
                        let contact = contact?;
                        self.found.insert(contact.id, contact);
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
