//! Decisions about many messages: a preview, then exactly what was previewed.

use crm_core::Error;
use crm_core::engine::{BulkAction, BulkFinding};
use crm_core::guardrail::Severity;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{Digest, GeneratedBy, Occasion, Status};
use crm_core::port::store::MessageQuery;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::{read, search};
use crate::operations::show;
use crate::view::Message;

/// Which messages; all conditions hold together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    ids: Option<Vec<MessageId>>,
    status: Option<Status>,
    occasion_type: Option<Occasion>,
    contact_id: Option<ContactId>,
    campaign_id: Option<CampaignId>,
    generated_by: Option<GeneratedBy>,
    search: Option<String>,
    severity: Option<Severity>,
}

/// Most messages that are named one by one.
const MANY: usize = 10_000;

impl Selection {
    /// An empty list of ids is refused: to the engine it would be no condition, and so everything.
    fn query(self) -> Result<MessageQuery, Error> {
        let which = self;
        let mut ids = which.ids;
        if let Some(ids) = &mut ids {
            if !(1..=MANY).contains(&ids.len()) {
                return Err(Error::field("which.ids", "give 1 to 10,000 ids"));
            }
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(MessageQuery {
            ids: ids.unwrap_or_default(),
            statuses: which.status.into_iter().collect(),
            occasion: which.occasion_type,
            contact_id: which.contact_id,
            campaign_id: which.campaign_id,
            generated_by: which.generated_by,
            search: search("which.search", which.search)?,
            severity: which.severity,
            ..MessageQuery::default()
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preview {
    action: BulkAction,
    which: Selection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    action: BulkAction,
    which: Selection,
    manifest: Option<Digest>,
    reason: Option<String>,
}

/// What a decision would touch.
#[derive(Serialize)]
struct BulkPreview {
    count: u64,
    blocked: u64,
    findings: Vec<BulkFinding>,
    manifest: Digest,
    sample: Vec<Message>,
}

pub(crate) async fn preview(call: &Call<'_>, input: &str) -> Result<Value, Failure> {
    let Preview { action, which } = read(input)?;
    let session = call.session()?;
    let found = session.approvals().preview(action, which.query()?).await?;
    let role = call.actor().role;
    let sample = found.sample.into_iter();
    show(&BulkPreview {
        count: found.count,
        blocked: found.blocked,
        findings: found.findings,
        manifest: found.manifest,
        sample: sample.map(|row| Message::of(row, role)).collect(),
    })
}

pub(crate) async fn decide(call: &Call<'_>, input: &str) -> Result<Value, Failure> {
    let wanted: Decide = read(input)?;
    let session = call.session()?;
    let approvals = session.approvals();
    let (which, manifest) = (wanted.which.query()?, wanted.manifest);
    let done = approvals.bulk(wanted.action, which, manifest, wanted.reason);
    show(&done.await?)
}
