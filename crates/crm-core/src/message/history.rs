//! The audit history: what happened to every row, sealed into a hash chain.
//!
//! An event is written in the transaction of the change it records, without a position. Sealing runs
//! afterwards in batches: it gives each event, in commit order, a position and a hash over the event
//! and the hash before it, and leaves a checkpoint. So writers never queue on the end of the chain,
//! and changing, dropping, swapping or truncating sealed events shows up in [`verify`].
//!
//! Reasons of what happened to messages, and what somebody agreed by, may be the words of people about people. In the
//! chain stands a salted digest of each, so that an erasure can empty reason and salt.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::digest::{Digest, Encoder};
use super::lifecycle::{self, Event, Status};
use crate::actor::{Role, Workspace};
use crate::error::{Error, ErrorKind, Result};
use crate::id::EventId;

/// What kind of row an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A contact.
    Contact,
    /// A template.
    Template,
    /// A message.
    Message,
    /// A campaign.
    Campaign,
    /// A suppressed address (the id is derived from the address by a salted hash).
    Suppression,
    /// Something the host put into its intake (the id is derived from its key).
    Intake,
    /// Deliveries as a whole (the id is zero).
    Dispatch,
    /// A subscription (the id is derived from its name).
    Subscription,
    /// The voice of the workspace (the id is derived from its name).
    Voice,
    /// A budget (the id is derived from what it limits), or an entry of the usage ledger.
    Budget,
    /// An export of contacts (the id is its own).
    Export,
    /// The definition of a custom field (the id is derived from its name).
    FieldDefinition,
    /// An audience that is saved under a name.
    SavedAudience,
}

impl Subject {
    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Template => "template",
            Self::Message => "message",
            Self::Campaign => "campaign",
            Self::Suppression => "suppression",
            Self::Intake => "intake",
            Self::Dispatch => "dispatch",
            Self::Subscription => "subscription",
            Self::Voice => "voice",
            Self::Budget => "budget",
            Self::Export => "export",
            Self::FieldDefinition => "field_definition",
            Self::SavedAudience => "saved_audience",
        }
    }

    /// The subject of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Contact,
            Self::Template,
            Self::Message,
            Self::Campaign,
            Self::Suppression,
            Self::Intake,
            Self::Dispatch,
            Self::Subscription,
            Self::Budget,
            Self::Voice,
            Self::Export,
            Self::FieldDefinition,
            Self::SavedAudience,
        ]
        .into_iter()
        .find(|subject| subject.as_str() == name)
    }
}

/// One thing that happened. Holds ids, digests and codes; never a text or an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Id.
    pub id: EventId,
    /// Tenant.
    pub workspace: Workspace,
    /// When.
    pub at: DateTime<Utc>,
    /// Actor id.
    pub actor: String,
    /// Role of the actor then.
    pub role: Role,
    /// Kind of row.
    pub subject: Subject,
    /// Id of the row.
    pub subject_id: uuid::Uuid,
    /// What happened, past tense: `created`, `edited`, `approved`, `sent`, ...
    pub action: String,
    /// Status after, for a message.
    pub status: Option<Status>,
    /// Version of the row after.
    pub version: u64,
    /// Revision after, for a message.
    pub revision: Option<u32>,
    /// Digest after, for a message.
    pub digest: Option<Digest>,
    /// A code or the person's reason; gone when whom it is about was erased.
    pub reason: Option<String>,
    /// What keeps [`reason_digest`](Self::reason_digest) from being guessed; removed together with the reason.
    /// `None` where the reason can never be about a person, or there is none.
    #[serde(skip)]
    pub reason_salt: Option<[u8; 16]>,
    /// What the chain keeps of a reason with a salt. `None` in an event that was not stored yet.
    #[serde(skip)]
    pub reason_digest: Option<Digest>,
}

impl AuditEvent {
    /// The digest of the reason and its salt, which stands in the chain in the place of the reason: so the chain
    /// verifies after the reason was erased. `None` for a reason that stands there itself, or none.
    #[must_use]
    pub fn reason_digest(&self) -> Option<Digest> {
        self.reason_digest.or_else(|| self.made_digest())
    }

    /// As it is stored: with the digest of its reason, and a salt only where there is a reason.
    #[must_use]
    pub fn kept(&self) -> Self {
        Self {
            reason_salt: self.kept_salt(),
            reason_digest: self.reason_digest(),
            ..self.clone()
        }
    }

    /// The salt that is stored: only where there is a reason.
    #[must_use]
    pub fn kept_salt(&self) -> Option<[u8; 16]> {
        self.reason_salt.filter(|_| self.reason.is_some())
    }

    fn made_digest(&self) -> Option<Digest> {
        let (salt, reason) = (self.reason_salt?, self.reason.as_ref()?);
        let mut encoder = Encoder::new("crm/reason/v1");
        Some(encoder.bytes(&salt).text(reason).finish())
    }

    /// Whether the reason is the one that its digest was made of, or was erased.
    fn reason_holds(&self) -> bool {
        match (&self.reason, self.reason_salt, self.reason_digest) {
            (None, None, _) | (_, _, None) => true,
            (None, Some(_), Some(_)) => false,
            (Some(_), _, digest) => self.made_digest() == digest,
        }
    }

    /// The hash of this event behind `previous`.
    #[must_use]
    pub fn hash(&self, position: u64, previous: Digest) -> Digest {
        let mut encoder = Encoder::new("crm/event/v1");
        encoder
            .bytes(&previous.0)
            .number(position)
            .bytes(self.id.0.as_bytes())
            .text(self.workspace.as_str())
            .instant(Some(self.at))
            .text(&self.actor)
            .text(self.role.as_str())
            .text(self.subject.as_str())
            .bytes(self.subject_id.as_bytes())
            .text(&self.action)
            .optional(self.status.map(Status::as_str))
            .number(self.version)
            .number(u64::from(self.revision.unwrap_or(0)))
            .bytes(
                self.digest
                    .as_ref()
                    .map_or(&[], |digest| digest.0.as_slice()),
            );
        match self.reason_digest() {
            Some(digest) => encoder.number(2).bytes(&digest.0),
            None => encoder.optional(self.reason.as_deref()),
        };
        encoder.finish()
    }
}

/// Where an event stands in its workspace's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// 1, 2, 3, ... without gaps.
    pub position: u64,
    /// Hash of the event before; [`Digest::ZERO`] for the first.
    pub prev_hash: Digest,
    /// Hash of this event.
    pub hash: Digest,
}

/// An event as stored: sealed or still waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The event.
    #[serde(flatten)]
    pub event: AuditEvent,
    /// Its place in the chain, once sealed (within about a second).
    #[serde(flatten)]
    pub seal: Option<Seal>,
}

/// The end of a chain at some moment. Keep copies elsewhere: only they show a rewrite of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How many events are sealed.
    pub position: u64,
    /// Hash of the last one; [`Digest::ZERO`] when there is none.
    pub hash: Digest,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            position: 0,
            hash: Digest::ZERO,
        }
    }
}

/// Seals `events`, which follow `head` in commit order. Returns one seal for each and the new head.
#[must_use]
pub fn seal<'a>(
    head: Checkpoint,
    events: impl IntoIterator<Item = &'a AuditEvent>,
) -> (Vec<Seal>, Checkpoint) {
    let mut end = head;
    let seals = events
        .into_iter()
        .map(|event| {
            let seal;
            (seal, end) = seal_one(end, event);
            seal
        })
        .collect();
    (seals, end)
}

/// Seals one event, which follows `head`. Returns its seal and the new head.
#[must_use]
pub fn seal_one(head: Checkpoint, event: &AuditEvent) -> (Seal, Checkpoint) {
    let position = head.position + 1;
    let hash = event.hash(position, head.hash);
    let seal = Seal {
        position,
        prev_hash: head.hash,
        hash,
    };
    (seal, Checkpoint { position, hash })
}

/// Checks a chain piece by piece, so that a long one needs no memory.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    end: Checkpoint,
    first_bad: Option<u64>,
}

impl Verifier {
    /// A verifier that starts behind `start` (the beginning, or a trusted checkpoint).
    #[must_use]
    pub const fn new(start: Checkpoint) -> Self {
        Self {
            end: start,
            first_bad: None,
        }
    }

    /// Takes the next sealed event in order of position. After the first fault nothing more is judged.
    pub fn push(&mut self, event: &AuditEvent, seal: Seal) {
        if self.first_bad.is_some() {
            return;
        }
        let position = self.end.position + 1;
        let good = seal.position == position
            && seal.prev_hash == self.end.hash
            && event.reason_holds()
            && event.hash(position, self.end.hash) == seal.hash;
        if good {
            self.end = Checkpoint {
                position,
                hash: seal.hash,
            };
        } else {
            self.first_bad = Some(position);
        }
    }

    /// The position of the first fault, if any, given the chain's recorded end.
    ///
    /// A chain shorter than `recorded` was truncated: the first missing position is the fault. A chain
    /// that ends elsewhere with the same length was rewritten.
    #[must_use]
    pub fn finish(&self, recorded: Checkpoint) -> Option<u64> {
        if self.first_bad.is_some() {
            return self.first_bad;
        }
        if self.end.position != recorded.position {
            return Some(self.end.position.min(recorded.position) + 1);
        }
        (self.end.hash != recorded.hash).then_some(self.end.position)
    }

    /// Where the checked part ends.
    #[must_use]
    pub const fn end(&self) -> Checkpoint {
        self.end
    }
}

/// Checks a whole chain held in memory. `None` means it is intact.
#[must_use]
pub fn verify(events: &[(AuditEvent, Seal)], recorded: Checkpoint) -> Option<u64> {
    let mut verifier = Verifier::default();
    for (event, seal) in events {
        verifier.push(event, *seal);
    }
    verifier.finish(recorded)
}

/// What the history alone says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Where it stands.
    pub status: Status,
    /// Version of its row.
    pub version: u64,
    /// Number of its current text.
    pub revision: u32,
    /// Digest of its current text.
    pub digest: Digest,
}

/// Rebuilds a message from its events, oldest first; `None` without any. Every step must follow from
/// the one before by the table of the lifecycle. Evidence (such as `duplicate_detected`) moves nothing, so
/// nothing has to wait for it: it tells how the message stood when it was decided on, which may have moved on
/// by the time it is written.
///
/// # Errors
/// [`ErrorKind::Corrupt`] naming the version at which the history does not hold.
pub fn replay<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Result<Option<Replayed>> {
    let mut state: Option<Replayed> = None;
    let mut past = BTreeMap::new();
    for event in events {
        let broken = || {
            let text = format!("the history does not hold at version {}", event.version);
            Error::new(ErrorKind::Corrupt, text)
        };
        let (Some(status), Some(revision), Some(digest)) =
            (event.status, event.revision, event.digest)
        else {
            return Err(broken());
        };
        let told = Replayed {
            status,
            version: event.version,
            revision,
            digest,
        };
        let follows = match (state, event.action.as_str()) {
            (None, "created") => {
                told.version == 1
                    && revision == 1
                    && matches!(status, Status::Draft | Status::PendingApproval)
            }
            (None, _) | (Some(_), "created") => false,
            (Some(_), "accepted_late" | "refused_late" | "duplicate_detected") => {
                if past.get(&told.version) == Some(&told) {
                    continue;
                }
                false
            }
            (Some(before), action) => {
                let reached = match action {
                    "deleted" => Some(before.status),
                    _ => Event::from_past(action)
                        .and_then(|what| lifecycle::apply(before.status, what, event.role).ok()),
                };
                let same_text = told.revision == before.revision && told.digest == before.digest;
                let next_text = told.revision == before.revision + 1;
                reached == Some(told.status)
                    && told.version == before.version + 1
                    && (same_text || next_text)
            }
        };
        if !follows {
            return Err(broken());
        }
        past.insert(told.version, told);
        state = Some(told);
    }
    Ok(state)
}
