//! Double opt-in: ask a person by a message like any other, and take their yes from the link in it.

use super::unsubscribe::TRIES;
use super::{Contacts, Engine};
use crate::actor::{Action, Actor};
use crate::change::Precondition;
use crate::consent;
use crate::consent::opt_in::{self, OptIn, OptInWish};
use crate::contact::ContactFields;
use crate::contact::normalise::normalise;
use crate::error::{Error, ErrorKind, Result};
use crate::id::ContactId;
use crate::message::decide::{self, NewMessage, Text};
use crate::message::history::Subject;
use crate::message::{Format, GeneratedBy, Message, Occasion, Provenance};
use crate::template::question;

impl Contacts<'_> {
    /// Asks the person whether they want to be written to about `wish.topic` on `wish.channel`: a message in their
    /// language with the link to say yes, submitted for approval like every other. It leaves before the link is too
    /// old or not at all. Nothing of their consent changes until they follow it.
    ///
    /// The question is a message within the relationship, so that it may go where marketing may not, and it does not
    /// go to who said no to everything on the channel or whose address is suppressed.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Invalid` for a channel that does not reach the contact or is too narrow for the text,
    /// and as [`may_ask`](opt_in::may_ask); `Unsupported` without [`token_keys`](super::EngineBuilder::token_keys) and
    /// [`opt_in_url`](super::EngineBuilder::opt_in_url); `Conflict` when the contact changes meanwhile.
    pub async fn request_opt_in(&self, id: ContactId, wish: OptInWish) -> Result<Message> {
        let session = self.0;
        let engine = &session.engine;
        session.require(Action::WriteMessages)?;
        let contact = self.get(id).await?;
        let keys = engine.token_keys()?;
        let url = engine.inner.opt_in_url.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "no address to opt in at is set up")
        })?;
        let (channel, recipient) = session.route(&contact, Some(&wish.channel))?;
        let workspace = session.workspace();
        let known = engine.suppression(workspace, &channel, &recipient).await?;
        opt_in::may_ask(&contact, &wish, known.is_some())?;
        let stamp = session.stamp();
        let until = stamp.at + engine.policy().opt_in_lifetime;
        let token = keys.sign_opt_in(workspace, id, &wish, &recipient, stamp.at);
        let text = question::opt_in(&contact, wish.topic, &format!("{url}{token}"), until);
        let (_, capabilities) = engine.channel(&channel)?;
        let length = text.content.chars().count();
        if capabilities.max_length.is_some_and(|most| length > most) {
            return Err(Error::field("channel", "the question is too long for it"));
        }
        let text = Text {
            subject: text.subject.filter(|_| capabilities.subject),
            content: text.content,
            format: Format::Text,
        };
        let new = NewMessage {
            contact_id: id,
            campaign: None,
            occasion: Occasion::Custom,
            channel: channel.clone(),
            recipient: recipient.clone(),
            findings: engine.findings_of_own(&contact, &text, &channel, GeneratedBy::Manual),
            text,
            generated_by: GeneratedBy::Manual,
            metadata: Provenance {
                language: Some(contact.language.clone()),
                generated_at: Some(stamp.at),
                ..Provenance::default()
            },
            scheduled_for: None,
            expires_at: Some(until),
            test_mode: false,
            submitted: true,
        };
        let (message, mut set) = decide::create(new, &stamp)?;
        // A no that is said meanwhile is not overlooked.
        set.require(Precondition::Contact(id, contact.version))
            .require(Precondition::NotSuppressed {
                channel,
                address: recipient,
            });
        let mut event = stamp.event(Subject::Contact, id.0, contact.version, "opt_in_requested");
        event.reason_salt = Some(stamp.ids.salt());
        event.reason = wish.evidence.filter(|evidence| !evidence.trim().is_empty());
        set.event(event);
        engine.commit_one(set).await?;
        Ok(message)
    }
}

impl Engine {
    /// What the bearer of a token would agree to, for the page behind a link. Changes nothing, and looks at nothing but
    /// the token: whether it still holds turns out when they agree.
    ///
    /// # Errors
    /// `Invalid` for a token that is none, `NotAllowed` for one that is too old, `Unsupported` without keys.
    pub fn opt_in(&self, token: &str) -> Result<OptIn> {
        let opt_in = self.token_keys()?.read_opt_in(token)?;
        opt_in::in_time(&opt_in, self.policy().opt_in_lifetime, self.now())?;
        Ok(opt_in)
    }

    /// Takes the person's yes, with when they were asked and when they said so as its evidence. To be called when they
    /// have said it (`POST`). An address that was suppressed as dead is so no more: somebody reads there. Done twice it
    /// is done once.
    ///
    /// Approvals stand: a yes forbids nothing that was approved.
    ///
    /// # Errors
    /// `Invalid` for a token that is none. `NotAllowed` for one that does not hold any more: it is too old, the contact
    /// is gone or has another address, or said no since; see [`confirm`](opt_in::confirm). `Unsupported` without keys,
    /// `Conflict` when others keep changing the contact, and as the store.
    pub async fn confirm_opt_in(&self, token: &str) -> Result<()> {
        let opt_in = self.opt_in(token)?;
        for _ in 1..TRIES {
            match self.say_yes(&opt_in).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        self.say_yes(&opt_in).await
    }

    async fn say_yes(&self, opt_in: &OptIn) -> Result<()> {
        let moved = || {
            Error::new(
                ErrorKind::NotAllowed,
                "this link was sent to an address that the contact has no more",
            )
        };
        let (workspace, channel) = (&opt_in.workspace, opt_in.channel.as_str());
        let contact = self.bearer(workspace, opt_in.contact_id).await?;
        let contact = contact.ok_or_else(moved)?;
        let (_, capabilities) = self.channel(channel).map_err(|_| moved())?;
        let address = contact.address(capabilities.address);
        let keys = self.token_keys()?;
        let address = address
            .filter(|address| keys.went_to(opt_in, address))
            .ok_or_else(moved)?;
        let known = self.suppression(workspace, channel, address).await?;
        let lifetime = self.policy().opt_in_lifetime;
        let consent = opt_in::confirm(&contact, opt_in, known.as_ref(), lifetime, self.now())?;
        let fields = normalise(ContactFields {
            consent,
            ..contact.fields.clone()
        })?;
        if fields == contact.fields {
            return Ok(());
        }
        let session = self.act_as(Actor::system(workspace.clone()));
        let contacts = session.contacts();
        let (_, sets) = contacts.decide_update(&contact, fields, "opted_in").await?;
        // The others take back approvals; see above.
        let Some(mut set) = sets.into_iter().next() else {
            return Ok(());
        };
        match &known {
            Some(known) => {
                consent::lift(&mut set, known, "double_opt_in", &session.stamp());
            }
            None => {
                set.require(Precondition::NotSuppressed {
                    channel: channel.to_owned(),
                    address: address.to_owned(),
                });
            }
        }
        self.commit_one(set).await
    }
}
