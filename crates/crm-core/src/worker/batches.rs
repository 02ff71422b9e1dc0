//! Drafting in batches: lines of a plan are gathered, handed over in one job of a provider, and what comes back is
//! stored. Each step is written before and after it is taken (see [`draft_batch`](crate::draft_batch)), so a crash
//! anywhere neither hands lines over twice nor loses a draft.
//!
//! What a batch brings no text for (refused, cut off, expired, no room in a budget) is drafted one by one
//! afterwards, as any other line, and then the batch is closed.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::Worker;
use super::line::{Line, Texts};
use crate::actor::{Actor, Workspace};
use crate::budget::LedgerEntry;
use crate::campaign::{Campaign, CampaignStatus, Drafting, WhenUnavailable};
use crate::change::{Change, ChangeSet};
use crate::draft_batch::{DraftBatch, DraftBatchState};
use crate::engine::Purpose;
use crate::error::{ErrorKind, Result};
use crate::generation::Prompt;
use crate::id::DraftBatchId;
use crate::port::llm::LlmFailure;
use crate::port::llm_batch::{
    BatchPhase, BatchRequest, Created, Found, LlmBatch, Lost, RequestId, SubmitError,
};
use crate::port::store::{CampaignQuery, DraftBatchQuery, PageRequest, PlanQuery};

/// Lines of one batch at most: what is reserved and stored at once stays small.
const LINES: u32 = 1_000;
/// Batches taken a step on in one round.
const STEPS: u32 = 20;
/// How long a worker holds a batch: longer than a provider is waited for and a thousand texts are stored.
const LEASE: Duration = Duration::minutes(15);
/// How long a reservation of a line stays open: providers answer within a day, and tell of it for weeks.
const OPEN: Duration = Duration::days(3);

/// A batch that this worker holds.
pub(super) struct Held<'a> {
    pub(super) provider: &'a dyn LlmBatch,
    pub(super) batch: DraftBatch,
    /// `None` when it is gone.
    pub(super) campaign: Option<Campaign>,
}

impl Held<'_> {
    /// The campaign, while its messages are wanted.
    pub(super) fn wanted(&self) -> Option<&Campaign> {
        let open = |campaign: &&Campaign| {
            matches!(
                campaign.status,
                CampaignStatus::Active | CampaignStatus::Paused
            )
        };
        self.campaign.as_ref().filter(open)
    }

    fn is_paused(&self) -> bool {
        self.campaign
            .as_ref()
            .is_some_and(|campaign| campaign.status == CampaignStatus::Paused)
    }
}

impl Worker {
    /// Whether the campaign's texts come in batches.
    pub(super) fn by_batch(&self, campaign: &Campaign) -> bool {
        let fields = &campaign.fields;
        fields.drafting == Drafting::Batch
            && fields.asks_model()
            && self.engine.llm_batch().is_some()
    }

    /// Gathers lines and takes each batch that is due a step on. How much was done.
    pub(super) async fn batches(&self, workspace: &Workspace) -> Result<u64> {
        let Some(provider) = self.engine.llm_batch() else {
            return Ok(0);
        };
        let mut done = 0;
        for campaign in self.campaigns(workspace, CampaignStatus::Active).await? {
            if self.by_batch(&campaign) {
                let gathered = self.gather(provider.as_ref(), &campaign).await;
                done += Self::carry_on(&campaign, gathered)?;
            }
        }
        let now = self.time().await?;
        let query = DraftBatchQuery {
            due_before: Some(now),
            limit: STEPS,
            ..DraftBatchQuery::default()
        };
        let due = self.engine.store().draft_batches(workspace, query).await?;
        for batch in due.into_iter().filter(|batch| batch.is_due(now)) {
            let id = batch.id;
            match self.take_on(provider.as_ref(), batch, now).await {
                Ok(taken) => done += u64::from(taken),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                // Its lease ends, and it is tried again.
                Err(error) => tracing::warn!(batch = %id, kind = error.kind().code(),
                    "a batch of drafts could not go on"),
            }
        }
        Ok(done)
    }

    /// Whether a batch of the campaign is not closed.
    pub(super) async fn has_open_batch(&self, campaign: &Campaign) -> Result<bool> {
        let query = DraftBatchQuery {
            campaign_id: Some(campaign.id),
            open: true,
            limit: 1,
            ..DraftBatchQuery::default()
        };
        let store = self.engine.store();
        let open = store.draft_batches(&campaign.workspace, query).await?;
        Ok(!open.is_empty())
    }

    /// Makes a batch of lines that nobody drafts, once there are enough or all are planned.
    async fn gather(&self, provider: &dyn LlmBatch, campaign: &Campaign) -> Result<u64> {
        let most = u32::try_from(provider.limits().requests).unwrap_or(LINES);
        let limit = most.clamp(1, LINES);
        let workspace = &campaign.workspace;
        let lines = self.undrafted(workspace, campaign.id, limit, None).await?;
        let count = u32::try_from(lines.items.len()).unwrap_or(limit);
        if count == 0 || (count < limit && !campaign.planned) {
            return Ok(0);
        }
        let id = DraftBatchId(self.engine.ids().next());
        let now = self.time().await?;
        let batch = DraftBatch::new(workspace.clone(), id, campaign.id, count, now);
        let mut set = ChangeSet::new(workspace.clone());
        set.push(Change::InsertDraftBatch(Box::new(batch)));
        for mut row in lines.items {
            row.batch_id = Some(id);
            set.push(Change::UpdatePlanRow(row));
        }
        // Of two who gather the same lines one is refused: the campaign has moved on.
        let mark = self.update(workspace, campaign, "drafts_gathered", |_| {});
        set.absorb(mark);
        self.commit(vec![set]).await
    }

    /// Takes the lease and goes one step on; whether it was still there to be taken.
    async fn take_on(
        &self,
        provider: &dyn LlmBatch,
        batch: DraftBatch,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let held = batch.held(&self.options.name, now + LEASE).next();
        let mut set = ChangeSet::new(held.workspace.clone());
        set.push(Change::UpdateDraftBatch(Box::new(held.clone())));
        if self.commit(vec![set]).await? == 0 {
            return Ok(false);
        }
        let query = CampaignQuery {
            ids: vec![held.campaign_id],
            ..CampaignQuery::default()
        };
        let campaigns = self
            .engine
            .store()
            .campaigns(&held.workspace, query)
            .await?;
        let held = Held {
            provider,
            batch: held,
            campaign: campaigns.items.into_iter().next(),
        };
        let after = match held.batch.state {
            DraftBatchState::Planned => self.hand_over(held).await?,
            DraftBatchState::Submitting => self.search(&held).await?,
            DraftBatchState::Running => self.look_after(held).await?,
            DraftBatchState::Closed => held.batch.released(),
        };
        self.write_batch(after).await?;
        Ok(true)
    }

    /// Takes back the leases of a worker that cannot be alive.
    pub(super) async fn release_batches(&self, workspace: &Workspace) -> Result<()> {
        if self.engine.llm_batch().is_none() {
            return Ok(());
        }
        let query = DraftBatchQuery {
            open: true,
            limit: 1_000,
            ..DraftBatchQuery::default()
        };
        let open = self.engine.store().draft_batches(workspace, query).await?;
        let held = open.into_iter().filter(|batch| batch.lease_until.is_some());
        let sets = held.map(|batch| {
            let mut set = ChangeSet::new(workspace.clone());
            let batch = batch.released().next();
            set.push(Change::UpdateDraftBatch(Box::new(batch)));
            set
        });
        self.commit(sets.collect()).await.map(drop)
    }

    /// Writes the batch one version later.
    ///
    /// # Errors
    /// `Conflict` when the lease was lost.
    pub(super) async fn write_batch(&self, batch: DraftBatch) -> Result<DraftBatch> {
        let batch = batch.next();
        let mut set = ChangeSet::new(batch.workspace.clone());
        set.push(Change::UpdateDraftBatch(Box::new(batch.clone())));
        self.engine.commit_one(set).await?;
        Ok(batch)
    }

    /// The lines of the batch that have no message yet.
    pub(super) async fn lines_of(&self, batch: &DraftBatch) -> Result<Vec<Line>> {
        let query = PlanQuery {
            campaign_id: batch.campaign_id,
            occurrence: None,
            excluded: Some(false),
            undrafted: false,
            batch: Some(batch.id),
            page: PageRequest {
                limit: LINES,
                oldest_first: true,
                ..PageRequest::default()
            },
        };
        let rows = self.engine.store().plan(&batch.workspace, query).await?;
        let ids: BTreeSet<_> = rows.items.iter().map(|row| row.contact_id).collect();
        let people = self.people(&batch.workspace, ids).await?;
        let lines = rows.items.into_iter().map(|row| Line {
            contact: people.get(&row.contact_id).cloned(),
            row,
        });
        Ok(lines.collect())
    }

    /// Hands a planned batch over.
    async fn hand_over(&self, held: Held<'_>) -> Result<DraftBatch> {
        let now = self.time().await?;
        let Some(campaign) = held.wanted() else {
            return Ok(held.batch.closed(now));
        };
        if held.is_paused() {
            return Ok(held.batch.looked_at(now));
        }
        let texts = self.texts(&campaign.workspace, campaign).await?;
        let mut prompts = Vec::new();
        for line in self.lines_of(&held.batch).await? {
            if let Some(prompt) = self.prompt_of(campaign, &line, &texts)? {
                prompts.push((line, prompt));
            }
        }
        let requests = self.reserve_lines(&held, prompts).await?;
        let mut batch = held.batch.submitting(now);
        batch.requests = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        batch.prompt_version = Some(crate::generation::prompt_version(texts.voice()));
        if requests.is_empty() {
            return self.draft_rest(&held, &texts).await;
        }
        // From here on the provider may have it.
        let batch = self.write_batch(batch).await?;
        let marker = batch.marker()?;
        match held.provider.submit(&marker, &requests).await {
            Ok(taken) => Ok(batch.taken(&taken.id, self.time().await?)),
            Err(refused) => {
                let held = Held { batch, ..held };
                self.not_taken(held, refused, &requests, &texts).await
            }
        }
    }

    /// What follows when the provider did not answer with a batch.
    async fn not_taken(
        &self,
        held: Held<'_>,
        refused: SubmitError,
        requests: &[BatchRequest],
        texts: &Texts,
    ) -> Result<DraftBatch> {
        let now = self.time().await?;
        let failure = &refused.error.failure;
        let wait = asked(failure);
        if refused.created == Created::Unknown {
            return Ok(held.batch.failed(failure.code(), wait, now));
        }
        let ids = requests.iter().map(|request| request.id.as_str());
        let ids: Vec<&str> = ids.collect();
        self.release_lines(&held.batch, &ids, failure.code())
            .await?;
        let falls_back = held
            .wanted()
            .is_some_and(|it| it.fields.when_unavailable == WhenUnavailable::Fallback);
        if refused.request.is_some() || (falls_back && !refused.error.may_retry()) {
            // One by one: the one that is to blame ends by itself, and the others are written all the same.
            return self.draft_rest(&held, texts).await;
        }
        Ok(held.batch.refused(failure.code(), wait, now))
    }

    /// Looks for a batch whose submission was not answered.
    async fn search(&self, held: &Held<'_>) -> Result<DraftBatch> {
        let batch = &held.batch;
        let lost = Lost {
            marker: batch.marker()?,
            requests: usize::try_from(batch.requests).unwrap_or(usize::MAX),
            since: batch.submitted_at.unwrap_or(batch.created_at),
        };
        let found = held.provider.find(&lost).await;
        let now = self.time().await?;
        Ok(match found {
            Ok(Found::Batch(found)) => batch.taken(&found.id, now),
            Ok(Found::Absent) => {
                self.release_open(batch, "not_begun").await?;
                let soon = Some(std::time::Duration::from_secs(1));
                batch.refused("lost", soon, now)
            }
            Ok(Found::Undecided { until }) => batch.undecided(until, now),
            Err(error) => batch.failed(error.failure.code(), asked(&error.failure), now),
        })
    }

    /// Looks how far a running batch is, and takes in what it brought.
    async fn look_after(&self, held: Held<'_>) -> Result<DraftBatch> {
        let batch = &held.batch;
        let id = batch.provider_id.as_deref().unwrap_or_default();
        let state = match held.wanted() {
            Some(_) => held.provider.poll(id).await,
            // Nothing more of it is wanted.
            None => held.provider.cancel(id).await,
        };
        let now = self.time().await?;
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                let code = error.failure.code();
                return Ok(batch.failed(code, asked(&error.failure), now));
            }
        };
        // What a paused campaign gets is kept for it by the provider, for weeks.
        if state.phase != BatchPhase::Ended || held.is_paused() {
            return Ok(batch.looked_at(now));
        }
        if let Err(error) = self.take_in(&held).await? {
            let now = self.time().await?;
            return Ok(batch.failed(error.failure.code(), asked(&error.failure), now));
        }
        let Some(campaign) = held.wanted() else {
            return Ok(batch.closed(self.time().await?));
        };
        let texts = self.texts(&campaign.workspace, campaign).await?;
        self.draft_rest(&held, &texts).await
    }

    /// Reserves what each line can cost and makes its request. What there is no room for is left out, and drafted
    /// one by one later, when there may be.
    async fn reserve_lines(
        &self,
        held: &Held<'_>,
        prompts: Vec<(Line, Prompt)>,
    ) -> Result<Vec<BatchRequest>> {
        let mut entries = Vec::with_capacity(prompts.len());
        let mut requests = Vec::with_capacity(prompts.len());
        let model = held.provider.model();
        let expires_at = self.time().await? + OPEN;
        for (line, prompt) in prompts {
            let worst = held.provider.worst_cost(&prompt.request).ok();
            let entry = self.entry(held, &line, model.clone(), worst, expires_at);
            let id = RequestId::new(entry.id.to_string())?;
            entries.push(entry);
            let request = prompt.request;
            requests.push(BatchRequest { id, request });
        }
        let reserved = self.engine.reserve_batch(entries).await?;
        let kept = requests.into_iter().zip(reserved);
        Ok(kept
            .filter_map(|(request, is_reserved)| is_reserved.then_some(request))
            .collect())
    }

    fn entry(
        &self,
        held: &Held<'_>,
        line: &Line,
        model: String,
        worst: Option<u64>,
        expires_at: DateTime<Utc>,
    ) -> LedgerEntry {
        let actor = Actor::system(held.batch.workspace.clone());
        let purpose = Purpose {
            actor: &actor,
            campaign: Some(held.batch.campaign_id),
            key: Some(line.key()),
        };
        LedgerEntry {
            id: held.batch.entry_of(&line.row),
            batch: true,
            ..self.engine.entry(model, &purpose, worst, expires_at)
        }
    }
}

/// How long the provider asked to wait.
pub(super) fn asked(failure: &LlmFailure) -> Option<std::time::Duration> {
    match failure {
        LlmFailure::Unavailable { retry_after_s, .. } => {
            retry_after_s.map(std::time::Duration::from_secs)
        }
        _ => None,
    }
}
