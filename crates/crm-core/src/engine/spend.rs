//! Spending: the one place that asks a model for a draft.
//!
//! What a call can cost at most is reserved before it and settled after it, so that no budget is exceeded
//! and each picodollar is in the usage ledger.

use std::sync::Arc;

use super::Engine;
use crate::actor::Actor;
use crate::error::Error;
use crate::id::CampaignId;
use crate::port::llm::{Draft, DraftRequest, Llm, LlmError};

/// What a draft is for: who pays.
#[derive(Debug, Clone)]
#[allow(dead_code)]
pub(crate) struct Purpose<'a> {
    /// Who wants it.
    pub(crate) actor: &'a Actor,
    /// The campaign it belongs to.
    pub(crate) campaign: Option<CampaignId>,
    /// What exactly is drafted: nobody else is drafting the same key meanwhile.
    pub(crate) key: Option<String>,
}

/// Why there is no draft.
#[derive(Debug)]
#[allow(dead_code)]
pub(crate) enum NoDraft {
    /// The model's own answer.
    Refused(LlmError),
    /// A budget has not enough left; nothing was asked.
    OverBudget,
    /// What it costs is not known, and a budget applies; nothing was asked.
    UnknownPrice,
    /// Somebody else drafts the same key; nothing was asked.
    Taken,
    /// The store.
    Store(Error),
}

impl Engine {
    /// Asks the model for one draft, within the budgets.
    pub(crate) async fn ask(
        &self,
        llm: &Arc<dyn Llm>,
        request: &DraftRequest,
        _purpose: &Purpose<'_>,
    ) -> Result<Draft, NoDraft> {
        llm.draft(request).await.map_err(NoDraft::Refused)
    }
}
