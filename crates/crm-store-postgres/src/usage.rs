//! Accounts that budgets are held against, and sums of usage: moved with each entry of the ledger.

use std::collections::BTreeMap;

use crm_core::budget::{
    Account, Amounts, LedgerEntry, Totals, UsageGroup, UsageLine, scope, usage_changes,
};
use crm_core::port::store::UsageQuery;
use sqlx::postgres::PgRow;

use crate::budgets::day;
use crate::fault::Outcome;
use crate::query::{Db, Filter};
use crate::rows::{column, get, signed, unsigned};

/// Locks the accounts of an entry, in the order in which everybody locks them, and says what they hold. The
/// first is the workspace's total: two writers of a workspace meet there, and what they write behind it (sums
/// included) they write one after the other.
pub(crate) async fn lock(
    db: &mut Db<'_>,
    entry: &LedgerEntry,
) -> Outcome<BTreeMap<Account, Totals>> {
    let mut all = BTreeMap::new();
    for account in Account::of(entry) {
        let held = match held(db, account).await? {
            Some(held) => held,
            None => {
                let (scope, day) = account.columns();
                // Somebody else may make it at the same moment; then we wait for them here.
                sqlx::query(db.sql(
                    "INSERT INTO crm.spent (workspace, scope, day, spent, reserved) \
                     VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING",
                ))
                .bind(db.key)
                .bind(scope)
                .bind(day)
                .execute(&mut *db.connection)
                .await?;
                held(db, account).await?.unwrap_or_default()
            }
        };
        all.insert(account, held);
    }
    Ok(all)
}

async fn held(db: &mut Db<'_>, account: Account) -> Outcome<Option<Totals>> {
    let (scope, day) = account.columns();
    let row = sqlx::query(db.sql(
        "SELECT spent, reserved FROM crm.spent WHERE workspace = $1 AND scope = $2 AND day = $3 \
         FOR UPDATE",
    ))
    .bind(db.key)
    .bind(scope)
    .bind(day)
    .fetch_optional(&mut *db.connection)
    .await?;
    row.map(|row| {
        Ok(Totals {
            spent: unsigned(&row, "spent")?,
            reserved: unsigned(&row, "reserved")?,
        })
    })
    .transpose()
}

/// Moves accounts, which are locked, and sums from what the entry was to what it is.
pub(crate) async fn post(
    db: &mut Db<'_>,
    totals: &BTreeMap<Account, Totals>,
    before: Option<&LedgerEntry>,
    after: &LedgerEntry,
) -> Outcome<()> {
    let mut moved = Vec::new();
    for (account, held) in totals {
        moved.push((account.columns(), held.moved(before, after)?));
    }
    let moved: Vec<_> = moved.iter().collect();
    sqlx::query(db.sql(
        "UPDATE crm.spent AS s SET spent = v.spent, reserved = v.reserved \
         FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) \
             AS v(scope, day, spent, reserved) \
         WHERE s.workspace = $1 AND s.scope = v.scope AND s.day = v.day",
    ))
    .bind(db.key)
    .bind(column(&moved, |(account, _)| account.0.clone()))
    .bind(column(&moved, |(account, _)| account.1.clone()))
    .bind(column(&moved, |(_, totals)| signed(totals.spent)))
    .bind(column(&moved, |(_, totals)| signed(totals.reserved)))
    .execute(&mut *db.connection)
    .await?;
    for (key, amounts) in usage_changes(before, after) {
        sqlx::query(db.sql(
            "INSERT INTO crm.usage AS u (workspace, day, scope, actor, model, calls, reserved, \
                 cost, input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
                 cache_read_tokens) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (workspace, day, scope, actor, model) DO UPDATE SET \
                 calls = u.calls + excluded.calls, reserved = u.reserved + excluded.reserved, \
                 cost = u.cost + excluded.cost, \
                 input_tokens = u.input_tokens + excluded.input_tokens, \
                 output_tokens = u.output_tokens + excluded.output_tokens, \
                 cache_write_5m_tokens = u.cache_write_5m_tokens + excluded.cache_write_5m_tokens, \
                 cache_write_1h_tokens = u.cache_write_1h_tokens + excluded.cache_write_1h_tokens, \
                 cache_read_tokens = u.cache_read_tokens + excluded.cache_read_tokens",
        ))
        .bind(db.key)
        .bind(day(key.day))
        .bind(scope(key.campaign_id))
        .bind(key.actor)
        .bind(key.model)
        .bind(amounts.calls)
        .bind(amounts.reserved_picodollars)
        .bind(amounts.cost_picodollars)
        .bind(amounts.input_tokens)
        .bind(amounts.output_tokens)
        .bind(amounts.cache_write_5m_tokens)
        .bind(amounts.cache_write_1h_tokens)
        .bind(amounts.cache_read_tokens)
        .execute(&mut *db.connection)
        .await?;
    }
    Ok(())
}

fn read(row: &PgRow) -> Outcome<UsageLine> {
    Ok(UsageLine {
        name: get(row, "name")?,
        amounts: Amounts {
            calls: get(row, "calls")?,
            reserved_picodollars: get(row, "reserved")?,
            cost_picodollars: get(row, "cost")?,
            input_tokens: get(row, "input_tokens")?,
            output_tokens: get(row, "output_tokens")?,
            cache_write_5m_tokens: get(row, "cache_write_5m_tokens")?,
            cache_write_1h_tokens: get(row, "cache_write_1h_tokens")?,
            cache_read_tokens: get(row, "cache_read_tokens")?,
        },
    })
}

/// The sums of a row, as columns of the same names.
const SUMS: &str = "sum(u.calls)::bigint AS calls, sum(u.reserved)::bigint AS reserved, \
    sum(u.cost)::bigint AS cost, sum(u.input_tokens)::bigint AS input_tokens, \
    sum(u.output_tokens)::bigint AS output_tokens, \
    sum(u.cache_write_5m_tokens)::bigint AS cache_write_5m_tokens, \
    sum(u.cache_write_1h_tokens)::bigint AS cache_write_1h_tokens, \
    sum(u.cache_read_tokens)::bigint AS cache_read_tokens";

/// Those that are not nothing.
const SOMETHING: &str = " HAVING sum(u.calls) <> 0 OR sum(u.reserved) <> 0 OR sum(u.cost) <> 0 \
    OR sum(u.input_tokens) <> 0 OR sum(u.output_tokens) <> 0 \
    OR sum(u.cache_write_5m_tokens) <> 0 OR sum(u.cache_write_1h_tokens) <> 0 \
    OR sum(u.cache_read_tokens) <> 0";

/// Sums up.
pub(crate) async fn list(db: &mut Db<'_>, query: &UsageQuery) -> Outcome<Vec<UsageLine>> {
    let name = match query.group {
        UsageGroup::Model => "u.model",
        UsageGroup::Campaign => "u.scope",
        UsageGroup::Actor => "u.actor",
        UsageGroup::Day => "u.day",
    };
    let columns = format!("{name} AS name, {SUMS}");
    let mut filter = Filter::new(&columns, "crm.usage u", "u.workspace", db.key);
    filter
        .given("u.day >= ", query.from.map(day))
        .given("u.day <= ", query.to.map(day))
        .given("u.scope = ", query.campaign.map(scope))
        .sought("u.actor = ", query.actor.as_deref())
        .sought("u.model = ", query.model.as_deref())
        .sought(&format!("{name} > "), query.after.as_deref());
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    filter
        .raw(" GROUP BY ")
        .raw(name)
        .raw(SOMETHING)
        .raw(" ORDER BY ")
        .raw(name)
        .raw(" LIMIT ")
        .bind(i64::from(limit));
    let rows = filter.fetch(db).await?;
    rows.iter().map(read).collect()
}
