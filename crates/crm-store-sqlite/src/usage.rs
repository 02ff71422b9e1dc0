//! Accounts that budgets are held against, and sums of usage: moved with each entry of the ledger.

use std::collections::BTreeMap;

use crm_core::budget::{
    Account, Amounts, LedgerEntry, Totals, UsageGroup, UsageLine, scope, usage_changes,
};
use crm_core::port::store::UsageQuery;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::budgets::day;
use crate::fault::Outcome;
use crate::rows::{signed, unsigned};

/// What the accounts of an entry hold. The one writer holds them all.
pub(crate) fn totals(
    connection: &Connection,
    workspace: i64,
    entry: &LedgerEntry,
) -> Outcome<BTreeMap<Account, Totals>> {
    let mut statement = connection.prepare_cached(
        "SELECT spent, reserved FROM spent WHERE workspace = ?1 AND scope = ?2 AND day = ?3",
    )?;
    let mut all = BTreeMap::new();
    for account in Account::of(entry) {
        let (scope, day) = account.columns();
        let held = statement
            .query_row((workspace, scope, day), |row| {
                Ok(Totals {
                    spent: unsigned(row, 0)?,
                    reserved: unsigned(row, 1)?,
                })
            })
            .optional()?;
        all.insert(account, held.unwrap_or_default());
    }
    Ok(all)
}

/// Moves accounts and sums from what the entry was to what it is.
pub(crate) fn post(
    connection: &Connection,
    workspace: i64,
    totals: &BTreeMap<Account, Totals>,
    before: Option<&LedgerEntry>,
    after: &LedgerEntry,
) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO spent (workspace, scope, day, spent, reserved) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved",
    )?;
    for (account, held) in totals {
        let moved = held.moved(before, after)?;
        let (scope, day) = account.columns();
        let (spent, reserved) = (signed(moved.spent), signed(moved.reserved));
        statement.execute(params![workspace, scope, day, spent, reserved])?;
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO usage (workspace, day, scope, actor, model, calls, reserved, cost, \
             input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
             cache_read_tokens) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, \
             reserved = reserved + excluded.reserved, cost = cost + excluded.cost, \
             input_tokens = input_tokens + excluded.input_tokens, \
             output_tokens = output_tokens + excluded.output_tokens, \
             cache_write_5m_tokens = cache_write_5m_tokens + excluded.cache_write_5m_tokens, \
             cache_write_1h_tokens = cache_write_1h_tokens + excluded.cache_write_1h_tokens, \
             cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens",
    )?;
    for (key, amounts) in usage_changes(before, after) {
        statement.execute(params![
            workspace,
            day(key.day),
            scope(key.campaign_id),
            key.actor,
            key.model,
            amounts.calls,
            amounts.reserved_picodollars,
            amounts.cost_picodollars,
            amounts.input_tokens,
            amounts.output_tokens,
            amounts.cache_write_5m_tokens,
            amounts.cache_write_1h_tokens,
            amounts.cache_read_tokens,
        ])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageLine> {
    Ok(UsageLine {
        name: row.get(0)?,
        amounts: Amounts {
            calls: row.get(1)?,
            reserved_picodollars: row.get(2)?,
            cost_picodollars: row.get(3)?,
            input_tokens: row.get(4)?,
            output_tokens: row.get(5)?,
            cache_write_5m_tokens: row.get(6)?,
            cache_write_1h_tokens: row.get(7)?,
            cache_read_tokens: row.get(8)?,
        },
    })
}

/// Sums up.
pub(crate) fn list(
    connection: &Connection,
    workspace: i64,
    query: &UsageQuery,
) -> Outcome<Vec<UsageLine>> {
    let name = match query.group {
        UsageGroup::Model => "model",
        UsageGroup::Campaign => "scope",
        UsageGroup::Actor => "actor",
        UsageGroup::Day => "day",
    };
    let mut sql = format!(
        "SELECT {name}, sum(calls) AS a, sum(reserved) AS b, sum(cost) AS c, \
             sum(input_tokens) AS d, sum(output_tokens) AS e, sum(cache_write_5m_tokens) AS f, \
             sum(cache_write_1h_tokens) AS g, sum(cache_read_tokens) AS h \
         FROM usage WHERE workspace = ?"
    );
    let mut values = vec![Value::Integer(workspace)];
    let given = [
        ("day >= ?", query.from.map(day)),
        ("day <= ?", query.to.map(day)),
        ("scope = ?", query.campaign.map(scope)),
        ("actor = ?", query.actor.clone()),
        ("model = ?", query.model.clone()),
    ];
    for (condition, value) in given {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(Value::Text(value));
        }
    }
    if let Some(after) = &query.after {
        sql.push_str(&format!(" AND {name} > ?"));
        values.push(Value::Text(after.clone()));
    }
    sql.push_str(&format!(
        " GROUP BY {name} HAVING a <> 0 OR b <> 0 OR c <> 0 OR d <> 0 OR e <> 0 OR f <> 0 \
         OR g <> 0 OR h <> 0 ORDER BY {name} LIMIT ?"
    ));
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    values.push(Value::Integer(i64::from(limit)));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values.iter()), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
