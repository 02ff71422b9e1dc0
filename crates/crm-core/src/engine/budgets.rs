//! Budgets: how much may be spent on drafts.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::budget::{Budget, BudgetState, MOST, Period};
use crate::change::{Change, ChangeSet};
use crate::error::{Error, ErrorKind, Result};
use crate::id::CampaignId;
use crate::message::history::Subject;
use crate::money::dollars;
use crate::port::store::BudgetQuery;

/// Use cases of budgets.
#[derive(Debug, Clone, Copy)]
pub struct Budgets<'a>(pub(super) &'a Session);

/// A budget as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetBudget {
    /// The campaign it limits; `None` for the whole workspace.
    #[serde(default)]
    pub campaign_id: Option<CampaignId>,
    /// What it limits.
    pub period: Period,
    /// How much may be spent, in 10^-12 US dollars. 0 lets nothing through that costs anything.
    pub limit_picodollars: u64,
    /// The version that was seen; `None` to set it whatever it is.
    #[serde(default)]
    pub version: Option<u64>,
}

impl Budgets<'_> {
    /// Lists budgets, the workspace's own first, with what is spent and reserved of each in all or today.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, limit: u32, skip: u32) -> Result<Vec<BudgetState>> {
        self.0.require(Action::Read)?;
        self.find(None, limit, skip).await
    }

    /// The budgets of one campaign, or with `None` of the workspace itself.
    ///
    /// # Errors
    /// As the store.
    pub async fn of(&self, campaign: Option<CampaignId>) -> Result<Vec<BudgetState>> {
        self.0.require(Action::Read)?;
        self.find(Some(campaign), 0, 0).await
    }

    async fn find(
        &self,
        of: Option<Option<CampaignId>>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<BudgetState>> {
        let query = BudgetQuery {
            of,
            day: self.0.engine.today(),
            limit,
            skip,
        };
        self.0.store().budgets(self.0.workspace(), query).await
    }

    /// Sets a budget. What was spent before counts. A limit below what is spent already lets nothing more
    /// through; calls under way end as they would.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` for a limit beyond [`MOST`]; `NotFound` campaign; `Conflict` when somebody
    /// changed it since.
    pub async fn set(&self, wanted: SetBudget) -> Result<BudgetState> {
        self.0.require(Action::WriteBudgets)?;
        if wanted.limit_picodollars > MOST {
            let text = format!("use at most {MOST}");
            return Err(Error::field("limit_picodollars", text));
        }
        let before = self.one(wanted.campaign_id, wanted.period).await?;
        let version = before.as_ref().map_or(0, |state| state.budget.version);
        if wanted.version.is_some_and(|seen| seen != version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the budget was changed meanwhile; load it again",
            ));
        }
        if before.is_none()
            && let Some(campaign) = wanted.campaign_id
        {
            self.0.campaign(campaign).await?;
        }
        let budget = Budget {
            workspace: self.0.workspace().clone(),
            campaign_id: wanted.campaign_id,
            period: wanted.period,
            limit_picodollars: wanted.limit_picodollars,
            version: version + 1,
        };
        let mut set = ChangeSet::new(budget.workspace.clone());
        let amount = dollars(i128::from(budget.limit_picodollars));
        let (action, change) = if before.is_some() {
            ("changed", Change::UpdateBudget(budget.clone()))
        } else {
            ("created", Change::InsertBudget(budget.clone()))
        };
        set.push(change);
        set.event(self.event(&budget, action, format!("{amount} US dollars")));
        self.0.engine.commit_one(set).await?;
        let used = before.map_or((0, 0), |state| {
            (state.spent_picodollars, state.reserved_picodollars)
        });
        // Of a new one is known now what was spent before.
        let found = self.one(budget.campaign_id, budget.period).await?;
        Ok(found.unwrap_or(BudgetState {
            budget,
            spent_picodollars: used.0,
            reserved_picodollars: used.1,
        }))
    }

    /// Removes a budget: nothing limits what it did.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`.
    pub async fn remove(&self, campaign: Option<CampaignId>, period: Period) -> Result<()> {
        self.0.require(Action::WriteBudgets)?;
        let before = self.one(campaign, period).await?;
        let before = before.ok_or_else(|| Error::not_found("budget"))?.budget;
        let gone = Budget {
            version: before.version + 1,
            ..before
        };
        let mut set = ChangeSet::new(gone.workspace.clone());
        set.push(Change::DeleteBudget {
            campaign_id: campaign,
            period,
        });
        set.event(self.event(&gone, "deleted", "removed".to_owned()));
        self.0.engine.commit_one(set).await
    }

    async fn one(
        &self,
        campaign: Option<CampaignId>,
        period: Period,
    ) -> Result<Option<BudgetState>> {
        let all = self.find(Some(campaign), 0, 0).await?;
        Ok(all.into_iter().find(|state| state.budget.period == period))
    }

    /// Says which budget, and its new limit.
    fn event(
        &self,
        budget: &Budget,
        action: &str,
        what: String,
    ) -> crate::message::history::AuditEvent {
        let id = budget.subject_id();
        let stamp = self.0.stamp();
        let mut event = stamp.event(Subject::Budget, id, budget.version, action);
        let whose = budget
            .campaign_id
            .map_or_else(|| "workspace".to_owned(), |id| format!("campaign {id}"));
        event.reason = Some(format!("{whose}, {}: {what}", budget.period.as_str()));
        event
    }
}
