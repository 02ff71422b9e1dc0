//! Approved messages and a scripted SMTP server.

#![allow(dead_code, missing_docs, unreachable_pub)]

#[cfg(feature = "http")]
pub mod emulator;
#[cfg(feature = "eskiz")]
pub mod eskiz;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "smtp")]
pub mod server;
#[cfg(feature = "http")]
pub mod stages;

use chrono::{TimeZone as _, Utc};
use crm_core::id::{AttemptId, ContactId, MessageId};
use crm_core::message::{
    Approval, Approved, Attempt, Digest, Format, GeneratedBy, Message, Occasion, Provenance,
    Revision, Status, digest,
};
use crm_core::{Role, Workspace};
use uuid::Uuid;

/// What a test wants to vary.
#[derive(Debug, Clone)]
pub struct Draft {
    pub message: u128,
    pub attempt: u128,
    pub number: u32,
    pub recipient: String,
    pub sender: String,
    pub subject: Option<String>,
    pub content: String,
    pub format: Format,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            message: 0x0190_0000_0000_7000_8000_0000_0000_0001,
            attempt: 0x0190_0000_0000_7000_8000_0000_0000_00aa,
            number: 1,
            recipient: "ann@example.org".to_owned(),
            sender: String::new(),
            subject: Some("Greetings".to_owned()),
            content: "Hello\n".to_owned(),
            format: Format::Text,
        }
    }
}

impl Draft {
    pub fn to(recipient: &str) -> Self {
        Self {
            recipient: recipient.to_owned(),
            ..Self::default()
        }
    }

    pub fn text(content: &str) -> Self {
        Self {
            content: content.to_owned(),
            ..Self::default()
        }
    }

    pub fn approved(&self) -> Approved {
        let now = Utc.with_ymd_and_hms(2026, 3, 21, 9, 0, 0).unwrap();
        let id = MessageId(Uuid::from_u128(self.message));
        let mut message = Message {
            workspace: Workspace::new("salon").unwrap(),
            id,
            contact_id: ContactId(Uuid::from_u128(7)),
            written_for: None,
            campaign_id: None,
            occurrence: None,
            occasion: Occasion::Holiday,
            channel: "email".to_owned(),
            recipient: self.recipient.clone(),
            sender: self.sender.clone(),
            status: Status::Sending,
            version: 4,
            revision: Revision {
                message_id: id,
                number: 1,
                subject: self.subject.clone(),
                content: self.content.clone(),
                format: self.format,
                salt: [3; 16],
                created_by: "ann".to_owned(),
                created_at: now,
            },
            digest: Digest::ZERO,
            generated_by: GeneratedBy::Manual,
            metadata: Provenance::default(),
            findings: Vec::new(),
            created_by: "ann".to_owned(),
            approved_by: Some("boss".to_owned()),
            approved_at: Some(now),
            scheduled_for: None,
            expires_at: None,
            not_before: now,
            queued_at: Some(now),
            epoch: 1,
            decided_epoch: 0,
            lease_owner: None,
            lease_until: None,
            attempts: self.number,
            failure: None,
            provider_id: None,
            sent_at: None,
            test_mode: false,
            deleted: false,
            created_at: now,
            updated_at: now,
        };
        message.digest = digest::digest(&message);
        let approval = Approval {
            message_id: id,
            revision: 1,
            digest: message.digest,
            approver: "boss".to_owned(),
            role: Role::Manager,
            decided_at: now,
            override_reason: None,
        };
        let attempt = Attempt {
            id: AttemptId(Uuid::from_u128(self.attempt)),
            message_id: id,
            number: self.number,
            epoch: 1,
            repeats: false,
            worker: "w".to_owned(),
            digest: message.digest,
            started_at: now,
            finished_at: None,
            outcome: None,
            provider_id: None,
            reason: None,
        };
        Approved::prove(&message, &approval, &attempt).unwrap()
    }
}
