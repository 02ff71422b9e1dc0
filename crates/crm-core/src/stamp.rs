//! Who does something and when, and the audit event that says so.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::actor::Actor;
use crate::id::EventId;
use crate::message::Message;
use crate::message::history::{AuditEvent, Subject};
use crate::port::ids::Ids;

/// The circumstances of one decision.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// Who decides.
    pub actor: &'a Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// Source of ids and salts.
    pub ids: &'a dyn Ids,
}

impl Stamp<'_> {
    /// An event about any row.
    #[must_use]
    pub fn event(&self, subject: Subject, id: Uuid, version: u64, action: &str) -> AuditEvent {
        AuditEvent {
            id: EventId(self.ids.next()),
            workspace: self.actor.workspace.clone(),
            at: self.at,
            actor: self.actor.id.clone(),
            role: self.actor.role,
            subject,
            subject_id: id,
            action: action.to_owned(),
            status: None,
            version,
            revision: None,
            digest: None,
            reason: None,
            // What is told of a message may be the words of people, or of a provider.
            reason_salt: (subject == Subject::Message).then(|| self.ids.salt()),
            reason_digest: None,
        }
    }

    /// An event about a message as it stands after the change.
    #[must_use]
    pub fn message(&self, after: &Message, action: &str, reason: Option<String>) -> AuditEvent {
        AuditEvent {
            status: Some(after.status),
            revision: Some(after.revision.number),
            digest: Some(after.digest),
            reason,
            ..self.event(Subject::Message, after.id.0, after.version, action)
        }
    }
}
