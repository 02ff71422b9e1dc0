//! How the variants of a campaign fare with the people who review them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Session;
use super::campaigns::Campaigns;
use crate::actor::Action;
use crate::campaign::experiment::{self, Better, Counts, Judgement, Report};
use crate::error::Result;
use crate::id::CampaignId;

/// The figures of one variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VariantStats {
    /// Its name.
    pub name: String,
    /// Messages drafted.
    pub generated_count: u64,
    /// Those that people approved or rejected.
    pub decided_count: u64,
    /// Of the decided ones, those that were approved with another text than the first.
    pub edited_count: u64,
    /// Of the decided ones, those that were rejected.
    pub rejected_count: u64,
    /// Sent or delivered.
    pub sent_count: u64,
    /// Failed.
    pub failed_count: u64,
}

/// What a campaign's variants show so far: nothing for a campaign without them.
///
/// An approval that is taken back counts no more, and a message that is rejected, edited and approved then counts as
/// edited: both are rare, and what the judgements promise is a little weaker by them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Each variant, in the campaign's order.
    pub variants: Vec<VariantStats>,
    /// How many of a thousand contacts get nothing.
    pub holdout_permille: u16,
    /// Which texts people had to edit: fewer are better. `None` with fewer than two variants.
    pub edited: Option<Report>,
    /// Which texts people rejected: fewer are better. `None` with fewer than two variants.
    pub rejected: Option<Report>,
}

impl Campaigns<'_> {
    /// What its variants show so far. It may be looked at as often as one likes: see
    /// [`experiment`](crate::campaign::experiment).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn experiment(&self, id: CampaignId) -> Result<Experiment> {
        let session: &Session = self.0;
        session.require(Action::Read)?;
        let campaign = session.campaign(id).await?;
        let prefix = format!("campaign.{id}.");
        let workspace = session.workspace();
        let counters = session.store().counters(workspace, &[&prefix]).await?;
        let (arms, holdout_permille) = match campaign.fields.variants {
            Some(variants) => (variants.arms, variants.holdout_permille),
            None => (Vec::new(), 0),
        };
        let variants: Vec<VariantStats> = arms
            .into_iter()
            .map(|arm| stats(&counters, &prefix, arm.name))
            .collect();
        let judged = |successes: fn(&VariantStats) -> u64| {
            let counts: Vec<Counts> = variants
                .iter()
                .map(|it| Counts {
                    n: it.decided_count,
                    successes: successes(it).min(it.decided_count),
                })
                .collect();
            let judgement = Judgement {
                better: Better::Lower,
                ..Judgement::default()
            };
            (counts.len() > 1)
                .then(|| experiment::judge(judgement, &counts))
                .transpose()
        };
        Ok(Experiment {
            edited: judged(|it| it.edited_count)?,
            rejected: judged(|it| it.rejected_count)?,
            variants,
            holdout_permille,
        })
    }
}

fn stats(counters: &BTreeMap<String, i64>, prefix: &str, name: String) -> VariantStats {
    let get = |what: &str| {
        let count = counters.get(&format!("{prefix}{what}.{name}"));
        u64::try_from(count.copied().unwrap_or(0)).unwrap_or(0)
    };
    VariantStats {
        generated_count: get("generated"),
        decided_count: get("decided"),
        edited_count: get("edited"),
        rejected_count: get("rejected"),
        sent_count: get("sent"),
        failed_count: get("failed"),
        name,
    }
}
