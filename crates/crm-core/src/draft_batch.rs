//! Batches of drafts: lines of a plan whose texts are written in one job of the provider, cheaper and later.
//!
//! A provider's batch interface knows no idempotency key (see [`llm_batch`](crate::port::llm_batch)), so each step
//! is stored before and after it is taken. A row is `planned` once its lines are chosen, `submitting` from before
//! the provider is called until it is known what became of the call, `running` once the provider's id is stored,
//! and `closed` when every line has a message or a reason to have none. Whoever works on it holds a lease, and each
//! write needs the version that it read: one that lost its lease moves nothing.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Workspace;
use crate::campaign::PlanRow;
use crate::id::{self, CampaignId, DraftBatchId, LedgerId};
use crate::port::llm_batch::BatchMarker;

/// How long after each failure in a row the next try waits, in seconds. The last one stays.
const WAITS: [i64; 5] = [30, 120, 600, 1_800, 3_600];
/// How long after it was handed over, and after each look, the next look follows, in seconds.
const LOOK: i64 = 45;
/// Longest code of an error that is kept, in characters.
const LONGEST_ERROR: usize = 200;

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftBatchState {
    /// Its lines are chosen. The provider surely has no batch of it.
    Planned,
    /// It is being handed over, or was and the answer was lost: only a search tells whether the provider has it.
    Submitting,
    /// The provider has it, under the stored id.
    Running,
    /// Every line has a message or a reason to have none.
    Closed,
}

impl DraftBatchState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Planned, Self::Submitting, Self::Running, Self::Closed];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Submitting => "submitting",
            Self::Running => "running",
            Self::Closed => "closed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A batch of drafts as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftBatch {
    /// Tenant.
    pub workspace: Workspace,
    /// Id; grows with time.
    pub id: DraftBatchId,
    /// Grows by one with each change.
    pub version: u64,
    /// The campaign whose lines it drafts.
    pub campaign_id: CampaignId,
    /// How many lines it was made of; once it is handed over, how many requests.
    pub requests: u32,
    /// How far it is.
    pub state: DraftBatchState,
    /// The provider's id, once it is known.
    pub provider_id: Option<String>,
    /// How often the provider surely did not take it.
    pub attempt: u32,
    /// The rules and the voice its requests were made under; see
    /// [`prompt_version`](crate::generation::prompt_version).
    pub prompt_version: Option<String>,
    /// A moment before it was handed over for the first time, since it was last refused.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Not looked at before.
    pub due_at: DateTime<Utc>,
    /// Failed calls since the last one that brought an answer.
    pub failures: u32,
    /// Code of the last failure, until a call brings an answer.
    pub last_error: Option<String>,
    /// The worker that works on it now.
    pub lease_owner: Option<String>,
    /// When others may work on it, whatever that worker does.
    pub lease_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// How many of 62 letters and digits hold 128 bits.
const SIGNS: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl DraftBatch {
    /// A new one of so many lines.
    #[must_use]
    pub const fn new(
        workspace: Workspace,
        id: DraftBatchId,
        campaign_id: CampaignId,
        requests: u32,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            workspace,
            id,
            version: 1,
            campaign_id,
            requests,
            state: DraftBatchState::Planned,
            provider_id: None,
            attempt: 0,
            prompt_version: None,
            submitted_at: None,
            due_at: now,
            failures: 0,
            last_error: None,
            lease_owner: None,
            lease_until: None,
            created_at: now,
            closed_at: None,
        }
    }

    /// What tells its submission from all others, made of its id.
    ///
    /// # Errors
    /// None: 22 letters and digits are a marker.
    pub fn marker(&self) -> crate::error::Result<BatchMarker> {
        let mut rest = self.id.0.as_u128();
        let mut signs = ['0'; SIGNS];
        for sign in signs.iter_mut().rev() {
            let at = usize::try_from(rest % 62).unwrap_or(0);
            *sign = ALPHABET.get(at).copied().map_or('0', char::from);
            rest /= 62;
        }
        BatchMarker::new(String::from_iter(signs))
    }

    /// The entry of the usage ledger for a line, which is also the provider's id of its request. Each time the batch
    /// is handed over anew it has others.
    #[must_use]
    pub fn entry_of(&self, line: &PlanRow) -> LedgerId {
        let batch = self.id.to_string();
        let attempt = self.attempt.to_string();
        let contact = line.contact_id.to_string();
        let names = [batch.as_str(), &attempt, &line.occurrence, &contact];
        LedgerId(id::derived("crm/draft-batch/line/v1", &names))
    }

    /// Whether somebody who holds no lease yet may work on it now.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let free = self.lease_until.is_none_or(|until| until <= now);
        free && self.closed_at.is_none() && self.due_at <= now
    }

    /// The same, held by `owner` until `until`.
    #[must_use]
    pub fn held(&self, owner: &str, until: DateTime<Utc>) -> Self {
        Self {
            lease_owner: Some(owner.to_owned()),
            lease_until: Some(until),
            ..self.clone()
        }
    }

    /// The same, held by nobody.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            lease_owner: None,
            lease_until: None,
            ..self.clone()
        }
    }

    /// The same, about to be handed over. The lease stays.
    #[must_use]
    pub fn submitting(&self, now: DateTime<Utc>) -> Self {
        Self {
            state: DraftBatchState::Submitting,
            submitted_at: self.submitted_at.or(Some(now)),
            ..self.clone()
        }
    }

    /// The same, taken by the provider under this id. Held by nobody.
    #[must_use]
    pub fn taken(&self, provider_id: &str, now: DateTime<Utc>) -> Self {
        Self {
            state: DraftBatchState::Running,
            provider_id: Some(provider_id.to_owned()),
            ..self.looked_at(now)
        }
    }

    /// The same, surely not taken, for this reason: it is handed over again later. Held by nobody.
    #[must_use]
    pub fn refused(
        &self,
        reason: &str,
        asked: Option<std::time::Duration>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            state: DraftBatchState::Planned,
            attempt: self.attempt.saturating_add(1),
            submitted_at: None,
            ..self.failed(reason, asked, now)
        }
    }

    /// The same after a call that brought no answer; the state stays. Held by nobody.
    #[must_use]
    pub fn failed(
        &self,
        reason: &str,
        asked: Option<std::time::Duration>,
        now: DateTime<Utc>,
    ) -> Self {
        let failures = self.failures.saturating_add(1);
        let longest = WAITS.last().copied().unwrap_or(LOOK);
        let asked = asked.map(|wait| Duration::from_std(wait).unwrap_or(Duration::days(1)));
        let wait = asked.unwrap_or_else(|| {
            let at = usize::try_from(failures - 1).unwrap_or(usize::MAX);
            Duration::seconds(WAITS.get(at).copied().unwrap_or(longest))
        });
        Self {
            failures,
            last_error: Some(code(reason)),
            due_at: now + wait.clamp(Duration::seconds(1), Duration::days(1)),
            ..self.released()
        }
    }

    /// The same, to be looked at again at `until`, or after the usual pause if that is earlier than now. Held by
    /// nobody.
    #[must_use]
    pub fn undecided(&self, until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let looked = self.looked_at(now);
        Self {
            due_at: until.min(looked.due_at).max(now + Duration::seconds(1)),
            ..looked
        }
    }

    /// The same after a look that found it under way. Held by nobody.
    #[must_use]
    pub fn looked_at(&self, now: DateTime<Utc>) -> Self {
        Self {
            failures: 0,
            last_error: None,
            due_at: now + Duration::seconds(LOOK),
            ..self.released()
        }
    }

    /// The same with nothing left to do. Held by nobody.
    #[must_use]
    pub fn closed(&self, now: DateTime<Utc>) -> Self {
        Self {
            state: DraftBatchState::Closed,
            closed_at: Some(now),
            ..self.looked_at(now)
        }
    }

    /// The same, one version later: how it is written.
    #[must_use]
    pub(crate) const fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}

/// A reason as it is kept: on one line, and short.
fn code(reason: &str) -> String {
    let text = reason.chars().filter(|c| !c.is_control());
    text.take(LONGEST_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    fn row(id: u128) -> DraftBatch {
        let campaign = CampaignId(Uuid::from_u128(7));
        let id = DraftBatchId(Uuid::from_u128(id));
        DraftBatch::new(Workspace::default(), id, campaign, 3, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn each_batch_has_a_marker_of_its_own() {
        let ids = [0, 1, 61, 62, u128::MAX - 1, u128::MAX, 1 << 127];
        let markers: BTreeSet<String> = ids
            .iter()
            .map(|id| row(*id).marker().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(markers.len(), ids.len());
        assert!(markers.iter().all(|marker| marker.len() == SIGNS));
        assert_eq!(row(62).marker().unwrap().as_str(), "0000000000000000000010");
    }

    #[test]
    fn a_batch_that_was_refused_is_handed_over_later_and_later() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut waits = Vec::new();
        let mut batch = row(1);
        for _ in 0..6 {
            batch = batch
                .held("w", now)
                .submitting(now)
                .refused("overloaded", None, now);
            assert_eq!(batch.state, DraftBatchState::Planned);
            assert_eq!((batch.submitted_at, batch.lease_until), (None, None));
            waits.push((batch.due_at - now).num_seconds());
            assert!(!batch.is_due(now) && batch.is_due(batch.due_at));
            now = batch.due_at;
        }
        assert_eq!(waits, [30, 120, 600, 1_800, 3_600, 3_600]);
        let asked = Some(std::time::Duration::from_secs(77));
        let asked = batch.refused("rate_limit", asked, now);
        assert_eq!((asked.due_at - now).num_seconds(), 77);
        let taken = asked.submitting(now).taken("b-1", now);
        assert_eq!((taken.failures, taken.last_error), (0, None));
    }

    #[test]
    fn a_lost_answer_keeps_the_first_moment_it_may_have_left() {
        let first = DateTime::UNIX_EPOCH;
        let later = first + Duration::minutes(3);
        let lost = row(1).submitting(first).failed("timeout", None, first);
        assert_eq!(lost.state, DraftBatchState::Submitting);
        let again = lost.submitting(later);
        assert_eq!(again.submitted_at, Some(first));
        let soon = again.undecided(later + Duration::seconds(5), later);
        assert_eq!((soon.due_at - later).num_seconds(), 5);
        let long = again.undecided(later + Duration::hours(5), later);
        assert_eq!((long.due_at - later).num_seconds(), LOOK);
        let past = again.undecided(first, later);
        assert_eq!((past.due_at - later).num_seconds(), 1);
    }

    #[test]
    fn a_held_or_closed_batch_is_nobody_elses() {
        let now = DateTime::UNIX_EPOCH;
        let until = now + Duration::seconds(9);
        let held = row(1).held("w", until);
        assert!(!held.is_due(now) && held.is_due(until));
        assert!(!row(1).closed(now).is_due(now + Duration::days(9)));
    }
}
