//! The hold: what a store that lost its place refuses, and what ends that.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::claims::{claim, due, fill, take};
use super::kit::{S, commit, message_of, next_message, other_ws, put, set, told, ws};
use crate::actor::{Actor, Role, Workspace};
use crate::change::{ChangeSet, Precondition};
use crate::error::ErrorKind;
use crate::hold::Hold;
use crate::message::history::Subject;
use crate::message::{Message, Status};
use crate::port::store::{Claim, EventQuery, Store};
use crate::stamp::Stamp;
use crate::testing::SequentialIds;
use crate::testing::fixtures::{contact, message, noon};
use crate::testing::suite::{self, Case, Verdict, ensure, list, same};

/// A store that holds nothing, and the way to make it lose its place.
#[async_trait]
pub trait HoldHarness: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Makes the store find itself elsewhere than it has noted, as after a return to an older state; each
    /// time elsewhere than before.
    async fn lose_place(&self);
}

type H = Arc<dyn HoldHarness>;

/// All cases of the hold. A store that cannot go back to an older state need not run them.
#[must_use]
pub fn hold_cases() -> Vec<Case<H>> {
    list![
        a_new_store_is_not_on_hold,
        nothing_is_claimed_while_on_hold,
        nothing_is_begun_while_on_hold,
        everything_else_goes_on_while_on_hold,
        another_hold_is_not_lifted,
        what_is_lifted_is_over_and_written_down,
        a_refused_set_leaves_the_hold,
    ]
}

/// Runs all cases of the hold, each with a new store.
pub async fn run_holds<F, Fut>(make: F) -> crate::testing::Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = H>,
{
    suite::run_all(hold_cases(), make).await
}

async fn hold(store: &S) -> Result<Hold, String> {
    let hold = store.hold().await.map_err(told)?;
    hold.ok_or_else(|| "the store is not on hold".to_owned())
}

async fn is_free(store: &S) -> Verdict {
    same(store.hold().await.map_err(told)?, None, "hold")
}

async fn refused(store: &S, workspace: Workspace) -> Verdict {
    let claim = Claim {
        workspace,
        ..claim(9)
    };
    match store.claim(claim).await {
        Ok(taken) => Err(format!("{} messages were claimed while on hold", taken.len()).into()),
        Err(error) => same(error.kind(), ErrorKind::OnHold, "kind of refusal"),
    }
}

/// What an acknowledgement writes.
fn acknowledged(workspace: Workspace, number: u64) -> ChangeSet {
    let actor = Actor::new(workspace.clone(), "op-1", Role::Admin);
    let ids = SequentialIds::starting_at(7_000_000 + number);
    let stamp = Stamp {
        actor: &actor,
        at: noon(),
        ids: &ids,
    };
    let mut set = ChangeSet::new(workspace);
    set.event(stamp.event(Subject::Dispatch, Uuid::nil(), 1, "hold_acknowledged"));
    set
}

async fn told_of(store: &S, workspace: &Workspace) -> Result<usize, String> {
    let query = EventQuery {
        subject: Some((Subject::Dispatch, Uuid::nil())),
        ..EventQuery::default()
    };
    let events = store.events(workspace, query).await.map_err(told)?;
    Ok(events.len())
}

async fn a_new_store_is_not_on_hold(harness: H) -> Verdict {
    let store = harness.store();
    is_free(&store).await?;
    fill(&store, &[due(1, 1)]).await?;
    same(take(&store, claim(9)).await?.len(), 1, "claimed")?;
    is_free(&store).await?;
    let never = Hold {
        reason: crate::hold::HoldReason::Moved,
        noted: "a".to_owned(),
        found: "b".to_owned(),
    };
    match store.lift_hold(&never, vec![acknowledged(ws(), 0)]).await {
        Ok(()) => return Err("a hold was lifted that is none".into()),
        Err(error) => same(error.kind(), ErrorKind::Conflict, "kind of refusal")?,
    }
    same(
        told_of(&store, &ws()).await?,
        0,
        "events of the refused end",
    )
}

async fn nothing_is_claimed_while_on_hold(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5), due(2, 1)]).await?;
    harness.lose_place().await;
    let first = hold(&store).await?;
    // Whether the workspace has due messages, none, or holds nothing at all.
    refused(&store, ws()).await?;
    refused(&store, other_ws()?).await?;
    same(hold(&store).await?, first, "hold after a refused claim")?;
    for number in [1, 2] {
        let row = message_of(&store, message(number).id).await?;
        let row = row.ok_or("a message is gone")?;
        same(row.status, Status::Approved, "status")?;
        same(row.version, due(number, 1).version, "version")?;
    }
    Ok(())
}

/// As beginning an attempt: a change that must not happen on hold.
fn begin(row: &Message) -> ChangeSet {
    let after = Message {
        status: Status::Sending,
        ..next_message(row)
    };
    set(|s| {
        s.update_message(row, after)
            .require(Precondition::NotOnHold)
    })
}

async fn nothing_is_begun_while_on_hold(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5), due(2, 1)]).await?;
    let taken = store.claim(claim(9)).await.map_err(told)?;
    let [one, two] = taken.as_slice() else {
        return Err("two messages were to be claimed".into());
    };
    harness.lose_place().await;
    // What others write in the same call stands.
    let other = set(|s| s.insert_contact(contact(77)));
    let results = store.commit(vec![begin(one), other, begin(two)]).await;
    let kinds: Vec<_> = results
        .map_err(told)?
        .into_iter()
        .map(|result| result.err().map(|error| error.kind()))
        .collect();
    let wanted = vec![Some(ErrorKind::OnHold), None, Some(ErrorKind::OnHold)];
    same(kinds, wanted, "refusals")?;
    let row = message_of(&store, one.id).await?;
    same(row.as_ref(), Some(one), "the message that was not begun")?;
    let seen = hold(&store).await?;
    store
        .lift_hold(&seen, vec![acknowledged(ws(), 0)])
        .await
        .map_err(told)?;
    Ok(commit(&store, begin(one)).await?.map_err(told)?)
}

async fn everything_else_goes_on_while_on_hold(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5)]).await?;
    let taken = store.claim(claim(1)).await.map_err(told)?;
    let row = taken.first().ok_or("nothing was claimed")?;
    harness.lose_place().await;
    let back = Message {
        status: Status::Approved,
        lease_owner: None,
        lease_until: None,
        ..next_message(row)
    };
    put(&store, |s| s.update_message(row, back)).await?;
    put(&store, |s| s.insert_contact(contact(77))).await?;
    put(&store, |s| s.absorb(acknowledged(ws(), 9))).await?;
    store.seal(&ws(), 1_000).await.map_err(told)?;
    let sealed = store.checkpoint(&ws()).await.map_err(told)?.position;
    same(sealed, 2, "sealed events")?;
    refused(&store, ws()).await
}

async fn another_hold_is_not_lifted(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5)]).await?;
    harness.lose_place().await;
    let first = hold(&store).await?;
    harness.lose_place().await;
    let second = hold(&store).await?;
    ensure(first != second, "two holds cannot be told apart")?;
    match store.lift_hold(&first, vec![acknowledged(ws(), 0)]).await {
        Ok(()) => return Err("a hold was lifted that nobody saw".into()),
        Err(error) => same(error.kind(), ErrorKind::Conflict, "kind of refusal")?,
    }
    same(
        told_of(&store, &ws()).await?,
        0,
        "events of the refused end",
    )?;
    same(hold(&store).await?, second, "hold")?;
    refused(&store, ws()).await
}

async fn what_is_lifted_is_over_and_written_down(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5), due(2, 1)]).await?;
    let elsewhere = other_ws()?;
    for round in 1..=2 {
        harness.lose_place().await;
        let seen = hold(&store).await?;
        let sets = vec![
            acknowledged(ws(), round * 10),
            acknowledged(elsewhere.clone(), round * 10 + 1),
        ];
        store.lift_hold(&seen, sets.clone()).await.map_err(told)?;
        is_free(&store).await?;
        for workspace in [&ws(), &elsewhere] {
            let count = u64::try_from(told_of(&store, workspace).await?).unwrap_or(0);
            same(count, round, "acknowledgements in the history")?;
        }
        same(take(&store, claim(1)).await?.len(), 1, "claimed afterwards")?;
        is_free(&store).await?;
        match store.lift_hold(&seen, sets).await {
            Ok(()) => return Err("a hold was lifted twice".into()),
            Err(error) => same(error.kind(), ErrorKind::Conflict, "kind of refusal")?,
        }
    }
    Ok(())
}

async fn a_refused_set_leaves_the_hold(harness: H) -> Verdict {
    let store = harness.store();
    fill(&store, &[due(1, 5)]).await?;
    harness.lose_place().await;
    let seen = hold(&store).await?;
    let mut stale = set(|s| s.insert_contact(contact(77)));
    stale.require(Precondition::Contact(contact(1).id, 99));
    let sets = vec![acknowledged(other_ws()?, 0), stale];
    if store.lift_hold(&seen, sets).await.is_ok() {
        return Err("a set was refused and the hold lifted".into());
    }
    same(told_of(&store, &other_ws()?).await?, 0, "events")?;
    same(hold(&store).await?, seen, "hold")?;
    refused(&store, ws()).await
}
