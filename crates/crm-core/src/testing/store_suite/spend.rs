//! Budgets and the usage ledger: what is reserved fits, what is closed is counted once.

use chrono::{Duration, NaiveDate};
use futures_util::future::join_all;

use super::Case;
use super::kit::{S, commit, put, refuse, told, ws};
use crate::budget::{
    Budget, BudgetState, EntryState, LedgerEntry, MOST, Outcome, Period, UsageLine,
};
use crate::change::{Change, ChangeSet};
use crate::error::ErrorKind::{Conflict, Duplicate, Invalid, NotFound, OverBudget};
use crate::id::{CampaignId, LedgerId};
use crate::port::llm::Usage;
use crate::port::store::{BudgetQuery, LedgerQuery, PageRequest, UsageQuery};
use crate::testing::fixtures::{budget, contact, ledger_entry, noon};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        budgets_come_back_in_order,
        a_budget_follows_its_version,
        entries_come_back_as_they_were_written,
        an_entry_is_closed_once,
        every_budget_refuses_what_does_not_fit,
        a_refused_reservation_writes_nothing_of_its_set,
        a_budget_counts_what_was_spent_before_it,
        an_unknown_price_needs_no_budget_in_the_way,
        a_key_is_held_once,
        of_many_at_once_only_what_fits_is_reserved,
        of_two_who_close_one_entry_one_is_refused,
        a_workspace_that_holds_only_a_budget_is_there,
    ]
}

pub(super) fn campaign(number: u64) -> CampaignId {
    CampaignId(nth(number))
}

pub(super) fn today() -> NaiveDate {
    noon().date_naive()
}

fn of(campaign_id: Option<CampaignId>, period: Period, limit: u64) -> Budget {
    Budget {
        campaign_id,
        period,
        ..budget(limit)
    }
}

pub(super) fn reserve(row: &LedgerEntry) -> Change {
    Change::Reserve(Box::new(row.clone()))
}

pub(super) fn close(row: &LedgerEntry, outcome: Outcome) -> Change {
    Change::Settle(Box::new(row.end(outcome, noon())))
}

pub(super) fn settled(cost_picodollars: u64) -> Outcome {
    Outcome::Settled {
        cost_picodollars,
        usage: Usage {
            input_tokens: 11,
            output_tokens: 7,
            cache_write_5m_tokens: 5,
            cache_write_1h_tokens: 3,
            cache_read_tokens: 2,
        },
        answered: Some("haiku ‹1›".to_owned()),
        request_id: Some("req_1".to_owned()),
        failure: None,
    }
}

pub(super) fn released() -> Outcome {
    let failure = "connect".to_owned();
    Outcome::Released { failure }
}

pub(super) fn assumed() -> Outcome {
    let failure = "timeout".to_owned();
    Outcome::Assumed { failure }
}

pub(super) async fn budgets(store: &S) -> Result<Vec<BudgetState>, String> {
    let query = BudgetQuery {
        of: None,
        day: today(),
        limit: 0,
        skip: 0,
    };
    store.budgets(&ws(), query).await.map_err(told)
}

/// What is spent and reserved of each budget.
async fn used(store: &S) -> Result<Vec<(u64, u64)>, String> {
    let all = budgets(store).await?;
    let used = all
        .iter()
        .map(|state| (state.spent_picodollars, state.reserved_picodollars));
    Ok(used.collect())
}

pub(super) async fn ledger(store: &S, query: LedgerQuery) -> Result<Vec<LedgerEntry>, String> {
    let page = store.ledger(&ws(), query).await.map_err(told)?;
    Ok(page.items)
}

async fn one(store: &S, id: LedgerId) -> Result<Option<LedgerEntry>, String> {
    let query = LedgerQuery {
        ids: vec![id],
        ..LedgerQuery::default()
    };
    Ok(ledger(store, query).await?.pop())
}

pub(super) async fn sums(store: &S, query: UsageQuery) -> Result<Vec<UsageLine>, String> {
    store.usage(&ws(), query).await.map_err(told)
}

async fn budgets_come_back_in_order(store: S) -> Verdict {
    same(budgets(&store).await?, Vec::new(), "budgets of nobody")?;
    let first = of(None, Period::Total, MOST);
    let second = of(None, Period::Day, 0);
    let third = of(Some(campaign(1)), Period::Total, 7);
    let fourth = of(Some(campaign(2)), Period::Day, 8);
    let rows = [&first, &second, &third, &fourth].map(Clone::clone);
    let insert = |row: &Budget| Change::InsertBudget(row.clone());
    put(&store, |set| {
        for row in rows.iter().rev() {
            set.push(insert(row));
        }
        set
    })
    .await?;
    refuse(&store, Duplicate, |s| s.push(insert(&second))).await?;
    let found = budgets(&store).await?;
    let found: Vec<Budget> = found.into_iter().map(|state| state.budget).collect();
    same(found, rows.to_vec(), "budgets")?;
    for (of, limit, skip, wanted) in [
        (Some(None), 0, 0, vec![&first, &second]),
        (Some(Some(campaign(2))), 0, 0, vec![&fourth]),
        (Some(Some(campaign(9))), 0, 0, Vec::new()),
        (None, 2, 1, vec![&second, &third]),
    ] {
        let query = BudgetQuery {
            of,
            day: today(),
            limit,
            skip,
        };
        let found = store.budgets(&ws(), query).await.map_err(told)?;
        let found: Vec<&Budget> = found.iter().map(|state| &state.budget).collect();
        same(found, wanted, "some budgets")?;
    }
    Ok(())
}

async fn a_budget_follows_its_version(store: S) -> Verdict {
    let row = of(Some(campaign(1)), Period::Day, 5);
    let at = |version, limit_picodollars| {
        Change::UpdateBudget(Budget {
            version,
            limit_picodollars,
            ..row.clone()
        })
    };
    let remove = || Change::DeleteBudget {
        campaign_id: row.campaign_id,
        period: row.period,
    };
    refuse(&store, NotFound, |s| s.push(at(2, 6))).await?;
    refuse(&store, NotFound, |s| s.push(remove())).await?;
    put(&store, |s| s.push(Change::InsertBudget(row.clone()))).await?;
    for version in [0, 1, 3] {
        refuse(&store, Conflict, |s| s.push(at(version, 6))).await?;
    }
    put(&store, |s| s.push(at(2, 6))).await?;
    let found = budgets(&store).await?.pop().map(|state| state.budget);
    let limit = found.map(|row| (row.version, row.limit_picodollars));
    same(limit, Some((2, 6)), "the budget")?;
    put(&store, |s| s.push(remove())).await?;
    same(budgets(&store).await?, Vec::new(), "budgets")
}

async fn entries_come_back_as_they_were_written(store: S) -> Verdict {
    let full = LedgerEntry {
        campaign_id: Some(campaign(3)),
        model: "claude-‹haiku›".to_owned(),
        actor: "o'lga".to_owned(),
        key: Some("plan/1/2026".to_owned()),
        reserved_picodollars: Some(9_007_199_254_740_993),
        batch: true,
        expires_at: noon() + Duration::microseconds(1_234_567),
        ..ledger_entry(1)
    };
    let bare = LedgerEntry {
        model: String::new(),
        held: false,
        reserved_picodollars: None,
        ..ledger_entry(2)
    };
    put(&store, |s| s.push(reserve(&full)).push(reserve(&bare))).await?;
    let all = || ledger(&store, LedgerQuery::default());
    same(all().await?, vec![bare.clone(), full.clone()], "entries")?;
    let ended = full.end(settled(9_007_199_254_740_991), noon() - Duration::hours(1));
    let lost = bare.end(assumed(), noon());
    let settle = |row: &LedgerEntry| Change::Settle(Box::new(row.clone()));
    put(&store, |s| s.push(settle(&ended)).push(settle(&lost))).await?;
    same(all().await?, vec![lost, ended], "closed entries")
}

async fn an_entry_is_closed_once(store: S) -> Verdict {
    let row = ledger_entry(1);
    refuse(&store, NotFound, |s| s.push(close(&row, released()))).await?;
    put(&store, |s| s.push(reserve(&row))).await?;
    refuse(&store, Duplicate, |s| s.push(reserve(&row))).await?;
    // What is assumed may be known later, once.
    put(&store, |s| s.push(close(&row, assumed()))).await?;
    refuse(&store, Conflict, |s| s.push(close(&row, assumed()))).await?;
    put(&store, |s| s.push(close(&row, settled(10)))).await?;
    for outcome in [settled(10), released(), assumed()] {
        refuse(&store, Conflict, |s| s.push(close(&row, outcome))).await?;
    }
    let elsewhere = LedgerEntry {
        campaign_id: Some(campaign(1)),
        ..row.clone()
    };
    refuse(&store, Invalid, |s| s.push(close(&elsewhere, settled(10)))).await?;
    put(&store, |s| s.push(Change::InsertBudget(budget(100)))).await?;
    same(used(&store).await?, vec![(10, 0)], "spent and reserved")
}

async fn every_budget_refuses_what_does_not_fit(store: S) -> Verdict {
    let mine = Some(campaign(1));
    let row = |number: u64| LedgerEntry {
        campaign_id: mine,
        reserved_picodollars: Some(10),
        ..ledger_entry(number)
    };
    let kinds = [
        (None, Period::Total),
        (None, Period::Day),
        (mine, Period::Total),
        (mine, Period::Day),
    ];
    let mut number = 0;
    for (campaign_id, period) in kinds {
        let used = number * 10;
        let tight = of(campaign_id, period, used + 19);
        put(&store, |s| s.push(Change::InsertBudget(tight.clone()))).await?;
        number += 1;
        put(&store, |s| s.push(reserve(&row(number)))).await?;
        refuse(&store, OverBudget, |s| s.push(reserve(&row(100)))).await?;
        // Another day, and another campaign, have room of their own.
        let tomorrow = LedgerEntry {
            day: today() + Duration::days(1),
            ..row(200 + number)
        };
        let theirs = LedgerEntry {
            campaign_id: Some(campaign(2)),
            ..row(300 + number)
        };
        let other = |row: &LedgerEntry, fits: bool| {
            let (store, row) = (&store, row.clone());
            async move {
                if fits {
                    put(store, |s| s.push(reserve(&row))).await?;
                    put(store, |s| s.push(close(&row, released()))).await
                } else {
                    refuse(store, OverBudget, |s| s.push(reserve(&row))).await
                }
            }
        };
        other(&tomorrow, period == Period::Day).await?;
        other(&theirs, campaign_id.is_some()).await?;
        put(&store, |s| {
            s.push(Change::DeleteBudget {
                campaign_id,
                period,
            })
        })
        .await?;
    }
    Ok(())
}

async fn a_refused_reservation_writes_nothing_of_its_set(store: S) -> Verdict {
    put(&store, |s| s.push(Change::InsertBudget(budget(1_500)))).await?;
    put(&store, |s| s.push(reserve(&ledger_entry(1)))).await?;
    let person = contact(1);
    refuse(&store, OverBudget, |s| {
        s.insert_contact(person.clone());
        s.push(reserve(&ledger_entry(2)))
    })
    .await?;
    same(used(&store).await?, vec![(0, 1_000)], "spent and reserved")?;
    same(
        super::kit::contact_of(&store, person.id).await?,
        None,
        "the contact",
    )?;
    same(one(&store, ledger_entry(2).id).await?, None, "the entry")?;
    // Two in one set have to fit together.
    put(&store, |s| s.push(close(&ledger_entry(1), released()))).await?;
    refuse(&store, OverBudget, |s| {
        s.push(reserve(&ledger_entry(3)))
            .push(reserve(&ledger_entry(4)))
    })
    .await?;
    same(used(&store).await?, vec![(0, 0)], "spent and reserved")
}

async fn a_budget_counts_what_was_spent_before_it(store: S) -> Verdict {
    let mine = Some(campaign(1));
    let row = |number, day| LedgerEntry {
        campaign_id: mine,
        day,
        ..ledger_entry(number)
    };
    let yesterday = today() - Duration::days(1);
    put(&store, |s| {
        s.push(reserve(&row(1, yesterday)))
            .push(reserve(&row(2, today())))
            .push(reserve(&row(3, today())))
            .push(reserve(&ledger_entry(4)))
    })
    .await?;
    put(&store, |s| {
        s.push(close(&row(1, yesterday), settled(40)))
            .push(close(&row(2, today()), settled(2_000)))
            .push(close(&ledger_entry(4), assumed()))
    })
    .await?;
    put(&store, |s| {
        for (campaign_id, period) in [
            (None, Period::Total),
            (None, Period::Day),
            (mine, Period::Total),
            (mine, Period::Day),
        ] {
            s.push(Change::InsertBudget(of(campaign_id, period, 5_000)));
        }
        s
    })
    .await?;
    let wanted = vec![
        (3_040, 1_000),
        (3_000, 1_000),
        (2_040, 1_000),
        (2_000, 1_000),
    ];
    same(used(&store).await?, wanted, "spent and reserved")
}

async fn an_unknown_price_needs_no_budget_in_the_way(store: S) -> Verdict {
    let row = |number| LedgerEntry {
        reserved_picodollars: None,
        ..ledger_entry(number)
    };
    put(&store, |s| s.push(reserve(&row(1)))).await?;
    let theirs = of(Some(campaign(1)), Period::Total, MOST);
    put(&store, |s| s.push(Change::InsertBudget(theirs))).await?;
    put(&store, |s| s.push(reserve(&row(2)))).await?;
    put(&store, |s| s.push(Change::InsertBudget(budget(MOST)))).await?;
    refuse(&store, OverBudget, |s| s.push(reserve(&row(3)))).await?;
    put(&store, |s| s.push(close(&row(1), settled(5)))).await?;
    same(
        used(&store).await?,
        vec![(5, 0), (0, 0)],
        "spent and reserved",
    )
}

async fn a_key_is_held_once(store: S) -> Verdict {
    let row = |number| LedgerEntry {
        key: Some("line".to_owned()),
        ..ledger_entry(number)
    };
    put(&store, |s| s.push(reserve(&row(1)))).await?;
    refuse(&store, Duplicate, |s| s.push(reserve(&row(2)))).await?;
    // Whoever drafts it does so within the budgets: that it is taken says more than that there is no room.
    put(&store, |s| s.push(Change::InsertBudget(budget(0)))).await?;
    refuse(&store, Duplicate, |s| s.push(reserve(&row(2)))).await?;
    put(&store, |s| {
        s.push(Change::DeleteBudget {
            campaign_id: None,
            period: Period::Total,
        })
    })
    .await?;
    let other = LedgerEntry {
        key: Some("Line".to_owned()),
        ..ledger_entry(3)
    };
    let (free, again) = (ledger_entry(4), ledger_entry(5));
    put(&store, |s| {
        s.push(reserve(&other))
            .push(reserve(&free))
            .push(reserve(&again))
    })
    .await?;
    // A failure frees it; a draft holds it until its time is up.
    put(&store, |s| s.push(close(&row(1), released()))).await?;
    put(&store, |s| s.push(reserve(&row(2)))).await?;
    put(&store, |s| s.push(close(&row(2), settled(5)))).await?;
    refuse(&store, Duplicate, |s| s.push(reserve(&row(6)))).await?;
    let query = LedgerQuery {
        held_before: Some(row(2).expires_at),
        page: PageRequest {
            oldest_first: true,
            ..PageRequest::default()
        },
        ..LedgerQuery::default()
    };
    let held = ledger(&store, query.clone()).await?;
    let ids: Vec<LedgerId> = held.iter().map(|row| row.id).collect();
    same(ids, [2, 3, 4, 5].map(|n| row(n).id).to_vec(), "held ones")?;
    let early = LedgerQuery {
        held_before: Some(row(2).expires_at - Duration::microseconds(1)),
        ..query
    };
    same(ledger(&store, early).await?, Vec::new(), "held for longer")?;
    put(&store, |s| {
        for row in &held {
            s.push(Change::Settle(Box::new(row.expire(noon()))));
        }
        s
    })
    .await?;
    put(&store, |s| s.push(reserve(&row(6)))).await?;
    let drafted = one(&store, row(2).id).await?;
    same(
        drafted.map(|row| (row.state, row.cost_picodollars, row.held)),
        Some((EntryState::Settled, 5, false)),
        "the draft",
    )
}

async fn of_many_at_once_only_what_fits_is_reserved(store: S) -> Verdict {
    let limits = [
        of(None, Period::Total, 9_999),
        of(Some(campaign(1)), Period::Day, 3_500),
    ];
    put(&store, |s| {
        for row in &limits {
            s.push(Change::InsertBudget(row.clone()));
        }
        s
    })
    .await?;
    let one = |number: u64| {
        let row = LedgerEntry {
            // Every other one for the campaign.
            campaign_id: number.is_multiple_of(2).then(|| campaign(1)),
            ..ledger_entry(number)
        };
        let mut set = ChangeSet::new(ws());
        set.push(reserve(&row));
        commit(&store, set)
    };
    let results = join_all((1..=32).map(one)).await;
    let mut taken = 0;
    for result in results {
        match result? {
            Ok(()) => taken += 1,
            Err(error) => same(error.kind(), OverBudget, "why not")?,
        }
    }
    same(taken, 9, "how many fit")?;
    let used = used(&store).await?;
    let [all, campaigns] = used.as_slice() else {
        return Err("there are two budgets".into());
    };
    same(*all, (0, 9_000), "the workspace's")?;
    ensure(campaigns.1 <= 3_000, "the campaign's is exceeded")
}

async fn of_two_who_close_one_entry_one_is_refused(store: S) -> Verdict {
    let row = ledger_entry(1);
    put(&store, |s| s.push(reserve(&row))).await?;
    let end = |cost| {
        let mut set = ChangeSet::new(ws());
        set.push(close(&row, settled(cost)));
        commit(&store, set)
    };
    let results = join_all([end(3), end(4), end(3), end(4)]).await;
    let mut done = 0;
    for result in results {
        match result? {
            Ok(()) => done += 1,
            Err(error) => same(error.kind(), Conflict, "why not")?,
        }
    }
    same(done, 1, "how many closed it")?;
    put(&store, |s| s.push(Change::InsertBudget(budget(9)))).await?;
    let cost = one(&store, row.id).await?.map(|row| row.cost_picodollars);
    let used = used(&store).await?;
    same(
        used.first().copied(),
        cost.map(|cost| (cost, 0)),
        "spent and reserved",
    )
}

async fn a_workspace_that_holds_only_a_budget_is_there(store: S) -> Verdict {
    put(&store, |s| s.push(Change::InsertBudget(budget(1)))).await?;
    let there = store.workspaces().await.map_err(told)?;
    ensure(there == [ws()], "the worker would not find it")
}
