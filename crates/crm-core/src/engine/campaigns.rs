//! Campaigns: set up, run, pause, stop. The worker does the planning and drafting.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::audience::Audience;
use crate::campaign::holidays::Holidays;
use crate::campaign::{
    Campaign, CampaignAction, CampaignFields, CampaignStatus, PlanRow, Schedule, schedule,
};
use crate::change::{Change, ChangeSet};
use crate::draft_batch::DraftBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::Tone;
use crate::id::CampaignId;
use crate::message::Format;
use crate::message::history::Subject;
use crate::note;
use crate::port::store::{
    CampaignQuery, ContactQuery, DraftBatchQuery, Page, PageRequest, PlanQuery,
};

/// Most channels to fall back to.
const MANY_CHANNELS: usize = 20;

/// Longest time over which messages are spread, in minutes.
const LONGEST_SPREAD: u32 = 7 * 24 * 60;

/// Use cases of campaigns.
#[derive(Debug, Clone, Copy)]
pub struct Campaigns<'a>(pub(super) &'a Session);

/// A campaign's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignStats {
    /// Messages drafted.
    pub generated_count: i64,
    /// Sent or delivered.
    pub sent_count: i64,
    /// Failed.
    pub failed_count: i64,
    /// Rejected, cancelled or expired.
    pub ended_count: i64,
}

impl Campaigns<'_> {
    /// Lists campaigns.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, query: CampaignQuery) -> Result<Page<Campaign>> {
        self.0.require(Action::Read)?;
        self.0.store().campaigns(self.0.workspace(), query).await
    }

    /// One campaign.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: CampaignId) -> Result<Campaign> {
        self.0.require(Action::Read)?;
        self.0.campaign(id).await
    }

    /// Its figures.
    ///
    /// # Errors
    /// As the store.
    pub async fn stats(&self, id: CampaignId) -> Result<CampaignStats> {
        self.0.require(Action::Read)?;
        let prefix = format!("campaign.{id}.");
        let counters = self
            .0
            .store()
            .counters(self.0.workspace(), &[&prefix])
            .await?;
        Ok(stats(&counters, id))
    }

    /// How many contacts the audience has now.
    ///
    /// # Errors
    /// `Invalid` for an expression that cannot be evaluated, asks of a custom field what its type does not allow or names
    /// a saved audience that there is not.
    pub async fn audience_count(&self, audience: Audience) -> Result<u64> {
        self.0.require(Action::Read)?;
        self.count(self.0.asked(audience).await?).await
    }

    /// How many contacts a valid audience has, also one from before a field was defined.
    pub(crate) async fn count(&self, audience: Audience) -> Result<u64> {
        self.0.require(Action::Read)?;
        let query = ContactQuery {
            audience: Some(audience),
            today: Some(self.0.engine.today()),
            page: PageRequest {
                limit: 1,
                count: true,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        Ok(self
            .0
            .store()
            .contacts(self.0.workspace(), query)
            .await?
            .total
            .unwrap_or(0))
    }

    fn check(&self, fields: &CampaignFields) -> Result<()> {
        let length = fields.name.trim().chars().count();
        if !(1..=200).contains(&length) || fields.name.chars().any(char::is_control) {
            return Err(Error::field("name", "use 1 to 200 characters on one line"));
        }
        note::optional("custom_context", fields.custom_context.as_deref(), 500)?;
        note::optional("description", fields.description.as_deref(), 2_000)?;
        check_tone(fields.tone.as_deref())?;
        crate::zone::parse(&fields.time_zone)?;
        schedule::validate(&fields.schedule)?;
        if fields.spread_minutes > LONGEST_SPREAD {
            let text = "use 0 to 10,080 minutes, which is a week";
            return Err(Error::field("spread_minutes", text));
        }
        fields.sending_times.validate()?;
        Holidays::of(&fields.sending_times.holidays, self.0.engine.calendars())?;
        if fields.fallback_channels.len() > MANY_CHANNELS {
            return Err(Error::field("fallback_channels", "use at most 20 channels"));
        }
        let mut known = BTreeSet::new();
        for channel in fields.channels() {
            self.0.engine.channel(channel)?;
            if !known.insert(channel) {
                return Err(Error::field(
                    "fallback_channels",
                    "name each channel once, and not the campaign's own",
                ));
            }
        }
        Ok(())
    }

    /// Whether its variants are well formed, and all templates are there.
    async fn check_variants(&self, fields: &CampaignFields) -> Result<()> {
        if let Some(variants) = &fields.variants {
            variants.validate()?;
            for arm in &variants.arms {
                check_tone(arm.tone.as_deref())?;
                note::optional("custom_context", arm.custom_context.as_deref(), 500)?;
            }
        }
        for template in fields.templates() {
            self.0.template(template).await?;
        }
        Ok(())
    }

    /// Whether its templates can be delivered on each of the campaign's channels. How long a text becomes is known
    /// for each contact alone, when it is rendered.
    async fn check_template(&self, fields: &CampaignFields) -> Result<()> {
        for id in fields.templates() {
            let template = self.0.template(id).await?.fields;
            for channel in fields.channels() {
                let (_, capabilities) = self.0.engine.channel(channel)?;
                if template.format == Format::Html && !capabilities.html {
                    return Err(Error::field(
                        "template_id",
                        format!("the template is HTML, which channel {channel} does not deliver"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Saves a new campaign as a draft. It keeps its audience as it is now: where that names saved ones, a copy of what
    /// they say, so that nothing anybody does to them later changes whom it writes to.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid`; `NotFound` template.
    pub async fn create(&self, mut fields: CampaignFields) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        self.check(&fields)?;
        fields.audience = self.0.asked(fields.audience).await?;
        self.check_variants(&fields).await?;
        let stamp = self.0.stamp();
        let campaign = Campaign {
            workspace: self.0.workspace().clone(),
            id: CampaignId(stamp.ids.next()),
            version: 1,
            fields,
            status: CampaignStatus::Draft,
            test_mode: false,
            occurrence: None,
            plan_cursor: None,
            planned: false,
            waiting: None,
            next_run_at: None,
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let mut set = ChangeSet::new(campaign.workspace.clone());
        set.insert_campaign(campaign.clone());
        set.event(stamp.event(Subject::Campaign, campaign.id.0, 1, "created"));
        self.0.engine.commit_one(set).await?;
        Ok(campaign)
    }

    /// A new draft that is to do what another campaign does, or did, under a name of its own.
    ///
    /// # Errors
    /// As [`create`](Self::create), for what has changed since; `NotFound`.
    pub async fn copy(&self, id: CampaignId, name: &str) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        let mut fields = self.0.campaign(id).await?.fields;
        name.clone_into(&mut fields.name);
        self.create(fields).await
    }

    /// Changes a campaign that has not begun. Saved audiences are copied as by [`create`](Self::create).
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotAllowed` once it runs.
    pub async fn update(
        &self,
        id: CampaignId,
        version: Option<u64>,
        mut fields: CampaignFields,
    ) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        self.check(&fields)?;
        fields.audience = self.0.asked(fields.audience).await?;
        self.check_variants(&fields).await?;
        let before = self.0.campaign(id).await?;
        if version.is_some_and(|seen| seen != before.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the campaign was changed meanwhile",
            ));
        }
        self.move_on(&before, "edited", CampaignAction::Edit, |after| {
            after.fields = fields;
            Ok(())
        })
        .await
    }

    /// Runs it: at once, or when its schedule says. In test mode everything is planned and drafted and
    /// nothing is ever sent.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed` unless it is a draft; `Invalid` for a template that one of its
    /// channels does not deliver.
    pub async fn execute(&self, id: CampaignId, test_mode: bool) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        let before = self.0.campaign(id).await?;
        if before.status == CampaignStatus::Draft {
            self.check_template(&before.fields).await?;
        }
        let now = self.0.engine.now();
        self.move_on(&before, "executed", CampaignAction::Execute, |after| {
            after.test_mode = test_mode;
            if after.fields.schedule.repeats() {
                after.status = CampaignStatus::Scheduled;
                // Whose day is today is not left to wait for the next hour.
                let next = match after.fields.schedule {
                    Schedule::Date(_) => Some(now),
                    _ => schedule::next_run(&after.fields.schedule, now)?,
                };
                if next.is_none() {
                    let text = "this rule has ended";
                    return Err(Error::field("recurrence_rule", text));
                }
                after.next_run_at = next;
            } else {
                after.status = CampaignStatus::Active;
                after.occurrence = Some(schedule::occurrence(&after.fields.schedule, now));
            }
            Ok(())
        })
        .await
    }

    /// Stops it for now: nothing of it begins to leave after this returns.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed` unless it runs or is scheduled.
    pub async fn pause(&self, id: CampaignId) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        let before = self.0.campaign(id).await?;
        self.move_on(&before, "paused", CampaignAction::Pause, |after| {
            after.status = CampaignStatus::Paused;
            Ok(())
        })
        .await
    }

    /// Goes on with a paused campaign.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed` unless it is paused.
    pub async fn resume(&self, id: CampaignId) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        let before = self.0.campaign(id).await?;
        self.move_on(&before, "resumed", CampaignAction::Resume, |after| {
            after.status = if after.occurrence.is_some() {
                CampaignStatus::Active
            } else {
                CampaignStatus::Scheduled
            };
            Ok(())
        })
        .await
    }

    /// Calls it off. What has not left is cancelled, at the latest by the check before delivery.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed` once it has ended.
    pub async fn cancel(&self, id: CampaignId) -> Result<Campaign> {
        self.0.require(Action::WriteCampaigns)?;
        let before = self.0.campaign(id).await?;
        self.move_on(&before, "cancelled", CampaignAction::Cancel, |after| {
            after.status = CampaignStatus::Cancelled;
            Ok(())
        })
        .await
    }

    /// Removes a campaign that never drafted anything.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed` once it has messages.
    pub async fn delete(&self, id: CampaignId) -> Result<()> {
        self.0.require(Action::WriteCampaigns)?;
        let before = self.0.campaign(id).await?;
        if !CampaignAction::Delete.from().contains(&before.status)
            || self.stats(id).await?.generated_count > 0
        {
            return Err(Error::new(
                ErrorKind::NotAllowed,
                "a campaign that has begun cannot be deleted; cancel it",
            ));
        }
        let stamp = self.0.stamp();
        let mut set = ChangeSet::new(before.workspace.clone());
        set.delete_campaign(&before);
        let limits = self.0.budgets().of(Some(id)).await?;
        for state in limits {
            set.push(Change::DeleteBudget {
                campaign_id: state.budget.campaign_id,
                period: state.budget.period,
            });
        }
        set.event(stamp.event(Subject::Campaign, id.0, before.version + 1, "deleted"));
        self.0.engine.commit_one(set).await
    }

    /// The batches that draft it, or did, oldest first; at most 1,000.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn batches(&self, id: CampaignId) -> Result<Vec<DraftBatch>> {
        self.get(id).await?;
        let query = DraftBatchQuery {
            campaign_id: Some(id),
            limit: 1_000,
            ..DraftBatchQuery::default()
        };
        let store = self.0.store();
        store.draft_batches(self.0.workspace(), query).await
    }

    /// Lines of its plan.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn plan(&self, query: PlanQuery) -> Result<Page<PlanRow>> {
        self.get(query.campaign_id).await?;
        self.0.store().plan(self.0.workspace(), query).await
    }

    async fn move_on(
        &self,
        before: &Campaign,
        action: &str,
        what: CampaignAction,
        change: impl FnOnce(&mut Campaign) -> Result<()>,
    ) -> Result<Campaign> {
        if !what.from().contains(&before.status) {
            return Err(Error::new(
                ErrorKind::NotAllowed,
                format!(
                    "a campaign that is {} cannot be {action}",
                    before.status.as_str()
                ),
            ));
        }
        let stamp = self.0.stamp();
        let mut after = before.clone();
        after.version += 1;
        after.updated_at = stamp.at;
        // A worker says it again if it is still so.
        after.waiting = None;
        change(&mut after)?;
        let mut set = ChangeSet::new(after.workspace.clone());
        set.update_campaign(before, after.clone());
        let mut event = stamp.event(Subject::Campaign, after.id.0, after.version, action);
        event.reason = Some(after.status.as_str().to_owned());
        set.event(event);
        self.0.engine.commit_one(set).await?;
        Ok(after)
    }
}

fn check_tone(tone: Option<&str>) -> Result<()> {
    if tone.is_some_and(|tone| Tone::parse(tone).is_none()) {
        return Err(Error::field(
            "tone",
            "use professional_friendly, formal, casual or warm",
        ));
    }
    Ok(())
}

/// What the counters say of one campaign.
pub(super) fn stats(
    counters: &std::collections::BTreeMap<String, i64>,
    id: CampaignId,
) -> CampaignStats {
    let get = |name: &str| {
        let name = format!("campaign.{id}.{name}");
        counters.get(&name).copied().unwrap_or(0)
    };
    CampaignStats {
        generated_count: get("generated"),
        sent_count: get("sent"),
        failed_count: get("failed"),
        ended_count: get("ended"),
    }
}
