//! The approval, and the proof of it that alone opens the delivery path.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::Encoder;
use super::{Attempt, Digest, Format, Message, Status, digest};
use crate::actor::{Role, Workspace};
use crate::consent::Topic;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AttemptId, ContactId, MessageId};

/// A person's agreement to exactly one digest. Written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The message.
    pub message_id: MessageId,
    /// The revision the person saw.
    pub revision: u32,
    /// The digest the person agreed to.
    pub digest: Digest,
    /// Who.
    pub approver: String,
    /// The role held at that moment.
    pub role: Role,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Why an admin approved it in spite of blocking findings; `None` when there were none.
    pub override_reason: Option<String>,
}

/// Proof that exactly this content, address, channel and sender were approved and that an attempt is
/// recorded. Only this module makes one, and a [`Channel`](crate::port::channel::Channel) takes nothing
/// else.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    #[serde(skip)]
    workspace: Workspace,
    #[serde(skip)]
    topic: Topic,
    message_id: MessageId,
    contact_id: ContactId,
    attempt_id: AttemptId,
    attempt: u32,
    key: Uuid,
    channel: String,
    recipient: String,
    sender: String,
    subject: Option<String>,
    content: String,
    format: Format,
    digest: Digest,
}

impl Approved {
    /// The proof, if the approval covers what would be sent now and the attempt is open.
    ///
    /// # Errors
    /// [`ErrorKind::NotAllowed`] when the digests of approval, attempt and message differ, the message
    /// is not `sending`, or the attempt has ended.
    pub fn prove(message: &Message, approval: &Approval, attempt: &Attempt) -> Result<Self> {
        let now = digest::digest(message);
        let proven = message.status == Status::Sending
            && approval.message_id == message.id
            && attempt.message_id == message.id
            && approval.revision == message.revision.number
            && attempt.epoch == message.epoch
            && attempt.finished_at.is_none()
            && approval.digest == now
            && attempt.digest == now
            && matches!(approval.role, Role::Manager | Role::Admin);
        if !proven {
            return Err(Error::new(
                ErrorKind::NotAllowed,
                format!("message {} is not approved as it stands", message.id),
            ));
        }
        Ok(Self {
            workspace: message.workspace.clone(),
            topic: message.occasion.topic(),
            message_id: message.id,
            contact_id: message.contact_id,
            attempt_id: attempt.id,
            attempt: attempt.number,
            key: key(now, message.decided_epoch),
            channel: message.channel.clone(),
            recipient: message.recipient.clone(),
            sender: message.sender.clone(),
            subject: message.revision.subject.clone(),
            content: message.revision.content.clone(),
            format: message.revision.format,
            digest: now,
        })
    }

    /// The tenant.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What it is about, as far as consent is concerned.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        self.topic
    }

    /// The message.
    #[must_use]
    pub const fn message_id(&self) -> MessageId {
        self.message_id
    }

    /// The contact.
    #[must_use]
    pub const fn contact_id(&self) -> ContactId {
        self.contact_id
    }

    /// The idempotency key: by it a provider tells the same message sent again from another one.
    ///
    /// It is the same for all attempts that follow from one decision of a person (approving it, sending it
    /// again), whatever they were answered, and for nothing else: another text, another address or another
    /// decision has another key. It is made of what was approved and of that decision alone, so that it is
    /// still the same after the store went back to an older state.
    #[must_use]
    pub const fn key(&self) -> Uuid {
        self.key
    }

    /// The attempt: one call, and the name under which receipts and look-ups speak of it.
    #[must_use]
    pub const fn attempt_id(&self) -> AttemptId {
        self.attempt_id
    }

    /// The attempt's number, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The channel's name.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The approved address.
    #[must_use]
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The approved sender; empty for the channel's own default.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The approved subject.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The approved body.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// How to read the body.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The approved digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// See [`Approved::key`]. The digest holds the message's id and the salt of its text.
fn key(digest: Digest, decided_epoch: u64) -> Uuid {
    let whole = Encoder::new("crm/key/v1")
        .bytes(&digest.0)
        .number(decided_epoch)
        .finish();
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(whole.0)
        .for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl fmt::Debug for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Approved(message {}, attempt {})",
            self.message_id, self.attempt_id
        )
    }
}
