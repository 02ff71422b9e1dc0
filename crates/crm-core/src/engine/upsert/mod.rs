//! Contacts as the host's CRM knows them, many at a time: each is found by the host's own id and made to say what its row
//! says.
//!
//! Unlike an import, which is a file of somewhere, this is the word of whoever keeps the contacts. A row may therefore
//! clear fields and take an opt-out back by a later yes with its evidence, as an edit may; no row may do more than that.

mod fold;
mod outcome;

use std::collections::VecDeque;

use super::contacts::Contacts;
use super::import::may_fit_later;
use crate::actor::Action;
use crate::change::{ChangeSet, Precondition};
use crate::contact::ContactPatch;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;

use fold::{Folded, Planned, Row};
pub use outcome::{UpsertOptions, UpsertOutcome, Upserted};

/// Rows that are written together.
const CHUNK: usize = 1_000;
/// How often a row is decided on because somebody changed the same contact at the same time.
const TRIES: usize = 4;
/// Where the history says that it came from.
const ORIGIN: &str = "upsert";

impl Contacts<'_> {
    /// Makes the contacts with these external ids say what the rows say: one that is not there is created, and what a row
    /// does not name stays or is cleared, as the options say. The answer has one outcome for each row, in order; a row
    /// that cannot be taken is refused and the others go on. Rows about the same contact are applied in order, and a
    /// contact is written once for each 1,000 rows.
    ///
    /// Consent is joined: a no stays until a later yes with its evidence, and a row that says otherwise is taken without
    /// that. An address or a consent that changes voids the approvals of messages that have not left, as in
    /// [`update`](Self::update). A row is decided on up to four times when others change its contact; then it is refused
    /// as a conflict.
    ///
    /// Giving the same rows again changes nothing.
    ///
    /// # Errors
    /// `Forbidden`; as the store, when it does not answer: some of the rows may then have been taken, and giving all of
    /// them again is right.
    pub async fn upsert(
        &self,
        rows: Vec<ContactPatch>,
        options: UpsertOptions,
    ) -> Result<Vec<UpsertOutcome>> {
        self.0.require(Action::WriteContacts)?;
        let mut outcomes: Vec<Option<UpsertOutcome>> = vec![None; rows.len()];
        let mut queue = VecDeque::with_capacity(rows.len());
        for (place, patch) in rows.into_iter().enumerate() {
            match read(place, patch) {
                Ok(row) => queue.push_back(row),
                Err(error) => settle(&mut outcomes, place, UpsertOutcome::refused(None, &error)),
            }
        }
        while !queue.is_empty() {
            let part: Vec<Row> = queue.drain(..queue.len().min(CHUNK)).collect();
            let (settled, left) = self.take_part(part, options).await?;
            for (place, outcome) in settled {
                settle(&mut outcomes, place, outcome);
            }
            // They were before what is still in the queue.
            left.into_iter().rev().for_each(|row| queue.push_front(row));
        }
        let unknown = Error::new(ErrorKind::Corrupt, "the row was not decided on");
        let told = |outcome: Option<UpsertOutcome>| {
            outcome.unwrap_or_else(|| UpsertOutcome::refused(None, &unknown))
        };
        Ok(outcomes.into_iter().map(told).collect())
    }

    /// Writes what can be written of some rows: what became of them, by their places, and those that are to be decided on
    /// again, in order.
    async fn take_part(
        &self,
        part: Vec<Row>,
        options: UpsertOptions,
    ) -> Result<(Vec<(usize, UpsertOutcome)>, Vec<Row>)> {
        let known = self.known(fold::keys(&part)).await?;
        let ids = self.0.engine.ids();
        let definitions = self.0.engine.definitions(self.0.workspace()).await?;
        let Folded {
            contacts,
            refused,
            rows,
        } = fold::fold(&part, known, (options.mode, &definitions), || {
            ContactId(ids.next())
        });
        let mut decided: Vec<Option<UpsertOutcome>> = vec![None; rows];
        for (number, outcome) in refused {
            settle(&mut decided, number, outcome);
        }
        for (one, result) in self.write_planned(contacts).await? {
            for (number, outcome) in one.rows {
                let tries = part.get(number).map_or(TRIES, |row| row.tries + 1);
                match &result {
                    Ok(()) => settle(&mut decided, number, outcome),
                    Err(error) if may_fit_later(error.kind()) && tries < TRIES => {}
                    Err(error) => {
                        let id = one.before.as_ref().map(|before| before.id);
                        settle(&mut decided, number, UpsertOutcome::refused(id, error));
                    }
                }
            }
        }
        let (mut settled, mut left) = (Vec::with_capacity(rows), Vec::new());
        let mut decided = decided.into_iter();
        for mut row in part {
            match decided.next() {
                Some(Some(outcome)) => settled.push((row.place, outcome)),
                Some(None) => {
                    row.tries += 1;
                    left.push(row);
                }
                None => left.push(row),
            }
        }
        Ok((settled, left))
    }

    /// Writes contacts, each with the messages whose approval is void by it; each with how that went.
    async fn write_planned(&self, planned: Vec<Planned>) -> Result<Vec<(Planned, Result<()>)>> {
        let (mut sets, mut places) = (Vec::new(), Vec::with_capacity(planned.len()));
        for one in &planned {
            places.push(one.is_new().then_some(sets.len()));
            if one.is_new() {
                sets.extend(self.decide_upsert(one).await?);
            }
        }
        let results = match sets.is_empty() {
            true => Vec::new(),
            false => self.0.engine.commit(sets).await?,
        };
        let result = |place: Option<usize>| {
            let result = place.and_then(|place| results.get(place).cloned());
            result.unwrap_or(Ok(()))
        };
        Ok(planned
            .into_iter()
            .zip(places)
            .map(|(one, place)| (one, result(place)))
            .collect())
    }

    async fn decide_upsert(&self, one: &Planned) -> Result<Vec<ChangeSet>> {
        let Some(before) = &one.before else {
            let reason = Some(ORIGIN.to_owned());
            return Ok(vec![self.decide_new(one.id, one.fields.clone(), reason)]);
        };
        let (after, mut sets) = self
            .decide_update(before, one.fields.clone(), "edited")
            .await?;
        for set in sets.iter_mut().skip(1) {
            set.require(Precondition::Contact(after.id, after.version));
        }
        if let Some(first) = sets.first_mut() {
            first.originate(ORIGIN);
        }
        Ok(sets)
    }
}

/// A row that says whom it is about, and says it in a form that can be read.
fn read(place: usize, patch: ContactPatch) -> Result<Row> {
    patch.check()?;
    let Some(key) = patch.external_id().map(str::to_owned) else {
        return Err(Error::field(
            "external_id",
            "give the id that your own records have for this person",
        ));
    };
    Ok(Row {
        place,
        key,
        patch,
        tries: 0,
    })
}

fn settle(outcomes: &mut [Option<UpsertOutcome>], place: usize, outcome: UpsertOutcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}
