//! What a template would say to somebody, and what it would take to send it; nothing is saved.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Session;
use super::templates::Templates;
use crate::actor::Action;
use crate::contact::{ContactFields, normalise};
use crate::error::{Error, Result};
use crate::id::{ContactId, TemplateId};
use crate::message::Format;
use crate::port::units::Units;
use crate::template::render::{self, Gap, Rendered};
use crate::zone;

/// Whom a template is previewed for.
#[derive(Debug, Clone)]
pub enum PreviewFor {
    /// A contact of the workspace.
    Contact(ContactId),
    /// Somebody made up: the fields a contact may have.
    Sample(Box<ContactFields>),
}

impl PreviewFor {
    /// The one of both that was given.
    ///
    /// # Errors
    /// `Invalid` for none or both.
    pub fn one_of(contact: Option<ContactId>, sample: Option<ContactFields>) -> Result<Self> {
        match (contact, sample) {
            (Some(id), None) => Ok(Self::Contact(id)),
            (None, Some(fields)) => Ok(Self::Sample(Box::new(fields))),
            _ => Err(Error::field(
                "contact_id",
                "give either a contact or a sample",
            )),
        }
    }
}

/// A template as somebody would get it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TemplatePreview {
    /// The template.
    pub template_id: TemplateId,
    /// Which of its versions.
    pub template_version: u64,
    /// The language it is written in.
    pub language: String,
    /// The language of the person.
    pub contact_language: String,
    /// Subject on one line.
    pub subject: Option<String>,
    /// The text. Where a value is missing, the variable stands in double braces.
    pub content: String,
    /// How the text is to be read.
    pub format: Format,
    /// What the person does not give, in the order of the text, content before subject. With anything here no message
    /// is made: a campaign leaves the person out as `template_value_missing`.
    pub missing: Vec<Gap>,
    /// What it would be on each channel: the template's own, else all that are set up, by name.
    pub channels: Vec<ChannelPreview>,
}

impl std::fmt::Debug for TemplatePreview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TemplatePreview({})", self.template_id)
    }
}

/// A text on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelPreview {
    /// Channel name.
    pub channel: String,
    /// Whether the person has an address that the channel takes.
    pub reachable: bool,
    /// Whether the channel delivers the subject.
    pub subject: bool,
    /// Length of the content in Unicode scalar values.
    pub characters: usize,
    /// The channel's limit for it.
    pub max_length: Option<usize>,
    /// Whether the text fits, and its format is one that the channel delivers.
    pub sendable: bool,
    /// What it is in the provider's units, such as parts of a text message.
    pub units: Units,
}

impl Templates<'_> {
    /// What this contact would get.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when the contact lacks a value the template needs.
    pub async fn render(&self, id: TemplateId, contact: ContactId) -> Result<Rendered> {
        self.0.require(Action::Read)?;
        let template = self.0.template(id).await?;
        let contact = self.0.contact(contact).await?;
        let day = self.0.engine.day_for(&contact, self.0.engine.now());
        render::render(&template.fields, &contact, day)
    }

    /// What this person would get if it left at `at`, with all that is missing for it listed.
    ///
    /// # Errors
    /// `NotFound` template or contact; `Invalid` for fields no contact may have, an `at` outside the years 1 to 9999,
    /// and for a text of which nothing
    /// remains or that grows over 64 KiB.
    pub async fn preview(
        &self,
        id: TemplateId,
        whom: PreviewFor,
        at: Option<DateTime<Utc>>,
    ) -> Result<TemplatePreview> {
        self.0.require(Action::Read)?;
        zone::check("at", at)?;
        let template = self.0.template(id).await?;
        let person = match whom {
            PreviewFor::Contact(id) => self.0.contact(id).await?.fields,
            PreviewFor::Sample(fields) => normalise::normalise(*fields)?,
        };
        let at = at.unwrap_or_else(|| self.0.engine.now());
        let day = self.0.engine.day_for(&person, at);
        let (rendered, missing) = render::preview(&template.fields, &person, day)?;
        Ok(TemplatePreview {
            template_id: id,
            template_version: template.version,
            channels: self
                .0
                .channels_for(&rendered, &person, template.fields.channel.as_deref()),
            language: template.fields.language,
            contact_language: person.language,
            subject: rendered.subject,
            content: rendered.content,
            format: rendered.format,
            missing,
        })
    }
}

impl Session {
    fn channels_for(
        &self,
        text: &Rendered,
        person: &ContactFields,
        only: Option<&str>,
    ) -> Vec<ChannelPreview> {
        let characters = text.content.chars().count();
        let all = self.engine.channels().keys();
        let wanted = all.filter(|name| only.is_none_or(|only| only == name.as_str()));
        let seen = wanted.filter_map(|name| {
            let (channel, capabilities) = self.engine.channel(name).ok()?;
            let address = person.address(capabilities.address);
            let subject = text.subject.as_deref().filter(|_| capabilities.subject);
            let fits = capabilities
                .max_length
                .is_none_or(|most| characters <= most);
            let readable = capabilities.html || text.format != Format::Html;
            Some(ChannelPreview {
                channel: name.clone(),
                reachable: address.is_some_and(|address| channel.accepts_address(address)),
                subject: capabilities.subject,
                characters,
                max_length: capabilities.max_length,
                sendable: fits && readable,
                units: channel.units(subject, &text.content),
            })
        });
        seen.collect()
    }
}
