//! Drafting: a text from the model, else from a template, else a built-in greeting.

use serde::{Deserialize, Serialize};

use super::messages::Messages;
use super::{Engine, Session};
use crate::actor::Action;
use crate::contact::Contact;
use crate::error::{Error, Result};
use crate::generation::{self, Tone};
use crate::id::{ContactId, MessageId, TemplateId};
use crate::message::decide::{self, Edit, NewMessage, Text};
use crate::message::{GeneratedBy, Message, Occasion, Provenance};
use crate::port::channel::ChannelCapabilities;
use crate::port::store::{PageRequest, TemplateQuery};
use crate::stamp::Stamp;
use crate::template::{Template, fallback, render};

/// A request for a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateMessage {
    /// Recipient.
    pub contact_id: ContactId,
    /// Why it is written.
    pub occasion_type: Occasion,
    /// What it is about; at most 500 characters.
    #[serde(default)]
    pub custom_context: Option<String>,
    /// Tone.
    #[serde(default)]
    pub tone: Tone,
    /// Channel name; `None` for the contact's preferred one.
    #[serde(default)]
    pub channel: Option<String>,
}

impl GenerateMessage {
    /// A draft for this contact and occasion, in the usual tone, over the preferred channel.
    #[must_use]
    pub fn new(contact_id: ContactId, occasion_type: Occasion) -> Self {
        Self {
            contact_id,
            occasion_type,
            custom_context: None,
            tone: Tone::default(),
            channel: None,
        }
    }
}

/// What a text is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) occasion: Occasion,
    pub(crate) tone: Tone,
    pub(crate) context: Option<&'a str>,
    pub(crate) instruction: Option<&'a str>,
    pub(crate) channel: &'a str,
    /// Id and text of the one template to use.
    pub(crate) template: Option<(TemplateId, &'a render::Prepared)>,
}

/// A text and where it came from.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: Text,
    pub(crate) generated_by: GeneratedBy,
    pub(crate) metadata: Provenance,
}

impl Engine {
    /// Writes a text for one contact. Never fails for want of a model: the fallback says why it stood
    /// in.
    pub(crate) async fn write_text(
        &self,
        contact: &Contact,
        wanted: Wanted<'_>,
        templates: &[Template],
        capabilities: &ChannelCapabilities,
    ) -> Result<Written> {
        if let Some((id, template)) = wanted.template {
            let mut rendered = template.render(contact)?;
            rendered.subject = rendered.subject.filter(|_| capabilities.subject);
            return Ok(self.rendered(contact, rendered, Some(id), &wanted, None));
        }
        let request = generation::request(
            contact,
            wanted.occasion,
            wanted.tone,
            wanted.context,
            wanted.instruction,
            capabilities,
        );
        let mut spent = Provenance::default();
        let error = match self.llm() {
            None => "no_model".to_owned(),
            Some(llm) => match llm.draft(&request).await {
                Err(error) => {
                    spent.input_tokens = error.usage.prompt_tokens();
                    spent.output_tokens = error.usage.output_tokens;
                    spent.cost_picodollars = error.cost_picodollars;
                    error.failure.code().to_owned()
                }
                Ok(draft) => {
                    spent.input_tokens = draft.usage.prompt_tokens();
                    spent.output_tokens = draft.usage.output_tokens;
                    spent.cost_picodollars = draft.cost_picodollars;
                    match generation::check(&draft, &request) {
                        Err(code) => code,
                        Ok(()) => {
                            let metadata = Provenance {
                                model: Some(draft.model),
                                tone: Some(wanted.tone.as_str().to_owned()),
                                language: draft.language.or(Some(request.language)),
                                generated_at: Some(self.now()),
                                request_id: draft.request_id,
                                ..spent
                            };
                            return Ok(Written {
                                text: Text {
                                    subject: draft.subject.filter(|_| capabilities.subject),
                                    content: draft.content,
                                    format: crate::message::Format::Text,
                                },
                                generated_by: GeneratedBy::Ai,
                                metadata,
                            });
                        }
                    }
                }
            },
        };
        let deliverable = |template: &&Template| {
            capabilities.html || template.fields.format == crate::message::Format::Text
        };
        let offered = templates.iter().filter(deliverable);
        let chosen = render::choose(offered, contact, wanted.occasion, wanted.channel);
        // A template that cannot be rendered for this person must not stop the draft.
        let rendered = chosen
            .and_then(|template| Some((render::render(&template.fields, contact).ok()?, template)));
        let mut written = match rendered {
            Some((rendered, template)) => {
                self.rendered(contact, rendered, Some(template.id), &wanted, Some(error))
            }
            None => {
                let greeting = fallback::greeting(wanted.occasion, contact);
                self.rendered(contact, greeting, None, &wanted, Some(error))
            }
        };
        written.metadata.input_tokens = spent.input_tokens;
        written.metadata.output_tokens = spent.output_tokens;
        written.metadata.cost_picodollars = spent.cost_picodollars;
        if !capabilities.subject {
            written.text.subject = None;
        }
        Ok(written)
    }

    fn rendered(
        &self,
        contact: &Contact,
        rendered: render::Rendered,
        template_id: Option<TemplateId>,
        wanted: &Wanted<'_>,
        error: Option<String>,
    ) -> Written {
        Written {
            text: Text {
                subject: rendered.subject,
                content: rendered.content,
                format: rendered.format,
            },
            generated_by: GeneratedBy::Manual,
            metadata: Provenance {
                tone: Some(wanted.tone.as_str().to_owned()),
                language: Some(contact.language.clone()),
                generated_at: Some(self.now()),
                fallback_used: error.is_some(),
                error,
                template_id,
                ..Provenance::default()
            },
        }
    }
}

impl Messages<'_> {
    /// Drafts a text for one contact and submits it for approval. When the model is unavailable, a
    /// template or a built-in greeting stands in; the metadata says so.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` contact; `Invalid` for a contact that cannot be reached on the channel.
    pub async fn generate(&self, wanted: GenerateMessage) -> Result<Message> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        let context = wanted.custom_context.as_deref();
        if context.is_some_and(|context| context.chars().count() > 500) {
            return Err(Error::field("custom_context", "use at most 500 characters"));
        }
        let contact = session.contact(wanted.contact_id).await?;
        let (channel, recipient) = session.route(&contact, wanted.channel.as_deref())?;
        let (_, capabilities) = session.engine.channel(&channel)?;
        let templates = session.active_templates(wanted.occasion_type).await?;
        let task = Wanted {
            occasion: wanted.occasion_type,
            tone: wanted.tone,
            context,
            instruction: None,
            channel: &channel,
            template: None,
        };
        let engine = &session.engine;
        let written = engine
            .write_text(&contact, task, &templates, &capabilities)
            .await?;
        let findings = engine.findings_of_written(&contact, &written, &task, &templates);
        let stamp = session.stamp();
        let (message, set) = decide::create(
            NewMessage {
                contact_id: contact.id,
                campaign: None,
                occasion: wanted.occasion_type,
                findings,
                channel: channel.clone(),
                recipient,
                text: written.text,
                generated_by: written.generated_by,
                metadata: written.metadata,
                scheduled_for: None,
                expires_at: None,
                test_mode: false,
                submitted: true,
            },
            &stamp,
        )?;
        session.engine.commit_one(set).await?;
        Ok(message)
    }

    /// Drafts the text anew, with an instruction. A new revision; an approval is void.
    ///
    /// # Errors
    /// As [`generate`](Self::generate); `NotAllowed` once it is on its way.
    pub async fn regenerate(&self, id: MessageId, instruction: Option<&str>) -> Result<Message> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        if instruction.is_some_and(|text| text.chars().count() > 500) {
            return Err(Error::field("instruction", "use at most 500 characters"));
        }
        let before = session.message(id).await?;
        let role = session.actor.role;
        crate::message::lifecycle::apply(
            before.status,
            crate::message::lifecycle::Event::Edit,
            role,
        )?;
        let contact = session.contact(before.contact_id).await?;
        let (_, capabilities) = session.engine.channel(&before.channel)?;
        let templates = session.active_templates(before.occasion).await?;
        let tone = before
            .metadata
            .tone
            .as_deref()
            .and_then(Tone::parse)
            .unwrap_or_default();
        let task = Wanted {
            occasion: before.occasion,
            tone,
            context: None,
            instruction,
            channel: &before.channel,
            template: None,
        };
        let engine = &session.engine;
        let written = engine
            .write_text(&contact, task, &templates, &capabilities)
            .await?;
        let findings = engine.findings_of_written(&contact, &written, &task, &templates);
        let edit = Edit {
            content: Some(written.text.content),
            subject: Some(written.text.subject),
            scheduled_for: None,
            source: Some((written.generated_by, written.metadata)),
        };
        session
            .change(id, Some(before.version), |message, stamp| {
                decide::edit(message, edit, findings, stamp)
            })
            .await
    }
}

impl Session {
    /// The channel and address a message to this contact takes.
    pub(crate) fn route(
        &self,
        contact: &Contact,
        wanted: Option<&str>,
    ) -> Result<(String, String)> {
        if contact.erased {
            return Err(Error::not_found("contact"));
        }
        let names: Vec<&str> = match wanted {
            Some(name) => vec![name],
            None => {
                let preferred = contact.preferred_channels.iter().map(String::as_str);
                let all = self.engine.channels().keys().map(String::as_str);
                preferred.chain(["email"]).chain(all).collect()
            }
        };
        let mut refusal = Error::field("channel", "no channel reaches this contact");
        for name in names {
            match self.engine.channel(name) {
                Err(error) => {
                    if wanted.is_some() {
                        return Err(error);
                    }
                }
                Ok((channel, capabilities)) => match contact.address(capabilities.address) {
                    Some(address) if channel.accepts_address(address) => {
                        return Ok((name.to_owned(), address.to_owned()));
                    }
                    _ => {
                        refusal = Error::field(
                            "channel",
                            format!("the contact has no address for channel {name}"),
                        );
                    }
                },
            }
        }
        Err(refusal)
    }

    pub(crate) async fn active_templates(&self, occasion: Occasion) -> Result<Vec<Template>> {
        let query = TemplateQuery {
            occasion: Some(occasion),
            active: Some(true),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..TemplateQuery::default()
        };
        Ok(self.store().templates(self.workspace(), query).await?.items)
    }

    /// Loads a message, checks the version if one was seen, decides and commits.
    pub(crate) async fn change(
        &self,
        id: MessageId,
        version: Option<u64>,
        decide: impl FnOnce(&Message, &Stamp<'_>) -> Result<(Message, crate::change::ChangeSet)>,
    ) -> Result<Message> {
        self.require(Action::WriteMessages)?;
        let before = self.message(id).await?;
        if let Some(version) = version {
            decide::check_version(&before, version)?;
        }
        let (after, set) = decide(&before, &self.stamp())?;
        self.engine.commit_one(set).await?;
        Ok(after)
    }
}
