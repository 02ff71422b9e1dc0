//! Reading and proving the history.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::error::Result;
use crate::message::history::{Checkpoint, StoredEvent, Verifier};
use crate::port::store::EventQuery;

/// Use cases of the history.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a>(pub(super) &'a Session);

/// What checking the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether the chain is intact.
    pub valid: bool,
    /// Sealed events checked.
    pub sealed: u64,
    /// Position of the first fault.
    pub first_bad: Option<u64>,
    /// Where the chain ends.
    pub checkpoint: Checkpoint,
}

impl Audit<'_> {
    /// Lists events in commit order.
    ///
    /// # Errors
    /// As the store.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>> {
        self.0.require(Action::Read)?;
        self.0.store().events(self.0.workspace(), query).await
    }

    /// Checks the whole chain against the store's checkpoint and, if given, one kept elsewhere.
    ///
    /// # Errors
    /// As the store.
    pub async fn verify(&self, kept: Option<Checkpoint>) -> Result<Verification> {
        self.0.require(Action::Read)?;
        let recorded = self.0.store().checkpoint(self.0.workspace()).await?;
        let mut verifier = Verifier::default();
        let mut kept_bad = kept.filter(|kept| kept.position > recorded.position);
        let mut after = 0;
        loop {
            let query = EventQuery {
                subject: None,
                sealed_after: Some(after),
                limit: 10_000,
            };
            let events = self.0.store().events(self.0.workspace(), query).await?;
            let Some(last) = events.last().and_then(|event| event.seal) else {
                break;
            };
            for stored in &events {
                // What was sealed while we read belongs to a later checkpoint.
                let Some(seal) = stored.seal.filter(|s| s.position <= recorded.position) else {
                    continue;
                };
                verifier.push(&stored.event, seal);
                if let Some(kept) = kept.filter(|kept| kept.position == seal.position)
                    && kept.hash != seal.hash
                {
                    kept_bad = Some(kept);
                }
            }
            if last.position >= recorded.position || last.position <= after {
                break;
            }
            after = last.position;
        }
        let first_bad = verifier
            .finish(recorded)
            .or_else(|| kept_bad.map(|kept| kept.position));
        Ok(Verification {
            valid: first_bad.is_none(),
            sealed: recorded.position,
            first_bad,
            checkpoint: recorded,
        })
    }

    /// The end of the chain, to be kept elsewhere.
    ///
    /// # Errors
    /// As the store.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        self.0.require(Action::Read)?;
        self.0.store().checkpoint(self.0.workspace()).await
    }
}
