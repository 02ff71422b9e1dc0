//! Operations about campaigns: set up, run, pause, call off, look at the plan and at the batches.

use chrono::{DateTime, Utc};
use crm_core::Error;
use crm_core::campaign::{CampaignFields, CampaignStatus};
use crm_core::draft_batch::{self, DraftBatchState};
use crm_core::id::{CampaignId, DraftBatchId};
use crm_core::message::Occasion;
use crm_core::port::store::{CampaignQuery, PlanQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::read;
use crate::operations::show;
use crate::query::{Id, query};
use crate::view::{Duplicates, List};

query!(ListCampaigns {
    status: CampaignStatus,
    occasion_type: Occasion
});
query!(CampaignPlan {
    id: CampaignId,
    occurrence: String,
    excluded: bool
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyCampaign {
    id: CampaignId,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecuteCampaign {
    id: CampaignId,
    test_mode: Option<bool>,
}

/// A batch of drafts. What the provider calls it and which worker holds it is not told.
#[derive(Debug, Serialize)]
struct DraftBatch {
    /// `batch_id` of the plan's lines in it.
    id: DraftBatchId,
    /// `planned`, `submitting`, `running` or `closed`.
    state: DraftBatchState,
    /// How many lines it was made of; once it is handed over, how many requests.
    requests: u32,
    /// How often the provider surely did not take it.
    attempt: u32,
    /// A moment before it was handed over.
    submitted_at: Option<DateTime<Utc>>,
    /// Not looked at before.
    due_at: DateTime<Utc>,
    /// Failed calls since the last one that brought an answer.
    failures: u32,
    /// Code of the last failure, until a call brings an answer.
    last_error: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was closed.
    closed_at: Option<DateTime<Utc>>,
}

impl DraftBatch {
    fn of(batch: draft_batch::DraftBatch) -> Self {
        Self {
            id: batch.id,
            state: batch.state,
            requests: batch.requests,
            attempt: batch.attempt,
            submitted_at: batch.submitted_at,
            due_at: batch.due_at,
            failures: batch.failures,
            last_error: batch.last_error,
            created_at: batch.created_at,
            closed_at: batch.closed_at,
        }
    }
}

/// Runs one of them.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
) -> Result<Value, Failure> {
    let session = call.session()?;
    let campaigns = session.campaigns();
    let campaign = match operation {
        "create_campaign" => campaigns.create(read::<CampaignFields>(input)?).await?,
        "copy_campaign" => {
            let CopyCampaign { id, name } = read(input)?;
            campaigns.copy(id, &name).await?
        }
        "execute_campaign" => {
            let ExecuteCampaign { id, test_mode } = read(input)?;
            campaigns.execute(id, test_mode.unwrap_or(false)).await?
        }
        "list_campaigns" => {
            let wanted: ListCampaigns = read(input)?;
            let query = CampaignQuery {
                page: wanted.page()?,
                statuses: wanted.status.into_iter().collect(),
                occasion: wanted.occasion_type,
                ..CampaignQuery::default()
            };
            return show(&List::of(campaigns.list(query).await?, |row| row));
        }
        "campaign_plan" => {
            let wanted: CampaignPlan = read(input)?;
            let query = PlanQuery {
                page: wanted.page()?,
                campaign_id: wanted.id.ok_or_else(|| Error::field("id", "is missing"))?,
                occurrence: wanted.occurrence,
                excluded: wanted.excluded,
                undrafted: false,
                batch: None,
            };
            return show(&List::of(campaigns.plan(query).await?, |row| row));
        }
        "campaign_batches" => {
            let found = campaigns.batches(read::<Id<_>>(input)?.id).await?;
            let batches = found.into_iter().map(DraftBatch::of);
            return show(&batches.collect::<Vec<_>>());
        }
        "campaign_duplicates" => {
            let found = campaigns.duplicates(read::<Id<_>>(input)?.id).await?;
            let groups = found.into_iter().map(|group| Duplicates {
                messages: group.messages,
                exact: group.exact,
            });
            return show(&groups.collect::<Vec<_>>());
        }
        _ => {
            let Id { id } = read(input)?;
            match operation {
                "get_campaign" => campaigns.get(id).await?,
                "pause_campaign" => campaigns.pause(id).await?,
                "resume_campaign" => campaigns.resume(id).await?,
                "cancel_campaign" => campaigns.cancel(id).await?,
                _ => return show(&campaigns.stats(id).await?),
            }
        }
    };
    show(&campaign)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use crm_core::Workspace;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_batch_looks_as_the_packages_declare_it() {
        let batch = draft_batch::DraftBatch::new(
            Workspace::default(),
            DraftBatchId(Uuid::from_u128(1)),
            CampaignId(Uuid::from_u128(2)),
            3,
            DateTime::UNIX_EPOCH,
        );
        let batch = batch
            .held("worker", DateTime::UNIX_EPOCH)
            .taken("msgbatch_SECRET", DateTime::UNIX_EPOCH);
        let shown = show(&DraftBatch::of(batch)).unwrap();
        assert!(!shown.to_string().contains("SECRET"));
        assert_eq!(shown["state"], "running");
        let types = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/crm_engine/types.py");
        let types = std::fs::read_to_string(types).unwrap();
        let declared = types.split("class DraftBatch(TypedDict):").nth(1).unwrap();
        let declared = declared.split("\nclass ").next().unwrap();
        let fields = declared.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("    ")?.split_once(": ")?;
            (!name.starts_with('#')).then_some(name)
        });
        let known: BTreeSet<&str> = shown
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(known, fields.collect());
    }
}
