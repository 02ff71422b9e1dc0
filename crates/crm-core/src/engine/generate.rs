//! Drafting on request: one text, several to choose from, one anew.

use chrono::{DateTime, Utc};
use futures_util::future;
use serde::{Deserialize, Serialize};

use super::Session;
use super::messages::Messages;
use super::spend::Purpose;
use super::write::{Drafted, House, Hurried, Wanted, Written};
use crate::actor::Action;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::{Task, Tone};
use crate::guardrail::Finding;
use crate::id::{CampaignId, ContactId, MessageId};
use crate::message::decide::{self, Edit, NewMessage};
use crate::message::{Format, GeneratedBy, Message, Occasion, Provenance, lifecycle};
use crate::note;
use crate::port::store::{PageRequest, TemplateQuery};
use crate::stamp::Stamp;
use crate::template::Template;

/// Most texts to choose from.
const MANY_VARIANTS: u32 = 5;

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

/// One of several texts to choose from. Nothing of it is stored; whoever likes it saves it with
/// [`create`](Messages::create), as a text of their own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Subject, where the channel has one.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// How to read it.
    pub format: Format,
    /// Who wrote it.
    pub generated_by: GeneratedBy,
    /// Where it came from.
    pub metadata: Provenance,
    /// What the guardrails find in it.
    pub findings: Vec<Finding>,
}

impl std::fmt::Debug for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variant(..)")
    }
}

impl GenerateMessage {
    const fn task<'a>(&self, context: Option<&'a str>) -> Task<'a> {
        Task {
            occasion: self.occasion_type,
            tone: self.tone,
            context,
            instruction: None,
            variant: None,
        }
    }

    fn check(&self) -> Result<()> {
        note::optional("custom_context", self.custom_context.as_deref(), 500)
    }
}

impl Messages<'_> {
    /// Drafts a text for one contact and submits it for approval. When the models are unavailable, a
    /// template or a built-in greeting stands in; the metadata says so.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` contact; `Invalid` for a contact that cannot be reached on the channel.
    pub async fn generate(&self, wanted: GenerateMessage) -> Result<Message> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        wanted.check()?;
        let contact = session.contact(wanted.contact_id).await?;
        let (channel, recipient) = session.route(&contact, wanted.channel.as_deref())?;
        let task = wanted.task(wanted.custom_context.as_deref());
        let mut written = session.write(&contact, task, &channel, None, None).await?;
        written.metadata.context.clone_from(&wanted.custom_context);
        let stamp = session.stamp();
        let (message, set) = decide::create(
            NewMessage {
                contact_id: contact.id,
                campaign: None,
                occasion: wanted.occasion_type,
                channel,
                recipient,
                text: written.text,
                generated_by: written.generated_by,
                metadata: written.metadata,
                findings: written.findings,
                scheduled_for: None,
                expires_at: None,
                test_mode: false,
                submitted: true,
            },
            &stamp,
        )?;
        session.commit_to(&contact, set).await?;
        Ok(message)
    }

    /// Drafts `count` texts side by side, to choose from. Nothing is stored but what they cost. Texts that come out
    /// the same, as templates do when the models are unavailable, are there once.
    ///
    /// # Errors
    /// As [`generate`](Self::generate); `Invalid` unless `count` is 1 to 5.
    pub async fn variants(&self, wanted: GenerateMessage, count: u32) -> Result<Vec<Variant>> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        wanted.check()?;
        if !(1..=MANY_VARIANTS).contains(&count) {
            return Err(Error::field("count", "ask for 1 to 5 texts"));
        }
        let contact = session.contact(wanted.contact_id).await?;
        let (channel, _) = session.route(&contact, wanted.channel.as_deref())?;
        let texts = (1..=count).map(|number| {
            let task = Task {
                variant: (count > 1).then_some((number, count)),
                ..wanted.task(wanted.custom_context.as_deref())
            };
            session.write(&contact, task, &channel, None, None)
        });
        let mut variants: Vec<Variant> = Vec::new();
        for written in future::try_join_all(texts).await? {
            let text = written.text;
            let is_same =
                |known: &Variant| known.subject == text.subject && known.content == text.content;
            if let Some(known) = variants.iter_mut().find(|known| is_same(known)) {
                // It was paid for all the same.
                let (known, spent) = (&mut known.metadata, written.metadata);
                known.input_tokens += spent.input_tokens;
                known.output_tokens += spent.output_tokens;
                known.cost_picodollars += spent.cost_picodollars;
                continue;
            }
            variants.push(Variant {
                subject: text.subject,
                content: text.content,
                format: text.format,
                generated_by: written.generated_by,
                metadata: written.metadata,
                findings: written.findings,
            });
        }
        Ok(variants)
    }

    /// Drafts the text anew, with an instruction, about what it was about. A new revision; an approval is void.
    ///
    /// # Errors
    /// As [`generate`](Self::generate); `NotAllowed` once it is on its way.
    pub async fn regenerate(&self, id: MessageId, instruction: Option<&str>) -> Result<Message> {
        let session = self.0;
        session.require(Action::WriteMessages)?;
        note::optional("instruction", instruction, 500)?;
        let before = session.message(id).await?;
        lifecycle::apply(before.status, lifecycle::Event::Edit, session.actor.role)?;
        let contact = session.contact(before.contact_id).await?;
        let tone = before.metadata.tone.as_deref().and_then(Tone::parse);
        let context = session.context_of(&before).await?;
        let task = Task {
            occasion: before.occasion,
            tone: tone.unwrap_or_default(),
            context: context.as_deref(),
            instruction,
            variant: None,
        };
        let campaign = before.campaign_id;
        let mut written = session
            .write(
                &contact,
                task,
                &before.channel,
                campaign,
                before.scheduled_for,
            )
            .await?;
        written
            .metadata
            .context
            .clone_from(&before.metadata.context);
        let findings = written.findings;
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
    /// Has a text written for a person who waits for it.
    async fn write(
        &self,
        contact: &Contact,
        task: Task<'_>,
        channel: &str,
        campaign: Option<CampaignId>,
        leaves: Option<DateTime<Utc>>,
    ) -> Result<Written> {
        let (_, capabilities) = self.engine.channel(channel)?;
        let templates = self.active_templates(task.occasion).await?;
        let voice = self.engine.voice(self.workspace()).await?;
        let house = House {
            voice: &voice,
            templates: &templates,
        };
        let wanted = Wanted {
            task,
            channel,
            leaves,
            template: None,
            rather_wait: false,
        };
        let purpose = Purpose {
            actor: &self.actor,
            campaign,
            key: None,
        };
        let text =
            self.engine
                .write_text(contact, &wanted, house, &capabilities, &purpose, &Hurried);
        match text.await? {
            Drafted::Written(written) => Ok(*written),
            // Nobody shares a request without a key, and something stands in for one that is not to wait.
            Drafted::Taken | Drafted::Waits { .. } => Err(Error::new(
                ErrorKind::Unavailable,
                "the text is being drafted by somebody else",
            )),
        }
    }

    /// What a message was to be about.
    async fn context_of(&self, message: &Message) -> Result<Option<String>> {
        let own = message.metadata.context.clone();
        match message.campaign_id {
            Some(id) if own.is_none() => match self.campaign(id).await {
                Ok(campaign) => Ok(campaign.fields.custom_context),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
            _ => Ok(own),
        }
    }

    /// The channel and address a message to this contact takes.
    pub(crate) fn route(
        &self,
        contact: &Contact,
        wanted: Option<&str>,
    ) -> Result<(String, String)> {
        contact.living()?;
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
