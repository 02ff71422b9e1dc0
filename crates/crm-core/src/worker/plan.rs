//! Campaigns: begin runs that are due, plan their audience page by page, and draft with the plan where no model
//! has to be waited for.

use std::collections::BTreeSet;

use futures_util::future;
use uuid::Uuid;

use super::Worker;
use super::line::Line;
use super::windows::Windows;
use crate::actor::{Actor, Workspace};
use crate::campaign::planner::{self, Reach, Target};
use crate::campaign::{Campaign, CampaignStatus, PlanRow, Schedule, WhenUnavailable, schedule};
use crate::change::{Change, ChangeSet};
use crate::contact::{AddressKind, Contact};
use crate::error::{ErrorKind, Result};
use crate::id::CampaignId;
use crate::message::history::Subject;
use crate::port::channel::Channel;
use crate::port::store::{
    CampaignQuery, ContactQuery, Page, PageRequest, PlanQuery, SuppressionQuery,
};

/// Pages of one campaign planned before the worker looks after everything else again.
const PLAN_PAGES: u32 = 20;

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

impl Worker {
    pub(super) async fn campaigns(
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
    pub(super) fn carry_on(campaign: &Campaign, result: Result<u64>) -> Result<u64> {
        match result {
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                    "a campaign could not go on");
                Ok(0)
            }
            other => other,
        }
    }

    pub(super) fn update(
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
            birthdays: match &campaign.fields.schedule {
                Schedule::Date(rule) => rule.birthdays(self.engine.now()),
                _ => None,
            },
            today: Some(self.engine.today()),
            page: PageRequest {
                limit: self.options.plan_page,
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
        let waits = campaign.fields.when_unavailable == WhenUnavailable::Wait;
        let alone = self.engine.models().is_empty() && !waits;
        let texts = if alone || campaign.fields.templates().next().is_some() {
            Some(self.texts(workspace, campaign).await?)
        } else {
            None
        };
        let now = self.engine.now();
        let rules = self.engine.policy().consent;
        let fields = &campaign.fields;
        let by_template = |row: &PlanRow| fields.template_of(row.variant.as_deref()).is_some();
        let mut sets = Vec::with_capacity(page.items.len() + 1);
        let mut undrafted = Vec::new();
        let mut count = 0;
        for contact in &page.items {
            let targets: Vec<Target<'_>> = routes
                .iter()
                .map(|route| route.target(contact, &suppressed, &windows))
                .collect();
            let calendars = self.engine.calendars();
            let row = planner::plan(
                contact,
                campaign,
                &occurrence,
                now,
                &targets,
                rules,
                calendars,
            )?;
            let Some(row) = row else { continue };
            count += 1;
            match &texts {
                Some(texts) if row.excluded.is_none() && (alone || by_template(&row)) => {
                    let line = Line {
                        row,
                        contact: Some(contact.clone()),
                    };
                    let text = self.write_line(campaign, &line, texts).await?;
                    let set = self.decide_line(campaign, &line, &text, Change::InsertPlanRow)?;
                    match set {
                        Some(set) => sets.push(set),
                        None => undrafted.push(line.row),
                    }
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
            // That of an erased person is of every channel.
            suppressed.extend(found.map(|row| (route.name.to_owned(), row.address)));
        }
        Ok(suppressed)
    }

    /// Ends a run when nothing of it is open any more.
    async fn finish(&self, workspace: &Workspace, campaign: &Campaign) -> Result<u64> {
        let open = self.undrafted(workspace, campaign.id, 1, None).await?;
        if !open.items.is_empty() || self.has_open_batch(campaign).await? {
            return Ok(0);
        }
        let repeats = campaign.fields.schedule.repeats();
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
            after.waiting = None;
            after.status = if repeats && after.next_run_at.is_some() {
                CampaignStatus::Scheduled
            } else {
                CampaignStatus::Completed
            };
        });
        self.commit(vec![set]).await
    }

    /// Lines of the plan without a message, behind a contact.
    pub(super) async fn undrafted(
        &self,
        workspace: &Workspace,
        campaign: CampaignId,
        limit: u32,
        after: Option<Uuid>,
    ) -> Result<Page<PlanRow>> {
        let query = PlanQuery {
            campaign_id: campaign,
            // Lines of earlier runs that were cut off by a crash are drafted as well.
            occurrence: None,
            excluded: Some(false),
            undrafted: true,
            batch: None,
            page: PageRequest {
                limit,
                after,
                oldest_first: true,
                ..PageRequest::default()
            },
        };
        self.engine.store().plan(workspace, query).await
    }
}
