//! One line of a plan: its text is written first, which takes as long as a model does, and what is stored is decided
//! afterwards, on the campaign and the contact as they are by then.

use std::collections::{BTreeMap, BTreeSet};

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::campaign::{Campaign, PlanRow, WhenUnavailable, planner};
use crate::change::{Change, ChangeSet, Precondition};
use crate::contact::Contact;
use crate::engine::{Drafted, House, Purpose, Wanted, Written};
use crate::error::{ErrorKind, Result};
use crate::generation::{self, Prompt, Task, Tone, Voice};
use crate::id::TemplateId;
use crate::message::Format;
use crate::message::decide::{self, NewMessage};
use crate::port::llm::Draft;
use crate::port::store::TemplateQuery;
use crate::template::Template;
use crate::template::render::Prepared;
use crate::zone;

/// What a campaign's messages are made from.
pub(super) struct Texts {
    /// The templates that the campaign names, read once for all; or why one cannot be.
    chosen: BTreeMap<TemplateId, (u64, Result<Prepared>)>,
    /// The templates a draft falls back to.
    offered: Vec<Template>,
    /// The words of the house.
    voice: Voice,
}

/// A line and whom it is for; nobody, if the contact is gone.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) row: PlanRow,
    pub(super) contact: Option<Contact>,
}

impl Line {
    /// What names it in the usage ledger: whoever drafts it, and however often it is begun, it is drafted once.
    pub(super) fn key(&self) -> String {
        let row = &self.row;
        format!("{}/{}/{}", row.campaign_id, row.occurrence, row.contact_id)
    }
}

impl Texts {
    fn house(&self) -> House<'_> {
        House {
            voice: &self.voice,
            templates: &self.offered,
        }
    }

    /// The words of the house.
    pub(super) const fn voice(&self) -> &Voice {
        &self.voice
    }
}

/// What a campaign wants for a line, from a model.
fn wanted<'a>(campaign: &'a Campaign, row: &'a PlanRow) -> Wanted<'a> {
    let fields = &campaign.fields;
    let variant = row.variant.as_deref();
    let tone = fields.tone_of(variant).and_then(Tone::parse);
    Wanted {
        task: Task {
            occasion: fields.occasion_type,
            tone: tone.unwrap_or_default(),
            context: fields.context_of(variant),
            instruction: None,
            variant: None,
        },
        channel: &row.channel,
        leaves: row.send_at,
        template: None,
        rather_wait: fields.when_unavailable == WhenUnavailable::Wait,
    }
}

/// What became of a line's text; without one, why this contact gets nothing.
pub(super) type LineText = std::result::Result<Drafted, &'static str>;

impl Worker {
    /// The texts a campaign may use.
    pub(super) async fn texts(&self, workspace: &Workspace, campaign: &Campaign) -> Result<Texts> {
        let voice = self.engine.voice(workspace).await?;
        let mut offered = Vec::new();
        if campaign.fields.asks_model() {
            let session = self.engine.act_as(Actor::system(workspace.clone()));
            let occasion = campaign.fields.occasion_type;
            offered = session.active_templates(occasion).await?;
        }
        let ids: BTreeSet<TemplateId> = campaign.fields.templates().collect();
        let mut chosen = BTreeMap::new();
        if !ids.is_empty() {
            let query = TemplateQuery {
                ids: ids.iter().copied().collect(),
                ..TemplateQuery::default()
            };
            let found = self.engine.store().templates(workspace, query).await?.items;
            for template in found {
                let read = Prepared::new(&template.fields);
                chosen.insert(template.id, (template.version, read));
                if offered.iter().all(|other| other.id != template.id) {
                    offered.push(template);
                }
            }
        }
        Ok(Texts {
            chosen,
            offered,
            voice,
        })
    }

    /// Writes the text of one line.
    pub(super) async fn write_line(
        &self,
        campaign: &Campaign,
        line: &Line,
        texts: &Texts,
    ) -> Result<LineText> {
        let (_, capabilities) = self.engine.channel(&line.row.channel)?;
        let Some((contact, _)) = self.reachable(line)? else {
            return Ok(Err("no_address"));
        };
        let named = campaign.fields.template_of(line.row.variant.as_deref());
        let template = match named.and_then(|id| Some((id, texts.chosen.get(&id)?))) {
            None => None,
            Some((id, (version, Ok(text)))) => Some((id, *version, text)),
            Some((_, (_, Err(_)))) => return Ok(Err("template_value_missing")),
        };
        let wanted = Wanted {
            template,
            ..wanted(campaign, &line.row)
        };
        let house = texts.house();
        let actor = Actor::system(campaign.workspace.clone());
        let purpose = Purpose {
            actor: &actor,
            campaign: Some(campaign.id),
            key: Some(line.key()),
        };
        let written = self
            .engine
            .write_text(contact, &wanted, house, &capabilities, &purpose, self)
            .await;
        match written {
            Ok(drafted) => Ok(Ok(drafted)),
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Err("template_value_missing")),
            Err(error) => Err(error),
        }
    }

    /// What a model is asked for the line; nothing when nobody can be written to.
    pub(super) fn prompt_of(
        &self,
        campaign: &Campaign,
        line: &Line,
        texts: &Texts,
    ) -> Result<Option<Prompt>> {
        let (_, capabilities) = self.engine.channel(&line.row.channel)?;
        let task = wanted(campaign, &line.row).task;
        let prompt = |(contact, _)| generation::prompt(contact, &task, &texts.voice, &capabilities);
        Ok(self.reachable(line)?.map(prompt))
    }

    /// What a model's answer to `prompt` makes of the line; nothing when it cannot be used.
    pub(super) fn written_of(
        &self,
        campaign: &Campaign,
        line: &Line,
        texts: &Texts,
        draft: Draft,
        prompt: Prompt,
    ) -> Result<Option<Written>> {
        let (_, capabilities) = self.engine.channel(&line.row.channel)?;
        let wanted = wanted(campaign, &line.row);
        let Some((contact, _)) = self.reachable(line)? else {
            return Ok(None);
        };
        let (engine, house) = (&self.engine, texts.house());
        Ok(engine.by_first_model(draft, prompt, contact, &wanted, house, &capabilities))
    }

    /// Whom the line is for, and their address, if they can be written to.
    fn reachable<'a>(&self, line: &'a Line) -> Result<Option<(&'a Contact, &'a str)>> {
        let (channel, capabilities) = self.engine.channel(&line.row.channel)?;
        let contact = line.contact.as_ref().filter(|contact| !contact.erased);
        Ok(contact.and_then(|contact| {
            let address = contact.address(capabilities.address)?;
            channel
                .accepts_address(address)
                .then_some((contact, address))
        }))
    }

    /// What is stored of a line: the message, or why there is none, said in the plan once and for good. Nothing for
    /// a text that is waited for or left to somebody else. `keep` keeps the line of the plan with it.
    pub(super) fn decide_line(
        &self,
        campaign: &Campaign,
        line: &Line,
        text: &LineText,
        keep: fn(PlanRow) -> Change,
    ) -> Result<Option<ChangeSet>> {
        // The rest of the campaign goes on.
        let exclude = |reason: &str| {
            let mut row = line.row.clone();
            row.excluded = Some(reason.to_owned());
            row.send_at = None;
            let mut set = ChangeSet::new(campaign.workspace.clone());
            set.push(keep(row));
            Ok(Some(set))
        };
        let written = match text {
            Ok(Drafted::Written(written)) => written,
            Ok(Drafted::Waits { .. } | Drafted::Taken) => return Ok(None),
            Err(reason) => return exclude(reason),
        };
        let Some((contact, recipient)) = self.reachable(line)? else {
            return exclude("no_address");
        };
        let row = &line.row;
        let (_, capabilities) = self.engine.channel(&row.channel)?;
        // Which channel it is was decided for each contact, so the text is held against it here.
        let length = written.text.content.chars().count();
        let too_long = capabilities.max_length.is_some_and(|most| length > most);
        if too_long || (written.text.format == Format::Html && !capabilities.html) {
            return exclude("text_not_sendable");
        }
        let mut metadata = written.metadata.clone();
        metadata.variant.clone_from(&row.variant);
        let actor = Actor::system(campaign.workspace.clone());
        let stamp = self.stamp(&actor);
        let created = decide::create(
            NewMessage {
                contact_id: contact.id,
                campaign: Some((campaign.id, row.occurrence.clone())),
                occasion: campaign.fields.occasion_type,
                channel: row.channel.clone(),
                recipient: recipient.to_owned(),
                text: written.text.clone(),
                generated_by: written.generated_by,
                metadata,
                findings: written.findings.clone(),
                scheduled_for: row.send_at.filter(|at| *at > stamp.at),
                expires_at: zone::parse(&row.time_zone)
                    .ok()
                    .and_then(|zone| planner::expires_at(campaign, &row.occurrence, zone)),
                test_mode: campaign.test_mode,
                submitted: true,
            },
            &stamp,
        );
        let (message, mut set) = match created {
            Ok(created) => created,
            // One long name must not stop everybody else.
            Err(error) if error.kind() == ErrorKind::Invalid => {
                return exclude("text_not_sendable");
            }
            Err(error) => return Err(error),
        };
        let mut row = row.clone();
        row.message_id = Some(message.id);
        set.push(keep(row));
        // A campaign that was paused or cancelled meanwhile drafts nothing more.
        set.require(Precondition::Campaign(campaign.id, campaign.version));
        Ok(Some(set))
    }
}
