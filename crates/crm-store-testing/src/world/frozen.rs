//! A second worker that freezes between any two steps of the delivery protocol and wakes up late.

use chrono::Duration;
use crm_core::Actor;
use crm_core::message::dispatch::{self, RetryPolicy};
use crm_core::message::{Approved, Attempt, Status};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::Claim;
use crm_core::stamp::Stamp;
use crm_core::testing::fixtures;

use super::World;

/// A delivery whose worker is frozen.
pub(super) struct Frozen {
    attempt: Attempt,
    proof: Approved,
    taken: bool,
}

impl World {
    pub(super) async fn claim(&mut self) -> String {
        let claim = Claim {
            workspace: self.workspace.clone(),
            worker: "frozen".to_owned(),
            limit: 1,
            now: self.engine.now(),
            lease: Duration::minutes(2),
            parked: Vec::new(),
            ids: self.ids.clone(),
        };
        let claimed = self.engine.store().claim(claim).await.unwrap();
        self.claimed
            .extend(claimed.iter().map(|message| message.id));
        format!("{claimed:?}")
    }

    pub(super) async fn begin(&mut self, taken: bool) -> String {
        if self.claimed.is_empty() {
            return String::new();
        }
        let id = self.claimed.remove(0);
        let (store, workspace) = (self.engine.store(), self.workspace.clone());
        let views = store.dispatch(&workspace, &[id]).await.unwrap();
        let (actor, ids, at) = (
            Actor::system(workspace),
            self.ids.clone(),
            self.engine.now(),
        );
        let stamp = Stamp {
            actor: &actor,
            at,
            ids: ids.as_ref(),
        };
        let begun = match dispatch::begin(&views[0], fixtures::desk("frozen"), &stamp) {
            Ok(begun) => begun,
            Err(error) => return format!("{error:?}"),
        };
        let done = store.commit(vec![begun.changes]).await.unwrap();
        let answer = format!("{done:?} {:?}", begun.message);
        if let (Some((proof, attempt)), Ok(())) = (begun.delivery, &done[0]) {
            if taken {
                self.taken.push(proof.clone());
            }
            self.frozen.push(Frozen {
                attempt,
                proof,
                taken,
            });
        }
        answer
    }

    /// The first that froze tells what it knows, as a worker does: on fresh data.
    pub(super) async fn wake(&mut self, again: bool) -> String {
        if self.frozen.is_empty() {
            return String::new();
        }
        let frozen = self.frozen.remove(0);
        let outcome = if frozen.taken {
            Outcome::Accepted {
                provider_id: "late".to_owned(),
            }
        } else {
            Outcome::RetryAfter {
                scope: RetryScope::Message,
                at_least: std::time::Duration::ZERO,
                reason: "not_begun".to_owned(),
            }
        };
        let (store, workspace) = (self.engine.store(), self.workspace.clone());
        let actor = Actor::system(workspace.clone());
        let mut answer = String::new();
        for _ in 0..=usize::from(again) {
            let stamp = Stamp {
                actor: &actor,
                at: self.engine.now(),
                ids: self.ids.as_ref(),
            };
            let ids = [frozen.proof.message_id()];
            let views = store.dispatch(&workspace, &ids).await.unwrap();
            let view = &views[0];
            let same = view.attempt.clone().filter(|a| a.id == frozen.attempt.id);
            let attempt = same.unwrap_or_else(|| frozen.attempt.clone());
            let policy = RetryPolicy::default();
            let decided = dispatch::record(&view.message, &attempt, &outcome, policy, &stamp);
            let (after, set) = decided.unwrap();
            if attempt.epoch < view.message.epoch {
                assert_eq!(after, view.message, "a stale epoch moves nothing");
            }
            if view.message.status == Status::Sent {
                assert_eq!(after.status, Status::Sent, "sent stays sent");
            }
            answer += &format!("{:?} {after:?}", store.commit(vec![set]).await);
        }
        answer
    }
}
