//! Asking providers about attempts of which nobody knows how they ended, and finding those that may be sent again.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::PoisonError;

use chrono::{DateTime, Duration, Utc};
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};

use super::Worker;
use crate::actor::{Actor, Workspace};
use crate::error::Result;
use crate::id::AttemptId;
use crate::message::{Attempt, AttemptOutcome, Message, Status, dispatch};
use crate::port::callback::{Doubt, LookUp};
use crate::port::channel::{Channel, Outcome};
use crate::port::store::{MessageQuery, PageRequest};

/// How long after the doubt a provider is asked: lists fill late, and people look after a day themselves.
const AGES: [Duration; 7] = [
    Duration::seconds(10),
    Duration::minutes(1),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(8),
    Duration::hours(24),
];
/// How often the list of doubts is read.
const LIST_EVERY: Duration = Duration::seconds(5);
/// Doubts asked about at once. A provider's rate is for deliveries.
const AT_ONCE: usize = 4;
/// Messages of one page.
const PAGE: u32 = 500;

/// When the doubts of a workspace were listed, and how old each was when its provider was last asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    listed: BTreeMap<Workspace, DateTime<Utc>>,
    ages: BTreeMap<AttemptId, Duration>,
}

impl Asked {
    /// Whether it is time to ask about a doubt of this age. A worker that just started asks once.
    fn is_due(&self, attempt: AttemptId, age: Duration) -> bool {
        let last = self.ages.get(&attempt).copied().unwrap_or_default();
        AGES.iter().any(|at| last < *at && *at <= age)
    }
}

impl Worker {
    /// Asks about what is due, and notes what may be sent again; how many messages were settled.
    pub(super) async fn look_up(&self, workspace: &Workspace) -> Result<u64> {
        let channels = self.engine.channels().values();
        let able = channels.into_iter().any(|channel| {
            let capabilities = channel.capabilities();
            capabilities.look_up || capabilities.idempotent
        });
        if !able || !self.lists_now(workspace) {
            return Ok(0);
        }
        let now = self.time().await?;
        self.forget_repeats(workspace);
        let mut settled = 0;
        let mut known = Vec::new();
        let mut after = None;
        loop {
            let query = MessageQuery {
                statuses: vec![Status::Uncertain],
                page: PageRequest {
                    limit: PAGE,
                    after,
                    oldest_first: true,
                    ..PageRequest::default()
                },
                ..MessageQuery::default()
            };
            let page = self.engine.store().messages(workspace, query).await?;
            let ids: Vec<_> = page.items.iter().map(|message| message.id).collect();
            let views = self.engine.store().dispatch(workspace, &ids).await?;
            let mut due = Vec::new();
            for view in views {
                self.note_repeat(&view, now);
                let Some(attempt) = view.attempt else {
                    continue;
                };
                known.push(attempt.id);
                if self.is_due(&attempt) {
                    due.push((view.message, attempt));
                }
            }
            settled += self.ask(workspace, due).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.forget(&known);
        Ok(settled)
    }

    /// Asks about each; how many were settled.
    async fn ask(&self, workspace: &Workspace, due: Vec<(Message, Attempt)>) -> Result<u64> {
        let answers: Vec<_> = stream::iter(due)
            .map(|(message, attempt)| async move {
                let channel = self.engine.channels().get(&message.channel)?;
                let outcome = answer(&**channel, &message, &attempt).await?;
                Some((message, attempt, outcome))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let actor = Actor::system(workspace.clone());
        let policy = self.engine.policy().retry;
        let mut sets = Vec::with_capacity(answers.len());
        for (message, attempt, outcome) in &answers {
            let stamp = self.stamp(&actor);
            sets.push(dispatch::record(message, attempt, outcome, policy, &stamp)?.1);
        }
        // A receipt or a person may have settled it meanwhile.
        self.commit(sets).await
    }

    fn lists_now(&self, workspace: &Workspace) -> bool {
        let now = self.engine.now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.listed.get(workspace);
        let now_again = last.is_none_or(|last| now - *last >= LIST_EVERY || now < *last);
        if now_again {
            asked.listed.insert(workspace.clone(), now);
        }
        now_again
    }

    /// Whether the provider of this attempt is to be asked now; that it is gets noted.
    fn is_due(&self, attempt: &Attempt) -> bool {
        let (Some(since), Some(AttemptOutcome::Unknown)) = (attempt.finished_at, attempt.outcome)
        else {
            return false;
        };
        let age = self.engine.now() - since;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = asked.is_due(attempt.id, age);
        if due {
            asked.ages.insert(attempt.id, age);
        }
        due
    }

    /// Keeps what is still in doubt.
    fn forget(&self, known: &[AttemptId]) {
        let known: std::collections::BTreeSet<_> = known.iter().collect();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.ages.retain(|attempt, _| known.contains(attempt));
    }
}

/// What the provider says, as the answer that it would have been; `None` when it cannot tell, or not in time.
async fn answer(channel: &dyn Channel, message: &Message, attempt: &Attempt) -> Option<Outcome> {
    let capabilities = channel.capabilities();
    if !capabilities.look_up {
        return None;
    }
    let doubt = Doubt {
        attempt_id: attempt.id,
        started_at: attempt.started_at,
        recipient: message.recipient.clone(),
        subject: message.revision.subject.clone(),
        content: message.revision.content.clone(),
    };
    let call = AssertUnwindSafe(channel.look_up(&doubt)).catch_unwind();
    match tokio::time::timeout(capabilities.timeout, call).await {
        Ok(Ok(LookUp::Taken { provider_id })) => Some(Outcome::Accepted { provider_id }),
        Ok(Ok(LookUp::NotTaken)) => Some(Outcome::Rejected {
            reason: "not_taken".to_owned(),
        }),
        Ok(Ok(LookUp::Unknown { .. }) | Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ids::nth;

    #[test]
    fn a_provider_is_asked_at_these_ages_and_not_between() {
        let mut asked = Asked::default();
        let attempt = AttemptId(nth(1));
        let mut at = Vec::new();
        for second in 0..100_000 {
            let age = Duration::seconds(second);
            if asked.is_due(attempt, age) {
                asked.ages.insert(attempt, age);
                at.push(second);
            }
        }
        assert_eq!(at, [10, 60, 300, 1_800, 7_200, 28_800, 86_400]);
        // After a restart: once, whatever the age.
        let asked = Asked::default();
        assert!(asked.is_due(attempt, Duration::days(9)));
        assert!(!asked.is_due(attempt, Duration::seconds(9)));
    }
}
