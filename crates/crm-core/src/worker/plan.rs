//! Campaigns: begin runs that are due, plan their audience page by page, draft what is planned.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future;
use futures_util::stream::{self, StreamExt as _};

use super::Worker;
use super::windows::Windows;
use crate::actor::{Actor, Workspace};
use crate::campaign::planner::{self, Reach, Target};
use crate::campaign::{Campaign, CampaignStatus, PlanRow, Schedule, schedule};
use crate::change::{Change, ChangeSet, Precondition};
use crate::contact::{AddressKind, Contact};
use crate::error::{ErrorKind, Result};
use crate::generation::Tone;
use crate::id::TemplateId;
use crate::message::Format;
use crate::message::decide::{self, NewMessage};
use crate::message::history::Subject;
use crate::port::channel::Channel;
use crate::port::store::{
    CampaignQuery, ContactQuery, PageRequest, PlanQuery, SuppressionQuery, TemplateQuery,
};
use crate::template::Template;
use crate::template::render::Prepared;

/// Contacts planned in one commit.
const PLAN_PAGE: u32 = 500;
/// Pages of one campaign planned before the worker looks after everything else again.
const PLAN_PAGES: u32 = 20;
/// Messages drafted in one commit when a model writes them.
const DRAFT_PAGE: u32 = 100;
/// Drafts under way at once.
const DRAFTS_AT_ONCE: usize = 16;

/// A page of a plan, decided and not yet written.
struct PlannedPage {
    sets: Vec<ChangeSet>,
    /// The campaign once they are.
    after: Campaign,
    /// Lines of the plan.
    count: u64,
}

/// One of a campaign's channels.
struct Route<'a> {
    name: &'a str,
    channel: &'a dyn Channel,
    address: AddressKind,
}

impl<'a> Route<'a> {
    fn target(
        &self,
        contact: &Contact,
        suppressed: &BTreeSet<(String, String)>,
        windows: &Windows,
    ) -> Target<'a> {
        let address = contact.address(self.address);
        Target {
            channel: self.name,
            address: match address {
                None => Reach::Missing,
                Some(address) if self.channel.accepts_address(address) => Reach::Good,
                Some(_) => Reach::Malformed,
            },
            suppressed: address.is_some_and(|address| {
                suppressed.contains(&(self.name.to_owned(), address.to_owned()))
            }),
            window: windows.of(self.name, address.unwrap_or_default()),
        }
    }
}

/// What a campaign's messages are made from.
struct Texts {
    /// The campaign's own template, read once for all; or why it cannot be.
    chosen: Option<(TemplateId, Result<Prepared>)>,
    /// The templates a draft falls back to.
    offered: Vec<Template>,
}

impl Worker {
    async fn campaigns(
        &self,
        workspace: &Workspace,
        status: CampaignStatus,
    ) -> Result<Vec<Campaign>> {
        let query = CampaignQuery {
            statuses: vec![status],
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..CampaignQuery::default()
        };
        Ok(self.engine.store().campaigns(workspace, query).await?.items)
    }

    /// Begins runs that are due and plans some pages of each running campaign.
    pub(super) async fn plan(&self, workspace: &Workspace) -> Result<u64> {
        let now = self.engine.now();
        let mut begun = Vec::new();
        for campaign in self.campaigns(workspace, CampaignStatus::Scheduled).await? {
            let Some(due) = campaign.next_run_at.filter(|at| *at <= now) else {
                continue;
            };
            // A rule that never comes due again ends with this run.
            let next = schedule::next_run(&campaign.fields.schedule, now).unwrap_or(None);
            begun.push(self.update(workspace, &campaign, "run_begun", |after| {
                after.status = CampaignStatus::Active;
                after.occurrence = Some(schedule::occurrence(&after.fields.schedule, due));
                after.plan_cursor = None;
                after.planned = false;
                after.next_run_at = next;
            }));
        }
        let mut planned = self.commit(begun).await?;
        for campaign in self.campaigns(workspace, CampaignStatus::Active).await? {
            let result = if campaign.planned {
                self.finish(workspace, &campaign).await
            } else {
                self.plan_pages(workspace, campaign.clone()).await
            };
            planned += Self::carry_on(&campaign, result)?;
        }
        Ok(planned)
    }

    /// One campaign that cannot go on must not stop the others; a store that is away stops them all.
    fn carry_on(campaign: &Campaign, result: Result<u64>) -> Result<u64> {
        match result {
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                    "a campaign could not go on");
                Ok(0)
            }
            other => other,
        }
    }

    fn update(
        &self,
        workspace: &Workspace,
        before: &Campaign,
        action: &str,
        change: impl FnOnce(&mut Campaign),
    ) -> ChangeSet {
        let actor = Actor::system(workspace.clone());
        let stamp = self.stamp(&actor);
        let mut after = before.clone();
        after.version += 1;
        after.updated_at = stamp.at;
        change(&mut after);
        let mut set = ChangeSet::new(workspace.clone());
        set.update_campaign(before, after.clone());
        let mut event = stamp.event(Subject::Campaign, after.id.0, after.version, action);
        event.reason = Some(after.status.as_str().to_owned());
        set.event(event);
        set
    }

    /// Plans page by page. While one page is written, the next is read and rendered.
    async fn plan_pages(&self, workspace: &Workspace, campaign: Campaign) -> Result<u64> {
        let mut planned = 0;
        let mut next = self.plan_page(workspace, &campaign).await?;
        for left in (0..PLAN_PAGES).rev() {
            let Some(page) = next.take() else { break };
            let (after, count) = (page.after, page.count);
            let ahead = async {
                if left == 0 || after.planned {
                    return Ok(None);
                }
                self.plan_page(workspace, &after).await
            };
            let (results, ahead) = future::join(self.engine.commit(page.sets), ahead).await;
            // The last set moves the cursor; without it the page is planned again from fresh data.
            let moved = results?.pop().unwrap_or(Ok(()));
            match moved {
                Ok(()) => planned += count.max(1),
                Err(error) if error.kind() == ErrorKind::Conflict => return Ok(planned),
                Err(error) => return Err(error),
            }
            next = ahead?;
        }
        Ok(planned)
    }

    /// Decides one page. Where no model has to be waited for, the messages are drafted with it.
    ///
    /// Every contact has a set of its own and the cursor moves last: a crash between two of them only
    /// means that the page is planned again, and what is there already stays as it is.
    async fn plan_page(
        &self,
        workspace: &Workspace,
        campaign: &Campaign,
    ) -> Result<Option<PlannedPage>> {
        // One whose channel is not set up waits: left out now, it would be left out for good.
        let (Some(occurrence), Ok(routes)) = (campaign.occurrence.clone(), self.routes(campaign))
        else {
            return Ok(None);
        };
        let query = ContactQuery {
            audience: Some(campaign.fields.audience.clone()),
            today: Some(self.engine.today()),
            page: PageRequest {
                limit: PLAN_PAGE,
                after: campaign.plan_cursor.map(|id| id.0),
                oldest_first: true,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let page = self.engine.store().contacts(workspace, query).await?;
        let suppressed = self.suppressed(workspace, &routes, &page.items).await?;
        let people = routes.iter().flat_map(|route| {
            let addresses = page.items.iter();
            addresses.filter_map(|contact| Some((route.name, contact.address(route.address)?)))
        });
        let windows = self.windows(workspace, self.with_windows(people)).await?;
        let texts = if self.engine.llm().is_none() || campaign.fields.template_id.is_some() {
            Some(self.texts(workspace, campaign).await?)
        } else {
            None
        };
        let now = self.engine.now();
        let rules = self.engine.policy().consent;
        let mut sets = Vec::with_capacity(page.items.len() + 1);
        let mut undrafted = Vec::new();
        let mut count = 0;
        for contact in &page.items {
            let targets: Vec<Target<'_>> = routes
                .iter()
                .map(|route| route.target(contact, &suppressed, &windows))
                .collect();
            let row = planner::plan(contact, campaign, &occurrence, now, &targets, rules)?;
            let Some(row) = row else { continue };
            count += 1;
            match &texts {
                Some(texts) if row.excluded.is_none() => {
                    let line = Change::InsertPlanRow;
                    let drafted = self.draft_row(campaign, row, Some(contact), texts, line);
                    sets.push(drafted.await?);
                }
                _ => undrafted.push(row),
            }
        }
        let last = page.items.last().map(|contact| contact.id);
        let mut after = campaign.clone();
        let mut set = self.update(workspace, campaign, "planned", |campaign| {
            campaign.plan_cursor = last.or(campaign.plan_cursor);
            campaign.planned = page.next.is_none();
            after = campaign.clone();
        });
        for row in undrafted {
            set.push(Change::InsertPlanRow(row));
        }
        sets.push(set);
        Ok(Some(PlannedPage { sets, after, count }))
    }

    /// The campaign's channels, in its own order.
    fn routes<'a>(&'a self, campaign: &'a Campaign) -> Result<Vec<Route<'a>>> {
        let routes = campaign.fields.channels().map(|name| {
            let (channel, capabilities) = self.engine.channel(name)?;
            Ok(Route {
                name,
                channel: channel.as_ref(),
                address: capabilities.address,
            })
        });
        routes.collect()
    }

    /// Which of these contacts' addresses nothing is sent to, by channel.
    async fn suppressed(
        &self,
        workspace: &Workspace,
        routes: &[Route<'_>],
        contacts: &[Contact],
    ) -> Result<BTreeSet<(String, String)>> {
        let mut suppressed = BTreeSet::new();
        for route in routes {
            let addresses = contacts.iter().filter_map(|it| it.address(route.address));
            let addresses: Vec<String> = addresses.map(str::to_owned).collect();
            if addresses.is_empty() {
                continue;
            }
            let query = SuppressionQuery {
                channel: Some(route.name.to_owned()),
                addresses,
                limit: 1_000,
                skip: 0,
            };
            let found = self.engine.store().suppressions(workspace, query).await?;
            let found = found.items.into_iter();
            suppressed.extend(found.map(|row| (row.channel, row.address)));
        }
        Ok(suppressed)
    }

    /// Ends a run when nothing of it is open any more.
    async fn finish(&self, workspace: &Workspace, campaign: &Campaign) -> Result<u64> {
        if !self.undrafted(workspace, campaign, 1).await?.is_empty() {
            return Ok(0);
        }
        let repeats = matches!(
            campaign.fields.schedule,
            Schedule::Recurring { .. } | Schedule::Birthday { .. }
        );
        let session = self.engine.act_as(Actor::system(workspace.clone()));
        let stats = session.campaigns().stats(campaign.id).await?;
        let ended = stats.sent_count + stats.failed_count + stats.ended_count;
        // A repeating campaign goes back to waiting once everything is drafted; its open messages live
        // on. In test mode nothing ever ends by itself, so drafting is the end.
        if !repeats && !campaign.test_mode && ended < stats.generated_count {
            return Ok(0);
        }
        let set = self.update(workspace, campaign, "run_ended", |after| {
            after.occurrence = None;
            after.status = if repeats && after.next_run_at.is_some() {
                CampaignStatus::Scheduled
            } else {
                CampaignStatus::Completed
            };
        });
        self.commit(vec![set]).await
    }

    async fn undrafted(
        &self,
        workspace: &Workspace,
        campaign: &Campaign,
        limit: u32,
    ) -> Result<Vec<PlanRow>> {
        let query = PlanQuery {
            campaign_id: campaign.id,
            // Lines of earlier runs that were cut off by a crash are drafted as well.
            occurrence: None,
            excluded: Some(false),
            undrafted: true,
            page: PageRequest {
                limit,
                oldest_first: true,
                ..PageRequest::default()
            },
        };
        Ok(self.engine.store().plan(workspace, query).await?.items)
    }

    /// Drafts one page of each running campaign.
    pub(super) async fn draft(&self, workspace: &Workspace) -> Result<u64> {
        let mut drafted = 0;
        for campaign in self.campaigns(workspace, CampaignStatus::Active).await? {
            let rows = self.undrafted(workspace, &campaign, DRAFT_PAGE).await?;
            if !rows.is_empty() {
                let result = self.draft_page(workspace, &campaign, rows).await;
                drafted += Self::carry_on(&campaign, result)?;
            }
        }
        Ok(drafted)
    }

    async fn draft_page(
        &self,
        workspace: &Workspace,
        campaign: &Campaign,
        rows: Vec<PlanRow>,
    ) -> Result<u64> {
        let store = self.engine.store();
        let ids: BTreeSet<_> = rows.iter().map(|row| row.contact_id).collect();
        let query = ContactQuery {
            ids: ids.into_iter().collect(),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let contacts = store.contacts(workspace, query).await?.items;
        let by_id: BTreeMap<_, _> = contacts.iter().map(|row| (row.id, row)).collect();
        let texts = &self.texts(workspace, campaign).await?;
        let drafts: Vec<Result<ChangeSet>> = stream::iter(rows)
            .map(|row| {
                let contact = by_id.get(&row.contact_id).copied();
                self.draft_row(campaign, row, contact, texts, Change::UpdatePlanRow)
            })
            .buffered(DRAFTS_AT_ONCE)
            .collect()
            .await;
        let mut sets = Vec::with_capacity(drafts.len());
        for draft in drafts {
            match draft {
                Ok(set) => sets.push(set),
                Err(error) => {
                    tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                        "a message could not be drafted");
                }
            }
        }
        self.commit(sets).await
    }

    /// The texts a campaign may use.
    async fn texts(&self, workspace: &Workspace, campaign: &Campaign) -> Result<Texts> {
        let Some(id) = campaign.fields.template_id else {
            let session = self.engine.act_as(Actor::system(workspace.clone()));
            let occasion = campaign.fields.occasion_type;
            let offered = session.active_templates(occasion).await?;
            return Ok(Texts {
                chosen: None,
                offered,
            });
        };
        let query = TemplateQuery {
            ids: vec![id],
            ..TemplateQuery::default()
        };
        let offered = self.engine.store().templates(workspace, query).await?.items;
        let chosen = offered
            .first()
            .map(|template| (template.id, Prepared::new(&template.fields)));
        Ok(Texts { chosen, offered })
    }

    /// Writes one message; `line` keeps the line of the plan with it.
    async fn draft_row(
        &self,
        campaign: &Campaign,
        mut row: PlanRow,
        contact: Option<&Contact>,
        texts: &Texts,
        line: fn(PlanRow) -> Change,
    ) -> Result<ChangeSet> {
        let actor = Actor::system(campaign.workspace.clone());
        let (channel, capabilities) = self.engine.channel(&row.channel)?;
        let reachable = contact
            .filter(|contact| !contact.erased)
            .and_then(|contact| {
                let address = contact.address(capabilities.address)?;
                channel
                    .accepts_address(address)
                    .then(|| (contact, address.to_owned()))
            });
        let template = match &texts.chosen {
            None => Ok(None),
            Some((id, Ok(text))) => Ok(Some((*id, text))),
            Some((_, Err(_))) => Err("template_value_missing"),
        };
        let wanted = template.map(|template| crate::engine::Wanted {
            occasion: campaign.fields.occasion_type,
            tone: campaign
                .fields
                .tone
                .as_deref()
                .and_then(Tone::parse)
                .unwrap_or_default(),
            context: campaign.fields.custom_context.as_deref(),
            instruction: None,
            channel: &row.channel,
            template,
        });
        let written = match (&reachable, wanted) {
            (None, _) => Err("no_address"),
            (_, Err(reason)) => Err(reason),
            (Some((contact, _)), Ok(wanted)) => self
                .engine
                .write_text(contact, wanted, &texts.offered, &capabilities)
                .await
                .map(|written| {
                    let engine = &self.engine;
                    let found =
                        engine.findings_of_written(contact, &written, &wanted, &texts.offered);
                    (written, found)
                })
                .map_err(|_| "template_value_missing"),
        };
        let stamp = self.stamp(&actor);
        // Said in the plan, once and for good; the rest of the campaign goes on.
        let exclude = |mut row: PlanRow, reason: &str| {
            row.excluded = Some(reason.to_owned());
            row.send_at = None;
            let mut set = ChangeSet::new(campaign.workspace.clone());
            set.push(line(row));
            Ok(set)
        };
        let (Some((contact, recipient)), Ok((written, findings))) = (reachable, &written) else {
            return exclude(row, written.err().unwrap_or("no_address"));
        };
        // Which channel it is was decided for each contact, so the text is held against it here.
        let length = written.text.content.chars().count();
        let too_long = capabilities.max_length.is_some_and(|most| length > most);
        if too_long || (written.text.format == Format::Html && !capabilities.html) {
            return exclude(row, "text_not_sendable");
        }
        let created = decide::create(
            NewMessage {
                contact_id: contact.id,
                campaign: Some((campaign.id, row.occurrence.clone())),
                occasion: campaign.fields.occasion_type,
                channel: row.channel.clone(),
                recipient,
                text: written.text.clone(),
                generated_by: written.generated_by,
                metadata: written.metadata.clone(),
                findings: findings.clone(),
                scheduled_for: row.send_at.filter(|at| *at > stamp.at),
                expires_at: None,
                test_mode: campaign.test_mode,
                submitted: true,
            },
            &stamp,
        );
        let (message, mut set) = match created {
            Ok(created) => created,
            // One long name must not stop everybody else.
            Err(error) if error.kind() == ErrorKind::Invalid => {
                return exclude(row, "text_not_sendable");
            }
            Err(error) => return Err(error),
        };
        row.message_id = Some(message.id);
        set.push(line(row));
        // A campaign that was paused or cancelled meanwhile drafts nothing more.
        set.require(Precondition::Campaign(campaign.id, campaign.version));
        Ok(set)
    }
}
