//! Subscriptions: made once, changed by whoever read the version before.

use chrono::Duration;

use super::Case;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::change::{Change, ChangeSet};
use crate::error::ErrorKind::{Conflict, Duplicate, Invalid, NotFound};
use crate::subscription::Subscription;
use crate::testing::fixtures::noon;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        subscriptions_come_back_as_they_were_written,
        a_name_is_taken_once,
        a_subscription_follows_its_version,
        of_two_who_move_one_place_one_is_refused,
        a_refused_move_writes_nothing_of_its_set,
        subscriptions_of_another_workspace_are_apart,
        a_workspace_that_holds_only_a_subscription_is_there,
    ]
}

fn row(name: &str) -> Subscription {
    Subscription::new(ws(), name.to_owned(), 7, noon())
}

fn insert(row: &Subscription) -> Change {
    Change::InsertSubscription(Box::new(row.clone()))
}

fn update(row: &Subscription) -> Change {
    Change::UpdateSubscription(Box::new(row.clone()))
}

async fn all(store: &S) -> Result<Vec<Subscription>, String> {
    store.subscriptions(&ws()).await.map_err(told)
}

/// With a value in each column.
fn full(name: &str) -> Subscription {
    let later = noon() + Duration::microseconds(1_234_567);
    Subscription {
        position: 1 << 40,
        failures: 12,
        failing_since: Some(later),
        due_at: later + Duration::hours(5),
        last_error: Some("http_503 ‹yoʻq›".to_owned()),
        disabled_at: Some(later + Duration::days(3)),
        lease_owner: Some("host-1".to_owned()),
        lease_until: Some(later + Duration::seconds(9)),
        ..row(name)
    }
}

async fn subscriptions_come_back_as_they_were_written(store: S) -> Verdict {
    same(all(&store).await?, Vec::new(), "subscriptions of nobody")?;
    let (plain, full) = (row("b"), full("a"));
    put(&store, |s| s.push(insert(&plain)).push(insert(&full))).await?;
    same(
        all(&store).await?,
        vec![full.clone(), plain.clone()],
        "subscriptions by name",
    )?;
    let plain = Subscription {
        name: "b".to_owned(),
        ..self::full("b").next()
    };
    let full = Subscription {
        name: "a".to_owned(),
        ..row("a").next()
    };
    put(&store, |s| s.push(update(&plain)).push(update(&full))).await?;
    same(all(&store).await?, vec![full, plain], "changed ones")
}

async fn a_name_is_taken_once(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    let again = Subscription {
        position: 9,
        ..row("crm")
    };
    refuse(&store, Duplicate, |s| s.push(insert(&again))).await?;
    put(&store, |s| s.push(insert(&row("CRM")))).await?;
    let found = all(&store).await?;
    same(found, vec![row("CRM"), row("crm")], "subscriptions")
}

async fn a_subscription_follows_its_version(store: S) -> Verdict {
    refuse(&store, NotFound, |s| s.push(update(&row("crm").next()))).await?;
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    for version in [0, 1, 3] {
        let other = Subscription {
            version,
            ..row("crm")
        };
        refuse(&store, Conflict, |s| s.push(update(&other))).await?;
    }
    let next = row("crm").told(9, noon()).next();
    put(&store, |s| s.push(update(&next))).await?;
    refuse(&store, Conflict, |s| s.push(update(&next))).await?;
    same(all(&store).await?, vec![next], "the subscription")
}

async fn of_two_who_move_one_place_one_is_refused(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    let set = |position| {
        let mut set = ChangeSet::new(ws());
        set.push(update(&row("crm").told(position, noon()).next()));
        set
    };
    // In one call and in two at once.
    let both = store.commit(vec![set(8), set(9)]).await.map_err(told)?;
    let kinds: Vec<_> = both
        .iter()
        .map(|r| r.as_ref().map_err(|e| e.kind()))
        .collect();
    same(kinds, vec![Ok(&()), Err(Conflict)], "the results")?;
    same(all(&store).await?.len(), 1, "how many there are")?;
    let at = |position| {
        let mut set = ChangeSet::new(ws());
        let now = Subscription {
            version: 2,
            ..row("crm")
        };
        set.push(update(&now.told(position, noon()).next()));
        vec![set]
    };
    let (a, b) = futures_util::future::join(store.commit(at(20)), store.commit(at(30))).await;
    let ok = |results: Vec<crate::Result<()>>| results.iter().filter(|r| r.is_ok()).count();
    let done = ok(a.map_err(told)?) + ok(b.map_err(told)?);
    same(done, 1, "how many moved it")
}

async fn a_refused_move_writes_nothing_of_its_set(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    let late = Subscription {
        version: 9,
        ..row("crm")
    };
    refuse(&store, Conflict, |s| {
        s.push(insert(&row("other"))).push(update(&late))
    })
    .await?;
    same(all(&store).await?, vec![row("crm")], "subscriptions")
}

async fn subscriptions_of_another_workspace_are_apart(store: S) -> Verdict {
    let other = Subscription {
        workspace: other_ws()?,
        position: 1,
        ..row("crm")
    };
    refuse(&store, Invalid, |s| s.push(insert(&other))).await?;
    refuse(&store, Invalid, |s| s.push(update(&other))).await?;
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    let mut set = ChangeSet::new(other_ws()?);
    set.push(insert(&other));
    for result in store.commit(vec![set]).await.map_err(told)? {
        result.map_err(told)?;
    }
    let mut set = ChangeSet::new(other_ws()?);
    let moved = other.told(5, noon()).next();
    set.push(update(&moved));
    for result in store.commit(vec![set]).await.map_err(told)? {
        result.map_err(told)?;
    }
    same(all(&store).await?, vec![row("crm")], "ours")?;
    let theirs = store.subscriptions(&other_ws()?).await.map_err(told)?;
    same(theirs, vec![moved], "theirs")
}

async fn a_workspace_that_holds_only_a_subscription_is_there(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row("crm")))).await?;
    let there = store.workspaces().await.map_err(told)?;
    ensure(there == [ws()], "the worker would not find it")
}
