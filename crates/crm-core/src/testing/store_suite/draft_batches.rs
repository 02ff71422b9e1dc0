//! Batches of drafts: made once, changed by whoever read the version before, and the lines they hold.

use chrono::Duration;
use uuid::Uuid;

use super::Case;
use super::changes::plan_query;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::change::{Change, ChangeSet};
use crate::draft_batch::DraftBatch;
use crate::error::ErrorKind::{Conflict, Duplicate, Invalid, NotFound};
use crate::id::DraftBatchId;
use crate::port::store::DraftBatchQuery;
use crate::testing::fixtures::{campaign, message, noon, plan_row};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        batches_come_back_as_they_were_written,
        a_batch_is_made_once_and_follows_its_version,
        of_two_who_move_one_batch_one_is_refused,
        batches_are_listed_by_campaign_and_by_when_they_are_due,
        batches_of_another_workspace_are_apart,
        a_workspace_that_holds_only_a_batch_is_there,
        a_batch_holds_its_lines_until_they_have_a_message,
    ]
}

fn row(number: u64) -> DraftBatch {
    let id = DraftBatchId(nth(number));
    DraftBatch::new(ws(), id, campaign(1).id, 3, noon())
}

/// With a value in each column.
fn full(number: u64) -> DraftBatch {
    let later = noon() + Duration::microseconds(1_234_567);
    DraftBatch {
        provider_id: Some("msgbatch_01 oʻ".to_owned()),
        attempt: 3,
        prompt_version: Some("6c1f09a2.3".to_owned()),
        submitted_at: Some(later),
        failures: 12,
        last_error: Some("overloaded ‹yoʻq›".to_owned()),
        closed_at: Some(later + Duration::days(1)),
        ..row(number)
            .submitting(noon())
            .held("worker-1", later + Duration::seconds(9))
    }
}

fn insert(row: &DraftBatch) -> Change {
    Change::InsertDraftBatch(Box::new(row.clone()))
}

fn update(row: &DraftBatch) -> Change {
    Change::UpdateDraftBatch(Box::new(row.clone()))
}

async fn all(store: &S) -> Result<Vec<DraftBatch>, String> {
    let query = DraftBatchQuery::default();
    store.draft_batches(&ws(), query).await.map_err(told)
}

async fn batches_come_back_as_they_were_written(store: S) -> Verdict {
    same(all(&store).await?, Vec::new(), "batches of nobody")?;
    let (plain, full) = (row(2), full(1));
    put(&store, |s| s.push(insert(&plain)).push(insert(&full))).await?;
    let found = all(&store).await?;
    same(found, vec![full.clone(), plain.clone()], "batches by id")?;
    let plain = DraftBatch {
        id: plain.id,
        ..self::full(2).next()
    };
    let full = row(1).next();
    put(&store, |s| s.push(update(&plain)).push(update(&full))).await?;
    same(all(&store).await?, vec![full, plain], "changed ones")
}

async fn a_batch_is_made_once_and_follows_its_version(store: S) -> Verdict {
    refuse(&store, NotFound, |s| s.push(update(&row(1).next()))).await?;
    put(&store, |s| s.push(insert(&row(1)))).await?;
    refuse(&store, Duplicate, |s| s.push(insert(&full(1)))).await?;
    for version in [0, 1, 3] {
        let other = DraftBatch { version, ..row(1) };
        refuse(&store, Conflict, |s| {
            s.push(insert(&row(2))).push(update(&other))
        })
        .await?;
    }
    let next = row(1).taken("b-1", noon()).next();
    put(&store, |s| s.push(update(&next))).await?;
    refuse(&store, Conflict, |s| s.push(update(&next))).await?;
    same(all(&store).await?, vec![next], "the batch")
}

async fn of_two_who_move_one_batch_one_is_refused(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row(1)))).await?;
    let set = |owner: &str| {
        let mut set = ChangeSet::new(ws());
        set.push(update(&row(1).held(owner, noon()).next()));
        vec![set]
    };
    let (a, b) = futures_util::future::join(store.commit(set("a")), store.commit(set("b"))).await;
    let ok = |results: Vec<crate::Result<()>>| results.iter().filter(|r| r.is_ok()).count();
    let done = ok(a.map_err(told)?) + ok(b.map_err(told)?);
    same(done, 1, "how many took it")
}

async fn batches_are_listed_by_campaign_and_by_when_they_are_due(store: S) -> Verdict {
    let due = |number, minutes| DraftBatch {
        due_at: noon() + Duration::minutes(minutes),
        ..row(number)
    };
    let other = DraftBatch {
        campaign_id: campaign(2).id,
        ..due(4, 1)
    };
    let closed = row(5).closed(noon());
    let rows = [due(1, 3), due(2, 2), due(3, 2), other, closed];
    put(&store, |s| {
        rows.iter().fold(s, |s, row| s.push(insert(row)))
    })
    .await?;
    let query = DraftBatchQuery::default;
    let of = |number| Some(campaign(number).id);
    let until = |minutes| Some(noon() + Duration::minutes(minutes));
    let cases: [(DraftBatchQuery, &[u64]); 7] = [
        (query(), &[1, 2, 3, 4, 5]),
        (
            DraftBatchQuery {
                limit: 2,
                ..query()
            },
            &[1, 2],
        ),
        (
            DraftBatchQuery {
                open: true,
                ..query()
            },
            &[1, 2, 3, 4],
        ),
        (
            DraftBatchQuery {
                campaign_id: of(2),
                ..query()
            },
            &[4],
        ),
        (
            DraftBatchQuery {
                due_before: until(9),
                ..query()
            },
            &[4, 2, 3, 1],
        ),
        (
            DraftBatchQuery {
                due_before: until(2),
                limit: 2,
                ..query()
            },
            &[4, 2],
        ),
        (
            DraftBatchQuery {
                campaign_id: of(1),
                due_before: until(2),
                ..query()
            },
            &[2, 3],
        ),
    ];
    for (query, wanted) in cases {
        let found = store
            .draft_batches(&ws(), query.clone())
            .await
            .map_err(told)?;
        let ids: Vec<Uuid> = found.iter().map(|row| row.id.0).collect();
        let wanted = wanted.iter().map(|number| nth(*number)).collect();
        same(ids, wanted, &format!("batches of {query:?}"))?;
    }
    Ok(())
}

async fn batches_of_another_workspace_are_apart(store: S) -> Verdict {
    let other = DraftBatch {
        workspace: other_ws()?,
        requests: 9,
        ..row(1)
    };
    refuse(&store, Invalid, |s| s.push(insert(&other))).await?;
    refuse(&store, Invalid, |s| s.push(update(&other))).await?;
    put(&store, |s| s.push(insert(&row(1)))).await?;
    for change in [insert(&other), update(&other.clone().next())] {
        let mut set = ChangeSet::new(other_ws()?);
        set.push(change);
        for result in store.commit(vec![set]).await.map_err(told)? {
            result.map_err(told)?;
        }
    }
    same(all(&store).await?, vec![row(1)], "ours")?;
    let theirs = store
        .draft_batches(&other_ws()?, DraftBatchQuery::default())
        .await
        .map_err(told)?;
    same(theirs, vec![other.next()], "theirs")
}

async fn a_workspace_that_holds_only_a_batch_is_there(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&row(1)))).await?;
    let there = store.workspaces().await.map_err(told)?;
    ensure(there == [ws()], "the worker would not find it")
}

async fn a_batch_holds_its_lines_until_they_have_a_message(store: S) -> Verdict {
    let line = |number, batch: Option<u64>| {
        let mut line = plan_row(&campaign(1), number);
        line.batch_id = batch.map(|number| DraftBatchId(nth(number)));
        line
    };
    let mut done = line(4, Some(1));
    done.message_id = Some(message(4).id);
    let lines = [
        line(1, None),
        line(2, Some(1)),
        line(3, Some(2)),
        done,
        line(5, None),
    ];
    put(&store, |s| {
        let lines = lines.iter().cloned();
        lines.fold(s, |s, line| s.push(Change::InsertPlanRow(line)))
    })
    .await?;
    let taken = line(5, Some(1));
    put(&store, |s| s.push(Change::UpdatePlanRow(taken.clone()))).await?;
    let mut free = plan_query(1);
    free.undrafted = true;
    let mut held = plan_query(1);
    held.batch = Some(DraftBatchId(nth(1)));
    let mut page = held.clone();
    page.page.after = Some(nth(2));
    let mut both = held.clone();
    both.undrafted = true;
    for (query, wanted) in [
        (plan_query(1), vec![1, 2, 3, 4, 5]),
        (free, vec![1]),
        (held, vec![2, 5]),
        (page, vec![5]),
        (both, vec![]),
    ] {
        let found = store.plan(&ws(), query).await.map_err(told)?.items;
        let ids: Vec<Uuid> = found.iter().map(|row| row.contact_id.0).collect();
        same(ids, wanted.into_iter().map(nth).collect(), "lines")?;
        if let Some(last) = found.iter().find(|row| row.contact_id == taken.contact_id) {
            same(last.clone(), taken.clone(), "the line that was taken")?;
        }
    }
    Ok(())
}
