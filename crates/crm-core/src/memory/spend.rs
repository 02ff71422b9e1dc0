//! Budgets, the usage ledger and its sums.

use std::collections::BTreeMap;

use super::apply::{Undo, conflict, fresh, known};
use super::tables::{Put, Tables};
use super::{at_most, query};
use crate::budget::{
    Account, Amounts, Budget, BudgetState, LedgerEntry, UsageLine, check, closed, usage_changes,
};
use crate::error::{Error, Result};
use crate::port::store::{BudgetQuery, LedgerQuery, Page, UsageQuery};

pub(super) fn insert_budget(tables: &mut Tables, row: &Budget, undo: &mut Undo) -> Result<()> {
    let key = (row.campaign_id, row.period);
    fresh(
        !tables.budgets.contains_key(&key),
        "period has a budget already",
    )?;
    undo.put(tables, Put::Budget(key, Some(row.clone())));
    Ok(())
}

pub(super) fn update_budget(tables: &mut Tables, row: &Budget, undo: &mut Undo) -> Result<()> {
    let key = (row.campaign_id, row.period);
    let stored = tables.budgets.get(&key);
    let Some(stored) = stored else {
        return Err(Error::not_found("budget"));
    };
    if stored.version.checked_add(1) != Some(row.version) {
        return Err(conflict("budget"));
    }
    undo.put(tables, Put::Budget(key, Some(row.clone())));
    Ok(())
}

pub(super) fn reserve(tables: &mut Tables, row: &LedgerEntry, undo: &mut Undo) -> Result<()> {
    fresh(
        !tables.ledger.contains_key(&row.id),
        "id is taken by another entry of the ledger",
    )?;
    let taken = |key: &String| tables.by_held_key.contains_key(key);
    fresh(
        !(row.held && row.key.as_ref().is_some_and(taken)),
        "key is held by another entry of the ledger",
    )?;
    let budgets: Vec<Budget> = tables.budgets.values().cloned().collect();
    check(row, &budgets, &tables.spent)?;
    post(tables, None, row, undo)
}

pub(super) fn settle(tables: &mut Tables, row: &LedgerEntry, undo: &mut Undo) -> Result<()> {
    known(tables.ledger.contains_key(&row.id), "entry of the ledger")?;
    let Some(stored) = tables.ledger.get(&row.id).cloned() else {
        return Ok(());
    };
    let row = closed(&stored, row)?;
    post(tables, Some(&stored), &row, undo)
}

/// Writes the entry, and moves accounts and usage from what it was to what it is.
fn post(
    tables: &mut Tables,
    before: Option<&LedgerEntry>,
    row: &LedgerEntry,
    undo: &mut Undo,
) -> Result<()> {
    let mut moved = Vec::new();
    for account in Account::of(row) {
        let held = tables.spent.get(&account).copied().unwrap_or_default();
        moved.push((account, held.moved(before, row)?));
    }
    for (account, totals) in moved {
        undo.put(tables, Put::Spent(account, Some(totals)));
    }
    for (key, change) in usage_changes(before, row) {
        let sum = tables.usage.get(&key).copied().unwrap_or_default();
        undo.put(tables, Put::Usage(key, Some(sum.plus(change, 1))));
    }
    undo.put(tables, Put::Ledger(row.id, Some(Box::new(row.clone()))));
    Ok(())
}

pub(super) fn budgets(tables: &Tables, query: &BudgetQuery) -> Vec<BudgetState> {
    let rows = tables.budgets.values();
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    rows.filter(|row| query.of.is_none_or(|of| of == row.campaign_id))
        .skip(skip)
        .take(at_most(query.limit, 100, 1_000))
        .map(|row| {
            let held = tables.spent.get(&row.account(query.day));
            let held = held.copied().unwrap_or_default();
            BudgetState {
                budget: row.clone(),
                spent_picodollars: held.spent,
                reserved_picodollars: held.reserved,
            }
        })
        .collect()
}

pub(super) fn ledger(tables: &Tables, asked: &LedgerQuery) -> Page<LedgerEntry> {
    let rows = tables.ledger.values().map(|row| &**row);
    query::page(rows, &asked.page, |row| row.id.0, matches(asked))
}

fn matches(query: &LedgerQuery) -> impl Fn(&LedgerEntry) -> bool {
    let query = query.clone();
    move |row| {
        (query.ids.is_empty() || query.ids.contains(&row.id))
            && query.state.is_none_or(|state| state == row.state)
            && (query.campaign_id.is_none() || query.campaign_id == row.campaign_id)
            && query.actor.as_ref().is_none_or(|actor| *actor == row.actor)
            && query.from.is_none_or(|from| row.day >= from)
            && query.to.is_none_or(|to| row.day <= to)
            && query
                .held_before
                .is_none_or(|before| row.held && row.expires_at <= before)
    }
}

pub(super) fn usage(tables: &Tables, query: &UsageQuery) -> Vec<UsageLine> {
    let mut sums: BTreeMap<String, Amounts> = BTreeMap::new();
    for (key, amounts) in &tables.usage {
        let wanted = query.from.is_none_or(|from| key.day >= from)
            && query.to.is_none_or(|to| key.day <= to)
            && query.campaign.is_none_or(|of| of == key.campaign_id)
            && query.actor.as_ref().is_none_or(|actor| *actor == key.actor)
            && query.model.as_ref().is_none_or(|model| *model == key.model);
        if wanted {
            let sum = sums.entry(query.group.of(key)).or_default();
            *sum = sum.plus(*amounts, 1);
        }
    }
    let behind = |name: &String| query.after.as_ref().is_none_or(|after| name > after);
    sums.into_iter()
        .filter(|(name, amounts)| !amounts.is_zero() && behind(name))
        .take(at_most(query.limit, 100, 1_000))
        .map(|(name, amounts)| UsageLine { name, amounts })
        .collect()
}
