//! What a person does who follows the link at the end of a message.

use super::Engine;
use crate::actor::{Actor, Workspace};
use crate::change::Precondition;
use crate::consent::token::{TokenKeys, Unsubscription};
use crate::consent::{Consent, ConsentStatus, lower};
use crate::contact::normalise::normalise;
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::port::store::{ContactQuery, PageRequest};

/// How often a contact that others change meanwhile is read again.
pub(super) const TRIES: u32 = 5;

impl Engine {
    pub(super) fn token_keys(&self) -> Result<&TokenKeys> {
        self.inner.token_keys.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "no key for the tokens of links is set up",
            )
        })
    }

    /// A token for a link to unsubscribe.
    ///
    /// # Errors
    /// `Unsupported` without [`token_keys`](super::EngineBuilder::token_keys).
    pub fn unsubscribe_token(&self, wish: &Unsubscription) -> Result<String> {
        Ok(self.token_keys()?.sign(wish))
    }

    /// What a token stands for, for the page behind a link. Changes nothing: programs that look for viruses
    /// follow every link.
    ///
    /// # Errors
    /// `Invalid` for a token that is none, `Unsupported` without keys.
    pub fn unsubscription(&self, token: &str) -> Result<Unsubscription> {
        self.token_keys()?.read(token)
    }

    /// Takes the consent away that the token names, and the approvals that rest on it. To be called when the
    /// person has said so (`POST`), also by the button of a mail program (RFC 8058). Done twice it is done
    /// once; for a person who is not there any more there is nothing to do.
    ///
    /// # Errors
    /// `Invalid` for a token that is none, `Unsupported` without keys, `Conflict` when others keep changing
    /// the contact, and as the store.
    pub async fn unsubscribe(&self, token: &str) -> Result<()> {
        let wish = self.unsubscription(token)?;
        for _ in 1..TRIES {
            match self.withdraw(&wish).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        self.withdraw(&wish).await
    }

    async fn withdraw(&self, wish: &Unsubscription) -> Result<()> {
        let contact = self.bearer(&wish.workspace, wish.contact_id).await?;
        let Some(contact) = contact else {
            return Ok(());
        };
        let no = Consent {
            channel: wish.channel.clone(),
            topic: wish.topic,
            status: ConsentStatus::OptedOut,
            evidence: Some("unsubscribe_link".to_owned()),
            at: self.now(),
        };
        let fields = normalise(ContactFields {
            consent: lower(&contact.consent, &[no]),
            ..contact.fields.clone()
        })?;
        if fields == contact.fields {
            return Ok(());
        }
        let session = self.act_as(Actor::system(wish.workspace.clone()));
        let (after, mut sets) = session
            .contacts()
            .decide_update(&contact, fields, "unsubscribed")
            .await?;
        for set in sets.iter_mut().skip(1) {
            set.require(Precondition::Contact(contact.id, after.version));
        }
        // A message that moved on meanwhile is stopped by the check before delivery.
        let mut results = self.commit(sets).await?.into_iter();
        results.next().unwrap_or(Ok(()))
    }

    /// Who a token is about, by whatever contact they were when it was given out; `None` when they are not there any more.
    pub(super) async fn bearer(
        &self,
        workspace: &Workspace,
        id: ContactId,
    ) -> Result<Option<Contact>> {
        let mut found = self.contact_by_id(workspace, id).await?;
        if let Some(kept) = found.as_ref().and_then(|found| found.merged_into) {
            found = self.contact_by_id(workspace, kept).await?;
        }
        Ok(found.filter(|contact| !contact.erased))
    }

    async fn contact_by_id(&self, workspace: &Workspace, id: ContactId) -> Result<Option<Contact>> {
        let query = ContactQuery {
            ids: vec![id],
            page: PageRequest {
                limit: 1,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let found = self.store().contacts(workspace, query).await?;
        Ok(found.items.into_iter().next())
    }
}
