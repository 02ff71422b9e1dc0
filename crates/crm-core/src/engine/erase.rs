//! Erasing a person. What it promises is described in `docs/erasure.md`.
//!
//! Everything of the person goes in one commit, and their addresses are suppressed for good in it: no crash leaves
//! a person who is half erased and may be written to. Then what has not left is called off, page by page. A second
//! call does what a crash left.

use std::collections::BTreeSet;

use serde_json::Value;

use super::unsubscribe::TRIES;
use super::{Contacts, Session};
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::consent::erasure::{ErasedAddresses, plain};
use crate::contact::{AddressKind, Contact};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::intake::{IntakeRow, IntakeState, Settlement, subject_id};
use crate::message::decide;
use crate::message::history::Subject;
use crate::message::lifecycle::Event;
use crate::port::store::IntakeQuery;

/// Why a message was called off, or a row of the intake rejected.
const ERASED: &str = "erased";

impl Contacts<'_> {
    /// Erases the person: personal data and all texts go, messages that have not left are cancelled, the history
    /// and its digests stay and still verify. Nothing is sent any more, on any channel, to the addresses of the
    /// contact and of its messages, whoever has them later: a hash of each stays on the suppression list until an
    /// admin lifts it. Rows of the intake that name the person and wait are rejected.
    ///
    /// Again, it does what is left to do.
    ///
    /// # Errors
    /// `Forbidden` for anyone but an admin; `NotFound`; `NotAllowed` for one that was merged into another, with which it is
    /// erased; `Conflict` when others keep changing the contact or its
    /// messages: what was erased stays so, call it again.
    pub async fn erase(&self, id: ContactId) -> Result<()> {
        self.0.require(Action::Erase)?;
        let mut left = TRIES;
        while let Err(error) = self.erase_person(id).await {
            again(error, &mut left)?;
        }
        while let Err(error) = self.call_off_all(id).await {
            again(error, &mut left)?;
        }
        Ok(())
    }

    async fn erase_person(&self, id: ContactId) -> Result<()> {
        let session = self.0;
        let before = session.contact(id).await?;
        if before.merged_into.is_some() {
            before.living()?;
        }
        let stamp = session.stamp();
        let mut set = ChangeSet::new(before.workspace.clone());
        set.push(Change::SuppressErased(Box::new(ErasedAddresses {
            workspace: before.workspace.clone(),
            contact_id: id,
            salt: stamp.ids.salt(),
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
        })))
        .push(Change::EraseTexts(id));
        for row in session.waiting_about(&before).await? {
            session.turn_away(&mut set, &row);
        }
        if before.erased {
            let mut event = stamp.event(Subject::Contact, id.0, before.version, "erased");
            event.reason = Some("again".to_owned());
            set.event(event);
        } else {
            let after = before.erased(stamp.at);
            let version = after.version;
            set.forget_inbound(&before).update_contact(&before, after);
            set.event(stamp.event(Subject::Contact, id.0, version, "erased"));
        }
        session.engine.commit_one(set).await
    }

    /// Cancels what has not left, however much that is.
    async fn call_off_all(&self, id: ContactId) -> Result<()> {
        let stamp = self.0.stamp();
        let (mut after, mut refused, mut any) = (None, None, false);
        loop {
            let page = self.open_page(id, after).await?;
            let mut sets = Vec::with_capacity(page.items.len());
            for message in &page.items {
                let reason = Some(ERASED.to_owned());
                sets.push(decide::close(message, Event::Cancel, reason, &stamp)?.1);
            }
            any |= !sets.is_empty();
            for result in self.0.engine.commit(sets).await? {
                refused = refused.or(result.err());
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if let Some(error) = refused {
            return Err(error);
        }
        if any {
            // Of what was written while the person was erased.
            let mut set = ChangeSet::new(self.0.workspace().clone());
            set.push(Change::EraseTexts(id));
            self.0.engine.commit_one(set).await?;
        }
        Ok(())
    }
}

/// Decides anew a few times when others were quicker.
fn again(error: Error, left: &mut u32) -> Result<()> {
    *left = left.saturating_sub(1);
    if *left > 0 && error.kind() == ErrorKind::Conflict {
        Ok(())
    } else {
        Err(error)
    }
}

impl Session {
    /// The waiting rows of the intake that name the person.
    async fn waiting_about(&self, person: &Contact) -> Result<Vec<IntakeRow>> {
        let mut names: BTreeSet<String> = BTreeSet::from([person.id.to_string()]);
        let addresses = AddressKind::ALL.into_iter();
        names.extend(addresses.filter_map(|kind| person.address(kind)).map(plain));
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = IntakeQuery {
                state: Some(IntakeState::Waiting),
                after,
                oldest_first: true,
                limit: 1_000,
                ..IntakeQuery::default()
            };
            let rows = self.store().intake(self.workspace(), query).await?;
            let Some(last) = rows.last() else {
                return Ok(found);
            };
            after = Some(last.seq);
            found.extend(
                rows.into_iter()
                    .filter(|row| mentions(&row.payload, &names)),
            );
        }
    }

    fn turn_away(&self, set: &mut ChangeSet, row: &IntakeRow) {
        let stamp = self.stamp();
        let state = IntakeState::Rejected;
        let id = subject_id(self.workspace(), &row.key);
        let mut event = stamp.event(Subject::Intake, id, 2, state.as_str());
        event.reason = Some(ERASED.to_owned());
        set.event(event);
        set.push(Change::FinishIntake(Settlement {
            workspace: self.workspace().clone(),
            seq: row.seq,
            state,
            reason: Some(ERASED.to_owned()),
            message_id: None,
            contact_id: None,
            settled_at: stamp.at,
        }));
    }
}

/// Whether a text or number anywhere in the payload is one of these names.
fn mentions(payload: &Value, names: &BTreeSet<String>) -> bool {
    match payload {
        Value::String(text) => names.contains(&plain(text)),
        Value::Number(number) => names.contains(&number.to_string()),
        Value::Array(items) => items.iter().any(|item| mentions(item, names)),
        Value::Object(fields) => fields.values().any(|item| mentions(item, names)),
        Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_names_a_person_anywhere() {
        let names = ["c-17", "anna@example.org", "77"].map(str::to_owned);
        let names = BTreeSet::from(names);
        for about in [
            json!({"external_id": "c-17"}),
            json!({"external_id": "c-18", "email": " Anna@Example.ORG"}),
            json!({"a": [{"telegram_chat_id": 77}]}),
        ] {
            assert!(mentions(&about, &names), "{about}");
        }
        for other in [
            json!({"external_id": "c-171", "anna@example.org": true}),
            json!({"content": "c-17 is gone", "n": [7, null, false]}),
            json!(null),
        ] {
            assert!(!mentions(&other, &names), "{other}");
        }
    }
}
