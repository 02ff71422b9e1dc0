//! Addresses nothing is ever sent to.

use super::Session;
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::consent::erasure::EVERY_CHANNEL;
use crate::consent::{self, Suppression};
use crate::error::{Error, Result};
use crate::message::history::Subject;
use crate::port::store::{Page, SuppressionQuery};

/// Use cases of the suppression list.
#[derive(Debug, Clone, Copy)]
pub struct Suppressions<'a>(pub(super) &'a Session);

impl Suppressions<'_> {
    /// Lists suppressed addresses. That of an erased person has the channel `*`, for it holds on every one, the reason
    /// `erased` and no address: nobody keeps it. Asked for by its address, it is found on any channel.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, query: SuppressionQuery) -> Result<Page<Suppression>> {
        self.0.require(Action::Read)?;
        self.0.store().suppressions(self.0.workspace(), query).await
    }

    /// Suppresses an address on a channel. Repeating it changes nothing, but for the reason of one that the
    /// person's own word could lift: that becomes this one, and stays.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` for an empty address or reason, and for the channel `*`.
    pub async fn add(&self, channel: &str, address: &str, reason: &str) -> Result<()> {
        self.0.require(Action::Suppress)?;
        if address.trim().is_empty() || address.chars().any(char::is_control) {
            return Err(Error::field("address", "give the address to suppress"));
        }
        if channel == EVERY_CHANNEL {
            return Err(Error::field(
                "channel",
                "name one channel; all of them are closed by erasing the person",
            ));
        }
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(Error::field("reason", "say why in 1 to 500 characters"));
        }
        let address = address.trim();
        let engine = &self.0.engine;
        let known = engine.suppression(self.0.workspace(), channel, address);
        let known = known.await?;
        let mut set = ChangeSet::new(self.0.workspace().clone());
        let why = consent::Why::Words(reason);
        consent::suppress(
            &mut set,
            (channel, address),
            why,
            known.as_ref(),
            None,
            &self.0.stamp(),
        );
        self.0.engine.commit_one(set).await
    }

    /// Lifts a suppression, and with it that of an erased person who had this address: from then on they may be
    /// written to there on every channel. A list shows that one without its address; the address itself finds it.
    ///
    /// # Errors
    /// `Forbidden` for anyone but an admin.
    pub async fn lift(&self, channel: &str, address: &str) -> Result<()> {
        self.0.require(Action::LiftSuppression)?;
        let stamp = self.0.stamp();
        let mut set = ChangeSet::new(self.0.workspace().clone());
        set.push(Change::DeleteSuppression {
            channel: channel.to_owned(),
            address: address.to_owned(),
            reason: None,
        });
        set.event(stamp.event(Subject::Suppression, stamp.ids.next(), 1, "lifted"));
        self.0.engine.commit_one(set).await
    }
}
