//! Two contacts that are one person become one. What was merged is not taken apart again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::contacts::Contacts;
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::contact::merge::merged;
use crate::contact::{AddressKind, Contact};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CampaignId, ContactId};
use crate::message::history::Subject;
use crate::message::lifecycle::Event;
use crate::message::{Message, decide};
use crate::port::store::{MessageQuery, PageRequest};

/// How often it is decided on because somebody changed one of the two at the same time.
const TRIES: usize = 4;
/// Why messages that were written for the contact that goes do not leave as they are.
const REASON: &str = "contact_merged";

/// How [`Contacts::merge`] puts two contacts together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MergeOptions {
    /// Names of fields that the contact that goes has right: they come from it, where it has them. Any but `external_id`,
    /// `tags` and `consent`.
    pub take: BTreeSet<String>,
    /// The version of the contact that is kept: only if it is still the current one.
    pub version: Option<u64>,
    /// The version of the contact that goes: only if it is still the current one.
    pub contact_version: Option<u64>,
}

impl Contacts<'_> {
    /// Merges `gone` into `keep`, the same person, and returns that. It cannot be undone.
    ///
    /// What `keep` knows stays, what it lacks is filled from `gone`; tags are united, and consent is joined so that a no
    /// stays until a later yes with its evidence. All messages and lines of plans are `keep`'s afterwards: lists, audiences,
    /// guards, subject access and erasure find them there. Where both were written to by the same run of a campaign both
    /// messages stay, and no third one follows.
    ///
    /// Of `gone` an id is left that says [where it went](Contact::merged_into), and its external id, under which the host
    /// still reaches `keep`. Addresses that `keep` does not take over are forgotten, and with them when somebody wrote from
    /// there. Messages of `gone` that have not left need a new approval, for they were written for another record; those of
    /// a run in which `keep` has a message of its own are cancelled. One that a worker holds already is decided on by the
    /// check before delivery, which demands the address it was approved for.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Invalid` for a contact and itself, and for what is too much together; `NotAllowed` when one
    /// of them was merged before: the error names into which; `Conflict`.
    pub async fn merge(
        &self,
        keep: ContactId,
        gone: ContactId,
        options: &MergeOptions,
    ) -> Result<Contact> {
        self.0.require(Action::WriteContacts)?;
        if keep == gone {
            let message = "name another contact: one cannot be merged into itself";
            return Err(Error::field("contact_id", message));
        }
        for _ in 1..TRIES {
            match self.merge_once(keep, gone, options).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        self.merge_once(keep, gone, options).await
    }

    async fn merge_once(
        &self,
        keep: ContactId,
        gone: ContactId,
        options: &MergeOptions,
    ) -> Result<Contact> {
        let kept = self.seen(keep, options.version).await?;
        let gone = self.seen(gone, options.contact_version).await?;
        let fields = merged(&kept.fields, &gone.fields, &options.take)?;
        let stamp = self.0.stamp();
        let (after, updates) = self.decide_update(&kept, fields, "merged").await?;
        let left = gone.merged(&after, stamp.at);

        let mut set = ChangeSet::new(kept.workspace.clone());
        // First what gives up what only one may have.
        set.update_contact(&gone, left.clone());
        for change in self.decide_open(&gone, &after).await? {
            set.absorb(change);
        }
        let (from, to) = (gone.id, kept.id);
        set.push(Change::MoveHistory { from, to });
        for mut update in updates {
            update.originate(&from.to_string());
            set.absorb(update);
        }
        let taken = addresses(&after);
        for address in addresses(&gone) {
            if !taken.contains(&address) {
                set.push(Change::DeleteInbound(address.to_owned()));
            }
        }
        let version = left.version;
        let mut event = stamp.event(Subject::Contact, from.0, version, "merged_into");
        event.reason = Some(to.to_string());
        set.event(event);
        self.0.engine.commit_one(set).await?;
        Ok(after)
    }

    /// A contact that is there, at the version that was seen.
    async fn seen(&self, id: ContactId, version: Option<u64>) -> Result<Contact> {
        let contact = self.get(id).await?;
        contact.living()?;
        if version.is_some_and(|seen| seen != contact.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("contact {id} was changed meanwhile; load it again"),
            ));
        }
        Ok(contact)
    }

    /// What becomes of messages to the contact that goes that have not left.
    async fn decide_open(&self, gone: &Contact, kept: &Contact) -> Result<Vec<ChangeSet>> {
        let open = self.open_messages(gone.id).await?;
        let campaigns: BTreeSet<CampaignId> =
            open.iter().filter_map(|one| one.campaign_id).collect();
        let mut runs = BTreeSet::new();
        for campaign in campaigns {
            let theirs = self.messages_of(kept.id, campaign).await?;
            runs.extend(
                theirs
                    .into_iter()
                    .map(|one| (one.campaign_id, one.occurrence)),
            );
        }
        let stamp = self.0.stamp();
        let mut sets = Vec::with_capacity(open.len());
        for message in open {
            let run = (message.campaign_id, message.occurrence.clone());
            let doubled = run.0.is_some() && run.1.is_some() && runs.contains(&run);
            sets.push(if doubled {
                let reason = Some(REASON.to_owned());
                decide::close(&message, Event::Cancel, reason, &stamp)?.1
            } else {
                let channel = self.0.engine.channel(&message.channel).ok();
                let now = channel.and_then(|(_, can)| kept.address(can.address));
                decide::invalidate(&message, now.map(str::to_owned), REASON, &stamp)?.1
            });
        }
        Ok(sets)
    }

    async fn messages_of(&self, id: ContactId, campaign: CampaignId) -> Result<Vec<Message>> {
        let query = MessageQuery {
            contact_id: Some(id),
            campaign_id: Some(campaign),
            with_deleted: true,
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let store = self.0.store();
        Ok(store.messages(self.0.workspace(), query).await?.items)
    }
}

/// Everything under which somebody may write.
fn addresses(contact: &Contact) -> Vec<&str> {
    let kinds = AddressKind::ALL.into_iter();
    kinds
        .filter_map(|kind| contact.address(kind))
        .chain(contact.phone.as_deref())
        .collect()
}
