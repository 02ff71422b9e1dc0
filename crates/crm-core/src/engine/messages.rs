//! Messages: write, edit, submit, list, resolve.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::change::ChangeSet;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ContactId, MessageId};
use crate::message::decide::{self, Edit, NewMessage, Text};
use crate::message::history::{StoredEvent, Subject};
use crate::message::lifecycle::Event;
use crate::message::{Attempt, Format, GeneratedBy, Message, Occasion, Provenance, Status};
use crate::port::callback::About;
use crate::port::store::{EventQuery, MessageQuery, Page, ReceiptQuery, Trail};
use crate::receipt::KeptReceipt;

/// One call of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The attempt.
    pub attempt: Attempt,
    /// The provider's id, from its answer or learnt afterwards.
    pub provider_id: Option<String>,
    /// What the provider said of it since, earliest first.
    pub receipts: Vec<KeptReceipt>,
}

/// Use cases of messages.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a>(pub(super) &'a Session);

/// A text a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// Recipient.
    pub contact_id: ContactId,
    /// Why it is written.
    pub occasion_type: Occasion,
    /// Body.
    pub content: String,
    /// Subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Channel name; `None` for the contact's preferred one.
    #[serde(default)]
    pub channel: Option<String>,
    /// How to read the body.
    #[serde(default)]
    pub format: Format,
    /// When it is to leave.
    #[serde(default)]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// After this it no longer leaves.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewDraft {
    /// A plain text for this contact and occasion, over the preferred channel, as soon as it is approved.
    #[must_use]
    pub fn new(contact_id: ContactId, occasion_type: Occasion, content: impl Into<String>) -> Self {
        Self {
            contact_id,
            occasion_type,
            content: content.into(),
            subject: None,
            channel: None,
            format: Format::default(),
            scheduled_for: None,
            expires_at: None,
        }
    }
}

impl Messages<'_> {
    /// Lists messages.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, query: MessageQuery) -> Result<Page<Message>> {
        self.0.require(Action::Read)?;
        self.0.store().messages(self.0.workspace(), query).await
    }

    /// One message.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: MessageId) -> Result<Message> {
        self.0.require(Action::Read)?;
        self.0.message(id).await
    }

    /// Its texts, approvals and attempts.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn trail(&self, id: MessageId) -> Result<Trail> {
        self.get(id).await?;
        self.0.store().trail(self.0.workspace(), id).await
    }

    /// What happened to it, oldest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn history(&self, id: MessageId) -> Result<Vec<StoredEvent>> {
        self.get(id).await?;
        let query = EventQuery {
            subject: Some((Subject::Message, id.0)),
            sealed_after: None,
            limit: 1_000,
        };
        self.0.store().events(self.0.workspace(), query).await
    }

    /// Each call of a provider for it, oldest first, with what the provider said of it since.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn deliveries(&self, id: MessageId) -> Result<Vec<Delivery>> {
        let message = self.get(id).await?;
        let (store, workspace) = (self.0.store(), self.0.workspace());
        let attempts = store.trail(workspace, id).await?.attempts;
        let query = ReceiptQuery {
            message_id: Some(id),
            limit: 1_000,
            ..ReceiptQuery::default()
        };
        let receipts = store.receipts(workspace, query).await?;
        let deliveries = attempts.into_iter().map(|attempt| {
            let last = attempt.epoch == message.epoch;
            // It may have been learnt afterwards, by a look-up.
            let learnt = message.provider_id.clone().filter(|_| last);
            let provider_id = attempt.provider_id.clone().or(learnt);
            let about = |kept: &&KeptReceipt| match &kept.receipt.about {
                About::Attempt(id) => *id == attempt.id,
                About::ProviderId(id) => provider_id.as_ref() == Some(id),
            };
            let receipts = receipts.iter().filter(about).cloned().collect();
            Delivery {
                receipts,
                provider_id,
                attempt,
            }
        });
        Ok(deliveries.collect())
    }

    /// Saves a text somebody wrote, as a draft.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` contact; `Invalid` for a channel the contact cannot be reached on or a
    /// text that cannot be sent.
    pub async fn create(&self, draft: NewDraft) -> Result<Message> {
        let (message, set) = self.decide_create(draft).await?;
        self.0.engine.commit_one(set).await?;
        Ok(message)
    }

    /// The message that [`create`](Self::create) would save, under an id that is never used.
    ///
    /// # Errors
    /// As `create`.
    pub async fn preview(&self, draft: NewDraft) -> Result<Message> {
        Ok(self.decide_create(draft).await?.0)
    }

    async fn decide_create(&self, draft: NewDraft) -> Result<(Message, ChangeSet)> {
        self.0.require(Action::WriteMessages)?;
        let contact = self.0.contact(draft.contact_id).await?;
        let (channel, recipient) = self.0.route(&contact, draft.channel.as_deref())?;
        let stamp = self.0.stamp();
        let text = Text {
            subject: draft.subject,
            content: draft.content,
            format: draft.format,
        };
        let engine = &self.0.engine;
        decide::create(
            NewMessage {
                findings: engine.findings_of_own(&contact, &text, &channel, GeneratedBy::Manual),
                contact_id: contact.id,
                campaign: None,
                occasion: draft.occasion_type,
                channel,
                recipient,
                text,
                generated_by: GeneratedBy::Manual,
                metadata: Provenance::default(),
                scheduled_for: draft.scheduled_for,
                expires_at: draft.expires_at,
                test_mode: false,
                submitted: false,
            },
            &stamp,
        )
    }

    /// Changes text or schedule. An approval that was given is void.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Conflict`, `NotAllowed`, `Invalid`.
    pub async fn edit(&self, id: MessageId, version: Option<u64>, edit: Edit) -> Result<Message> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        let before = session.message(id).await?;
        if let Some(version) = version {
            decide::check_version(&before, version)?;
        }
        let findings = if edit.rewrites() {
            let contact = session.contact(before.contact_id).await?;
            let text = edit.text(&before);
            session.engine.findings_of_edited(&contact, &before, &text)
        } else {
            Vec::new()
        };
        let (after, set) = decide::edit(&before, edit, findings, &session.stamp())?;
        session.engine.commit_one(set).await?;
        Ok(after)
    }

    /// Asks for a decision.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Conflict`, `NotAllowed`.
    pub async fn submit(&self, id: MessageId, version: Option<u64>) -> Result<Message> {
        self.0.change(id, version, decide::submit).await
    }

    /// Calls it off.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Conflict`, `NotAllowed`.
    pub async fn cancel(&self, id: MessageId, reason: Option<String>) -> Result<Message> {
        self.0
            .change(id, None, |message, stamp| {
                decide::close(message, Event::Cancel, reason, stamp)
            })
            .await
    }

    /// Hides a message that never left.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `NotAllowed` once it may have left.
    pub async fn delete(&self, id: MessageId) -> Result<()> {
        self.0.change(id, None, decide::delete).await.map(|_| ())
    }

    /// Queues it for delivery now: an approved message is already queued, a failed one is tried again
    /// unchanged.
    ///
    /// # Errors
    /// `Forbidden`; `NotAllowed` when it is not approved, or scheduled for later.
    pub async fn send(&self, id: MessageId) -> Result<Message> {
        self.0.require(Action::WriteMessages)?;
        let message = self.0.message(id).await?;
        match message.status {
            Status::Failed => {
                self.0
                    .change(id, Some(message.version), |message, stamp| {
                        decide::close(message, Event::Retry, None, stamp)
                    })
                    .await
            }
            Status::Approved
                if message
                    .scheduled_for
                    .is_some_and(|at| at > self.0.engine.now()) =>
            {
                Err(Error::new(
                    ErrorKind::NotAllowed,
                    "it is scheduled for later; change the schedule, then have it approved",
                ))
            }
            Status::Approved | Status::Claimed | Status::Sending => Ok(message),
            other => Err(Error::new(
                ErrorKind::NotAllowed,
                format!(
                    "only an approved message is sent; this one is {}",
                    other.as_str()
                ),
            )),
        }
    }

    /// A person's word on an uncertain message: `ResolveSent`, `ResolveResend` or `ResolveFailed`.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `NotAllowed`; `Invalid` for another event.
    pub async fn resolve(
        &self,
        id: MessageId,
        outcome: Event,
        reason: Option<String>,
    ) -> Result<Message> {
        let known = matches!(
            outcome,
            Event::ResolveSent | Event::ResolveResend | Event::ResolveFailed
        );
        if !known {
            return Err(Error::field("outcome", "use sent, resend or failed"));
        }
        self.0
            .change(id, None, |message, stamp| {
                decide::close(message, outcome, reason, stamp)
            })
            .await
    }
}
