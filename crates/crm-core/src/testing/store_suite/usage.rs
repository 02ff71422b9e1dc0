//! What was spent: the sums of the usage ledger, and its lists.

use chrono::Duration;

use super::Case;
use super::kit::{S, commit, everything, other_ws, put, refuse, told, ws};
use super::spend::{assumed, budgets, campaign, close, released, reserve, settled, sums, today};
use crate::budget::{Amounts, Budget, EntryState, LedgerEntry, UsageGroup, UsageKey, UsageLine};
use crate::change::{Change, ChangeSet};
use crate::error::ErrorKind::Invalid;
use crate::port::llm::Usage;
use crate::port::store::{LedgerQuery, PageRequest, UsageQuery};
use crate::testing::fixtures::{budget, ledger_entry, noon};
use crate::testing::suite::{Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        usage_is_the_sum_of_the_entries,
        entries_are_found_and_paged,
        spending_of_another_workspace_is_apart,
    ]
}

/// Entries of two days, campaigns, actors and models, in each state.
fn mixed() -> Vec<LedgerEntry> {
    let row = |number: u64| LedgerEntry {
        campaign_id: (!number.is_multiple_of(3)).then(|| campaign(number % 3)),
        actor: if number.is_multiple_of(2) {
            "ivan"
        } else {
            "olga"
        }
        .to_owned(),
        day: today() + Duration::days(i64::from(number > 6)),
        model: format!("model-{}", number % 2),
        ..ledger_entry(number)
    };
    let end = |number: u64| {
        let open = row(number);
        match number % 4 {
            0 => open,
            1 => open.end(settled(number * 100), noon()),
            2 => open.end(assumed(), noon()),
            _ => open.end(released(), noon()),
        }
    };
    (1..=12).map(end).collect()
}

async fn put_all(store: &S, rows: &[LedgerEntry]) -> Verdict {
    for row in rows {
        let open = LedgerEntry {
            state: EntryState::Reserved,
            held: true,
            cost_picodollars: 0,
            usage: Usage::default(),
            answered: None,
            request_id: None,
            failure: None,
            closed_at: None,
            ..row.clone()
        };
        put(store, |s| s.push(reserve(&open))).await?;
        if row.state != EntryState::Reserved {
            put(store, |s| s.push(Change::Settle(Box::new(row.clone())))).await?;
        }
    }
    Ok(())
}

async fn usage_is_the_sum_of_the_entries(store: S) -> Verdict {
    let rows = mixed();
    put_all(&store, &rows).await?;
    let queries = [
        UsageQuery::default(),
        UsageQuery {
            from: Some(today() + Duration::days(1)),
            ..UsageQuery::default()
        },
        UsageQuery {
            to: Some(today()),
            actor: Some("ivan".to_owned()),
            ..UsageQuery::default()
        },
        UsageQuery {
            campaign: Some(None),
            ..UsageQuery::default()
        },
        UsageQuery {
            campaign: Some(Some(campaign(1))),
            model: Some("model-1".to_owned()),
            ..UsageQuery::default()
        },
    ];
    for query in queries {
        for group in UsageGroup::ALL {
            let query = UsageQuery {
                group,
                ..query.clone()
            };
            let mut wanted = std::collections::BTreeMap::<String, Amounts>::new();
            for row in &rows {
                let key = UsageKey::of(row);
                let counts = query.from.is_none_or(|from| key.day >= from)
                    && query.to.is_none_or(|to| key.day <= to)
                    && query.campaign.is_none_or(|of| of == key.campaign_id)
                    && query.actor.as_ref().is_none_or(|actor| *actor == key.actor)
                    && query.model.as_ref().is_none_or(|model| *model == key.model);
                if counts {
                    let sum = wanted.entry(group.of(&key)).or_default();
                    *sum = sum.plus(Amounts::of(row), 1);
                }
            }
            let wanted: Vec<UsageLine> = wanted
                .into_iter()
                .filter(|(_, amounts)| !amounts.is_zero())
                .map(|(name, amounts)| UsageLine { name, amounts })
                .collect();
            same(sums(&store, query.clone()).await?, wanted.clone(), "sums")?;
            let mut paged = Vec::new();
            loop {
                let page = UsageQuery {
                    limit: 1,
                    after: paged.last().map(|line: &UsageLine| line.name.clone()),
                    ..query.clone()
                };
                match sums(&store, page).await?.pop() {
                    Some(line) => paged.push(line),
                    None => break,
                }
            }
            same(paged, wanted, "sums by page")?;
        }
    }
    Ok(())
}

async fn entries_are_found_and_paged(store: S) -> Verdict {
    let rows = mixed();
    put_all(&store, &rows).await?;
    let one = |f: fn(&mut LedgerQuery)| {
        let mut query = LedgerQuery {
            page: everything(),
            ..LedgerQuery::default()
        };
        f(&mut query);
        query
    };
    let queries = [
        one(|_| {}),
        one(|query| query.state = Some(EntryState::Released)),
        one(|query| query.campaign_id = Some(campaign(2))),
        one(|query| query.actor = Some("olga".to_owned())),
        one(|query| query.from = Some(today() + Duration::days(1))),
        one(|query| query.to = Some(today())),
        one(|query| (query.from, query.to) = (Some(today()), Some(today()))),
        one(|query| {
            query.campaign_id = Some(campaign(2));
            query.actor = Some("ivan".to_owned());
        }),
        one(|query| query.held_before = Some(noon() + Duration::days(1))),
    ];
    for query in queries {
        let wanted: Vec<LedgerEntry> = rows
            .iter()
            .rev()
            .filter(|row| {
                query.state.is_none_or(|state| state == row.state)
                    && (query.campaign_id.is_none() || query.campaign_id == row.campaign_id)
                    && query.actor.as_ref().is_none_or(|actor| *actor == row.actor)
                    && query.from.is_none_or(|from| row.day >= from)
                    && query.to.is_none_or(|to| row.day <= to)
                    && query.held_before.is_none_or(|_| row.held)
            })
            .cloned()
            .collect();
        let page = store.ledger(&ws(), query.clone()).await.map_err(told)?;
        same(page.total, Some(wanted.len() as u64), "how many there are")?;
        same(page.items, wanted.clone(), "entries")?;
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let mut query = query.clone();
            query.page = PageRequest {
                limit: 2,
                after,
                ..PageRequest::default()
            };
            let page = store.ledger(&ws(), query).await.map_err(told)?;
            paged.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        same(paged, wanted, "entries by page")?;
    }
    Ok(())
}

async fn spending_of_another_workspace_is_apart(store: S) -> Verdict {
    let other = other_ws()?;
    let theirs = LedgerEntry {
        workspace: other.clone(),
        key: Some("line".to_owned()),
        ..ledger_entry(1)
    };
    let budget = Budget {
        workspace: other.clone(),
        ..budget(1)
    };
    refuse(&store, Invalid, |s| s.push(reserve(&theirs))).await?;
    refuse(&store, Invalid, |s| {
        s.push(Change::InsertBudget(budget.clone()))
    })
    .await?;
    let mut set = ChangeSet::new(other.clone());
    set.push(reserve(&theirs))
        .push(Change::InsertBudget(budget));
    commit(&store, set).await?.map_err(told)?;
    // The same id and key, and no budget here.
    let ours = LedgerEntry {
        workspace: ws(),
        ..theirs.clone()
    };
    put(&store, |s| s.push(reserve(&ours))).await?;
    put(&store, |s| s.push(close(&ours, released()))).await?;
    same(budgets(&store).await?, Vec::new(), "our budgets")?;
    let page = store
        .ledger(&other, LedgerQuery::default())
        .await
        .map_err(told)?;
    same(page.items, vec![theirs], "their entries")
}
