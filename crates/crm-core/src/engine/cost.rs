//! What a campaign costs: before it runs, while it runs and after.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{Campaigns, Engine};
use crate::actor::Action;
use crate::budget::{Amounts, UsageGroup};
use crate::campaign::{Campaign, CampaignStatus, Drafting};
use crate::contact::Contact;
use crate::error::Result;
use crate::generation::{self, Task, Tone, Voice};
use crate::id::CampaignId;
use crate::port::llm::DraftRequest;
use crate::port::store::{ContactQuery, DraftBatchQuery, PageRequest, PlanQuery, UsageQuery};

/// Days that say what a draft usually costs in a workspace.
const RECENT: Duration = Duration::days(30);

/// Where the usual cost of one draft is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBasis {
    /// What the campaign's drafts cost so far, failed calls included.
    Campaign,
    /// What drafts of the same model cost in the workspace in the last thirty days.
    Workspace,
    /// The most that one draft can cost: nothing better is known yet.
    Bound,
    /// No model is asked: the campaign has a template, or the engine no model.
    NoModel,
    /// The model's price is not known.
    Unknown,
}

impl CostBasis {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Workspace => "workspace",
            Self::Bound => "bound",
            Self::NoModel => "no_model",
            Self::Unknown => "unknown",
        }
    }
}

/// What a campaign costs. Money in 10^-12 US dollars. Before it runs, `spent` is nothing and `expected_total` an
/// estimate; while it runs, the one grows into the other; after, both are the sum of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCost {
    /// Messages drafted so far, in all runs.
    pub drafted: u64,
    /// Messages still to be drafted in this run, or in the next one. Before a run the audience, of which some may
    /// be left out (consent, no address).
    pub to_draft: u64,
    /// What its calls cost, in all runs.
    pub spent_picodollars: u64,
    /// What calls under way can cost at most.
    pub reserved_picodollars: u64,
    /// What one draft usually costs; `None` when nobody knows.
    pub typical_picodollars: Option<u64>,
    /// Where that is taken from.
    pub basis: CostBasis,
    /// What was spent and what is to come at the usual cost.
    pub expected_total_picodollars: Option<u64>,
    /// What was spent and what is to come if each draft cost the most that one for a person of the audience can.
    pub at_most_picodollars: Option<u64>,
}

impl Campaigns<'_> {
    /// What it costs: estimated, so far, and in the end.
    ///
    /// # Errors
    /// `NotFound`; as [`audience_count`](Self::audience_count).
    pub async fn cost(&self, id: CampaignId) -> Result<CampaignCost> {
        self.0.require(Action::Read)?;
        let campaign = self.0.campaign(id).await?;
        let drafted = self.stats(id).await?.generated_count;
        let drafted = u64::try_from(drafted).unwrap_or(0);
        let to_draft = self.undrafted(&campaign).await?;
        let mine = self.sum(UsageQuery {
            campaign: Some(Some(id)),
            ..UsageQuery::default()
        });
        let mine = mine.await?;
        let spent = u64::try_from(mine.cost_picodollars).unwrap_or(0);
        let bound = self.bound(&campaign).await?;
        let (typical, basis) = match bound {
            Bound::Nothing => (Some(0), CostBasis::NoModel),
            Bound::Unknown => (None, CostBasis::Unknown),
            Bound::Each(most) => {
                if let Some(each) = spent.checked_div(drafted).filter(|_| spent > 0) {
                    (Some(each), CostBasis::Campaign)
                } else if let Some(each) = self.recent().await? {
                    (Some(each), CostBasis::Workspace)
                } else {
                    (Some(most), CostBasis::Bound)
                }
            }
        };
        let most = match bound {
            Bound::Nothing => Some(0),
            Bound::Each(most) => Some(most),
            Bound::Unknown => None,
        };
        let total = |each: Option<u64>| {
            // Nothing is to come: it is known whatever a draft would cost.
            let each = if to_draft == 0 { Some(0) } else { each };
            each.map(|each| spent.saturating_add(each.saturating_mul(to_draft)))
        };
        Ok(CampaignCost {
            drafted,
            to_draft,
            spent_picodollars: spent,
            reserved_picodollars: u64::try_from(mine.reserved_picodollars).unwrap_or(0),
            typical_picodollars: typical,
            basis,
            expected_total_picodollars: total(typical),
            at_most_picodollars: total(most),
        })
    }

    /// How many messages are still to be drafted.
    async fn undrafted(&self, campaign: &Campaign) -> Result<u64> {
        let audience = || self.count(campaign.fields.audience.clone());
        let lines = |occurrence: Option<String>, undrafted: bool| async move {
            self.count_lines(PlanQuery {
                campaign_id: campaign.id,
                occurrence,
                excluded: undrafted.then_some(false),
                undrafted,
                batch: None,
                page: PageRequest::default(),
            })
            .await
        };
        match campaign.status {
            CampaignStatus::Draft => audience().await,
            CampaignStatus::Completed | CampaignStatus::Cancelled => Ok(0),
            CampaignStatus::Scheduled => {
                let waiting = lines(None, true).await? + self.in_batches(campaign).await?;
                Ok(audience().await? + waiting)
            }
            CampaignStatus::Active | CampaignStatus::Paused => {
                let waiting = lines(None, true).await? + self.in_batches(campaign).await?;
                let unplanned = match &campaign.occurrence {
                    _ if campaign.planned => 0,
                    None => audience().await?,
                    Some(run) => {
                        let planned = lines(Some(run.clone()), false).await?;
                        audience().await?.saturating_sub(planned)
                    }
                };
                Ok(waiting + unplanned)
            }
        }
    }

    /// How many lines without a message its open batches hold.
    async fn in_batches(&self, campaign: &Campaign) -> Result<u64> {
        let query = DraftBatchQuery {
            campaign_id: Some(campaign.id),
            open: true,
            limit: 1_000,
            ..DraftBatchQuery::default()
        };
        let store = self.0.store();
        let mut count = 0;
        for batch in store.draft_batches(self.0.workspace(), query).await? {
            count += self
                .count_lines(PlanQuery {
                    campaign_id: campaign.id,
                    occurrence: None,
                    excluded: Some(false),
                    undrafted: false,
                    batch: Some(batch.id),
                    page: PageRequest::default(),
                })
                .await?;
        }
        Ok(count)
    }

    async fn count_lines(&self, mut query: PlanQuery) -> Result<u64> {
        query.page = PageRequest {
            limit: 1,
            count: true,
            ..PageRequest::default()
        };
        let page = self.0.store().plan(self.0.workspace(), query).await?;
        Ok(page.total.unwrap_or(0))
    }

    async fn sum(&self, query: UsageQuery) -> Result<Amounts> {
        let query = UsageQuery {
            group: UsageGroup::Model,
            limit: 1_000,
            ..query
        };
        let lines = self.0.store().usage(self.0.workspace(), query).await?;
        let sum = |sum: Amounts, line: &crate::budget::UsageLine| sum.plus(line.amounts, 1);
        Ok(lines.iter().fold(Amounts::default(), sum))
    }

    /// What a call of the model usually costs in the workspace.
    async fn recent(&self) -> Result<Option<u64>> {
        let model = self.0.engine.models().first().map(|llm| llm.model());
        let sum = self.sum(UsageQuery {
            from: Some(self.0.engine.today() - RECENT),
            model: model.filter(|name| !name.is_empty()),
            ..UsageQuery::default()
        });
        let sum = sum.await?;
        let (calls, cost) = (
            u64::try_from(sum.calls).unwrap_or(0),
            u64::try_from(sum.cost_picodollars).unwrap_or(0),
        );
        Ok(cost.checked_div(calls).filter(|each| *each > 0))
    }

    /// The most that a draft for somebody of the audience can cost.
    async fn bound(&self, campaign: &Campaign) -> Result<Bound> {
        let engine = &self.0.engine;
        let models = engine.models().first();
        let Some(llm) = models.filter(|_| campaign.fields.asks_model()) else {
            return Ok(Bound::Nothing);
        };
        let query = ContactQuery {
            audience: Some(campaign.fields.audience.clone()),
            today: Some(engine.today()),
            page: PageRequest {
                limit: 1,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let somebody = self.0.store().contacts(self.0.workspace(), query).await?;
        let Some(somebody) = somebody.items.first() else {
            return Ok(Bound::Nothing);
        };
        let voice = engine.voice(self.0.workspace()).await?;
        let Some(request) = sample(engine, campaign, somebody, &voice) else {
            return Ok(Bound::Unknown);
        };
        let batch = engine
            .llm_batch()
            .filter(|_| campaign.fields.drafting == Drafting::Batch);
        let most = match batch {
            Some(batch) => batch.worst_cost(&request),
            None => llm.worst_cost(&request),
        };
        Ok(most.map_or(Bound::Unknown, Bound::Each))
    }
}

/// What one draft can cost at most.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// No model is asked, or for nobody.
    Nothing,
    /// So much.
    Each(u64),
    /// Nobody knows.
    Unknown,
}

/// What the model would be asked for this person; `None` while the campaign's channel is not set up.
fn sample(
    engine: &Engine,
    campaign: &Campaign,
    somebody: &Contact,
    voice: &Voice,
) -> Option<DraftRequest> {
    let fields = &campaign.fields;
    let (_, capabilities) = engine.channel(&fields.channel).ok()?;
    let tone = fields.tone.as_deref().and_then(Tone::parse);
    let task = Task {
        occasion: fields.occasion_type,
        tone: tone.unwrap_or_default(),
        context: fields.custom_context.as_deref(),
        instruction: None,
        variant: None,
    };
    Some(generation::prompt(somebody, &task, voice, &capabilities).request)
}
