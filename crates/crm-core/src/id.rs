//! Identifiers: UUIDs with a type each, so that a contact's id cannot stand where a message's belongs.
//!
//! New ids are UUID version 7 (RFC 9562): they grow with time, so "newest first" is the id's own order
//! and paging by id needs no second column.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::message::digest::Encoder;

/// An id made from names, the same for the same names: of version 8, made from what we like (RFC 9562). The
/// `domain` keeps kinds of names apart.
pub(crate) fn derived(domain: &'static str, names: &[&str]) -> Uuid {
    let mut encoder = Encoder::new(domain);
    for name in names {
        encoder.text(name);
    }
    let hash = encoder.finish().0;
    let bits = u128::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
    let fixed = 0xf << 76 | 0b11 << 62;
    Uuid::from_u128(bits & !fixed | 8 << 76 | 0b10 << 62)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }
    };
}

id! {
    /// A contact.
    ContactId
}
id! {
    /// A message.
    MessageId
}
id! {
    /// A template.
    TemplateId
}
id! {
    /// A campaign.
    CampaignId
}
id! {
    /// An audience that is saved under a name.
    SavedAudienceId
}
id! {
    /// A batch of drafts.
    DraftBatchId
}
id! {
    /// One attempt to deliver a message.
    AttemptId
}
id! {
    /// An audit event.
    EventId
}
id! {
    /// An import of contacts.
    ImportId
}
id! {
    /// An entry of the usage ledger.
    LedgerId
}
